//! Derivations: HKDF-SHA-256-Expand and HMAC-SHA-256 with labels.
//!
//! The input of every derivation is `label || 0x00 || context fields`. A label
//! holds no zero byte, so no two labels can run into each other's context;
//! context fields are fixed-width except the last.

use crate::secret::{Key32, Key64};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Ends a label.
const END: &[u8] = &[0];

/// A pseudo-random key that sub-keys are expanded from.
pub(crate) struct Expander(Hkdf<Sha256>);

impl Expander {
    /// Expands directly from a uniformly random key of at least 32 bytes.
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hkdf::from_prk(key).expect("every key of this crate has 32 bytes or more"))
    }

    /// HKDF-Extract first: mixes `salt` into `key`.
    pub(crate) fn extract(salt: &[u8], key: &[u8]) -> Self {
        Self(Hkdf::new(Some(salt), key))
    }

    fn expand(&self, label: &str, context: &[&[u8]], out: &mut [u8]) {
        let mut info: Vec<&[u8]> = Vec::with_capacity(context.len() + 2);
        info.extend([label.as_bytes(), END]);
        info.extend(context);
        self.0.expand_multi_info(&info, out).expect("64 bytes are far below HKDF's limit");
    }

    /// A 32-byte sub-key.
    pub(crate) fn key32(&self, label: &str, context: &[&[u8]]) -> Key32 {
        Key32::filled(|out| self.expand(label, context, out))
    }

    /// A 64-byte sub-key.
    pub(crate) fn key64(&self, label: &str, context: &[&[u8]]) -> Key64 {
        Key64::filled(|out| self.expand(label, context, out))
    }
}

/// HMAC-SHA-256 over the parts, without a label.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA-256 over `label || 0x00 || parts`.
pub(crate) fn tag(key: &Key32, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 2);
    all.extend([label.as_bytes(), END]);
    all.extend(parts);
    hmac(key.expose(), &all)
}

/// Compares in constant time.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// RFC 4231, test case 2 has a 4-byte key; cases 1 to 7 with other keys are
    /// covered by the crate itself. Case 1's key of 20 bytes padded with zeros to
    /// 32 is the same HMAC key, by the definition of HMAC.
    #[test]
    fn hmac_matches_rfc_4231() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        assert_eq!(
            HEXLOWER.encode(&hmac(&key, &[b"Hi ", b"There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            HEXLOWER.encode(&hmac(&key, &[b"what do ya want for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// RFC 5869, test case 1.
    #[test]
    fn hkdf_matches_rfc_5869() {
        let salt: Vec<u8> = (0..13).collect();
        let mut okm = [0; 42];
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let expander = Expander::extract(&salt, &[0x0b; 22]);
        expander.0.expand(&info, &mut okm).unwrap();
        assert_eq!(
            HEXLOWER.encode(&okm),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn label_and_context_cannot_run_into_each_other() {
        let key = Key32::from_bytes([1; 32]);
        assert_ne!(tag(&key, "coffer/1/a", &[b"b"]), tag(&key, "coffer/1/ab", &[]));
        let expander = Expander::new(key.expose());
        assert_ne!(
            expander.key32("coffer/1/a", &[b"b"]).expose(),
            expander.key32("coffer/1/ab", &[]).expose()
        );
    }
}
