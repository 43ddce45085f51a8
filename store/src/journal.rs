//! The journal: every commit, in order, chained by hashes.
//!
//! `hash = BLAKE3("coffer/1/journal" || previous hash || epoch (8) || seq (8) ||
//! millis (8) || op key (1, or 1 and 16) || body length (4) || body || result
//! length (4) || result)`, numbers big-endian. The first entry follows the hash
//! of 32 zero bytes. The row of `cluster_state` is sequencer, commit order and
//! fence in one: [`lock`] is the first statement of every transaction that
//! writes.

use crate::commit::{CommitError, OpKey};
use crate::db::{Connection, DbError, Row, Value};
use crate::error::StoreError;
use crate::rows::{
    ClusterRow, JournalRow, Record, decode, encode, fetch_one, fetch_where, insert_records,
};

/// `ClusterRow::role` of the primary.
pub(crate) const ROLE_PRIMARY: u8 = 1;
/// `ClusterRow::role` of a replica: it applies the journal of its source.
pub(crate) const ROLE_REPLICA: u8 = 2;
/// `ClusterRow::role` of a replica whose tables are being filled.
pub(crate) const ROLE_LOADING: u8 = 3;
/// What an entry's hash is computed for.
const HASH_LABEL: &[u8] = b"coffer/1/journal";
/// Bytes of entries that are gathered for one statement.
const KEEP_BYTES: usize = 1 << 20;
/// Entries looked at or deleted at a time.
const PAGE: i64 = 256;

