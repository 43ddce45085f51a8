//! Chunk lists, unsealed: what a decoder would read had the seal been broken.

use super::{Outcome, Target, refused};
use coffer_crypto::{ChunkKey, Manifest, ManifestEntry, SegmentRef};

pub(super) const TARGET: Target = Target {
    name: "manifest",
    words: &[b"CF\x01\x08\x01\0\0\0", b"CF\x01\x08\x02\0\0\0", b"CF\x01\x08\x03\0\0\0"],
    corpus,
    run,
};

fn entry(number: u8) -> ManifestEntry {
    ManifestEntry {
        blob_id: [number; 32],
        key: ChunkKey::from_bytes([number; 32]),
        plain_hash: [number; 32],
        len: u32::from(number) << 10,
    }
}

fn segment(number: u8) -> SegmentRef {
    SegmentRef {
        segment_id: [number; 16],
        blob_id: [number; 32],
        key: ChunkKey::from_bytes([number; 32]),
        chunks: u32::from(number),
        bytes: u64::from(number) << 20,
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let lists = [
        Manifest::Chunks(Vec::new()),
        Manifest::Chunks((1..=3).map(entry).collect()),
        Manifest::Segments((1..=3).map(segment).collect()),
    ];
    lists.iter().filter_map(|list| list.encode().ok().map(|bytes| bytes.to_vec())).collect()
}

fn run(input: &[u8]) -> Outcome {
    let manifest = Manifest::decode(input).map_err(refused)?;
    let again = manifest.encode().map_err(refused);
    assert_eq!(
        again.as_ref().map(|bytes| bytes.as_slice()),
        Ok(input),
        "two encodings of one list"
    );
    manifest.total_len().map(drop).map_err(refused)
}
