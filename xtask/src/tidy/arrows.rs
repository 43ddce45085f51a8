//! Which crate may depend on which (design 2-architecture, "The workspace").

use crate::process::output;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Each crate by its folder, and the crates of the workspace it may use.
pub(super) const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("crypto", &[]),
    ("sql", &[]),
    ("transport", &["protocol"]),
    ("store", &["protocol", "sql"]),
    ("service", &["protocol", "crypto", "transport", "store"]),
    ("server", &["service", "store", "transport", "protocol", "crypto"]),
    ("replica", &["server", "service", "store", "transport", "protocol", "crypto"]),
    ("client", &["protocol", "crypto", "transport"]),
    ("client-cli", &["client"]),
    ("client-gui", &["client"]),
    ("tests", ANYTHING),
    ("bench", HARNESS),
    ("fuzz", ANYTHING),
    ("xtask", &[]),
];

/// Crates at the edge, which nothing depends on.
const ANYTHING: &[&str] =
    &["protocol", "crypto", "sql", "transport", "store", "service", "server", "replica", "client"];

/// The same, and the processes that the end-to-end tests start.
const HARNESS: &[&str] =
    &["protocol", "crypto", "sql", "transport", "store", "service", "server", "client", "tests"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    path: Option<String>,
    kind: Option<String>,
}

fn folder(path: &str) -> &str {
    path.trim_end_matches("/Cargo.toml").rsplit('/').next().unwrap_or(path)
}

/// Every arrow that is not in the table. Test-only arrows may point anywhere
/// but from `store` to `crypto`: not even a test of the store sees a key.
pub(super) fn check() -> Result<Vec<String>> {
    let json = output("cargo", &["metadata", "--format-version=1", "--no-deps", "--locked"])?;
    let metadata: Metadata = serde_json::from_str(&json).context("cargo metadata")?;
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let name = folder(&package.manifest_path);
        let Some((_, allowed)) = ALLOWED.iter().find(|(member, _)| *member == name) else {
            faults.push(format!("crate {name} has no line in the table of arrows"));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(target) = dependency.path.as_deref().map(folder) else { continue };
            let test_only = dependency.kind.as_deref() == Some("dev");
            let secret = name == "store" && target == "crypto";
            if secret || !test_only && !allowed.contains(&target) {
                faults.push(format!("{name} must not depend on {target}"));
            }
        }
    }
    Ok(faults)
}
