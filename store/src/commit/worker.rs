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
//!
//! The same thread applies what a replica follows (`follow`), and fills a replica
//! that is loaded (`load`), promotes and fences (`seat`): whatever writes, writes
//! here.

mod follow;
mod heal;
mod load;
mod maintain;
mod replace;
mod seat;
mod transaction;

use super::group::{Attempt, Outcome, Prepared, run};
use super::types::CommitError;
use super::writer::{Task, WriterSetup};
use crate::chunks::ChunkStore;
use crate::counters::Counters;
use crate::db::Connection;
use crate::durable::FlushError;
use crate::environment::Environment;
use crate::journal;
use crate::pins::ChunkPin;
use crate::recent::Recent;
use coffer_protocol::Position;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use transaction::{Failure, failure, in_doubt};

/// Commits of one transaction.
const MAX_GROUP: usize = 256;
/// A group takes no further commit when it has this many bytes.
const MAX_GROUP_BYTES: usize = 16 << 20;

/// A commit and who waits for it.
type Waiting = (Arc<Prepared>, oneshot::Sender<Outcome>);

/// What the thread works with.
pub(super) struct Worker {
    conn: Box<dyn Connection>,
    epoch: u64,
    chunks: Arc<ChunkStore>,
    environment: Environment,
    patience: Duration,
    counters: Arc<Counters>,
    poisoned: watch::Sender<bool>,
    /// Where the history ends, for those who wait for it to go on.
    committed: watch::Sender<Position>,
    /// What was committed lately.
    recent: Arc<Recent>,
    /// A task that was taken off the queue and did not fit the group before.
    carried: Option<Task>,
    /// Pins of commits whose outcome is not known.
    doubtful: Vec<ChunkPin>,
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
            committed: setup.committed,
            recent: setup.recent,
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
                Task::Heal(work, answer) => drop(answer.send(self.heal(&work))),
                Task::Load(work, answer) => drop(answer.send(self.load(&work))),
                Task::Sit(work, answer) => drop(answer.send(self.sit(&work))),
                Task::Follow(batch, answer) => {
                    let outcome = self.follow(&batch);
                    // Its pins go first, as with commits.
                    drop(batch);
                    let _ = answer.send(outcome);
                }
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
        if let Err(error) = self.barrier(|| group.iter().flat_map(|prepared| &prepared.pins)) {
            return same(group, &self.poison(&error.to_string()));
        }
        match self.persistently(group) {
            Ok(attempt) => attempt.outcomes,
            Err(error) => same(group, &error),
        }
    }

    /// Flushes the chunk files that no barrier has vouched for yet.
    fn barrier<'a, I: Iterator<Item = &'a ChunkPin>>(
        &self,
        pins: impl Fn() -> I,
    ) -> Result<(), FlushError> {
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
        let mut sent: Option<Attempt> = None;
        let outcome = self.retrying(|worker| worker.attempt(group, &mut sent));
        // What an earlier attempt sent may have arrived.
        outcome.map_err(|error| if sent.is_some() { in_doubt(error) } else { error })
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
                        self.happened(&attempt);
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
        self.recent.expect(&attempt.noted);
        match self.end() {
            Ok(()) => {
                self.happened(&attempt);
                Ok(attempt)
            }
            Err(failure) => {
                if matches!(failure, Failure::Lost(_)) {
                    *sent = Some(attempt);
                }
                Err(failure)
            }
        }
    }

    /// Notes what was committed, and tells who waits for entries.
    fn happened(&self, attempt: &Attempt) {
        self.recent.happened(&attempt.noted);
        if let Some((seq, _)) = attempt.last {
            self.committed.send_replace(Position { epoch: self.epoch, seq });
        }
    }

    /// Ends all writing.
    fn poison(&self, reason: &str) -> CommitError {
        metrics::counter!("coffer_flush_errors_total").increment(1);
        tracing::error!(reason, "the store stops: what was written last may be lost");
        self.poisoned.send_replace(true);
        CommitError::Uncertain(reason.to_owned())
    }
}

/// Gives everyone of a group the same answer.
fn same(group: &[&Prepared], error: &CommitError) -> Vec<Outcome> {
    group.iter().map(|_| Err(error.clone())).collect()
}
