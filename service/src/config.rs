//! What an operator can set about the service, with defaults that suit a
//! small team. Every bound of the service that is not part of the protocol is
//! named here.

use crate::allowance::Allowance;
use std::num::NonZeroU32;
use std::time::Duration;

/// Who may create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignupPolicy {
    /// Anybody who reaches the server.
    Open,
    /// Whoever brings an invitation code.
    Invite,
    /// Nobody.
    Closed,
}

/// Whose content an upload need not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstantUpload {
    /// That of the user who uploads.
    User,
    /// That of anybody, for a proof that the user has it.
    Server,
}

/// A token bucket: `burst` at once, then one more every `every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Attempts that may come at once.
    pub burst: NonZeroU32,
    /// Time in which one attempt is earned back.
    pub every: Duration,
}

impl Rate {
    /// A rate; a burst of zero counts as one.
    pub const fn new(burst: u32, every: Duration) -> Self {
        let burst = match NonZeroU32::new(burst) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, every }
    }
}

/// Limits on attempts to sign in and to sign up.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Sign-in attempts from one address prefix (IPv4 /32, IPv6 /64).
    pub sign_in_per_address: Rate,
    /// Sign-in attempts on one user name, from addresses it does not usually come from.
    pub sign_in_per_account: Rate,
    /// Sign-up attempts from one address prefix.
    pub sign_up_per_address: Rate,
    /// Names of other people that one user looks up for the first time.
    pub look_up_per_user: Rate,
    /// Requests of one user, on all connections together.
    pub requests_per_user: Rate,
    /// Most address prefixes or accounts that are told apart; beyond it the
    /// newcomers share one bucket.
    pub tracked: usize,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            sign_in_per_address: Rate::new(120, Duration::from_millis(500)),
            sign_in_per_account: Rate::new(20, Duration::from_secs(3)),
            sign_up_per_address: Rate::new(60, Duration::from_secs(2)),
            // A group can be filled at once; names cannot be guessed by the thousand.
            look_up_per_user: Rate::new(250, Duration::from_secs(2)),
            requests_per_user: Rate::new(10_000, Duration::from_micros(200)),
            tracked: 65_536,
        }
    }
}

/// What strangers pay with where attempts are many (`work`). Difficulties are leading
/// zero bits of each of the eight puzzles of a challenge: one more doubles the work.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// For a sign-up, always.
    pub sign_up: u8,
    /// For a sign-in, once there have been failures, or while there is load.
    pub sign_in: u8,
    /// For each GiB beyond the normal rate of a user.
    pub upload: u8,
    /// At most; 0: no work is ever asked for.
    pub most: u8,
    /// Bytes that a user uploads in an hour as a matter of course; `None`: any number.
    pub upload_per_hour: Option<u64>,
    /// Time in which half of the failures of an address are forgotten.
    pub half_life: Duration,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            sign_up: 18,
            sign_in: 10,
            upload: 12,
            most: 22,
            upload_per_hour: Some(256 << 30),
            half_life: Duration::from_mins(10),
        }
    }
}

/// Configuration of a [`crate::Service`].
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Who may create an account.
    pub signup: SignupPolicy,
    /// A session without a request for this long ends.
    pub session_idle: Duration,
    /// A session ends after this long in any case.
    pub session_max: Duration,
    /// Limits on attempts to sign in and to sign up.
    pub rates: Rates,
    /// Proof of work.
    pub work: Work,
    /// Most sessions at a time.
    pub max_sessions: usize,
    /// Most sessions of one user at a time; the one idle for longest makes room.
    pub max_sessions_per_user: usize,
    /// Node keys a session keeps open.
    pub cached_keys: usize,
    /// An upload that sees nothing for this long is given up.
    pub upload_idle: Duration,
    /// What a user may have to whom nothing else was given; see [`crate::Quota`].
    pub allowance: Allowance,
    /// Most connections that are signed in as one user.
    pub max_connections_per_user: usize,
    /// Most uploads of one user that are open at a time.
    pub max_uploads_per_user: usize,
    /// Whose content an upload need not send.
    pub instant_upload: InstantUpload,
    /// Whether it is recorded who did what.
    pub record_activity: bool,
    /// How long [`crate::Service::shutdown`] waits for requests in progress.
    pub drain: Duration,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            signup: SignupPolicy::Invite,
            session_idle: Duration::from_mins(15),
            session_max: Duration::from_hours(12),
            rates: Rates::default(),
            work: Work::default(),
            max_sessions: 16_384,
            max_sessions_per_user: 64,
            cached_keys: 1024,
            upload_idle: Duration::from_mins(10),
            allowance: Allowance::default(),
            max_connections_per_user: 512,
            max_uploads_per_user: 256,
            instant_upload: InstantUpload::User,
            record_activity: true,
            drain: Duration::from_secs(20),
        }
    }
}
