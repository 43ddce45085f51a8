//! The service's view of the clock.
//!
//! Guarantees: `now` never goes back, so a clock that is set back does not give
//! an expired session or a used-up allowance new life.

use coffer_store::Clock;
use governor::nanos::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that does not go back. Clones share it.
#[derive(Clone)]
pub(crate) struct Ticks {
    clock: Arc<dyn Clock>,
    latest: Arc<AtomicI64>,
}

impl Ticks {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let latest = Arc::new(AtomicI64::new(clock.now_millis().max(0)));
        Self { clock, latest }
    }

    /// Time to measure with.
    pub(crate) fn now(&self) -> Duration {
        let read = self.clock.now_millis();
        let latest = self.latest.fetch_max(read, Ordering::Relaxed).max(read);
        Duration::from_millis(latest.unsigned_abs())
    }

    /// Time to show: milliseconds since 1970.
    pub(crate) fn millis(&self) -> i64 {
        self.clock.now_millis()
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Ticks::now(self).into()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A clock that a test sets.
    pub(crate) struct FakeClock(AtomicI64);

    impl Default for FakeClock {
        fn default() -> Self {
            Self(AtomicI64::new(1_700_000_000_000))
        }
    }

    impl FakeClock {
        pub(crate) fn advance(&self, by: Duration) {
            self.0.fetch_add(by.as_millis() as i64, Ordering::Relaxed);
        }
    }

    impl Clock for FakeClock {
        fn now_millis(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_clock_set_back_stands_still() {
        let clock = Arc::new(FakeClock::default());
        let ticks = Ticks::new(clock.clone());
        clock.advance(Duration::from_secs(10));
        let before = ticks.now();
        clock.0.fetch_sub(60_000, Ordering::Relaxed);
        assert_eq!(ticks.now(), before);
        clock.advance(Duration::from_secs(61));
        assert_eq!(ticks.now(), before + Duration::from_secs(1));
    }
}
