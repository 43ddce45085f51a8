//! What the writer does to heal: one transaction, under the lock, in which what is
//! there is looked at again before it is replaced.

use super::Healed;
use super::entry::{Run, put_entries};
use super::mend::{Mended, candidates};
use super::row::raw_row;
use crate::chunks::blob;
use crate::db::{Connection, DbError, Insert, Row, Value};
use crate::error::StoreError;
use crate::rows::{ChunkPlace, ChunkRow, ClusterRow, JournalRow, Record, Table, fetch_one, verify};
use bytes::Bytes;
use coffer_protocol::BlobId;

/// Something to be healed.
pub(crate) enum HealWork {
    /// A row, as it was read at this moment; `None`: there was none.
    Row { table: &'static Table, key: Vec<Value>, row: Option<Row>, at: u64, hash: [u8; 32] },
    /// A row that may be put right with its own digest.
    Mend { table: &'static Table, key: Vec<Value> },
    /// The bytes of an inline chunk.
    Inline { blob: BlobId, bytes: Bytes },
    /// Entries of the journal, one following the other.
    Entries(Vec<JournalRow>),
}

impl HealWork {
    /// Whether it is about the very row that is locked.
    pub(crate) fn is_of_the_lock(&self) -> bool {
        matches!(self, Self::Mend { table, .. } if table.number == ClusterRow::TABLE.number)
    }
}

/// Heals in a transaction that has begun and, where there is a `cluster`, holds
/// the lock. Does not commit.
pub(crate) fn heal(
    conn: &mut dyn Connection,
    cluster: Option<&ClusterRow>,
    work: &HealWork,
) -> Result<Healed, StoreError> {
    match (work, cluster) {
        (HealWork::Mend { table, key }, _) => mend(conn, table, key),
        (_, None) => Ok(Healed::Refused("the installation is not locked")),
        (HealWork::Row { table, key, row, at, hash }, Some(cluster)) => {
            if (cluster.seq, cluster.chain_hash) != (*at, *hash) {
                return Ok(Healed::Elsewhere);
            }
            put_row(conn, table, key, row.as_ref())
        }
        (HealWork::Inline { blob, bytes }, Some(_)) => put_inline(conn, *blob, bytes),
        (HealWork::Entries(rows), Some(cluster)) => match put_entries(conn, cluster, rows)? {
            Run::Put => Ok(Healed::Good),
            Run::Sound => Ok(Healed::Sound),
            Run::Open => Ok(Healed::Elsewhere),
            Run::Misfit => Ok(Healed::Refused("it does not fit the chain")),
        },
    }
}

fn is_sound(table: &'static Table, raw: &Row) -> bool {
    verify(table, raw[..=table.columns.len()].to_vec()).is_ok()
}

fn put_row(
    conn: &mut dyn Connection,
    table: &'static Table,
    key: &[Value],
    row: Option<&Row>,
) -> Result<Healed, StoreError> {
    let here = raw_row(conn, table, key)?;
    if here.as_ref().is_some_and(|raw| is_sound(table, raw)) {
        return Ok(Healed::Sound);
    }
    match (here, row) {
        (None, None) => Ok(Healed::Sound),
        // Its key is damaged, too: which row it was is not known.
        (Some(_), None) => Ok(Healed::Refused("there is no row of this key elsewhere")),
        (here, Some(row)) => {
            let mut row = row.clone();
            keep_own_bytes(table, here.as_ref(), &mut row);
            match write(conn, table, row) {
                Err(StoreError::Database(DbError::Duplicate)) => {
                    Ok(Healed::Refused("another row has one of its unique values"))
                }
                written => written.map(|()| Healed::Good),
            }
        }
    }
}

/// Bytes of an inline chunk that are here stay, if none were brought: they are
/// proved by the chunk's id and not by the row.
fn keep_own_bytes(table: &'static Table, here: Option<&Row>, row: &mut Row) {
    if table.number != ChunkRow::TABLE.number || row.last() != Some(&Value::Null) {
        return;
    }
    if let (Some(own), Some(slot)) = (here.and_then(|here| here.last()), row.last_mut()) {
        *slot = own.clone();
    }
}

fn write(conn: &mut dyn Connection, table: &'static Table, row: Row) -> Result<(), StoreError> {
    let all = crate::copy::columns(table);
    let columns = &all[..row.len()];
    let key = table.key_names().join(",");
    let overwrite = Some((key.as_str(), &columns[table.keys..]));
    Ok(conn.insert(Insert { table: table.name, columns, overwrite }, &[row])?)
}

fn mend(
    conn: &mut dyn Connection,
    table: &'static Table,
    key: &[Value],
) -> Result<Healed, StoreError> {
    let Some(raw) = raw_row(conn, table, key)? else { return Ok(Healed::Sound) };
    if is_sound(table, &raw) {
        return Ok(Healed::Sound);
    }
    let Some(Mended { values, digest }) = candidates(table, &raw) else {
        return Ok(Healed::Refused("more than one bit is wrong"));
    };
    if lifts_fence(table, &raw, &values) {
        return Ok(Healed::Refused("a fence is not lifted by a guess"));
    }
    let moved = values[..table.keys] != raw[..table.keys];
    if moved {
        if raw_row(conn, table, &values[..table.keys])?.is_some() {
            return Ok(Healed::Refused("its place is taken"));
        }
        conn.delete_keys(table.name, &table.key_names(), &[key.to_vec()])?;
    }
    let mut row = values;
    row.push(Value::Bytes(digest));
    // What the digest does not cover.
    row.extend(raw[table.columns.len() + 1..].iter().cloned());
    write(conn, table, row)?;
    Ok(Healed::Good)
}

/// Whether a machine that says that it is fenced would not be any more.
fn lifts_fence(table: &'static Table, raw: &[Value], values: &[Value]) -> bool {
    let column = table.columns.iter().position(|(name, _)| *name == "fenced");
    let fenced = |row: &[Value]| column.and_then(|at| row.get(at)) == Some(&Value::Int(1));
    fenced(raw) && !fenced(values)
}

fn put_inline(
    conn: &mut dyn Connection,
    blob: BlobId,
    bytes: &Bytes,
) -> Result<Healed, StoreError> {
    let key = vec![Value::from(&blob.0)];
    let row: Option<ChunkRow> = fetch_one(conn, key.clone())?;
    let wanted =
        row.filter(|row| row.place == ChunkPlace::Inline && row.size as usize == bytes.len());
    if wanted.is_none() {
        return Ok(Healed::Sound);
    }
    let own =
        conn.query_keys("SELECT data FROM chunks", &["blob_id"], std::slice::from_ref(&key))?;
    if let Some(Value::Bytes(own)) = own.into_iter().flatten().next()
        && blob::matches(&blob, &own)
    {
        return Ok(Healed::Sound);
    }
    let params = [Value::from(&bytes[..]), key[0].clone()];
    conn.execute("UPDATE chunks SET data=? WHERE blob_id=?", &params)?;
    Ok(Healed::Good)
}
