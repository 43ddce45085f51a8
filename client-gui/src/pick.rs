//! The desktop's dialogs for files, behind a trait, so that tests choose without one.

use std::path::PathBuf;

/// Asks the user for files and directories. Each call waits for the answer.
pub trait Pick {
    /// Files to be read; none when the user thinks better of it.
    fn files(&self) -> Vec<PathBuf>;
    /// A directory.
    fn folder(&self) -> Option<PathBuf>;
    /// A file to be written, with this name unless the user wants another.
    fn save(&self, name: &str) -> Option<PathBuf>;
}

/// The dialogs of the desktop.
pub struct Desktop;

impl Pick for Desktop {
    fn files(&self) -> Vec<PathBuf> {
        rfd::FileDialog::new().pick_files().unwrap_or_default()
    }

    fn folder(&self) -> Option<PathBuf> {
        rfd::FileDialog::new().pick_folder()
    }

    fn save(&self, name: &str) -> Option<PathBuf> {
        rfd::FileDialog::new().set_file_name(name).save_file()
    }
}
