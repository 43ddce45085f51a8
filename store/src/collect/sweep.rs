//! Files that no row names: what uploads have put and never committed.
//!
//! A file is only removed under the chunk's exclusive right, and after the row
//! was read under it: so no upload has it pinned, none can pin it before it is
//! gone, and a commit that was answered is seen. The age of the file plays no
//! part. The server sweeps once after its start, when no file of an earlier run
//! can be pinned any more, and then from time to time.

use crate::chunks::{Generation, Listed};
use crate::error::StoreError;
use crate::rows::{ChunkPlace, ChunkRow};
use crate::store::Store;
use coffer_protocol::BlobId;
use std::collections::HashMap;

/// Rows that are read at a time.
const BATCH: usize = 512;
/// Files of the trash that are unlinked at a time.
const PURGE_BATCH: usize = 1_000;

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Chunk files that were looked at.
    pub files: u64,
    /// Those that no row named and that went to the trash.
    pub orphans: u64,
    /// Files that Coffer did not put there; they were left alone.
    pub strays: u64,
}

impl Store {
    /// Moves chunk files that no row names to the trash.
    pub async fn sweep_orphans(&self) -> Result<Swept, StoreError> {
        self.needs_lock()?;
        let mut swept = Swept::default();
        for first in 0..=u8::MAX {
            let listed = self
                .with_chunks(move |chunks| chunks.list_shard(first).collect::<Result<Vec<_>, _>>())
                .await?;
            let mut files = Vec::with_capacity(listed.len());
            for file in listed {
                match file {
                    Listed::Chunk { blob, generation } => files.push((blob, generation)),
                    Listed::Stray(_) => swept.strays += 1,
                }
            }
            swept.files += files.len() as u64;
            for batch in files.chunks(BATCH) {
                swept.orphans += self.sweep_batch(batch).await?;
            }
        }
        Ok(swept)
    }

    async fn sweep_batch(&self, files: &[(BlobId, Generation)]) -> Result<u64, StoreError> {
        let blobs: Vec<BlobId> = files.iter().map(|(blob, _)| *blob).collect();
        let rows = self.chunk_rows(&blobs).await?;
        let rows: HashMap<BlobId, ChunkRow> = rows.into_iter().map(|r| (r.blob, r)).collect();
        let mut orphans = 0;
        // A replica that is being filled has files before it has their rows.
        let Some(_right) = self.sweeping() else { return Ok(0) };
        for (blob, generation) in files {
            if names(rows.get(blob), *generation) {
                continue;
            }
            let Some(right) = self.pins().try_remove(*blob) else { continue };
            if !names(self.chunk(*blob).await?.as_ref(), *generation) {
                self.trash_files(vec![(*blob, *generation)], Some(right)).await?;
                metrics::counter!("coffer_orphan_chunks_total").increment(1);
                orphans += 1;
            }
        }
        Ok(orphans)
    }

    /// Unlinks chunk files that have been in the trash for longer than this;
    /// all of them when uploads are refused for lack of space. Returns how many.
    pub async fn purge_removed_files(&self, keep_millis: i64) -> Result<u64, StoreError> {
        self.needs_lock()?;
        let before = self.environment().clock.now_millis().saturating_sub(keep_millis);
        let mut purged = 0;
        loop {
            let some = self
                .with_chunks(move |chunks| {
                    let space = chunks.free_space()?;
                    let tight = space.free < space.reserve;
                    chunks.purge_trash(if tight { i64::MAX } else { before }, PURGE_BATCH)
                })
                .await?;
            purged += some as u64;
            if some < PURGE_BATCH {
                return Ok(purged);
            }
        }
    }
}

/// Says whether a row names this file.
fn names(row: Option<&ChunkRow>, generation: Generation) -> bool {
    row.is_some_and(|row| row.place == ChunkPlace::File && row.generation == generation)
}
