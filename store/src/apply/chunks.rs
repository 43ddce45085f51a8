//! The rows of chunks: arrivals, references, and the way out.

use super::plan::{ChunkStep, Plan};
use super::{ApplyError, Effects, shifted};
use crate::commit::CommitError;
use crate::db::{Connection, DbError, Insert, Row, Value};
use crate::error::StoreError;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState, Record, encode, fetch_keys};
use bytes::Bytes;
use coffer_protocol::BlobId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The bytes of inline chunks that arrive with a commit. `None`: they are known
/// to be gone at their source, and the row has to do without them.
pub(crate) type Inline<'a> = HashMap<BlobId, Option<&'a Bytes>>;

/// The rows of the chunks that a commit is concerned with, as they were and as
/// they will be.
#[derive(Debug, Default)]
pub(crate) struct ChunkBook {
    before: BTreeMap<BlobId, Option<ChunkRow>>,
    after: BTreeMap<BlobId, Option<ChunkRow>>,
    /// Chunks whose bytes come with this commit.
    arrived: BTreeSet<BlobId>,
}

impl ChunkBook {
    /// Reads the rows that are not in the book yet.
    pub(crate) fn load(
        &mut self,
        conn: &mut dyn Connection,
        blobs: impl Iterator<Item = BlobId>,
    ) -> Result<(), StoreError> {
        let wanted: BTreeSet<BlobId> =
            blobs.filter(|blob| !self.before.contains_key(blob)).collect();
        let keys: Vec<_> = wanted.iter().map(|blob| vec![Value::from(&blob.0)]).collect();
        let rows: Vec<ChunkRow> = fetch_keys(conn, &keys)?;
        self.before.extend(wanted.into_iter().map(|blob| (blob, None)));
        self.before.extend(rows.into_iter().map(|row| (row.blob, Some(row))));
        Ok(())
    }

    /// The row of a chunk that was loaded.
    pub(crate) fn row(&self, blob: &BlobId) -> Option<&ChunkRow> {
        self.before.get(blob)?.as_ref()
    }

    /// Where the bytes of a chunk are that was settled.
    pub(super) fn place(&self, blob: &BlobId) -> Option<ChunkPlace> {
        let row = |rows: &BTreeMap<BlobId, Option<ChunkRow>>| rows.get(blob).copied().flatten();
        row(&self.after).or_else(|| row(&self.before)).map(|row| row.place)
    }

    /// Works out what the rows are afterwards.
    pub(super) fn settle(
        &mut self,
        conn: &mut dyn Connection,
        plan: &Plan<'_>,
        effects: &Effects,
        millis: i64,
    ) -> Result<(), ApplyError> {
        let referred = effects.chunks.iter().filter(|(_, change)| **change != 0);
        let referred: Vec<(BlobId, i64)> = referred.map(|(b, c)| (*b, *c)).collect();
        self.load(conn, plan.chunks.keys().copied().chain(referred.iter().map(|(b, _)| *b)))?;
        self.after.clone_from(&self.before);
        for (blob, steps) in &plan.chunks {
            for step in steps {
                if let ChunkStep::Put { generation, place, size } = *step {
                    self.arrive(*blob, generation, place, size);
                }
            }
        }
        let mut missing = Vec::new();
        for (blob, change) in &referred {
            if !self.count(*blob, *change)? {
                missing.push(*blob);
            }
        }
        if !missing.is_empty() {
            return Err(CommitError::NeedUpload(missing).into());
        }
        for (blob, steps) in &plan.chunks {
            for step in steps {
                self.leave(*blob, *step);
            }
        }
        for row in self.after.values_mut().flatten() {
            row.idle_millis = (row.refs == 0).then(|| row.idle_millis.unwrap_or(millis));
        }
        Ok(())
    }

    fn arrive(&mut self, blob: BlobId, generation: u32, place: ChunkPlace, size: u32) {
        let row = self.after.entry(blob).or_default();
        let refs = row.as_ref().map_or(0, |row| row.refs);
        let state = ChunkState::Live;
        *row = Some(ChunkRow { blob, generation, state, place, size, refs, idle_millis: None });
        self.arrived.insert(blob);
    }

    /// Changes a reference count; `false` if there is nothing to refer to.
    fn count(&mut self, blob: BlobId, change: i64) -> Result<bool, CommitError> {
        let Some(Some(row)) = self.after.get_mut(&blob) else {
            return Ok(change < 0);
        };
        if change > 0 && row.state == ChunkState::Deleting {
            return Ok(false);
        }
        row.refs = shifted(row.refs, change, "references to a chunk")?;
        if change > 0 {
            row.state = ChunkState::Live;
        }
        Ok(true)
    }

    /// A step towards deletion has no effect on a chunk that is referred to, or
    /// that was put again meanwhile.
    fn leave(&mut self, blob: BlobId, step: ChunkStep) {
        let Some(slot) = self.after.get_mut(&blob) else { return };
        let Some(row) = slot else { return };
        match step {
            ChunkStep::State { generation, state }
                if row.refs == 0 && row.generation == generation =>
            {
                row.state = state;
            }
            ChunkStep::Delete { generation } if row.refs == 0 && row.generation == generation => {
                *slot = None;
            }
            _ => {}
        }
    }

    /// Writes the rows that differ.
    pub(super) fn write(
        &self,
        conn: &mut dyn Connection,
        inline: &Inline<'_>,
    ) -> Result<(), ApplyError> {
        let mut delete = Vec::new();
        let (mut fresh, mut changed) = (Vec::new(), Vec::new());
        for (blob, after) in &self.after {
            let before = self.before.get(blob).and_then(Option::as_ref);
            let moved = self.arrived.contains(blob);
            if before.is_some() && (after.is_none() || moved) {
                delete.push(vec![Value::from(&blob.0)]);
            }
            match after {
                Some(row) if before.is_none() || moved => fresh.push(with_data(row, inline)?),
                Some(row) if Some(row) != before => changed.push(encoded(row)?),
                _ => {}
            }
        }
        let table = ChunkRow::TABLE;
        let mut columns = table.names();
        if !delete.is_empty() {
            conn.delete_keys(table.name, &table.key_names(), &delete)?;
        }
        if !changed.is_empty() {
            let overwrite = Some(("blob_id", &columns[1..]));
            let insert = Insert { table: table.name, columns: &columns, overwrite };
            conn.insert(insert, &changed)?;
        }
        columns.push("data");
        if !fresh.is_empty() {
            let insert = Insert { table: table.name, columns: &columns, overwrite: None };
            conn.insert(insert, &fresh).map_err(|error| match error {
                DbError::Duplicate => CommitError::Duplicate(table.name).into(),
                other => ApplyError::from(other),
            })?;
        }
        Ok(())
    }
}

fn encoded(row: &ChunkRow) -> Result<Row, ApplyError> {
    Ok(encode(row).map_err(CommitError::TooLarge)?)
}

/// The row with its bytes, if they are inline.
fn with_data(row: &ChunkRow, inline: &Inline<'_>) -> Result<Row, ApplyError> {
    let mut values = encoded(row)?;
    values.push(match (row.place, inline.get(&row.blob)) {
        (ChunkPlace::File, _) | (ChunkPlace::Inline, Some(None)) => Value::Null,
        (ChunkPlace::Inline, Some(Some(bytes))) if bytes.len() == row.size as usize => {
            Value::from(&bytes[..])
        }
        (ChunkPlace::Inline, _) => {
            let text = "the bytes of an inline chunk are missing".to_owned();
            return Err(CommitError::Inconsistent(text).into());
        }
    });
    Ok(values)
}
