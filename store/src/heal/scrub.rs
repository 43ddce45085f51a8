//! The scrub: everything that is stored, looked at a piece at a time.
//!
//! Guarantees: a step reads a bounded number of bytes and says where to go on; what
//! looks damaged is looked at again before a word is said; an error of the disk is
//! logged and counted, and nothing is made of it.

use super::entry::{State, state_of};
use super::row::{RowKey, raw_row};
use super::{Want, report};
use crate::chunks::{ChunkError, blob};
use crate::db::{Connection, Row, Value};
use crate::error::StoreError;
use crate::journal;
use crate::reads::after_key;
use crate::rows::{
    Cells, ChunkPlace, ChunkRow, ChunkState, ClusterRow, JournalRow, Record, TABLES, Table,
    read_image, verify, write_image,
};
use crate::store::Store;

/// Where a scrub is: tables in the order of their numbers, rows in that of their
/// keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubCursor {
    /// Number of the table; 0 at the beginning.
    pub table: u8,
    /// Image of the key after which it goes on; empty: from the first row.
    pub key: Vec<u8>,
}

/// How a scrub looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScrubOptions {
    /// Chunk files are not read: it is enough that they are there and have their
    /// size.
    pub quick: bool,
}

/// What one step has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubStep {
    /// Where to go on; `None`: the round is over.
    pub next: Option<ScrubCursor>,
    /// Name of the table.
    pub table: &'static str,
    /// Rows that were looked at.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Things that were found damaged or missing.
    pub damaged: u64,
    /// Things that could not be read; that says nothing about them.
    pub unreadable: u64,
}

/// Rows of a step.
fn step_rows(table: &Table) -> i64 {
    match table.name {
        "journal" | "versions" | "segments" | "diverged" => 4,
        "chunks" => 8,
        _ => 128,
    }
}

impl Store {
    /// Looks at the next few rows, and at what belongs to them: the bytes of chunks,
    /// the chain of the journal. What is damaged is put right with its digest or
    /// wanted from another machine.
    pub async fn scrub_step(
        &self,
        cursor: &ScrubCursor,
        options: ScrubOptions,
    ) -> Result<ScrubStep, StoreError> {
        self.needs_lock()?;
        let Some(table) = TABLES.iter().copied().find(|table| table.number >= cursor.table) else {
            return Ok(ScrubStep::default());
        };
        let mut step = ScrubStep { table: table.name, ..ScrubStep::default() };
        if cursor.table == 0 {
            self.scrub_cluster(&mut step).await;
        }
        let after = (cursor.table == table.number && !cursor.key.is_empty())
            .then(|| read_image(&cursor.key, &table.columns[..table.keys]).ok())
            .flatten();
        let page = match self.scrub_page(table, after).await {
            Ok(page) => page,
            Err(error @ StoreError::Database(_)) if !error.is_retryable() => {
                // The engine finds its own files damaged: `check` says more.
                tracing::error!(%error, table = table.name, "a table cannot be read to its end");
                step.unreadable += 1;
                step.next = after_table(table);
                return Ok(step);
            }
            Err(error) => return Err(error),
        };
        if page.is_empty() && table.number == JournalRow::TABLE.number {
            self.scrub_end_of_journal(&mut step).await?;
        }
        step.next = match page.last() {
            Some(last) => {
                Some(ScrubCursor { table: table.number, key: image(table, &last[..table.keys]) })
            }
            None => after_table(table),
        };
        for row in page {
            step.rows += 1;
            step.bytes += row.iter().map(length).sum::<u64>();
            self.scrub_row(table, row, options, &mut step).await?;
        }
        Ok(step)
    }

    async fn scrub_page(
        &self,
        table: &'static Table,
        after: Option<Row>,
    ) -> Result<Vec<Row>, StoreError> {
        self.read_now(move |conn| {
            let keys = table.key_names();
            let (condition, mut params) = after_key(&keys, after.as_deref());
            params.push(Value::Int(step_rows(table)));
            let sql = format!(
                "SELECT {} FROM {} WHERE {condition} ORDER BY {} LIMIT ?",
                crate::copy::columns(table).join(","),
                table.name,
                keys.join(",")
            );
            Ok(conn.query(&sql, &params)?)
        })
        .await
    }

    async fn scrub_cluster(&self, step: &mut ScrubStep) {
        let read = self.read_now(journal::cluster).await;
        if let Err(error @ StoreError::DamagedRow { .. }) = read {
            step.damaged += u64::from(!self.noticed(&error).await);
        }
    }

    async fn scrub_row(
        &self,
        table: &'static Table,
        row: Row,
        options: ScrubOptions,
        step: &mut ScrubStep,
    ) -> Result<(), StoreError> {
        let key = RowKey::new(table, &row[..table.keys]);
        if table.number == JournalRow::TABLE.number {
            return self.scrub_entry(&row, &key, step).await;
        }
        let count = table.columns.len();
        let Ok(values) = verify(table, row[..=count].to_vec()) else {
            step.damaged += u64::from(self.scrub_damaged_row(table, key).await?);
            return Ok(());
        };
        self.ward().settle(&Want::Row(key));
        if table.number == ChunkRow::TABLE.number
            && let Ok(chunk) = ChunkRow::from_cells(&mut Cells::new(values))
        {
            self.scrub_chunk(chunk, row.last(), options, step).await?;
        }
        Ok(())
    }

