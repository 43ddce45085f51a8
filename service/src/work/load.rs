//! How busy the machine is, as a number of bits: 0 (calm) to 4.
//!
//! Guarantees: the number rises by one at most once a second while what arrives has to
//! wait, and falls by one for each `CALM` in which nothing had to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const MOST: u32 = 4;
/// Whoever waits for longer than this has noticed.
const LONG: Duration = Duration::from_millis(100);
const RISE: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    bits: u32,
    raised: Option<Duration>,
    /// When somebody last waited for long.
    busy: Duration,
}

#[derive(Default)]
pub(super) struct Load(Mutex<State>);

impl Load {
    /// Something has waited for so long before it was begun with.
    pub(super) fn note(&self, waited: Duration, now: Duration) {
        if waited < LONG {
            return;
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bits = state.now(now);
        let due = state.raised.is_none_or(|raised| now.saturating_sub(raised) >= RISE);
        state.bits = if due { (bits + 1).min(MOST) } else { bits };
        state.busy = now;
        if due {
            state.raised = Some(now);
        }
    }

    pub(super) fn bits(&self, now: Duration) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now(now)
    }
}

impl State {
    fn now(&self, now: Duration) -> u32 {
        let calm = now.saturating_sub(self.busy).as_secs() / CALM.as_secs();
        self.bits.saturating_sub(u32::try_from(calm).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waiting_raises_it_step_by_step_and_calm_lowers_it() {
        let (load, begin) = (Load::default(), 1000 * SECOND);
        load.note(LONG / 2, begin);
        assert_eq!(load.bits(begin), 0);
        for _ in 0..50 {
            load.note(LONG, begin);
        }
        assert_eq!(load.bits(begin), 1, "one crowd is one step");
        for second in 1..20 {
            load.note(2 * LONG, begin + second * SECOND);
        }
        let end = begin + 19 * SECOND;
        assert_eq!(load.bits(end), MOST);
        load.note(LONG / 2, end + 9 * SECOND);
        assert_eq!(load.bits(end + 9 * SECOND), MOST);
        assert_eq!(load.bits(end + 10 * SECOND), MOST - 1);
        assert_eq!(load.bits(end + 25 * SECOND), MOST - 2);
        assert_eq!(load.bits(end + 100 * SECOND), 0);
        load.note(LONG, end + 100 * SECOND);
        assert_eq!(load.bits(end + 100 * SECOND), 1);
    }
}
