//! Proof that somebody has a chunk, and not only its hash.
//!
//! Guarantees: a proof takes every byte of the chunk, and is worth nothing for another
//! nonce or another connection.
//!
//! ```text
//! key   = BLAKE3-derive-key("coffer/1/ownership", nonce (32) || exporter (32))
//! proof = BLAKE3-keyed(key, chunk)
//! ```

use crate::derive::same;

/// The key of the proofs that were asked for with a nonce on the connection with this
/// exporter.
pub fn proof_key(nonce: &[u8; 32], exporter: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("coffer/1/ownership");
    hasher.update(nonce);
    hasher.update(exporter);
    hasher.finalize().into()
}

/// The proof for a chunk.
pub fn prove(key: &[u8; 32], chunk: &[u8]) -> [u8; 32] {
    blake3::keyed_hash(key, chunk).into()
}

/// Checks a proof in constant time.
pub fn is_proof(key: &[u8; 32], chunk: &[u8], proof: &[u8; 32]) -> bool {
    same(&prove(key, chunk), proof)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[test]
    fn a_proof_is_for_one_chunk_one_nonce_and_one_connection() {
        let key = proof_key(&[1; 32], &[2; 32]);
        let proof = prove(&key, b"all of it");
        assert!(is_proof(&key, b"all of it", &proof));
        assert!(!is_proof(&key, b"all of iT", &proof));
        assert!(!is_proof(&proof_key(&[3; 32], &[2; 32]), b"all of it", &proof));
        assert!(!is_proof(&proof_key(&[1; 32], &[3; 32]), b"all of it", &proof));
    }

    /// Computed with the Python package `blake3`.
    #[test]
    fn the_layout_is_that_of_version_1() {
        let key = proof_key(&[1; 32], &[2; 32]);
        assert_eq!(HEXLOWER.encode(&key), KEY);
        assert_eq!(HEXLOWER.encode(&prove(&key, b"chunk")), PROOF);
    }

    const KEY: &str = "0b2659c66913181ae8f441eb8d2f65e3f87c7b3a1427bc5e92eeb40e927f8c50";
    const PROOF: &str = "b5b7ec2a35c3ac851f230bf988a57d6d200fe2216e76541bf54dca26c037c35e";
}
