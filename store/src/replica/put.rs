//! The chunks that a replica needs for an entry, and putting them.

use super::JournalEntry;
use crate::changes::{Change, ChangeError, decode_body};
use crate::chunks::{ChunkError, Generation, blob};
use crate::error::StoreError;
use crate::pins::ChunkPin;
use crate::rows::ChunkPlace;
use crate::store::Store;
use bytes::Bytes;
use coffer_protocol::BlobId;
use std::collections::BTreeMap;

/// A chunk that an entry brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// The chunk.
    pub blob: BlobId,
    /// Which of its files.
    pub generation: Generation,
    /// Where its bytes are kept.
    pub place: ChunkPlace,
    /// Bytes of the sealed chunk.
    pub size: u32,
}

/// The chunks that have to be there before an entry is applied; each once.
pub fn arrivals(entry: &JournalEntry) -> Result<Vec<Arrival>, ChangeError> {
    let changes = decode_body(&entry.body)?;
    let found = changes.iter().filter_map(arrival);
    let distinct: BTreeMap<_, _> = found.map(|one| ((one.blob, one.generation), one)).collect();
    Ok(distinct.into_values().collect())
}

/// The chunk that a change brings.
pub(super) fn arrival(change: &Change) -> Option<Arrival> {
    match *change {
        Change::PutChunk { blob, generation, place, size } => {
            Some(Arrival { blob, generation, place, size })
        }
        _ => None,
    }
}

impl Store {
    /// Puts the file of a chunk as the source has it, after a look whether the
    /// bytes are those of its id, and pins it. The file is not flushed: that
    /// happens when an entry is applied that brings it. A file that is there is
    /// written anew, which heals one that is damaged. The reserve of the disk is
    /// for this, so it is not kept here.
    pub async fn put_replicated(
        &self,
        blob: BlobId,
        generation: Generation,
        bytes: Bytes,
    ) -> Result<ChunkPin, StoreError> {
        self.needs_lock()?;
        if self.is_poisoned() {
            return Err(StoreError::Stopped);
        }
        let putting = self.pins().put(blob).await;
        if let Some(pin) = putting.present().filter(|pin| pin.generation() == generation) {
            return Ok(pin);
        }
        let size = bytes.len() as u32;
        let outcome = self
            .with_chunks(move |chunks| {
                if !blob::matches(&blob, &bytes) {
                    return Err(ChunkError::Corrupt { blob, generation });
                }
                let file = chunks.put(blob, generation, &bytes)?;
                Ok(putting.done(generation, size, Some(file)))
            })
            .await;
        match outcome {
            Err(StoreError::Chunk(ChunkError::Corrupt { blob, .. })) => {
                Err(StoreError::Corrupt { blob })
            }
            other => other,
        }
    }
}
