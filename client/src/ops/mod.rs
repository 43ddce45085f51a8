//! The operations of `Client`, by subject.

pub(crate) mod copy;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod people;
pub(crate) mod read;
pub(crate) mod recovered;
pub(crate) mod relocate;
pub(crate) mod share;
pub(crate) mod trash;
pub(crate) mod tree;
pub(crate) mod uploads;
pub(crate) mod versions;

use crate::error::ClientError;
use coffer_protocol::Response;
use coffer_protocol::message::tree::Purged;

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

/// For requests whose answer has nothing to say but that it is done.
pub(crate) fn done(response: &Response, asked: &'static str) -> Result<(), ClientError> {
    match response {
        Response::Done | Response::Changed(_) => Ok(()),
        _ => Err(ClientError::UnexpectedAnswer { asked }),
    }
}

/// Rounds of a purge in a row that may show nothing for their work: a file with
/// very many versions loses a thousand of them in each before it goes itself.
const MAX_IDLE_ROUNDS: u32 = 100_000;

/// Adds up a purge, which is bounded work in each of its rounds.
#[derive(Default)]
pub(crate) struct Rounds {
    pub(crate) count: u64,
    idle: u32,
}

impl Rounds {
    /// Whether there is more to ask for.
    pub(crate) fn add(
        &mut self,
        purged: &Purged,
        asked: &'static str,
    ) -> Result<bool, ClientError> {
        self.count = self.count.saturating_add(purged.count);
        self.idle = if purged.count == 0 { self.idle + 1 } else { 0 };
        match purged.more {
            true if self.idle >= MAX_IDLE_ROUNDS => Err(ClientError::UnexpectedAnswer { asked }),
            more => Ok(more),
        }
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
