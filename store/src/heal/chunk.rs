//! Chunks on their way to a machine where they are damaged.

use super::writing::HealWork;
use super::{Healed, Helper, Want, report};
use crate::chunks::{ChunkError, blob};
use crate::error::StoreError;
use crate::rows::{ChunkPlace, ChunkRow, ChunkState};
use crate::store::Store;
use bytes::Bytes;
use coffer_protocol::BlobId;

impl Store {
    /// Takes a chunk that another machine has brought, if it is damaged or missing
    /// here: proved by its id, written, flushed, and read again. The damaged file is
    /// in the quarantine directory by then.
    pub async fn accept_chunk(
        &self,
        blob: BlobId,
        bytes: Bytes,
        from: Helper,
    ) -> Result<Healed, StoreError> {
        self.needs_lock()?;
        if self.breaker_tripped() {
            return Ok(Healed::Refused("the breaker is tripped"));
        }
        let outcome = match blob::matches(&blob, &bytes) {
            true => self.put_healed(blob, bytes).await?,
            false => Healed::Refused("its bytes are not those of its id"),
        };
        let want = Want::Chunk(blob);
        if matches!(outcome, Healed::Good | Healed::Sound) {
            self.ward().settle(&want);
        }
        report(&want, from.name(), outcome);
        Ok(outcome)
    }

    async fn put_healed(&self, blob: BlobId, bytes: Bytes) -> Result<Healed, StoreError> {
        // Nobody removes or puts it from here on.
        let putting = self.pins().put(blob).await;
        let row = match self.chunk_now(blob).await? {
            Some(row) if row.state != ChunkState::Deleting => row,
            _ => return Ok(Healed::Sound),
        };
        if row.size as usize != bytes.len() {
            return Ok(Healed::Refused("its size is another one than its row says"));
        }
        if row.place == ChunkPlace::Inline {
            let outcome = self.write_heal(HealWork::Inline { blob, bytes }).await?;
            let good = self.read_chunk_now(&blob).await.is_ok();
            drop(putting);
            return Ok(if good { outcome } else { Healed::Refused("it cannot be read back") });
        }
        let outcome = self
            .with_chunks(move |chunks| {
                if chunks.inspect(&blob, row.generation).is_ok() {
                    return Ok(Healed::Sound);
                }
                match chunks.quarantine(&blob, row.generation) {
                    Ok(()) | Err(ChunkError::Missing { .. }) => {}
                    // Without a file there is nothing to keep.
                    Err(_) if chunks.size(&blob, row.generation)?.is_none() => {}
                    Err(error) => return Err(error),
                }
                let file = chunks.put(blob, row.generation, &bytes)?;
                chunks.barrier(&[file])?;
                chunks.inspect(&blob, row.generation)?;
                Ok(Healed::Good)
            })
            .await;
        drop(putting);
        match outcome {
            Err(StoreError::Chunk(ChunkError::Corrupt { .. })) => {
                Ok(Healed::Refused("it cannot be read back"))
            }
            other => other,
        }
    }

    /// Forgets the want of a chunk that is good, or gone for good.
    pub async fn settle_chunk(&self, blob: BlobId) -> Result<bool, StoreError> {
        let good = self.chunk_is_good(blob).await?;
        if good {
            self.ward().settle(&Want::Chunk(blob));
        }
        Ok(good)
    }

    /// The row of a chunk; nobody is waited for.
    pub(crate) async fn chunk_now(&self, blob: BlobId) -> Result<Option<ChunkRow>, StoreError> {
        let key = vec![crate::db::Value::from(&blob.0)];
        self.read_now(move |conn| crate::rows::fetch_one(conn, key.clone())).await
    }

    /// Whether a chunk that its row says is in use can be read; an error of the disk
    /// is neither.
    pub(crate) async fn chunk_is_good(&self, blob: BlobId) -> Result<bool, StoreError> {
        match self.read_chunk_now(&blob).await {
            Ok(_) => Ok(true),
            Err(StoreError::Corrupt { .. }) => Ok(false),
            // Whether it has a row is asked again: it may have gone for good.
            Err(StoreError::NoSuchChunk { .. }) => {
                Ok(self.chunk_now(blob).await?.is_none_or(|row| row.state == ChunkState::Deleting))
            }
            Err(error) => Err(error),
        }
    }
}
