//! Which chunks a user's files and uploads refer to, so that they are not sent
//! again.
//!
//! Guarantees: a row is there only while versions or segments of its owner name
//! the chunk. References of before the row was made are not in its count, so it
//! may go early, and then the chunk is sent once more; it never stays too long.

use super::plan::Plan;
use super::{ApplyError, ChunkBook, Effects, TableWrites};
use crate::db::{Connection, Value};
use crate::rows::{ChunkPlace, KnownRow, Record, fetch_keys};
use coffer_protocol::{BlobId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Works out the table. The book has the chunks that are concerned.
pub(super) fn known(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
    effects: &Effects,
    book: &ChunkBook,
) -> Result<TableWrites<KnownRow>, ApplyError> {
    // Chunks of small files are nowhere to be found by their content.
    let may_be_known = |blob: &BlobId| book.place(blob) == Some(ChunkPlace::File);
    let moved = effects.held.iter().filter(|(_, change)| **change != 0).map(|(key, _)| key);
    let moved = moved.filter(|(_, blob)| may_be_known(blob));
    let touched: BTreeSet<(UserId, BlobId)> = moved.chain(plan.known.keys()).copied().collect();
    let keys: Vec<_> =
        touched.iter().map(|(owner, blob)| vec![(&owner.0).into(), (&blob.0).into()]).collect();
    let old: BTreeMap<(UserId, BlobId), KnownRow> = fetch_keys::<KnownRow>(conn, &keys)?
        .into_iter()
        .map(|row| ((row.owner, row.blob), row))
        .collect();
    let mut writes = TableWrites { delete: Vec::new(), insert: Vec::new() };
    for key in touched {
        let before = old.get(&key);
        let change = effects.held.get(&key).copied().unwrap_or(0);
        let after = settle(key, before, plan.known.get(&key), change);
        if before == after.as_ref() {
            continue;
        }
        writes.delete.extend(before.map(Record::key));
        writes.insert.extend(after);
    }
    Ok(writes)
}

fn settle(
    (owner, blob): (UserId, BlobId),
    before: Option<&KnownRow>,
    learned: Option<&[u8; 32]>,
    change: i64,
) -> Option<KnownRow> {
    let fingerprint = before.map(|row| row.fingerprint).or(learned.copied())?;
    let refs = before.map_or(0, |row| row.refs).saturating_add_signed(change);
    (refs > 0).then_some(KnownRow { owner, blob, fingerprint, refs })
}

/// The keys of the rows of a user's chunks with these fingerprints.
pub(crate) fn fingerprint_keys(owner: UserId, fingerprints: &[[u8; 32]]) -> Vec<Vec<Value>> {
    fingerprints.iter().map(|print| vec![(&owner.0).into(), print.into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (UserId, BlobId) = (UserId([1; 16]), BlobId([2; 32]));

    fn row(refs: u64) -> KnownRow {
        KnownRow { owner: KEY.0, blob: KEY.1, fingerprint: [3; 32], refs }
    }

    #[test]
    fn a_chunk_is_known_while_it_is_referred_to() {
        assert_eq!(settle(KEY, None, Some(&[3; 32]), 1), Some(row(1)));
        assert_eq!(settle(KEY, None, Some(&[3; 32]), 0), None);
        assert_eq!(settle(KEY, None, None, 1), None);
        assert_eq!(settle(KEY, Some(&row(1)), Some(&[3; 32]), 1), Some(row(2)));
        assert_eq!(settle(KEY, Some(&row(2)), None, -1), Some(row(1)));
        assert_eq!(settle(KEY, Some(&row(1)), None, -1), None);
        // A reference of before the row was made goes.
        assert_eq!(settle(KEY, Some(&row(1)), None, -2), None);
    }
}
