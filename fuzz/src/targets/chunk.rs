//! Sealed chunks. No changed blob may open, and a blob that opens under its id
//! must be the one that was sealed.

use super::{Outcome, Target, refused};
use coffer_crypto::ChunkKey;
use coffer_crypto::chunk::{self, open_in_place};

const KEY: [u8; 32] = [7; 32];

pub(super) const TARGET: Target = Target {
    name: "chunk",
    words: &[b"CFXC", b"CFXC\x01\x01\0\0", b"CFXC\x01\x01\x01\0"],
    corpus: || sealed().map(|sealed| sealed.bytes).collect(),
    run,
};

fn sealed() -> impl Iterator<Item = chunk::SealedChunk> {
    let plains = [&b""[..], b"a small file", &[0x5a; 1000]];
    plains.into_iter().map(|plain| chunk::seal(&ChunkKey::from_bytes(KEY), plain))
}

fn run(input: &[u8]) -> Outcome {
    for known in sealed() {
        let mut bytes = input.to_vec();
        let opened = open_in_place(&ChunkKey::from_bytes(KEY), &known.blob_id, &mut bytes);
        assert_eq!(opened.is_ok(), input == known.bytes, "opens although it was changed");
    }
    let id = chunk::blob_id(input).map_err(refused)?;
    let mut bytes = input.to_vec();
    // Its own id, so that the check of the tag is reached.
    open_in_place(&ChunkKey::from_bytes(KEY), &id, &mut bytes).map(drop).map_err(refused)
}
