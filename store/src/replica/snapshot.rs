//! Everything in SQL as it is at one moment, for a replica that begins.
//!
//! A snapshot holds one transaction on a connection of its own, driven by a
//! thread of its own, because a connection belongs to one thread. It ends with
//! the handle, or when nobody has asked for anything for [`IDLE`]: an engine
//! keeps every older row for as long as a snapshot lasts.

use super::pages::{self, RowPage};
use super::{Role, digests, root};
use crate::counters::Counters;
use crate::db::pool::spawn;
use crate::db::{Access, Connection, begin_snapshot, connect};
use crate::error::StoreError;
use crate::journal;
use crate::store::{Store, blocking};
use coffer_protocol::Position;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a snapshot waits for the next request.
const IDLE: Duration = Duration::from_mins(10);

/// Something to do with the transaction.
type Job = Box<dyn FnOnce(&mut dyn Connection) + Send>;

/// All rows of one moment. The transaction ends when it is dropped.
#[derive(Debug)]
pub struct Snapshot {
    jobs: Sender<Job>,
    position: Position,
    chain_hash: [u8; 32],
}

impl Store {
    /// Begins a snapshot. Several may be held at a time; each costs a connection.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        if self.role() == Role::Loading {
            return Err(StoreError::Loading);
        }
        let config = self.config().clone();
        blocking(move || {
            let (jobs, waiting) = channel::<Job>();
            let (opened, opening) = channel();
            spawn("coffer-snapshot", move || {
                let counters = Arc::new(Counters::default());
                let begun = connect(&config, Access::Read, &counters).and_then(|mut conn| {
                    begin_snapshot(conn.as_mut())?;
                    let cluster = journal::cluster(conn.as_mut())?;
                    Ok((conn, cluster))
                });
                match begun {
                    Ok((conn, cluster)) => {
                        // The receiver of this answer waits for it.
                        let _ = opened.send(Ok(cluster));
                        serve(conn, &waiting);
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            })?;
            let cluster = opening.recv().map_err(|_| StoreError::Stopped)??;
            let position = Position { epoch: cluster.epoch, seq: cluster.seq };
            Ok(Snapshot { jobs, position, chain_hash: cluster.chain_hash })
        })
        .await
    }
}

fn serve(mut conn: Box<dyn Connection>, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv_timeout(IDLE) {
        job(conn.as_mut());
    }
    if let Err(error) = conn.rollback() {
        tracing::debug!(%error, "a snapshot ended with its connection");
    }
}

impl Snapshot {
    /// The moment.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The chain's hash of everything up to it.
    pub fn chain_hash(&self) -> [u8; 32] {
        self.chain_hash
    }

    /// Rows of one of [`super::SNAPSHOT_TABLES`] in the order of their keys, from
    /// the beginning or from where an earlier page says. A page ends after the row
    /// with which it has this many bytes. Every row is verified; a damaged one
    /// ends it.
    pub async fn rows(
        &self,
        table: u8,
        after: Option<Vec<u8>>,
        max_bytes: usize,
    ) -> Result<RowPage, StoreError> {
        let table = pages::table(table)?;
        self.run(move |conn| pages::read(conn, table, after.as_deref(), max_bytes)).await
    }

    /// Keys and digests of the rows, in the same way; nothing is verified.
    pub async fn digests(
        &self,
        table: u8,
        after: Option<Vec<u8>>,
        max_bytes: usize,
    ) -> Result<RowPage, StoreError> {
        let table = pages::table(table)?;
        self.run(move |conn| digests::read(conn, table, after.as_deref(), max_bytes)).await
    }

    /// The rows with these keys, in their order, until they have this many bytes.
    /// Every one has to be there, and is verified.
    pub async fn keys(
        &self,
        table: u8,
        keys: Vec<Vec<u8>>,
        max_bytes: usize,
    ) -> Result<RowPage, StoreError> {
        let table = pages::table(table)?;
        self.run(move |conn| pages::read_keys(conn, table, &keys, max_bytes)).await
    }

    /// The hash of everything stored at the moment, and the number of rows.
    pub async fn measure(&self) -> Result<([u8; 32], u64), StoreError> {
        self.run(root::counted).await
    }

    /// The hash of everything stored at the moment; see [`Store::state_root`].
    pub async fn state_root(&self) -> Result<[u8; 32], StoreError> {
        self.run(root::root).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            if !answer.is_closed() {
                // Whoever asked may be gone by now.
                let _ = answer.send(work(conn));
            }
        });
        self.jobs.send(job).map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}
