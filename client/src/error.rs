//! What can go wrong for a user of this library: what happened, what to do
//! next, a stable code, and the class of exit a command line reports.
//!
//! Errors of the server keep its code and its sentences. Texts hold what the
//! user typed or sees anyway (paths, addresses), never a secret.

use coffer_protocol::link::{Fingerprint, LinkError};
use coffer_protocol::place::PathError;
use coffer_protocol::{ErrorCode, Position, Retry, ServerId, WireError};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Exit classes of the command line; the numbers are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Anything without a class of its own.
    Failed = 1,
    /// What was asked for cannot be asked for.
    Usage = 2,
    /// It is not there.
    NotFound = 3,
    /// Something else is there, or somebody else was first.
    Conflict = 4,
    /// Sign-in is needed, or was refused.
    SignIn = 5,
    /// The server cannot be reached.
    Unreachable = 6,
    /// Something is not what it was when it was stored, or not who it claims to be.
    Integrity = 7,
    /// Some items failed, each named.
    Partial = 8,
}

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
    #[error("the server asks for a way to process the password that is not safe ({iterations} iterations, method {id})")]
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
        reason: PathError,
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

    /// The stable code, for `--json` and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.code.name(),
            Self::Unreachable { .. } => "unreachable",
            Self::Lost { .. } => "connection-lost",
            Self::UnexpectedAnswer { .. } => "unexpected-answer",
            Self::UnknownServer { .. } => "unknown-server",
            Self::WrongServer { .. } => "wrong-server",
            Self::NotCoffer { .. } => "not-coffer",
            Self::Certificate { .. } => "certificate",
            Self::ServerReplaced { .. } => "server-replaced",
            Self::EpochWentBack { .. } => "epoch-went-back",
            Self::StateWentBack { .. } => "state-went-back",
            Self::ServerNotProven => "server-not-proven",
            Self::AccountChanged => "account-changed",
            Self::KdfRefused { .. } => "kdf-refused",
            Self::WeakPassword { .. } => "weak-password",
            Self::BadPassword { .. } => "bad-password",
            Self::BadUserName { .. } => ErrorCode::BAD_USER_NAME.name(),
            Self::BadRecoveryKey => "bad-recovery-key",
            Self::NotSignedIn { .. } => ErrorCode::NOT_SIGNED_IN.name(),
            Self::ProfileInUse { .. } => "profile-in-use",
            Self::BadProfileName(_) => "bad-profile-name",
            Self::ProfileDamaged { .. } => "profile-damaged",
            Self::NoHome => "no-home",
            Self::BadLink(_) => "bad-link",
            Self::BadPath { .. } => "bad-path",
            Self::HomeDirectory => "home-directory",
            Self::IntoItself => ErrorCode::INTO_ITSELF.name(),
            Self::TooManyEntries { .. } => "too-many-entries",
            Self::Integrity { .. } => ErrorCode::INTEGRITY.name(),
            Self::Io { .. } => "local-io",
            Self::LocalChanged { .. } => "local-changed",
            Self::Output(_) => "output",
            Self::Random => "no-randomness",
            Self::Interrupted => "interrupted",
        }
    }

    /// What to do next; empty when there is nothing useful to say.
    pub fn hint(&self) -> &str {
        match self {
            Self::Wire(error) => &error.hint,
            Self::WeakPassword { suggestion, .. } => suggestion,
            other => other.fixed_hint(),
        }
    }

    fn fixed_hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::NotCoffer { .. } => {
                "Check that the server runs, and that its address and port are right."
            }
            Self::Lost { .. } => "Run the command again; what was confirmed is stored.",
            Self::UnexpectedAnswer { .. } => "Client and server may be of different versions.",
            Self::UnknownServer { .. } => {
                "Compare it with the one `coffer-server link` prints, or use the whole link."
            }
            Self::WrongServer { .. } => {
                "Somebody may be in between. Do not go on before the operator has explained it; \
                 a new installation comes with a new link."
            }
            Self::ServerReplaced { .. } => {
                "If the operator set the server up anew, use another profile for it (--profile)."
            }
            Self::EpochWentBack { .. } => {
                "An old primary may be running again. Tell the operator; nothing was changed."
            }
            Self::StateWentBack { .. } => {
                "Ask the operator whether a backup was restored. To accept the older state, sign \
                 in again with `coffer login --accept-older`."
            }
            Self::Certificate { .. } => {
                "Check the clock of this machine; if it is right, tell the operator."
            }
            Self::ServerNotProven | Self::AccountChanged | Self::KdfRefused { .. } => {
                "Do not go on with this server before the operator has explained it."
            }
            Self::BadUserName { .. } => {
                "Use up to 64 bytes of letters, digits, '.', '_', '-' and '@'."
            }
            Self::BadRecoveryKey => "Type all groups as they were shown at sign-up.",
            Self::NotSignedIn { .. } => "Sign in with `coffer login LINK --user NAME`.",
            Self::ProfileInUse { .. } => {
                "Sign out first with `coffer logout`, or choose another profile (--profile)."
            }
            Self::BadProfileName(_) => "Use up to 64 letters, digits, '-' and '_'.",
            Self::ProfileDamaged { .. } => "Mend or remove the file, then sign in again.",
            Self::NoHome => "Set COFFER_HOME to a directory of your own.",
            Self::BadLink(_) => "The server prints its link with `coffer-server link`.",
            Self::BadPath { .. } => "Write remote paths as in /photos/2026.",
            Self::Integrity { .. } => {
                "Nothing of it was delivered. Tell the operator, who can run `coffer-server check`."
            }
            Self::LocalChanged { .. } => "Try again when nothing writes to it.",
            _ => "",
        }
    }

    /// The class of exit.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Wire(error) => wire_exit(error.code),
            Self::Unreachable { .. } | Self::NotCoffer { .. } | Self::Lost { .. } => {
                Exit::Unreachable
            }
            Self::WrongServer { .. }
            | Self::Certificate { .. }
            | Self::ServerReplaced { .. }
            | Self::EpochWentBack { .. }
            | Self::StateWentBack { .. }
            | Self::ServerNotProven
            | Self::AccountChanged
            | Self::KdfRefused { .. }
            | Self::Integrity { .. } => Exit::Integrity,
            Self::NotSignedIn { .. } | Self::UnknownServer { .. } | Self::BadPassword { .. } => {
                Exit::SignIn
            }
            Self::ProfileInUse { .. } => Exit::Conflict,
            Self::BadUserName { .. }
            | Self::BadRecoveryKey
            | Self::BadProfileName(_)
            | Self::BadLink(_)
            | Self::BadPath { .. }
            | Self::HomeDirectory
            | Self::IntoItself => Exit::Usage,
            _ => Exit::Failed,
        }
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
            Self::Unreachable { .. } | Self::Lost { .. } => true,
            _ => false,
        }
    }

    /// Whether the session is over and signing in again can open a new one.
    pub(crate) fn is_session_end(&self) -> bool {
        let code = self.wire_code();
        code == Some(ErrorCode::NOT_SIGNED_IN) || code == Some(ErrorCode::SESSION_EXPIRED)
    }
}

fn wire_exit(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::NOT_FOUND | ErrorCode::NO_SUCH_VERSION => Exit::NotFound,
        ErrorCode::EXISTS
        | ErrorCode::NOT_EMPTY
        | ErrorCode::CONFLICT
        | ErrorCode::USER_NAME_UNAVAILABLE => Exit::Conflict,
        ErrorCode::SIGN_IN_REFUSED
        | ErrorCode::NOT_SIGNED_IN
        | ErrorCode::SESSION_EXPIRED
        | ErrorCode::SIGN_UP_CLOSED
        | ErrorCode::INVITE_INVALID
        | ErrorCode::RATE_LIMITED
        | ErrorCode::ACCOUNT_DISABLED
        | ErrorCode::NEW_PASSWORD_NEEDED => Exit::SignIn,
        ErrorCode::BAD_USER_NAME
        | ErrorCode::BAD_NAME
        | ErrorCode::BAD_PATTERN
        | ErrorCode::INTO_ITSELF => Exit::Usage,
        ErrorCode::INTEGRITY | ErrorCode::HASH_MISMATCH => Exit::Integrity,
        ErrorCode::SHUTTING_DOWN | ErrorCode::FENCED => Exit::Unreachable,
        _ => Exit::Failed,
    }
}
