//! Proof of work, and the devices that are spared it.
//!
//! Guarantees: a challenge is recognised by its MAC and not kept; it is good for two
//! minutes, one purpose, one connection and one answer, and only the newest one of a
//! connection; the difficulty follows the failures of the address and the load, up to a
//! limit; a device that has signed in to an account before is held up by nothing that
//! strangers do. What is remembered of addresses and users is bounded.

mod failures;
mod load;
mod uploads;

use crate::config::{Rates, Work};
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::link::{CHALLENGE_LIFE, Link};
use crate::service::{Core, Service};
use coffer_crypto::device::Device;
use coffer_crypto::work::{self, Challenge};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::work::{DeviceToken, Purpose, WorkChallenge, WorkProof};
use failures::Failures;
use load::Load;
use std::net::IpAddr;
use std::time::Duration;
use uploads::Uploads;

/// How long a device stays known after it was made known.
const DEVICE_LIFE: Duration = Duration::from_hours(24 * 90);
/// What one piece of work for uploads pays for.
const UPLOAD_UNIT: u64 = 1 << 30;
/// How far beyond its rate a user may be when chunks arrive that were offered before.
const UPLOAD_SLACK: u64 = 256 << 20;

/// What the difficulties are worked out from.
pub(crate) struct Works {
    config: Work,
    failures: Failures,
    load: Load,
    uploads: Uploads,
}

impl Works {
    pub(crate) fn new(config: Work, rates: &Rates) -> Self {
        Self {
            config,
            failures: Failures::new(config.half_life, rates.tracked),
            load: Load::default(),
            uploads: Uploads::new(config.upload_per_hour, rates.tracked),
        }
    }

    fn within(&self, bits: u32) -> u8 {
        u8::try_from(bits).unwrap_or(u8::MAX).min(self.config.most)
    }
}

fn number(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::SignUp => 1,
        Purpose::SignIn => 2,
        Purpose::Upload => 3,
    }
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignUp => "sign-up",
        Purpose::SignIn => "sign-in",
        Purpose::Upload => "upload",
    }
}

/// Why work is refused.
fn bad(reason: &'static str) -> coffer_protocol::WireError {
    metrics::counter!("coffer_work_refused_total", "reason" => reason).increment(1);
    because(ErrorCode::BAD_WORK, format!("the work that was shown is of no use: {reason}"))
}

impl Core {
    /// Leading zero bits that a stranger has to find.
    pub(crate) fn difficulty(&self, link: &Link, purpose: Purpose) -> u8 {
        let Works { config, failures, load, uploads } = &self.works;
        let now = self.ticks.now();
        let failed = failures.bits(link.prefix(), now);
        let bits = match purpose {
            Purpose::SignUp => u32::from(config.sign_up) + failed + load.bits(now),
            Purpose::SignIn => match failed + load.bits(now) {
                0 => 0,
                more => u32::from(config.sign_in) + more,
            },
            Purpose::Upload => {
                let user = link.present_session().map(|session| session.user);
                match user.map_or(0, |user| uploads.excess(user, now)) {
                    0 => 0,
                    excess => u32::from(config.upload) + (1 + excess / UPLOAD_UNIT).ilog2(),
                }
            }
        };
        self.works.within(bits)
    }

    /// Makes a challenge.
    pub(crate) fn ask_work(&self, link: &Link, purpose: Purpose) -> Outcome<WorkChallenge> {
        let of = Challenge {
            purpose: number(purpose),
            difficulty: self.difficulty(link, purpose),
            issued_millis: link.issue_work(self.ticks.now()),
            random: self.random()?,
        };
        metrics::counter!("coffer_work_asked_total", "purpose" => name(purpose)).increment(1);
        Ok(WorkChallenge { challenge: self.secret.make_challenge(link.exporter(), &of) })
    }

