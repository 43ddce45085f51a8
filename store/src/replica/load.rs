//! Filling a replica with the rows of a snapshot, and with the chunks they name.
//!
//! The order: [`Store::begin_load`], [`Store::load_rows`] for every page of every
//! table, [`Store::missing_chunks`] and [`Store::put_replicated`] until none is
//! missing, [`Store::finish_snapshot`]. Until the last has succeeded the machine
//! says that it is being loaded, also after a restart; then it goes on if the source
//! still has the moment that the rows are of ([`Store::resume_refill`]), and has to
//! begin anew if not. Files of chunks that are there stay there, and need not be
//! fetched again.

use super::root;
use super::{Arrival, Moment, Role, pages};
use crate::chunks::{ChunkError, ChunkStore};
use crate::commit::CommitError;
use crate::db::{Row, Value};
use crate::error::StoreError;
use crate::journal::{ROLE_LOADING, ROLE_REPLICA};
use crate::pages::bytes;
use crate::reads::after_key;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState, Record as _, Table, decode};
use crate::store::Store;
use coffer_protocol::{BlobId, Position};
use std::path::PathBuf;

/// Rows of chunks that are looked at for one answer.
const CHUNK_ROWS: i64 = 512;

/// A step for the writer.
pub(crate) enum Load {
    /// Become a machine that is being loaded, with empty tables.
    Begin,
    /// Rows of a table, whole.
    Rows(&'static Table, Vec<Row>),
    /// Become a replica that follows from here.
    Finish(Position, [u8; 32]),
    /// Replace what differs from the source.
    Replace(Replacement),
}

/// Everything that differs, as it was gathered in the data directory.
pub(crate) struct Replacement {
    /// The directory.
    pub(crate) data: PathBuf,
    /// What this machine will have.
    pub(crate) moment: Moment,
    /// Where it stood when it was compared.
    pub(crate) own: (Position, [u8; 32]),
    /// A primary becomes a replica.
    pub(crate) rewound: bool,
}

impl Store {
    /// Begins to fill this replica: empties all its tables, whatever is in them,
    /// and remembers that it is being loaded. For one whose history is another
    /// than the source's this is the operator's decision.
    pub async fn begin_load(&self) -> Result<(), StoreError> {
        self.needs_lock()?;
        self.needs_follower()?;
        // First, so that nobody reads from tables that are being emptied.
        self.set_role(ROLE_LOADING);
        self.write_load(Load::Begin).await
    }

    /// Takes the rows of a page in. One that comes twice is taken once.
    /// Returns how many rows there were.
    pub async fn load_rows(&self, table: u8, page: &[u8]) -> Result<u64, StoreError> {
        self.needs_loading()?;
        let table = pages::table(table)?;
        let rows = pages::decode(table, page)?;
        let count = rows.len() as u64;
        self.write_load(Load::Rows(table, rows)).await?;
        Ok(count)
    }

