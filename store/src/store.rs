//! The store as a whole: made, opened, read, written, closed.

mod opening;
mod role;
mod written;

use crate::chunks::{ChunkError, ChunkStore};
use crate::commit::{Commit, CommitError, Committed, Maintenance, Prepared, Writer};
use crate::config::StoreConfig;
use crate::counters::{Counters, Work};
use crate::db::pool::Pool;
use crate::db::{Access, Connection, connect};
use crate::environment::Environment;
use crate::error::StoreError;
use crate::heal::{HealWork, Healed, Ward};
use crate::journal::{self, ROLE_PRIMARY, ROLE_REPLICA};
use crate::pins::Pins;
use crate::recent::Recent;
use crate::replica::Role;
use crate::rows::ClusterRow;
use coffer_protocol::{Position, ServerId};
use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, watch};

/// A store of ciphertext: rows, chunks and journal. Cheap to clone; the last
/// clone that goes closes it, [`Store::shutdown`] does so in order.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    config: StoreConfig,
    environment: Environment,
    cluster: ClusterRow,
    counters: Arc<Counters>,
    readers: Pool,
    writer: Writer,
    chunks: Arc<ChunkStore>,
    pins: Pins,
    ward: Ward,
    poisoned: watch::Sender<bool>,
    committed: watch::Sender<Position>,
    /// Held exclusively while a replica is filled, so that files which no row names
    /// yet are not swept up.
    files: Arc<RwLock<()>>,
    recent: Arc<Recent>,
    /// As the installation's row had it when this process last looked.
    role: AtomicU8,
    /// Whether it may write while it is the primary; see [`crate::Fence`].
    fence: AtomicU8,
    /// Held by a server; an admin command has none.
    lock: Option<Arc<File>>,
}

/// What a new installation is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterInit {
    /// The installation.
    pub server_id: ServerId,
    /// Tells whether a master key is the right one.
    pub check_value: [u8; 32],
    /// When it is made, milliseconds since 1970.
    pub created_millis: i64,
}

/// Whether the store can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Good,
    /// The database does not answer; that may pass.
    DatabaseUnavailable(String),
    /// A flush failed: the process has to stop.
    Poisoned,
}

impl Store {
    /// Makes a new store. Refuses one that is there, and then touches nothing.
    pub async fn create(config: &StoreConfig, init: ClusterInit) -> Result<(), StoreError> {
        let config = config.clone();
        blocking(move || opening::create(&config, init, ROLE_PRIMARY)).await
    }

    /// Makes the tables in an external database, and fails if it cannot be used for a
    /// new store: to know that before anything depends on it. Can be repeated.
    pub async fn prepare_database(
        config: &StoreConfig,
        created_millis: i64,
    ) -> Result<(), StoreError> {
        let config = config.clone();
        blocking(move || opening::prepare(&config, created_millis)).await
    }

    /// Makes a new store that follows another one of the same installation. It
    /// is empty: either it follows from the first journal entry, or it is loaded
    /// from a snapshot first.
    pub async fn create_replica(config: &StoreConfig, init: ClusterInit) -> Result<(), StoreError> {
        let config = config.clone();
        blocking(move || opening::create(&config, init, ROLE_REPLICA)).await
    }

    /// Opens a store for a server. At most one server has a data directory open.
    pub async fn open(config: StoreConfig, environment: Environment) -> Result<Self, StoreError> {
        blocking(move || opening::open(config, environment, true)).await
    }

    /// Opens a store beside a running server, for commands of the operator: rows
    /// can be read and written, chunks only read.
    pub async fn open_admin(
        config: StoreConfig,
        environment: Environment,
    ) -> Result<Self, StoreError> {
        blocking(move || opening::open(config, environment, false)).await
    }

    /// The installation.
    pub fn server_id(&self) -> ServerId {
        ServerId(self.0.cluster.server_id)
    }

