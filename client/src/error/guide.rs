//! What each error is called in scripts, what its reader can do, and how a
//! command line ends with it.

use super::ClientError;
use coffer_protocol::ErrorCode;

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
    /// The right to do it is missing.
    NotAllowed = 9,
}

impl Exit {
    /// The number a process ends with.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// The stable codes, in one exhaustive list: those of the client alone, and those that it
/// shares with the server.
macro_rules! codes {
    (
        own { $($own:pat => $code:literal,)* }
        shared { $($shared:pat => $of_server:expr,)* }
    ) => {
        impl ClientError {
            /// The codes that no server sends.
            pub const OWN_CODES: &'static [&'static str] = &[$($code),*];

            /// The stable code, for `--json` and scripts.
            pub fn code(&self) -> &'static str {
                match self {
                    $($own => $code,)*
                    $($shared => $of_server,)*
                }
            }
        }
    };
}

codes! {
    own {
        Self::Unreachable { .. } => "unreachable",
        Self::Lost { .. } => "connection-lost",
        Self::NotPrimary { .. } => "not-primary",
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
        Self::BadRecoveryKey => "bad-recovery-key",
        Self::KeysRefused => "keys-refused",
        Self::ProfileInUse { .. } => "profile-in-use",
        Self::BadProfileName(_) => "bad-profile-name",
        Self::ProfileDamaged { .. } => "profile-damaged",
        Self::NoHome => "no-home",
        Self::BadLink(_) => "bad-link",
        Self::BadPath { .. } => "bad-path",
        Self::ManyThings { .. } => "many-things",
        Self::HomeDirectory => "home-directory",
        Self::TooManyEntries { .. } => "too-many-entries",
        Self::Io { .. } => "local-io",
        Self::LocalChanged { .. } => "local-changed",
        Self::Output(_) => "output",
        Self::Random => "no-randomness",
        Self::Interrupted => "interrupted",
    }
    shared {
        Self::Wire(error) => error.code.name(),
        Self::ReadOnly { .. } => ErrorCode::READ_ONLY.name(),
        Self::BadUserName { .. } => ErrorCode::BAD_USER_NAME.name(),
        Self::NotSignedIn { .. } => ErrorCode::NOT_SIGNED_IN.name(),
        Self::IntoItself => ErrorCode::INTO_ITSELF.name(),
        Self::Integrity { .. } => ErrorCode::INTEGRITY.name(),
    }
}

/// What to do when this computer refuses something.
fn local_remedy(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::NotFound => "See whether it was moved or deleted, and name it again.",
        ErrorKind::PermissionDenied => "Get the right to use it, or choose another place.",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "Make room on the disk, or choose another place; what has arrived is kept."
        }
        ErrorKind::ReadOnlyFilesystem => "Choose a place that can be written to.",
        _ => "",
    }
}

impl ClientError {
    /// What to do next; empty when there is nothing useful to say.
    pub fn hint(&self) -> &str {
        match self {
            Self::Wire(error) => &error.hint,
            Self::WeakPassword { suggestion, .. } => suggestion,
            Self::Io { source, .. } => local_remedy(source.kind()),
            other => other.fixed_hint(),
        }
    }

    fn fixed_hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::NotCoffer { .. } => {
                "Check that the server runs, and that its address and port are right."
            }
            Self::Lost { .. } => "Run the command again; what was confirmed is stored.",
            Self::ReadOnly { .. } => {
                "Try again when the primary is back, or ask the operator to promote the standby; \
                 what was confirmed is stored."
            }
            Self::NotPrimary { .. } => {
                "No primary was found. Try again later, or sign in with the link of the primary."
            }
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
            Self::KeysRefused => "Sign in again, with the password of the account.",
            Self::NotSignedIn { .. } => "Sign in with `coffer login LINK --user NAME`.",
            Self::ProfileInUse { .. } => {
                "Sign out first with `coffer logout`, or choose another profile (--profile)."
            }
            Self::BadProfileName(_) => "Use up to 64 letters, digits, '-' and '_'.",
            Self::ProfileDamaged { .. } => "Mend or remove the file, then sign in again.",
            Self::NoHome => "Set COFFER_HOME to a directory of your own.",
            Self::BadLink(_) => "The server prints its link with `coffer-server link`.",
            Self::BadPath { .. } => {
                "Write remote paths as in /photos/2026, or @anna/photos for what anna shares."
            }
            Self::ManyThings { .. } => "`coffer ls` lists it; name one thing, as in @anna/photos.",
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
            Self::Unreachable { .. }
            | Self::NotCoffer { .. }
            | Self::Lost { .. }
            | Self::ReadOnly { .. }
            | Self::NotPrimary { .. } => Exit::Unreachable,
            Self::WrongServer { .. }
            | Self::Certificate { .. }
            | Self::ServerReplaced { .. }
            | Self::EpochWentBack { .. }
            | Self::StateWentBack { .. }
            | Self::ServerNotProven
            | Self::AccountChanged
            | Self::KdfRefused { .. }
            | Self::Integrity { .. } => Exit::Integrity,
            Self::NotSignedIn { .. }
            | Self::KeysRefused
            | Self::UnknownServer { .. }
            | Self::BadPassword { .. } => Exit::SignIn,
            Self::ProfileInUse { .. } => Exit::Conflict,
            Self::BadUserName { .. }
            | Self::BadRecoveryKey
            | Self::BadProfileName(_)
            | Self::BadLink(_)
            | Self::BadPath { .. }
            | Self::ManyThings { .. }
            | Self::HomeDirectory
            | Self::IntoItself => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

fn wire_exit(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::NOT_FOUND
        | ErrorCode::NO_SUCH_VERSION
        | ErrorCode::NO_SUCH_USER
        | ErrorCode::NO_SUCH_SHARE
        | ErrorCode::NO_SUCH_GROUP => Exit::NotFound,
        ErrorCode::NOT_ALLOWED | ErrorCode::OTHER_OWNER | ErrorCode::CONTACT_CHANGED => {
            Exit::NotAllowed
        }
        ErrorCode::EXISTS
        | ErrorCode::GROUP_EXISTS
        | ErrorCode::NOT_EMPTY
        | ErrorCode::CONFLICT
        | ErrorCode::USER_NAME_UNAVAILABLE => Exit::Conflict,
        ErrorCode::SIGN_IN_REFUSED
        | ErrorCode::NOT_SIGNED_IN
        | ErrorCode::SESSION_EXPIRED
        | ErrorCode::SIGN_UP_CLOSED
        | ErrorCode::INVITE_INVALID
        | ErrorCode::RATE_LIMITED
        | ErrorCode::WORK_NEEDED
        | ErrorCode::BAD_WORK
        | ErrorCode::ACCOUNT_DISABLED
        | ErrorCode::NEW_PASSWORD_NEEDED => Exit::SignIn,
        ErrorCode::BAD_USER_NAME
        | ErrorCode::BAD_NAME
        | ErrorCode::BAD_PATTERN
        | ErrorCode::INTO_ITSELF => Exit::Usage,
        ErrorCode::INTEGRITY | ErrorCode::HASH_MISMATCH => Exit::Integrity,
        ErrorCode::SHUTTING_DOWN | ErrorCode::FENCED | ErrorCode::BEHIND | ErrorCode::READ_ONLY => {
            Exit::Unreachable
        }
        _ => Exit::Failed,
    }
}
