//! Errors of the commands, as the operator sees them.
//!
//! Guarantees: every failure has a stable code (the table below, which
//! `docs/operations.md` explains line by line), a sentence on what happened, a
//! hint on what to do, and an exit status. No secret and no user name is in it
//! unless the operator typed it.

use std::fmt;
use std::path::Path;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, exit $exit:literal;)+) => {
        /// What went wrong, for programs: the name and the exit status are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// The exit status of the process.
            pub const fn exit_status(self) -> u8 {
                match self { $(Code::$name => $exit,)+ }
            }
        }
    };
}

codes! {
    /// A system call failed in a way that has no code of its own.
    Io = "io", exit 1;
    /// A flag or value on the command line that cannot be used.
    Usage = "usage", exit 2;
    /// `coffer.toml`, the environment or a flag holds a value that cannot be used.
    ConfigInvalid = "config-invalid", exit 2;
    /// The directory is not a Coffer data directory.
    NotInitialised = "not-initialised", exit 3;
    /// `init` in a directory that is one already.
    AlreadyInitialised = "already-initialised", exit 4;
    /// `init` in a directory with something else in it.
    DirectoryNotEmpty = "directory-not-empty", exit 4;
    /// The directory cannot be made or written.
    DirectoryUnwritable = "directory-unwritable", exit 1;
    /// A file of the data directory is missing or cannot be read.
    FileMissing = "file-missing", exit 3;
    /// A file of the data directory has contents that cannot be right.
    FileDamaged = "file-damaged", exit 7;
    /// The data directory was written by a newer Coffer.
    FormatNewer = "format-newer", exit 1;
    /// Another process works on the data directory.
    DirectoryInUse = "directory-in-use", exit 4;
    /// A command that needs the server stopped (or running) found the opposite.
    WrongMoment = "wrong-moment", exit 4;
    /// `master.key` is not there.
    MasterKeyMissing = "master-key-missing", exit 3;
    /// `master.key` belongs to another installation, or is damaged.
    MasterKeyWrong = "master-key-wrong", exit 7;
    /// Others than the owner can read `master.key`.
    MasterKeyExposed = "master-key-exposed", exit 1;
    /// The address to listen on is taken.
    AddressInUse = "address-in-use", exit 4;
    /// The address to listen on cannot be used.
    AddressUnusable = "address-unusable", exit 1;
    /// A database URL that cannot be read.
    DatabaseUrl = "database-url", exit 2;
    /// The database does not answer or does not let the server in.
    DatabaseUnavailable = "database-unavailable", exit 6;
    /// The database runs with settings that can lose acknowledged writes.
    DatabaseUnsafe = "database-unsafe", exit 1;
    /// The database already holds tables of Coffer.
    DatabaseNotEmpty = "database-not-empty", exit 4;
    /// The database belongs to another data directory.
    DatabaseForeign = "database-foreign", exit 7;
    /// The database is older than what this server has acknowledged before.
    RolledBack = "rolled-back", exit 7;
    /// The disk is full.
    DiskFull = "disk-full", exit 1;
    /// A flush failed while the server ran: start it again.
    Poisoned = "flush-failed", exit 70;
    /// `status`: the server does not run.
    NotRunning = "not-running", exit 3;
    /// `check` found something.
    ProblemsFound = "problems-found", exit 7;
    /// No such user, invite or similar.
    NoSuch = "no-such", exit 3;
    /// The machine that a replica follows does not answer.
    SourceUnreachable = "source-unreachable", exit 6;
    /// The machine that a replica follows has turned it away.
    SourceRefused = "source-refused", exit 5;
    /// The machine follows another one, and is no primary.
    NotPrimary = "not-primary", exit 4;
    /// The machine was the primary, and another one has been promoted.
    Fenced = "fenced", exit 4;
    /// A promotion could lose something that was acknowledged.
    LossPossible = "loss-possible", exit 5;
    /// The store reports an error that has no code of its own here.
    Store = "store", exit 1;
}

/// An error for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Stable code.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Failure {
    /// A failure without a hint yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: String::new() }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// A failed system call on a path; a full disk gets its own code.
    pub fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        let message = format!("cannot {doing} {}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::new(Code::DiskFull, message)
                    .hint("Make room on the file system and try again.")
            }
            _ => Self::new(Code::Io, message),
        }
    }

    /// The lines for the terminal.
    pub fn report(&self) -> impl fmt::Display + '_ {
        Report(self)
    }
}

struct Report<'a>(&'a Failure);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { code, message, hint } = self.0;
        write!(f, "error: {message} [{}]", code.name())?;
        if !hint.is_empty() {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_never_mean_success() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.exit_status() != 0));
    }

    #[test]
    fn the_manual_explains_every_code() {
        let manual = include_str!("../../docs/operations.md");
        for code in Code::ALL {
            let row = format!("| `{}` | {} |", code.name(), code.exit_status());
            assert!(manual.contains(&row), "docs/operations.md lacks the row {row}");
        }
    }
}
