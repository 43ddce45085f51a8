//! A journal entry on its way to another machine. Big-endian, laid out by hand:
//!
//! ```text
//! version (1 byte, 1) || epoch (8) || seq (8) || millis (8) ||
//! operation: 0, or 1 and 16 bytes ||
//! body length (4) || body || result length (4) || result || hash (32)
//! ```
//!
//! Several entries stand one behind the other. Decoding is total: it returns what
//! was encoded or an error, whatever the bytes, and allocates no more than they
//! are. It proves nothing: the hash is compared when the entry is applied.

use crate::rows::{JournalRow, MAX_BODY_BYTES, MAX_RESULT_BYTES, Malformed, take, take_slice};

/// Version of the layout.
const VERSION: u8 = 1;
/// Bytes of an entry without operation, body and result.
const FIXED_BYTES: usize = 1 + 8 + 8 + 8 + 1 + 4 + 4 + 32;

/// One entry of the journal, as every machine of an installation has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its number.
    pub seq: u64,
    /// The epoch of the primary that wrote it.
    pub epoch: u64,
    /// The operation that it answers, if that can be repeated.
    pub op_key: Option<[u8; 16]>,
    /// When it was committed by the primary's clock, milliseconds since 1970.
    pub committed_millis: i64,
    /// The changes; see [`crate::decode_body`].
    pub body: Vec<u8>,
    /// The answer that a repeated operation gets.
    pub result: Vec<u8>,
    /// The chain's hash: over the entry before and this one.
    pub hash: [u8; 32],
}

/// Bytes that are no journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// From a newer version of Coffer.
    #[error("a journal entry has layout {0}, which is not known; use a newer version")]
    UnknownVersion(u8),
    /// Cut short, or longer than any entry.
    #[error("a journal entry is damaged")]
    Malformed,
}

impl From<Malformed> for EntryError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl JournalEntry {
    /// Bytes that [`JournalEntry::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        let operation = self.op_key.map_or(0, |key| key.len());
        FIXED_BYTES + operation + self.body.len() + self.result.len()
    }

    /// Appends the bytes of the entry.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        out.push(VERSION);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.committed_millis.to_be_bytes());
        out.push(u8::from(self.op_key.is_some()));
        out.extend_from_slice(self.op_key.as_ref().map_or(&[][..], |key| key));
        for part in [&self.body, &self.result] {
            out.extend_from_slice(&(part.len() as u32).to_be_bytes());
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&self.hash);
    }

    /// Takes an entry off the front.
    pub fn decode(rest: &mut &[u8]) -> Result<Self, EntryError> {
        let [version] = take::<1>(rest)?;
        if version != VERSION {
            return Err(EntryError::UnknownVersion(version));
        }
        let epoch = number(rest)?;
        let seq = number(rest)?;
        let committed_millis = i64::from_be_bytes(take::<8>(rest)?);
        let op_key = match take::<1>(rest)? {
            [0] => None,
            [1] => Some(take::<16>(rest)?),
            _ => return Err(EntryError::Malformed),
        };
        let body = part(rest, MAX_BODY_BYTES)?;
        let result = part(rest, MAX_RESULT_BYTES)?;
        let hash = take::<32>(rest)?;
        Ok(Self { seq, epoch, op_key, committed_millis, body, result, hash })
    }

    /// Reads entries one behind the other, and nothing after them.
    pub fn decode_all(mut bytes: &[u8]) -> Result<Vec<Self>, EntryError> {
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            entries.push(Self::decode(&mut bytes)?);
        }
        Ok(entries)
    }
}

/// A number that the tables can hold.
fn number(rest: &mut &[u8]) -> Result<u64, EntryError> {
    let number = u64::from_be_bytes(take::<8>(rest)?);
    if number > i64::MAX.cast_unsigned() { Err(EntryError::Malformed) } else { Ok(number) }
}

fn part(rest: &mut &[u8], max: usize) -> Result<Vec<u8>, EntryError> {
    let length = u32::from_be_bytes(take::<4>(rest)?) as usize;
    if length > max {
        return Err(EntryError::Malformed);
    }
    Ok(take_slice(rest, length)?.to_vec())
}

