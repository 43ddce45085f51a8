//! Threads that answer reads, each with a connection of its own.
//!
//! Guarantees: at most [`MAX_WAITING`] reads are queued; a read that meets a lost
//! connection or a lock is tried again for a few seconds and then fails with an
//! error that says that a retry can help; a reader that nobody waits for any
//! more is not run.

use super::{Access, Connection, DbError, connect};
use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::error::StoreError;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Reads that may wait for a thread.
const MAX_WAITING: usize = 1024;
/// How long a read tries to get a connection back, at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

type Job = Box<dyn FnOnce(&mut dyn Connection, Duration) + Send>;

/// The readers of a store.
pub(crate) struct Pool {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    admitted: Arc<Semaphore>,
}

impl Pool {
    /// Opens the connections; blocks until all are there.
    pub(crate) fn start(
        config: &StoreConfig,
        counters: &Arc<Counters>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let (opened, openings) = channel();
        let mut threads = Vec::new();
        for _ in 0..config.readers.max(1) {
            let (config, counters) = (config.clone(), Arc::clone(counters));
            let (receiver, opened) = (Arc::clone(&receiver), opened.clone());
            threads.push(spawn("coffer-reader", move || {
                match connect(&config, Access::Read, &counters) {
                    Ok(mut conn) => {
                        // The receiver of this answer waits for all of them.
                        let _ = opened.send(Ok(()));
                        drop(opened);
                        serve(conn.as_mut(), &receiver, config.patience.min(PATIENCE));
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            })?);
        }
        drop(opened);
        for outcome in openings {
            outcome?;
        }
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            threads: Mutex::new(threads),
            admitted: Arc::new(Semaphore::new(MAX_WAITING)),
        })
    }

    /// Runs a read on one of the threads. It may be run more than once.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl Fn(&mut dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.admitted).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |conn, patience| {
            if !answer.is_closed() {
                // Whoever asked may be gone by now.
                let _ = answer.send(patiently(conn, patience, &query));
            }
            drop(permit);
        });
        let sent = {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
        };
        if !sent {
            return Err(StoreError::Stopped);
        }
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// Lets the threads finish what they have and end; blocks until they have.
    pub(crate) fn stop(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let threads: Vec<_> =
            self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a reader thread ended with a panic");
            }
        }
    }
}

/// Starts a named thread.
pub(crate) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|source| StoreError::Io {
        action: "start the thread",
        path: name.into(),
        source,
    })
}

fn serve(conn: &mut dyn Connection, jobs: &Mutex<Receiver<Job>>, patience: Duration) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(conn, patience),
            Err(_) => return,
        }
    }
}

/// Runs a read until it is answered, refused or out of patience.
fn patiently<T>(
    conn: &mut dyn Connection,
    patience: Duration,
    query: &impl Fn(&mut dyn Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let end = Instant::now() + patience;
    loop {
        let error = match query(conn) {
            Err(error @ StoreError::Database(DbError::Lost(_) | DbError::Busy(_))) => error,
            other => return other,
        };
        if Instant::now() >= end {
            return Err(error);
        }
        thread::sleep(PAUSE);
        if matches!(error, StoreError::Database(DbError::Lost(_)))
            && let Err(error) = conn.reconnect()
        {
            tracing::debug!(%error, "the database is still away");
        }
    }
}
