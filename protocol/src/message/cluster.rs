//! Which machines an installation has, and who of them is the primary.

use crate::id::Position;
use bincode::{Decode, Encode};

/// What a machine is when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum ServerRole {
    /// It decides: changes are made here.
    Primary,
    /// It follows, has the master key, and serves reads.
    Standby,
    /// It follows and serves nobody.
    Keyless,
    /// It was the primary and is not any more.
    Fenced,
}

/// A machine that clients can connect to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// SHA-256 of the public key of its certificate authority.
    pub fingerprint: [u8; 32],
    /// What it is, as far as the answering machine knows.
    pub role: ServerRole,
}

/// Proof that a promotion has taken place. Only machines that have the master key
/// can make and check it; clients and replicas carry it to a machine that does not
/// know yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EpochProof {
    /// The epoch that the promotion began.
    pub epoch: u64,
    /// Number of the last entry that the epochs before have in common with it.
    pub fork_seq: u64,
    /// The chain's hash of everything up to that entry.
    pub fork_hash: [u8; 32],
    /// Host name or address of the primary of the new epoch.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// SHA-256 of the public key of its certificate authority.
    pub fingerprint: [u8; 32],
    /// HMAC over all fields, under a key that is derived from the master key.
    pub mac: [u8; 32],
}

/// Answer to `Cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClusterInfo {
    /// What the answering machine is.
    pub role: ServerRole,
    /// Where it stands.
    pub position: Position,
    /// Newest position of the primary that it has heard of.
    pub head: Position,
    /// Age of what it shows, milliseconds; 0 at the primary.
    pub behind_millis: u64,
    /// Machines, the answering one included, that hold everything up to `position`.
    pub machines: u8,
    /// The primary and the standbys, the primary first.
    pub endpoints: Vec<Endpoint>,
    /// The promotion that began the present epoch; `None` in the first.
    pub proof: Option<EpochProof>,
}

/// Waits until a machine stands here or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AwaitPosition {
    /// What the client has seen already.
    pub position: Position,
    /// How long to wait; the machine caps it.
    pub wait_millis: u32,
}