impl From<JournalRow> for JournalEntry {
    fn from(row: JournalRow) -> Self {
        let JournalRow { seq, epoch, op_key, committed_millis, body, result, hash } = row;
        Self { seq, epoch, op_key, committed_millis, body, result, hash }
    }
}

impl From<JournalEntry> for JournalRow {
    fn from(entry: JournalEntry) -> Self {
        let JournalEntry { seq, epoch, op_key, committed_millis, body, result, hash } = entry;
        Self { seq, epoch, op_key, committed_millis, body, result, hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> JournalEntry {
        JournalEntry {
            seq: 7,
            epoch: 2,
            op_key: Some([9; 16]),
            committed_millis: 1_700_000_000_000,
            body: vec![1, 0, 0, 0, 0],
            result: b"ok".to_vec(),
            hash: [5; 32],
        }
    }

    fn encoded(entry: &JournalEntry) -> Vec<u8> {
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        assert_eq!(bytes.len(), entry.encoded_len());
        bytes
    }

    #[test]
    fn an_entry_has_known_bytes() {
        let mut expected = vec![1];
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7]);
        expected.extend_from_slice(&[0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00]);
        expected.push(1);
        expected.extend_from_slice(&[9; 16]);
        expected.extend_from_slice(&[0, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0, 0, 2, b'o', b'k']);
        expected.extend_from_slice(&[5; 32]);
        assert_eq!(encoded(&sample()), expected);
        let without = JournalEntry { op_key: None, ..sample() };
        expected.splice(25..42, [0]);
        assert_eq!(encoded(&without), expected);
    }

    #[test]
    fn other_bytes_are_refused() {
        let good = encoded(&sample());
        for length in 1..good.len() {
            assert_eq!(JournalEntry::decode_all(&good[..length]), Err(EntryError::Malformed));
        }
        let with = |index: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[index] = byte;
            JournalEntry::decode_all(&bytes)
        };
        assert_eq!(with(0, 2), Err(EntryError::UnknownVersion(2)));
        // A number that is none of SQL's, a flag that is none, a length without end.
        for (index, byte) in [(1, 0x80), (9, 0xff), (25, 2), (42, 0xff)] {
            assert_eq!(with(index, byte), Err(EntryError::Malformed), "{index}");
        }
    }

    fn entry() -> impl Strategy<Value = JournalEntry> {
        let number = || 0..=i64::MAX.cast_unsigned();
        let part = || prop::collection::vec(any::<u8>(), 0..40);
        (
            number(),
            number(),
            any::<Option<[u8; 16]>>(),
            any::<i64>(),
            part(),
            part(),
            any::<[u8; 32]>(),
        )
            .prop_map(|(seq, epoch, op_key, committed_millis, body, result, hash)| {
                JournalEntry { seq, epoch, op_key, committed_millis, body, result, hash }
            })
    }

    proptest! {
        #[test]
        fn entries_come_back(entries in prop::collection::vec(entry(), 0..5)) {
            let bytes: Vec<u8> = entries.iter().flat_map(encoded).collect();
            prop_assert_eq!(JournalEntry::decode_all(&bytes), Ok(entries));
        }

        #[test]
        fn decoding_never_panics_and_accepts_one_form_only(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            first in prop::bool::ANY,
        ) {
            let mut bytes = bytes;
            if let (true, Some(byte)) = (first, bytes.first_mut()) {
                *byte = VERSION;
            }
            if let Ok(entries) = JournalEntry::decode_all(&bytes) {
                let again: Vec<u8> = entries.iter().flat_map(encoded).collect();
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn changed_bytes_never_panic(entry in entry(), index in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = encoded(&entry);
            let index = index.index(bytes.len());
            bytes[index] = byte;
            if let Ok(entries) = JournalEntry::decode_all(&bytes) {
                let again: Vec<u8> = entries.iter().flat_map(encoded).collect();
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
