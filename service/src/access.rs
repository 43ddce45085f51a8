//! What a user may do with a node.

use crate::fault::{Outcome, because};
use coffer_protocol::error::ErrorCode;

/// What the signed-in user may do with a node, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// It is shared with the user to read.
    Read,
    /// It is shared with the user to read and write.
    Write,
    /// It is the user's own.
    Owner,
}

impl Access {
    /// Refuses what only a writer may do.
    pub(crate) fn require_write(self) -> Outcome<()> {
        if self >= Self::Write {
            return Ok(());
        }
        Err(because(ErrorCode::NOT_ALLOWED, "it is shared with you to read, not to change"))
    }

    /// Refuses what only the owner may do.
    pub(crate) fn require_owner(self) -> Outcome<()> {
        if self == Self::Owner {
            return Ok(());
        }
        Err(because(ErrorCode::NOT_ALLOWED, "only its owner can do this"))
    }
}
