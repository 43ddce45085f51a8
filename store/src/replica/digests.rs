//! Keys and digests of the rows of a snapshot, for a machine that has rows and
//! wants to know which of them differ. Big-endian:
//!
//! ```text
//! page  = version (1 byte, 1) || entry || entry ...
//! entry = key length (4) || image of the key || digest (16),
//!         and for a chunk: 1 if its bytes are in the row, 0 if not
//! ```
//!
//! Digests are those that are stored at the source: if a row of the source is
//! damaged, whoever has it undamaged keeps it.

use super::pages::{RowPage, VERSION, read_key, write_key};
use crate::copy::{columns, read_unverified};
use crate::db::{Connection, Row, Value};
use crate::error::StoreError;
use crate::reads::after_key;
use crate::rows::{ChunkRow, DIGEST_BYTES, Malformed, Record, Table, take, take_slice};
use std::collections::VecDeque;

/// Digests that are read at a time.
const STEP: i64 = 2_048;
/// Differences that are gathered at a time.
const MAX_DIFFERENCES: usize = 4_096;
/// Longest image of a key.
const MAX_KEY_BYTES: usize = 256;

/// A row of the source, as far as a comparison needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Row,
    digest: [u8; DIGEST_BYTES],
    has_data: bool,
}

fn is_chunks(table: &Table) -> bool {
    table.name == ChunkRow::TABLE.name
}

/// Reads keys and digests after a cursor until they have this many bytes.
pub(super) fn read(
    conn: &mut dyn Connection,
    table: &'static Table,
    after: Option<&[u8]>,
    max_bytes: usize,
) -> Result<RowPage, StoreError> {
    let keys = table.key_names();
    let list = keys.join(",");
    let data = if is_chunks(table) { "data IS NOT NULL" } else { "0" };
    let mut after = after.map(|cursor| read_key(table, cursor)).transpose()?;
    let mut page = RowPage { rows: vec![VERSION], count: 0, next: None };
    loop {
        let (condition, mut params) = after_key(&keys, after.as_deref());
        params.push(Value::Int(STEP));
        let sql = format!(
            "SELECT {list},digest,{data} FROM {} WHERE {condition} ORDER BY {list} LIMIT ?",
            table.name
        );
        let rows = conn.query(&sql, &params)?;
        if rows.is_empty() {
            return Ok(page);
        }
        for row in rows {
            if page.count > 0 && page.rows.len() >= max_bytes {
                page.next = after.as_deref().map(|key| write_key(table, key));
                return Ok(page);
            }
            write(table, &row, &mut page.rows)?;
            page.count += 1;
            after = Some(row[..table.keys].to_vec());
        }
    }
}

fn write(table: &'static Table, row: &[Value], out: &mut Vec<u8>) -> Result<(), StoreError> {
    let (key, rest) = row.split_at(table.keys);
    let [Value::Bytes(digest), Value::Int(has_data)] = rest else {
        return Err(StoreError::DamagedRow { table: table.name, key: table.key_text(key) });
    };
    let image = write_key(table, key);
    out.extend_from_slice(&(image.len() as u32).to_be_bytes());
    out.extend_from_slice(&image);
    // One of another length is damaged, and differs from every other.
    let mut exact = [0; DIGEST_BYTES];
    if digest.len() == DIGEST_BYTES {
        exact.copy_from_slice(digest);
    }
    out.extend_from_slice(&exact);
    if is_chunks(table) {
        out.push(u8::from(*has_data != 0));
    }
    Ok(())
}

