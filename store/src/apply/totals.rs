//! What each user's rows add up to.

use super::{ApplyError, TableWrites, shifted};
use crate::db::{Connection, Value};
use crate::rows::{Record, TotalsRow, fetch_keys};
use coffer_protocol::UserId;
use std::collections::BTreeMap;

/// Adds the differences. A user without nodes and bytes has no row.
pub(super) fn write(
    conn: &mut dyn Connection,
    differences: &BTreeMap<UserId, (i64, i64)>,
) -> Result<(), ApplyError> {
    let changed: Vec<_> = differences.iter().filter(|(_, change)| **change != (0, 0)).collect();
    let keys: Vec<_> = changed.iter().map(|(owner, _)| vec![Value::from(&owner.0)]).collect();
    let old: Vec<TotalsRow> = fetch_keys(conn, &keys)?;
    let delete = old.iter().map(Record::key).collect();
    let old: BTreeMap<UserId, TotalsRow> = old.into_iter().map(|row| (row.owner, row)).collect();
    let mut insert = Vec::new();
    for (owner, (nodes, bytes)) in changed {
        let (old_nodes, old_bytes) = old.get(owner).map_or((0, 0), |row| (row.nodes, row.bytes));
        let row = TotalsRow {
            owner: *owner,
            nodes: shifted(old_nodes, *nodes, "a user's nodes")?,
            bytes: shifted(old_bytes, *bytes, "a user's bytes")?,
        };
        if (row.nodes, row.bytes) != (0, 0) {
            insert.push(row);
        }
    }
    TableWrites { delete, insert }.write(conn)
}
