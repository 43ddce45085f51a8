//! Rules on dependencies, checked without a further tool or download: known
//! licences, no banned crate, no unexplained second version. `deny.toml` says
//! the same to `cargo deny`, for those who have it.

use crate::process::output;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Licences that may be linked into programs under MIT OR Apache-2.0.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "CC0-1.0",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    // Fonts that the desktop client carries.
    "OFL-1.1",
    "Ubuntu-font-1.0",
];

/// Crates that must never be linked, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "one TLS stack: rustls with aws-lc-rs"),
    ("native-tls", "one TLS stack: rustls with aws-lc-rs"),
    ("serde_yaml", "unmaintained"),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<String>,
    source: Option<String>,
}

/// Checks every package of the lock file.
pub(crate) fn run() -> Result<()> {
    let json = output("cargo", &["metadata", "--format-version=1", "--locked"])?;
    let metadata: Metadata = serde_json::from_str(&json).context("cargo metadata")?;
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &metadata.packages {
        versions.entry(&package.name).or_default().push(&package.version);
        if package.source.as_ref().is_some_and(|source| !source.starts_with("registry+")) {
            faults.push(format!("{}: comes from outside the registry", package.name));
        }
        if let Some((_, why)) = BANNED.iter().find(|(name, _)| *name == package.name) {
            faults.push(format!("{}: banned ({why})", package.name));
        }
        if !licence_is_known(package) {
            let licence = package.license.as_deref().unwrap_or("none stated");
            faults.push(format!("{}: licence {licence} is not on the list", package.name));
        }
    }
    if !faults.is_empty() {
        bail!("dependencies break the rules:\n  {}", faults.join("\n  "));
    }
    let twice = versions.values().filter(|versions| versions.len() > 1).count();
    eprintln!("dependencies: {} packages, {twice} in more than one version", versions.len());
    Ok(())
}

/// Whether at least one alternative of the licence expression is on the list.
fn licence_is_known(package: &Package) -> bool {
    let Some(expression) = &package.license else { return package.license_file.is_some() };
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    expression.split(" OR ").any(|alternative| {
        alternative.split(" AND ").all(|licence| LICENCES.contains(&licence.trim()))
    })
}
