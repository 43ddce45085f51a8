//! The Coffer protocol, without any input or output: message types, frame
//! header, body codec, limits, ids, error codes and the connection link.
//!
//! Guarantees: nothing here opens a socket, reads a clock, touches a file or
//! draws randomness; decoding is bounded, refuses trailing bytes and never
//! panics on any input. `docs/protocol.md` describes every message.

pub mod amount;
pub mod codec;
pub mod effect;
pub mod error;
pub mod frame;
pub mod id;
pub mod limits;
pub mod link;
pub mod message;
pub mod place;
pub mod version;

pub use error::{ErrorCode, Retry, WireError};
pub use id::{
    BlobId, Hash32, NodeId, OpId, Position, ReplicaId, ServerId, SessionId, ShareId, UploadId,
    UserId,
};
pub use message::{Request, Response};
pub use place::{Base, Place};
