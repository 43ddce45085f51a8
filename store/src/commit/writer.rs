//! The one writer of a process: a thread that makes commits durable in groups.
//!
//! Order of durability, always: the new chunk files of a group are flushed, then
//! the transaction is committed, then the answers are given. A flush that fails,
//! or an I/O error of `SQLite`, ends the store: from then on nothing is written,
//! what waited is told that its outcome is not known, and the process has to
//! stop. A lost MySQL connection does not: the writer connects again, takes the
//! lock (which waits for whatever its lost transaction still does), looks in the
//! journal for what it had written, and only then decides.

use super::group::{Attempt, Outcome, Prepared, refusal, run};
use super::types::CommitError;
use crate::chunks::ChunkStore;
use crate::counters::Counters;
use crate::db::pool::spawn;
use crate::db::{Connection, DbError};
use crate::durable::FlushError;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::journal;
use crate::rows::ClusterRow;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Commits that may wait.
const MAX_WAITING: usize = 1024;
/// Commits of one transaction.
const MAX_GROUP: usize = 256;
/// A group takes no further commit when it has this many bytes.
const MAX_GROUP_BYTES: usize = 16 << 20;
/// How long a lost database is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a transaction is begun again after a conflict.
const MAX_CONFLICTS: u32 = 20;

/// Something for the writer to do.
enum Task {
    Commit(Box<Prepared>, oneshot::Sender<Outcome>),
    Maintain(Maintenance, oneshot::Sender<Result<u64, StoreError>>),
}

/// Work on the journal itself, in a transaction of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maintenance {
    /// Deletes a page of entries older than this time.
    Prune {
        /// Milliseconds since 1970.
        before_millis: i64,
    },
}

/// What a writer works with.
pub(crate) struct WriterSetup {
    /// Opens the connection, on the writer's thread.
    pub(crate) connect: Box<dyn FnOnce() -> Result<Box<dyn Connection>, StoreError> + Send>,
    pub(crate) epoch: u64,
    pub(crate) chunks: Arc<ChunkStore>,
    pub(crate) environment: Environment,
    pub(crate) counters: Arc<Counters>,
    pub(crate) poisoned: watch::Sender<bool>,
    /// The lock of the data directory, kept until the writer has ended.
    pub(crate) lock: Option<Arc<File>>,
}

