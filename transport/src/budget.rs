//! A shared, counted allowance of bytes.
//!
//! Guarantees: bytes handed out never exceed the total; a permit gives its
//! bytes back when dropped, however that comes about; a wish larger than the
//! total waits for the whole instead of forever.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// An allowance of bytes. Clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    room: Arc<Semaphore>,
    total: u32,
}

/// Bytes taken from a `Budget` until dropped.
#[derive(Debug)]
pub struct Held {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    /// An allowance of `total` bytes (at most 4 GiB).
    pub fn new(total: usize) -> Self {
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        Self { room: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// The whole allowance.
    pub fn total(&self) -> usize {
        self.total as usize
    }

    /// Bytes in use now.
    pub fn in_use(&self) -> usize {
        self.total().saturating_sub(self.room.available_permits())
    }

    /// Waits for `bytes`; first come, first served. `None` once closed.
    pub(crate) async fn take(&self, bytes: usize) -> Option<Held> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.total);
        let permit = Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()?;
        Some(Held { _permit: permit })
    }

    /// Refuses everyone who waits, and everyone after them.
    pub(crate) fn close(&self) {
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_back_and_a_giant_wish_takes_the_whole() {
        let budget = Budget::new(100);
        let held = budget.take(60).await.expect("open");
        assert_eq!(budget.in_use(), 60);
        let waits = budget.take(1_000_000);
        tokio::pin!(waits);
        assert!(futures_pending(&mut waits).await);
        drop(held);
        let whole = waits.await.expect("open");
        assert_eq!(budget.in_use(), 100);
        drop(whole);
        assert_eq!(budget.in_use(), 0);
        budget.close();
        assert!(budget.take(1).await.is_none());
    }

    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
