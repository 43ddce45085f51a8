//! A replica's directory, opened for a command.

use coffer_server::config::{self, Config, Overrides};
use coffer_server::data_dir::DataDir;
pub(crate) use coffer_server::identity::{Identity, kind_name};
use coffer_server::{Code, Failure, Outcome, database, host};
use coffer_store::{Environment, Store};
use std::path::Path;

/// A replica, opened for a command.
pub(crate) struct Replica {
    pub(crate) data: DataDir,
    pub(crate) config: Config,
    pub(crate) identity: Identity,
}

impl Replica {
    /// Reads everything that needs no database.
    pub(crate) fn load(root: &Path, overrides: &Overrides) -> Outcome<Self> {
        let identity = Identity::read(root)?;
        let config = config::load(root, overrides)?;
        Ok(Self { data: DataDir::new(root), config, identity })
    }

    /// Opens everything, for this process alone.
    pub(crate) async fn open(&self) -> Outcome<Store> {
        let settings = database::store_config(&self.data, &self.config)?;
        let opened = Store::open(settings, Environment::system()).await;
        self.accept(opened.map_err(|error| host::explain_store(&error))?).await
    }

    /// Opens the database only, beside a running replica or without one.
    pub(crate) async fn open_admin(&self) -> Outcome<Store> {
        let settings = database::store_config(&self.data, &self.config)?;
        let opened = Store::open_admin(settings, Environment::system()).await;
        self.accept(opened.map_err(|error| host::explain_store(&error))?).await
    }

    /// The database has to belong to this directory.
    async fn accept(&self, store: Store) -> Outcome<Store> {
        if store.server_id() == self.identity.server_id {
            return Ok(store);
        }
        host::close(&store).await;
        Err(Failure::new(Code::DatabaseForeign, "the database belongs to another data directory")
            .hint("Check database.url in coffer.toml."))
    }
}
