//! An installation, opened for a command.
//!
//! Guarantees: marker, configuration and master key have been checked, in this
//! order, before the database is touched.

use crate::args::Place;
use crate::config::{self, Config, Overrides};
use crate::data_dir::{DataDir, Marker};
use crate::database;
use crate::explain;
use crate::failure::{Code, Failure, Outcome};
use crate::lock;
use coffer_crypto::ServerSecret;
use coffer_store::{Environment, Store, StoreError};
use std::future::Future;

/// With less than this a database cannot even be opened.
const FULL_BYTES: u64 = 256 << 10;

/// What a command needs.
pub struct Installation {
    /// Where everything is.
    pub data: DataDir,
    /// The configuration.
    pub config: Config,
    /// Which installation it is.
    pub marker: Marker,
    /// Its keys.
    pub secret: ServerSecret,
}

impl Installation {
    /// Loads with the configuration of the file and the environment.
    pub(crate) fn load(place: &Place) -> Outcome<Self> {
        Self::load_with(place, &environment())
    }

    /// Loads with further layers on top of the configuration.
    pub fn load_with(place: &Place, overrides: &Overrides) -> Outcome<Self> {
        let data = DataDir::new(&place.data);
        let marker = data.marker()?;
        let config = config::load(data.root(), overrides)?;
        let secret = data.secret(&config, &marker)?;
        Ok(Self { data, config, marker, secret })
    }

    /// Opens the database only, beside a running server or without one.
    pub async fn open_admin(&self) -> Outcome<Store> {
        let settings = database::store_config(&self.data, &self.config)?;
        let opened = Store::open_admin(settings, Environment::system()).await;
        self.accept(opened.map_err(|error| self.explain(&error))?).await
    }

    /// Opens everything, for this process alone.
    pub(crate) async fn open(&self) -> Outcome<Store> {
        let settings = database::store_config(&self.data, &self.config)?;
        let opened = Store::open(settings, Environment::system()).await;
        self.accept(opened.map_err(|error| self.explain(&error))?).await
    }

    /// `SQLite` reports some failures on a full disk as errors of its files.
    fn explain(&self, error: &StoreError) -> Failure {
        let failure = explain::store(error);
        let full = lock::space(&self.data).is_some_and(|space| space.free < FULL_BYTES);
        match failure.code {
            Code::FileDamaged if full => Failure::new(
                Code::DiskFull,
                format!("the disk of {} is full ({error})", self.data.root().display()),
            )
            .hint("Make room on the file system and try again."),
            _ => failure,
        }
    }

    /// The database has to belong to this data directory and this master key.
    async fn accept(&self, store: Store) -> Outcome<Store> {
        let same = store.server_id() == self.marker.server_id
            && store.check_value() == self.marker.check_value;
        if same {
            return Ok(store);
        }
        close(&store).await;
        Err(foreign_database())
    }
}

/// The database is another installation's.
pub(crate) fn foreign_database() -> Failure {
    Failure::new(Code::DatabaseForeign, "the database belongs to another data directory")
        .hint("Check database.url in coffer.toml; after a restore, check that both parts are of one backup.")
}

/// Closes a store whose work is done or has failed with a reason of its own.
pub async fn close(store: &Store) {
    if let Err(error) = store.shutdown().await {
        tracing::warn!(%error, "the database could not be closed in order");
    }
}

/// The layer of environment variables.
pub fn environment() -> Overrides {
    Overrides::from_environment(|name| std::env::var(name).ok())
}

/// Runs the asynchronous part of a short command.
pub fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Io, format!("cannot start threads: {error}")))?
        .block_on(work)
}
