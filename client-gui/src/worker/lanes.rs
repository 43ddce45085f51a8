//! Jobs that are done one after the other.
//!
//! Guarantees: changes at the server keep the order they were asked for, and so does what
//! is kept on this computer, which never waits for a server; a bounded number waits.

use super::Shared;
use crate::command::{Job, Lane};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;

/// Most jobs that wait in a lane.
const MAX_WAITING: usize = 1024;
/// How long a closed window waits for what was asked for.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Lanes {
    changes: Sender<Job>,
    keeping: Sender<Job>,
    ends: [JoinHandle<()>; 2],
}

impl Lanes {
    pub(super) fn open(runtime: &Runtime, shared: &Arc<Shared>) -> Self {
        let (changes, end_of_changes) = lane(runtime, shared);
        let (keeping, end_of_keeping) = lane(runtime, shared);
        Self { changes, keeping, ends: [end_of_changes, end_of_keeping] }
    }

    /// Has a job done in its turn; whether there was room for it.
    pub(super) fn queue(&self, lane: Lane, job: Job) -> bool {
        let lane = if lane == Lane::Changes { &self.changes } else { &self.keeping };
        lane.try_send(job).is_ok()
    }

    /// Waits for a moment for what was asked for.
    pub(super) fn close(self, runtime: &Runtime) {
        let Self { changes, keeping, ends: [end_of_changes, end_of_keeping] } = self;
        drop((changes, keeping));
        runtime.block_on(async {
            let both = async { tokio::join!(end_of_changes, end_of_keeping) };
            let _ = tokio::time::timeout(LAST_WAIT, both).await;
        });
    }
}

fn lane(runtime: &Runtime, shared: &Arc<Shared>) -> (Sender<Job>, JoinHandle<()>) {
    let (sender, mut next) = channel::<Job>(MAX_WAITING);
    let worker = Arc::clone(shared);
    let end = runtime.spawn(async move {
        while let Some(job) = next.recv().await {
            Box::pin(Arc::clone(&worker).run(job)).await;
        }
    });
    (sender, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::RemotePath;

    #[test]
    fn only_changes_wait_for_a_server() {
        let path = || RemotePath::Own(vec!["a".to_owned()]);
        assert_eq!(Job::Rename(vec![(path(), path())]).lane(), Lane::Changes);
        assert_eq!(Job::OverwriteText(path(), String::new()).lane(), Lane::Changes);
        assert_eq!(Job::KeepTransfers("p".to_owned(), Vec::new()).lane(), Lane::Keeping);
        assert_eq!(Job::SaveSettings.lane(), Lane::Keeping);
        assert_eq!(Job::StopTransfer(1).lane(), Lane::Aside);
    }
}
