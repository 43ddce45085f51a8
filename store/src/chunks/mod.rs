//! The chunk files: sealed chunks of 64 KiB and more, one file each.
//!
//! Guarantees:
//!
//! - A file has its final name only when it is complete: it is written under
//!   `tmp/` and renamed. What is in `tmp/` at start belonged to nobody.
//! - [`ChunkStore::put`] promises nothing. A chunk is durable once
//!   [`ChunkStore::barrier`] has returned for it, and not before; only then may a
//!   commit name it.
//! - Content never changes under a name. A chunk that was removed and is uploaded
//!   again gets the next generation, and thereby another name.
//! - [`ChunkStore::read`] returns the bytes of the id or an error.
//! - Removal is a rename to `trash/`; only [`ChunkStore::purge_trash`] unlinks.
//!
//! All functions block; the asynchronous side wraps them. There is no lock: the
//! caller (the pin table) sees to it that one file is not put twice at a time and
//! not removed while it is pinned.

pub mod blob;
mod decoy;
mod error;
mod layout;
mod listing;
mod space;
mod verify;

#[cfg(test)]
mod tests;

pub use error::ChunkError;
pub(crate) use layout::parse_chunk_name;
pub use layout::{Generation, Layout};
pub use listing::{Listed, Listing};
pub use space::{Reserve, Space};

use crate::durable::{self, FlushCounts, FlushError, SyncHandle};
use coffer_protocol::BlobId;
use decoy::{Decoy, Sweeper};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Mode of chunk files: for the server alone.
const FILE_MODE: u32 = 0o600;
/// New chunks up to this number are flushed one by one; more by one `syncfs`.
const FEW: usize = 2;
/// Most descriptors kept open for chunks that wait for their barrier.
const MAX_HELD_FILES: usize = 64;

/// A chunk file that was written and is not yet known to be durable.
#[derive(Clone, Debug)]
pub struct NewChunk {
    blob: BlobId,
    generation: Generation,
    bytes: u64,
    /// The descriptor that wrote it: through another one, an error of the
    /// write-back could go unseen.
    held: Option<Arc<HeldFile>>,
}

impl NewChunk {
    /// The chunk.
    pub fn blob(&self) -> BlobId {
        self.blob
    }

    /// Which of its files.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Size of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// An open file that counts against [`MAX_HELD_FILES`].
#[derive(Debug)]
struct HeldFile {
    file: File,
    held: Arc<AtomicUsize>,
    /// It is only there for its time, and goes with this.
    _decoy: Option<Decoy>,
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The chunk files of one data directory.
#[derive(Debug)]
pub struct ChunkStore {
    layout: Layout,
    sync: SyncHandle,
    reserve: Reserve,
    next_tmp: AtomicU64,
    held: Arc<AtomicUsize>,
    sweeper: Sweeper,
    missed: verify::Missed,
    #[cfg(test)]
    fail_reads: std::sync::atomic::AtomicBool,
}

impl ChunkStore {
    /// Makes the directories of a new store, durably, and opens it. Directories
    /// that exist are kept, so an interrupted `init` can be repeated.
    pub fn create(data: &Path, reserve: Reserve) -> Result<Self, ChunkError> {
        let layout = Layout::new(data);
        for directory in [layout.chunks(), layout.tmp(), layout.quarantine(), layout.trash()] {
            durable::create_dirs_durable(&directory)?;
        }
        for first in 0..=u8::MAX {
            durable::create_dir(&layout.shard(first))?;
        }
        for first in 0..=u8::MAX {
            durable::flush_dir(&layout.shard(first))?;
        }
        // Again, for those that an interrupted attempt has made.
        durable::flush_dir(&layout.chunks())?;
        durable::flush_dir(layout.data())?;
        Self::open(data, reserve)
    }

    /// Opens a store that exists, for the one process that holds the lock of the
    /// data directory: empties `tmp/`.
    pub fn open(data: &Path, reserve: Reserve) -> Result<Self, ChunkError> {
        let store = Self::open_shared(data, reserve)?;
        store.empty_tmp()?;
        Ok(store)
    }

