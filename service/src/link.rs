//! What the service knows about one connection between its requests: where it
//! comes from, the challenge it was given, the session it belongs to.
//!
//! Guarantees: a challenge is good for one proof, on the connection it was
//! given on, and not for long; a dropped link lets go of its session.

use crate::fault::{Outcome, plain};
use crate::limiter::Prefix;
use crate::session::{Attachment, Session};
use coffer_crypto::SecretKind;
use coffer_crypto::device::Device;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::work;
use coffer_protocol::version::Features;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a challenge is good for.
pub(crate) const CHALLENGE_LIFE: Duration = Duration::from_mins(2);
/// How long work that was done is good for the request it was done for.
const WORK_LIFE: Duration = Duration::from_mins(2);

/// A challenge that waits for its proof.
pub(crate) struct Challenge {
    pub(crate) user_name: String,
    pub(crate) kind: SecretKind,
    pub(crate) client_nonce: [u8; 32],
    pub(crate) server_nonce: [u8; 32],
    pub(crate) issued: Duration,
}

/// What a challenge was given for; a proof for one is of no use for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To sign in.
    SignIn,
    /// To prove the secret again inside a session.
    Again,
}

#[derive(Default)]
struct State {
    challenge: Option<(Purpose, Challenge)>,
    attachment: Option<Attachment>,
    expired: bool,
    /// When the challenge for work was made that may be answered.
    work: Option<u64>,
    last_work: u64,
    /// Work that was done and not used, and when.
    worked: Option<(work::Purpose, Duration)>,
    /// The device that is known.
    device: Option<Device>,
}

/// One connection, as the service sees it.
pub struct Link {
    exporter: [u8; 32],
    address: IpAddr,
    prefix: Prefix,
    features: Features,
    state: Mutex<State>,
}

impl Link {
    /// A new connection with the TLS exporter of its channel, from an address.
    pub fn new(exporter: [u8; 32], address: IpAddr) -> Self {
        let address = address.to_canonical();
        let features = Features::SUPPORTED;
        Self { exporter, address, prefix: address.into(), features, state: Mutex::default() }
    }

    /// The same with a client that can do this.
    #[must_use]
    pub fn with(self, features: Features) -> Self {
        Self { features, ..self }
    }

    /// Whether the client can do this.
    pub(crate) fn can(&self, wanted: Features) -> bool {
        self.features.has(wanted)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn exporter(&self) -> &[u8; 32] {
        &self.exporter
    }

    /// Where it comes from.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// Keeps a challenge; the one before is worth nothing any more.
    pub(crate) fn challenge(&self, purpose: Purpose, challenge: Challenge) {
        self.lock().challenge = Some((purpose, challenge));
    }

    /// Takes the challenge that a proof answers.
    pub(crate) fn answer(&self, purpose: Purpose, now: Duration) -> Outcome<Challenge> {
        let taken = self.lock().challenge.take();
        taken
            .filter(|(given, _)| *given == purpose)
            .map(|(_, challenge)| challenge)
            .filter(|challenge| now.saturating_sub(challenge.issued) < CHALLENGE_LIFE)
            .ok_or_else(|| plain(ErrorCode::OUT_OF_ORDER))
    }

    /// When a challenge for work counts as made: later than the one before, which is
    /// void from now on.
    pub(crate) fn issue_work(&self, now: Duration) -> u64 {
        let mut state = self.lock();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let issued = now.max(state.last_work.saturating_add(1));
        (state.last_work, state.work) = (issued, Some(issued));
        issued
    }

    /// Takes the place of the challenge that was made then, if it is the newest one and
    /// was not answered yet.
    pub(crate) fn answer_work(&self, issued: u64) -> bool {
        let mut state = self.lock();
        let is_newest = state.work == Some(issued);
        if is_newest {
            state.work = None;
        }
        is_newest
    }

    /// Work was done.
    pub(crate) fn worked(&self, purpose: work::Purpose, now: Duration) {
        self.lock().worked = Some((purpose, now));
    }

    /// Whether work was done for this, and not used.
    pub(crate) fn has_worked(&self, purpose: work::Purpose, now: Duration) -> bool {
        let fresh = |at: Duration| now.saturating_sub(at) < WORK_LIFE;
        self.lock().worked.is_some_and(|(done, at)| done == purpose && fresh(at))
    }

    /// Uses up the work that was done.
    pub(crate) fn use_work(&self) {
        self.lock().worked = None;
    }

    /// The device on the other side is known.
    pub(crate) fn recognise(&self, device: Device) {
        self.lock().device = Some(device);
    }

    /// Whether a device is known on the other side.
    pub(crate) fn is_recognised(&self) -> bool {
        self.lock().device.is_some()
    }

    /// The device on the other side, if it is known for this account; it is not any
    /// more when it is used for another one.
    pub(crate) fn device_of(&self, account: &[u8; 32]) -> Option<[u8; 16]> {
        let mut state = self.lock();
        state.device = state.device.filter(|device| device.user_tag == *account);
        state.device.map(|device| device.id)
    }

    /// Puts the connection into a session; one it had before is let go.
    pub(crate) fn attach(&self, attachment: Attachment) {
        let before = {
            let mut state = self.lock();
            state.expired = false;
            state.attachment.replace(attachment)
        };
        drop(before);
    }

    /// The session of this connection, for a request that just arrived and that
    /// counts as use of it.
    pub(crate) fn session(&self, now: Duration) -> Outcome<Arc<Session>> {
        let session = self.attached()?;
        session.touch(now).inspect_err(|_| self.detach())?;
        Ok(session)
    }

    /// The same for a request that a program makes by itself: it keeps no session
    /// alive.
    pub(crate) fn unused_session(&self, now: Duration) -> Outcome<Arc<Session>> {
        let session = self.attached()?;
        if session.is_over(now) {
            self.detach();
            return Err(plain(ErrorCode::SESSION_EXPIRED));
        }
        Ok(session)
    }

    /// The session of this connection, if there is one.
    pub(crate) fn present_session(&self) -> Option<Arc<Session>> {
        self.attached().ok()
    }

    fn attached(&self) -> Outcome<Arc<Session>> {
        let state = self.lock();
        match (&state.attachment, state.expired) {
            (Some(attachment), _) => Ok(Arc::clone(attachment.session())),
            (None, true) => Err(plain(ErrorCode::SESSION_EXPIRED)),
            (None, false) => Err(plain(ErrorCode::NOT_SIGNED_IN)),
        }
    }

    /// Lets go of the session.
    pub(crate) fn detach(&self) {
        let before = {
            let mut state = self.lock();
            state.expired |= state.attachment.is_some();
            state.attachment.take()
        };
        drop(before);
    }
}
