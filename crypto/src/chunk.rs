//! Contents: one sealed blob for each chunk (format 1).
//!
//! ```text
//! 0  4   "CFXC"
//! 4  1   version      1
//! 5  1   suite        1: AES-256-CTR, HMAC-SHA-256 over a BLAKE3 hash
//! 6  1   dedup epoch  0: random key; 1: key derived from the contents
//! 7  1   flags        0
//! 8  8   plain length
//! 16 ..  ciphertext, as long as the plaintext
//! .. 32  tag
//! ```
//!
//! `enc || mac = HKDF-Expand(chunk key, "chunk", 64)`, the counter starts at
//! zero, `d = BLAKE3(header || ciphertext)`, `tag = HMAC(mac, d)` and
//! `blob id = BLAKE3(d || tag)`. A chunk key encrypts one plaintext only, so the
//! counter needs no nonce. The blob id can be checked without any key.

use crate::derive::{Expander, hmac, same};
use crate::error::{CryptoError, Result};
use crate::secret::{Key64, random};
use aes::Aes256;
use ctr::Ctr64BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use std::ops::Range;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes in front of the ciphertext.
pub const HEADER_BYTES: usize = 16;
/// Bytes behind the ciphertext.
pub const TAG_BYTES: usize = 32;
/// What sealing adds to a chunk.
pub const OVERHEAD: usize = HEADER_BYTES + TAG_BYTES;

const MAGIC: [u8; 4] = *b"CFXC";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
/// Epoch byte of a chunk with a random key.
const RANDOM_KEY: u8 = 0;
/// Newest epoch of the deduplication secret.
const DEDUP_EPOCH: u8 = 1;
const WHAT: &str = "a chunk";
const BROKEN: CryptoError = CryptoError::Integrity { what: WHAT };

/// The key of one chunk. It seals one plaintext, ever.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ChunkKey {
    bytes: [u8; 32],
    epoch: u8,
}

impl ChunkKey {
    /// Draws a key: for small files, and wherever contents are not deduplicated.
    pub fn generate() -> Result<Self> {
        random().map(Self::from_bytes)
    }

    /// A key read back from where it was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, epoch: RANDOM_KEY }
    }

    /// A key derived from the contents it will seal.
    pub(crate) fn convergent(bytes: [u8; 32]) -> Self {
        Self { bytes, epoch: DEDUP_EPOCH }
    }

    /// The bytes, for a record that is itself sealed.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn split(&self) -> Key64 {
        Expander::new(&self.bytes).key64("coffer/1/chunk", &[])
    }
}

/// A chunk as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedChunk {
    /// Name of the blob, by which it can be checked without a key.
    pub blob_id: [u8; 32],
    /// Header, ciphertext, tag.
    pub bytes: Vec<u8>,
}

/// Hash of a plaintext chunk, different on every installation.
pub fn plain_hash(server_id: &[u8; 32], data: &[u8]) -> [u8; 32] {
    blake3::keyed_hash(server_id, data).into()
}

/// Hash over the chunks of a file: fixes their contents, order and number.
#[derive(Clone)]
pub struct ContentHasher {
    hash: blake3::Hasher,
    chunks: u64,
    bytes: u64,
}

impl ContentHasher {
    /// Begins a file.
    pub fn new(server_id: &[u8; 32]) -> Self {
        let key = blake3::derive_key("coffer/1/content-hash", server_id);
        Self { hash: blake3::Hasher::new_keyed(&key), chunks: 0, bytes: 0 }
    }

    /// Adds the next chunk, by its `plain_hash`.
    pub fn add(&mut self, hash: &[u8; 32], len: u32) {
        self.hash.update(hash);
        self.hash.update(&len.to_be_bytes());
        self.chunks = self.chunks.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(u64::from(len));
    }

    /// The hash of the file.
    pub fn finish(mut self) -> [u8; 32] {
        self.hash.update(&self.chunks.to_be_bytes());
        self.hash.update(&self.bytes.to_be_bytes());
        self.hash.finalize().into()
    }
}

fn header(epoch: u8, plain_len: usize) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    out[..4].copy_from_slice(&MAGIC);
    out[4..8].copy_from_slice(&[VERSION, SUITE, epoch, 0]);
    out[8..].copy_from_slice(&(plain_len as u64).to_be_bytes());
    out
}

