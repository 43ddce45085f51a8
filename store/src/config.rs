//! Where a store is and how its database is reached.

use crate::chunks::Reserve;
use crate::db::DatabaseUrl;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The settings of a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The data directory: chunks, lock, format file, and `SQLite`'s file.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// The password of the database user (MySQL only).
    pub database_password: Option<Password>,
    /// Threads, each with a connection, that answer reads.
    pub readers: usize,
    /// What uploads leave free on the disk.
    pub reserve: Reserve,
    /// How long a commit waits for a database that is away; a read waits for
    /// five seconds at most.
    pub patience: Duration,
}

impl StoreConfig {
    /// A store with `SQLite` in its own data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: DatabaseUrl::Sqlite { path: None },
            database_password: None,
            readers: 4,
            reserve: Reserve::default(),
            patience: Duration::from_secs(30),
        }
    }

    /// The lock file that keeps a second server out.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.data_dir.join("lock")
    }

    /// The file that says which format the directory has.
    pub(crate) fn format_file(&self) -> PathBuf {
        self.data_dir.join("format")
    }

    /// `SQLite`'s file, if that is the engine.
    pub(crate) fn sqlite_file(&self) -> Option<PathBuf> {
        self.database.sqlite_file(&self.data_dir)
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

/// A database password: wiped on drop, never printed.
#[derive(Clone)]
pub struct Password(Arc<Zeroizing<String>>);

impl Password {
    /// Takes a password over.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
