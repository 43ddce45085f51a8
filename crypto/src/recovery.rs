//! The recovery key: 32 random bytes that the client makes and the user keeps
//! on paper. It works like a second password.

use crate::error::Result;
use crate::secret::Key32;
use crate::text::{read_groups, write_groups};
use zeroize::Zeroizing;

const CHECKSUM_LABEL: &str = "coffer/1/recovery-key-text";

/// A user's recovery key.
pub struct RecoveryKey(Key32);

impl RecoveryKey {
    /// Draws a new recovery key.
    pub fn generate() -> Result<Self> {
        Key32::generate().map(Self)
    }

    /// 14 groups of 4 letters; the last letters are a checksum.
    pub fn to_text(&self) -> Zeroizing<String> {
        write_groups(CHECKSUM_LABEL, &self.0)
    }

    /// Reads a key as typed: case, spaces and hyphens do not matter.
    pub fn parse(text: &str) -> Result<Self> {
        read_groups(CHECKSUM_LABEL, text).map(Self)
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

#[cfg(test)]
impl RecoveryKey {
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Key32::from_bytes(bytes))
    }
}