/// Checks the layout of a blob; the range of its ciphertext.
fn layout(bytes: &[u8]) -> Result<Range<usize>> {
    let end = bytes.len().checked_sub(TAG_BYTES).filter(|end| *end >= HEADER_BYTES);
    let (Some(end), Some(head)) = (end, bytes.first_chunk::<HEADER_BYTES>()) else {
        return Err(BROKEN);
    };
    let [m0, m1, m2, m3, version, suite, epoch, flags, length @ ..] = *head;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(BROKEN);
    }
    if version != VERSION || suite != SUITE || epoch > DEDUP_EPOCH || flags != 0 {
        return Err(CryptoError::UnknownVersion { what: WHAT });
    }
    if u64::from_be_bytes(length) != (end - HEADER_BYTES) as u64 {
        return Err(BROKEN);
    }
    Ok(HEADER_BYTES..end)
}

fn name_blob(digest: &[u8; 32], tag: &[u8]) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(digest);
    hash.update(tag);
    hash.finalize().into()
}

fn keystream(key: &[u8]) -> Ctr64BE<Aes256> {
    Ctr64BE::new_from_slices(key, &[0; 16]).expect("the key has 32 bytes and the IV 16")
}

/// Seals a chunk under a key made for it alone: `ChunkKey::generate` or
/// `ServerSecret::dedup_key`.
pub fn seal(key: &ChunkKey, plain: &[u8]) -> SealedChunk {
    let subkeys = key.split();
    let (enc, mac) = halves(&subkeys);
    let end = HEADER_BYTES + plain.len();
    let mut bytes = vec![0; end + TAG_BYTES];
    bytes[..HEADER_BYTES].copy_from_slice(&header(key.epoch, plain.len()));
    keystream(enc).apply_keystream_b2b(plain, &mut bytes[HEADER_BYTES..end]);
    let digest: [u8; 32] = blake3::hash(&bytes[..end]).into();
    let tag = hmac(mac, &[&digest]);
    bytes[end..].copy_from_slice(&tag);
    SealedChunk { blob_id: name_blob(&digest, &tag), bytes }
}

fn halves(subkeys: &Key64) -> (&[u8; 32], &[u8; 32]) {
    let (enc, mac) = (subkeys.expose().first_chunk(), subkeys.expose().last_chunk());
    (enc.expect("64 bytes begin with 32"), mac.expect("64 bytes end with 32"))
}

/// Checks a blob against its id and its key, then decrypts it where it lies. The
/// plaintext is the returned range; on an error nothing was decrypted.
pub fn open_in_place(key: &ChunkKey, blob_id: &[u8; 32], bytes: &mut [u8]) -> Result<Range<usize>> {
    let range = layout(bytes)?;
    let digest: [u8; 32] = blake3::hash(&bytes[..range.end]).into();
    let tag = &bytes[range.end..];
    if name_blob(&digest, tag) != *blob_id {
        return Err(BROKEN);
    }
    let subkeys = key.split();
    let (enc, mac) = halves(&subkeys);
    if !same(&hmac(mac, &[&digest]), tag) {
        return Err(BROKEN);
    }
    keystream(enc).apply_keystream(&mut bytes[range.clone()]);
    Ok(range)
}

/// `open_in_place` for a caller that wants the plaintext alone, at the price of
/// moving it to the front.
pub fn open(key: &ChunkKey, blob_id: &[u8; 32], mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    let range = open_in_place(key, blob_id, &mut bytes)?;
    bytes.truncate(range.end);
    bytes.drain(..range.start);
    Ok(bytes)
}

/// Computes the id of a stored blob, without any key: a blob whose id is not its
/// name is damaged.
pub fn blob_id(bytes: &[u8]) -> Result<[u8; 32]> {
    let range = layout(bytes)?;
    let digest: [u8; 32] = blake3::hash(&bytes[..range.end]).into();
    Ok(name_blob(&digest, &bytes[range.end..]))
}

#[cfg(test)]
impl ChunkKey {
    /// What the ciphertext is made with, for another program to read it.
    pub(crate) fn encryption_key(&self) -> [u8; 32] {
        *halves(&self.split()).0
    }
}
