//! The chunk list of one revision of a file (format 1).
//!
//! ```text
//! 0   2  "CF"
//! 2   1  version  1
//! 3   1  type     8
//! 4   1  form     1: all chunks; 2: list of segments; 3: one segment
//! 5   3  0
//! 8   4  number of entries
//! 12  8  bytes of the file (form 3: of the segment)
//! 20  .. entries
//!
//! entry, form 1 and 3:  blob id 32 || chunk key 32 || plain hash 32 || length 4
//! entry, form 2:        segment id 16 || blob id 32 || chunk key 32 || chunks 4 || bytes 8
//! ```
//!
//! A file of up to 8192 chunks has its list in one piece; a bigger one has it in
//! segments of 8192 entries, each a blob like any chunk, under a random key that
//! the list of segments holds. Order, number and total length are authenticated
//! with it.

use crate::chunk::{self, ChunkKey, SealedChunk};
use crate::error::{CryptoError, Result};
use crate::siv::{Object, VERSION};
use zeroize::Zeroizing;

/// Most chunks in one list, and in one segment.
pub const SEGMENT_ENTRIES: usize = 8192;
/// Most segments of a file: 64 TiB at the average chunk size.
pub const MAX_SEGMENTS: usize = 8192;
/// Largest chunk, in plaintext bytes.
pub const MAX_CHUNK_BYTES: u32 = 4 << 20;

pub(crate) const PREAMBLE_BYTES: usize = 20;
const ENTRY_BYTES: usize = 100;
const SEGMENT_BYTES: usize = 92;
const FORM_CHUNKS: u8 = 1;
const FORM_SEGMENTS: u8 = 2;
pub(crate) const FORM_SEGMENT: u8 = 3;
const MALFORMED: CryptoError = CryptoError::BadInput("the chunk list is malformed");

/// One chunk of a file.
pub struct ManifestEntry {
    /// The sealed blob.
    pub blob_id: [u8; 32],
    /// Its key.
    pub key: ChunkKey,
    /// `chunk::plain_hash` of its contents.
    pub plain_hash: [u8; 32],
    /// Bytes of its contents, 1 to 4 MiB.
    pub len: u32,
}

/// One segment of the chunk list of a big file.
pub struct SegmentRef {
    /// Record that keeps the segment's chunks alive.
    pub segment_id: [u8; 16],
    /// The sealed segment.
    pub blob_id: [u8; 32],
    /// Its key.
    pub key: ChunkKey,
    /// Chunks in it.
    pub chunks: u32,
    /// Bytes of their contents.
    pub bytes: u64,
}

/// The chunk list of a file.
pub enum Manifest {
    /// Up to 8192 chunks, in order; none for an empty file.
    Chunks(Vec<ManifestEntry>),
    /// Segments, in order.
    Segments(Vec<SegmentRef>),
}

fn checked_sum(mut lengths: impl Iterator<Item = u64>) -> Result<u64> {
    lengths.try_fold(0_u64, u64::checked_add).ok_or(MALFORMED)
}

impl Manifest {
    /// Bytes of the file.
    pub fn total_len(&self) -> Result<u64> {
        match self {
            Self::Chunks(entries) => checked_sum(entries.iter().map(|entry| entry.len.into())),
            Self::Segments(segments) => checked_sum(segments.iter().map(|segment| segment.bytes)),
        }
    }

    /// Number of chunks.
    pub fn chunks(&self) -> u64 {
        match self {
            Self::Chunks(entries) => entries.len() as u64,
            Self::Segments(segments) => segments.iter().map(|s| u64::from(s.chunks)).sum(),
        }
    }

    /// Lays the list out; refuses one that `decode` would refuse.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::Chunks(entries) => encode_entries(FORM_CHUNKS, entries),
            Self::Segments(segments) => encode_segments(segments, self.total_len()?),
        }
    }

    /// Reads a list; every byte must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (form, count, total, body) = preamble(bytes)?;
        match form {
            FORM_CHUNKS => decode_entries(count, total, body).map(Self::Chunks),
            FORM_SEGMENTS => decode_segments(count, total, body).map(Self::Segments),
            _ => Err(MALFORMED),
        }
    }
}

/// Seals one segment under a random key.
pub fn seal_segment(entries: &[ManifestEntry]) -> Result<(ChunkKey, SealedChunk)> {
    let key = ChunkKey::generate()?;
    let sealed = chunk::seal(&key, &encode_entries(FORM_SEGMENT, entries)?);
    Ok((key, sealed))
}

/// Opens the segment that `reference` names and checks that it is what the list
/// of segments says.
pub fn open_segment(reference: &SegmentRef, blob: Vec<u8>) -> Result<Vec<ManifestEntry>> {
    let plain = Zeroizing::new(chunk::open(&reference.key, &reference.blob_id, blob)?);
    let broken = Object::Manifest.broken();
    let (form, count, total, body) = preamble(&plain).map_err(|_| broken)?;
    if form != FORM_SEGMENT || count != reference.chunks as usize || total != reference.bytes {
        return Err(broken);
    }
    decode_entries(count, total, body).map_err(|_| broken)
}

