//! Limits on attempts to sign in, to sign up, and to find out who is here.
//!
//! Guarantees: attempts slow down, per address prefix and per account; an
//! owner who signs in from where they have signed in before is not held up by
//! strangers who try the same name; the memory is bounded, whatever addresses
//! and names strangers make up.

use crate::config::{Rate, Rates};
use crate::fault::{Outcome, because, rate_limited};
use crate::recent::Recent;
use crate::time::Ticks;
use coffer_protocol::UserId;
use coffer_protocol::error::ErrorCode;
use governor::clock::Reference as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A request that would have to wait for longer is refused.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Timers are not finer.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, Ticks, NoOpMiddleware<Nanos>>;
type Single = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>;

/// An address, cut to what one customer of a network provider usually has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Prefix(IpAddr);

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => {
                let kept = u128::from(v6) & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from(kept))
            }
        })
    }
}

/// One kind of attempt, counted per key.
struct Buckets<K: Hash + Eq + Clone> {
    keyed: Keyed<K>,
    overflow: Single,
    most: usize,
    clock: Ticks,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(rate: Rate, most: usize, clock: &Ticks) -> Self {
        let quota = Quota::with_period(rate.every)
            .unwrap_or_else(|| Quota::per_second(rate.burst))
            .allow_burst(rate.burst);
        let keyed = RateLimiter::dashmap_with_clock(quota, clock.clone());
        let overflow = RateLimiter::direct_with_clock(quota, clock.clone());
        Self { keyed, overflow, most, clock: clock.clone() }
    }

    fn check(&self, key: &K) -> Outcome<()> {
        self.wait(key).map_err(|wait| {
            let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
            rate_limited(millis.max(1))
        })
    }

    /// One attempt, or the time until there is one again.
    fn wait(&self, key: &K) -> Result<(), Duration> {
        let full = self.keyed.len() >= self.most;
        let refused = match full {
            false => self.keyed.check_key(key).err(),
            true => self.overflow.check().err(),
        };
        refused.map_or(Ok(()), |not_until| {
            let wait = not_until.earliest_possible().duration_since(self.clock.now().into());
            Err(Duration::from(wait))
        })
    }

    fn shrink(&self) {
        self.keyed.retain_recent();
        self.keyed.shrink_to_fit();
    }
}

/// All limits on strangers.
pub(crate) struct Limiter {
    sign_in_address: Buckets<Prefix>,
    sign_in_account: Buckets<[u8; 32]>,
    sign_up_address: Buckets<Prefix>,
    look_up: Buckets<UserId>,
    requests: Buckets<UserId>,
    device: Buckets<[u8; 16]>,
    /// Where accounts were signed in to not long ago.
    familiar: Mutex<Recent<([u8; 32], Prefix), ()>>,
    /// The same, whichever account it was.
    visited: Mutex<Recent<Prefix, ()>>,
}

impl Limiter {
    pub(crate) fn new(rates: &Rates, clock: &Ticks) -> Self {
        Self {
            sign_in_address: Buckets::new(rates.sign_in_per_address, rates.tracked, clock),
            sign_in_account: Buckets::new(rates.sign_in_per_account, rates.tracked, clock),
            sign_up_address: Buckets::new(rates.sign_up_per_address, rates.tracked, clock),
            look_up: Buckets::new(rates.look_up_per_user, rates.tracked, clock),
            requests: Buckets::new(rates.requests_per_user, rates.tracked, clock),
            // The owner of a device is held up by what is done on it, and by nobody else.
            device: Buckets::new(rates.sign_in_per_address, rates.tracked, clock),
            familiar: Mutex::new(Recent::new(rates.tracked)),
            visited: Mutex::new(Recent::new(rates.tracked)),
        }
    }

    /// An attempt to sign in to the account with this tag.
    pub(crate) fn sign_in(&self, from: Prefix, account: &[u8; 32]) -> Outcome<()> {
        self.sign_in_address.check(&from)?;
        match self.is_familiar(from, account) {
            true => Ok(()),
            false => self.sign_in_account.check(account),
        }
    }

    /// An attempt to sign in on a known device, to the account that it is known for.
    pub(crate) fn device(&self, device: &[u8; 16]) -> Outcome<()> {
        self.device.check(device)
    }

    /// Whether the account was signed in to from here not long ago.
    pub(crate) fn is_familiar(&self, from: Prefix, account: &[u8; 32]) -> bool {
        let mut familiar = self.familiar.lock().unwrap_or_else(PoisonError::into_inner);
        familiar.get(&(*account, from)).is_some()
    }

    /// Whether any account was signed in to from here not long ago.
    pub(crate) fn is_visited(&self, from: Prefix) -> bool {
        let mut visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
        visited.get(&from).is_some()
    }

    /// The account was signed in to from here.
    pub(crate) fn signed_in(&self, from: Prefix, account: [u8; 32]) {
        let mut familiar = self.familiar.lock().unwrap_or_else(PoisonError::into_inner);
        familiar.put((account, from), ());
        drop(familiar);
        let mut visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
        visited.put(from, ());
    }

