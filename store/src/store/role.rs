//! What a store is in its installation, and what only one of that role may do.

use super::Store;
use crate::commit::CommitError;
use crate::error::StoreError;
use crate::journal::{ROLE_LOADING, ROLE_PRIMARY};
use crate::replica::{Batch, FollowError, Load, Role};
use coffer_protocol::Position;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

impl Store {
    /// What this machine is.
    pub fn role(&self) -> Role {
        match self.0.role.load(Ordering::Acquire) {
            ROLE_PRIMARY => Role::Primary,
            ROLE_LOADING => Role::Loading,
            // Whatever a later version adds, it is not for this one to write.
            _ => Role::Replica,
        }
    }

    /// Hands a batch to the writer.
    pub(crate) async fn write_batch(&self, batch: Batch) -> Result<Position, FollowError> {
        self.0.writer.follow(batch).await
    }

    /// Hands a step of the loading to the writer.
    pub(crate) async fn write_load(&self, work: Load) -> Result<(), StoreError> {
        self.0.writer.load(work).await
    }

    /// Notes what this machine is now.
    pub(crate) fn set_role(&self, role: u8) {
        self.0.role.store(role, Ordering::Release);
    }

    /// Where the history ends, as far as this process has written it; costs nothing.
    pub fn newest(&self) -> Position {
        *self.0.committed.borrow()
    }

    /// The same, to wait for it to go on.
    pub(crate) fn committed(&self) -> watch::Receiver<Position> {
        self.0.committed.subscribe()
    }

    /// Refuses what only the primary may do.
    pub(crate) fn needs_primary(&self) -> Result<(), StoreError> {
        match self.role() {
            Role::Primary => Ok(()),
            _ => Err(CommitError::Fenced.into()),
        }
    }
}
