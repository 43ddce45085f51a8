//! Chunks in and out of the store, wherever their bytes are.

use crate::chunks::{ChunkError, blob};
use crate::db::Value;
use crate::error::StoreError;
use crate::heal::Want;
use crate::pins::ChunkPin;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState};
use crate::store::Store;
use bytes::Bytes;
use coffer_protocol::BlobId;

/// How often a reader that lost its file to the collector looks again.
const READ_ATTEMPTS: usize = 3;

impl Store {
    /// Sees to it that a chunk's bytes are stored, and pins them. The file is
    /// not flushed: that happens when a commit refers to it. The caller has
    /// sealed the bytes itself, or checked them against the id.
    pub async fn put_chunk(&self, blob: BlobId, bytes: Bytes) -> Result<ChunkPin, StoreError> {
        self.put_chunk_with(blob, bytes, false).await
    }

    /// The same for somebody who is not to learn from the time it takes whether the
    /// chunk is there already: as much is written and flushed either way, and not kept.
    /// A chunk that is being uploaded at this very moment is not written twice.
    pub async fn put_chunk_evenly(
        &self,
        blob: BlobId,
        bytes: Bytes,
    ) -> Result<ChunkPin, StoreError> {
        self.put_chunk_with(blob, bytes, true).await
    }

    async fn put_chunk_with(
        &self,
        blob: BlobId,
        bytes: Bytes,
        evenly: bool,
    ) -> Result<ChunkPin, StoreError> {
        self.needs_lock()?;
        if self.is_poisoned() {
            return Err(StoreError::Stopped);
        }
        let putting = self.pins().put(blob).await;
        if let Some(pin) = putting.present() {
            return Ok(pin);
        }
        let size = bytes.len() as u32;
        let mut is_there = false;
        let generation = match self.chunk(blob).await? {
            None => {
                if evenly {
                    // As long as a look at a file that is there.
                    self.with_chunks(move |chunks| chunks.size(&blob, 1)).await?;
                }
                1
            }
            Some(row) if row.state == ChunkState::Deleting => row.generation.saturating_add(1),
            Some(row) if !self.wants_chunk(blob) && self.has_bytes(&row).await? => {
                if !evenly {
                    return Ok(putting.done(row.generation, size, None));
                }
                is_there = true;
                row.generation
            }
            // The file is lost or damaged: these are the bytes to heal it with.
            Some(row) => row.generation,
        };
        // The right to put goes with the work, which goes on if nobody waits for
        // it any more: a second put must not begin before this one has ended.
        self.with_chunks(move |chunks| {
            chunks.admit_upload(bytes.len() as u64)?;
            let file = match is_there {
                true => chunks.put_decoy(blob, generation, &bytes)?,
                false => chunks.put(blob, generation, &bytes)?,
            };
            Ok(putting.done(generation, size, Some(file)))
        })
        .await
    }

    /// Whether the bytes of a row are there, as far as a look at the file's size
    /// can tell.
    pub(crate) async fn has_bytes(&self, row: &ChunkRow) -> Result<bool, StoreError> {
        if row.place == ChunkPlace::Inline {
            return Ok(true);
        }
        let row = *row;
        let size = self.with_chunks(move |chunks| chunks.size(&row.blob, row.generation)).await?;
        Ok(size == Some(u64::from(row.size)))
    }

    /// Reads a chunk that has a row, and proves that it is the one of its id. One that
    /// is damaged or missing is wanted from another machine; if there is one that can
    /// help within a moment the reader does not notice.
    pub async fn read_chunk(&self, blob: &BlobId) -> Result<Bytes, StoreError> {
        let outcome = self.read_chunk_with(*blob, true).await;
        let lost = match &outcome {
            Err(StoreError::Corrupt { .. }) => true,
            Err(StoreError::NoSuchChunk { .. }) => self.is_lost(*blob).await?,
            _ => false,
        };
        if !lost || self.needs_lock().is_err() {
            return outcome;
        }
        self.want_chunk(*blob);
        match self.healed_in_time(&Want::Chunk(*blob)).await {
            true => self.read_chunk_with(*blob, true).await,
            false => outcome,
        }
    }

