//! Files that are written only because writing takes time, and their end.
//!
//! Guarantees: whoever drops one does not wait until it is removed, which would show that
//! it was there, nor is the disk busy with that just then; a bounded number waits for it,
//! the next is removed on the spot; what a crash leaves lies in `tmp/`, which is emptied
//! at the next start.

use crate::durable;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Files that wait to be removed.
const MAX_WAITING: usize = 256;
/// How long they wait, at least.
const PAUSE: Duration = Duration::from_secs(1);

/// Removes decoys on a thread of its own, which ends with the last of them.
#[derive(Debug, Default)]
pub(super) struct Sweeper(OnceLock<SyncSender<PathBuf>>);

impl Sweeper {
    /// Has a file removed when the decoy is dropped.
    pub(super) fn decoy(&self, path: PathBuf) -> Decoy {
        Decoy { path, sweep: self.0.get_or_init(begin).clone() }
    }
}

fn begin() -> SyncSender<PathBuf> {
    let (sweep, dropped) = sync_channel::<PathBuf>(MAX_WAITING);
    let work = move || {
        while let Ok(first) = dropped.recv() {
            std::thread::sleep(PAUSE);
            let all = std::iter::once(first).chain(dropped.try_iter());
            all.for_each(|path| durable::remove_quietly(&path));
        }
    };
    // Without a thread nobody takes the paths, and each is removed where it is dropped.
    let _ = std::thread::Builder::new().name("coffer-sweep".to_owned()).spawn(work);
    sweep
}

/// One such file.
#[derive(Debug)]
pub(super) struct Decoy {
    path: PathBuf,
    sweep: SyncSender<PathBuf>,
}

impl Drop for Decoy {
    fn drop(&mut self) {
        let sent = self.sweep.try_send(std::mem::take(&mut self.path));
        if let Err(TrySendError::Full(path) | TrySendError::Disconnected(path)) = sent {
            durable::remove_quietly(&path);
        }
    }
}