    /// Chunks whose rows are here but whose files are not, or are damaged: some of
    /// those after an id, and where to go on; `None` after the last. Reads every
    /// file that is there, because a restart may have cut its writing short. Also
    /// of use on a replica that follows, to heal it.
    pub async fn missing_chunks(
        &self,
        after: Option<BlobId>,
    ) -> Result<(Vec<Arrival>, Option<BlobId>), StoreError> {
        self.look_for_chunks(after, |chunks, row| match chunks.inspect(&row.blob, row.generation) {
            Ok(bytes) => Ok(bytes.len() == row.size as usize),
            Err(ChunkError::Missing { .. } | ChunkError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    /// The same by a look at the sizes of the files only.
    pub(super) async fn absent_chunks(
        &self,
        after: Option<BlobId>,
    ) -> Result<(Vec<Arrival>, Option<BlobId>), StoreError> {
        self.look_for_chunks(after, has_size).await
    }

    async fn look_for_chunks(
        &self,
        after: Option<BlobId>,
        is_there: fn(&ChunkStore, &ChunkRow) -> Result<bool, ChunkError>,
    ) -> Result<(Vec<Arrival>, Option<BlobId>), StoreError> {
        let found = self
            .read_anyway(move |conn| {
                let key = after.map(|blob| vec![Value::from(&blob.0)]);
                let (condition, mut params) = after_key(&["blob_id"], key.as_deref());
                params.push(Value::Int(CHUNK_ROWS));
                let select = ChunkRow::TABLE.select();
                let sql = format!("{select} WHERE {condition} ORDER BY blob_id LIMIT ?");
                Ok(conn.query(&sql, &params)?)
            })
            .await?;
        let next = found.last().and_then(|row| row.first().and_then(bytes)).map(BlobId);
        // A damaged row names nothing that could be looked for; it is for others to
        // find, and here perhaps on its way to be replaced.
        let rows: Vec<ChunkRow> = found.into_iter().filter_map(|row| decode(row).ok()).collect();
        let missing = self
            .with_chunks(move |chunks| {
                let mut missing = Vec::new();
                // The file of one that is being deleted may be gone everywhere.
                let named = rows.iter().filter(|row| {
                    row.place == ChunkPlace::File && row.state != ChunkState::Deleting
                });
                for row in named {
                    if !is_there(chunks, row)? {
                        let ChunkRow { blob, generation, place, size, .. } = *row;
                        missing.push(Arrival { blob, generation, place, size });
                    }
                }
                Ok(missing)
            })
            .await?;
        Ok((missing, next))
    }

    /// Ends the loading: `position` and `chain_hash` are those of the snapshot, and
    /// become the base of this machine's journal; `root` is its state root, which
    /// the rows here must have. Every chunk file must be there but those that the
    /// source has said not to have (`absent`).
    pub async fn finish_snapshot(
        &self,
        position: Position,
        chain_hash: [u8; 32],
        root: [u8; 32],
        absent: &[BlobId],
    ) -> Result<(), StoreError> {
        self.needs_loading()?;
        self.all_chunks_there(absent).await?;
        // What was put since the beginning, in one flush; its errors end the store.
        self.with_chunks(|chunks| Ok(chunks.sync_handle().flush_filesystem()?)).await?;
        self.finish_rows((position, chain_hash), root).await
    }

    /// The same without a look at the chunk files: for a copy that is not to follow.
    pub(super) async fn finish_rows(
        &self,
        (position, chain_hash): (Position, [u8; 32]),
        root: [u8; 32],
    ) -> Result<(), StoreError> {
        self.needs_loading()?;
        if self.on_own_connection(root::root).await? != root {
            let text = "its rows do not add up to what the source has";
            return Err(StoreError::BadSnapshot(text.to_owned()));
        }
        self.write_load(Load::Finish(position, chain_hash)).await?;
        self.set_role(ROLE_REPLICA);
        Ok(())
    }

    async fn all_chunks_there(&self, absent: &[BlobId]) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let (mut missing, next) = self.absent_chunks(after).await?;
            missing.retain(|one| !absent.contains(&one.blob));
            if !missing.is_empty() {
                return Err(StoreError::NeedChunks(missing));
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn needs_follower(&self) -> Result<(), StoreError> {
        match self.role() {
            Role::Primary => Err(CommitError::Fenced.into()),
            Role::Replica | Role::Loading => Ok(()),
        }
    }

    fn needs_loading(&self) -> Result<(), StoreError> {
        self.needs_lock()?;
        match self.role() {
            Role::Loading => Ok(()),
            _ => Err(StoreError::BadSnapshot("no loading was begun".to_owned())),
        }
    }
}

fn has_size(chunks: &ChunkStore, row: &ChunkRow) -> Result<bool, ChunkError> {
    let size = chunks.size(&row.blob, row.generation)?;
    Ok(size == Some(u64::from(row.size)))
}
