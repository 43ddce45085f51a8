//! What a replica and its source say to each other.
//!
//! The replica dials, proves itself and pulls: journal entries in order, chunks
//! by id, and at first contact the rows of a snapshot. Requests can be
//! pipelined; a request for entries waits until there is one. What the source
//! needs from a replica to heal itself travels on the same connection: the replica
//! asks what is wanted, and offers it.

use super::cluster::{Endpoint, EpochProof};
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
    /// What it is.
    pub kind: ReplicaKind,
    /// For a standby: HMAC over the channel binding under a key that is derived from
    /// the master key, because clients are sent there.
    pub member_mac: Option<[u8; 32]>,
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
    /// The machines of the installation, the primary first: whom to follow when this
    /// source is gone.
    pub endpoints: Vec<Endpoint>,
    /// The promotion that began the present epoch; `None` in the first.
    pub proof: Option<EpochProof>,
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

/// Begins to read everything in SQL as it is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BeginSnapshot {
    /// The snapshot of an earlier connection, to go on with it if the source still
    /// has it.
    pub resume: Option<[u8; 16]>,
}

/// Answer to `BeginSnapshot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SnapshotBegun {
    /// Names the snapshot. Another one than was to be resumed: begin anew.
    pub snapshot: [u8; 16],
    /// The moment.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
    /// Hash of everything stored at that moment.
    pub root: [u8; 32],
    /// About how many rows there are, to show progress.
    pub rows: u64,
}

/// Asks for rows of a snapshot, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullRows {
    /// Which snapshot.
    pub snapshot: [u8; 16],
    /// Number of the table.
    pub table: u8,
    /// Where an earlier page ended; `None` from the beginning.
    pub after: Option<Vec<u8>>,
    /// Bytes after which a page ends; at least one row comes.
    pub max_bytes: u32,
    /// Only keys and digests are wanted, to find what differs.
    pub digests: bool,
}

/// Asks for some rows of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullKeys {
    /// Which snapshot.
    pub snapshot: [u8; 16],
    /// Number of the table.
    pub table: u8,
    /// Keys of the rows; at most `limits::MAX_PULL_KEYS`. Rows that do not fit the
    /// payload are left out from the end, and asked for again.
    pub keys: Vec<Vec<u8>>,
}

/// Answer to `PullRows` and `PullKeys`; the rows are the payload.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PulledRows {
    /// Rows in the payload.
    pub count: u32,
    /// Where to go on; `None` after the last row.
    pub next: Option<Vec<u8>>,
}

/// Gives a snapshot up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EndSnapshot {
    /// Which.
    pub snapshot: [u8; 16],
}

/// Names a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct RowName {
    /// Number of the table.
    pub table: u8,
    /// Its key.
    pub key: Vec<u8>,
}

/// Asks for a row as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullRow {
    /// Which.
    pub row: RowName,
}

/// Answer to `PullRow`; the row is the payload, empty if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PulledRow {
    /// Where the answering machine stood when it read the row.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
}

/// Asks what the source needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullWants {
    /// How long to wait for something; the source caps it.
    pub wait_millis: u32,
}

/// What a machine needs to heal itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Wants {
    /// Chunks; at most `limits::MAX_WANTS` of each kind.
    pub chunks: Vec<BlobId>,
    /// Rows.
    pub rows: Vec<RowName>,
    /// Journal entries.
    pub entries: Vec<u64>,
}

/// Brings a chunk that was wanted, as the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OfferChunk {
    /// Which.
    pub blob: BlobId,
    /// Whether it is here and good; if not there is no payload.
    pub found: bool,
}

/// Brings a row that was wanted, as the payload.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OfferRow {
    /// Which.
    pub row: RowName,
    /// Where the offering machine stood when it read it.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
    /// Whether it could be read; then an empty payload says that there is no such
    /// row.
    pub found: bool,
}

/// Brings a journal entry that was wanted, as the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OfferEntry {
    /// Which.
    pub seq: u64,
    /// Whether it is here and good; if not there is no payload.
    pub found: bool,
}

/// Answer to `StepDown`: the primary takes no more writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SteppedDown {
    /// Where its history ends.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
}

/// Makes a machine that was the primary a standby of the present one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rejoin {
    /// HMAC over the channel binding of this connection, under a key that is derived
    /// from the master key: only machines of the installation have it.
    pub mac: [u8; 32],
    /// Address and port under which others reach it.
    pub listen: String,
    /// SHA-256 of the public key of its certificate authority.
    pub fingerprint: [u8; 32],
    /// Where its history ends.
    pub head: Position,
}

/// Where an epoch left the history of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Fork {
    /// The epoch that began.
    pub epoch: u64,
    /// Number of the last entry that both have.
    pub seq: u64,
    /// The chain's hash of everything up to it.
    pub hash: [u8; 32],
}

/// Answer to `Rejoin`.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rejoined {
    /// What the machine is called from now on.
    pub replica: ReplicaId,
    /// Proves it on every later connection.
    pub secret: [u8; 32],
    /// All promotions since the first epoch, in order.
    pub forks: Vec<Fork>,
}

impl std::fmt::Debug for Rejoined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejoined")
            .field("replica", &self.replica)
            .field("forks", &self.forks)
            .finish_non_exhaustive()
    }
}

/// Brings journal entries that only the old primary has, as the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PutDiverged {
    /// Bytes that follow the payload, which is then a piece of one large entry; 0 for
    /// whole entries and for the last piece of one.
    pub rest: u32,
}