/// The hash of an entry, given that of the one before.
pub(crate) fn entry_hash(previous: &[u8; 32], entry: &JournalRow) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(HASH_LABEL).update(previous);
    hasher.update(&entry.epoch.to_be_bytes()).update(&entry.seq.to_be_bytes());
    hasher.update(&entry.committed_millis.to_be_bytes());
    match &entry.op_key {
        Some(key) => hasher.update(&[1]).update(key),
        None => hasher.update(&[0]),
    };
    for part in [&entry.body, &entry.result] {
        hasher.update(&(part.len() as u32).to_be_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Reads the row about the installation.
pub(crate) fn cluster(conn: &mut dyn Connection) -> Result<ClusterRow, StoreError> {
    fetch_one(conn, vec![Value::Int(1)])?
        .ok_or_else(|| StoreError::NotInitialised("the database".to_owned()))
}

/// Locks the installation for a transaction that may write up to `entries`
/// journal entries, and reads where it stands. `None`: this is not the primary
/// of that epoch (any more), and nothing may be written.
pub(crate) fn lock(
    conn: &mut dyn Connection,
    epoch: u64,
    entries: u64,
) -> Result<Option<ClusterRow>, StoreError> {
    let sql = "UPDATE cluster_state SET seq=seq+? WHERE id=1 AND epoch=? AND role=? AND fenced=0";
    let params = [entries.into(), epoch.into(), u32::from(ROLE_PRIMARY).into()];
    if conn.execute(sql, &params)? == 0 {
        return not_locked(conn);
    }
    locked(conn, entries)
}

/// Locks the installation of a machine that is not the primary. `None`: it does
/// not have that role (any more), and nothing may be written.
pub(crate) fn lock_as(
    conn: &mut dyn Connection,
    role: u8,
) -> Result<Option<ClusterRow>, StoreError> {
    let sql = "UPDATE cluster_state SET seq=seq WHERE id=1 AND role=? AND fenced=0";
    match conn.execute(sql, &[u32::from(role).into()])? {
        0 => not_locked(conn),
        _ => locked(conn, 0),
    }
}

/// The installation is another one than was expected, or its row is damaged, which
/// is told apart by its digest. A fence counts whatever the digest says.
fn not_locked(conn: &mut dyn Connection) -> Result<Option<ClusterRow>, StoreError> {
    let fenced = conn.query("SELECT fenced FROM cluster_state WHERE id=1", &[])?;
    match fenced.into_iter().flatten().next() {
        Some(Value::Int(1)) => Ok(None),
        _ => cluster(conn).map(|_| None),
    }
}

/// Locks the installation, whatever this machine is, and reads where it stands.
pub(crate) fn lock_any(conn: &mut dyn Connection) -> Result<ClusterRow, StoreError> {
    conn.execute("UPDATE cluster_state SET seq=seq WHERE id=1", &[])?;
    locked(conn, 0)?.ok_or_else(|| StoreError::NotInitialised("the database".to_owned()))
}

/// Reads the row that was locked.
fn locked(conn: &mut dyn Connection, entries: u64) -> Result<Option<ClusterRow>, StoreError> {
    let sql = format!("{} WHERE id=1", ClusterRow::TABLE.select());
    let mut row: Row = conn.query(&sql, &[])?.pop().unwrap_or_default();
    // The digest is that of the number before.
    let seq_column = ClusterRow::TABLE.columns.iter().position(|(name, _)| *name == "seq");
    if let Some(Value::Int(seq)) = seq_column.and_then(|index| row.get_mut(index)) {
        *seq = seq.wrapping_sub_unsigned(entries);
    }
    decode(row).map(Some)
}

/// Writes the row about the installation; the last statement of a transaction.
pub(crate) fn unlock(conn: &mut dyn Connection, cluster: &ClusterRow) -> Result<(), StoreError> {
    let sql = "UPDATE cluster_state SET role=?,epoch=?,seq=?,fenced=?,chain_hash=?,pruned_seq=?,\
               pruned_hash=?,digest=? WHERE id=1";
    let digest = ClusterRow::TABLE.digest(&cluster.values());
    let params = [
        u32::from(cluster.role).into(),
        cluster.epoch.into(),
        cluster.seq.into(),
        u32::from(cluster.fenced.number()).into(),
        (&cluster.chain_hash).into(),
        cluster.pruned_seq.into(),
        (&cluster.pruned_hash).into(),
        (&digest).into(),
    ];
    conn.execute(sql, &params)?;
    Ok(())
}

/// Appends an entry and moves the head to it.
pub(crate) fn append(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    mut entry: JournalRow,
) -> Result<(), StoreError> {
    entry.epoch = cluster.epoch;
    entry.seq = cluster.seq + 1;
    entry.hash = entry_hash(&cluster.chain_hash, &entry);
    keep(conn, cluster, std::iter::once(&entry))
}

/// Appends entries as they are, which follow from the head, and moves the head to
/// the last.
pub(crate) fn keep<'a>(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    entries: impl Iterator<Item = &'a JournalRow>,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        rows.push(encode(entry).map_err(CommitError::TooLarge)?);
        bytes += entry.body.len() + entry.result.len();
        (cluster.epoch, cluster.seq, cluster.chain_hash) = (entry.epoch, entry.seq, entry.hash);
        if bytes > KEEP_BYTES {
            insert_records(conn, JournalRow::TABLE, &rows)?;
            (rows, bytes) = (Vec::new(), 0);
        }
    }
    Ok(insert_records(conn, JournalRow::TABLE, &rows)?)
}

