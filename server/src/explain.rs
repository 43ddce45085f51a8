//! Turns errors of the store into failures for the operator.

use crate::failure::{Code, Failure};
use coffer_service::admin::AdminError;
use coffer_store::{CommitError, DbError, SeatError, StoreError};

/// An operation of the store failed.
pub fn store(error: &StoreError) -> Failure {
    let message = error.to_string();
    match error {
        StoreError::Locked(_) => Failure::new(Code::DirectoryInUse, message)
            .hint("A server runs on it already; see `coffer-server status`. Stop it first."),
        StoreError::AlreadyInitialised(_) => Failure::new(Code::DatabaseNotEmpty, message)
            .hint("Use an empty database, or the data directory that belongs to this one."),
        StoreError::NotInitialised(_) => Failure::new(Code::FileMissing, message).hint(
            "The database of this data directory is gone or empty: restore it from a backup.",
        ),
        StoreError::NewerFormat { .. } => Failure::new(Code::FormatNewer, message)
            .hint("Install the newer coffer-server that wrote it. Nothing was changed."),
        StoreError::BadFormatFile(_) => {
            Failure::new(Code::FileDamaged, message).hint("Restore the file from a backup.")
        }
        StoreError::ForeignDatabase => crate::install::foreign_database(),
        StoreError::DamagedRow { .. }
        | StoreError::DamagedJournal { .. }
        | StoreError::Corrupt { .. }
        | StoreError::NoSuchChunk { .. }
        | StoreError::CopyDiffers { .. } => Failure::new(Code::ProblemsFound, message).hint(
            "Run `coffer-server check` to see all that is wrong, then restore from a backup.",
        ),
        StoreError::DatabaseSetting { setting, found, needed, hint } => Failure::new(
            Code::DatabaseUnsafe,
            format!("the database has {setting} = {found}, but Coffer needs {needed}"),
        )
        .hint(*hint),
        StoreError::Url(_) => Failure::new(Code::DatabaseUrl, message)
            .hint("Write sqlite, or mysql://user@host:port/name; the password goes into a file."),
        StoreError::Database(error) => database(error, message),
        StoreError::Commit(error) => commit(error),
        StoreError::Durable(error) => {
            crate::data_dir::write_failure(std::path::Path::new("the data directory"), error)
        }
        StoreError::Stopped => Failure::new(Code::Poisoned, message),
        _ => Failure::new(Code::Store, message),
    }
}

fn database(error: &DbError, message: String) -> Failure {
    match error {
        DbError::Busy(_) | DbError::Lost(_) => Failure::new(Code::DatabaseUnavailable, message)
            .hint(
                "Check that the database runs, and host, port, user and password in coffer.toml.",
            ),
        DbError::DiskFull => Failure::new(Code::DiskFull, message)
            .hint("Make room on the file system and try again."),
        DbError::Io(_) => Failure::new(Code::FileDamaged, message)
            .hint("Look at the disk and the system log; restore the database from a backup."),
        DbError::Other(_) => Failure::new(Code::DatabaseUnavailable, message)
            .hint("Check user, password and rights; docs/operations.md has the exact statements."),
        _ => Failure::new(Code::Store, message),
    }
}

/// What a machine is did not change.
pub(crate) fn seat(error: &SeatError) -> Failure {
    let message = error.to_string();
    match error {
        SeatError::Store(error) => commit(error),
        SeatError::NewerEpoch => Failure::new(Code::Fenced, message)
            .hint("Make it a standby of the new primary: coffer-server rejoin"),
        _ => Failure::new(Code::WrongMoment, message).hint("Nothing was changed."),
    }
}

/// A command of the operator failed.
pub(crate) fn admin(error: &AdminError) -> Failure {
    match error {
        AdminError::Store(error) => store(error),
        AdminError::Commit(error) => commit(error),
        AdminError::NoSuchUser => Failure::new(Code::NoSuch, error.to_string())
            .hint("`coffer-server users list` shows all of them."),
        AdminError::Contended => {
            Failure::new(Code::WrongMoment, error.to_string()).hint("Try again.")
        }
        AdminError::Damaged(_) => Failure::new(Code::ProblemsFound, error.to_string())
            .hint("Run `coffer-server check`, and restore the database from a backup."),
        _ => Failure::new(Code::Io, error.to_string()),
    }
}

/// A commit of a command did not happen.
pub(crate) fn commit(error: &CommitError) -> Failure {
    let message = error.to_string();
    match error {
        CommitError::Fenced => Failure::new(Code::NotPrimary, "this machine is not the primary")
            .hint("Use the command on the primary. Nothing was changed."),
        CommitError::DiskFull => Failure::new(Code::DiskFull, message)
            .hint("Make room on the file system and try again."),
        CommitError::DatabaseUnavailable(_) | CommitError::Busy => {
            Failure::new(Code::DatabaseUnavailable, message).hint("Try again in a moment.")
        }
        CommitError::Uncertain(_) | CommitError::Poisoned => Failure::new(Code::Poisoned, message)
            .hint("Look whether it happened, and at the disk and the system log."),
        CommitError::Precondition { .. } => Failure::new(Code::WrongMoment, message)
            .hint("Something changed at the same moment: try again."),
        _ => Failure::new(Code::Store, message),
    }
}
