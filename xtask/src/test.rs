//! `cargo xtask test`: everything that has to hold, on one build profile so
//! that nothing is compiled twice.

use crate::process::{call, is_installed, output};
use crate::{dependencies, needs, tidy};
use anyhow::Result;
use std::path::Path;

/// Checks that can be named instead of a crate.
const CHECKS: &[&str] = &["fmt", "clippy", "tidy", "deny", "docs"];

/// Runs all checks and tests, or the named ones.
pub(crate) fn run(parts: &[String]) -> Result<()> {
    let wants = |check: &str| parts.is_empty() || parts.iter().any(|part| part == check);
    if wants("fmt") {
        call("cargo", &["fmt", "--all", "--check"])?;
    }
    if wants("tidy") {
        tidy::run(Path::new("."))?;
    }
    if wants("deny") {
        dependencies::run()?;
    }
    if wants("clippy") {
        let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        call("cargo", &args)?;
    }
    if wants("docs") {
        let args = ["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"];
        call("cargo", &args)?;
    }
    tests(parts)
}

/// Runs the tests, of the named crates only if any are named.
fn tests(parts: &[String]) -> Result<()> {
    let crates: Vec<String> = parts
        .iter()
        .filter(|part| !CHECKS.contains(&part.as_str()))
        .map(|part| format!("--package=coffer-{}", part.trim_start_matches("coffer-")))
        .collect();
    if crates.is_empty() && !parts.is_empty() {
        return Ok(());
    }
    needs::install_missing()?;
    // Benchmarks are measured on request, not tested.
    let all = ["--workspace", "--exclude", "coffer-bench"];
    // The end-to-end tests start the programs; they find them beside themselves. One
    // selection of crates for programs and tests: another one would give many
    // dependencies other features, and they would be compiled twice.
    if crates.is_empty() {
        call("cargo", &[&["build", "--locked", "--bins", "--tests"], &all[..]].concat())?;
    } else {
        let programs =
            ["-p", "coffer-server", "-p", "coffer-replica", "-p", "coffer-cli", "-p", "coffer-gui"];
        call("cargo", &[&["build", "--locked", "--bins"], &programs[..]].concat())?;
    }
    let mut args = match is_installed("cargo-nextest") {
        true => vec!["nextest", "run", "--locked", "--no-fail-fast"],
        false => vec!["test", "--locked", "--no-fail-fast", "--all-targets"],
    };
    match crates.is_empty() {
        true => args.extend(all),
        false => args.extend(crates.iter().map(String::as_str)),
    }
    call("cargo", &args)
}

/// Runs the fuzz targets one after the other, `seconds` each.
pub(crate) fn fuzz(seconds: u64, targets: &[String]) -> Result<()> {
    call("cargo", &["build", "--locked", "--package", "coffer-fuzz"])?;
    let seconds = seconds.to_string();
    let listed = output("cargo", &["run", "--quiet", "--package", "coffer-fuzz", "--", "list"])?;
    for target in
        listed.lines().filter(|name| targets.is_empty() || targets.contains(&(*name).to_owned()))
    {
        let args =
            ["run", "--quiet", "--package", "coffer-fuzz", "--", target, "--seconds", &seconds];
        call("cargo", &args)?;
    }
    Ok(())
}

/// Builds the programs as the tests do, and takes pictures of the desktop client.
pub(crate) fn screenshots(root: &Path, names: &[String]) -> Result<()> {
    needs::install_for_screenshots()?;
    let all = ["--workspace", "--exclude", "coffer-bench"];
    call("cargo", &[&["build", "--locked", "--bins", "--tests"], &all[..]].concat())?;
    let out = root.join("target").join("screenshots");
    let program = root.join("target").join("debug").join("screenshots");
    let mut args = vec![out.to_str().unwrap_or("target/screenshots")];
    args.extend(names.iter().map(String::as_str));
    call(program.to_str().unwrap_or_default(), &args)
}

/// Builds everything optimised and runs the benchmark program.
pub(crate) fn bench(works: &[String]) -> Result<()> {
    let packages = ["-p", "coffer-server", "-p", "coffer-cli", "-p", "coffer-bench"];
    let build: Vec<&str> = ["build", "--release", "--locked"].into_iter().chain(packages).collect();
    call("cargo", &build)?;
    let mut args = vec!["run", "--quiet", "--release", "--package", "coffer-bench", "--"];
    args.extend(works.iter().map(String::as_str));
    call("cargo", &args)
}
