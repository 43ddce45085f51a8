//! What is done to several things at once.
//!
//! Guarantees: what was done before one of them failed is said, so that it is shown
//! and can be taken back; nothing is said to be moved that was only copied.

use super::Shared;
use crate::command::{Done, Event, Job};
use coffer_client::protocol::message::tree::{DeleteItem, Expect};
use coffer_client::protocol::{NodeId, Place};
use coffer_client::{Client, ClientError, CopyReport, Moved, RemotePath, Source};

impl Shared {
    /// Renames, copies, deletes or restores.
    pub(super) async fn batch(&self, job: Job) {
        let Some(client) = self.client() else { return };
        let mut failed = None;
        let done = match job {
            Job::Rename(pairs) => {
                let mut moved = Vec::with_capacity(pairs.len());
                for pair in pairs {
                    match relocate(&client, &pair).await {
                        Ok(()) => moved.push(pair),
                        Err(error) => {
                            failed = Some(error);
                            break;
                        }
                    }
                }
                (!moved.is_empty()).then(|| Done::Renamed(moved))
            }
            Job::Copy(pairs) => {
                let mut copied = 0;
                for pair in &pairs {
                    failed = copy(&client, pair).await.err();
                    if failed.is_some() {
                        break;
                    }
                    copied += 1;
                }
                (copied > 0).then_some(Done::Copied(copied))
            }
            Job::Restore(nodes) => {
                let mut restored = 0;
                for node in nodes {
                    failed = client.restore_trash(node, None).await.err();
                    if failed.is_some() {
                        break;
                    }
                    restored += 1;
                }
                (restored > 0).then_some(Done::Restored(restored))
            }
            Job::Delete(nodes) => {
                let deleted;
                (deleted, failed) = delete(&client, &nodes).await;
                (!deleted.is_empty()).then(|| Done::Deleted(deleted))
            }
            _ => return,
        };
        if let Some(done) = done {
            self.tell(Event::Done(done)).await;
        }
        if let Some(error) = failed {
            self.fail(error).await;
        }
    }
}

async fn relocate(
    client: &Client,
    (from, to): &(RemotePath, RemotePath),
) -> Result<(), ClientError> {
    match client.relocate(from, to, false).await? {
        Moved::Renamed(_) | Moved::Copied { source: Source::Trashed, .. } => Ok(()),
        Moved::Copied { report, source: Source::CopyIncomplete } => whole(report),
        Moved::Copied { source: Source::Refused(error), .. } => Err(error),
    }
}

async fn copy(client: &Client, (from, to): &(RemotePath, RemotePath)) -> Result<(), ClientError> {
    whole(client.copy(from, to, Expect::Absent).await?)
}

/// The first reason why a copy is not whole.
fn whole(report: CopyReport) -> Result<(), ClientError> {
    match report.failures.into_iter().next() {
        Some(failure) => Err(failure.error),
        None => Ok(()),
    }
}

/// What was deleted, and why the rest was not.
async fn delete(client: &Client, nodes: &[NodeId]) -> (Vec<NodeId>, Option<ClientError>) {
    let item = |node: &NodeId| DeleteItem { place: Place::node(*node), revision: None };
    let items: Vec<_> = nodes.iter().map(item).collect();
    let outcomes = match client.delete(&items, true).await {
        Ok(outcomes) => outcomes,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut deleted, mut failed) = (Vec::new(), None);
    for outcome in outcomes {
        match outcome {
            Ok(node) => deleted.push(node),
            Err(error) => failed = Some(ClientError::Wire(error)),
        }
    }
    (deleted, failed)
}
