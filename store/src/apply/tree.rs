//! Nodes, versions and segments, and what their changes do to counts.

use super::plan::Plan;
use super::{ApplyError, Effects, MAX_CASCADE, TableWrites, shifted};
use crate::commit::CommitError;
use crate::db::{Connection, Value};
use crate::rows::{
    DivergedKey, DivergedRow, NodeRow, Record, SegmentId, SegmentRecord, VersionRow, fetch_keys,
    fetch_where,
};
use coffer_protocol::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Works out the node table.
pub(super) fn nodes(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
    effects: &mut Effects,
) -> Result<TableWrites<NodeRow>, ApplyError> {
    let keys: Vec<_> = plan.nodes.keys().map(|node| vec![Value::from(&node.0)]).collect();
    let old: Vec<NodeRow> = fetch_keys(conn, &keys)?;
    for row in &old {
        effects.totals.entry(row.owner).or_default().0 -= 1;
    }
    let insert: Vec<NodeRow> = plan.nodes.values().copied().flatten().cloned().collect();
    for row in &insert {
        effects.totals.entry(row.owner).or_default().0 += 1;
    }
    Ok(TableWrites { delete: old.iter().map(Record::key).collect(), insert })
}

/// Works out the version table. The versions of a node that goes, go with it.
pub(super) fn versions(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
    nodes: &TableWrites<NodeRow>,
    effects: &mut Effects,
) -> Result<TableWrites<VersionRow>, ApplyError> {
    let kept: BTreeSet<NodeId> = nodes.insert.iter().map(|row| row.node).collect();
    let gone: BTreeSet<NodeId> =
        plan.nodes.iter().filter(|(_, row)| row.is_none()).map(|(node, _)| *node).collect();
    let keys: Vec<_> = plan
        .versions
        .keys()
        .filter(|(node, _)| !gone.contains(node))
        .map(|(node, revision)| vec![Value::from(&node.0), (*revision).into()])
        .collect();
    let mut old: Vec<VersionRow> = fetch_keys(conn, &keys)?;
    for key in &nodes.delete {
        if kept.iter().all(|node| Value::from(&node.0) != key[0]) {
            let params = [key[0].clone(), Value::Int(MAX_CASCADE + 1)];
            old.extend(fetch_where::<VersionRow>(conn, "node=? LIMIT ?", &params)?);
        }
    }
    if old.len() > MAX_CASCADE as usize {
        return Err(CommitError::TooLarge("versions that go with their nodes").into());
    }
    let put = plan.versions.values().copied().flatten();
    let insert: Vec<VersionRow> = put.filter(|row| !gone.contains(&row.node)).cloned().collect();
    for (rows, sign) in [(&old, -1), (&insert, 1)] {
        for row in rows {
            effects.refer_for(row.owner, &row.refs, sign);
            effects.name(&row.segments, sign);
            let size = i64::try_from(row.size).map_err(|_| CommitError::TooLarge("bytes"))?;
            effects.totals.entry(row.owner).or_default().1 += sign * size;
        }
    }
    Ok(TableWrites { delete: old.iter().map(Record::key).collect(), insert })
}

/// Works out the segment table. A segment goes when the last version that named
/// it goes, or when its upload gives it up and no version names it.
pub(super) fn segments(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
    effects: &mut Effects,
) -> Result<TableWrites<SegmentRecord>, ApplyError> {
    let named: Vec<SegmentId> =
        effects.segments.iter().filter(|(_, change)| **change != 0).map(|(id, _)| *id).collect();
    let touched: BTreeSet<SegmentId> = plan.segments.keys().copied().chain(named).collect();
    let keys: Vec<_> = touched.iter().map(|id| vec![Value::from(id)]).collect();
    let old: BTreeMap<SegmentId, SegmentRecord> = fetch_keys::<SegmentRecord>(conn, &keys)?
        .into_iter()
        .map(|record| (record.row.segment, record))
        .collect();
    let mut writes = TableWrites { delete: Vec::new(), insert: Vec::new() };
    for id in touched {
        let before = old.get(&id);
        let change = effects.segments.get(&id).copied().unwrap_or(0);
        let after = settle_segment(plan, id, before, change)?;
        if let Some(record) = before {
            effects.refer_for(record.row.owner, &record.row.refs, -1);
            writes.delete.push(record.key());
        }
        if let Some(record) = after {
            effects.refer_for(record.row.owner, &record.row.refs, 1);
            writes.insert.push(record);
        }
    }
    Ok(writes)
}

/// Works out the table of what an earlier primary had acknowledged. Its chunks are
/// counted like those of versions, so that nobody collects them.
pub(super) fn diverged(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
    effects: &mut Effects,
) -> Result<TableWrites<DivergedRow>, ApplyError> {
    let keys: Vec<_> = plan.diverged.keys().map(DivergedKey::values).collect();
    let old: Vec<DivergedRow> = fetch_keys(conn, &keys)?;
    let insert: Vec<DivergedRow> = plan.diverged.values().copied().flatten().cloned().collect();
    for (rows, sign) in [(&old, -1), (&insert, 1)] {
        for row in rows {
            effects.refer(&row.refs, sign);
        }
    }
    Ok(TableWrites { delete: old.iter().map(Record::key).collect(), insert })
}

fn settle_segment(
    plan: &Plan<'_>,
    id: SegmentId,
    before: Option<&SegmentRecord>,
    change: i64,
) -> Result<Option<SegmentRecord>, CommitError> {
    let wish = plan.segments.get(&id).copied();
    let row = wish.flatten().or(before.map(|record| &record.row));
    let Some(row) = row else {
        return match change > 0 {
            true => Err(CommitError::Inconsistent("a named segment does not exist".to_owned())),
            false => Ok(None),
        };
    };
    let named_before = before.map_or(0, |record| record.named);
    let named = shifted(named_before, change, "versions that name a segment")?;
    let gone = named == 0 && (wish == Some(None) || change < 0);
    Ok((!gone).then(|| SegmentRecord { row: row.clone(), named }))
}