/// Reads a page. The keys have to stand in order, behind the cursor that the page
/// was asked for with.
pub(super) fn decode(
    table: &'static Table,
    after: Option<&Row>,
    page: &[u8],
) -> Result<Vec<Entry>, StoreError> {
    let bad =
        |_: Malformed| StoreError::BadSnapshot(format!("digests of {} are damaged", table.name));
    let mut rest = page;
    let [version] = take::<1>(&mut rest).map_err(bad)?;
    if version != VERSION {
        let (found, known) = (u64::from(version), u64::from(VERSION));
        return Err(StoreError::NewerFormat { what: "a page of digests", found, known });
    }
    let mut entries: Vec<Entry> = Vec::new();
    while !rest.is_empty() {
        let entry = read_entry(table, &mut rest).map_err(bad)?;
        let before = entries.last().map(|entry| &entry.key).or(after);
        if before.is_some_and(|before| *before >= entry.key) {
            return Err(bad(Malformed));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn read_entry(table: &'static Table, rest: &mut &[u8]) -> Result<Entry, Malformed> {
    let length = u32::from_be_bytes(take::<4>(rest)?) as usize;
    let image = take_slice(rest, length.min(MAX_KEY_BYTES + 1))?;
    let key = read_key(table, image).map_err(|_| Malformed)?;
    let digest = take::<DIGEST_BYTES>(rest)?;
    let has_data = match is_chunks(table) {
        false => false,
        true => match take::<1>(rest)? {
            [0] => false,
            [1] => true,
            _ => return Err(Malformed),
        },
    };
    Ok(Entry { key, digest, has_data })
}

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Keys of rows that only this machine has.
    pub(super) gone: Vec<Row>,
    /// Keys of rows that it does not have, or has otherwise.
    pub(super) wanted: Vec<Row>,
    /// Entries of the page that were looked at.
    pub(super) used: usize,
    /// The last of this machine's own rows that was looked at.
    pub(super) after: Option<Row>,
    /// Whether the page is done.
    pub(super) done: bool,
}

/// Compares a page, or what is left of it, with the rows that are here, which it
/// reads whole: so a damaged one differs, whatever its stored digest says. `last`:
/// the table has no rows behind the page. Stops after some differences.
pub(super) fn compare(
    conn: &mut dyn Connection,
    table: &'static Table,
    after: Option<Row>,
    entries: &[Entry],
    last: bool,
) -> Result<Differences, StoreError> {
    let mut found = Differences { after, ..Differences::default() };
    let mut own: VecDeque<Row> = VecDeque::new();
    let mut read_to = found.after.clone();
    let mut ended = false;
    while found.gone.len() + found.wanted.len() < MAX_DIFFERENCES {
        if own.is_empty() && !ended {
            let rows = read_unverified(conn, table, read_to.as_deref(), super::pages::step(table))?;
            ended = rows.is_empty();
            read_to = rows.last().map(|row| row[..table.keys].to_vec()).or(read_to);
            own.extend(rows);
        }
        let mine = own.front().map(|row| &row[..table.keys]);
        let theirs = entries.get(found.used);
        let order = match (mine, theirs) {
            (Some(mine), Some(theirs)) => mine.cmp(theirs.key.as_slice()),
            (Some(_), None) if last => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            _ => {
                found.done = true;
                break;
            }
        };
        if order.is_le()
            && let Some(row) = own.pop_front()
        {
            let key = row[..table.keys].to_vec();
            match theirs.filter(|_| order.is_eq()) {
                None => found.gone.push(key.clone()),
                Some(theirs) if differs(table, &row, theirs) => found.wanted.push(key.clone()),
                Some(_) => {}
            }
            found.after = Some(key);
        }
        if order.is_ge() {
            if let Some(theirs) = theirs.filter(|_| order.is_gt()) {
                found.wanted.push(theirs.key.clone());
            }
            found.used += 1;
        }
    }
    Ok(found)
}

fn differs(table: &'static Table, row: &[Value], theirs: &Entry) -> bool {
    debug_assert_eq!(row.len(), columns(table).len());
    let values = &row[..table.columns.len()];
    let digest = table.digest(values);
    if digest != theirs.digest || row.get(values.len()) != Some(&Value::from(&digest)) {
        return true;
    }
    let good_data = match row.last() {
        Some(Value::Bytes(data)) if is_chunks(table) => {
            super::pages::check_data(row, Some(data)).is_ok()
        }
        _ => false,
    };
    theirs.has_data && !good_data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::pages::{SNAPSHOT_TABLES, table};
    use proptest::prelude::*;

    #[test]
    fn a_page_has_known_bytes_and_is_in_order() {
        let settings = table(9).unwrap();
        let row = |name: &[u8], fill: u8| {
            vec![Value::from(name), Value::from(&[fill; DIGEST_BYTES]), Value::Int(0)]
        };
        let mut page = vec![VERSION];
        write(settings, &row(b"a", 7), &mut page).unwrap();
        let mut expected = vec![1, 0, 0, 0, 5, 0, 0, 0, 1, b'a'];
        expected.extend_from_slice(&[7; DIGEST_BYTES]);
        assert_eq!(page, expected);
        write(settings, &row(b"b", 8), &mut page).unwrap();
        let entries = decode(settings, None, &page).unwrap();
        assert_eq!(entries.len(), 2);
        assert!(decode(settings, Some(&vec![Value::from(&b"a"[..])]), &page).is_err());
        for length in (0..page.len()).filter(|length| ![1, expected.len()].contains(length)) {
            assert!(decode(settings, None, &page[..length]).is_err(), "{length}");
        }
        let mut chunk = vec![VERSION];
        let row = [Value::from(&[1; 32]), Value::from(&[2; DIGEST_BYTES]), Value::Int(1)];
        write(ChunkRow::TABLE, &row, &mut chunk).unwrap();
        assert_eq!(chunk.last(), Some(&1));
        assert!(decode(ChunkRow::TABLE, None, &chunk).unwrap()[0].has_data);
    }

    proptest! {
        #[test]
        fn decoding_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            number in prop::sample::select(SNAPSHOT_TABLES),
        ) {
            let mut page = vec![VERSION];
            page.extend(bytes);
            let _ = decode(table(number).unwrap(), None, &page);
        }
    }
}
