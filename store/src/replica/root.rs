//! One hash for everything that is stored, so that machines can be compared.
//!
//! ```text
//! root = BLAKE3("coffer/1/state-root" || for each table: number (1) || rows (8) || sum (32))
//! sum  = sum over the rows of BLAKE3("coffer/1/state-row" || number (1) || digest (16)),
//!        as little-endian numbers modulo 2^256
//! ```
//!
//! Tables stand in the order of their numbers; those that say where a machine is
//! in its history (`cluster_state`, `journal`, `schema_version`) are left out. The
//! sum does not depend on the order in which an engine returns rows. It tells
//! machines apart that differ by mistake or damage; it is no proof against one who
//! chooses rows so that their sums agree, the chain of the journal is. Digests are
//! taken as they are stored: whether a row agrees with its own is for `check`.

use super::pages::SNAPSHOT_TABLES;
use crate::db::{Connection, Row, Value, begin_snapshot};
use crate::error::StoreError;
use crate::journal;
use crate::reads::after_key;
use crate::rows::{TABLES, Table};
use crate::store::Store;
use coffer_protocol::Position;

const ROOT_LABEL: &[u8] = b"coffer/1/state-root";
const ROW_LABEL: &[u8] = b"coffer/1/state-row";
/// Digests that are read at a time.
const PAGE: i64 = 4_096;

impl Store {
    /// Where the history stands, and the hash of everything stored there: equal
    /// on machines of one installation at one position. Reads all of SQL.
    pub async fn state_root(&self) -> Result<(Position, [u8; 32]), StoreError> {
        if self.role() == super::Role::Loading {
            return Err(StoreError::Loading);
        }
        self.on_own_connection(|conn| {
            begin_snapshot(conn)?;
            let cluster = journal::cluster(conn)?;
            let root = root(conn)?;
            conn.rollback()?;
            Ok((Position { epoch: cluster.epoch, seq: cluster.seq }, root))
        })
        .await
    }
}

/// The hash of what a transaction sees.
pub(crate) fn root(conn: &mut dyn Connection) -> Result<[u8; 32], StoreError> {
    Ok(counted(conn)?.0)
}

/// The same, and how many rows there are.
pub(super) fn counted(conn: &mut dyn Connection) -> Result<([u8; 32], u64), StoreError> {
    let mut rows = 0;
    let mut hasher = blake3::Hasher::new();
    hasher.update(ROOT_LABEL);
    for number in SNAPSHOT_TABLES {
        if let Some(table) = TABLES.iter().find(|table| table.number == *number) {
            let sum = table_sum(conn, table)?;
            rows += sum.rows;
            hasher.update(&[*number]).update(&sum.rows.to_be_bytes()).update(&sum.bytes());
        }
    }
    Ok((*hasher.finalize().as_bytes(), rows))
}

fn table_sum(conn: &mut dyn Connection, table: &'static Table) -> Result<Sum, StoreError> {
    let keys = table.key_names();
    let list = keys.join(",");
    let mut sum = Sum::default();
    let mut after: Option<Row> = None;
    loop {
        let (condition, mut params) = after_key(&keys, after.as_deref());
        params.push(Value::Int(PAGE));
        let name = table.name;
        let sql =
            format!("SELECT {list},digest FROM {name} WHERE {condition} ORDER BY {list} LIMIT ?");
        let page = conn.query(&sql, &params)?;
        for row in &page {
            match row.last() {
                Some(Value::Bytes(digest)) => sum.add(table.number, digest),
                _ => return Err(damaged(table, row)),
            }
        }
        match page.last() {
            Some(last) => after = Some(last[..keys.len()].to_vec()),
            None => return Ok(sum),
        }
    }
}

fn damaged(table: &'static Table, row: &[Value]) -> StoreError {
    StoreError::DamagedRow { table: table.name, key: table.key_text(row) }
}

/// A sum of hashes and how many there were.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    words: [u64; 4],
}

impl Sum {
    fn add(&mut self, table: u8, digest: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        let hash = hasher.update(ROW_LABEL).update(&[table]).update(digest).finalize();
        let mut carry = false;
        let (chunks, _) = hash.as_bytes().as_chunks::<8>();
        for (word, bytes) in self.words.iter_mut().zip(chunks) {
            let (sum, first) = word.overflowing_add(u64::from_le_bytes(*bytes));
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, first || second);
        }
        self.rows += 1;
    }

    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, word) in chunks.iter_mut().zip(self.words) {
            *chunk = word.to_le_bytes();
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_does_not_depend_on_the_order_and_carries() {
        let (mut one, mut two) = (Sum::default(), Sum::default());
        for number in 0..100_u8 {
            one.add(3, &[number; 16]);
            two.add(3, &[99 - number; 16]);
        }
        assert_eq!(one, two);
        two.add(4, &[1; 16]);
        one.add(3, &[1; 16]);
        assert_ne!(one.bytes(), two.bytes());
        let mut full = Sum { rows: 0, words: [u64::MAX; 4] };
        full.add(3, &[7; 16]);
        let mut single = Sum::default();
        single.add(3, &[7; 16]);
        // All ones are minus one: only the last bit of the sum is missing.
        assert_eq!(full.words[0], single.words[0].wrapping_sub(1));
        assert_eq!(full.words[1..], single.words[1..]);
    }
}
