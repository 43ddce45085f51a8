//! What is not sent because the server has refused less for lack of room.
//!
//! Guarantees: after a refusal, a file at least as large as the refused one is
//! not sent at all; a smaller one still is, because it may fit.

use crate::error::ClientError;
use coffer_protocol::{ErrorCode, WireError};
use std::sync::{Mutex, PoisonError};

/// The smallest refused file of one upload, and the hint of the server.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<Option<(u64, String)>>);

impl Room {
    /// Takes note of an error, if it says that there is no room.
    pub(crate) fn learn(&self, len: u64, error: &ClientError) {
        let ClientError::Wire(wire) = error else { return };
        if wire.code != ErrorCode::QUOTA {
            return;
        }
        let mut smallest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if smallest.as_ref().is_none_or(|(known, _)| len < *known) {
            *smallest = Some((len, wire.hint.clone()));
        }
    }

    /// Why a file is not worth sending.
    pub(crate) fn refuses(&self, len: u64) -> Option<ClientError> {
        let smallest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, hint) = smallest.as_ref().filter(|(refused, _)| len >= *refused)?;
        let message = "the storage allowance is used up; it was not sent";
        Some(WireError::new(ErrorCode::QUOTA, message, hint.clone()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_smaller_than_all_that_was_refused_is_sent() {
        let room = Room::default();
        let error = |code| ClientError::from(WireError::new(code, "", "make room"));
        room.learn(10, &error(ErrorCode::BUSY));
        assert!(room.refuses(u64::MAX).is_none());
        room.learn(100, &error(ErrorCode::QUOTA));
        room.learn(500, &error(ErrorCode::QUOTA));
        assert!(room.refuses(99).is_none());
        let refusal = room.refuses(100).expect("refused");
        assert_eq!((refusal.code(), refusal.hint()), ("quota", "make room"));
    }
}