    /// The same for those who heal: nothing is noted, and nobody waited for.
    pub async fn read_chunk_now(&self, blob: &BlobId) -> Result<Bytes, StoreError> {
        self.read_chunk_with(*blob, false).await
    }

    pub(crate) fn wants_chunk(&self, blob: BlobId) -> bool {
        self.ward().contains(&Want::Chunk(blob))
    }

    /// Whether a chunk that was not found should be there.
    async fn is_lost(&self, blob: BlobId) -> Result<bool, StoreError> {
        let row = self.chunk(blob).await?;
        Ok(row.is_some_and(|row| row.state != ChunkState::Deleting))
    }

    async fn read_chunk_with(&self, blob: BlobId, wait: bool) -> Result<Bytes, StoreError> {
        for _ in 0..READ_ATTEMPTS {
            let row = match wait {
                true => self.chunk(blob).await?,
                false => self.chunk_now(blob).await?,
            };
            let Some(row) = row else {
                return Err(StoreError::NoSuchChunk { blob });
            };
            let outcome = match row.place {
                ChunkPlace::Inline => self.read_inline(blob).await,
                ChunkPlace::File => {
                    self.with_chunks(move |chunks| chunks.read(&row.blob, row.generation)).await
                }
            };
            match outcome {
                // The collector was faster: the row says what is true now.
                Err(StoreError::Chunk(ChunkError::Missing { .. })) => {}
                Err(StoreError::Chunk(ChunkError::Corrupt { blob, .. })) => {
                    return Err(StoreError::Corrupt { blob });
                }
                other => return other,
            }
        }
        Err(StoreError::NoSuchChunk { blob })
    }

    /// Reads the chunks that are inline, in as few queries as can be, in the
    /// order of the ids. `None` for those that are not stored inline, or not at
    /// all. Bounded by [`crate::MAX_PAGE`] ids.
    pub async fn read_inline_chunks(
        &self,
        blobs: &[BlobId],
    ) -> Result<Vec<Option<Result<Bytes, StoreError>>>, StoreError> {
        let wanted: Vec<BlobId> =
            blobs.iter().copied().take(crate::reads::MAX_PAGE as usize).collect();
        let keys: Vec<Vec<Value>> = wanted.iter().map(|blob| vec![(&blob.0).into()]).collect();
        let rows = self
            .read(move |conn| {
                let head = "SELECT blob_id,data FROM chunks";
                Ok(match keys.is_empty() {
                    true => Vec::new(),
                    false => conn.query_keys(head, &["blob_id"], &keys)?,
                })
            })
            .await?;
        let mut found = std::collections::HashMap::new();
        for row in rows {
            if let Ok([Value::Bytes(id), Value::Bytes(data)]) = <[Value; 2]>::try_from(row)
                && let Some(blob) = BlobId::from_slice(&id)
            {
                found.insert(blob, Bytes::from(data));
            }
        }
        let prove = |blob: &BlobId| {
            let bytes = found.get(blob)?.clone();
            Some(proven(*blob, bytes))
        };
        Ok(wanted.iter().map(prove).collect())
    }

    async fn read_inline(&self, blob: BlobId) -> Result<Bytes, StoreError> {
        match self.read_inline_chunks(&[blob]).await?.pop().flatten() {
            Some(outcome) => outcome,
            // A row without bytes: as good as damaged.
            None => Err(StoreError::Corrupt { blob }),
        }
    }
}

fn proven(blob: BlobId, bytes: Bytes) -> Result<Bytes, StoreError> {
    if blob::matches(&blob, &bytes) {
        return Ok(bytes);
    }
    tracing::error!(%blob, "an inline chunk is damaged in the database");
    Err(StoreError::Corrupt { blob })
}
