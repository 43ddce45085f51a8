//! Rows of a snapshot on their way to another machine. Big-endian:
//!
//! ```text
//! page = version (1 byte, 1) || row || row ...
//! row  = image length (4) || image, and for a chunk: 0, or 1 || length (4) || its bytes
//! ```
//!
//! The image is the one that the row's digest is computed over
//! ([`crate::rows::Table`]); the digest itself is computed anew where the page
//! arrives. A cursor is the image of the key columns of the last row of a page.
//! Inline bytes that are damaged where they are read are left out.

use crate::chunks::blob::{MAX_SEALED_BYTES, matches};
use crate::copy::{columns, read_page};
use crate::db::{Connection, Row, Value};
use crate::error::StoreError;
use crate::rows::{
    ActivityRow, ChunkPlace, ChunkRow, ContactRow, DivergedRow, GroupRow, InviteRow, KnownRow,
    Malformed, NodeRow, Record, SegmentRecord, SettingRow, ShareRow, TABLES, Table, TotalsRow,
    UploadRow, UserRow, VersionRow, read_image, take, take_slice, verify, write_image,
};
use coffer_protocol::BlobId;
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use std::collections::HashMap;

/// Version of the layout.
pub(super) const VERSION: u8 = 1;

/// The tables of a snapshot, by their numbers, in the order in which they are
/// counted: everything but the journal and what says where a machine stands.
pub const SNAPSHOT_TABLES: &[u8] = &[
    UserRow::TABLE.number,
    InviteRow::TABLE.number,
    NodeRow::TABLE.number,
    VersionRow::TABLE.number,
    SegmentRecord::TABLE.number,
    ChunkRow::TABLE.number,
    SettingRow::TABLE.number,
    TotalsRow::TABLE.number,
    ShareRow::TABLE.number,
    GroupRow::TABLE.number,
    ContactRow::TABLE.number,
    ActivityRow::TABLE.number,
    DivergedRow::TABLE.number,
    KnownRow::TABLE.number,
    UploadRow::TABLE.number,
];

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPage {
    /// The rows, encoded.
    pub rows: Vec<u8>,
    /// How many.
    pub count: u32,
    /// Where to go on; `None` after the last row.
    pub next: Option<Vec<u8>>,
}

impl RowPage {
    /// Adds a row; `false`: it does not fit an answer beside those that are there.
    fn add(&mut self, table: &Table, row: &[Value]) -> bool {
        let end = self.rows.len();
        write_row(table, row, &mut self.rows);
        if self.count > 0 && self.rows.len() > MAX_PAYLOAD_BYTES {
            self.rows.truncate(end);
            return false;
        }
        self.count += 1;
        true
    }
}

/// A table of a snapshot.
pub(crate) fn table(number: u8) -> Result<&'static Table, StoreError> {
    let known = SNAPSHOT_TABLES.contains(&number);
    let table = TABLES.iter().copied().find(|table| known && table.number == number);
    table.ok_or_else(|| StoreError::BadSnapshot(format!("table {number} is not known")))
}

/// Rows that are read at a time, while a page is not full.
pub(super) fn step(table: &Table) -> i64 {
    match table.name {
        "versions" | "segments" | "diverged" => 8,
        "chunks" => 32,
        _ => 256,
    }
}

/// Reads rows after a cursor until they have this many bytes; at least one, if
/// there is one.
pub(super) fn read(
    conn: &mut dyn Connection,
    table: &'static Table,
    after: Option<&[u8]>,
    max_bytes: usize,
) -> Result<RowPage, StoreError> {
    let mut after = after.map(|cursor| read_key(table, cursor)).transpose()?;
    let mut page = RowPage { rows: vec![VERSION], count: 0, next: None };
    loop {
        let rows = read_page(conn, table, after.as_deref(), step(table))?;
        if rows.is_empty() {
            return Ok(page);
        }
        for row in rows {
            let full = page.count > 0 && page.rows.len() >= max_bytes;
            if full || !page.add(table, &row) {
                page.next = after.as_deref().map(|key| write_key(table, key));
                return Ok(page);
            }
            after = Some(row[..table.keys].to_vec());
        }
    }
}

/// The image of a key.
pub(super) fn write_key(table: &Table, key: &[Value]) -> Vec<u8> {
    let mut image = Vec::new();
    write_image(key, &table.columns[..table.keys], &mut image);
    image
}

/// The key of an image.
pub(super) fn read_key(table: &Table, image: &[u8]) -> Result<Row, StoreError> {
    let bad = |_: Malformed| StoreError::BadSnapshot("a key is damaged".to_owned());
    read_image(image, &table.columns[..table.keys]).map_err(bad)
}

/// Reads the rows with these keys, in their order, until they have this many
/// bytes; at least one. Every row has to be there.
pub(super) fn read_keys(
    conn: &mut dyn Connection,
    table: &'static Table,
    keys: &[Vec<u8>],
    max_bytes: usize,
) -> Result<RowPage, StoreError> {
    let mut page = RowPage { rows: vec![VERSION], count: 0, next: None };
    let head = format!("SELECT {} FROM {}", columns(table).join(","), table.name);
    for part in keys.chunks(usize::try_from(step(table)).unwrap_or(1)) {
        let wanted = part.iter().map(|key| read_key(table, key)).collect::<Result<Vec<_>, _>>()?;
        let found = conn.query_keys(&head, &table.key_names(), &wanted)?;
        let found: HashMap<&[Value], &Row> =
            found.iter().map(|row| (&row[..table.keys], row)).collect();
        for key in &wanted {
            if page.count > 0 && page.rows.len() >= max_bytes {
                return Ok(page);
            }
            let row = found.get(key.as_slice()).ok_or_else(|| {
                StoreError::BadSnapshot(format!("{} has no row of this key", table.name))
            })?;
            verify(table, row[..=table.columns.len()].to_vec())?;
            if !page.add(table, row) {
                return Ok(page);
            }
        }
    }
    Ok(page)
}

