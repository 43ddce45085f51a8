//! Errors as the service answers them: one function for each situation, with
//! a stable code, what happened, and what to do next.
//!
//! No sentence here holds a user's file name, so that an answer can be kept
//! with its operation and written to a log by its code.

use coffer_protocol::error::{Conflict, ErrorCode};
use coffer_protocol::{NodeId, WireError};

/// Result of everything that ends in an answer on the wire.
pub(crate) type Outcome<T> = Result<T, WireError>;

/// Milliseconds after which a momentary condition is worth another try.
const SOON: u32 = 250;

/// A sentence and a hint for a code, without anything about the occasion.
pub(crate) fn plain(code: ErrorCode) -> WireError {
    let (message, hint) = texts(code);
    let error = WireError::new(code, message, hint);
    match code {
        ErrorCode::DATABASE_UNAVAILABLE | ErrorCode::UNCERTAIN => error.retry_after(1000),
        ErrorCode::SHUTTING_DOWN | ErrorCode::CONNECTION_LIMIT => error.retry_after(2000),
        ErrorCode::BUSY | ErrorCode::BEHIND => error.retry_after(SOON),
        _ => error,
    }
}

fn texts(code: ErrorCode) -> (&'static str, &'static str) {
    account_texts(code)
        .or_else(|| tree_texts(code))
        .or_else(|| server_texts(code))
        .unwrap_or(("the request could not be carried out", "see the server's log"))
}

fn account_texts(code: ErrorCode) -> Option<(&'static str, &'static str)> {
    Some(match code {
        ErrorCode::SIGN_IN_REFUSED => (
            "user name and password do not go together",
            "check both; a lost password can be replaced with the recovery key",
        ),
        ErrorCode::NOT_SIGNED_IN => ("nobody is signed in on this connection", "sign in first"),
        ErrorCode::SESSION_EXPIRED => ("the session has ended", "sign in again"),
        ErrorCode::SIGN_UP_CLOSED => (
            "this server does not take new accounts",
            "ask the person who runs it to create one for you",
        ),
        ErrorCode::INVITE_INVALID => (
            "the invitation is missing, used up or expired",
            "ask the person who runs the server for a new link",
        ),
        ErrorCode::USER_NAME_UNAVAILABLE => ("this user name cannot be had", "choose another one"),
        ErrorCode::RATE_LIMITED => ("too many attempts", "wait a moment before the next one"),
        ErrorCode::ACCOUNT_DISABLED => (
            "this account has been disabled",
            "ask the person who runs the server; nothing of it has been deleted",
        ),
        ErrorCode::NEW_PASSWORD_NEEDED => (
            "the recovery key was used to sign in",
            "set a new password and a new recovery key first",
        ),
        ErrorCode::BAD_USER_NAME => {
            ("this cannot be a user name", "use 1 to 64 letters, digits and the characters . _ - @")
        }
        ErrorCode::NO_SUCH_USER => {
            ("there is no user of this name", "check the name with the person")
        }
        ErrorCode::CONTACT_CHANGED => (
            "this person's key is not the one that was known",
            "compare the safety number with the person, by telephone or face to face; \
             only if it is the same, confirm the contact",
        ),
        ErrorCode::NO_SUCH_GROUP => ("you have no group of this name", "list your groups"),
        ErrorCode::WORK_NEEDED => (
            "the server asks for some work first, as proof that this is no flood",
            "update the client: it does the work by itself",
        ),
        ErrorCode::BAD_WORK => ("the work that was shown is of no use", "try again"),
        ErrorCode::GROUP_EXISTS => ("you have a group of this name", "choose another name"),
        _ => return None,
    })
}

fn tree_texts(code: ErrorCode) -> Option<(&'static str, &'static str)> {
    Some(match code {
        ErrorCode::NOT_FOUND => ("there is no such file or directory", "check the path"),
        ErrorCode::EXISTS => (
            "there is already something with this name",
            "choose another name, or move what is there out of the way",
        ),
        ErrorCode::NOT_A_DIRECTORY => ("a file is where a directory is needed", "check the path"),
        ErrorCode::IS_A_DIRECTORY => ("a directory is where a file is needed", "check the path"),
        ErrorCode::NOT_EMPTY => {
            ("the directory is not empty", "delete it with everything in it, or empty it first")
        }
        ErrorCode::BAD_NAME => ("this name cannot be stored", "choose another name"),
        ErrorCode::CONFLICT => (
            "somebody else changed it first",
            "look at what is there now, then decide which one to keep, or keep both",
        ),
        ErrorCode::NOT_ALLOWED => ("this cannot be done here", ""),
        ErrorCode::INTO_ITSELF => {
            ("a directory cannot be moved into itself", "choose a place outside of it")
        }
        ErrorCode::NO_SUCH_VERSION => {
            ("there is no such version", "list the versions to see which there are")
        }
        ErrorCode::BAD_CURSOR => ("the page asked for does not exist", "start from the first page"),
        ErrorCode::BAD_PATTERN => (
            "the search pattern cannot be read",
            "use * ? [a-z] {a,b}; put a backslash before a special character",
        ),
        ErrorCode::NO_SUCH_SHARE => {
            ("there is no such share", "it may have been taken back; list what is shared")
        }
        ErrorCode::OTHER_OWNER => {
            ("the two places belong to different users", "copy it there, and then delete it here")
        }
        _ => return None,
    })
}

