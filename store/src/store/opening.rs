//! Making a store, and opening it.

use super::{ClusterInit, Inner, Store};
use crate::chunks::ChunkStore;
use crate::commit::{CommitError, Writer, WriterSetup};
use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::db::migrate::migrate;
use crate::db::pool::Pool;
use crate::db::{Access, Connection, Value, connect};
use crate::durable;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::format::{self, DataFormat};
use crate::heal::{HealWork, Ward, heal};
use crate::journal;
use crate::pins::Pins;
use crate::recent::Recent;
use crate::rows::{ClusterRow, Record, encode, insert_records};
use crate::seat::Fence;
use coffer_protocol::Position;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use tokio::sync::watch;

pub(super) fn create(config: &StoreConfig, init: ClusterInit, role: u8) -> Result<(), StoreError> {
    let directory = || config.data_dir.display().to_string();
    if config.format_file().exists() {
        return Err(StoreError::AlreadyInitialised(directory()));
    }
    if let Some(path) = config.sqlite_file().filter(|path| path.exists()) {
        return Err(StoreError::AlreadyInitialised(path.display().to_string()));
    }
    durable::create_dirs_durable(&config.data_dir)?;
    let _lock = format::lock(&config.lock_file())?;
    create_database(config, init, role)?;
    ChunkStore::create(&config.data_dir, config.reserve)?;
    if let Some(parent) = config.sqlite_file().as_deref().and_then(Path::parent) {
        durable::flush_dir(parent).map_err(durable::DurableError::from)?;
    }
    // Last: a directory without it is no store.
    format::write(&config.format_file(), init.server_id)
}

/// Makes the tables in a database that is not a file of the data directory, and makes
/// sure that it is good for a new installation.
pub(super) fn prepare(config: &StoreConfig, created_millis: i64) -> Result<(), StoreError> {
    if config.sqlite_file().is_some() {
        return Ok(());
    }
    let mut conn = new_tables(config, created_millis)?;
    Ok(conn.rollback()?)
}

/// Makes the tables, and begins a transaction in which there is no installation.
fn new_tables(
    config: &StoreConfig,
    created_millis: i64,
) -> Result<Box<dyn Connection>, StoreError> {
    let counters = Arc::new(Counters::default());
    let mut conn = connect(config, Access::Create, &counters)?;
    migrate(conn.as_mut(), created_millis)?;
    conn.begin()?;
    if !conn.query("SELECT 1 FROM cluster_state", &[])?.is_empty() {
        conn.rollback()?;
        return Err(StoreError::AlreadyInitialised(format!("the database {}", config.database)));
    }
    Ok(conn)
}

/// Makes the tables and the one row about the installation.
fn create_database(config: &StoreConfig, init: ClusterInit, role: u8) -> Result<(), StoreError> {
    let mut conn = new_tables(config, init.created_millis)?;
    let row = ClusterRow {
        server_id: init.server_id.0,
        check_value: init.check_value,
        role,
        epoch: 1,
        seq: 0,
        fenced: Fence::Open,
        chain_hash: [0; 32],
        pruned_seq: 0,
        pruned_hash: [0; 32],
        created_millis: init.created_millis,
    };
    let row = encode(&row).map_err(CommitError::TooLarge)?;
    insert_records(conn.as_mut(), ClusterRow::TABLE, &[row])?;
    Ok(conn.commit()?)
}

/// Reads the row of the installation. A server puts it right if one bit is wrong.
fn cluster(conn: &mut dyn Connection, server: bool) -> Result<ClusterRow, StoreError> {
    match journal::cluster(conn) {
        Err(StoreError::DamagedRow { table, .. }) if server => {
            conn.begin()?;
            let work = HealWork::Mend { table: ClusterRow::TABLE, key: vec![Value::Int(1)] };
            let healed = heal(conn, None, &work)?;
            conn.commit()?;
            tracing::error!(table, ?healed, "the row of the installation is damaged");
            journal::cluster(conn)
        }
        other => other,
    }
}

pub(super) fn open(
    config: StoreConfig,
    environment: Environment,
    server: bool,
) -> Result<Store, StoreError> {
    let DataFormat { server_id } = format::read(&config)?;
    let lock = match server {
        true => Some(Arc::new(format::lock(&config.lock_file())?)),
        false => None,
    };
    let counters = Arc::new(Counters::default());
    let mut conn = connect(&config, Access::Write, &counters)?;
    migrate(conn.as_mut(), environment.clock.now_millis())?;
    let cluster = cluster(conn.as_mut(), server)?;
    drop(conn);
    if cluster.server_id != server_id.0 {
        return Err(StoreError::ForeignDatabase);
    }
    let chunks = Arc::new(match server {
        true => ChunkStore::open(&config.data_dir, config.reserve)?,
        false => ChunkStore::open_shared(&config.data_dir, config.reserve)?,
    });
    let poisoned = watch::Sender::new(false);
    let position = Position { epoch: cluster.epoch, seq: cluster.seq };
    let committed = watch::Sender::new(position);
    let recent = Arc::new(Recent::new(cluster.seq));
    let writer_config = config.clone();
    let writer_counters = Arc::clone(&counters);
    let writer = Writer::start(WriterSetup {
        connect: Box::new(move || connect(&writer_config, Access::Write, &writer_counters)),
        epoch: cluster.epoch,
        chunks: Arc::clone(&chunks),
        environment: environment.clone(),
        patience: config.patience,
        counters: Arc::clone(&counters),
        poisoned: poisoned.clone(),
        committed: committed.clone(),
        recent: Arc::clone(&recent),
        lock: lock.clone(),
    })?;
    let readers = Pool::start(&config, &counters)?;
    let pins = Pins::default();
    Ok(Store(Arc::new(Inner {
        config,
        environment,
        role: AtomicU8::new(cluster.role),
        fence: AtomicU8::new(cluster.fenced.number()),
        cluster,
        counters,
        readers,
        writer,
        chunks,
        pins,
        ward: Ward::default(),
        poisoned,
        committed,
        files: Arc::default(),
        recent,
        lock,
    })))
}