/// The handle of the writer thread.
pub(crate) struct Writer {
    tasks: Mutex<Option<mpsc::Sender<Task>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread; blocks until it has its connection.
    pub(crate) fn start(setup: WriterSetup) -> Result<Self, StoreError> {
        let (tasks, waiting) = mpsc::channel(MAX_WAITING);
        let (opened, opening) = std::sync::mpsc::channel();
        let thread = spawn("coffer-writer", move || {
            let conn = match (setup.connect)() {
                Ok(conn) => conn,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // The receiver of this answer waits for it.
            let _ = opened.send(Ok(()));
            let worker = Worker {
                conn,
                epoch: setup.epoch,
                chunks: setup.chunks,
                environment: setup.environment,
                counters: setup.counters,
                poisoned: setup.poisoned,
                carried: None,
            };
            worker.work(waiting);
            drop(setup.lock);
        })?;
        opening.recv().map_err(|_| StoreError::Stopped)??;
        Ok(Self { tasks: Mutex::new(Some(tasks)), thread: Mutex::new(Some(thread)) })
    }

    fn sender(&self) -> Option<mpsc::Sender<Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands a commit over and waits for its outcome. When the waiting is given
    /// up the commit may happen or not.
    pub(crate) async fn commit(&self, prepared: Prepared) -> Outcome {
        let sender = self.sender().ok_or(CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let task = Task::Commit(Box::new(prepared), answer);
        sender.send(task).await.map_err(|_| CommitError::Closed)?;
        drop(sender);
        let ended = "the writer ended before it answered";
        answered.await.unwrap_or_else(|_| Err(CommitError::Uncertain(ended.to_owned())))
    }

    /// Hands work on the journal over.
    pub(crate) async fn maintain(&self, work: Maintenance) -> Result<u64, StoreError> {
        let sender = self.sender().ok_or(StoreError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        sender.send(Task::Maintain(work, answer)).await.map_err(|_| StoreError::Stopped)?;
        drop(sender);
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// Takes no more, finishes what waits, and ends; blocks until it has.
    pub(crate) fn stop(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer thread ended with a panic");
        }
    }
}

/// A commit and who waits for it.
type Waiting = (Box<Prepared>, oneshot::Sender<Outcome>);

struct Worker {
    conn: Box<dyn Connection>,
    epoch: u64,
    chunks: Arc<ChunkStore>,
    environment: Environment,
    counters: Arc<Counters>,
    poisoned: watch::Sender<bool>,
    /// A task that was taken off the queue and did not fit the group before.
    carried: Option<Task>,
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
    fn work(mut self, mut waiting: mpsc::Receiver<Task>) {
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
        for ((_, answer), outcome) in group.into_iter().zip(outcomes) {
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
        let files: Vec<_> = pins().filter_map(|pin| pin.unflushed()).collect();
        if files.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.chunks.barrier(&files)?;
        metrics::histogram!("coffer_barrier_seconds").record(started.elapsed().as_secs_f64());
        self.counters.barriers();
        pins().for_each(crate::pins::ChunkPin::flushed);
        Ok(())
    }

    /// Tries the transaction until it is committed, refused or out of patience.
    fn persistently(&mut self, group: &[&Prepared]) -> Result<Attempt, CommitError> {
        let end = Instant::now() + PATIENCE;
        let mut conflicts = 0;
        let mut sent: Option<Attempt> = None;
        loop {
            let text = match self.attempt(group, &mut sent) {
                Ok(attempt) => return Ok(attempt),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Fatal(text)) => return Err(self.poison(&text)),
                Err(Failure::Again(text)) => {
                    conflicts += 1;
                    if conflicts > MAX_CONFLICTS {
                        return Err(CommitError::DatabaseUnavailable(text));
                    }
                    self.counters.retries();
                    thread::sleep(self.jitter(conflicts));
                    continue;
                }
                Err(Failure::Lost(text)) => text,
            };
            if !self.reconnect(end) {
                return Err(match sent {
                    Some(_) => CommitError::Uncertain(text),
                    None => CommitError::DatabaseUnavailable(text),
                });
            }
        }
    }

    /// One transaction. `sent` holds what an earlier attempt wrote when it lost
    /// its connection while it committed.
    fn attempt(
        &mut self,
        group: &[&Prepared],
        sent: &mut Option<Attempt>,
    ) -> Result<Attempt, Failure> {
        let now_millis = self.environment.clock.now_millis();
        self.conn.begin().map_err(|error| failure(error.into()))?;
        let mut cluster = match journal::lock(self.conn.as_mut(), self.epoch, group.len() as u64) {
            Ok(Some(cluster)) => cluster,
            Ok(None) => return Err(self.undo(Failure::Refused(CommitError::Fenced))),
            Err(error) => return Err(self.undo(failure(error))),
        };
        if let Some(attempt) = sent.take() {
            if self.arrived(&attempt, &cluster).map_err(|e| failure(e.into()))? {
                self.conn.rollback().map_err(|e| failure(e.into()))?;
                return Ok(attempt);
            }
        }
        let attempt = match run(self.conn.as_mut(), &mut cluster, group, now_millis) {
            Ok(attempt) => attempt,
            Err(error) => return Err(self.undo(failure(error))),
        };
        if attempt.last.is_none() {
            self.conn.rollback().map_err(|e| failure(e.into()))?;
            return Ok(attempt);
        }
        match self.conn.commit() {
            Ok(()) => {
                self.counters.transactions();
                Ok(attempt)
            }
            Err(DbError::Busy(text)) => Err(self.undo(Failure::Again(text))),
            Err(DbError::DiskFull) => Err(self.undo(Failure::Refused(CommitError::DiskFull))),
            Err(DbError::Io(text)) => Err(Failure::Fatal(text)),
            Err(error) => {
                *sent = Some(attempt);
                Err(Failure::Lost(error.to_string()))
            }
        }
    }

    /// Whether an attempt that lost its connection was committed after all.
    fn arrived(&mut self, attempt: &Attempt, cluster: &ClusterRow) -> Result<bool, DbError> {
        match &attempt.last {
            Some((seq, hash)) if *seq <= cluster.seq => {
                journal::holds(self.conn.as_mut(), *seq, hash)
            }
            _ => Ok(false),
        }
    }

    /// Rolls back. If that fails the connection is lost, and the transaction
    /// with it, which changes the failure only where a retry was due anyway.
    fn undo(&mut self, failure: Failure) -> Failure {
        match (self.conn.rollback(), failure) {
            (Err(error), Failure::Again(_)) => Failure::Lost(error.to_string()),
            (Err(error), failure) => {
                tracing::debug!(%error, "a transaction was not rolled back but lost");
                if let Err(error) = self.conn.reconnect() {
                    tracing::debug!(%error, "no new connection yet");
                }
                failure
            }
            (Ok(()), failure) => failure,
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
            Err(_) => drop(self.undo(Failure::Again(String::new()))),
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
