//! Secret bytes as types: no `Debug`, no `Clone`, no serde, kept on the heap so
//! that moving a key moves a pointer, and wiped on drop.

use crate::error::{CryptoError, Result};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Fills an array from the operating system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| CryptoError::Random)?;
    Ok(bytes)
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name(Box<[u8; $bytes]>);

        impl $name {
            /// Draws a random key.
            pub fn generate() -> Result<Self> {
                let bytes = Zeroizing::new(random()?);
                Ok(Self(Box::new(*bytes)))
            }

            /// Takes key bytes; the caller wipes its own copy.
            pub fn from_bytes(bytes: [u8; $bytes]) -> Self {
                let bytes = Zeroizing::new(bytes);
                Self(Box::new(*bytes))
            }

            /// The bytes, for a cipher or for storage that is itself protected.
            pub fn expose(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// A key whose bytes `fill` writes in place.
            pub(crate) fn filled(fill: impl FnOnce(&mut [u8; $bytes])) -> Self {
                let mut bytes = Box::new([0; $bytes]);
                fill(&mut bytes);
                Self(bytes)
            }
        }
    };
}

key!(
    /// A 32-byte key.
    Key32,
    32
);
key!(
    /// A 64-byte key: the two halves of AES-256-SIV.
    Key64,
    64
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_keep_their_bytes() {
        let (a, b) = (Key32::generate().unwrap(), Key32::generate().unwrap());
        assert_ne!(a.expose(), b.expose());
        assert_ne!(a.expose(), &[0; 32]);
        assert_eq!(Key64::from_bytes([9; 64]).expose(), &[9; 64]);
    }
}