fn server_texts(code: ErrorCode) -> Option<(&'static str, &'static str)> {
    Some(match code {
        ErrorCode::INTEGRITY => (
            "stored data does not verify, and was not delivered",
            "earlier versions may be intact; tell the person who runs the server",
        ),
        ErrorCode::HASH_MISMATCH => (
            "the bytes that arrived are not the ones that were announced",
            "send them again; if it happens again, check the memory of both machines",
        ),
        ErrorCode::NO_SUCH_UPLOAD => ("the upload is not known any more", "start it again"),
        ErrorCode::UPLOAD_INCOMPLETE => ("parts of the upload are missing", "send them first"),
        ErrorCode::TOO_LARGE => ("the request is larger than a request may be", "split it"),
        ErrorCode::MALFORMED => ("the request cannot be understood", "update the client"),
        ErrorCode::OUT_OF_ORDER => ("the request does not fit what came before it", ""),
        ErrorCode::CANCELLED => ("the request was cancelled", ""),
        ErrorCode::DISK_FULL => (
            "the server's disk is full",
            "delete or purge something, or ask the person who runs the server for room",
        ),
        ErrorCode::DATABASE_UNAVAILABLE => {
            ("the server cannot reach its database", "try again in a moment")
        }
        ErrorCode::UNCERTAIN => (
            "the server cannot say whether the write has happened",
            "ask again: a repeated request is carried out once",
        ),
        ErrorCode::SHUTTING_DOWN => ("the server is stopping", "try again in a moment"),
        ErrorCode::BUSY => ("the server has too much to do right now", "try again in a moment"),
        ErrorCode::CONNECTION_LIMIT => (
            "too many connections are signed in as this user",
            "close other programs that use the account",
        ),
        ErrorCode::FENCED => {
            ("this server is not the primary any more", "connect to the server that was promoted")
        }
        ErrorCode::BEHIND => (
            "this machine has not got yet what was seen elsewhere",
            "ask the primary, or try again in a moment",
        ),
        ErrorCode::READ_ONLY => (
            "this machine follows another one and changes nothing",
            "connect to the primary, or wait until it answers again",
        ),
        ErrorCode::QUOTA => (
            "the storage allowance is used up",
            "purge the trash or old versions, or ask for more room",
        ),
        ErrorCode::INTERNAL => ("a fault in the server", "its log has the details"),
        _ => return None,
    })
}

/// Stored data of a node does not verify.
pub(crate) fn integrity(node: NodeId) -> WireError {
    let text = format!("stored data of node {node} does not verify, and was not delivered");
    because(ErrorCode::INTEGRITY, text)
}

/// The stored record of the account does not verify.
pub(crate) fn account_damaged() -> WireError {
    let hint = "tell the person who runs the server: it needs a backup or a replica";
    let message = "the stored record of the account does not verify".to_owned();
    WireError { message, ..hinted(ErrorCode::INTEGRITY, hint) }
}

/// The same code with a hint that fits the occasion better.
pub(crate) fn hinted(code: ErrorCode, hint: &str) -> WireError {
    WireError { hint: hint.to_owned(), ..plain(code) }
}

/// The same code with a sentence that fits the occasion better.
pub(crate) fn because(code: ErrorCode, message: impl Into<String>) -> WireError {
    WireError { message: message.into(), ..plain(code) }
}

/// More than a stated limit.
pub(crate) fn too_many(what: &str, limit: usize) -> WireError {
    because(ErrorCode::TOO_LARGE, format!("more than {limit} {what} in one request"))
}

/// Too many attempts; the next may succeed after `millis`.
pub(crate) fn rate_limited(millis: u32) -> WireError {
    plain(ErrorCode::RATE_LIMITED).retry_after(millis)
}

/// Somebody else was first.
/// The commit is durable here, and whether anywhere else is not known.
pub(crate) fn not_mirrored() -> WireError {
    let message = "it is not known whether another machine has the change";
    let hint = "ask again; if this goes on, tell the person who runs the server that no replica \
                answers";
    WireError::new(ErrorCode::UNCERTAIN, message, hint).retry_after(1000)
}

pub(crate) fn conflict(by: String, at_millis: i64, revision: u64) -> WireError {
    let conflict = Some(Conflict { by, at_millis, revision });
    WireError { conflict, ..plain(ErrorCode::CONFLICT) }
}

/// A write that lost against other writes too often in a row.
pub(crate) fn contended() -> WireError {
    because(ErrorCode::BUSY, "others are changing the same place").retry_after(SOON)
}

/// Tells an outcome of one item of a batch from a fault that concerns the whole
/// request.
pub(crate) fn per_item<T>(outcome: Outcome<T>) -> Outcome<Outcome<T>> {
    const WHOLE: [ErrorCode; 2] = [ErrorCode::SESSION_EXPIRED, ErrorCode::NOT_SIGNED_IN];
    match outcome {
        // What is refused for lack of room says nothing about a smaller item.
        Err(error) if error.code == ErrorCode::QUOTA => Ok(Err(error)),
        Err(error) if error.code.0 >= 500 || WHOLE.contains(&error.code) => Err(error),
        outcome => Ok(outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_the_service_uses_has_a_sentence() {
        let transport_only = [ErrorCode::UNSUPPORTED_VERSION, ErrorCode::TOO_MANY_REQUESTS];
        for (code, name) in ErrorCode::ALL {
            if transport_only.contains(code) {
                continue;
            }
            let known = account_texts(*code).or(tree_texts(*code)).or(server_texts(*code));
            assert!(known.is_some(), "{name} has no sentence");
        }
    }
}
