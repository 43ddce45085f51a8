//! Chunks and chunk lists.

use super::{child, child_id, entries, entry, server, server_id};
use crate::chunk::{self, ChunkKey, ContentHasher, HEADER_BYTES, OVERHEAD};
use crate::error::CryptoError;
use crate::manifest::{
    MAX_CHUNK_BYTES, Manifest, ManifestEntry, SEGMENT_ENTRIES, SegmentRef, open_segment,
    seal_segment,
};
use proptest::prelude::*;

fn list(manifest: &Manifest) -> Vec<u8> {
    manifest.encode().unwrap().to_vec()
}

fn segment(chunks: u32, bytes: u64) -> SegmentRef {
    let key = ChunkKey::from_bytes([8; 32]);
    SegmentRef { segment_id: [7; 16], blob_id: [6; 32], key, chunks, bytes }
}

#[test]
fn the_same_contents_make_the_same_blob_and_a_random_key_another() {
    let (server, plain) = (server(), vec![7; 70_000]);
    let hash = chunk::plain_hash(&server_id(), &plain);
    let seal = || chunk::seal(&server.dedup_key(70_000, &hash), &plain);
    assert!(seal() == seal());
    let random = || chunk::seal(&ChunkKey::generate().unwrap(), &plain).blob_id;
    assert_ne!(random(), random());
    assert_ne!(server.dedup_key(70_000, &hash).expose(), server.dedup_key(70_001, &hash).expose());
    assert_ne!(*server.dedup_key(1, &hash).expose(), server.dedup_fingerprint(1, &hash));
    assert_ne!(hash, chunk::plain_hash(&[0; 32], &plain), "another installation");
}

#[test]
fn nothing_is_decrypted_before_it_is_checked() {
    let (key, other) = (ChunkKey::from_bytes([1; 32]), ChunkKey::from_bytes([2; 32]));
    let sealed = chunk::seal(&key, &[0x61; 500]);
    let mut bytes = sealed.bytes.clone();
    assert!(chunk::open_in_place(&other, &sealed.blob_id, &mut bytes).is_err(), "another key");
    assert!(chunk::open_in_place(&key, &[0; 32], &mut bytes).is_err(), "another blob");
    assert!(bytes == sealed.bytes, "a refused blob was written to");
    let range = chunk::open_in_place(&key, &sealed.blob_id, &mut bytes).unwrap();
    assert!(bytes[range] == [0x61; 500]);
}

#[test]
fn a_blob_is_checked_without_a_key() {
    let sealed = chunk::seal(&ChunkKey::from_bytes([1; 32]), b"hello");
    assert_eq!(chunk::blob_id(&sealed.bytes), Ok(sealed.blob_id));
    assert_eq!(sealed.bytes.len(), 5 + OVERHEAD);
    for bit in 0..sealed.bytes.len() * 8 {
        let mut bytes = sealed.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(chunk::blob_id(&bytes), Ok(sealed.blob_id), "bit {bit}");
    }
}

#[test]
fn blobs_of_another_version_are_named_as_such() {
    let sealed = chunk::seal(&ChunkKey::from_bytes([1; 32]), b"hello").bytes;
    for (place, value) in [(4, 2), (4, 0), (5, 3), (6, 2), (7, 1)] {
        let mut bytes = sealed.clone();
        bytes[place] = value;
        let refused = chunk::blob_id(&bytes);
        assert!(matches!(refused, Err(CryptoError::UnknownVersion { .. })), "byte {place}");
    }
    for bytes in [&sealed[..OVERHEAD - 1], &sealed[..HEADER_BYTES], b"", b"CFXC"] {
        assert!(matches!(chunk::blob_id(bytes), Err(CryptoError::Integrity { .. })));
    }
}

#[test]
fn the_hash_of_a_file_fixes_order_number_and_lengths() {
    let hash = |chunks: &[(u8, u32)]| {
        let mut hasher = ContentHasher::new(&server_id());
        for (byte, len) in chunks {
            hasher.add(&[*byte; 32], *len);
        }
        hasher.finish()
    };
    let right = hash(&[(1, 5), (2, 6)]);
    assert_eq!(right, hash(&[(1, 5), (2, 6)]));
    for other in [&[(2, 6), (1, 5)][..], &[(1, 5)], &[(1, 5), (2, 7)], &[(1, 5), (2, 6), (2, 6)]] {
        assert_ne!(right, hash(other), "{other:?}");
    }
    assert_ne!(hash(&[]), chunk::plain_hash(&server_id(), b""));
}

