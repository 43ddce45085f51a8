//! What a commit is made of, and what can become of it.

use crate::changes::Change;
use crate::pins::ChunkPin;
use crate::rows::{DivergedKey, SegmentId, Usage};
use bytes::Bytes;
use coffer_protocol::{BlobId, NodeId, Position, ShareId, UserId};

/// Makes a commit repeatable. Derived by the service from the user and the
/// operation id of the request, so that users cannot meet each other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpKey(pub [u8; 16]);

/// Something that has to hold at the moment of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The node's row is still at this revision.
    NodeAt {
        /// The node.
        node: NodeId,
        /// Its row revision.
        revision: u64,
    },
    /// The node is a directory and not itself in the trash.
    LiveDirectory(NodeId),
    /// Nothing in the directory has the name.
    NameFree {
        /// The directory.
        parent: NodeId,
        /// Keyed hash of the name.
        lookup_tag: [u8; 32],
    },
    /// `node` is neither `ancestor` nor somewhere below it.
    NotInside {
        /// The directory that something moves to.
        node: NodeId,
        /// What moves.
        ancestor: NodeId,
    },
    /// Nothing is in the directory; what was moved to the trash does not count.
    Empty(NodeId),
    /// No node names this one as its parent, not even one in the trash.
    Childless(NodeId),
    /// No user has this name.
    UserTagFree([u8; 32]),
    /// The user's credentials are still of this version.
    UserAt {
        /// The user.
        user: UserId,
        /// Version of the credentials.
        version: u32,
    },
    /// The invitation has uses left and has not expired.
    InviteLive([u8; 32]),
    /// The invitation has exactly this many uses left and has not expired.
    InviteAt {
        /// Keyed hash of the code.
        tag: [u8; 32],
        /// Uses left.
        uses_left: u32,
    },
    /// The version exists.
    VersionExists(NodeId, u64),
    /// The segment exists.
    SegmentExists(SegmentId),
    /// The setting has exactly this value, or is absent.
    SettingIs {
        /// Name of the setting.
        key: String,
        /// What it must be.
        value: Option<Vec<u8>>,
    },
    /// The user owns the node; or the node is below, or is, one that is shared
    /// with the user in the wanted mode, the share has not ended, and nothing
    /// from the node up to the root of the tree is in the trash.
    Access {
        /// The user.
        user: UserId,
        /// The node.
        node: NodeId,
        /// Whether the user wants to change something.
        write: bool,
    },
    /// A user has room for what the commit adds.
    Room {
        /// The user.
        owner: UserId,
        /// What the commit adds.
        more: Usage,
        /// Most files and directories; `None`: no limit.
        most_nodes: Option<u64>,
        /// Most bytes; `None`: no limit.
        most_bytes: Option<u64>,
    },
    /// The share's row is still at this revision.
    ShareAt {
        /// The share.
        share: ShareId,
        /// Its revision; 0: there is no such share.
        revision: u64,
    },
    /// The write of an earlier primary still waits for what is to be done with it.
    DivergedWaits(DivergedKey),
    /// The group's row is still at this revision.
    GroupAt {
        /// The group.
        group: [u8; 16],
        /// Its revision; 0: there is no such group.
        revision: u64,
    },
}

/// A set of changes that happens as a whole or not at all.
#[derive(Debug, Default)]
pub struct Commit {
    /// Makes the commit repeatable: a second one with the same key changes
    /// nothing and gets the first one's `result`.
    pub op: Option<OpKey>,
    /// What has to hold.
    pub preconditions: Vec<Precondition>,
    /// What to write. If two concern the same row, the later one counts.
    pub changes: Vec<Change>,
    /// Small sealed chunks that go into SQL.
    pub inline: Vec<(BlobId, Bytes)>,
    /// Chunk files that the changes refer to.
    pub pins: Vec<ChunkPin>,
    /// Kept with the operation key for a repeated request.
    pub result: Vec<u8>,
}

/// A commit that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the history.
    pub position: Position,
    /// Machines that hold it durably.
    pub machines: u8,
    /// The commit had been made before: the first one's `result`.
    pub repeated: Option<Vec<u8>>,
}

/// A commit that did not happen, or of which that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Something that had to hold does not.
    #[error("precondition {index} of the commit does not hold: {precondition:?}")]
    Precondition {
        /// Its place in [`Commit::preconditions`].
        index: usize,
        /// The precondition.
        precondition: Precondition,
    },
    /// Another node has the name, or another user has the user name, and no
    /// precondition had asked for it to be free.
    #[error("a row of `{0}` with the same unique key is there already")]
    Duplicate(&'static str),
    /// The changes refer to chunks that are not stored (any more): they have to
    /// be uploaded again.
    #[error("{} chunks must be uploaded again", .0.len())]
    NeedUpload(Vec<BlobId>),
    /// More than one transaction or one column takes.
    #[error("the commit is too large: {0}")]
    TooLarge(&'static str),
    /// A row contradicts itself or others: a bug, or damage.
    #[error("the commit met an inconsistency: {0}")]
    Inconsistent(String),
    /// A row that the commit depends on is damaged.
    #[error("a row of table `{table}` is damaged: {key}")]
    DamagedRow {
        /// The table.
        table: &'static str,
        /// The primary key, in hexadecimal.
        key: String,
    },
    /// This installation is not (any more) the primary.
    #[error("this server is not the primary any more")]
    Fenced,
    /// No space is left.
    #[error("the disk is full")]
    DiskFull,
    /// The database cannot be reached; nothing was written; a retry can help.
    #[error("the database cannot be reached: {0}")]
    DatabaseUnavailable(String),
    /// The database refused; nothing was written.
    #[error("the database refused the commit: {0}")]
    Database(String),
    /// Too many commits wait already.
    #[error("too many commits wait")]
    Busy,
    /// Whether the commit happened is not known.
    #[error("it is not known whether the commit happened: {0}")]
    Uncertain(String),
    /// A flush failed earlier; the process has to stop.
    #[error("the store has stopped after a failed flush")]
    Poisoned,
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}
