//! What a replica and its source say to each other.
//!
//! The replica dials, proves itself and pulls: journal entries in order, chunks
//! by id, and at first contact the rows of a snapshot. Requests can be
//! pipelined; a request for entries waits until there is one.

use crate::id::{BlobId, Position, ReplicaId, ServerId};
use bincode::{Decode, Encode};

/// What a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum ReplicaKind {
    /// It has no key: it stores, verifies and heals, and can read nothing.
    Keyless,
    /// It has the master key: it can serve reads and be promoted.
    Standby,
}

/// Makes a machine a replica, once, with a token that the operator has brought.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Join {
    /// The token.
    pub token: [u8; 32],
    /// What the machine shall be.
    pub kind: ReplicaKind,
    /// Address and port under which others reach it.
    pub listen: String,
    /// SHA-256 of the public key of its own certificate authority.
    pub fingerprint: [u8; 32],
}

/// Answer to `Join`.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Joined {
    /// The installation.
    pub server_id: ServerId,
    /// What the replica is called from now on.
    pub replica: ReplicaId,
    /// Proves the replica on every later connection.
    pub secret: [u8; 32],
    /// Tells whether a master key is the one of this installation.
    pub check_value: [u8; 32],
    /// For a standby: the master key.
    pub master_key: Option<[u8; 32]>,
}

impl std::fmt::Debug for Joined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Joined({})", self.replica)
    }
}

/// Begins a connection of a replica.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PeerHello {
    /// Who.
    pub replica: ReplicaId,
    /// HMAC-SHA-256 with the replica's secret over the channel binding of this
    /// connection.
    pub mac: [u8; 32],
    /// Where its journal ends.
    pub position: Position,
    /// Hash of its last entry.
    pub chain_hash: [u8; 32],
    /// It has no rows yet, or not all of them.
    pub empty: bool,
}

/// How a replica has to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Course {
    /// Ask for the entries that follow.
    Follow,
    /// Begin with a snapshot: the entries that follow are gone, or there are no
    /// rows yet.
    Snapshot,
    /// The last entry is none of the source's: two histories. Nothing may be
    /// applied.
    Fork,
}

/// Answer to `PeerHello`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PeerWelcome {
    /// Where the source stands.
    pub head: Position,
    /// How to go on.
    pub course: Course,
}

/// Asks for journal entries; waits for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullEntries {
    /// Number of the last entry that is there.
    pub after: u64,
    /// Bytes of the entry after it that are there as well; 0 but for an entry
    /// that is larger than a payload.
    pub offset: u32,
    /// Most bytes wanted; at least one entry comes.
    pub max_bytes: u32,
    /// How long to wait for the first; the source caps it.
    pub wait_millis: u32,
}

/// Answer to `PullEntries`; the entries are the payload.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PulledEntries {
    /// Where the source stands.
    pub head: Position,
    /// Time of the head's commit by the source's clock, milliseconds since 1970.
    pub head_millis: i64,
    /// Whole entries in the payload.
    pub count: u32,
    /// Bytes that follow the payload, which is then a piece of one large entry;
    /// 0 for whole entries and for the last piece of one.
    pub rest: u32,
}

/// Asks for a sealed chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullChunk {
    /// Which.
    pub blob: BlobId,
}

/// Asks for many chunks that are stored in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullInline {
    /// Which; at most `limits::MAX_PULL_INLINE`.
    pub blobs: Vec<BlobId>,
}

/// Answer to `PullInline`; the chunks that are there are the payload.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PulledInline {
    /// Length of each, in the order asked for; `None` for one that is not there.
    pub lengths: Vec<Option<u32>>,
}

/// Says how far a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Progress {
    /// Last entry that has arrived.
    pub received: u64,
    /// Last entry that is durable there, with its chunks.
    pub flushed: u64,
}
