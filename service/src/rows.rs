//! Errors of the store, as the service answers them. Each is logged here, once,
//! by ids only.

use crate::fault::{integrity, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, WireError};
use coffer_store::chunks::ChunkError;
use coffer_store::{CommitError, StoreError};

/// A read failed.
pub(crate) fn read_failed(error: &StoreError) -> WireError {
    let code = match error {
        // A record names the chunk, and it is gone: that is damage, too.
        StoreError::DamagedRow { .. }
        | StoreError::Corrupt { .. }
        | StoreError::NoSuchChunk { .. }
        | StoreError::Chunk(ChunkError::Corrupt { .. } | ChunkError::Missing { .. }) => {
            ErrorCode::INTEGRITY
        }
        StoreError::Chunk(ChunkError::DiskFull) => ErrorCode::DISK_FULL,
        StoreError::Stopped => ErrorCode::SHUTTING_DOWN,
        StoreError::Commit(error) => return commit_failed(error),
        error if error.is_retryable() => ErrorCode::DATABASE_UNAVAILABLE,
        _ => ErrorCode::INTERNAL,
    };
    tracing::warn!(code = code.name(), %error, "the store could not be read");
    plain(code)
}

/// A read that concerns one node failed.
pub(crate) fn node_failed(node: NodeId, error: &StoreError) -> WireError {
    let answer = read_failed(error);
    match answer.code {
        ErrorCode::INTEGRITY => integrity(node),
        _ => answer,
    }
}

/// A commit did not happen, for a reason other than a lost race.
pub(crate) fn commit_failed(error: &CommitError) -> WireError {
    let code = match error {
        CommitError::NeedUpload(_) => ErrorCode::NO_SUCH_UPLOAD,
        CommitError::TooLarge(_) => ErrorCode::TOO_LARGE,
        CommitError::DamagedRow { .. } => ErrorCode::INTEGRITY,
        CommitError::Fenced => ErrorCode::FENCED,
        CommitError::DiskFull => ErrorCode::DISK_FULL,
        CommitError::DatabaseUnavailable(_) => ErrorCode::DATABASE_UNAVAILABLE,
        // Lost races are settled before they come here; this one was not to be.
        CommitError::Precondition { .. } | CommitError::Duplicate(_) | CommitError::Busy => {
            ErrorCode::BUSY
        }
        CommitError::Uncertain(_) => ErrorCode::UNCERTAIN,
        CommitError::Poisoned | CommitError::Closed => ErrorCode::SHUTTING_DOWN,
        _ => ErrorCode::INTERNAL,
    };
    tracing::warn!(code = code.name(), %error, "a commit did not happen");
    plain(code)
}

/// A chunk could not be stored.
pub(crate) fn write_failed(error: &StoreError) -> WireError {
    let answer = read_failed(error);
    match answer.code {
        // Nothing stored was read: what failed is the disk.
        ErrorCode::INTEGRITY => plain(ErrorCode::INTERNAL),
        _ => answer,
    }
}
