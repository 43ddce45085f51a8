//! A row put right with its own digest.
//!
//! A digest of 16 bytes names one row. Where a single bit of it is wrong (or a
//! single byte of its key, or of the digest itself) the right row is among a few
//! thousand that can all be tried; that another one fits by chance does not
//! happen. This needs no other machine and no moment of the history, and it is the
//! only way to find a row whose key was damaged.

use super::Healed;
use super::row::RowKey;
use super::writing::HealWork;
use crate::db::{Row, Value};
use crate::rows::{Kind, Table, check};
use crate::store::Store;

/// Rows with more bytes are not tried: the work grows with the square.
const MAX_BYTES: usize = 8 << 10;

/// A row that fits the digest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mended {
    /// All values but the digest.
    pub(super) values: Row,
    pub(super) digest: Vec<u8>,
}

impl Store {
    /// Tries to put a row right; `true` if it is good now.
    pub(super) async fn mend(&self, row: &RowKey) -> bool {
        let Some((table, key)) = row.values() else { return false };
        if let Err(error) = self.keep_evidence(row).await {
            tracing::warn!(%error, %row, "no evidence of a damaged row could be kept");
        }
        match self.write_heal(HealWork::Mend { table, key }).await {
            Ok(outcome) => matches!(outcome, Healed::Good | Healed::Sound),
            Err(error) => {
                tracing::debug!(%error, %row, "a row could not be looked at");
                false
            }
        }
    }
}

/// The one row, one step away from a damaged one, that fits the digest.
pub(super) fn candidates(table: &'static Table, raw: &Row) -> Option<Mended> {
    let count = table.columns.len();
    let mut values: Row = raw.get(..count)?.to_vec();
    let Some(Value::Bytes(digest)) = raw.get(count) else { return None };
    let fits = |values: &Row| {
        check(values, table.columns).is_ok() && table.digest(values)[..] == digest[..]
    };
    if check(&values, table.columns).is_ok() {
        let own = table.digest(&values);
        let wrong = own.iter().zip(digest).filter(|(one, other)| one != other).count();
        if digest.len() == own.len() && wrong <= 1 {
            return Some(Mended { values, digest: own.to_vec() });
        }
    }
    if values.iter().map(size).sum::<usize>() > MAX_BYTES {
        return None;
    }
    for index in 0..count {
        let original = values[index].clone();
        let key = index < table.keys;
        for step in steps(&original, table.columns[index].1, key) {
            values[index] = step;
            if fits(&values) {
                return Some(Mended { values, digest: digest.clone() });
            }
        }
        values[index] = original;
    }
    None
}

fn size(value: &Value) -> usize {
    match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Int(_) | Value::Null => 8,
    }
}

/// The values that are one step away: a bit, and in a key also a byte.
fn steps(value: &Value, kind: Kind, key: bool) -> Box<dyn Iterator<Item = Value> + '_> {
    let masks = move || -> Box<dyn Iterator<Item = u8>> {
        if key { Box::new(1..=u8::MAX) } else { Box::new((0..8).map(|bit| 1 << bit)) }
    };
    match value {
        Value::Null => Box::new(std::iter::empty()),
        Value::Int(number) => Box::new((0..8).flat_map(move |at| {
            masks().map(move |mask| Value::Int(number ^ (i64::from(mask) << (8 * at))))
        })),
        Value::Bytes(bytes) => {
            debug_assert!(!matches!(kind, Kind::U64 | Kind::Int));
            Box::new((0..bytes.len()).flat_map(move |at| {
                masks().map(move |mask| {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= mask;
                    Value::Bytes(bytes)
                })
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Record, SettingRow, TotalsRow, encode};
    use coffer_protocol::UserId;

    #[test]
    fn one_bit_anywhere_and_one_byte_of_a_key_or_digest_are_put_right() {
        let setting = SettingRow { name: b"mode".to_vec(), value: b"semi".to_vec() };
        let row = encode(&setting).unwrap();
        let table = SettingRow::TABLE;
        for column in 0..row.len() {
            let Value::Bytes(bytes) = &row[column] else { panic!() };
            for at in 0..bytes.len() {
                for mask in [1_u8, 0x80, 0x7f, 0xff] {
                    let mut damaged = row.clone();
                    let mut bytes = bytes.clone();
                    bytes[at] ^= mask;
                    damaged[column] = Value::Bytes(bytes);
                    let good = column != 1 || mask.is_power_of_two();
                    let expected = good.then(|| Mended {
                        values: row[..2].to_vec(),
                        digest: match &row[2] {
                            Value::Bytes(digest) => digest.clone(),
                            _ => panic!(),
                        },
                    });
                    assert_eq!(candidates(table, &damaged), expected, "{column} {at} {mask}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_put_right_and_two_errors_are_not() {
        let totals = TotalsRow { owner: UserId([7; 16]), nodes: 3, bytes: 70_000 };
        let row = encode(&totals).unwrap();
        for bit in 0..64 {
            let mut damaged = row.clone();
            let Value::Int(bytes) = &mut damaged[2] else { panic!() };
            *bytes ^= 1 << bit;
            let mended = candidates(TotalsRow::TABLE, &damaged).unwrap();
            assert_eq!(mended.values, row[..3]);
        }
        let mut damaged = row.clone();
        damaged[1] = Value::Int(2);
        damaged[2] = Value::Int(70_001);
        assert_eq!(candidates(TotalsRow::TABLE, &damaged), None);
        let large = SettingRow { name: b"x".to_vec(), value: vec![0; MAX_BYTES + 1] };
        let mut damaged = encode(&large).unwrap();
        let Value::Bytes(value) = &mut damaged[1] else { panic!() };
        value[0] = 1;
        assert_eq!(candidates(SettingRow::TABLE, &damaged), None);
    }
}
