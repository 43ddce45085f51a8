//! The store's side of replication: what a source gives, what a replica takes.
//!
//! Guarantees:
//!
//! - A replica has what its source had: the entries of the journal are applied by
//!   the same function, with the same time, and kept verbatim. Rows, entries and
//!   position change in one transaction, so that a replica that was cut short
//!   anywhere goes on where it was, and what comes twice is taken once.
//! - An entry is applied only when it follows from the one before, and when every
//!   chunk that it brings is there, verified and flushed. The order of durability
//!   is that of commits: chunks, then rows, then the answer.
//! - Another history is told apart by the hash of an entry that both have, and is
//!   never written over.
//! - At first contact, or when the source does not keep the entries any more, a
//!   replica is filled with the rows of one moment. Until all of them, and the
//!   files of their chunks, are there and proven equal, one that had no rows
//!   neither follows nor can it be read, and one that had some stays as it was.
//! - Two machines at one position have one state root, whatever their engines.
//! - A replica changes nothing by itself: commits, collection and expiry are for
//!   the primary. Files of chunks whose rows went are swept up.

mod digests;
mod drill;
mod entry;
mod feed;
mod follow;
mod load;
pub(crate) mod pages;
mod put;
mod refill;
mod root;
mod snapshot;
mod staging;

pub use drill::{DrillProblem, DrillProgress, DrillReport, Extent, MAX_SAMPLE};
pub use entry::{EntryError, JournalEntry};
pub use feed::{JournalHead, MAX_ENTRIES_BYTES};
pub(crate) use follow::{Batch, Unfollowed, run};
pub use follow::{FollowError, MAX_FOLLOW_BYTES, MAX_FOLLOW_ENTRIES};
pub(crate) use load::{Load, Replacement};
pub use pages::{RowPage, SNAPSHOT_TABLES};
pub(crate) use pages::{decode as decode_rows, table};
pub use put::{Arrival, arrivals};
pub use refill::{Comparison, FileWalk, MAX_ABSENT, NextPage, Refill};
pub(crate) use root::root as state_root;
pub use snapshot::Snapshot;
pub use staging::{Moment, Way};
pub(crate) use staging::{Record, Staging};

use crate::journal::{ROLE_LOADING, ROLE_PRIMARY, ROLE_REPLICA};

/// What a machine is in its installation; see also [`crate::Seat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It decides: commits are made here.
    Primary,
    /// It follows the journal of another machine.
    Replica,
    /// It will follow, and is being filled from a snapshot; there is nothing to
    /// read yet.
    Loading,
}

impl Role {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Primary => ROLE_PRIMARY,
            Self::Replica => ROLE_REPLICA,
            Self::Loading => ROLE_LOADING,
        }
    }

    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            ROLE_PRIMARY => Self::Primary,
            ROLE_LOADING => Self::Loading,
            // Whatever a later version adds, it is not for this one to write.
            _ => Self::Replica,
        }
    }
}
