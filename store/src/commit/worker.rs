//! The thread of the writer: makes commits durable, in groups.
//!
//! Order of durability, always: the new chunk files of a group are flushed, then
//! the transaction is committed, then the answers are given. A flush that fails,
//! or an I/O error of `SQLite`, ends the store: from then on nothing is written,
//! what waited is told that its outcome is not known, and the process has to
//! stop. A lost MySQL connection does not: the writer connects again, takes the
//! lock (which waits for whatever its lost transaction still does), looks in the
//! journal for what it had written, and only then decides.
//!
//! A commit of unknown outcome keeps its pins: its rows may be there after all,
//! unseen by this process (a `SQLite` transaction whose flush failed can stand in
//! the write-ahead log, and count after a restart), and the files that they name
//! must not be taken for orphans. They go once a later transaction holds the
//! lock, because by then the outcome can be read; after a failed flush, never.

use super::group::{Attempt, Outcome, Prepared, refusal, run};
use super::types::CommitError;
use super::writer::{Maintenance, Task, WriterSetup};
use crate::chunks::ChunkStore;
use crate::counters::Counters;
use crate::db::{Connection, DbError, Engine};
use crate::durable::FlushError;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::journal;
use crate::pins::ChunkPin;
use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Commits of one transaction.
const MAX_GROUP: usize = 256;
/// A group takes no further commit when it has this many bytes.
const MAX_GROUP_BYTES: usize = 16 << 20;
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a transaction is begun again after a conflict.
const MAX_CONFLICTS: u32 = 20;

/// A commit and who waits for it.
type Waiting = (Box<Prepared>, oneshot::Sender<Outcome>);

/// What the thread works with.
pub(super) struct Worker {
    conn: Box<dyn Connection>,
    epoch: u64,
    chunks: Arc<ChunkStore>,
    environment: Environment,
    patience: Duration,
    counters: Arc<Counters>,
    poisoned: watch::Sender<bool>,
    /// A task that was taken off the queue and did not fit the group before.
    carried: Option<Task>,
    /// Pins of commits whose outcome is not known.
    doubtful: Vec<ChunkPin>,
}

/// A transaction did not come to an end.
enum Failure {
    /// Nothing was written.
    Refused(CommitError),
    /// It can be tried again: nothing was written.
    Again(String),
    /// The connection is lost.
    Lost(String),
    /// The store has to stop.
    Fatal(String),
}

impl Worker {
    /// The worker, and the lock that has to outlive it.
    pub(super) fn new(conn: Box<dyn Connection>, setup: WriterSetup) -> (Self, Option<Arc<File>>) {
        let worker = Self {
            conn,
            epoch: setup.epoch,
            chunks: setup.chunks,
            environment: setup.environment,
            patience: setup.patience,
            counters: setup.counters,
            poisoned: setup.poisoned,
            carried: None,
            doubtful: Vec::new(),
        };
        (worker, setup.lock)
    }

    /// Works until no one can hand anything over any more.
    pub(super) fn work(mut self, mut waiting: mpsc::Receiver<Task>) {
        while let Some(task) = self.carried.take().or_else(|| waiting.blocking_recv()) {
            match task {
                Task::Commit(prepared, answer) => {
                    let group = self.gather(&mut waiting, (prepared, answer));
                    self.commit(group);
                }
                // Whoever asked may have given up.
                Task::Maintain(work, answer) => drop(answer.send(self.maintain(work))),
            }
        }
    }

    /// Takes what waits, up to the limits of a group.
    fn gather(&mut self, waiting: &mut mpsc::Receiver<Task>, first: Waiting) -> Vec<Waiting> {
        let mut bytes = first.0.bytes;
        let mut group = vec![first];
        while group.len() < MAX_GROUP && bytes < MAX_GROUP_BYTES {
            match waiting.try_recv() {
                Ok(Task::Commit(prepared, answer)) => {
                    bytes += prepared.bytes;
                    group.push((prepared, answer));
                }
                Ok(task) => {
                    self.carried = Some(task);
                    break;
                }
                Err(_) => break,
            }
        }
        group
    }

