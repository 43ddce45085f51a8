//! The master key: the one secret of an installation that is not derived from
//! anything, and whose loss is the loss of all data.

use crate::error::{CryptoError, Result};
use crate::secret::Key32;
use crate::text::{read_groups, write_groups};
use zeroize::Zeroizing;

const CHECKSUM_LABEL: &str = "coffer/1/master-key-text";
const FILE_WORD: &str = "coffer-master-key-1";
const FILE_WORD_ANY: &str = "coffer-master-key-";
const WHAT: &str = "the master key";

/// The key in `master.key`, from which everything the server keeps secret is derived.
pub struct MasterKey(Key32);

impl MasterKey {
    /// Draws a new master key.
    pub fn generate() -> Result<Self> {
        Key32::generate().map(Self)
    }

    /// Contents of the key file, and of the recovery sheet: one line,
    /// `coffer-master-key-1` and 14 groups of letters that end in a checksum.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        let groups = write_groups(CHECKSUM_LABEL, &self.0);
        let mut text = Zeroizing::new(String::with_capacity(FILE_WORD.len() + groups.len() + 2));
        text.push_str(FILE_WORD);
        text.push(' ');
        text.push_str(&groups);
        text.push('\n');
        text
    }

    /// Reads what `to_file_text` wrote, also when typed again from the sheet.
    pub fn parse_file_text(text: &str) -> Result<Self> {
        let text = text.trim();
        let (word, groups) = text
            .split_once(char::is_whitespace)
            .filter(|(word, _)| word.starts_with(FILE_WORD_ANY))
            .ok_or(CryptoError::BadInput("a master key starts with \"coffer-master-key-1\""))?;
        if word != FILE_WORD {
            return Err(CryptoError::UnknownVersion { what: WHAT });
        }
        read_groups(CHECKSUM_LABEL, groups).map(Self)
    }

    /// The raw bytes, for a standby that joins over a connection that has been
    /// proved.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The key that a standby was given.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Key32::from_bytes(bytes))
    }
}
