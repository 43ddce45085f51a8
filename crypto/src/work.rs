//! Proof of work: a challenge that the server makes and recognises without keeping
//! it, and the search that solves it.
//!
//! Guarantees: a challenge is good for the connection, the purpose and the difficulty
//! it was made for, and nobody else can make one; checking takes nine hashes, whatever
//! the difficulty.
//!
//! ```text
//! challenge = version 01 || purpose (1) || difficulty (1) || 00 || issued (8) || random (16) || mac (32)
//! mac       = HM(work key, "coffer/1/work-mac" || 00 || exporter (32) || the 28 bytes before it)
//! seed i    = SHA-256("coffer/1/work-seed" || 00 || exporter (32) || challenge (60) || i (1))   i = 0 .. 7
//! solved    : SHA-256(seed i || nonce i (8)) begins with `difficulty` zero bits, for every i
//! ```
//!
//! Eight puzzles instead of one make the time that the search takes much less a matter
//! of luck.

use crate::derive::same;
use crate::error::{CryptoError, Result};
use crate::server::ServerSecret;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a challenge.
pub const CHALLENGE_BYTES: usize = BODY_BYTES + 32;
/// Puzzles of a challenge.
pub const NONCES: usize = 8;

const BODY_BYTES: usize = 28;
const VERSION: u8 = 1;
const SEED_LABEL: &[u8] = b"coffer/1/work-seed\0";
/// Hashes between two looks at whether the search is still wanted.
const STRIDE: u64 = 4096;
const WHAT: &str = "a challenge for proof of work";

/// What a challenge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// What the work is for; the meaning of the number is the caller's.
    pub purpose: u8,
    /// Leading zero bits that each puzzle asks for.
    pub difficulty: u8,
    /// When it was made, milliseconds of the server's clock.
    pub issued_millis: u64,
    /// Random.
    pub random: [u8; 16],
}

impl Challenge {
    fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[..3].copy_from_slice(&[VERSION, self.purpose, self.difficulty]);
        body[4..12].copy_from_slice(&self.issued_millis.to_be_bytes());
        body[12..].copy_from_slice(&self.random);
        body
    }

    /// Reads a challenge without knowing whether the server made it: for whoever is
    /// to solve it.
    pub fn read(bytes: &[u8; CHALLENGE_BYTES]) -> Result<Self> {
        let [VERSION, purpose, difficulty, 0, ..] = *bytes else {
            return Err(CryptoError::UnknownVersion { what: WHAT });
        };
        let (mut issued, mut random) = ([0; 8], [0; 16]);
        issued.copy_from_slice(&bytes[4..12]);
        random.copy_from_slice(&bytes[12..BODY_BYTES]);
        Ok(Self { purpose, difficulty, issued_millis: u64::from_be_bytes(issued), random })
    }
}

impl ServerSecret {
    /// A challenge for the connection with this exporter.
    pub fn make_challenge(&self, exporter: &[u8; 32], of: &Challenge) -> [u8; CHALLENGE_BYTES] {
        let body = of.body();
        let mut bytes = [0; CHALLENGE_BYTES];
        bytes[..BODY_BYTES].copy_from_slice(&body);
        bytes[BODY_BYTES..].copy_from_slice(&self.work_mac(exporter, &body));
        bytes
    }

    /// Reads a challenge that was made here for this connection, and no other.
    pub fn open_challenge(
        &self,
        exporter: &[u8; 32],
        bytes: &[u8; CHALLENGE_BYTES],
    ) -> Result<Challenge> {
        let (body, mac) = bytes.split_at(BODY_BYTES);
        if !same(&self.work_mac(exporter, body), mac) {
            return Err(CryptoError::Integrity { what: WHAT });
        }
        Challenge::read(bytes)
    }
}

fn seed(exporter: &[u8; 32], challenge: &[u8; CHALLENGE_BYTES], index: usize) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(SEED_LABEL);
    hash.update(exporter);
    hash.update(challenge);
    hash.update([index as u8]);
    hash.finalize().into()
}

fn zero_bits(seed: &[u8; 32], nonce: u64) -> u32 {
    let mut text = [0; 40];
    text[..32].copy_from_slice(seed);
    text[32..].copy_from_slice(&nonce.to_be_bytes());
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first).leading_zeros()
}

/// Whether the nonces solve a challenge, at its own difficulty.
pub fn is_solved(
    exporter: &[u8; 32],
    challenge: &[u8; CHALLENGE_BYTES],
    nonces: &[u64; NONCES],
) -> bool {
    let Ok(Challenge { difficulty, .. }) = Challenge::read(challenge) else { return false };
    let solved = |(index, nonce): (usize, &u64)| {
        zero_bits(&seed(exporter, challenge, index), *nonce) >= u32::from(difficulty)
    };
    nonces.iter().enumerate().all(solved)
}

/// Solves a challenge: about 8 * 2^difficulty hashes of one core. `None` when `stop`
/// was set, or when the challenge cannot be read or solved.
pub fn solve(
    exporter: &[u8; 32],
    challenge: &[u8; CHALLENGE_BYTES],
    stop: &AtomicBool,
) -> Option<[u64; NONCES]> {
    let difficulty = u32::from(Challenge::read(challenge).ok()?.difficulty);
    let mut nonces = [0; NONCES];
    for (index, found) in nonces.iter_mut().enumerate() {
        let seed = seed(exporter, challenge, index);
        let wanted = |nonce: &u64| zero_bits(&seed, *nonce) >= difficulty;
        *found = (0..u64::MAX / STRIDE)
            .take_while(|_| !stop.load(Ordering::Relaxed))
            .find_map(|round| (round * STRIDE..(round + 1) * STRIDE).find(wanted))?;
    }
    Some(nonces)
}
