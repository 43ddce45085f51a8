//! Metadata of one revision of a file or directory.
//!
//! ```text
//! 0   8   size
//! 8   8   modified, milliseconds since 1970, signed
//! 16  8   created
//! 24  8   written
//! 32  1   executable: 0 or 1
//! 33  16  author
//! 49  32  content hash
//! 81  8   number of chunks
//! ```

use crate::error::Result;
use crate::siv::Object;
use zeroize::Zeroizing;

pub(crate) const META_BYTES: usize = 89;

/// What is known about one revision of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Bytes; 0 for a directory.
    pub size: u64,
    /// Modification time as the client gave it, milliseconds since 1970.
    pub modified_millis: i64,
    /// Creation of the node by the server's clock.
    pub created_millis: i64,
    /// Writing of this revision by the server's clock.
    pub written_millis: i64,
    /// Whether the file is executable.
    pub executable: bool,
    /// Who wrote this revision.
    pub author: [u8; 16],
    /// Hash over the chunks in order; zero for a directory.
    pub content_hash: [u8; 32],
    /// Number of chunks.
    pub chunks: u64,
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

impl Meta {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(META_BYTES));
        out.extend(self.size.to_be_bytes());
        out.extend(self.modified_millis.to_be_bytes());
        out.extend(self.created_millis.to_be_bytes());
        out.extend(self.written_millis.to_be_bytes());
        out.push(u8::from(self.executable));
        out.extend(self.author);
        out.extend(self.content_hash);
        out.extend(self.chunks.to_be_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8; META_BYTES]) -> Result<Self> {
        Self::read(bytes).ok_or(Object::Meta.broken())
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self {
            size: u64::from_be_bytes(take(bytes)?),
            modified_millis: i64::from_be_bytes(take(bytes)?),
            created_millis: i64::from_be_bytes(take(bytes)?),
            written_millis: i64::from_be_bytes(take(bytes)?),
            executable: match take(bytes)? {
                [0] => false,
                [1] => true,
                _ => return None,
            },
            author: take(bytes)?,
            content_hash: take(bytes)?,
            chunks: u64::from_be_bytes(take(bytes)?),
        })
    }
}
