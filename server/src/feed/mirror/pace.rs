//! Whether writes wait for replicas.
//!
//! Guarantees: once a wait was in vain nothing waits any more, until a replica has
//! everything or gets, within a given time, to what had been the newest position: then
//! it keeps up, however much or little one entry brings with it.

use std::time::{Duration, Instant};

/// How replicas keep up with what is written.
#[derive(Default)]
pub(super) struct Pace {
    pub(super) degraded: bool,
    /// While nothing is waited for: what was the newest position at some moment.
    /// A replica that gets there soon enough keeps up.
    mark: Option<(u64, Instant)>,
    /// Since when, and how long before that.
    degraded_since: Option<Instant>,
    degraded_before: Duration,
    /// Newest position that a commit asked for.
    pub(super) newest: u64,
}

impl Pace {
    /// Nothing is waited for any more.
    pub(super) fn degrade(&mut self) {
        self.degraded = true;
        self.mark = None;
        self.degraded_since = Some(Instant::now());
    }

    /// Whether a replica that has flushed so much can be waited for.
    pub(super) fn keeps_up(&mut self, flushed: u64, now: Instant, soon: Duration) -> bool {
        if flushed >= self.newest {
            return true;
        }
        match self.mark {
            Some((position, _)) if flushed < position => return false,
            Some((_, set)) if now.saturating_duration_since(set) <= soon => return true,
            _ => {}
        }
        self.mark = Some((self.newest, now));
        false
    }

    /// Writes are waited for again.
    pub(super) fn recover(&mut self) {
        self.degraded = false;
        let since = self.degraded_since.take();
        self.degraded_before += since.map_or(Duration::ZERO, |since| since.elapsed());
    }

    /// Whether nothing is waited for, and for how long that was so in all.
    pub(super) fn degraded(&self) -> (bool, Duration) {
        let now = self.degraded_since.map_or(Duration::ZERO, |since| since.elapsed());
        (self.degraded, self.degraded_before + now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_keeps_up_if_it_soon_gets_to_what_was_newest() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let soon = Duration::from_secs(1);
        let mut pace = Pace { degraded: true, newest: 10, ..Pace::default() };
        assert!(!pace.keeps_up(5, at(0), soon), "from here on it is watched");
        pace.newest = 20;
        assert!(!pace.keeps_up(9, at(900), soon), "not yet where the newest was");
        assert!(!pace.keeps_up(10, at(1100), soon), "there, but too late");
        pace.newest = 30;
        assert!(pace.keeps_up(20, at(2000), soon), "there in time, under load");
        assert!(pace.keeps_up(30, at(9000), soon), "it has everything");
    }
}
