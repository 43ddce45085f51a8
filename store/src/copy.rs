//! Moves an installation from one database to another: `database copy --to`.
//!
//! Guarantees: every row is verified when it is read; rows go over in the order
//! of their keys, a page at a time, so memory is bounded; the row about the
//! installation goes last, so a copy that was cut short is not taken for one, and
//! is begun anew by the next try; in the end the copy is read back and compared
//! with what was sent, row by row. The chunk files stay where they are.

use crate::config::{Password, StoreConfig};
use crate::counters::Counters;
use crate::db::migrate::migrate;
use crate::db::{Access, Connection, DatabaseUrl, Insert, Row, Value, connect};
use crate::error::StoreError;
use crate::journal;
use crate::reads::after_key;
use crate::rows::{ChunkRow, ClusterRow, Record, TABLES, Table, encode, insert_records, verify};
use crate::store::{Store, blocking};
use std::sync::Arc;

/// A transaction of the copy is ended after this many bytes.
const TRANSACTION_BYTES: usize = 8 << 20;
/// Rows deleted at a time when a copy is begun anew.
const CLEAR_ROWS: i64 = 1000;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// BLAKE3 over all of them, in key order; the same in the copy.
    pub hash: [u8; 32],
}

impl Store {
    /// Copies all tables to a database that holds no installation yet, and
    /// compares the copy with this one. Nothing may be committed meanwhile: if
    /// something was, the copy fails. `progress` is told the table and how many
    /// of its rows are there.
    pub async fn copy_to(
        &self,
        database: DatabaseUrl,
        password: Option<Password>,
        mut progress: impl FnMut(&'static str, u64) + Send + 'static,
    ) -> Result<Vec<CopiedTable>, StoreError> {
        self.needs_lock()?;
        let mut target = self.config().clone();
        (target.database, target.database_password) = (database, password);
        let (source, now) = (self.config().clone(), self.environment().clock.now_millis());
        blocking(move || {
            let counters = Arc::new(Counters::default());
            let mut from = connect(&source, Access::Read, &counters)?;
            copy(from.as_mut(), &target, now, &mut progress)
        })
        .await
    }
}

fn copy(
    from: &mut dyn Connection,
    target: &StoreConfig,
    now_millis: i64,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Vec<CopiedTable>, StoreError> {
    let cluster = journal::cluster(from)?;
    let mut to = connect(target, Access::Create, &Arc::new(Counters::default()))?;
    let to = to.as_mut();
    migrate(to, now_millis)?;
    if !to.query("SELECT 1 FROM cluster_state", &[])?.is_empty() {
        return Err(StoreError::AlreadyInitialised(format!("the database {}", target.database)));
    }
    let mut copied = Vec::new();
    for table in TABLES {
        clear(to, table)?;
        copied.push(copy_table(from, to, table, progress)?);
    }
    for table in &copied {
        compare(to, table)?;
    }
    if journal::cluster(from)? != cluster {
        let reason = "something was committed during the copy".to_owned();
        return Err(StoreError::CopyDiffers { table: ClusterRow::TABLE.name, reason });
    }
    let row = encode(&cluster).map_err(crate::commit::CommitError::TooLarge)?;
    to.begin()?;
    insert_records(to, ClusterRow::TABLE, &[row])?;
    to.commit()?;
    Ok(copied)
}

/// Rows read at a time, so that a page of the largest stays below 100 MB.
fn page_rows(table: &Table) -> i64 {
    match table.name {
        "journal" => 8,
        "versions" | "segments" => 32,
        "diverged" => 16,
        "chunks" => 256,
        _ => 1000,
    }
}

/// The columns of a table that go over: those of the row, the digest, and
/// the bytes of inline chunks.
pub(crate) fn columns(table: &Table) -> Vec<&'static str> {
    let mut columns = table.names();
    if table.name == ChunkRow::TABLE.name {
        columns.push("data");
    }
    columns
}

/// Reads up to so many rows in key order and verifies them.
pub(crate) fn read_page(
    conn: &mut dyn Connection,
    table: &'static Table,
    after: Option<&[Value]>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let rows = read_unverified(conn, table, after, limit)?;
    for row in &rows {
        verify(table, row[..=table.columns.len()].to_vec())?;
    }
    Ok(rows)
}

/// Reads up to so many rows in key order, damaged or not.
pub(crate) fn read_unverified(
    conn: &mut dyn Connection,
    table: &'static Table,
    after: Option<&[Value]>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let keys = table.key_names();
    let (condition, mut params) = after_key(&keys, after);
    params.push(Value::Int(limit));
    let sql = format!(
        "SELECT {} FROM {} WHERE {condition} ORDER BY {} LIMIT ?",
        columns(table).join(","),
        table.name,
        keys.join(",")
    );
    Ok(conn.query(&sql, &params)?)
}

/// Empties a table that an earlier copy, cut short, has left.
pub(crate) fn clear(conn: &mut dyn Connection, table: &'static Table) -> Result<(), StoreError> {
    let keys = table.key_names();
    let sql = format!("SELECT {} FROM {} LIMIT ?", keys.join(","), table.name);
    loop {
        let rows = conn.query(&sql, &[Value::Int(CLEAR_ROWS)])?;
        if rows.is_empty() {
            return Ok(());
        }
        conn.begin()?;
        conn.delete_keys(table.name, &keys, &rows)?;
        conn.commit()?;
    }
}

fn copy_table(
    from: &mut dyn Connection,
    to: &mut dyn Connection,
    table: &'static Table,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<CopiedTable, StoreError> {
    let columns = columns(table);
    let insert = Insert { table: table.name, columns: &columns, overwrite: None };
    let mut sum = Sum::default();
    let mut after: Option<Row> = None;
    let mut pending = 0;
    to.begin()?;
    loop {
        let page = read_page(from, table, after.as_deref(), page_rows(table))?;
        let Some(last) = page.last() else { break };
        after = Some(last[..table.keys].to_vec());
        pending += sum.add(&page);
        to.insert(insert, &page)?;
        if pending > TRANSACTION_BYTES {
            to.commit()?;
            to.begin()?;
            pending = 0;
        }
        progress(table.name, sum.rows);
    }
    to.commit()?;
    Ok(CopiedTable { table: table.name, rows: sum.rows, hash: sum.finish() })
}

/// Reads a copied table back.
fn compare(conn: &mut dyn Connection, copied: &CopiedTable) -> Result<(), StoreError> {
    let Some(table) = TABLES.iter().find(|table| table.name == copied.table) else {
        return Ok(());
    };
    let mut sum = Sum::default();
    let mut after: Option<Row> = None;
    loop {
        let page = read_page(conn, table, after.as_deref(), page_rows(table))?;
        let Some(last) = page.last() else { break };
        after = Some(last[..table.keys].to_vec());
        sum.add(&page);
    }
    let rows = sum.rows;
    if rows == copied.rows && sum.finish() == copied.hash {
        return Ok(());
    }
    let reason = format!("{rows} rows of {} were read back, or others", copied.rows);
    Err(StoreError::CopyDiffers { table: copied.table, reason })
}

/// A running hash over rows.
#[derive(Default)]
struct Sum {
    rows: u64,
    hasher: blake3::Hasher,
}

impl Sum {
    /// Adds rows; returns how many bytes they are.
    fn add(&mut self, rows: &[Row]) -> usize {
        let mut bytes = 0;
        self.rows += rows.len() as u64;
        for value in rows.iter().flatten() {
            match value {
                Value::Null => drop(self.hasher.update(&[0])),
                Value::Int(number) => drop(self.hasher.update(&[1]).update(&number.to_be_bytes())),
                Value::Bytes(data) => {
                    let length = (data.len() as u64).to_be_bytes();
                    self.hasher.update(&[2]).update(&length).update(data);
                    bytes += data.len();
                }
            }
        }
        bytes
    }

    fn finish(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}
