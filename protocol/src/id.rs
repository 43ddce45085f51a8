//! Identifiers: fixed-width newtypes that cannot be mistaken for each other.

use bincode::{Decode, Encode};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Width in bytes.
            pub const BYTES: usize = $bytes;

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads an id from a slice of exactly the right width.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Reads the form that `Display` writes (lower-case hexadecimal).
            pub fn parse_hex(text: &str) -> Option<Self> {
                let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
                Self::from_slice(&bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id!(
    /// A user account; random.
    UserId,
    16
);
id!(
    /// A file or directory; random, never reused.
    NodeId,
    16
);
id!(
    /// A mutating request, chosen at random by the client. A retry carries the
    /// same id and gets the first answer.
    OpId,
    16
);
id!(
    /// An upload in progress, chosen at random by the client.
    UploadId,
    16
);
id!(
    /// A signed-in session that further connections can attach to.
    SessionId,
    16
);
id!(
    /// A share: one node, one recipient; random.
    ShareId,
    16
);
id!(
    /// A replica of an installation; random, given at the join.
    ReplicaId,
    16
);
id!(
    /// A Coffer installation (the pair of primary and replicas); random at `init`.
    ServerId,
    32
);
id!(
    /// A sealed chunk: the BLAKE3 hash of its stored bytes (design 3-crypto, "Contents").
    BlobId,
    32
);
id!(
    /// A BLAKE3-256 hash of plaintext, keyed with the server id.
    Hash32,
    32
);

/// A point in the history of the installation. Positions order all writes;
/// clocks order nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Position {
    /// Raised by each promotion of a replica.
    pub epoch: u64,
    /// Journal entry number, consecutive over all epochs.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}