fn begin(form: u8, count: usize, total: u64, entry_bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(PREAMBLE_BYTES + count * entry_bytes));
    out.extend([b'C', b'F', VERSION, Object::Manifest as u8, form, 0, 0, 0]);
    out.extend((count as u32).to_be_bytes());
    out.extend(total.to_be_bytes());
    out
}

pub(crate) fn encode_entries(form: u8, entries: &[ManifestEntry]) -> Result<Zeroizing<Vec<u8>>> {
    let in_range = |entry: &ManifestEntry| (1..=MAX_CHUNK_BYTES).contains(&entry.len);
    if entries.len() > SEGMENT_ENTRIES || !entries.iter().all(in_range) {
        return Err(MALFORMED);
    }
    let total = checked_sum(entries.iter().map(|entry| entry.len.into()))?;
    let mut out = begin(form, entries.len(), total, ENTRY_BYTES);
    for entry in entries {
        out.extend(entry.blob_id);
        out.extend(entry.key.expose());
        out.extend(entry.plain_hash);
        out.extend(entry.len.to_be_bytes());
    }
    Ok(out)
}

fn segment_in_range(segment: &SegmentRef) -> bool {
    let most = u64::from(segment.chunks) * u64::from(MAX_CHUNK_BYTES);
    (1..=SEGMENT_ENTRIES as u32).contains(&segment.chunks)
        && (u64::from(segment.chunks)..=most).contains(&segment.bytes)
}

fn encode_segments(segments: &[SegmentRef], total: u64) -> Result<Zeroizing<Vec<u8>>> {
    let count = segments.len();
    if count == 0 || count > MAX_SEGMENTS || !segments.iter().all(segment_in_range) {
        return Err(MALFORMED);
    }
    let mut out = begin(FORM_SEGMENTS, count, total, SEGMENT_BYTES);
    for segment in segments {
        out.extend(segment.segment_id);
        out.extend(segment.blob_id);
        out.extend(segment.key.expose());
        out.extend(segment.chunks.to_be_bytes());
        out.extend(segment.bytes.to_be_bytes());
    }
    Ok(out)
}

/// Form, number of entries, total length and the entries.
fn preamble(bytes: &[u8]) -> Result<(u8, usize, u64, &[u8])> {
    let (head, body) = bytes.split_first_chunk::<PREAMBLE_BYTES>().ok_or(MALFORMED)?;
    let [c, f, version, kind, form, z0, z1, z2, n0, n1, n2, n3, total @ ..] = *head;
    if [c, f, kind, z0, z1, z2] != [b'C', b'F', Object::Manifest as u8, 0, 0, 0] {
        return Err(MALFORMED);
    }
    if version != VERSION {
        return Err(CryptoError::UnknownVersion { what: Object::Manifest.what() });
    }
    let count = u32::from_be_bytes([n0, n1, n2, n3]) as usize;
    Ok((form, count, u64::from_be_bytes(total), body))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(MALFORMED)?;
    *bytes = rest;
    Ok(*head)
}

fn decode_entries(count: usize, total: u64, mut body: &[u8]) -> Result<Vec<ManifestEntry>> {
    if count > SEGMENT_ENTRIES || body.len() != count * ENTRY_BYTES {
        return Err(MALFORMED);
    }
    let mut entries = Vec::with_capacity(count);
    let mut sum = 0_u64;
    for _ in 0..count {
        let entry = ManifestEntry {
            blob_id: take(&mut body)?,
            key: ChunkKey::from_bytes(take(&mut body)?),
            plain_hash: take(&mut body)?,
            len: u32::from_be_bytes(take(&mut body)?),
        };
        if !(1..=MAX_CHUNK_BYTES).contains(&entry.len) {
            return Err(MALFORMED);
        }
        sum += u64::from(entry.len);
        entries.push(entry);
    }
    if sum == total { Ok(entries) } else { Err(MALFORMED) }
}

fn decode_segments(count: usize, total: u64, mut body: &[u8]) -> Result<Vec<SegmentRef>> {
    if count == 0 || count > MAX_SEGMENTS || body.len() != count * SEGMENT_BYTES {
        return Err(MALFORMED);
    }
    let mut segments = Vec::with_capacity(count);
    for _ in 0..count {
        let segment = SegmentRef {
            segment_id: take(&mut body)?,
            blob_id: take(&mut body)?,
            key: ChunkKey::from_bytes(take(&mut body)?),
            chunks: u32::from_be_bytes(take(&mut body)?),
            bytes: u64::from_be_bytes(take(&mut body)?),
        };
        if !segment_in_range(&segment) {
            return Err(MALFORMED);
        }
        segments.push(segment);
    }
    let sum = checked_sum(segments.iter().map(|segment| segment.bytes))?;
    if sum == total { Ok(segments) } else { Err(MALFORMED) }
}
