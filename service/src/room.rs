//! Room for an answer, reserved before the answer is made.

use crate::fault::{Outcome, plain};
use coffer_protocol::error::ErrorCode;
use coffer_transport::Replier;

/// Where an answer goes.
pub(crate) enum Room<'a> {
    /// To a connection, whose window bounds what may wait.
    Connection(&'a mut Replier),
    /// To the caller itself.
    Caller,
}

impl Room<'_> {
    /// Waits until an answer of so many bytes may be held in memory.
    pub(crate) async fn reserve(&mut self, bytes: usize) -> Outcome<()> {
        match self {
            Self::Connection(reply) => {
                reply.reserve(bytes).await.map_err(|_| plain(ErrorCode::CANCELLED))
            }
            Self::Caller => Ok(()),
        }
    }
}
