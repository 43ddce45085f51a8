//! Before there is something to follow from: this machine is filled from a snapshot
//! of the source.
//!
//! Guarantees: a machine that has rows keeps them, whole, until one transaction
//! replaces what differs; how far the filling is can be seen all the while.

use super::{Follower, Trouble};
use crate::note::Filling;
use crate::source::SourceError;
use coffer_protocol::message::peer::Course;
use coffer_server::refill::{Filled, How, RefillError, refill};
use coffer_store::{Role, StoreError};
use coffer_transport::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Time between two lines in the log.
const SAY: Duration = Duration::from_secs(10);
/// Least time between two resynchronisations because of one entry.
const RARELY: Duration = Duration::from_mins(5);

/// The wish that this machine is compared with its source row by row, and what
/// differs replaced, although its journal goes on.
#[derive(Debug, Default)]
pub(crate) struct Resync {
    wanted: AtomicBool,
    changed: Notify,
    asked: Mutex<Option<Instant>>,
}

impl Resync {
    /// Ends the following soon; before it goes on, this machine is resynchronised.
    pub(crate) fn ask(&self) {
        self.wanted.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// The same, but for a machine that was resynchronised a moment ago: it would
    /// not help.
    pub(super) fn ask_rarely(&self) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.is_none_or(|when| when.elapsed() > RARELY) {
            *asked = Some(Instant::now());
            drop(asked);
            self.ask();
        }
    }

    pub(super) async fn asked(&self) {
        while !self.is_wanted() {
            self.changed.notified().await;
        }
    }

    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }
}

impl Follower {
    /// How this machine has to be filled before it can follow, if it has to.
    pub(super) fn way(&self, course: Course, seq: u64) -> Option<How> {
        match (self.store.role(), course) {
            (_, Course::Fork) => None,
            (Role::Loading, _) => Some(How::Load),
            (_, Course::Snapshot) if seq == 0 => Some(How::Load),
            (_, Course::Snapshot) => Some(How::Difference),
            (_, Course::Follow) => self.resync.is_wanted().then_some(How::Difference),
        }
    }

    /// Fills this machine.
    pub(super) async fn fill(&self, connection: &Connection, how: How) -> Result<(), Trouble> {
        let by_difference = how != How::Load;
        let what = if by_difference { "resynchronising" } else { "loading" };
        tracing::info!(what, "this machine is filled from a snapshot of the source");
        let said = Mutex::new(Instant::now());
        let report = |filled: Filled| {
            let Filled { rows, of, missing } = filled;
            self.notebook.note().filling = Some(Filling { by_difference, rows, of, missing });
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.elapsed() > SAY {
                *said = Instant::now();
                tracing::info!(what, rows, of, missing, "being filled");
            }
        };
        let filled = refill(&self.store, connection, how, &report).await;
        self.notebook.note().filling = None;
        let position = filled.map_err(Trouble::from)?;
        self.resync.wanted.store(false, Ordering::Release);
        // All rows are the source's now.
        self.store.settle_rows();
        self.notebook.note().applied = position.seq;
        if let Some(serving) = &self.serving {
            serving.replaced(position).await;
        }
        tracing::info!(%position, "this machine has everything that the source had then");
        Ok(())
    }
}

impl From<RefillError> for Trouble {
    fn from(error: RefillError) -> Self {
        match error {
            RefillError::Source(error) => SourceError::from(error).into(),
            RefillError::Store(StoreError::BadSnapshot(text)) => Self::Stuck(text),
            RefillError::Store(error) => error.into(),
            _ => SourceError::Strange.into(),
        }
    }
}
