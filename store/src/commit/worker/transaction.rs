//! The transactions of the writer: how they end, and what is done when they do
//! not.

use super::super::group::refusal;
use super::super::types::CommitError;
use super::Worker;
use crate::db::{DbError, Engine};
use crate::error::StoreError;
use std::thread;
use std::time::{Duration, Instant};

/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a transaction is begun again after a conflict.
const MAX_CONFLICTS: u32 = 20;

/// A transaction did not come to an end.
pub(super) enum Failure<E = CommitError> {
    /// Nothing was written.
    Refused(E),
    /// It can be tried again: nothing was written.
    Again(String),
    /// The connection is lost.
    Lost(String),
    /// The store has to stop.
    Fatal(String),
}

impl Failure {
    /// The same for whoever sorts refusals further.
    pub(super) fn widen<E: From<CommitError>>(self) -> Failure<E> {
        match self {
            Self::Refused(error) => Failure::Refused(error.into()),
            Self::Again(text) => Failure::Again(text),
            Self::Lost(text) => Failure::Lost(text),
            Self::Fatal(text) => Failure::Fatal(text),
        }
    }
}

impl Worker {
    /// Repeats an attempt while that can help and there is patience left.
    pub(super) fn retrying<T, E: From<CommitError>>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Failure<E>>,
    ) -> Result<T, E> {
        let end = Instant::now() + self.patience;
        let mut conflicts = 0;
        loop {
            let text = match attempt(self) {
                Ok(done) => return Ok(done),
                Err(Failure::Fatal(text)) => return Err(self.poison(&text).into()),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Again(text)) => {
                    conflicts += 1;
                    if conflicts <= MAX_CONFLICTS && Instant::now() < end {
                        self.counters.retries();
                        thread::sleep(self.jitter(conflicts));
                        continue;
                    }
                    text
                }
                Err(Failure::Lost(text)) => {
                    if self.reconnect(end) {
                        continue;
                    }
                    text
                }
            };
            return Err(CommitError::DatabaseUnavailable(text).into());
        }
    }

    /// Commits the transaction.
    pub(super) fn end<E: From<CommitError>>(&mut self) -> Result<(), Failure<E>> {
        match self.conn.commit() {
            Ok(()) => {
                self.counters.transactions();
                Ok(())
            }
            Err(DbError::Busy(text)) => Err(self.undo(Failure::Again(text))),
            Err(DbError::DiskFull) => {
                Err(self.undo(Failure::Refused(CommitError::DiskFull.into())))
            }
            Err(DbError::Lost(text)) => Err(Failure::Lost(text)),
            Err(error) => Err(Failure::Fatal(error.to_string())),
        }
    }

    /// Rolls back, and says whether that worked. Where it does not, a MySQL
    /// connection is lost, and the transaction with it.
    pub(super) fn roll_back(&mut self) -> bool {
        match self.conn.rollback() {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "a transaction was not rolled back but lost");
                self.conn.engine() == Engine::Mysql
            }
        }
    }

    /// Rolls back after a failure. A `SQLite` that cannot even do that is not to
    /// be trusted any more.
    pub(super) fn undo<E>(&mut self, failure: Failure<E>) -> Failure<E> {
        match self.roll_back() {
            true => failure,
            false => Failure::Fatal("a transaction cannot be rolled back".to_owned()),
        }
    }

    /// Replaces the connection; `false` when the time is up.
    pub(super) fn reconnect(&mut self, end: Instant) -> bool {
        tracing::warn!("the database connection is lost; connecting again");
        while Instant::now() < end {
            match self.conn.reconnect() {
                Ok(()) => return true,
                Err(error) => tracing::debug!(%error, "the database is still away"),
            }
            thread::sleep(PAUSE);
        }
        tracing::error!("the database did not come back in time");
        false
    }

    /// Between one and two steps that grow with the number of conflicts.
    pub(super) fn jitter(&self, conflicts: u32) -> Duration {
        let mut byte = [0];
        if self.environment.rng.fill(&mut byte).is_err() {
            byte = [0xff];
        }
        let step = Duration::from_millis(2 << conflicts.min(6));
        step + step * u32::from(byte[0]) / 256
    }
}

/// A refusal after something was sent that may have arrived.
pub(super) fn in_doubt(error: CommitError) -> CommitError {
    match error {
        CommitError::Uncertain(_) => error,
        other => CommitError::Uncertain(other.to_string()),
    }
}

/// Sorts an error before the commit.
pub(super) fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Database(DbError::Busy(text)) => Failure::Again(text),
        StoreError::Database(DbError::Lost(text)) => Failure::Lost(text),
        StoreError::Database(DbError::Io(text)) => Failure::Fatal(text),
        other => Failure::Refused(refusal(&other)),
    }
}
