//! One upload or download, as the user follows it.

use super::Problem;
use coffer_client::RemotePath;
use coffer_client::transfer::Progress;
use std::path::PathBuf;
use tokio::sync::watch;

/// Number of a transfer of this run of the program.
pub type TransferId = u64;

/// What is transferred: enough to do it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// These files and directories into a remote directory.
    Up {
        /// The directory.
        dir: RemotePath,
        /// Local files and directories.
        sources: Vec<PathBuf>,
    },
    /// These into a local directory.
    Down {
        /// Remote files and directories.
        sources: Vec<RemotePath>,
        /// The directory.
        dir: PathBuf,
    },
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done, and is on so many machines.
    Done {
        /// Files.
        files: u64,
        /// Fewest machines that hold one of the files; of an upload.
        machines: Option<u8>,
    },
    /// Some or all of it was not done.
    Failed {
        /// How many files failed.
        failed: u64,
        /// The first of them: name and reason.
        first: Vec<(String, Problem)>,
    },
    /// The user ended it.
    Cancelled,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Its number.
    pub id: TransferId,
    /// What it does.
    pub work: Work,
    /// What it is called.
    pub title: String,
    /// The newest state, written by the transfer itself.
    pub watch: Option<watch::Receiver<Progress>>,
    /// The state as of the last look.
    pub progress: Progress,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
}

impl Transfer {
    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.outcome.is_none()
    }

    /// How much is done, 0 to 1.
    pub fn fraction(&self) -> f32 {
        match (&self.outcome, self.progress.bytes_known) {
            (Some(Outcome::Done { .. }), _) => 1.0,
            (_, 0) => 0.0,
            (_, known) => (self.progress.bytes_done as f64 / known as f64).min(1.0) as f32,
        }
    }

    /// Looks at the newest state.
    pub fn look(&mut self) {
        if let Some(watch) = &mut self.watch
            && watch.has_changed().unwrap_or(true)
        {
            self.progress = watch.borrow_and_update().clone();
        }
    }
}
