//! Recent failures of each address prefix.
//!
//! Guarantees: half of them are forgotten after each half-life; the memory is bounded,
//! whatever addresses strangers come from.

use crate::limiter::Prefix;
use crate::recent::Recent;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many mistakes are everybody's.
const FREE: f64 = 3.0;

pub(super) struct Failures {
    counts: Mutex<Recent<Prefix, (f64, Duration)>>,
    half_life: Duration,
}

impl Failures {
    pub(super) fn new(half_life: Duration, most: usize) -> Self {
        Self { counts: Mutex::new(Recent::new(most)), half_life }
    }

    pub(super) fn add(&self, from: Prefix, now: Duration) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = counts.get(&from).map_or(0.0, |known| self.left(known, now));
        counts.put(from, (before + 1.0, now));
    }

    /// log2(1 + failures), and nothing for the first few.
    #[expect(clippy::cast_sign_loss, reason = "a logarithm of more than one")]
    pub(super) fn bits(&self, from: Prefix, now: Duration) -> u32 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let left = counts.get(&from).map_or(0.0, |known| self.left(known, now));
        if left < FREE { 0 } else { (1.0 + left).log2() as u32 }
    }

    fn left(&self, (count, at): &(f64, Duration), now: Duration) -> f64 {
        let lives = now.saturating_sub(*at).as_secs_f64() / self.half_life.as_secs_f64().max(1.0);
        count * (-lives).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const MINUTE: Duration = Duration::from_mins(1);

    fn from(last: u8) -> Prefix {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn failures_raise_it_and_calm_lowers_it() {
        let failures = Failures::new(10 * MINUTE, 10);
        let mut seen = Vec::new();
        for _ in 0..63 {
            failures.add(from(1), MINUTE);
            seen.push(failures.bits(from(1), MINUTE));
        }
        assert_eq!(seen[..7], [0, 0, 2, 2, 2, 2, 3]);
        assert_eq!(seen[62], 6);
        assert_eq!(failures.bits(from(2), MINUTE), 0, "others have done nothing");
        assert_eq!(failures.bits(from(1), 11 * MINUTE), 5);
        assert_eq!(failures.bits(from(1), 120 * MINUTE), 0);
    }

    #[test]
    fn the_memory_is_bounded() {
        let failures = Failures::new(MINUTE, 4);
        for last in 0..100 {
            (0..3).for_each(|_| failures.add(from(last), MINUTE));
        }
        let known = (0..100).filter(|last| failures.bits(from(*last), MINUTE) > 0).count();
        assert_eq!(known, 4);
    }
}
