//! One upload or download, as the user follows it.

use super::Problem;
use coffer_client::RemotePath;
use coffer_client::transfer::Progress;
use std::path::PathBuf;
use tokio::sync::watch;

/// Number of a transfer of this run of the program.
pub type TransferId = u64;

/// What is transferred: enough to do it again, or to go on with it.
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
        /// Where each of them goes, in the same order. Empty until the transfer first
        /// runs: then it is set, so that it goes on where it stopped.
        targets: Vec<PathBuf>,
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

/// Where a transfer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Others run before it.
    #[default]
    Waiting,
    /// It goes on.
    Running,
    /// The user has paused it, and it comes to rest.
    Pausing,
    /// The user has paused it, or the program ended before it did.
    Paused,
    /// It is over.
    Over(Outcome),
}

/// A transfer that is to go on after a restart, as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it does.
    pub work: Work,
    /// Not before the user says so.
    pub paused: bool,
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
    /// Where it stands.
    pub phase: Phase,
}

impl Transfer {
    /// Whether it goes on now.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Over(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// What is to be kept of it over a restart: all that is not done, nor wanted no more.
    pub fn kept(&self) -> Option<Kept> {
        let paused = match &self.phase {
            Phase::Waiting | Phase::Running => false,
            Phase::Pausing | Phase::Paused | Phase::Over(Outcome::Failed { .. }) => true,
            Phase::Over(Outcome::Done { .. } | Outcome::Cancelled) => return None,
        };
        Some(Kept { work: self.work.clone(), paused })
    }

    /// How much is done, 0 to 1.
    pub fn fraction(&self) -> f32 {
        match (self.outcome(), self.progress.bytes_known) {
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
