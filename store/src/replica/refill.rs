//! Filling a replica from a snapshot of its source, from the first row to the
//! end, in a way that can be cut short anywhere and goes on.
//!
//! Two ways ([`Way`]): a machine without rows is *loaded*, and there is nothing to
//! read until the end; one that has rows is filled *by difference*: it keeps its
//! old state, whole and readable, until one transaction replaces what differs. For
//! both the order is: [`Store::resume_refill`] or [`Store::begin_refill`]; pages of
//! the source while [`Refill::next`] names one; files while [`Refill::missing`]
//! names some; [`Refill::finish`].
//!
//! Guarantees: the state is compared with the source's by its root before anything
//! of it counts; chunk files are flushed before rows name them; memory is bounded by
//! a page, whatever differs; while a `Refill` lives, no file is swept up.

use super::digests::{self, Differences, Entry};
use super::pages::{self, RowPage, SNAPSHOT_TABLES};
use super::staging::{Header, Place, Reader, Record, Staging};
use super::{Arrival, Load, Moment, Replacement, Role, Way};
use crate::chunks::{ChunkError, ChunkStore};
use crate::db::{Row, Value};
use crate::error::StoreError;
use crate::journal::ROLE_REPLICA;
use crate::rows::{Cells, ChunkPlace, ChunkRow, ChunkState, Record as _};
use crate::store::{Store, blocking};
use coffer_protocol::{BlobId, Position};
use std::collections::HashSet;
use tokio::sync::OwnedRwLockWriteGuard;

/// Chunks that the source may lack; more of them are damage of another kind.
pub const MAX_ABSENT: usize = 100_000;

/// A page of the source that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage {
    /// Number of the table.
    pub table: u8,
    /// Where an earlier page ended.
    pub after: Option<Vec<u8>>,
}

/// A replica that is being filled.
#[derive(Debug)]
pub struct Refill {
    store: Store,
    staging: Staging,
    _files: OwnedRwLockWriteGuard<()>,
}

/// A page of digests that is being compared.
#[derive(Debug)]
pub struct Comparison {
    entries: Vec<Entry>,
    at: NextPage,
    next: Option<Vec<u8>>,
    own: Option<Row>,
    done: bool,
}

/// Chunk files that are being looked for.
#[derive(Debug)]
pub struct FileWalk {
    staged: Option<Reader>,
    after: Option<BlobId>,
    done: bool,
}

impl Store {
    /// Goes on with what an earlier attempt has left; `None` if it has left nothing
    /// that can be used.
    pub async fn resume_refill(&self, way: Way) -> Result<Option<Refill>, StoreError> {
        self.needs_lock()?;
        let own = self.head_anyway().await?;
        let fits = match (way, self.role()) {
            (Way::Load, role) => role == Role::Loading,
            (Way::Difference, role) => role != Role::Loading,
        };
        let data = self.config().data_dir.clone();
        let staging = blocking(move || Staging::resume(&data)).await?;
        let staging = staging.filter(|staging| {
            let header = &staging.header;
            fits && header.way == way && (way == Way::Load || header.own == own)
        });
        let Some(staging) = staging else { return Ok(None) };
        Ok(Some(Refill { store: self.clone(), staging, _files: self.hold_files().await }))
    }

    /// Begins, and forgets what an earlier attempt has left. A machine that is to be
    /// loaded is emptied.
    pub async fn begin_refill(&self, way: Way, moment: Moment) -> Result<Refill, StoreError> {
        self.needs_lock()?;
        match way {
            Way::Load => self.begin_load().await?,
            Way::Difference if self.role() == Role::Loading => return Err(StoreError::Loading),
            Way::Difference => {}
        }
        // Behind whatever the writer still has to do.
        if let Err(error) = self.prune_journal_through(i64::MIN, 0).await {
            tracing::debug!(%error, "the writer does not prune");
        }
        let header = Header { way, moment, own: self.head_anyway().await? };
        let data = self.config().data_dir.clone();
        let staging = blocking(move || Staging::create(&data, header)).await?;
        Ok(Refill { store: self.clone(), staging, _files: self.hold_files().await })
    }

    async fn head_anyway(&self) -> Result<(Position, [u8; 32]), StoreError> {
        let head = self.journal_head().await?;
        Ok((head.position, head.chain_hash))
    }
}

/// The table that follows in the order of a snapshot.
fn table_after(table: u8) -> Option<u8> {
    let index = SNAPSHOT_TABLES.iter().position(|one| *one == table)?;
    SNAPSHOT_TABLES.get(index + 1).copied()
}

impl Refill {
    /// The moment of the source.
    pub fn moment(&self) -> &Moment {
        &self.staging.header.moment
    }

    /// The page that is needed next; `None`: all rows are here.
    pub fn next(&self) -> Option<NextPage> {
        match &self.staging.place {
            Place::Start => Some(NextPage { table: SNAPSHOT_TABLES[0], after: None }),
            Place::Table(table, after) => Some(NextPage { table: *table, after: after.clone() }),
            Place::End => None,
        }
    }

