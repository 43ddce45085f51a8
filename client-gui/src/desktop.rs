//! What the desktop does for the client: dialogs for files, and messages. Behind a trait,
//! so that tests need none. The window goes on while dialogs are open.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// What the user chooses, some time later; nothing when they think better of it.
pub type Choice = Pin<Box<dyn Future<Output = Vec<PathBuf>> + Send>>;

/// Asks the user for files and directories, and tells of what has happened.
pub trait Desktop: Send + Sync {
    /// Files to be read.
    fn files(&self) -> Choice;
    /// A directory.
    fn folder(&self) -> Choice;
    /// A file to be written, with this name unless the user wants another.
    fn save(&self, name: &str) -> Choice;
    /// Files that another program has put on the clipboard.
    fn copied(&self) -> Choice;
    /// A text that another program has put on the clipboard; empty where there is none. May
    /// take a moment.
    fn copied_text(&self) -> String;
    /// Hands a text to the default printer. May take some seconds.
    fn print(&self, text: &str) -> std::io::Result<()>;
    /// Opens a file with the program that the system has for it, and does not wait for that.
    fn open(&self, file: &Path) -> std::io::Result<()>;
    /// Shows a message outside of the window. May take a moment.
    fn tell(&self, title: &str, text: &str);
}

/// The desktop that the program runs on.
pub struct System;

impl Desktop for System {
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

    fn copied(&self) -> Choice {
        Box::pin(async {
            // The other program is asked, and may take its time.
            let read = tokio::task::spawn_blocking(|| arboard::Clipboard::new()?.get().file_list());
            match read.await {
                Ok(Ok(files)) => files,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "no files on the clipboard");
                    Vec::new()
                }
                Err(_) => Vec::new(),
            }
        })
    }

    fn copied_text(&self) -> String {
        arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get_text()).unwrap_or_default()
    }

    fn print(&self, text: &str) -> std::io::Result<()> {
        crate::print::print(text)
    }

    fn open(&self, file: &Path) -> std::io::Result<()> {
        open::that_detached(file)
    }

    fn tell(&self, title: &str, text: &str) {
        let mut message = notify_rust::Notification::new();
        message.appname("Coffer").icon("coffer").summary(title).body(text);
        if let Err(error) = message.show() {
            tracing::debug!(%error, "the desktop shows no messages");
        }
    }
}

fn paths(chosen: impl IntoIterator<Item = rfd::FileHandle>) -> Vec<PathBuf> {
    chosen.into_iter().map(|file| file.path().to_owned()).collect()
}
