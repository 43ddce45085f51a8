//! The operations of `Client`, by subject.

pub(crate) mod copy;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod trash;
pub(crate) mod tree;
pub(crate) mod versions;

use crate::error::ClientError;
use coffer_protocol::Response;

/// Entries asked for in one page; the server may send fewer.
pub(crate) const PAGE_ENTRIES: u32 = coffer_protocol::limits::MAX_PAGE_ENTRIES;

/// Takes the expected variant out of an answer.
macro_rules! answer {
    ($response:expr, $variant:ident, $asked:literal) => {
        match $response {
            coffer_protocol::Response::$variant(value) => Ok(value),
            _ => Err(crate::error::ClientError::UnexpectedAnswer { asked: $asked }),
        }
    };
}
pub(crate) use answer;

/// For requests that are answered with `Done`.
pub(crate) fn done(response: &Response, asked: &'static str) -> Result<(), ClientError> {
    match response {
        Response::Done => Ok(()),
        _ => Err(ClientError::UnexpectedAnswer { asked }),
    }
}

/// A batch must come back with one outcome for each item.
pub(crate) fn check_count(
    got: usize,
    wanted: usize,
    asked: &'static str,
) -> Result<(), ClientError> {
    if got == wanted { Ok(()) } else { Err(ClientError::UnexpectedAnswer { asked }) }
}