    /// Notes that everything up to the end of a page is here.
    fn passed(&mut self, table: u8, next: Option<Vec<u8>>) -> Result<(), StoreError> {
        let record = match (next, table_after(table)) {
            (Some(after), _) => Record::Next(table, Some(after)),
            (None, Some(table)) => Record::Next(table, None),
            (None, None) => Record::End,
        };
        self.staging.append(&record)
    }

    /// Loading: takes the page of rows that [`Refill::next`] has named.
    pub async fn load(&mut self, page: RowPage) -> Result<(), StoreError> {
        let Some(NextPage { table, .. }) = self.next() else { return Ok(()) };
        let count = self.store.load_rows(table, &page.rows).await?;
        if count != u64::from(page.count) {
            return Err(StoreError::BadSnapshot("a page has another number of rows".to_owned()));
        }
        self.passed(table, page.next)
    }

    /// By difference: begins with the page of digests that [`Refill::next`] has
    /// named.
    pub fn open(&self, page: RowPage) -> Result<Comparison, StoreError> {
        let at = self.next().ok_or_else(|| StoreError::BadSnapshot("no page is due".to_owned()))?;
        let table = pages::table(at.table)?;
        let own = at.after.as_deref().map(|key| pages::read_key(table, key)).transpose()?;
        let entries = digests::decode(table, own.as_ref(), &page.rows)?;
        Ok(Comparison { entries, at, next: page.next, own, done: false })
    }

