//! How fast contents move: a limit for each direction, which all transfers of a client
//! share.
//!
//! Guarantees: over any time, no more bytes pass than the limit allows, but for one
//! piece (a chunk or a batch, 4 MiB at most); a transfer that waits gets its turn after
//! one piece of each other, however many pieces the others have ready; a changed limit
//! holds at once, also for those who wait.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

/// Time without traffic that may be made up for: timers are late.
const CREDIT: Duration = Duration::from_millis(100);

/// The limit of one direction, in bytes a second; without one nobody waits.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limit: watch::Sender<Option<NonZeroU64>>,
    /// Held by whoever is next, while the debt is paid.
    debt: Mutex<Debt>,
}

/// Bytes that have passed before their time; negative: that much may pass at once.
#[derive(Debug)]
struct Debt {
    bytes: f64,
    at: Instant,
}

impl Debt {
    /// Pays what the time that has passed is worth.
    fn pay(&mut self, rate: f64) {
        let now = Instant::now();
        let paid = rate * now.saturating_duration_since(self.at).as_secs_f64();
        self.bytes = (self.bytes - paid).max(-rate * CREDIT.as_secs_f64());
        self.at = now;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate need not be exact to the byte")]
fn number(rate: NonZeroU64) -> f64 {
    rate.get() as f64
}

impl Default for RateLimit {
    fn default() -> Self {
        let debt = Debt { bytes: 0.0, at: Instant::now() };
        Self { limit: watch::Sender::new(None), debt: Mutex::new(debt) }
    }
}

impl RateLimit {
    /// From now on so many bytes a second pass; `None`: any number.
    pub(crate) fn set(&self, limit: Option<NonZeroU64>) {
        self.limit.send_replace(limit);
    }

    pub(crate) fn get(&self) -> Option<NonZeroU64> {
        *self.limit.borrow()
    }

    /// Waits until a piece of so many bytes may pass.
    #[expect(clippy::cast_precision_loss, reason = "a piece has few bytes")]
    async fn take(&self, bytes: u64) {
        let mut limit = self.limit.subscribe();
        if limit.borrow().is_none() {
            return;
        }
        let mut debt = self.debt.lock().await;
        loop {
            let Some(rate) = limit.borrow_and_update().map(number) else {
                *debt = Debt { bytes: 0.0, at: Instant::now() };
                return;
            };
            debt.pay(rate);
            if debt.bytes <= 0.0 {
                debt.bytes += bytes as f64;
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_secs_f64(debt.bytes / rate)) => {}
                // The sender is in `self`.
                _ = limit.changed() => {}
            }
            // Until now it was this rate.
            debt.pay(rate);
        }
    }
}

/// The limits of a client.
#[derive(Debug, Default)]
pub(crate) struct RateLimits {
    pub(crate) up: Arc<RateLimit>,
    pub(crate) down: Arc<RateLimit>,
}

/// What one transfer asks the limit through: its pieces wait one behind the other, and
/// beside the other transfers.
#[derive(Debug)]
pub(crate) struct Lane {
    limit: Arc<RateLimit>,
    turn: Mutex<()>,
}

impl Lane {
    pub(crate) fn new(limit: &Arc<RateLimit>) -> Self {
        Self { limit: Arc::clone(limit), turn: Mutex::new(()) }
    }

    /// Waits until a piece of so many bytes may pass.
    pub(crate) async fn take(&self, bytes: u64) {
        let _turn = self.turn.lock().await;
        self.limit.take(bytes).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::task::JoinSet;

    const PIECE: u64 = 1 << 20;

    fn limit(mebibytes: u64) -> Option<NonZeroU64> {
        NonZeroU64::new(mebibytes << 20)
    }

    /// So many streams of one transfer, which count what passes.
    fn transfer(tasks: &mut JoinSet<()>, limit: &Arc<RateLimit>, streams: u32) -> Arc<AtomicU64> {
        let (lane, passed) = (Arc::new(Lane::new(limit)), Arc::new(AtomicU64::new(0)));
        for _ in 0..streams {
            let (lane, passed) = (Arc::clone(&lane), Arc::clone(&passed));
            tasks.spawn(async move {
                loop {
                    lane.take(PIECE).await;
                    passed.fetch_add(PIECE, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            });
        }
        passed
    }

    fn mebibytes(passed: &AtomicU64) -> u64 {
        passed.load(Ordering::Relaxed) >> 20
    }

    #[tokio::test(start_paused = true)]
    async fn the_streams_of_a_transfer_share_one_limit() {
        let rate = Arc::new(RateLimit::default());
        rate.set(limit(10));
        let mut tasks = JoinSet::new();
        let passed = transfer(&mut tasks, &rate, 16);
        for seconds in 1..=20 {
            sleep(Duration::from_secs(1)).await;
            let moved = mebibytes(&passed);
            assert!((seconds * 10 - 1..=seconds * 10 + 2).contains(&moved), "{seconds}: {moved}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn transfers_share_fairly_whatever_they_have_ready() {
        let rate = Arc::new(RateLimit::default());
        rate.set(limit(30));
        let mut tasks = JoinSet::new();
        let streams = [64, 16, 1];
        let passed = streams.map(|streams| transfer(&mut tasks, &rate, streams));
        sleep(Duration::from_secs(20)).await;
        for moved in passed.iter().map(|passed| mebibytes(passed)) {
            assert!((198..=202).contains(&moved), "{moved}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_limit_holds_at_once_and_idle_time_is_not_saved() {
        let rate = Arc::new(RateLimit::default());
        rate.set(NonZeroU64::new(1));
        assert_eq!(rate.get(), NonZeroU64::new(1));
        let mut tasks = JoinSet::new();
        let passed = transfer(&mut tasks, &rate, 4);
        sleep(Duration::from_mins(1)).await;
        assert_eq!(mebibytes(&passed), 1, "the next has to wait for twelve days");
        rate.set(limit(5));
        sleep(Duration::from_secs(10)).await;
        let moved = mebibytes(&passed);
        assert!((50..=52).contains(&moved), "{moved}");
        tasks.shutdown().await;

        sleep(Duration::from_secs(1000)).await;
        let mut tasks = JoinSet::new();
        let passed = transfer(&mut tasks, &rate, 4);
        sleep(Duration::from_secs(1)).await;
        let moved = mebibytes(&passed);
        assert!((5..=7).contains(&moved), "{moved}");
        tasks.shutdown().await;
        rate.set(None);
        Lane::new(&rate).take(u64::MAX).await;
        Lane::new(&rate).take(u64::MAX).await;
    }
}
