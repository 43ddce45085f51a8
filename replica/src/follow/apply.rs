//! Third stage: everything made durable.

use super::fetch::Ready;
use super::{Follower, Trouble};
use coffer_protocol::message::peer::Progress;
use coffer_store::FollowError;
use std::convert::Infallible;
use tokio::sync::{mpsc, watch};

impl Follower {
    /// Applies until the store fails.
    pub(super) async fn apply(
        &self,
        mut ready: mpsc::Receiver<Ready>,
        progress: &watch::Sender<Progress>,
    ) -> Result<Infallible, Trouble> {
        loop {
            let Some(Ready { entries, inline, pins, absent }) = ready.recv().await else {
                // The stage before has ended, and says why.
                std::future::pending::<()>().await;
                continue;
            };
            let millis = entries.last().map(|entry| entry.committed_millis);
            let followed = self.store.follow_without(entries, inline, pins, absent).await;
            if let Err(FollowError::Apply { seq, error }) = &followed {
                // What is here is not what the source has: damage, or worse.
                tracing::error!(seq, %error, "an entry cannot be applied: all rows are compared");
                self.resync.ask_rarely();
            }
            let position = followed?;
            progress.send_modify(|progress| progress.flushed = position.seq);
            if let Some(serving) = &self.serving {
                serving.followed(position);
            }
            let mut note = self.notebook.note();
            note.applied = position.seq;
            note.applied_millis = millis.unwrap_or(note.applied_millis);
        }
    }
}
