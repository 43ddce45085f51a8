//! What only this machine has: the journal from where the histories parted, and the
//! rows that others need to open it.

use super::store_failed;
use crate::failure::Outcome;
use coffer_protocol::{NodeId, Position};
use coffer_store::{Change, JournalEntry, Store, decode_body, encode_body};
use std::collections::{BTreeSet, HashSet};

/// Entries that are handed over together, and their bytes, but for a single larger one.
const MAX_ENTRIES: usize = 8;
const MAX_BYTES: usize = 1 << 20;
/// Rows, and bytes of them, of one supplement; but for a single larger one.
const MAX_ROWS: usize = 256;
const MAX_SUPPLEMENT: usize = 1 << 20;

/// Entries that belong together, and what is needed to open them.
pub(super) struct Batch {
    /// Rows as entries without a number; see `docs/formats.md`.
    pub(super) supplements: Vec<JournalEntry>,
    pub(super) entries: Vec<JournalEntry>,
}

/// Reads it, a batch at a time.
pub(super) struct Export<'a> {
    pub(super) store: &'a Store,
    /// Where this machine's history ends.
    pub(super) head: Position,
    /// The last entry that both have, and its hash.
    pub(super) fork: (u64, [u8; 32]),
}

impl<'a> Export<'a> {
    pub(super) fn new(store: &'a Store, head: Position, fork: (u64, [u8; 32])) -> Self {
        Self { store, head, fork }
    }

    /// The batch after an entry; `None` after the last.
    pub(super) async fn after(&self, seq: u64) -> Outcome<Option<Batch>> {
        let entries = self.store.entries_after(seq, MAX_BYTES).await;
        let mut entries = entries.map_err(|error| store_failed(&error))?;
        entries.truncate(MAX_ENTRIES);
        if entries.is_empty() {
            return Ok(None);
        }
        let supplements = self.supplements(&entries).await?;
        Ok(Some(Batch { supplements, entries }))
    }

    /// The directories above what the entries are about, and the segments that they
    /// name, as far as the entries do not bring them themselves.
    async fn supplements(&self, entries: &[JournalEntry]) -> Outcome<Vec<JournalEntry>> {
        let (mut nodes, mut segments) = (BTreeSet::new(), BTreeSet::new());
        let mut brought = HashSet::new();
        for change in entries.iter().flat_map(|entry| decode_body(&entry.body)).flatten() {
            match change {
                Change::PutNode(row) => {
                    nodes.insert(row.parent);
                    brought.insert(row.node.0);
                }
                Change::PutSegment(row) => drop(brought.insert(row.segment)),
                Change::PutVersion(row) => {
                    nodes.insert(row.node);
                    segments.extend(row.segments);
                }
                _ => {}
            }
        }
        let mut rows = Vec::new();
        self.add_above(nodes, &mut brought, &mut rows).await?;
        for id in segments.into_iter().filter(|id| !brought.contains(id)) {
            let segment = self.store.segment(id).await.map_err(|error| store_failed(&error))?;
            rows.extend(segment.map(Change::PutSegment));
        }
        let (epoch, millis) =
            entries.first().map_or((0, 0), |entry| (entry.epoch, entry.committed_millis));
        Ok(cut(&rows)
            .into_iter()
            .map(|body| JournalEntry::supplement(epoch, millis, body))
            .collect())
    }

    async fn add_above(
        &self,
        nodes: BTreeSet<NodeId>,
        brought: &mut HashSet<[u8; 16]>,
        rows: &mut Vec<Change>,
    ) -> Outcome {
        let mut todo: Vec<NodeId> = nodes.into_iter().collect();
        let mut seen = HashSet::new();
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            let row = self.store.node(id).await.map_err(|error| store_failed(&error))?;
            let Some(row) = row else { continue };
            if row.parent != id {
                todo.push(row.parent);
                if brought.insert(id.0) {
                    rows.push(Change::PutNode(row));
                }
            }
        }
        Ok(())
    }
}

/// Bodies of at most so many rows and bytes.
fn cut(rows: &[Change]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for rows in rows.chunks(MAX_ROWS) {
        match encode_body(rows) {
            Ok(body) if body.len() <= MAX_SUPPLEMENT || rows.len() == 1 => bodies.push(body),
            Ok(_) => bodies.extend(rows.iter().filter_map(|row| {
                // Each of them was read from the tables, whose limits are the same.
                encode_body(std::slice::from_ref(row)).ok()
            })),
            Err(error) => tracing::warn!(%error, "rows do not fit an entry"),
        }
    }
    bodies
}
