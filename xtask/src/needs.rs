//! What the tests need beside Rust and a C compiler, and how it gets there:
//! through Debian's package manager when that is allowed, otherwise the exact
//! line to run is printed.

use crate::process::{call, is_installed, output};
use anyhow::{Result, bail};

/// A program the tests start, and the Debian package it comes in.
struct Need {
    program: &'static str,
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need { program: "mariadbd", package: "mariadb-server" },
    Need { program: "mariadb-install-db", package: "mariadb-server" },
    Need { program: "strace", package: "strace" },
    Need { program: "openssl", package: "openssl" },
    Need { program: "dbus-run-session", package: "dbus" },
];

/// The same for pictures of the desktop client: a display, hands, a camera, and what draws.
const NEEDS_FOR_SCREENSHOTS: &[Need] = &[
    Need { program: "Xvfb", package: "xvfb libgl1-mesa-dri libegl1 fonts-droid-fallback" },
    Need { program: "xdotool", package: "xdotool" },
    Need { program: "import", package: "imagemagick" },
];

/// Makes sure that every program is installed that tests need.
pub(crate) fn install_missing() -> Result<()> {
    install(NEEDS)
}

/// Makes sure that every program is installed that pictures need.
pub(crate) fn install_for_screenshots() -> Result<()> {
    install(NEEDS_FOR_SCREENSHOTS)
}

fn install(needs: &[Need]) -> Result<()> {
    let mut packages: Vec<&str> =
        needs.iter().filter(|need| !is_installed(need.program)).map(|need| need.package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !is_installed("apt-get") {
        bail!("these programs are needed: {}; install them and run again", packages.join(", "));
    }
    let mut prefix: Vec<&str> = match privilege() {
        Some(prefix) => prefix,
        None => bail!("more programs are needed; run this, then again: sudo {line}"),
    };
    prefix.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    let as_root = |line: &str| {
        let words: Vec<&str> = prefix.iter().copied().chain(line.split(' ')).collect();
        call(words[0], &words[1..])
    };
    as_root("apt-get update -q")?;
    as_root(&line)
}

/// How to become root without a question: not at all, with sudo, or impossible.
fn privilege() -> Option<Vec<&'static str>> {
    let uid = output("id", &["-u"]).ok()?;
    if uid.trim() == "0" {
        return Some(Vec::new());
    }
    let sudo = std::process::Command::new("sudo").args(["-n", "true"]).status().ok()?;
    sudo.success().then(|| vec!["sudo", "-n"])
}