    /// Looks at a row again. `true`: it is damaged, and was not put right here.
    async fn scrub_damaged_row(
        &self,
        table: &'static Table,
        key: RowKey,
    ) -> Result<bool, StoreError> {
        let Some((_, values)) = key.values() else {
            // A key of no length that one can have: nothing can be asked for.
            tracing::error!(table = table.name, "a row has a key that is none");
            return Ok(true);
        };
        let still = self
            .read_now(move |conn| {
                let raw = raw_row(conn, table, &values)?;
                Ok(raw.is_some_and(|raw| {
                    verify(table, raw[..=table.columns.len()].to_vec()).is_err()
                }))
            })
            .await?;
        if !still {
            return Ok(false);
        }
        let want = Want::Row(key.clone());
        if self.mend(&key).await {
            report(&want, "digest", super::Healed::Good);
            self.ward().settle(&want);
            return Ok(false);
        }
        self.want(&want);
        Ok(true)
    }

    async fn scrub_chunk(
        &self,
        row: ChunkRow,
        data: Option<&Value>,
        options: ScrubOptions,
        step: &mut ScrubStep,
    ) -> Result<(), StoreError> {
        if row.state == ChunkState::Deleting {
            return Ok(());
        }
        let good = match row.place {
            ChunkPlace::Inline => {
                matches!(data, Some(Value::Bytes(data)) if blob::matches(&row.blob, data))
            }
            ChunkPlace::File => match self.scrub_file(row, options).await {
                Ok(bytes) => {
                    step.bytes += bytes.unwrap_or(0);
                    bytes.is_some()
                }
                Err(error @ StoreError::Chunk(ChunkError::Io { .. })) => {
                    tracing::error!(%error, "a chunk cannot be read; look at the disk");
                    metrics::counter!("coffer_scrub_unreadable_total").increment(1);
                    step.unreadable += 1;
                    return Ok(());
                }
                Err(error) => return Err(error),
            },
        };
        let want = Want::Chunk(row.blob);
        if good {
            self.ward().settle(&want);
            return Ok(());
        }
        // It may have gone, or have been put again, since its row was read.
        if !self.chunk_is_good(row.blob).await? {
            step.damaged += 1;
            self.want(&want);
        }
        Ok(())
    }

    /// Bytes of a chunk file that is good; `None`: it is damaged or missing.
    async fn scrub_file(
        &self,
        row: ChunkRow,
        options: ScrubOptions,
    ) -> Result<Option<u64>, StoreError> {
        self.with_chunks(move |chunks| {
            if options.quick {
                let size = chunks.size(&row.blob, row.generation)?;
                return Ok(size.filter(|size| *size == u64::from(row.size)).map(|_| 0));
            }
            match chunks.inspect(&row.blob, row.generation) {
                Ok(bytes) => Ok(Some(bytes.len() as u64)),
                Err(ChunkError::Corrupt { .. }) => {
                    chunks.quarantine(&row.blob, row.generation)?;
                    Ok(None)
                }
                Err(ChunkError::Missing { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn scrub_entry(
        &self,
        row: &Row,
        key: &RowKey,
        step: &mut ScrubStep,
    ) -> Result<(), StoreError> {
        let Some(Value::Int(seq)) = row.first() else { return Ok(()) };
        let seq = seq.cast_unsigned();
        let damaged = verify(JournalRow::TABLE, row.clone()).is_err();
        if damaged && self.mend(key).await {
            report(&Want::Entry(seq), "digest", super::Healed::Good);
        }
        let (missing, state) = self
            .read_now(move |conn| {
                let cluster = journal::cluster(conn)?;
                Ok((gap_before(conn, &cluster, seq)?, state_of(conn, &cluster, seq)?))
            })
            .await?;
        self.missing_entries(missing, step);
        match state {
            State::Damaged => {
                step.damaged += 1;
                self.want(&Want::Entry(seq));
            }
            State::Sound | State::Needless => self.ward().settle(&Want::Entry(seq)),
        }
        Ok(())
    }

    /// Whether the journal ends where the installation says.
    async fn scrub_end_of_journal(&self, step: &mut ScrubStep) -> Result<(), StoreError> {
        let missing = self
            .read_now(|conn| {
                let cluster = journal::cluster(conn)?;
                gap_before(conn, &cluster, cluster.seq + 1)
            })
            .await?;
        self.missing_entries(missing, step);
        Ok(())
    }

    fn missing_entries(&self, missing: Option<(u64, u64)>, step: &mut ScrubStep) {
        if let Some((first, last)) = missing {
            step.damaged += last - first + 1;
            self.want_entries(first, last);
        }
    }
}

/// The entries that are missing between one and the last before it, or at the end.
fn gap_before(
    conn: &mut dyn Connection,
    cluster: &ClusterRow,
    seq: u64,
) -> Result<Option<(u64, u64)>, StoreError> {
    let sql = "SELECT MAX(seq) FROM journal WHERE seq<?";
    let before = match conn.query(sql, &[seq.into()])?.into_iter().flatten().next() {
        Some(Value::Int(before)) => before.cast_unsigned().max(cluster.pruned_seq),
        _ => cluster.pruned_seq,
    };
    let end = seq.min(cluster.seq + 1);
    Ok((before + 1 < end).then_some((before + 1, end.saturating_sub(1))))
}

fn after_table(table: &Table) -> Option<ScrubCursor> {
    let next = TABLES.iter().find(|other| other.number > table.number)?;
    Some(ScrubCursor { table: next.number, key: Vec::new() })
}

fn image(table: &'static Table, key: &[Value]) -> Vec<u8> {
    let mut image = Vec::new();
    write_image(key, &table.columns[..table.keys], &mut image);
    image
}

fn length(value: &Value) -> u64 {
    match value {
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::Int(_) | Value::Null => 8,
    }
}
