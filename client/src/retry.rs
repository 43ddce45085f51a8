//! How long, and how often, a request is tried again.
//!
//! Waits grow exponentially between two bounds, half of each is chance (so that
//! many clients do not come back together), and all of them together stay
//! within a total. Only requests that carry an op id, or change nothing, are
//! ever repeated.

use coffer_protocol::Retry;
use std::time::{Duration, Instant};

/// Bounds on retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From the first failure until giving up; zero: never try again.
    pub total: Duration,
    /// First wait.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
}

impl Policy {
    /// Interactive use: a minute, as long as a server takes to restart.
    pub const INTERACTIVE: Policy = Policy {
        total: Duration::from_mins(1),
        first: Duration::from_millis(50),
        longest: Duration::from_secs(5),
    };

    /// Never try again.
    pub const NEVER: Policy =
        Policy { total: Duration::ZERO, first: Duration::ZERO, longest: Duration::ZERO };
}

/// The retries of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: Policy,
    /// When the first try failed: a slow try is not held against the next.
    failing_since: Option<Instant>,
    made: u32,
}

impl Attempts {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, failing_since: None, made: 0 }
    }

    /// How long to wait before the next try, or `None` to give up. `asked` is
    /// what the server wants, at least.
    pub(crate) fn next_wait(&mut self, asked: Retry) -> Option<Duration> {
        let spent = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        let chance = crate::ids::random::<4>().map_or(u32::MAX, u32::from_be_bytes);
        let wait = wait(&self.policy, self.made, asked, chance);
        self.made = self.made.saturating_add(1);
        (spent + wait < self.policy.total).then_some(wait)
    }

    /// Tries that failed so far.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }
}

fn wait(policy: &Policy, made: u32, asked: Retry, chance: u32) -> Duration {
    let factor = 1_u32.checked_shl(made.min(30)).unwrap_or(u32::MAX);
    let full = policy.first.saturating_mul(factor).min(policy.longest);
    let jittered = full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX));
    match asked {
        Retry::AfterMillis(millis) => jittered.max(Duration::from_millis(millis.into())),
        Retry::Never => jittered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        total: Duration::from_mins(1),
        first: Duration::from_millis(100),
        longest: Duration::from_secs(2),
    };

    #[test]
    fn waits_grow_to_a_bound_and_half_of_each_is_chance() {
        let bounds = |made| {
            (wait(&POLICY, made, Retry::Never, 0), wait(&POLICY, made, Retry::Never, u32::MAX))
        };
        let millis = |low, high| (Duration::from_millis(low), Duration::from_millis(high));
        assert_eq!(bounds(0), millis(50, 100));
        assert_eq!(bounds(3), millis(400, 800));
        assert_eq!(bounds(10), millis(1000, 2000));
        assert_eq!(bounds(u32::MAX), millis(1000, 2000));
    }

    #[test]
    fn the_server_can_ask_for_longer() {
        let asked = Retry::AfterMillis(9000);
        assert_eq!(wait(&POLICY, 0, asked, 0), Duration::from_secs(9));
        assert_eq!(wait(&POLICY, 0, Retry::AfterMillis(1), u32::MAX), POLICY.first);
    }

    #[test]
    fn patience_ends() {
        assert_eq!(Attempts::new(Policy::NEVER).next_wait(Retry::Never), None);
        let mut attempts = Attempts::new(POLICY);
        assert_eq!(attempts.next_wait(Retry::AfterMillis(61_000)), None);
        assert!(attempts.next_wait(Retry::AfterMillis(30_000)).is_some());
        assert_eq!(attempts.made(), 2);
    }
}
