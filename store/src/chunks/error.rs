//! What can go wrong with a chunk file, by what the caller can do about it.

use super::layout::Generation;
use crate::durable::{DurableError, FlushError, WriteError};
use coffer_protocol::BlobId;
use std::io;
use std::path::{Path, PathBuf};

/// An operation on the chunk files failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// There is no such file. If a row names it, the chunk is lost here.
    #[error("chunk {blob} (generation {generation}) has no file")]
    Missing {
        /// The chunk.
        blob: BlobId,
        /// Which of its files.
        generation: Generation,
    },
    /// The file was read twice and does not have the content of its id. A copy
    /// is in the quarantine directory, the file itself was left in place.
    #[error("chunk {blob} (generation {generation}) is damaged on disk")]
    Corrupt {
        /// The chunk.
        blob: BlobId,
        /// Which of its files.
        generation: Generation,
    },
    /// No space is left, or no more than the configured reserve.
    #[error("the disk of the data directory is full, or down to its reserve")]
    DiskFull,
    /// The directory was not made by `init`, or something is missing from it.
    #[error("{} is not a data directory of Coffer: {missing} is missing", path.display())]
    NotADataDirectory {
        /// The directory.
        path: PathBuf,
        /// What was expected in it.
        missing: &'static str,
    },
    /// The operating system refused. Says nothing about the content: an
    /// unreadable chunk is not a damaged one.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },
    /// Fatal for the process.
    #[error(transparent)]
    Flush(#[from] FlushError),
}

impl ChunkError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        WriteError::new(action, path, source).into()
    }
}

impl From<WriteError> for ChunkError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::DiskFull => Self::DiskFull,
            WriteError::Io { action, path, source } => Self::Io { action, path, source },
        }
    }
}

impl From<DurableError> for ChunkError {
    fn from(error: DurableError) -> Self {
        match error {
            DurableError::Write(e) => e.into(),
            DurableError::Flush(e) => e.into(),
        }
    }
}
