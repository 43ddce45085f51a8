//! A session that stays: calls go to the live connection; when it is lost, or
//! the server has ended the session, the kept keys open a new one and calls
//! that may be repeated are repeated with the same operation id.
//!
//! Guarantees: one sign-in at a time however many calls wait for it; a request
//! that could do its work twice is sent once; a server is checked against what
//! is remembered of it each time, not only the first time.

use crate::error::ClientError;
use crate::link::{Dial, Link};
use crate::profile::Profile;
use crate::retry::{Attempts, Policy, is_repeatable};
use crate::signin::{self, SignedIn};
use bytes::Bytes;
use coffer_crypto::AccountKeys;
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::version::Features;
use coffer_protocol::{ErrorCode, Position, Request, Response, Retry};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

/// Most connections of one session.
const MAX_CONNECTIONS: usize = 8;

/// Connections of one signed-in session.
pub(crate) struct Live {
    links: Vec<Arc<dyn Link>>,
    next: AtomicUsize,
    signed_in: SignedIn,
}

impl Live {
    pub(crate) fn new(link: Arc<dyn Link>, signed_in: SignedIn) -> Self {
        Self { links: vec![link], next: AtomicUsize::new(0), signed_in }
    }

    /// The connection that signed in.
    pub(crate) fn primary(&self) -> &Arc<dyn Link> {
        &self.links[0]
    }

    fn is_open(&self) -> bool {
        self.links.iter().all(|link| link.is_open())
    }

    fn pick(&self) -> &Arc<dyn Link> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.links[next % self.links.len()]
    }
}

/// See the module.
pub(crate) struct Session {
    dialer: Arc<dyn Dial>,
    policy: Policy,
    keys: RwLock<Arc<AccountKeys>>,
    /// What is remembered; newer than the file until `Client::close`.
    profile: Mutex<Profile>,
    connections: AtomicUsize,
    /// Fewest machines that hold one of the writes; 0 before the first.
    weakest: AtomicU8,
    /// Held across a sign-in on purpose: the others wait for its result.
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Arc<Live>>,
    /// When signing in last failed, and why.
    failed: Option<(Instant, ClientError)>,
}

impl Session {
    pub(crate) fn new(
        dialer: Arc<dyn Dial>,
        policy: Policy,
        keys: AccountKeys,
        profile: Profile,
        live: Option<Live>,
    ) -> Self {
        Self {
            dialer,
            policy,
            keys: RwLock::new(Arc::new(keys)),
            profile: Mutex::new(profile),
            connections: AtomicUsize::new(1),
            weakest: AtomicU8::new(0),
            state: tokio::sync::Mutex::new(State { live: live.map(Arc::new), failed: None }),
        }
    }

    fn profile_mut(&self) -> MutexGuard<'_, Profile> {
        self.profile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered now.
    pub(crate) fn profile(&self) -> Profile {
        self.profile_mut().clone()
    }

