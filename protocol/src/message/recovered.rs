//! What was written at a machine that was the primary, after another one had taken
//! its place: what of it came back, and what did not.

use crate::id::NodeId;
use crate::limits::MAX_PAGE_ENTRIES;
use bincode::{Decode, Encode};

/// Most writes that one `DismissDiverged` names.
pub const MAX_DISMISSED: usize = MAX_PAGE_ENTRIES as usize;

/// What had been done, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Happened {
    /// A file was written. It is back, as a file of its own.
    FileBack,
    /// A directory was made. It is back.
    DirectoryBack,
    /// A file was written, and its content is not to be had any more.
    FileLost,
    /// Something was moved to the trash. That was not done again.
    Deleted,
    /// Something was deleted for good. That was not done again.
    Purged,
    /// A version of a file was deleted for good. That was not done again.
    VersionPurged,
    /// Something was renamed or moved. That was not done again.
    Moved,
    /// Something was put back from the trash. That was not done again.
    Restored,
    /// Something was shared, or a share was changed. That was not done again.
    Shared,
    /// A share was taken back. That was not done again.
    Unshared,
    /// A group was made or changed. That was not done again.
    GroupChanged,
    /// A group was deleted. That was not done again.
    GroupDeleted,
    /// The key of another user was accepted or forgotten. That was not done again.
    ContactChanged,
    /// The account was changed: its password, for instance. That was not done again.
    AccountChanged,
}

/// Asks for a page of what was written at a machine that was the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListDiverged {
    /// Where an earlier page ended.
    pub after: Option<[u8; 32]>,
    /// Most entries wanted; capped by `MAX_PAGE_ENTRIES`. 0 asks for the numbers
    /// only.
    pub limit: u32,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DivergedEntry {
    /// Names it.
    pub id: [u8; 32],
    /// What had been done, and what became of it.
    pub happened: Happened,
    /// When it was done, by the clock of that machine, milliseconds since 1970.
    pub written_millis: i64,
    /// What it was done to, as far as that can still be told: names from the home
    /// directory down.
    pub names: Vec<String>,
    /// What came back, where it is now: its node.
    pub node: Option<NodeId>,
    /// The other side of a share or the name of a group, where that can be told; for
    /// what was renamed or moved its name there.
    pub other: String,
}

/// Answer to `ListDiverged`, in the order in which the writes were made.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DivergedPage {
    /// The writes.
    pub entries: Vec<DivergedEntry>,
    /// Where to go on; `None` after the last.
    pub next: Option<[u8; 32]>,
    /// How many writes came back.
    pub returned: u64,
    /// How many were not done again.
    pub listed: u64,
    /// How many are still to be worked through; that goes on in the background.
    pub waiting: u64,
    /// How many cannot come back.
    pub lost: u64,
}

/// Takes writes off the list, for good. What came back stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DismissDiverged {
    /// Which; at most `MAX_DISMISSED`. Those that are not there are no error.
    pub ids: Vec<[u8; 32]>,
    /// All of them instead, a bounded number at a time.
    pub all: bool,
}

/// Answer to `DismissDiverged`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Dismissed {
    /// How many were taken off.
    pub count: u32,
    /// There are more: ask again.
    pub more: bool,
}
