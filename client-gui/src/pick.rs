//! The desktop's dialogs for files, behind a trait, so that tests choose without one.
//! The window goes on while they are open.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

/// What the user chooses, some time later; nothing when they think better of it.
pub type Choice = Pin<Box<dyn Future<Output = Vec<PathBuf>> + Send>>;

/// Asks the user for files and directories.
pub trait Pick: Send + Sync {
    /// Files to be read.
    fn files(&self) -> Choice;
    /// A directory.
    fn folder(&self) -> Choice;
    /// A file to be written, with this name unless the user wants another.
    fn save(&self, name: &str) -> Choice;
}

/// The dialogs of the desktop.
pub struct Desktop;

impl Pick for Desktop {
    fn files(&self) -> Choice {
        let asked = rfd::AsyncFileDialog::new().pick_files();
        Box::pin(async { paths(asked.await.unwrap_or_default()) })
    }

    fn folder(&self) -> Choice {
        let asked = rfd::AsyncFileDialog::new().pick_folder();
        Box::pin(async { paths(asked.await) })
    }

    fn save(&self, name: &str) -> Choice {
        let asked = rfd::AsyncFileDialog::new().set_file_name(name).save_file();
        Box::pin(async { paths(asked.await) })
    }
}

fn paths(chosen: impl IntoIterator<Item = rfd::FileHandle>) -> Vec<PathBuf> {
    chosen.into_iter().map(|file| file.path().to_owned()).collect()
}
