//! The handle of the one writer of a process: commits go in, outcomes come out.

use super::group::{Outcome, Prepared};
use super::types::CommitError;
use super::worker::Worker;
use crate::chunks::ChunkStore;
use crate::counters::Counters;
use crate::db::Connection;
use crate::db::pool::spawn;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::heal::{HealWork, Healed};
use crate::recent::Recent;
use crate::replica::{Batch, FollowError, Load};
use crate::seat::{Seat, SeatError, Sitting};
use coffer_protocol::Position;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Commits that may wait.
const MAX_WAITING: usize = 1024;

/// Something for the writer to do.
pub(super) enum Task {
    Commit(Arc<Prepared>, oneshot::Sender<Outcome>),
    Heal(HealWork, oneshot::Sender<Result<Healed, StoreError>>),
    Maintain(Maintenance, oneshot::Sender<Result<u64, StoreError>>),
    Load(Load, oneshot::Sender<Result<(), StoreError>>),
    Sit(Sitting, oneshot::Sender<Result<Seat, SeatError>>),
    Follow(Arc<Batch>, oneshot::Sender<Result<Position, FollowError>>),
}

/// Work on the journal itself, in a transaction of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maintenance {
    /// Deletes a page of entries older than this time, up to a number.
    Prune {
        /// Milliseconds since 1970.
        before_millis: i64,
        /// The last entry that may go.
        through: u64,
    },
}

/// What a writer works with.
pub(crate) struct WriterSetup {
    /// Opens the connection, on the writer's thread.
    pub(crate) connect: Box<dyn Fn() -> Result<Box<dyn Connection>, StoreError> + Send>,
    pub(crate) epoch: u64,
    pub(crate) chunks: Arc<ChunkStore>,
    pub(crate) environment: Environment,
    /// How long a lost database is waited for.
    pub(crate) patience: Duration,
    pub(crate) counters: Arc<Counters>,
    pub(crate) poisoned: watch::Sender<bool>,
    /// Where the history ends; raised after every commit.
    pub(crate) committed: watch::Sender<Position>,
    /// What was committed lately; told of every commit.
    pub(crate) recent: Arc<Recent>,
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
            let (worker, lock) = Worker::new(conn, setup);
            worker.work(waiting);
            drop(lock);
        })?;
        opening.recv().map_err(|_| StoreError::Stopped)??;
        Ok(Self { tasks: Mutex::new(Some(tasks)), thread: Mutex::new(Some(thread)) })
    }

    fn sender(&self) -> Option<mpsc::Sender<Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands a commit over and waits for its outcome. When the waiting is given
    /// up the commit may happen or not.
    pub(crate) async fn commit(&self, prepared: Arc<Prepared>) -> Outcome {
        let sender = self.sender().ok_or(CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let task = Task::Commit(prepared, answer);
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

    /// Hands something to be healed over.
    pub(crate) async fn heal(&self, work: HealWork) -> Result<Healed, StoreError> {
        let sender = self.sender().ok_or(StoreError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        sender.send(Task::Heal(work, answer)).await.map_err(|_| StoreError::Stopped)?;
        drop(sender);
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// Hands a step of the loading of a replica over.
    pub(crate) async fn load(&self, work: Load) -> Result<(), StoreError> {
        let sender = self.sender().ok_or(StoreError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        sender.send(Task::Load(work, answer)).await.map_err(|_| StoreError::Stopped)?;
        drop(sender);
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// Hands a change of what this machine is over.
    pub(crate) async fn sit(&self, work: Sitting) -> Result<Seat, SeatError> {
        let sender = self.sender().ok_or(CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        sender.send(Task::Sit(work, answer)).await.map_err(|_| CommitError::Closed)?;
        drop(sender);
        let ended = || CommitError::Uncertain("the writer ended before it answered".to_owned());
        answered.await.unwrap_or_else(|_| Err(ended().into()))
    }

    /// Hands entries of a source over and waits until they are durable. When the
    /// waiting is given up they may be applied or not.
    pub(crate) async fn follow(&self, batch: Arc<Batch>) -> Result<Position, FollowError> {
        let sender = self.sender().ok_or(CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let task = Task::Follow(batch, answer);
        sender.send(task).await.map_err(|_| CommitError::Closed)?;
        drop(sender);
        let ended = || CommitError::Uncertain("the writer ended before it answered".to_owned());
        answered.await.unwrap_or_else(|_| Err(ended().into()))
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
