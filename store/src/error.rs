//! Errors of everything but commits.

use crate::chunks::ChunkError;
use crate::commit::CommitError;
use crate::db::{DbError, UrlError};
use crate::durable::DurableError;
use crate::replica::Arrival;
use crate::timeline::TimelineError;
use coffer_protocol::BlobId;
use std::path::PathBuf;

/// An operation of the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another server has the data directory.
    #[error("the data directory {} is in use by another server", .0.display())]
    Locked(PathBuf),
    /// `create` on something that is there.
    #[error("{0} holds an installation already")]
    AlreadyInitialised(String),
    /// `open` on something that is not there.
    #[error("{0} holds no installation; run `init` first")]
    NotInitialised(String),
    /// Written by a newer version of Coffer.
    #[error("{what} has format {found}, this version knows up to {known}; use a newer version")]
    NewerFormat {
        /// The data directory or the database.
        what: &'static str,
        /// What it says.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// The format file cannot be read as one.
    #[error("the format file {} is damaged", .0.display())]
    BadFormatFile(PathBuf),
    /// The data directory and the database belong to different installations.
    #[error("the data directory and the database belong to different installations")]
    ForeignDatabase,
    /// A row does not match its digest.
    #[error("a row of table `{table}` is damaged: {key}")]
    DamagedRow {
        /// The table.
        table: &'static str,
        /// The primary key, in hexadecimal.
        key: String,
    },
    /// The journal does not chain.
    #[error("the journal is damaged at entry {seq}: {reason}")]
    DamagedJournal {
        /// The entry.
        seq: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A chunk's bytes do not match its id.
    #[error("chunk {blob} is damaged")]
    Corrupt {
        /// The chunk.
        blob: BlobId,
    },
    /// No such chunk.
    #[error("chunk {blob} is not stored")]
    NoSuchChunk {
        /// The chunk.
        blob: BlobId,
    },
    /// A setting of the database that Coffer cannot work with.
    #[error("the database has {setting} = {found}, but Coffer needs {needed}: {hint}")]
    DatabaseSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it has to be.
        needed: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A database URL that cannot be used.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A chunk file failed.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// A file of the data directory failed.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A commit of the store itself failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// A copy is not what it was made from.
    #[error("the copy of table `{table}` differs: {reason}")]
    CopyDiffers {
        /// The table.
        table: &'static str,
        /// How.
        reason: String,
    },
    /// Needs the whole store, and this one was opened for SQL only.
    #[error("this operation needs the data directory, which a server has open")]
    AdminOnly,
    /// The tables are being filled from a snapshot; there is nothing to read yet.
    #[error("this replica is being loaded and has nothing to read yet")]
    Loading,
    /// Rows of a snapshot that cannot be read, or do not add up to what the source
    /// has.
    #[error("the snapshot cannot be used: {0}")]
    BadSnapshot(String),
    /// Chunks that the rows of a snapshot name are not there yet.
    #[error("{} chunks of the snapshot are missing", .0.len())]
    NeedChunks(Vec<Arrival>),
    /// The list of promotions cannot be read.
    #[error(transparent)]
    Timeline(#[from] TimelineError),
    /// The entries that follow the wanted one are not kept any more.
    #[error("the journal begins behind entry {0}; what was before it is not kept any more")]
    Pruned(u64),
    /// The store has stopped.
    #[error("the store has stopped")]
    Stopped,
}

impl StoreError {
    /// Says whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Database(DbError::Lost(_) | DbError::Busy(_))
                | Self::Commit(CommitError::DatabaseUnavailable(_) | CommitError::Busy)
        )
    }
}