    /// Compares on; returns keys of rows that have to be fetched and handed to
    /// [`Refill::replace`] before the next call. `None`: the page is done.
    pub async fn compare(
        &mut self,
        page: &mut Comparison,
    ) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        if page.done {
            self.passed(page.at.table, page.next.clone())?;
            return Ok(None);
        }
        let table = pages::table(page.at.table)?;
        let (own, last) = (page.own.clone(), page.next.is_none());
        let entries = std::sync::Arc::new(std::mem::take(&mut page.entries));
        let shared = std::sync::Arc::clone(&entries);
        let compare = move |conn: &mut dyn crate::db::Connection| {
            digests::compare(conn, table, own.clone(), &shared, last)
        };
        let Differences { gone, wanted, used, after, done } =
            self.store.read_anyway(compare).await?;
        page.entries = std::sync::Arc::unwrap_or_clone(entries).split_off(used);
        (page.own, page.done) = (after, done);
        for key in gone {
            self.staging.append(&Record::Gone(table.number, key))?;
        }
        Ok(Some(wanted.iter().map(|key| pages::write_key(table, key)).collect()))
    }

    /// By difference: takes rows as the source has them; how many there were.
    pub async fn replace(&mut self, table: u8, page: Vec<u8>) -> Result<usize, StoreError> {
        let known = pages::table(table)?;
        let mut rows = pages::decode(known, &page)?;
        let mut page = page;
        if known.number == ChunkRow::TABLE.number && self.keep_own_bytes(&mut rows).await? {
            page = pages::encode_rows(known, &rows);
        }
        self.staging.append(&Record::Rows(table, page))?;
        Ok(rows.len())
    }

    /// Inline bytes that the source has lost and this machine has not.
    async fn keep_own_bytes(&self, rows: &mut [Row]) -> Result<bool, StoreError> {
        let mut kept = false;
        let inline =
            |row: &Row| row.get(3) == Some(&Value::Int(ChunkPlace::Inline.number().into()));
        for row in rows.iter_mut().filter(|row| row.last() == Some(&Value::Null)) {
            let Some(blob) = row.first().and_then(crate::pages::bytes).map(BlobId) else {
                continue;
            };
            if !inline(row) {
                continue;
            }
            let own = self.store.read_inline_chunks(&[blob]).await?.pop().flatten();
            if let (Some(Ok(bytes)), Some(last)) = (own, row.last_mut()) {
                *last = Value::from(&bytes[..]);
                kept = true;
            }
        }
        Ok(kept)
    }

    /// Begins to look for chunk files that are not here; once all rows are.
    pub fn files(&self) -> Result<FileWalk, StoreError> {
        let staged = match self.staging.header.way {
            Way::Load => None,
            Way::Difference => Some(self.staging.reader()?),
        };
        Ok(FileWalk { staged, after: None, done: false })
    }

    /// About how many chunk files are not here, by a look at their sizes.
    pub async fn count_missing(&self) -> Result<u64, StoreError> {
        let (mut count, mut after) = (0, None);
        if self.staging.header.way == Way::Difference {
            let mut reader = Some(self.staging.reader()?);
            while let Some(some) = reader.take() {
                let (rest, rows) = blocking(move || chunk_rows(some)).await?;
                count += self.absent(rows).await?.len() as u64;
                reader = rest;
            }
        }
        loop {
            let (missing, next) = self.store.absent_chunks(after).await?;
            count += missing.len() as u64;
            match next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Those of some chunks whose files have another size or are not here.
    async fn absent(&self, rows: Vec<Arrival>) -> Result<Vec<Arrival>, StoreError> {
        let look = move |chunks: &ChunkStore| {
            let mut missing = Vec::new();
            for one in rows {
                if chunks.size(&one.blob, one.generation)? != Some(u64::from(one.size)) {
                    missing.push(one);
                }
            }
            Ok(missing)
        };
        self.store.with_chunks(look).await
    }

    /// Chunk files that rows name and that are not here, or are damaged: some of
    /// them, `None` after the last.
    pub async fn missing(&self, walk: &mut FileWalk) -> Result<Option<Vec<Arrival>>, StoreError> {
        if let Some(reader) = walk.staged.take() {
            let (reader, rows) = blocking(move || chunk_rows(reader)).await?;
            walk.staged = reader;
            return self.damaged(rows).await.map(Some);
        }
        if walk.done {
            return Ok(None);
        }
        let (missing, next) = match self.staging.header.way {
            Way::Load => self.store.missing_chunks(walk.after).await?,
            Way::Difference => self.store.absent_chunks(walk.after).await?,
        };
        (walk.after, walk.done) = (next, next.is_none());
        Ok(Some(missing))
    }

    /// Those of some chunks whose files are not whole.
    async fn damaged(&self, rows: Vec<Arrival>) -> Result<Vec<Arrival>, StoreError> {
        let look = move |chunks: &ChunkStore| {
            let mut missing = Vec::new();
            for one in rows {
                match chunks.inspect(&one.blob, one.generation) {
                    Ok(bytes) if bytes.len() == one.size as usize => {}
                    Ok(_) | Err(ChunkError::Missing { .. } | ChunkError::Corrupt { .. }) => {
                        missing.push(one);
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(missing)
        };
        self.store.with_chunks(look).await
    }

    /// Ends the filling: this machine has what the source had at the moment, and
    /// follows from there. `absent` are chunks that the source has said not to have.
    /// By difference, a machine that was the primary becomes a replica in the same
    /// transaction if it is to be `rewound`; otherwise it is refused.
    pub async fn finish(
        self,
        absent: &HashSet<BlobId>,
        rewound: bool,
    ) -> Result<Position, StoreError> {
        let Header { way, moment, own } = self.staging.header;
        if self.next().is_some() {
            return Err(StoreError::BadSnapshot("rows are missing".to_owned()));
        }
        let finished = match way {
            Way::Load => {
                let absent: Vec<BlobId> = absent.iter().copied().collect();
                let Moment { position, chain_hash, root, .. } = moment;
                self.store.finish_snapshot(position, chain_hash, root, &absent).await
            }
            Way::Difference => {
                self.all_files_there(absent).await?;
                let chunks = self.store.with_chunks(|c| Ok(c.sync_handle().flush_filesystem()?));
                chunks.await?;
                let data = self.store.config().data_dir.clone();
                let work = Replacement { data, moment, own, rewound };
                self.store.write_load(Load::Replace(work)).await
            }
        };
        if finished.is_ok() {
            self.store.set_role(ROLE_REPLICA);
        }
        // What was gathered is no use any more, or has proved to be none.
        if matches!(finished, Ok(()) | Err(StoreError::BadSnapshot(_))) {
            Staging::remove(&self.store.config().data_dir);
        }
        finished.map(|()| moment.position)
    }

    async fn all_files_there(&self, absent: &HashSet<BlobId>) -> Result<(), StoreError> {
        let mut reader = Some(self.staging.reader()?);
        while let Some(some) = reader.take() {
            let (rest, mut rows) = blocking(move || chunk_rows(some)).await?;
            rows.retain(|one| !absent.contains(&one.blob));
            let missing = self.absent(rows).await?;
            if !missing.is_empty() {
                return Err(StoreError::NeedChunks(missing));
            }
            reader = rest;
        }
        Ok(())
    }
}

/// The chunks with files of the next page of staged rows, and the rest of them.
fn chunk_rows(mut reader: Reader) -> Result<(Option<Reader>, Vec<Arrival>), StoreError> {
    while let Some(record) = reader.next()? {
        let Record::Rows(number, page) = record else { continue };
        if number != ChunkRow::TABLE.number {
            continue;
        }
        let mut found = Vec::new();
        for mut row in pages::decode(ChunkRow::TABLE, &page)? {
            row.truncate(ChunkRow::TABLE.columns.len());
            let bad = |_| StoreError::BadSnapshot("a row of a chunk is damaged".to_owned());
            let row = ChunkRow::from_cells(&mut Cells::new(row)).map_err(bad)?;
            let ChunkRow { blob, generation, place, size, state, .. } = row;
            // The file of one that is being deleted may be gone everywhere.
            if place == ChunkPlace::File && state != ChunkState::Deleting {
                found.push(Arrival { blob, generation, place, size });
            }
        }
        return Ok((Some(reader), found));
    }
    Ok((None, Vec::new()))
}