/// The rows, encoded as a page.
pub(super) fn encode_rows(table: &Table, rows: &[Row]) -> Vec<u8> {
    let mut page = vec![VERSION];
    for row in rows {
        write_row(table, row, &mut page);
    }
    page
}

/// A page with one row that was read as [`columns`] says, verified first.
pub(crate) fn one(table: &'static Table, row: &Row) -> Result<Vec<u8>, StoreError> {
    verify(table, row[..=table.columns.len()].to_vec())?;
    let mut page = vec![VERSION];
    write_row(table, row, &mut page);
    Ok(page)
}

/// Writes a row. Bytes of a chunk that are not its own are left out.
fn write_row(table: &Table, row: &[Value], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write_image(&row[..table.columns.len()], table.columns, out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    if table.name == ChunkRow::TABLE.name {
        match row.last() {
            // Whoever has them undamaged shall not write these over them.
            Some(Value::Bytes(data)) if check_data(row, Some(data)).is_ok() => {
                out.push(1);
                out.extend_from_slice(&(data.len() as u32).to_be_bytes());
                out.extend_from_slice(data);
            }
            _ => out.push(0),
        }
    }
}

/// Reads the rows of a page and completes them: with the columns that
/// [`columns`] names. Bytes of a chunk that are not its own are refused.
pub(crate) fn decode(table: &'static Table, page: &[u8]) -> Result<Vec<Row>, StoreError> {
    let bad = |_: Malformed| StoreError::BadSnapshot(format!("rows of {} are damaged", table.name));
    let mut rest = page;
    let [version] = take::<1>(&mut rest).map_err(bad)?;
    if version != VERSION {
        let (found, known) = (u64::from(version), u64::from(VERSION));
        return Err(StoreError::NewerFormat { what: "a page of rows", found, known });
    }
    let mut rows = Vec::new();
    while !rest.is_empty() {
        rows.push(read_row(table, &mut rest).map_err(bad)?);
    }
    debug_assert!(rows.iter().all(|row| row.len() == columns(table).len()));
    Ok(rows)
}

fn read_row(table: &'static Table, rest: &mut &[u8]) -> Result<Row, Malformed> {
    let length = u32::from_be_bytes(take::<4>(rest)?) as usize;
    let mut row = read_image(take_slice(rest, length)?, table.columns)?;
    let digest = table.digest(&row);
    row.push((&digest).into());
    if table.name == ChunkRow::TABLE.name {
        let data = match take::<1>(rest)? {
            [0] => None,
            [1] => {
                let length = u32::from_be_bytes(take::<4>(rest)?) as usize;
                Some(take_slice(rest, length.min(MAX_SEALED_BYTES + 1))?)
            }
            _ => return Err(Malformed),
        };
        check_data(&row, data)?;
        row.push(data.map_or(Value::Null, Value::from));
    }
    Ok(row)
}

/// Bytes may be missing, as those of a chunk that its source has lost; they may
/// not be others.
pub(super) fn check_data(row: &[Value], data: Option<&[u8]>) -> Result<(), Malformed> {
    let Some(data) = data else { return Ok(()) };
    let [Value::Bytes(blob), _, _, Value::Int(place), Value::Int(size), ..] = row else {
        return Err(Malformed);
    };
    let blob = BlobId::from_slice(blob).ok_or(Malformed)?;
    let inline = *place == i64::from(ChunkPlace::Inline.number());
    let good = inline && i64::try_from(data.len()) == Ok(*size) && matches(&blob, data);
    if good { Ok(()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::encode;
    use proptest::prelude::*;

    #[test]
    fn a_page_has_known_bytes() {
        let setting = SettingRow { name: b"a".to_vec(), value: vec![7, 8] };
        let row = encode(&setting).unwrap();
        let mut page = vec![VERSION];
        write_row(SettingRow::TABLE, &row, &mut page);
        let expected = [1, 0, 0, 0, 11, 0, 0, 0, 1, b'a', 0, 0, 0, 2, 7, 8];
        assert_eq!(page, expected);
        assert_eq!(decode(SettingRow::TABLE, &page).unwrap(), [row]);
        for length in (0..page.len()).filter(|length| *length != 1) {
            assert!(decode(SettingRow::TABLE, &page[..length]).is_err(), "{length}");
        }
        page[0] = 2;
        assert!(matches!(decode(SettingRow::TABLE, &page), Err(StoreError::NewerFormat { .. })));
        assert!(table(8).is_err() && table(99).is_err());
        let numbered: Vec<u8> = SNAPSHOT_TABLES.to_vec();
        assert!(numbered.is_sorted());
        assert_eq!(numbered.len() + 1, TABLES.len());
    }

    proptest! {
        #[test]
        fn decoding_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            number in prop::sample::select(SNAPSHOT_TABLES),
        ) {
            let mut page = vec![VERSION];
            page.extend(bytes);
            let _ = decode(table(number).unwrap(), &page);
        }
    }
}
