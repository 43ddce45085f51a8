//! What can go wrong for a user of this library: what happened, what to do
//! next, a stable code, and the class of exit a command line reports.
//!
//! Errors of the server keep its code and its sentences. Texts hold what the
//! user typed or sees anyway (paths, addresses), never a secret.

use crate::path::BadRemotePath;
use coffer_protocol::link::{Fingerprint, LinkError};
use coffer_protocol::{ErrorCode, Position, Retry, ServerId, WireError};
use std::path::{Path, PathBuf};
use thiserror::Error;

mod guide;

pub use guide::Exit;

/// Why an operation failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server refused, with its own code.
    #[error("{0}")]
    Wire(#[from] WireError),

    /// No connection could be made.
    #[error("the server at {target} cannot be reached: {detail}")]
    Unreachable {
        /// Host and port.
        target: String,
        /// What the system said.
        detail: String,
    },
    /// The connection broke, and did not come back in time.
    #[error("the connection to the server was lost: {detail}")]
    Lost {
        /// What the connection died of.
        detail: String,
    },
    /// The primary does not answer, and what was asked for changes something.
    #[error(
        "nothing can be changed now: the primary at {primary} does not serve ({detail}); reading \
         goes on from {standby}"
    )]
    ReadOnly {
        /// Host and port of the primary.
        primary: String,
        /// Host and port of the standby.
        standby: String,
        /// Why the primary does not serve.
        detail: String,
    },
    /// The machine where the primary was follows another one now.
    #[error("{target} is not the primary: it follows another machine")]
    NotPrimary {
        /// Host and port.
        target: String,
    },
    /// An answer that does not fit the question.
    #[error("the server's answer does not fit the question ({asked})")]
    UnexpectedAnswer {
        /// The request.
        asked: &'static str,
    },

    /// First contact without a fingerprint: somebody has to look at it.
    #[error("the server's fingerprint is {fingerprint}, and nothing says yet that it is right")]
    UnknownServer {
        /// What the server showed.
        fingerprint: Fingerprint,
    },
    /// The server could not show the certificate its fingerprint promises.
    #[error("the server at {target} is not the one with the fingerprint {expected}")]
    WrongServer {
        /// Host and port.
        target: String,
        /// The pin.
        expected: Fingerprint,
    },
    /// Whatever answers there is no Coffer server.
    #[error("no Coffer server answers at {target}: {detail}")]
    NotCoffer {
        /// Host and port.
        target: String,
        /// What came instead.
        detail: String,
    },
    /// The server's certificate does not hold.
    #[error("the identity of the server at {target} does not hold: {detail}")]
    Certificate {
        /// Host and port.
        target: String,
        /// Why.
        detail: String,
    },
    /// Another installation answers where the known one was.
    #[error("another Coffer installation answers: known was {known}, this one is {seen}")]
    ServerReplaced {
        /// What the profile remembers.
        known: ServerId,
        /// What answered.
        seen: ServerId,
    },
    /// A primary that has been replaced answers.
    #[error("the server is at epoch {seen}, but epoch {known} has been seen before")]
    EpochWentBack {
        /// Highest epoch seen.
        known: u64,
        /// What answered.
        seen: u64,
    },
    /// The server lacks writes it once confirmed.
    #[error("the server shows an older state: position {seen}, but {known} has been seen before")]
    StateWentBack {
        /// Highest position seen.
        known: Position,
        /// What answered.
        seen: Position,
    },
    /// The server did not prove that it knows the account.
    #[error("the server could not prove that it knows this account")]
    ServerNotProven,
    /// Salt or key derivation of a known account are not what they were.
    #[error("the server changed how this account's password is processed")]
    AccountChanged,
    /// Key derivation too weak (or too slow) to be accepted.
    #[error(
        "the server asks for a way to process the password that is not safe ({iterations} iterations, method {id})"
    )]
    KdfRefused {
        /// Method.
        id: u8,
        /// Iterations.
        iterations: u32,
    },

    /// The password is too easy to guess.
    #[error("the password is too weak: {reason}")]
    WeakPassword {
        /// Why.
        reason: String,
        /// What would help.
        suggestion: String,
    },
    /// The password cannot be used.
    #[error("the password cannot be used: {reason}")]
    BadPassword {
        /// Why.
        reason: String,
    },
    /// The user name cannot be used.
    #[error("the user name cannot be used: {reason}")]
    BadUserName {
        /// Why.
        reason: String,
    },
    /// The text is not a recovery key, or mistyped.
    #[error("that is not a complete recovery key")]
    BadRecoveryKey,
    /// No saved session.
    #[error("not signed in (profile '{profile}')")]
    NotSignedIn {
        /// The profile.
        profile: String,
    },
    /// The saved keys open no session any more.
    #[error(
        "the keys that are kept here do not open the account any more: its password was changed, \
         or it is gone"
    )]
    KeysRefused,
    /// The profile belongs to another account.
    #[error("profile '{profile}' is signed in as {user} at {target}")]
    ProfileInUse {
        /// The profile.
        profile: String,
        /// Its user.
        user: String,
        /// Its server.
        target: String,
    },
    /// A profile name that cannot be a directory everywhere.
    #[error("'{0}' cannot be a profile name")]
    BadProfileName(String),
    /// A file of the profile cannot be understood.
    #[error("{} cannot be used: {detail}", path.display())]
    ProfileDamaged {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// No place for the configuration.
    #[error("there is no directory for the configuration")]
    NoHome,

    /// The text is not a connection link.
    #[error("{0}")]
    BadLink(#[from] LinkError),
    /// The text is not a remote path.
    #[error("'{path}' is not a remote path: {reason}")]
    BadPath {
        /// The text.
        path: String,
        /// Why.
        reason: BadRemotePath,
    },
    /// `@` or `@owner` where one file or directory is needed.
    #[error("'{path}' stands for everything that is shared there, not for one file or directory")]
    ManyThings {
        /// The text.
        path: String,
    },
    /// The home directory cannot be created, moved or deleted.
    #[error("that cannot be done to the home directory itself")]
    HomeDirectory,
    /// A directory copied into itself.
    #[error("a directory cannot be copied into itself")]
    IntoItself,
    /// More than the caller is willing to hold.
    #[error("there are more than {limit} entries")]
    TooManyEntries {
        /// The caller's limit.
        limit: usize,
    },

    /// Content or a record is not what was stored.
    #[error("{what} does not verify: it was altered or damaged")]
    Integrity {
        /// What.
        what: String,
    },
    /// A local file or directory.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "cannot read".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A local file changed while it was being read.
    #[error("{} changed while it was being read", path.display())]
    LocalChanged {
        /// The file.
        path: PathBuf,
    },
    /// Writing to the caller's sink failed.
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// A computation was stopped half-way.
    #[error("the work was interrupted")]
    Interrupted,
}

impl ClientError {
    /// An error about a local file.
    pub fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// The server's code, when the error is the server's.
    pub fn wire_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Wire(error) => Some(error.code),
            _ => None,
        }
    }

    /// Whether the same request, with the same op id, can succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Wire(error) => {
                error.code == ErrorCode::UNCERTAIN || matches!(error.retry, Retry::AfterMillis(_))
            }
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::ReadOnly { .. }
            | Self::NotPrimary { .. } => true,
            _ => false,
        }
    }

    /// The same error for another caller that waited for the same connection.
    pub(crate) fn share(&self) -> Option<Self> {
        let (target, detail) = match self {
            Self::Wire(error) => return Some(Self::Wire(error.clone())),
            Self::NotPrimary { target } => {
                return Some(Self::NotPrimary { target: target.clone() });
            }
            Self::EpochWentBack { known, seen } => {
                return Some(Self::EpochWentBack { known: *known, seen: *seen });
            }
            Self::Unreachable { target, detail } => (target.clone(), detail.clone()),
            _ => return None,
        };
        Some(Self::Unreachable { target, detail })
    }

    /// What a refused sign-in means where nobody has typed a password.
    pub(crate) fn of_saved_keys(self) -> Self {
        match self.wire_code() {
            Some(ErrorCode::SIGN_IN_REFUSED) => Self::KeysRefused,
            _ => self,
        }
    }

    /// Whether the session is over and signing in again can open a new one.
    pub(crate) fn is_session_end(&self) -> bool {
        let code = self.wire_code();
        code == Some(ErrorCode::NOT_SIGNED_IN) || code == Some(ErrorCode::SESSION_EXPIRED)
    }
}
