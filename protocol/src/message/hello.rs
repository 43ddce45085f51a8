//! The first frame in each direction.

use super::cluster::ServerRole;
use crate::id::ServerId;
use crate::version::Features;
use bincode::{Decode, Encode};

/// The client's first frame.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// Oldest protocol version the client speaks.
    pub oldest: u16,
    /// Newest protocol version the client speaks.
    pub newest: u16,
    /// What the client can do.
    pub features: Features,
    /// Program name and version, for the server's log; at most 64 bytes.
    pub agent: String,
}

/// The server's answer to `Hello`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// The version both sides speak from here on.
    pub version: u16,
    /// What the server can do.
    pub features: Features,
    /// The installation: client state belongs to it.
    pub server_id: ServerId,
    /// Raised by each promotion; a client refuses to go back.
    pub epoch: u64,
    /// What the machine is.
    pub role: ServerRole,
    /// Program name and version.
    pub agent: String,
    /// How much may be in flight.
    pub window: Window,
}

/// Flow control: what the client may have open on this connection. The server
/// stops reading from a client that exceeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Window {
    /// Requests without an answer.
    pub requests: u32,
    /// Payload bytes of requests without an answer, and of answers not yet read.
    pub bytes: u32,
}
