//! Garbage collection: chunks that nothing refers to.
//!
//! Every run looks at all idle chunks once. A chunk is condemned by one run and
//! deleted by a later one, after the grace time, in the order that the top of
//! the crate gives. A run may be cut short anywhere, and several may run
//! at a time: each step is a commit that changes nothing if the chunk has found
//! a use meanwhile, and removal needs the chunk's exclusive right.

use crate::changes::Change;
use crate::chunks::ChunkError;
use crate::commit::Commit;
use crate::db::Value;
use crate::error::StoreError;
use crate::heal::Want;
use crate::pins::Removing;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState, fetch_where};
use crate::store::Store;
use coffer_protocol::BlobId;
use std::collections::BTreeSet;
use std::pin::Pin;

/// Chunks of one commit.
const BATCH: i64 = 256;
/// Pieces of evidence that are looked at before a run.
const MAX_EVIDENCE: usize = 1_000;

/// The bounds of one run.
#[derive(Clone, Copy, Debug)]
pub struct CollectLimits {
    /// How long a chunk has to be idle before it is deleted.
    pub grace_millis: i64,
    /// Chunks that are deleted in one run, at most.
    pub chunks: u64,
}

impl Default for CollectLimits {
    fn default() -> Self {
        Self { grace_millis: 72 * 3_600_000, chunks: 100_000 }
    }
}

/// Why a run has done nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// A chunk in use is damaged or missing. Until it is healed nothing goes,
    /// because what looks idle may be what it can be healed with.
    Unhealed(BlobId),
    /// Rows or journal entries are damaged: what they name is not known.
    Damaged,
    /// So much was damaged at once that the operator has to look first.
    Breaker,
    /// A replica has not applied yet what was condemned. Nothing was deleted; what
    /// is idle was condemned all the same.
    Replicas,
}

/// Says, after a wait of its own, whether all who hold copies have applied the journal
/// up to an entry.
pub type Applied<'a> =
    &'a (dyn Fn(u64) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> + Send + Sync);

/// What one run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Chunks newly marked as idle.
    pub condemned: u64,
    /// Chunks deleted.
    pub deleted: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Idle chunks that an upload has pinned.
    pub pinned: u64,
    /// The limit was reached; another run will find more.
    pub more: bool,
    /// Why nothing was done.
    pub held: Option<Held>,
}

impl Store {
    /// Condemns chunks that nothing refers to, and deletes those that were
    /// condemned before and have been idle for the grace time.
    pub async fn collect_garbage(&self, limits: CollectLimits) -> Result<Collected, StoreError> {
        self.collect_garbage_when(limits, &|_| Box::pin(std::future::ready(true))).await
    }

    /// The same where others hold copies: `applied` says, after a wait of its own,
    /// whether all of them have applied the journal up to an entry. A chunk is only
    /// deleted when they have applied its condemnation, so that nobody who is behind
    /// asks for what is gone.
    pub async fn collect_garbage_when(
        &self,
        limits: CollectLimits,
        applied: Applied<'_>,
    ) -> Result<Collected, StoreError> {
        self.needs_lock()?;
        self.needs_primary()?;
        let mut done = Collected { held: self.held().await?, ..Collected::default() };
        if done.held.is_some() {
            return Ok(done);
        }
        let now = self.environment().clock.now_millis();
        let due = now.saturating_sub(limits.grace_millis);
        let mut after = (i64::MIN, BlobId([0; 32]));
        loop {
            let page = self.idle_after(after, now).await?;
            let Some(last) = page.last() else { return Ok(done) };
            after = (last.idle_millis.unwrap_or(now), last.blob);
            let condemn = page.iter().filter(|row| row.state == ChunkState::Live).copied();
            self.condemn(condemn.collect(), &mut done).await?;
            let ripe = |row: &&ChunkRow| match row.state {
                ChunkState::Live => false,
                ChunkState::Condemned => row.idle_millis.is_some_and(|since| since < due),
                ChunkState::Deleting => true,
            };
            let ripe: Vec<ChunkRow> = page.iter().filter(ripe).copied().collect();
            if !ripe.is_empty() && done.held.is_none() {
                // All of them were condemned before now.
                match applied(self.position().await?.seq).await {
                    true => self.delete(ripe, &mut done).await?,
                    false => done.held = Some(Held::Replicas),
                }
            }
            if done.deleted >= limits.chunks {
                done.more = true;
                return Ok(done);
            }
        }
    }

    /// Idle chunks, longest first, after the given one.
    async fn idle_after(
        &self,
        (millis, blob): (i64, BlobId),
        now: i64,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        let condition = "idle_millis>=? AND (idle_millis>? OR blob_id>?) AND idle_millis<=? \
                         ORDER BY idle_millis, blob_id LIMIT ?";
        let params = [
            Value::Int(millis),
            Value::Int(millis),
            (&blob.0).into(),
            Value::Int(now),
            Value::Int(BATCH),
        ];
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }

    /// Takes the right to remove those chunks that nobody has pinned.
    fn rights(&self, rows: Vec<ChunkRow>, done: &mut Collected) -> Vec<(ChunkRow, Removing)> {
        let mut rights = Vec::with_capacity(rows.len());
        for row in rows {
            match self.pins().try_remove(row.blob) {
                Some(right) => rights.push((row, right)),
                None => done.pinned += 1,
            }
        }
        rights
    }

    async fn condemn(&self, rows: Vec<ChunkRow>, done: &mut Collected) -> Result<(), StoreError> {
        let rights = self.rights(rows, done);
        self.set_state(rights.iter().map(|(row, _)| row), ChunkState::Condemned).await?;
        done.condemned += rights.len() as u64;
        Ok(())
    }

    async fn delete(&self, rows: Vec<ChunkRow>, done: &mut Collected) -> Result<(), StoreError> {
        let rights = self.rights(rows, done);
        let begin = rights.iter().map(|(row, _)| row).filter(|r| r.state != ChunkState::Deleting);
        self.set_state(begin, ChunkState::Deleting).await?;
        // A chunk that found a use before the commit was not touched by it.
        let blobs: Vec<BlobId> = rights.iter().map(|(row, _)| row.blob).collect();
        let mut going = self.chunk_rows(&blobs).await?;
        going.retain(|row| row.state == ChunkState::Deleting && row.refs == 0);
        let files = going.iter().filter(|row| row.place == ChunkPlace::File);
        // The row says `Deleting` whatever happens to this future, so an upload
        // that does not wait puts another generation.
        self.trash_files(files.map(|row| (row.blob, row.generation)).collect(), None).await?;
        let changes: Vec<Change> = going
            .iter()
            .map(|row| Change::DeleteChunk { blob: row.blob, generation: row.generation })
            .collect();
        self.commit_changes(changes).await?;
        metrics::counter!("coffer_collected_chunks_total").increment(going.len() as u64);
        done.deleted += going.len() as u64;
        done.bytes += going.iter().map(|row| u64::from(row.size)).sum::<u64>();
        Ok(())
    }

    async fn set_state(
        &self,
        rows: impl Iterator<Item = &ChunkRow>,
        state: ChunkState,
    ) -> Result<(), StoreError> {
        let change = |row: &ChunkRow| Change::SetChunkState {
            blob: row.blob,
            generation: row.generation,
            state,
        };
        self.commit_changes(rows.map(change).collect()).await
    }

    pub(super) async fn commit_changes(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if !changes.is_empty() {
            self.commit(Commit { changes, ..Commit::default() }).await?;
        }
        Ok(())
    }

    /// Moves chunk files to the trash. The right to remove them goes with the
    /// work, which goes on if nobody waits for it any more.
    pub(super) async fn trash_files(
        &self,
        files: Vec<(BlobId, u32)>,
        right: Option<Removing>,
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let now = self.environment().clock.now_millis();
        self.with_chunks(move |chunks| {
            let removed = files
                .iter()
                .try_for_each(|(blob, generation)| chunks.remove(blob, *generation, now));
            drop(right);
            removed
        })
        .await
    }

    /// Why nothing may be collected now.
    async fn held(&self) -> Result<Option<Held>, StoreError> {
        if self.breaker_tripped() {
            return Ok(Some(Held::Breaker));
        }
        if let Some(blob) = self.unhealed_chunk().await? {
            self.want_chunk(blob);
            return Ok(Some(Held::Unhealed(blob)));
        }
        let unhealed = self.unhealed();
        Ok((unhealed.rows + unhealed.entries > 0).then_some(Held::Damaged))
    }

    /// A chunk in use that is known to have been damaged or missing, and of which
    /// there is still no good file.
    async fn unhealed_chunk(&self) -> Result<Option<BlobId>, StoreError> {
        for want in self.wanted(MAX_EVIDENCE, |want| matches!(want, Want::Chunk(_))) {
            let Want::Chunk(blob) = want else { continue };
            let used = self.chunk(blob).await?.is_some_and(|row| row.refs > 0);
            match used && !self.chunk_is_good(blob).await? {
                true => return Ok(Some(blob)),
                // It is good, or nobody needs it any more.
                false => self.ward().settle(&want),
            }
        }
        let evidence = self.with_chunks(|chunks| chunks.quarantined(MAX_EVIDENCE)).await?;
        let damaged = evidence.iter().filter_map(|name| evidence_of(name));
        let suspects: BTreeSet<_> = damaged.chain(self.chunks().missed()).collect();
        for (blob, generation) in suspects {
            let row = self.chunk(blob).await?;
            let used = row.is_some_and(|row| {
                row.refs > 0 && row.place == ChunkPlace::File && row.generation == generation
            });
            if !used {
                continue;
            }
            let read = self
                .with_chunks(move |chunks| match chunks.inspect(&blob, generation) {
                    Err(ChunkError::Corrupt { .. } | ChunkError::Missing { .. }) => Ok(false),
                    other => other.map(|_| true),
                })
                .await?;
            if !read {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }
}

/// Which chunk a file in the quarantine directory is of.
fn evidence_of(name: &str) -> Option<(BlobId, u32)> {
    let (chunk, _number) = name.rsplit_once('.')?;
    crate::chunks::parse_chunk_name(chunk)
}
