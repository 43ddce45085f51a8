//! House rules that a machine can check (design 5-quality, "Style").

mod arrows;
mod sources;

use anyhow::{Result, bail};
use std::path::Path;

/// Checks all rules and reports every breach at once.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut faults = arrows::check()?;
    faults.extend(sources::check(root)?);
    faults.extend(documents(root)?);
    if !faults.is_empty() {
        bail!("house rules are broken:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// ARCHITECTURE.md names every crate of the workspace.
fn documents(root: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let missing = arrows::ALLOWED.iter().filter(|(name, _)| !text.contains(&format!("`{name}`")));
    Ok(missing.map(|(name, _)| format!("ARCHITECTURE.md does not mention `{name}`")).collect())
}