    /// Opens a store that another process may be writing to, to read from it.
    pub fn open_shared(data: &Path, reserve: Reserve) -> Result<Self, ChunkError> {
        let layout = Layout::new(data);
        for (directory, missing) in [
            (layout.shard(0x00), "chunks/00"),
            (layout.shard(0xff), "chunks/ff"),
            (layout.tmp(), "tmp"),
            (layout.quarantine(), "quarantine"),
            (layout.trash(), "trash"),
        ] {
            if !directory.is_dir() {
                return Err(ChunkError::NotADataDirectory { path: data.to_owned(), missing });
            }
        }
        Ok(Self {
            sync: SyncHandle::open(data)?,
            layout,
            reserve,
            next_tmp: AtomicU64::new(0),
            held: Arc::default(),
            sweeper: Sweeper::default(),
            missed: verify::Missed::default(),
            #[cfg(test)]
            fail_reads: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// Where the files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How often the store has flushed.
    pub fn flush_counts(&self) -> FlushCounts {
        self.sync.counts()
    }

    /// The descriptor that all flushes of this store go through.
    pub fn sync_handle(&self) -> &SyncHandle {
        &self.sync
    }

    fn empty_tmp(&self) -> Result<(), ChunkError> {
        let tmp = self.layout.tmp();
        for entry in fs::read_dir(&tmp).map_err(|e| ChunkError::io("list", &tmp, e))? {
            let path = entry.map_err(|e| ChunkError::io("list", &tmp, e))?.path();
            fs::remove_file(&path).map_err(|e| ChunkError::io("remove", &path, e))?;
        }
        Ok(())
    }

    /// Writes a chunk under its final name, without a flush. Replaces a file of
    /// that name, which can only be one that an earlier process did not commit.
    /// The bytes are not hashed here: who sealed them knows their id, and who
    /// received them checks it with [`blob::matches`] first.
    pub fn put(
        &self,
        blob: BlobId,
        generation: Generation,
        bytes: &[u8],
    ) -> Result<NewChunk, ChunkError> {
        let (tmp, file) = self.write_tmp(bytes)?;
        if let Err(e) = durable::rename(&tmp, &self.layout.chunk(&blob, generation)) {
            durable::remove_quietly(&tmp);
            return Err(e.into());
        }
        Ok(NewChunk { blob, generation, bytes: bytes.len() as u64, held: self.hold(file, None) })
    }

    /// Does what `put` does and keeps nothing of it: for a chunk that is there already,
    /// where nobody is to learn that from the time it takes. What was written goes when
    /// its barrier has flushed it, or when nobody waits for that any more.
    pub fn put_decoy(
        &self,
        blob: BlobId,
        generation: Generation,
        bytes: &[u8],
    ) -> Result<NewChunk, ChunkError> {
        let (tmp, file) = self.write_tmp(bytes)?;
        let held = self.hold(file, Some(self.sweeper.decoy(tmp)));
        Ok(NewChunk { blob, generation, bytes: bytes.len() as u64, held })
    }

    /// Writes a file of a name that nobody else has, and has the system begin to put it
    /// on the disk.
    fn write_tmp(&self, bytes: &[u8]) -> Result<(PathBuf, File), ChunkError> {
        // The data directory is locked and tmp/ was emptied at start, so a
        // counter is enough for a name.
        let number = self.next_tmp.fetch_add(1, Ordering::Relaxed);
        let tmp = self.layout.tmp().join(number.to_string());
        let file = durable::write_new(&tmp, bytes, FILE_MODE)?;
        durable::start_write_back(&file);
        Ok((tmp, file))
    }

    /// Keeps a descriptor open for the barrier while there are not too many.
    fn hold(&self, file: File, decoy: Option<Decoy>) -> Option<Arc<HeldFile>> {
        let before = self.held.fetch_add(1, Ordering::Relaxed);
        let held = HeldFile { file, held: Arc::clone(&self.held), _decoy: decoy };
        (before < MAX_HELD_FILES).then(|| Arc::new(held))
    }

    /// Makes chunks durable, contents and names. Few of them are flushed one by
    /// one, many with a single flush of the file system, which is several times
    /// faster than one fsync each. The error is final: see [`durable`].
    pub fn barrier(&self, chunks: &[NewChunk]) -> Result<(), FlushError> {
        let few = chunks.len() <= FEW && chunks.iter().all(|chunk| chunk.held.is_some());
        if !few {
            let path = |c: &NewChunk| self.layout.chunk(&c.blob, c.generation);
            return self.sync.flush_many(chunks.iter().map(path));
        }
        for (index, chunk) in chunks.iter().enumerate() {
            let path = self.layout.chunk(&chunk.blob, chunk.generation);
            if let Some(held) = &chunk.held {
                self.sync.flush_file(&held.file, &path)?;
            }
            let shard = chunk.blob.0[0];
            if chunks[..index].iter().all(|earlier| earlier.blob.0[0] != shard) {
                self.sync.flush_dir(&self.layout.shard(shard))?;
            }
        }
        Ok(())
    }

    /// The size of a chunk's file, or `None` if there is none.
    pub fn size(&self, blob: &BlobId, generation: Generation) -> Result<Option<u64>, ChunkError> {
        let path = self.layout.chunk(blob, generation);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(ChunkError::io("look at", &path, e)),
        }
    }

    /// Moves a chunk's file to the trash; one that is not there is fine, because
    /// a removal that was cut short is repeated. Not flushed: a file that comes
    /// back after a power cut is an orphan, and is swept up.
    pub fn remove(
        &self,
        blob: &BlobId,
        generation: Generation,
        now_millis: i64,
    ) -> Result<(), ChunkError> {
        if self.size(blob, generation)?.is_none() {
            return Ok(());
        }
        let trashed = self.layout.trashed(now_millis, blob, generation);
        Ok(durable::rename(&self.layout.chunk(blob, generation), &trashed)?)
    }

    /// Makes every read from now on fail, as a disk that cannot be read does.
    #[cfg(test)]
    pub(crate) fn break_reads(&self) {
        self.fail_reads.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    fn injected_read_error(&self) -> io::Result<()> {
        if self.fail_reads.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests inject errors here")]
    fn injected_read_error(&self) -> io::Result<()> {
        Ok(())
    }
}