#[test]
fn chunk_lists_read_back() {
    for manifest in [
        Manifest::Chunks(entries()),
        Manifest::Chunks(Vec::new()),
        Manifest::Segments(vec![segment(8192, 9_000_000_000), segment(1, 1)]),
    ] {
        let read = Manifest::decode(&list(&manifest)).unwrap();
        assert_eq!(list(&read), list(&manifest));
        assert_eq!(read.total_len(), manifest.total_len());
        assert_eq!(read.chunks(), manifest.chunks());
    }
    let sealed = child().seal_manifest(&Manifest::Chunks(entries()), &child_id(), 1).unwrap();
    let opened = child().open_manifest(&sealed, &child_id(), 1).unwrap();
    assert_eq!((opened.chunks(), opened.total_len()), (2, Ok((4 << 20) + 5)));
}

#[test]
fn chunk_lists_that_lie_are_refused() {
    let good = list(&Manifest::Chunks(entries()));
    let refused = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        Manifest::decode(&bytes).is_err()
    };
    // Magic, version, type, form, reserved, number (both ways), total length.
    for (place, value) in
        [(0, 0), (1, 0), (2, 2), (3, 7), (4, 0), (4, 2), (4, 3), (5, 1), (7, 1), (8, 255), (11, 1)]
    {
        assert!(refused(place, value), "byte {place} = {value}");
    }
    assert!(refused(11, 3) && refused(19, 6) && refused(12, 1));
    for length in 0..good.len() {
        assert!(Manifest::decode(&good[..length]).is_err());
    }
    assert!(Manifest::decode(&[&good[..], &[0]].concat()).is_err());
    let mut newer = good.clone();
    newer[2] = 2;
    assert!(matches!(Manifest::decode(&newer), Err(CryptoError::UnknownVersion { .. })));
}

#[test]
fn chunk_lists_out_of_bounds_are_not_written() {
    let many = || (0..=SEGMENT_ENTRIES).map(|_| entry(1, 1)).collect::<Vec<ManifestEntry>>();
    assert!(Manifest::Chunks(many()).encode().is_err());
    assert!(seal_segment(&many()).is_err());
    assert!(Manifest::Chunks(vec![entry(1, 0)]).encode().is_err());
    assert!(Manifest::Chunks(vec![entry(1, MAX_CHUNK_BYTES + 1)]).encode().is_err());
    assert!(Manifest::Segments(Vec::new()).encode().is_err());
    for (chunks, bytes) in [(0, 0), (8193, 8193), (2, 1), (1, u64::MAX), (1, 5 << 20)] {
        let manifest = Manifest::Segments(vec![segment(chunks, bytes)]);
        assert!(manifest.encode().is_err(), "{chunks} chunks, {bytes} bytes");
    }
}

#[test]
fn a_segment_opens_only_as_what_the_list_says() {
    let (key, blob) = seal_segment(&entries()).unwrap();
    let total = (4 << 20) + 5;
    let reference = |chunks, bytes| SegmentRef {
        segment_id: [7; 16],
        blob_id: blob.blob_id,
        key: ChunkKey::from_bytes(*key.expose()),
        chunks,
        bytes,
    };
    let opened = open_segment(&reference(2, total), blob.bytes.clone()).unwrap();
    assert_eq!(list(&Manifest::Chunks(opened)), list(&Manifest::Chunks(entries())));
    assert!(open_segment(&reference(1, total), blob.bytes.clone()).is_err());
    assert!(open_segment(&reference(2, total + 1), blob.bytes.clone()).is_err());

    let file = chunk::seal(&key, &list(&Manifest::Chunks(entries())));
    let whole_list = SegmentRef { blob_id: file.blob_id, ..reference(2, total) };
    assert!(open_segment(&whole_list, file.bytes).is_err(), "a chunk that looks like a list");
}

proptest! {
    #[test]
    fn any_chunk_reads_back(key: [u8; 32], plain: Vec<u8>) {
        let sealed = chunk::seal(&ChunkKey::from_bytes(key), &plain);
        prop_assert_eq!(chunk::blob_id(&sealed.bytes), Ok(sealed.blob_id));
        let opened = chunk::open(&ChunkKey::from_bytes(key), &sealed.blob_id, sealed.bytes);
        prop_assert_eq!(opened, Ok(plain));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        mut bytes: Vec<u8>,
        head in prop_oneof![Just(&b""[..]), Just(&b"CFXC\x01\x01\0\0"[..]), Just(&b"CF\x01\x08\x01\0\0\0"[..])],
    ) {
        bytes.splice(..0, head.iter().copied());
        let _ = chunk::blob_id(&bytes);
        let _ = Manifest::decode(&bytes);
        let _ = child().open_manifest(&bytes, &child_id(), 1);
        let _ = chunk::open(&ChunkKey::from_bytes([0; 32]), &[0; 32], bytes);
    }

    /// A list has one encoding: whatever decodes encodes to the same bytes.
    #[test]
    fn a_chunk_list_has_one_encoding(place in 0_usize..220, value: u8) {
        let mut bytes = list(&Manifest::Chunks(entries()));
        bytes[place] = value;
        if let Ok(manifest) = Manifest::decode(&bytes) {
            prop_assert_eq!(list(&manifest), bytes);
        }
    }
}
