//! Read buffers of an upload: their number bounds the memory that contents on
//! their way take, and the big ones are used again.
//!
//! A buffer is filled once, frozen, and cut into slices that share it; when the
//! last slice is gone its room is free for the next.

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A full read buffer.
pub(crate) const BUFFER_BYTES: usize = 8 << 20;

/// Room is counted in units of this many bytes.
const UNIT: usize = 64 << 10;
/// Buffers kept for the next use.
const MAX_SPARE: usize = 4;

/// The read buffers of one upload.
#[derive(Debug)]
pub(crate) struct Buffers {
    room: Arc<Semaphore>,
    spare: Mutex<Vec<Vec<u8>>>,
}

/// Filled, shared by slices.
struct Filled {
    data: Vec<u8>,
    home: Arc<Buffers>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.home.put_back(std::mem::take(&mut self.data));
    }
}

impl Buffers {
    /// Room for `bytes` altogether.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(bytes / UNIT));
        Arc::new(Self { room, spare: Mutex::new(Vec::new()) })
    }

    /// Wakes every waiter; no room is given out any more.
    pub(crate) fn close(&self) {
        self.room.close();
    }

    /// An empty buffer of at least `capacity` bytes. Its room is claimed with
    /// `claim`, when nothing else is held.
    pub(crate) fn take(&self, capacity: usize) -> Vec<u8> {
        if capacity == BUFFER_BYTES {
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(buffer) = spare.pop() {
                return buffer;
            }
        }
        Vec::with_capacity(capacity)
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() != BUFFER_BYTES {
            return;
        }
        buffer.clear();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(buffer);
        }
    }

    /// Waits for room, on a thread that may block; `None` after `close`.
    pub(crate) fn claim(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = bytes.div_ceil(UNIT).try_into().unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room);
        if let Ok(permit) = Arc::clone(&room).try_acquire_many_owned(units) {
            return Some(permit);
        }
        Handle::current().block_on(room.acquire_many_owned(units)).ok()
    }

    /// Makes a filled buffer shareable without a copy.
    pub(crate) fn freeze(self: &Arc<Self>, data: Vec<u8>, room: OwnedSemaphorePermit) -> Bytes {
        Bytes::from_owner(Filled { data, home: Arc::clone(self), _room: room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_and_buffer_come_back_with_the_last_slice() {
        let buffers = Buffers::new(BUFFER_BYTES);
        let mut data = buffers.take(BUFFER_BYTES);
        let address = data.as_ptr();
        data.extend_from_slice(b"some contents");
        let room = buffers.claim(BUFFER_BYTES).expect("open");
        let whole = buffers.freeze(data, room);
        let slice = whole.slice(5..);
        drop(whole);
        assert_eq!(buffers.room.available_permits(), 0, "a slice is still there");
        assert_eq!(slice, b"contents".as_slice());
        drop(slice);
        assert_eq!(buffers.room.available_permits(), BUFFER_BYTES / UNIT);
        let again = buffers.take(BUFFER_BYTES);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), address);
    }

    #[tokio::test]
    async fn closing_wakes_those_who_wait() {
        let buffers = Buffers::new(BUFFER_BYTES);
        let held = buffers.claim(BUFFER_BYTES).expect("open");
        let waiting = Arc::clone(&buffers);
        let waiter = tokio::task::spawn_blocking(move || waiting.claim(1).is_none());
        buffers.close();
        assert!(waiter.await.expect("no panic"));
        drop(held);
    }
}
