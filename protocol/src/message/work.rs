//! Proof of work: what strangers pay with where attempts are many, and how a known
//! device is told from strangers.
//!
//! A request that needs work is answered with `ErrorCode::WORK_NEEDED`. The client
//! asks for a challenge (`AskWork`), finds the numbers, shows them (`ProveWork`) and
//! repeats the request, all on the same connection.

use crate::limits::{DEVICE_TOKEN_BYTES, WORK_CHALLENGE_BYTES, WORK_NONCES};
use bincode::{Decode, Encode};

/// What work is done for. Work for one is of no use for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Purpose {
    /// `SignupStart` and the `SignupFinish` that follows.
    SignUp,
    /// One `LoginStart`.
    SignIn,
    /// Uploads past the normal rate of a user.
    Upload,
}

/// A challenge, whose bytes are given back as they are; its layout is in formats.md.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkChallenge {
    /// The difficulty is the third byte; the server's MAC is at the end.
    pub challenge: [u8; WORK_CHALLENGE_BYTES],
}

/// Work that was done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkProof {
    /// The newest challenge of this connection.
    pub challenge: [u8; WORK_CHALLENGE_BYTES],
    /// What solves each of its puzzles.
    pub nonces: [u64; WORK_NONCES],
}

/// Says that a device has signed in to an account before. It opens nothing: it only
/// keeps its owner out of the crowd of strangers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DeviceToken {
    /// As the server made it.
    pub token: [u8; DEVICE_TOKEN_BYTES],
}