    pub(crate) fn keys(&self) -> Arc<AccountKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs in with these keys from now on; returns those before.
    pub(crate) fn replace_keys(&self, keys: Arc<AccountKeys>) -> Arc<AccountKeys> {
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, keys)
    }

    /// Spreads calls over this many connections from now on.
    pub(crate) async fn set_connections(&self, wanted: usize) -> Result<(), ClientError> {
        self.connections.store(wanted.clamp(1, MAX_CONNECTIONS), Ordering::Relaxed);
        let mut state = self.state.lock().await;
        let Some(current) = state.live.as_ref() else { return Ok(()) };
        let mut wider = Live {
            links: current.links.clone(),
            next: AtomicUsize::new(0),
            signed_in: current.signed_in.clone(),
        };
        self.widen(&mut wider).await?;
        state.live = Some(Arc::new(wider));
        Ok(())
    }

    async fn widen(&self, live: &mut Live) -> Result<(), ClientError> {
        let wanted = self.connections.load(Ordering::Relaxed);
        live.links.truncate(wanted);
        if !live.primary().welcome().features.has(Features::ATTACH) {
            return Ok(());
        }
        while live.links.len() < wanted {
            let link = self.dialer.dial().await?;
            self.profile().check_server(link.welcome())?;
            signin::attach(link.as_ref(), &live.signed_in).await?;
            live.links.push(link);
        }
        Ok(())
    }

    /// The signed-in connections; signs in if there are none.
    pub(crate) async fn live(&self) -> Result<Arc<Live>, ClientError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(live) = state.live.as_ref().filter(|live| live.is_open()) {
            return Ok(Arc::clone(live));
        }
        state.live = None;
        // A failure while this call waited is its failure too: many calls that
        // wait do not dial one behind the other.
        let recent = state.failed.as_ref().filter(|(at, _)| *at >= asked);
        if let Some(error) = recent.and_then(|(_, error)| error.share()) {
            return Err(error);
        }
        match self.open().await {
            Ok(opened) => {
                let opened = Arc::new(opened);
                *state = State { live: Some(Arc::clone(&opened)), failed: None };
                Ok(opened)
            }
            Err(error) => {
                state.failed = error.share().map(|copy| (Instant::now(), copy));
                Err(error)
            }
        }
    }

    async fn open(&self) -> Result<Live, ClientError> {
        let mut live = self.sign_in().await?;
        self.widen(&mut live).await?;
        Ok(live)
    }

    async fn sign_in(&self) -> Result<Live, ClientError> {
        let link = self.dialer.dial().await?;
        let (keys, profile) = (self.keys(), self.profile());
        profile.check_server(link.welcome())?;
        let kind = SecretKind::Password;
        let login = signin::start(link.as_ref(), &profile.user_name, kind).await?;
        login.check_known(&profile)?;
        let signed_in = signin::finish(link.as_ref(), &login, &keys).await?;
        profile.check_position(signed_in.done.position)?;
        self.profile_mut().raise(link.welcome().epoch, signed_in.done.position);
        Ok(Live::new(link, signed_in))
    }

    /// Lets all connections go; the next call signs in again.
    pub(crate) async fn disconnect(&self) {
        self.state.lock().await.live = None;
    }

    /// Lets these connections go, unless they have been replaced already.
    pub(crate) async fn discard(&self, gone: &Arc<Live>) {
        let mut state = self.state.lock().await;
        if state.live.as_ref().is_some_and(|live| Arc::ptr_eq(live, gone)) {
            state.live = None;
        }
    }

    /// Asks until there is an answer, the policy gives up, or repeating it
    /// could do harm.
    pub(crate) async fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        if !is_repeatable(&request) {
            return self.call_once(request, payload).await;
        }
        let mut attempts = Attempts::new(self.policy);
        loop {
            let error = match self.call_once(request.clone(), payload.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.is_transient() && !error.is_session_end() {
                return Err(error);
            }
            let Some(wait) = attempts.next_wait(asked_wait(&error)) else { return Err(error) };
            tracing::debug!(code = error.code(), tries = attempts.made(), ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn call_once(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        let live = self.live().await?;
        match live.pick().call(request, payload).await {
            Ok((response, payload)) => {
                self.note(&response);
                Ok((response, payload))
            }
            Err(error) => {
                if ends_connection(&error) {
                    self.discard(&live).await;
                }
                Err(error)
            }
        }
    }

    /// Remembers the newest position that the server has confirmed.
    fn note(&self, response: &Response) {
        if let Some(position) = confirmed(response) {
            self.profile_mut().raise(position.epoch, position);
        }
        if let Some(machines) = durability(response) {
            let weaker = |weakest| (weakest == 0 || machines < weakest).then_some(machines);
            // Whoever was quicker knew of a weaker one.
            let _ = self.weakest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, weaker);
        }
    }

    /// Fewest machines that hold one of the writes that were confirmed so far.
    pub(crate) fn weakest(&self) -> Option<u8> {
        Some(self.weakest.load(Ordering::Relaxed)).filter(|machines| *machines > 0)
    }
}

/// Machines that hold the write that is confirmed.
fn durability(response: &Response) -> Option<u8> {
    match response {
        Response::Made(made) => Some(made.machines),
        Response::Written(written) => Some(written.machines),
        Response::Outcomes(outcomes) if outcomes.items.iter().any(Result::is_ok) => {
            Some(outcomes.machines)
        }
        Response::Purged(purged) => Some(purged.machines),
        Response::Shared(shared) => Some(shared.machines),
        Response::Changed(changed) => Some(changed.machines),
        Response::GroupChanged(changed) => Some(changed.machines),
        Response::BatchWritten(batch) => {
            batch.files.iter().flatten().map(|written| written.machines).min()
        }
        _ => None,
    }
}

fn confirmed(response: &Response) -> Option<Position> {
    match response {
        Response::LoginDone(done) => Some(done.position),
        Response::Account(account) => Some(account.position),
        Response::Made(made) => Some(made.position),
        Response::Written(written) => Some(written.position),
        Response::Outcomes(outcomes) => Some(outcomes.position),
        Response::Purged(purged) => Some(purged.position),
        Response::Shared(shared) => Some(shared.position),
        Response::Changed(changed) => Some(changed.position),
        Response::GroupChanged(changed) => Some(changed.position),
        Response::BatchWritten(batch) => {
            batch.files.iter().flatten().map(|written| written.position).max()
        }
        _ => None,
    }
}

fn asked_wait(error: &ClientError) -> Retry {
    match error {
        ClientError::Wire(error) => error.retry,
        _ => Retry::Never,
    }
}

fn ends_connection(error: &ClientError) -> bool {
    let code = error.wire_code();
    matches!(error, ClientError::Lost { .. })
        || error.is_session_end()
        || code == Some(ErrorCode::SHUTTING_DOWN)
        || code == Some(ErrorCode::FENCED)
}