    /// An attempt to sign up.
    pub(crate) fn sign_up(&self, from: Prefix) -> Outcome<()> {
        self.sign_up_address.check(&from)
    }

    /// A user looks up the name of somebody whom they do not know yet.
    pub(crate) fn look_up(&self, user: UserId) -> Outcome<()> {
        self.look_up.check(&user)
    }

    /// A request of a user: waits for its turn, and gives up when that is far away.
    pub(crate) async fn request(&self, user: UserId) -> Outcome<()> {
        let mut waited = Duration::ZERO;
        while let Err(wait) = self.requests.wait(&user) {
            let wait = wait.max(SHORTEST_WAIT);
            waited += wait;
            if waited > LONGEST_WAIT {
                metrics::counter!("coffer_limited_total", "what" => "requests").increment(1);
                let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
                let text = "this user asks more than one user may ask";
                return Err(because(ErrorCode::RATE_LIMITED, text).retry_after(millis.max(1)));
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Forgets who has not tried for a while.
    pub(crate) fn shrink(&self) {
        self.sign_in_address.shrink();
        self.sign_in_account.shrink();
        self.sign_up_address.shrink();
        self.look_up.shrink();
        self.requests.shrink();
        self.device.shrink();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::tests::FakeClock;
    use std::sync::Arc;

    fn rates() -> Rates {
        Rates {
            sign_in_per_address: Rate::new(5, Duration::from_secs(10)),
            sign_in_per_account: Rate::new(2, Duration::from_secs(10)),
            sign_up_per_address: Rate::new(1, Duration::from_secs(10)),
            look_up_per_user: Rate::new(1, Duration::from_secs(10)),
            requests_per_user: Rate::new(2, Duration::from_secs(10)),
            tracked: 4,
        }
    }

    fn from(text: &str) -> Prefix {
        text.parse::<IpAddr>().expect("address").into()
    }

    #[test]
    fn prefixes_are_what_one_customer_has() {
        assert_eq!(from("2001:db8:1:2::1"), from("2001:db8:1:2:ffff::9"));
        assert_ne!(from("2001:db8:1:2::1"), from("2001:db8:1:3::1"));
        assert_eq!(from("::ffff:192.0.2.1"), from("192.0.2.1"));
        assert_ne!(from("192.0.2.2"), from("192.0.2.1"));
    }

    #[test]
    fn attempts_slow_down_and_are_earned_back() {
        let clock = Arc::new(FakeClock::default());
        let limiter = Limiter::new(&rates(), &Ticks::new(clock.clone()));
        let here = from("192.0.2.1");
        assert!(limiter.sign_up(here).is_ok());
        let refused = limiter.sign_up(here).expect_err("one attempt only");
        assert_eq!(refused.code, ErrorCode::RATE_LIMITED);
        assert!(limiter.sign_up(from("192.0.2.2")).is_ok());
        clock.advance(Duration::from_secs(10));
        assert!(limiter.sign_up(here).is_ok());
    }

    #[tokio::test]
    async fn requests_beyond_the_rate_wait_and_then_are_refused() {
        let clock = Arc::new(FakeClock::default());
        let limiter = Limiter::new(&rates(), &Ticks::new(clock.clone()));
        let (one, other) = (UserId([1; 16]), UserId([2; 16]));
        for _ in 0..2 {
            assert!(limiter.request(one).await.is_ok());
        }
        let refused = limiter.request(one).await.expect_err("the bucket is empty");
        assert_eq!(refused.code, ErrorCode::RATE_LIMITED);
        assert!(limiter.request(other).await.is_ok());
        clock.advance(Duration::from_secs(9));
        let waiting = limiter.request(one);
        let passing = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            clock.advance(Duration::from_secs(1));
        };
        let (waited, ()) = tokio::join!(waiting, passing);
        assert!(waited.is_ok());
    }

    #[test]
    fn strangers_do_not_lock_an_owner_out() {
        let clock = Arc::new(FakeClock::default());
        let limiter = Limiter::new(&rates(), &Ticks::new(clock));
        let home = from("192.0.2.1");
        assert!(!limiter.is_visited(home));
        limiter.signed_in(home, [7; 32]);
        assert!(limiter.is_visited(home) && !limiter.is_visited(from("198.51.100.10")));
        for last in 10..13 {
            let _ = limiter.sign_in(from(&format!("198.51.100.{last}")), &[7; 32]);
        }
        assert!(limiter.sign_in(from("198.51.100.99"), &[7; 32]).is_err());
        assert!(limiter.sign_in(home, &[7; 32]).is_ok());
    }

    #[test]
    fn made_up_addresses_share_what_is_left() {
        let clock = Arc::new(FakeClock::default());
        let limiter = Limiter::new(&rates(), &Ticks::new(clock.clone()));
        let refused = (0..200_u8)
            .filter(|last| limiter.sign_up(from(&format!("198.51.100.{last}"))).is_err())
            .count();
        assert_eq!(refused, 200 - 4 - 1);
        assert!(limiter.sign_up_address.keyed.len() <= 4);
        clock.advance(Duration::from_secs(100));
        limiter.shrink();
        assert_eq!(limiter.sign_up_address.keyed.len(), 0);
    }
}