    /// Tells whether a master key is the right one.
    pub fn check_value(&self) -> [u8; 32] {
        self.0.cluster.check_value
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &StoreConfig {
        &self.0.config
    }

    /// Bytes of the database's write-ahead log, where that is a file of this
    /// machine; 0 where it is not, or cannot be asked.
    pub fn log_bytes(&self) -> u64 {
        let Some(mut path) = self.0.config.sqlite_file().map(std::path::PathBuf::into_os_string)
        else {
            return 0;
        };
        path.push("-wal");
        std::fs::metadata(path).map_or(0, |metadata| metadata.len())
    }

    /// How much work was done so far.
    pub fn counters(&self) -> Work {
        self.0.counters.read()
    }

    /// How many chunks are pinned, being put or being removed.
    pub fn pinned(&self) -> usize {
        self.0.pins.len()
    }

    /// Makes a commit durable, or says why it did not happen.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        if self.is_poisoned() {
            return Err(CommitError::Poisoned);
        }
        if self.role() != Role::Primary || self.is_fenced() {
            return Err(CommitError::Fenced);
        }
        let inline: usize = commit.inline.iter().map(|(_, bytes)| bytes.len()).sum();
        if inline > 0 && self.0.chunks.admit_upload(inline as u64).is_err() {
            return Err(CommitError::DiskFull);
        }
        let outcome = self.write(Arc::new(Prepared::new(commit)?)).await;
        if outcome == Err(CommitError::Fenced)
            && let Err(error) = self.look_again().await
        {
            tracing::debug!(%error, "it cannot be seen what this machine is now");
        }
        outcome
    }

    /// Hands a commit to the writer; a second time if a damaged row was in its way that
    /// is good now.
    async fn write(&self, prepared: Arc<Prepared>) -> Result<Committed, CommitError> {
        let gate = self.0.ward.gate.read().await;
        let outcome = self.0.writer.commit(Arc::clone(&prepared)).await;
        drop(gate);
        match outcome {
            Err(error @ CommitError::DamagedRow { .. }) => {
                match self.commit_noticed(&error).await {
                    true => self.0.writer.commit(prepared).await,
                    false => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    /// Deletes journal entries older than this time, a page of them; the last
    /// entry stays. Returns how many went. To be repeated until it returns 0.
    pub async fn prune_journal(&self, before_millis: i64) -> Result<u64, StoreError> {
        self.prune_journal_through(before_millis, u64::MAX).await
    }

    /// The same, but only up to this entry, because somebody still needs those
    /// that follow.
    pub async fn prune_journal_through(
        &self,
        before_millis: i64,
        through: u64,
    ) -> Result<u64, StoreError> {
        self.0.writer.maintain(Maintenance::Prune { before_millis, through }).await
    }

    /// Follows the chain of the journal from its beginning, and compares its end
    /// with what the installation says. Returns how many entries there are.
    pub async fn verify_journal(&self) -> Result<u64, StoreError> {
        let cluster = self.cluster().await?;
        let start = (cluster.pruned_seq, cluster.pruned_hash);
        let mut last = start;
        while let Some(next) = self.read(move |conn| journal::verify_page(conn, last)).await? {
            last = next;
        }
        let damaged = |reason| StoreError::DamagedJournal { seq: cluster.seq, reason };
        match last {
            (seq, _) if seq < cluster.seq => Err(damaged("the journal ends before it")),
            (seq, hash) if seq == cluster.seq && hash != cluster.chain_hash => {
                Err(damaged("the head of the chain is another"))
            }
            (seq, _) => Ok(seq - start.0),
        }
    }

    /// Whether a flush has failed: nothing is written any more.
    pub fn is_poisoned(&self) -> bool {
        *self.0.poisoned.borrow()
    }

    /// Ends all writing: a flush or a rename has failed.
    pub(crate) fn poison(&self, reason: &str) {
        metrics::counter!("coffer_flush_errors_total").increment(1);
        tracing::error!(reason, "the store stops: what was written last may be lost");
        self.0.poisoned.send_replace(true);
    }

    /// Waits until a flush fails. Never, if all goes well.
    pub async fn wait_poisoned(&self) {
        let mut poisoned = self.0.poisoned.subscribe();
        if poisoned.wait_for(|poisoned| *poisoned).await.is_err() {
            // Cannot be: `self` has the sender.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the store can do its work.
    pub async fn health(&self) -> Health {
        if self.is_poisoned() {
            return Health::Poisoned;
        }
        match self.position().await {
            Ok(_) => Health::Good,
            Err(error) => Health::DatabaseUnavailable(error.to_string()),
        }
    }

    /// Finishes what waits, and closes everything.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            // The writer's connection goes last: only it can fold the write-ahead log in.
            inner.readers.stop();
            inner.writer.stop();
            Ok(())
        })
        .await
    }

    /// Runs a read on a pooled connection; it may be run more than once. Refused
    /// while the tables are being filled.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl Fn(&mut dyn Connection) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        if self.role() == Role::Loading {
            return Err(StoreError::Loading);
        }
        self.read_anyway(query).await
    }

    /// The same while the tables are being filled.
    pub(crate) async fn read_anyway<T: Send + 'static>(
        &self,
        query: impl Fn(&mut dyn Connection) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let query = Arc::new(query);
        let again = Arc::clone(&query);
        match self.read_now(move |conn| again(conn)).await {
            // Not the end of it, where it can be put right or healed at once.
            Err(error) if self.noticed(&error).await => {
                self.read_now(move |conn| query(conn)).await
            }
            outcome => outcome,
        }
    }

    /// The same for those who heal: nothing is noted, and nobody waited for.
    pub(crate) async fn read_now<T: Send + 'static>(
        &self,
        query: impl Fn(&mut dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.readers.read(query).await
    }

    /// Hands something to be healed to the writer.
    pub(crate) async fn write_heal(&self, work: HealWork) -> Result<Healed, StoreError> {
        self.0.writer.heal(work).await
    }

    /// Runs something long on a connection of its own.
    pub(crate) async fn on_own_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let mut conn = connect(&inner.config, Access::Read, &inner.counters)?;
            work(conn.as_mut())
        })
        .await
    }

    /// Runs something that blocks on the chunk files. A flush that fails ends the
    /// store.
    pub(crate) async fn with_chunks<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ChunkStore) -> Result<T, ChunkError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let chunks = Arc::clone(&self.0.chunks);
        let outcome = blocking(move || Ok(work(&chunks)?)).await;
        if let Err(StoreError::Chunk(ChunkError::Flush(error))) = &outcome {
            self.poison(&error.to_string());
        }
        outcome
    }

    pub(crate) fn chunks(&self) -> &Arc<ChunkStore> {
        &self.0.chunks
    }

    pub(crate) fn ward(&self) -> &Ward {
        &self.0.ward
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.0.pins
    }

    /// Keeps chunk files from being swept up for as long as the guard lives.
    pub(crate) async fn hold_files(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0.files).write_owned().await
    }

    /// The right to sweep; `None` while a replica is filled.
    pub(crate) fn sweeping(&self) -> Option<RwLockReadGuard<'_, ()>> {
        self.0.files.try_read().ok()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// Refuses what only the server may do.
    pub(crate) fn needs_lock(&self) -> Result<(), StoreError> {
        self.0.lock.as_ref().map(drop).ok_or(StoreError::AdminOnly)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("config", &self.0.config).finish_non_exhaustive()
    }
}

/// Runs something that blocks, without blocking the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Stopped)?
}