    fn commit(&mut self, group: Vec<Waiting>) {
        let started = Instant::now();
        let prepared: Vec<&Prepared> = group.iter().map(|(prepared, _)| &**prepared).collect();
        let outcomes = self.durably(&prepared);
        metrics::histogram!("coffer_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::histogram!("coffer_commit_group_size").record(group.len() as f64);
        for ((prepared, answer), outcome) in group.into_iter().zip(outcomes) {
            if matches!(outcome, Err(CommitError::Uncertain(_))) {
                self.doubtful.extend(prepared.pins.iter().cloned());
            }
            // Its pins go first: who has the answer finds nothing held any more.
            drop(prepared);
            match outcome.is_ok() {
                true => self.counters.commits(),
                false => self.counters.refusals(),
            }
            // Whoever asked may have given up.
            let _ = answer.send(outcome);
        }
    }

    /// Barrier, transaction; one outcome for each commit.
    fn durably(&mut self, group: &[&Prepared]) -> Vec<Outcome> {
        if *self.poisoned.borrow() {
            return same(group, &CommitError::Poisoned);
        }
        if let Err(error) = self.barrier(group) {
            return same(group, &self.poison(&error.to_string()));
        }
        match self.persistently(group) {
            Ok(attempt) => attempt.outcomes,
            Err(error) => same(group, &error),
        }
    }

    /// Flushes the chunk files that no barrier has vouched for yet.
    fn barrier(&self, group: &[&Prepared]) -> Result<(), FlushError> {
        let pins = || group.iter().flat_map(|prepared| &prepared.pins);
        let files: Vec<_> = pins().filter_map(ChunkPin::unflushed).collect();
        if files.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.chunks.barrier(&files)?;
        metrics::histogram!("coffer_barrier_seconds").record(started.elapsed().as_secs_f64());
        self.counters.barriers();
        pins().for_each(ChunkPin::flushed);
        Ok(())
    }

    /// Tries the transaction until it is committed, refused or out of patience.
    fn persistently(&mut self, group: &[&Prepared]) -> Result<Attempt, CommitError> {
        let end = Instant::now() + self.patience;
        let mut conflicts = 0;
        let mut sent: Option<Attempt> = None;
        loop {
            let failure = match self.attempt(group, &mut sent) {
                Ok(attempt) => return Ok(attempt),
                Err(failure) => failure,
            };
            let last_word = match failure {
                Failure::Fatal(text) => return Err(self.poison(&text)),
                Failure::Refused(error) => error,
                Failure::Again(text) => {
                    conflicts += 1;
                    if conflicts <= MAX_CONFLICTS && Instant::now() < end {
                        self.counters.retries();
                        thread::sleep(self.jitter(conflicts));
                        continue;
                    }
                    CommitError::DatabaseUnavailable(text)
                }
                Failure::Lost(text) => {
                    if self.reconnect(end) {
                        continue;
                    }
                    CommitError::DatabaseUnavailable(text)
                }
            };
            // What an earlier attempt sent may have arrived.
            return Err(match sent {
                Some(_) => CommitError::Uncertain(last_word.to_string()),
                None => last_word,
            });
        }
    }

    /// One transaction. `sent` holds what an earlier attempt wrote when it lost
    /// its connection while it committed, for as long as that is not settled.
    fn attempt(
        &mut self,
        group: &[&Prepared],
        sent: &mut Option<Attempt>,
    ) -> Result<Attempt, Failure> {
        let now_millis = self.environment.clock.now_millis();
        self.conn.begin().map_err(|error| failure(error.into()))?;
        // Waits for whatever a lost transaction still does.
        let locked = match journal::lock(self.conn.as_mut(), self.epoch, group.len() as u64) {
            Ok(locked) => locked,
            Err(error) => return Err(self.undo(failure(error))),
        };
        self.doubtful.clear();
        if let Some((seq, hash)) = sent.as_ref().and_then(|attempt| attempt.last) {
            match journal::holds(self.conn.as_mut(), seq, &hash) {
                Ok(true) => {
                    self.roll_back();
                    if let Some(attempt) = sent.take() {
                        return Ok(attempt);
                    }
                }
                Ok(false) => *sent = None,
                Err(error) => return Err(self.undo(failure(error.into()))),
            }
        }
        let Some(mut cluster) = locked else {
            return Err(self.undo(Failure::Refused(CommitError::Fenced)));
        };
        let attempt = match run(self.conn.as_mut(), &mut cluster, group, now_millis) {
            Ok(attempt) => attempt,
            Err(error) => return Err(self.undo(failure(error))),
        };
        if attempt.last.is_none() {
            self.roll_back();
            return Ok(attempt);
        }
        match self.conn.commit() {
            Ok(()) => {
                self.counters.transactions();
                Ok(attempt)
            }
            Err(DbError::Busy(text)) => Err(self.undo(Failure::Again(text))),
            Err(DbError::DiskFull) => Err(self.undo(Failure::Refused(CommitError::DiskFull))),
            Err(DbError::Lost(text)) => {
                *sent = Some(attempt);
                Err(Failure::Lost(text))
            }
            Err(error) => Err(Failure::Fatal(error.to_string())),
        }
    }

    /// Rolls back, and says whether that worked. Where it does not, a MySQL
    /// connection is lost, and the transaction with it.
    fn roll_back(&mut self) -> bool {
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
    fn undo(&mut self, failure: Failure) -> Failure {
        match self.roll_back() {
            true => failure,
            false => Failure::Fatal("a transaction cannot be rolled back".to_owned()),
        }
    }

    /// Replaces the connection; `false` when the time is up.
    fn reconnect(&mut self, end: Instant) -> bool {
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
    fn jitter(&self, conflicts: u32) -> Duration {
        let mut byte = [0];
        if self.environment.rng.fill(&mut byte).is_err() {
            byte = [0xff];
        }
        let step = Duration::from_millis(2 << conflicts.min(6));
        step + step * u32::from(byte[0]) / 256
    }

    /// Ends all writing.
    fn poison(&self, reason: &str) -> CommitError {
        tracing::error!(reason, "the store stops: what was written last may be lost");
        self.poisoned.send_replace(true);
        CommitError::Uncertain(reason.to_owned())
    }

    fn maintain(&mut self, work: Maintenance) -> Result<u64, StoreError> {
        if *self.poisoned.borrow() {
            return Err(CommitError::Poisoned.into());
        }
        let outcome = self.maintenance(work);
        match &outcome {
            Err(StoreError::Database(DbError::Io(text))) => drop(self.poison(text)),
            Err(_) => {
                if !self.roll_back() {
                    drop(self.poison("a transaction cannot be rolled back"));
                }
            }
            Ok(_) => self.counters.transactions(),
        }
        outcome
    }

    fn maintenance(&mut self, work: Maintenance) -> Result<u64, StoreError> {
        let Maintenance::Prune { before_millis } = work;
        let conn = self.conn.as_mut();
        conn.begin()?;
        let mut cluster = journal::lock(conn, self.epoch, 0)?.ok_or(CommitError::Fenced)?;
        let pruned = journal::prune_page(conn, &mut cluster, before_millis)?;
        journal::unlock(conn, &cluster)?;
        conn.commit()?;
        Ok(pruned)
    }
}

/// Gives everyone of a group the same answer.
fn same(group: &[&Prepared], error: &CommitError) -> Vec<Outcome> {
    group.iter().map(|_| Err(error.clone())).collect()
}

/// Sorts an error before the commit.
fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Database(DbError::Busy(text)) => Failure::Again(text),
        StoreError::Database(DbError::Lost(text)) => Failure::Lost(text),
        StoreError::Database(DbError::Io(text)) => Failure::Fatal(text),
        other => Failure::Refused(refusal(&other)),
    }
}
