//! Keys on paper: 32 bytes and a 3-byte checksum as 14 groups of 4 letters.
//!
//! The alphabet is Crockford's base32: digits and capital letters without
//! I, L, O and U. Reading is forgiving about case, spaces and hyphens, and takes
//! I and L for 1 and O for 0. The checksum is keyed by what the key is for, so
//! a master key is not taken for a recovery key.

use crate::error::{CryptoError, Result};
use crate::secret::Key32;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const KEY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 3;
const BYTES: usize = KEY_BYTES + CHECKSUM_BYTES;
const SYMBOLS: usize = BYTES * 8 / 5;
const GROUP: usize = 4;
/// Longest text that is looked at.
const MAX_TEXT_BYTES: usize = 1024;

fn checksum(label: &str, key: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = blake3::derive_key(label, key);
    [hash[0], hash[1], hash[2]]
}

fn value(symbol: char) -> Option<u8> {
    let symbol = match symbol.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    ALPHABET.iter().position(|known| char::from(*known) == symbol).map(|index| index as u8)
}

/// Writes a key in groups.
pub(crate) fn write_groups(label: &str, key: &Key32) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    bytes[..KEY_BYTES].copy_from_slice(key.expose());
    bytes[KEY_BYTES..].copy_from_slice(&checksum(label, key.expose()));
    let mut out = Zeroizing::new(String::with_capacity(SYMBOLS + SYMBOLS / GROUP));
    for index in 0..SYMBOLS {
        if index > 0 && index % GROUP == 0 {
            out.push('-');
        }
        let (byte, shift) = (index * 5 / 8, index * 5 % 8);
        let next = bytes.get(byte + 1).copied().unwrap_or(0);
        let window = u16::from_be_bytes([bytes[byte], next]);
        let symbol = window >> (11 - shift) & 0x1f;
        out.push(char::from(ALPHABET[usize::from(symbol)]));
    }
    out
}

/// Reads what `write_groups` wrote, or what a person typed from it.
pub(crate) fn read_groups(label: &str, text: &str) -> Result<Key32> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(CryptoError::BadInput("the key is too long"));
    }
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    let mut count = 0;
    for symbol in text.chars().filter(|c| *c != '-' && !c.is_whitespace()) {
        let value = value(symbol)
            .ok_or(CryptoError::BadInput("the key has a character that no key contains"))?;
        if count == SYMBOLS {
            return Err(CryptoError::BadInput("the key has too many characters"));
        }
        let (byte, shift) = (count * 5 / 8, count * 5 % 8);
        let [high, low] = (u16::from(value) << (11 - shift)).to_be_bytes();
        bytes[byte] |= high;
        if let Some(next) = bytes.get_mut(byte + 1) {
            *next |= low;
        }
        count += 1;
    }
    if count != SYMBOLS {
        return Err(CryptoError::BadInput("the key is not complete"));
    }
    let key = Key32::filled(|out| out.copy_from_slice(&bytes[..KEY_BYTES]));
    if checksum(label, key.expose())[..] != bytes[KEY_BYTES..] {
        return Err(CryptoError::BadInput("the key has a typing mistake: its checksum is wrong"));
    }
    Ok(key)
}
