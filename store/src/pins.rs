//! The pin table: which chunk files this process holds on to.
//!
//! Guarantees: a chunk that is pinned is not removed; one file is not put twice
//! at a time, and not put while it is being removed. A pin lives in memory only:
//! what a process pinned and did not commit is an orphan after its end, and is
//! swept up.
//!
//! Each chunk that somebody is concerned with has one [`Slot`]. Its lock orders
//! put against put and put against removal; the lock of the table is held for a
//! look-up only. The writer takes neither of the two for longer than a moment,
//! so whoever holds a slot may wait for a commit.

use crate::chunks::NewChunk;
use coffer_protocol::BlobId;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// Keeps a chunk from being collected until it is dropped.
#[derive(Clone)]
pub struct ChunkPin {
    slot: Arc<Slot>,
    generation: u32,
    size: u32,
}

impl ChunkPin {
    /// The chunk.
    pub fn blob(&self) -> BlobId {
        self.slot.blob
    }

    /// Which of its files.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Bytes of the sealed chunk.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The file, if no barrier has vouched for it yet.
    pub(crate) fn unflushed(&self) -> Option<NewChunk> {
        let files = locked(&self.slot.unflushed);
        files.iter().find(|file| file.generation() == self.generation).cloned()
    }

    /// Notes that a barrier has vouched for the file.
    pub(crate) fn flushed(&self) {
        locked(&self.slot.unflushed).retain(|file| file.generation() != self.generation);
    }
}

impl fmt::Debug for ChunkPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkPin({}.{})", self.slot.blob, self.generation)
    }
}

/// What is known of a chunk that somebody is concerned with.
struct Slot {
    blob: BlobId,
    table: Weak<Table>,
    /// Generation and size, once the file is there; of the last one put, if a
    /// replica needs several.
    present: Arc<tokio::sync::Mutex<Option<(u32, u32)>>>,
    /// Files that wait for their barrier, one of a generation at most.
    unflushed: Mutex<Vec<NewChunk>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(table) = self.table.upgrade() {
            let mut slots = locked(&table.slots);
            // A new slot may have taken the place since the last pin was dropped.
            if slots.get(&self.blob).is_some_and(|slot| slot.strong_count() == 0) {
                slots.remove(&self.blob);
            }
        }
    }
}

#[derive(Default)]
struct Table {
    slots: Mutex<HashMap<BlobId, Weak<Slot>>>,
}

/// The pin table of a store.
#[derive(Clone, Default)]
pub(crate) struct Pins(Arc<Table>);

/// The right to put a chunk.
pub(crate) struct Putting {
    slot: Arc<Slot>,
    present: OwnedMutexGuard<Option<(u32, u32)>>,
}

/// The right to remove a chunk: nobody has it pinned, and nobody can pin it
/// before this is dropped.
pub(crate) struct Removing {
    _slot: Arc<Slot>,
    _present: OwnedMutexGuard<Option<(u32, u32)>>,
}

impl Pins {
    /// Waits for the right to put a chunk.
    pub(crate) async fn put(&self, blob: BlobId) -> Putting {
        let slot = self.slot(blob);
        let present = Arc::clone(&slot.present).lock_owned().await;
        Putting { slot, present }
    }

    /// Takes the right to remove a chunk, if nobody is concerned with it.
    pub(crate) fn try_remove(&self, blob: BlobId) -> Option<Removing> {
        let mut slots = locked(&self.0.slots);
        if slots.get(&blob).is_some_and(|slot| slot.strong_count() > 0) {
            return None;
        }
        let slot = self.new_slot(blob);
        let present = Arc::clone(&slot.present).try_lock_owned().ok()?;
        slots.insert(blob, Arc::downgrade(&slot));
        Some(Removing { _slot: slot, _present: present })
    }

    /// How many chunks are pinned, being put or being removed.
    pub(crate) fn len(&self) -> usize {
        locked(&self.0.slots).len()
    }

    fn slot(&self, blob: BlobId) -> Arc<Slot> {
        let mut slots = locked(&self.0.slots);
        if let Some(slot) = slots.get(&blob).and_then(Weak::upgrade) {
            return slot;
        }
        let slot = self.new_slot(blob);
        slots.insert(blob, Arc::downgrade(&slot));
        slot
    }

    fn new_slot(&self, blob: BlobId) -> Arc<Slot> {
        Arc::new(Slot {
            blob,
            table: Arc::downgrade(&self.0),
            present: Arc::default(),
            unflushed: Mutex::default(),
        })
    }
}

impl Putting {
    /// The pin, if the chunk was put already and is still pinned.
    pub(crate) fn present(&self) -> Option<ChunkPin> {
        let (generation, size) = (*self.present)?;
        Some(ChunkPin { slot: Arc::clone(&self.slot), generation, size })
    }

    /// Notes that the chunk is there, durable or as a file that waits for its
    /// barrier, and pins it.
    pub(crate) fn done(
        mut self,
        generation: u32,
        size: u32,
        unflushed: Option<NewChunk>,
    ) -> ChunkPin {
        *self.present = Some((generation, size));
        let mut files = locked(&self.slot.unflushed);
        files.retain(|file| file.generation() != generation);
        files.extend(unflushed);
        drop(files);
        ChunkPin { slot: Arc::clone(&self.slot), generation, size }
    }
}

/// Locks; a panic elsewhere leaves every one of these values whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::{ChunkStore, Reserve};

    const BLOB: BlobId = BlobId([7; 32]);

    #[tokio::test]
    async fn a_pinned_chunk_is_not_removed_and_is_found_again() {
        let pins = Pins::default();
        let pin = pins.put(BLOB).await.done(3, 70_000, None);
        assert!(pins.try_remove(BLOB).is_none());
        let again = pins.put(BLOB).await.present().unwrap();
        assert_eq!((again.generation(), again.size()), (3, 70_000));
        drop(pin);
        assert!(pins.try_remove(BLOB).is_none());
        drop(again);
        assert_eq!(pins.len(), 0);
        assert!(pins.try_remove(BLOB).is_some());
    }

    #[tokio::test]
    async fn a_put_waits_for_a_removal_and_starts_anew() {
        let pins = Pins::default();
        let removing = pins.try_remove(BLOB).unwrap();
        assert!(pins.try_remove(BLOB).is_none());
        let other = pins.clone();
        let put = tokio::spawn(async move { other.put(BLOB).await.present().is_none() });
        tokio::task::yield_now().await;
        assert!(!put.is_finished());
        drop(removing);
        assert!(put.await.unwrap());
        assert_eq!(pins.len(), 0);
    }

    #[tokio::test]
    async fn each_generation_waits_for_its_own_barrier() {
        let directory = tempfile::tempdir().unwrap();
        let chunks = ChunkStore::create(directory.path(), Reserve::default());
        let chunks = chunks.unwrap();
        let pins = Pins::default();
        let mut held = Vec::new();
        for generation in [1, 2] {
            let file = chunks.put(BLOB, generation, &[1; 100]).unwrap();
            held.push(pins.put(BLOB).await.done(generation, 100, Some(file)));
        }
        held[1].flushed();
        assert!(held[1].unflushed().is_none());
        assert_eq!(held[0].unflushed().unwrap().generation(), 1);
        assert_eq!(pins.put(BLOB).await.present().unwrap().generation(), 2);
    }

    #[tokio::test]
    async fn a_put_that_gives_up_leaves_nothing() {
        let pins = Pins::default();
        drop(pins.put(BLOB).await);
        assert_eq!(pins.len(), 0);
        assert!(pins.put(BLOB).await.present().is_none());
    }
}
