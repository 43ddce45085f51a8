//! The part of the chunk format that needs no key: bounds and the id.
//!
//! A sealed chunk is `header (16) || ciphertext || tag (32)` and its id is
//! `BLAKE3( BLAKE3(header || ciphertext) || tag )`. Whoever holds the bytes can
//! check them against the id; only the holder of the chunk's key can make or
//! open them. This crate knows no key and reads nothing of the header.

use coffer_protocol::BlobId;
use coffer_protocol::limits::MAX_CHUNK_BYTES;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;
/// Bytes of the tag.
pub const TAG_BYTES: usize = 32;
/// The smallest sealed chunk, that of an empty file.
pub const MIN_SEALED_BYTES: usize = HEADER_BYTES + TAG_BYTES;
/// The largest sealed chunk.
pub const MAX_SEALED_BYTES: usize = MAX_CHUNK_BYTES + MIN_SEALED_BYTES;

/// Computes the id of a sealed chunk; `None` if it cannot be one by its length.
pub fn blob_id(sealed: &[u8]) -> Option<BlobId> {
    if !(MIN_SEALED_BYTES..=MAX_SEALED_BYTES).contains(&sealed.len()) {
        return None;
    }
    let (body, tag) = sealed.split_at(sealed.len() - TAG_BYTES);
    let mut hasher = blake3::Hasher::new();
    hasher.update(blake3::hash(body).as_bytes()).update(tag);
    Some(BlobId(*hasher.finalize().as_bytes()))
}

/// Says whether the bytes are the chunk of this id.
pub fn matches(blob: &BlobId, sealed: &[u8]) -> bool {
    blob_id(sealed) == Some(*blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the crate that seals. Test data only: this crate shares a
    /// format with it and no code.
    const GOLDEN: &str = include_str!("../../../crypto/golden/v1.txt");

    fn golden(name: &str) -> Vec<u8> {
        let line = GOLDEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        let hex = line.unwrap_or_else(|| panic!("no vector {name}"));
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_id_is_that_of_the_golden_chunks() {
        for name in ["chunk", "dedup"] {
            let field = |field| golden(&format!("{name}.{field}"));
            let sealed = [field("header"), field("ciphertext"), field("tag")].concat();
            let id = BlobId::from_slice(&field("blob-id"));
            assert_eq!(blob_id(&sealed), id);
            assert_eq!(field("header").len(), HEADER_BYTES);
            assert_eq!(field("tag").len(), TAG_BYTES);
        }
    }

    #[test]
    fn the_length_is_bounded_on_both_sides() {
        assert_eq!(blob_id(&[0; MIN_SEALED_BYTES - 1]), None);
        assert!(blob_id(&[0; MIN_SEALED_BYTES]).is_some());
        assert!(blob_id(&vec![0; MAX_SEALED_BYTES]).is_some());
        assert_eq!(blob_id(&vec![0; MAX_SEALED_BYTES + 1]), None);
    }
}
