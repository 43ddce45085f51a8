//! How much users have asked for since the service began, in numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts as requests are answered.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

/// A reading of the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were answered.
    pub requests: u64,
    /// Bytes of contents that came with them.
    pub received: u64,
    /// Bytes of contents that went out with the answers.
    pub sent: u64,
}

impl Counting {
    /// One request, and the bytes of contents in it and in its answer.
    pub(crate) fn add(&self, received: usize, sent: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.received.fetch_add(received as u64, Ordering::Relaxed);
        self.sent.fetch_add(sent as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            requests: self.requests.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }
}

impl Traffic {
    /// What has come since an earlier reading of the same service.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            received: self.received.saturating_sub(before.received),
            sent: self.sent.saturating_sub(before.sent),
        }
    }
}
