//! Reading with proof: every chunk that leaves the store has the content that
//! its id names, or the reader is told that it has not.
//!
//! A mismatch is looked at twice, the second time without the page cache, so
//! that a bad bit in memory is not taken for a bad disk. Damaged files are kept:
//! a link to the bytes goes to the quarantine directory and the file stays where
//! it is until a good copy replaces it.

use super::error::ChunkError;
use super::layout::{Generation, chunk_name};
use super::{ChunkStore, blob};
use crate::durable;
use bytes::Bytes;
use coffer_protocol::BlobId;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Most pieces of evidence kept of one file.
const MAX_EVIDENCE: u32 = 8;
/// Most chunks that are remembered as looked for in vain.
const MAX_MISSED: usize = 1_000;

impl ChunkStore {
    /// Reads a chunk and checks it against its id. Keeps the evidence if it is
    /// damaged.
    pub fn read(&self, blob: &BlobId, generation: Generation) -> Result<Bytes, ChunkError> {
        let outcome = self.inspect(blob, generation);
        match &outcome {
            Err(ChunkError::Corrupt { .. }) => {
                tracing::error!(%blob, generation, "a chunk is damaged on disk");
                metrics::counter!("coffer_damaged_chunks_total").increment(1);
                self.quarantine(blob, generation)?;
            }
            Err(ChunkError::Missing { .. }) => self.missed.note(*blob, generation),
            _ => {}
        }
        outcome
    }

    /// Chunks that a reader looked for in vain since the store was opened, the
    /// first of them if there were many. A chunk whose row was read just before
    /// the collector removed it is among them, so ask again before you worry.
    pub fn missed(&self) -> Vec<(BlobId, Generation)> {
        self.missed.list()
    }

    /// Like [`ChunkStore::read`], but writes nothing, whatever it finds.
    pub fn inspect(&self, blob: &BlobId, generation: Generation) -> Result<Bytes, ChunkError> {
        let path = self.layout.chunk(blob, generation);
        let first = self.read_file(&path, blob, generation)?;
        if let Some(bytes) = first.filter(|bytes| blob::matches(blob, bytes)) {
            return Ok(Bytes::from(bytes));
        }
        drop_from_cache(&path);
        let second = self.read_file(&path, blob, generation)?;
        if let Some(bytes) = second.filter(|bytes| blob::matches(blob, bytes)) {
            tracing::warn!(%blob, generation, "a chunk was read wrongly once; suspect the memory");
            return Ok(Bytes::from(bytes));
        }
        Err(ChunkError::Corrupt { blob: *blob, generation })
    }

    /// Reads a whole file into one allocation of exactly its size; `None` if the
    /// size is not one that a chunk can have, so that damage allocates nothing.
    fn read_file(
        &self,
        path: &Path,
        blob: &BlobId,
        generation: Generation,
    ) -> Result<Option<Vec<u8>>, ChunkError> {
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => ChunkError::Missing { blob: *blob, generation },
            _ => ChunkError::io("read", path, e),
        };
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let Some(length) = usize::try_from(length).ok().filter(|&n| n <= blob::MAX_SEALED_BYTES)
        else {
            return Ok(None);
        };
        let mut bytes = Vec::with_capacity(length);
        self.injected_read_error().map_err(failed)?;
        Read::by_ref(&mut file).take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Keeps the bytes of a damaged chunk as evidence. The file stays in place.
    /// Does nothing if these very bytes are kept already.
    pub fn quarantine(&self, blob: &BlobId, generation: Generation) -> Result<(), ChunkError> {
        let path = self.layout.chunk(blob, generation);
        let source = fs::metadata(&path).map_err(|e| ChunkError::io("look at", &path, e))?;
        for number in 0..MAX_EVIDENCE {
            let name = format!("{}.{number}", chunk_name(blob, generation));
            let evidence = self.layout.quarantine().join(name);
            match fs::hard_link(&path, &evidence) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    let kept = fs::metadata(&evidence)
                        .map_err(|e| ChunkError::io("look at", &evidence, e))?;
                    if (kept.dev(), kept.ino()) == (source.dev(), source.ino()) {
                        return Ok(());
                    }
                }
                Err(e) => return Err(ChunkError::io("quarantine", &evidence, e)),
            }
        }
        tracing::warn!(%blob, generation, "enough evidence of this chunk is kept already");
        Ok(())
    }
}

impl ChunkStore {
    /// Keeps other evidence of damage under a name. Does nothing if these very bytes
    /// are kept already. Not flushed: it is worth less than what it is of.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), ChunkError> {
        for number in 0..MAX_EVIDENCE {
            let path = self.layout.quarantine().join(format!("{name}.{number}"));
            match fs::read(&path) {
                Ok(kept) if kept == bytes => return Ok(()),
                Ok(_) => {}
                Err(_) => {
                    durable::write_new(&path, bytes, super::FILE_MODE)?;
                    return Ok(());
                }
            }
        }
        tracing::warn!(name, "enough evidence of this is kept already");
        Ok(())
    }
}

/// Chunks that were looked for in vain, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Missed(Mutex<BTreeSet<(BlobId, Generation)>>);

impl Missed {
    fn note(&self, blob: BlobId, generation: Generation) {
        let mut missed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.len() < MAX_MISSED {
            missed.insert((blob, generation));
        }
    }

    fn list(&self) -> Vec<(BlobId, Generation)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Asks the system to forget the cached pages of a file, so that the next read
/// comes from the device. A hint: if it is not followed the read is the same.
fn drop_from_cache(path: &Path) {
    #[cfg(target_os = "linux")]
    if let Ok(file) = File::open(path)
        && let Err(error) = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
    {
        tracing::debug!(%error, "the page cache was not dropped");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = path;
}
