//! The desktop client with the demo's account, where there is a display.

use super::{Demo, done, step};
use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;

/// Whether a window can be opened here.
pub(super) fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(unix)) || cfg!(target_os = "macos") || set("WAYLAND_DISPLAY") || set("DISPLAY")
}

impl Demo {
    /// Opens the window, and waits until it is closed.
    pub(super) fn open_window(&self, program: &Path) -> Result<()> {
        step("opening the desktop client; close its window to end the demo");
        let home = self.dir.join("client");
        let status = Command::new(program)
            .arg("--profile")
            .arg("default")
            .env("COFFER_HOME", home)
            .status()?;
        ensure!(status.success(), "coffer-gui: {status}");
        done("closed");
        Ok(())
    }
}
