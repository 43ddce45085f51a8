//! Bounds how many lines a flood of bad connections can write to the log.

use std::time::{Duration, Instant};

/// Lines in a row before the budget is used up.
const BURST: u32 = 20;
/// Time after which one more line is allowed.
const REFILL: Duration = Duration::from_secs(1);

/// A token bucket that counts what it kept back.
pub(crate) struct LogBudget {
    tokens: u32,
    refilled: Instant,
    suppressed: u64,
}

impl LogBudget {
    pub(crate) fn new(now: Instant) -> Self {
        Self { tokens: BURST, refilled: now, suppressed: 0 }
    }

    /// `Some(n)`: write the line, and say that `n` before it were not written.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u64> {
        let gained = now.saturating_duration_since(self.refilled).as_secs() / REFILL.as_secs();
        if gained > 0 {
            self.tokens =
                BURST.min(self.tokens.saturating_add(u32::try_from(gained).unwrap_or(BURST)));
            self.refilled = now;
        }
        if self.tokens == 0 {
            self.suppressed += 1;
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_instead_of_written() {
        let start = Instant::now();
        let mut budget = LogBudget::new(start);
        let written = (0..1000).filter(|_| budget.take(start).is_some()).count();
        assert_eq!(written, BURST as usize);
        let later = start + Duration::from_secs(2);
        assert_eq!(budget.take(later), Some(1000 - u64::from(BURST)));
        assert_eq!(budget.take(later), Some(0));
        assert_eq!(budget.take(later), None);
    }
}
