//! Errors as they travel: a stable code, what happened, what to do next,
//! whether a retry can help. The sentences are for people; programs use the
//! code.

use bincode::{Decode, Encode};
use std::fmt;

/// A stable error code. A newtype over the number, so that codes of newer
/// peers survive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct ErrorCode(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)+) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: ErrorCode = ErrorCode($number);)+

            /// Every code this build knows, with its stable name.
            pub const ALL: &'static [(ErrorCode, &'static str)] =
                &[$((ErrorCode($number), $text)),+];
        }
    };
}

codes! {
    // The message itself (1xx): the peer is at fault or from another version.
    /// A frame or body that cannot be decoded.
    MALFORMED = 100, "malformed";
    /// No protocol version in common.
    UNSUPPORTED_VERSION = 101, "unsupported-version";
    /// More than a stated limit in one request.
    TOO_LARGE = 102, "too-large";
    /// More open requests than the window allows.
    TOO_MANY_REQUESTS = 103, "too-many-requests";
    /// Cancelled at the asker's wish.
    CANCELLED = 104, "cancelled";
    /// A request that does not fit the state of the connection.
    OUT_OF_ORDER = 105, "out-of-order";

    // Accounts (2xx).
    /// Name, password or key not right; never says which.
    SIGN_IN_REFUSED = 200, "sign-in-refused";
    /// The request needs a signed-in session.
    NOT_SIGNED_IN = 201, "not-signed-in";
    /// The session ended: idle, too old, or signed out elsewhere.
    SESSION_EXPIRED = 202, "session-expired";
    /// The server takes no new accounts.
    SIGN_UP_CLOSED = 203, "sign-up-closed";
    /// The invitation is missing, used up or expired.
    INVITE_INVALID = 204, "invite-invalid";
    /// The user name cannot be had.
    USER_NAME_UNAVAILABLE = 205, "user-name-unavailable";
    /// Too many attempts; wait for the stated time.
    RATE_LIMITED = 206, "rate-limited";
    /// The operator has disabled the account.
    ACCOUNT_DISABLED = 207, "account-disabled";
    /// The recovery key was used: a new password must be set first.
    NEW_PASSWORD_NEEDED = 208, "new-password-needed";
    /// A user name that breaks the rules for names.
    BAD_USER_NAME = 209, "bad-user-name";

    /// No user has this name.
    NO_SUCH_USER = 210, "no-such-user";
    /// Another user's key is not the one that was known.
    CONTACT_CHANGED = 211, "contact-changed";
    /// The user has no group of this name.
    NO_SUCH_GROUP = 212, "no-such-group";
    /// A group of this name is there already.
    GROUP_EXISTS = 213, "group-exists";
    /// Work has to be done first: `AskWork`, `ProveWork`, then the same again.
    WORK_NEEDED = 214, "work-needed";
    /// Work that does not solve the newest challenge of this connection.
    BAD_WORK = 215, "bad-work";

    // The tree (3xx).
    /// Nothing there, or not for this user.
    NOT_FOUND = 300, "not-found";
    /// The name is taken.
    EXISTS = 301, "exists";
    /// A file where a directory is needed.
    NOT_A_DIRECTORY = 302, "not-a-directory";
    /// A directory where a file is needed.
    IS_A_DIRECTORY = 303, "is-a-directory";
    /// A directory with entries, and no wish to delete them.
    NOT_EMPTY = 304, "not-empty";
    /// A name that cannot be stored.
    BAD_NAME = 305, "bad-name";
    /// Somebody else was first; `WireError::conflict` says who and when.
    CONFLICT = 306, "conflict";
    /// The right to do this is missing.
    NOT_ALLOWED = 307, "not-allowed";
    /// A directory moved or copied into itself.
    INTO_ITSELF = 308, "into-itself";
    /// No such version.
    NO_SUCH_VERSION = 309, "no-such-version";
    /// A page cursor that is not valid (any more).
    BAD_CURSOR = 310, "bad-cursor";
    /// A search pattern that cannot be read.
    BAD_PATTERN = 311, "bad-pattern";
    /// No such share.
    NO_SUCH_SHARE = 312, "no-such-share";
    /// The two places belong to different users: copy, then delete.
    OTHER_OWNER = 313, "other-owner";

    // Contents (4xx).
    /// Stored bytes do not verify. Nothing of them was delivered.
    INTEGRITY = 400, "integrity";
    /// Bytes that arrived do not have the hash they were sent with.
    HASH_MISMATCH = 401, "hash-mismatch";
    /// The upload is not known (any more): start it again.
    NO_SUCH_UPLOAD = 402, "no-such-upload";
    /// The upload is not complete.
    UPLOAD_INCOMPLETE = 403, "upload-incomplete";

    // The server (5xx).
    /// The disk is (nearly) full.
    DISK_FULL = 500, "disk-full";
    /// The database cannot be reached.
    DATABASE_UNAVAILABLE = 501, "database-unavailable";
    /// Whether the write happened is not known; ask again with the same op id.
    UNCERTAIN = 502, "uncertain";
    /// The server is stopping.
    SHUTTING_DOWN = 503, "shutting-down";
    /// Too much to do right now.
    BUSY = 504, "busy";
    /// A fault in the server; details are in its log.
    INTERNAL = 505, "internal";
    /// This server is not (any more) the primary.
    FENCED = 506, "fenced";
    /// The storage allowance is used up.
    QUOTA = 507, "quota";
    /// This machine has not got yet what the client has seen elsewhere.
    BEHIND = 508, "behind";
    /// This machine follows another one: it serves reads, and changes nothing.
    READ_ONLY = 509, "read-only";
    /// The user has all the connections that one user may have.
    CONNECTION_LIMIT = 510, "connection-limit";
}

impl ErrorCode {
    /// The stable name, for logs, `--json` and documentation.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(code, _)| *code == self).map_or("unknown", |(_, name)| name)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.name())
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCode({self})")
    }
}

/// Whether doing the same again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Retry {
    /// No: the request has to change.
    Never,
    /// Yes, with the same op id, after at least this many milliseconds.
    AfterMillis(u32),
}

/// Who was first, when a write lost the race.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Conflict {
    /// The user who wrote the revision that is there now.
    pub by: String,
    /// When, in milliseconds since 1970 by the server's clock; for display only.
    pub at_millis: i64,
    /// The revision that is there now.
    pub revision: u64,
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    /// Stable code.
    pub code: ErrorCode,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
    /// Whether a retry can help.
    pub retry: Retry,
    /// Who was first, for `ErrorCode::CONFLICT`.
    pub conflict: Option<Conflict>,
}

impl WireError {
    /// An error that no retry mends.
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Self { code, message, hint, retry: Retry::Never, conflict: None }
    }

    /// The same error, worth a retry after `millis`.
    #[must_use]
    pub fn retry_after(mut self, millis: u32) -> Self {
        self.retry = Retry::AfterMillis(millis);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_and_names_are_unique() {
        let numbers: HashSet<_> = ErrorCode::ALL.iter().map(|(code, _)| code).collect();
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|(_, name)| name).collect();
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert_eq!(ErrorCode(9999).to_string(), "9999-unknown");
    }
}
