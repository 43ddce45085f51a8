//! What a store is in its installation, and what only one of that role may do.

use super::Store;
use crate::commit::CommitError;
use crate::error::StoreError;
use crate::replica::{Batch, FollowError, Load, Role};
use crate::seat::{Fence, Seat, SeatError, Sitting};
use coffer_protocol::Position;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

impl Store {
    /// What this machine is.
    pub fn role(&self) -> Role {
        Role::from_number(self.0.role.load(Ordering::Acquire))
    }

    /// Whether this machine has the role of the primary and may not write any more,
    /// as far as this process knows; costs nothing.
    pub fn is_fenced(&self) -> bool {
        self.0.fence.load(Ordering::Acquire) != Fence::Open.number() && self.role() == Role::Primary
    }

    /// Whether this machine may write where it is the primary, as far as this process
    /// knows; costs nothing.
    pub fn fencing(&self) -> Fence {
        Fence::from_number(self.0.fence.load(Ordering::Acquire)).unwrap_or(Fence::NewerEpoch)
    }

    /// Hands a change of the seat to the writer.
    pub(crate) async fn write_seat(&self, work: Sitting) -> Result<Seat, SeatError> {
        self.0.writer.sit(work).await
    }

    /// Takes over what the row says, but for one thing: a process that follows does
    /// not become the primary's in place, unless it has made the promotion itself.
    /// The beginning and the end of a loading are noted where they are made.
    pub(crate) fn note_seat(&self, seat: &Seat, promoted: bool) {
        self.0.fence.store(seat.fence.number(), Ordering::Release);
        let before = self.role();
        let leaves = before == Role::Primary && seat.role != Role::Primary;
        let becomes = before != Role::Primary && seat.role == Role::Primary && promoted;
        if leaves || becomes {
            let (from, to) = (before.number(), seat.role.number());
            // Whoever was quicker has noted something newer.
            let _ = self.0.role.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Waits until the history ends at this position or later, as far as this
    /// process writes it.
    pub async fn wait_for_position(&self, wanted: Position) -> Result<(), StoreError> {
        let mut committed = self.committed();
        let reached = committed.wait_for(|position| *position >= wanted).await;
        reached.map(drop).map_err(|_| StoreError::Stopped)
    }

    /// Hands a batch to the writer.
    pub(crate) async fn write_batch(&self, batch: Arc<Batch>) -> Result<Position, FollowError> {
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
            Role::Primary if !self.is_fenced() => Ok(()),
            _ => Err(CommitError::Fenced.into()),
        }
    }
}