    /// Takes work that was done.
    pub(crate) fn prove_work(&self, link: &Link, proof: &WorkProof) -> Outcome<()> {
        let (exporter, now) = (link.exporter(), self.ticks.now());
        let Ok(challenge) = self.secret.open_challenge(exporter, &proof.challenge) else {
            self.works.failures.add(link.prefix(), now);
            return Err(bad("the challenge was not made for this connection"));
        };
        let issued = Duration::from_millis(challenge.issued_millis);
        if now.saturating_sub(issued) >= CHALLENGE_LIFE {
            return Err(bad("the challenge is too old"));
        }
        if !link.answer_work(challenge.issued_millis) {
            return Err(bad("the challenge was answered already, or replaced"));
        }
        if !work::is_solved(exporter, &proof.challenge, &proof.nonces) {
            self.works.failures.add(link.prefix(), now);
            return Err(bad("it does not solve the challenge"));
        }
        let all = [Purpose::SignUp, Purpose::SignIn, Purpose::Upload];
        let purpose = all.into_iter().find(|purpose| number(*purpose) == challenge.purpose);
        let Some(purpose) = purpose else { return Err(plain(ErrorCode::BAD_WORK)) };
        metrics::counter!("coffer_work_proved_total", "purpose" => name(purpose)).increment(1);
        match (purpose, link.present_session()) {
            (Purpose::Upload, Some(session)) => {
                self.works.uploads.pay(session.user, UPLOAD_UNIT, now);
            }
            _ => link.worked(purpose, now),
        }
        Ok(())
    }

    /// Goes on only when work was done that nothing else was bought with, or when none
    /// is needed.
    pub(crate) fn require_work(&self, link: &Link, purpose: Purpose) -> Outcome<()> {
        let now = self.ticks.now();
        if link.has_worked(purpose, now) || self.difficulty(link, purpose) == 0 {
            return Ok(());
        }
        Err(plain(ErrorCode::WORK_NEEDED))
    }

    /// The same for a sign-in to an account: where it has been signed in to before, what
    /// others do makes no difference.
    pub(crate) fn require_sign_in_work(&self, link: &Link, account: &[u8; 32]) -> Outcome<()> {
        let failed = self.works.failures.bits(link.prefix(), self.ticks.now());
        if failed == 0 && self.limiter.is_familiar(link.prefix(), account) {
            return Ok(());
        }
        self.require_work(link, Purpose::SignIn)
    }

    /// Somebody has tried something that was refused.
    pub(crate) fn failed(&self, link: &Link) {
        metrics::counter!("coffer_failed_attempts_total").increment(1);
        self.works.failures.add(link.prefix(), self.ticks.now());
    }

    /// Takes note of a device that says it is known.
    pub(crate) fn know_device(&self, link: &Link, token: &DeviceToken) -> Outcome<()> {
        let refused = || because(ErrorCode::OUT_OF_ORDER, "this device is not known here");
        let device = self.secret.open_device(&token.token).map_err(|_| refused())?;
        let issued = i64::try_from(device.issued_millis).unwrap_or(i64::MAX);
        let age = self.ticks.millis().saturating_sub(issued);
        if u128::from(age.unsigned_abs()) >= DEVICE_LIFE.as_millis() {
            return Err(refused());
        }
        metrics::counter!("coffer_known_devices_total").increment(1);
        link.recognise(device);
        Ok(())
    }
}

impl Cx {
    /// Makes the device on the other side known from now on.
    pub(crate) async fn ask_device(&self, link: &Link) -> Outcome<DeviceToken> {
        let user_tag = self.account().await?.tag;
        let id = match link.device_of(&user_tag) {
            Some(id) => id,
            None => self.core.random()?,
        };
        let issued_millis = self.millis().unsigned_abs();
        let device = Device { user_tag, id, issued_millis };
        Ok(DeviceToken { token: self.core.secret.make_device(&device) })
    }

    /// Bytes are about to be uploaded: refused when the user has gone beyond the normal
    /// rate and has done no work for it.
    pub(crate) fn may_upload(&self) -> Outcome<()> {
        self.may_upload_beyond(0)
    }

    /// Bytes have arrived that could be refused no earlier.
    pub(crate) fn upload_arrived(&self, bytes: usize) -> Outcome<()> {
        self.may_upload_beyond(UPLOAD_SLACK)?;
        self.core.works.uploads.add(self.user(), bytes as u64, self.core.ticks.now());
        Ok(())
    }

    fn may_upload_beyond(&self, slack: u64) -> Outcome<()> {
        let works = &self.core.works;
        let excess = works.uploads.excess(self.user(), self.core.ticks.now());
        if excess <= slack || works.config.most == 0 {
            return Ok(());
        }
        Err(plain(ErrorCode::WORK_NEEDED))
    }
}

impl Service {
    /// Something had to wait its turn for so long before this machine began with it.
    pub fn note_wait(&self, waited: Duration) {
        self.core.works.load.note(waited, self.core.ticks.now());
    }

    /// Difficulty that the load adds at this moment.
    pub fn load_bits(&self) -> u32 {
        self.core.works.load.bits(self.core.ticks.now())
    }

    /// Whether somebody has signed in from this address not long ago.
    pub fn knows_address(&self, address: IpAddr) -> bool {
        self.core.limiter.is_visited(address.into())
    }
}
