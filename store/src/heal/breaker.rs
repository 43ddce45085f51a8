//! The circuit breaker: much damage at once is not what disks do by themselves.
//!
//! Guarantees: once tripped it stays so, and says so, until the operator resets it;
//! [`crate::Store::breaker_tripped`] is for whoever keeps that over a restart.

use std::collections::VecDeque;

/// Chunks found damaged or missing within `WINDOW_MILLIS` that are put up with.
pub const MOST_DAMAGED: usize = 100;
/// The time in which they are counted.
const WINDOW_MILLIS: i64 = 60 * 60 * 1000;

/// Counts damaged chunks.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    found: VecDeque<i64>,
    tripped: bool,
    /// The operator wants everything healed all the same, for now.
    overruled: bool,
}

impl Breaker {
    /// A damaged chunk was found. Says whether that was one too many.
    pub(super) fn note(&mut self, now_millis: i64) -> bool {
        let begin = now_millis.saturating_sub(WINDOW_MILLIS);
        while self.found.front().is_some_and(|found| *found < begin)
            || self.found.len() > MOST_DAMAGED
        {
            self.found.pop_front();
        }
        self.found.push_back(now_millis);
        let much = self.found.len() > MOST_DAMAGED && !self.overruled && !self.tripped;
        self.tripped |= much;
        much
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.tripped
    }

    /// Trips it, as it was before a restart.
    pub(super) fn trip(&mut self) {
        self.tripped = true;
    }

    /// Lets everything be healed, however much it is, until the next call.
    pub(super) fn overrule(&mut self, overruled: bool) {
        *self = Self { overruled, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_an_hour_and_stays_tripped() {
        let mut breaker = Breaker::default();
        for n in 0..1_000 {
            assert!(!breaker.note(n * 40_000), "{n}: 90 in an hour");
        }
        let mut breaker = Breaker::default();
        let tripped = (0..150).filter(|n| breaker.note(*n)).count();
        assert_eq!(tripped, 1, "it is said once");
        assert!(breaker.is_tripped());
        assert!(!breaker.note(i64::MAX) && breaker.is_tripped());
        breaker.overrule(true);
        assert!((0..150).all(|n| !breaker.note(n)) && !breaker.is_tripped());
        breaker.overrule(false);
        assert!((0..100).all(|n| !breaker.note(n)));
        assert!(breaker.note(100));
    }
}
