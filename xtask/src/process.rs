//! Running other programs: echo what is run, fail with its name.

use anyhow::{Context as _, Result, bail};
use std::process::{Command, Stdio};

/// Runs a program to its end with the terminal's streams; an exit code other
/// than 0 is an error.
pub(crate) fn call(program: &str, args: &[&str]) -> Result<()> {
    eprintln!("\x1b[1m$ {program} {}\x1b[0m", args.join(" "));
    let status = Command::new(program)
        .args(args)
        .status()
        .with_context(|| format!("{program} cannot be started"))?;
    if !status.success() {
        bail!("`{program} {}` failed: {status}", args.join(" "));
    }
    Ok(())
}

/// Runs a program and returns what it printed.
pub(crate) fn output(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{program} cannot be started"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed: {}", args.join(" "), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed no UTF-8"))
}

/// Whether a program can be found on the search path, or where Debian keeps daemons.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .any(|dir| dir.join(program).is_file())
}