/// The hashes of the entries from one number to another, in order.
pub(crate) fn hashes(
    conn: &mut dyn Connection,
    first: u64,
    last: u64,
) -> Result<Vec<(u64, [u8; 32])>, StoreError> {
    let sql = "SELECT seq,hash FROM journal WHERE seq>=? AND seq<=? ORDER BY seq";
    let rows = conn.query(sql, &[first.into(), last.into()])?;
    let read = |row: &Row| match row.as_slice() {
        [Value::Int(seq), Value::Bytes(hash)] => {
            Some((seq.cast_unsigned(), <[u8; 32]>::try_from(hash.as_slice()).ok()?))
        }
        _ => None,
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// The entry of an operation.
pub(crate) fn find_op(
    conn: &mut dyn Connection,
    op: OpKey,
) -> Result<Option<JournalRow>, StoreError> {
    Ok(fetch_where(conn, "op_key=?", &[(&op.0).into()])?.pop())
}

/// Whether the journal holds this very entry.
pub(crate) fn holds(conn: &mut dyn Connection, seq: u64, hash: &[u8; 32]) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM journal WHERE seq=? AND hash=?";
    Ok(!conn.query(sql, &[seq.into(), hash.into()])?.is_empty())
}

/// Entries after a number, in order.
pub(crate) fn entries_after(
    conn: &mut dyn Connection,
    seq: u64,
    limit: i64,
) -> Result<Vec<JournalRow>, StoreError> {
    fetch_where(conn, "seq>? ORDER BY seq LIMIT ?", &[seq.into(), Value::Int(limit)])
}

/// Follows the chain from an entry that is known to the next page of entries.
/// Returns the last entry seen, or `None` at the end.
pub(crate) fn verify_page(
    conn: &mut dyn Connection,
    after: (u64, [u8; 32]),
) -> Result<Option<(u64, [u8; 32])>, StoreError> {
    let (mut seq, mut hash) = after;
    let entries = entries_after(conn, seq, PAGE)?;
    if entries.is_empty() {
        return Ok(None);
    }
    for entry in entries {
        let damaged = |reason| StoreError::DamagedJournal { seq: seq + 1, reason };
        if entry.seq != seq + 1 {
            return Err(damaged("the entry is missing"));
        }
        if entry_hash(&hash, &entry) != entry.hash {
            return Err(damaged("it does not follow from the one before"));
        }
        (seq, hash) = (entry.seq, entry.hash);
    }
    Ok(Some((seq, hash)))
}

/// Deletes up to one page of the oldest entries that are older than a time, up
/// to a number, and never the last one. The caller has the lock. Returns how many.
pub(crate) fn prune_page(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    before_millis: i64,
    through: u64,
) -> Result<u64, StoreError> {
    let sql = "SELECT seq,hash,committed_millis FROM journal WHERE seq<? ORDER BY seq LIMIT ?";
    let mut last = None;
    let mut count = 0;
    let below = cluster.seq.min(through.saturating_add(1));
    for row in conn.query(sql, &[below.into(), Value::Int(PAGE)])? {
        let [Value::Int(seq), Value::Bytes(hash), Value::Int(millis)] = row.as_slice() else {
            break;
        };
        let Ok(hash) = <[u8; 32]>::try_from(hash.as_slice()) else { break };
        if *millis >= before_millis {
            break;
        }
        last = Some((seq.cast_unsigned(), hash));
        count += 1;
    }
    if let Some((seq, hash)) = last {
        conn.execute("DELETE FROM journal WHERE seq<=?", &[seq.into()])?;
        (cluster.pruned_seq, cluster.pruned_hash) = (seq, hash);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_an_entry_has_known_bytes() {
        let mut entry = JournalRow {
            seq: 7,
            epoch: 1,
            op_key: Some([9; 16]),
            committed_millis: 1_700_000_000_000,
            body: vec![1, 0, 0, 0, 0],
            result: b"ok".to_vec(),
            hash: [0; 32],
        };
        let mut bytes = b"coffer/1/journal".to_vec();
        bytes.extend_from_slice(&[5; 32]);
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend_from_slice(&[0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00]);
        bytes.push(1);
        bytes.extend_from_slice(&[9; 16]);
        bytes.extend_from_slice(&[0, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0, 0, 2, b'o', b'k']);
        assert_eq!(entry_hash(&[5; 32], &entry), *blake3::hash(&bytes).as_bytes());
        let hash = entry_hash(&[5; 32], &entry);
        entry.op_key = None;
        assert_ne!(entry_hash(&[5; 32], &entry), hash);
    }
}
