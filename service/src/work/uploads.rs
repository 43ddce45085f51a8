//! What each user has uploaded lately, against the rate that is a matter of course.
//!
//! Guarantees: an hour's worth may come at once; what is beyond it goes away at the rate
//! itself, or with work. The memory is bounded.

use crate::recent::Recent;
use coffer_protocol::UserId;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const HOUR: f64 = 3600.0;

pub(super) struct Uploads {
    levels: Mutex<Recent<UserId, (f64, Duration)>>,
    per_hour: Option<f64>,
}

impl Uploads {
    pub(super) fn new(per_hour: Option<u64>, most: usize) -> Self {
        let per_hour = per_hour.map(|bytes| bytes as f64);
        Self { levels: Mutex::new(Recent::new(most)), per_hour }
    }

    pub(super) fn add(&self, user: UserId, bytes: u64, now: Duration) {
        self.change(user, bytes as f64, now);
    }

    /// Work was done for so many bytes.
    pub(super) fn pay(&self, user: UserId, bytes: u64, now: Duration) {
        self.change(user, -(bytes as f64), now);
    }

    /// Bytes beyond the rate.
    #[expect(clippy::cast_sign_loss, reason = "it is not negative")]
    pub(super) fn excess(&self, user: UserId, now: Duration) -> u64 {
        let Some(per_hour) = self.per_hour else { return 0 };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let level = levels.get(&user).map_or(0.0, |level| left(level, per_hour, now));
        (level - per_hour).max(0.0) as u64
    }

    fn change(&self, user: UserId, by: f64, now: Duration) {
        let Some(per_hour) = self.per_hour else { return };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let before = levels.get(&user).map_or(0.0, |level| left(level, per_hour, now));
        levels.put(user, ((before + by).max(0.0), now));
    }
}

fn left((level, at): &(f64, Duration), per_hour: f64, now: Duration) -> f64 {
    (level - per_hour / HOUR * now.saturating_sub(*at).as_secs_f64()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_an_hours_worth_it_takes_time_or_work() {
        let (anna, bert) = (UserId([1; 16]), UserId([2; 16]));
        let at = |minutes: u64| Duration::from_mins(1000 + minutes);
        let uploads = Uploads::new(Some(600), 10);
        uploads.add(anna, 600, at(0));
        assert_eq!(uploads.excess(anna, at(0)), 0);
        uploads.add(anna, 300, at(0));
        assert_eq!(uploads.excess(anna, at(0)), 300);
        assert_eq!(uploads.excess(bert, at(0)), 0);
        assert_eq!(uploads.excess(anna, at(10)), 200);
        uploads.pay(anna, 150, at(10));
        assert_eq!(uploads.excess(anna, at(10)), 50);
        assert_eq!(uploads.excess(anna, at(15)), 0);
        let free = Uploads::new(None, 10);
        free.add(anna, u64::MAX, at(0));
        assert_eq!(free.excess(anna, at(0)), 0);
    }
}
