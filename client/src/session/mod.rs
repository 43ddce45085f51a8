//! A session that stays: calls go to the live connection; when it is lost, or
//! the server has ended the session, the kept keys open a new one and calls
//! that may be repeated are repeated with the same operation id. While the
//! primary does not answer, a standby serves what changes nothing.
//!
//! Guarantees: one sign-in at a time however many calls wait for it; a request
//! that could do its work twice is sent once; nothing that changes something is
//! sent to a machine that is not the primary; no answer shows an older state
//! than an earlier one did; a machine is checked against what is remembered
//! each time, not only the first time.

mod confirmed;
mod learn;
mod live;
mod primary;
mod reach;
mod standby;

pub use learn::{Answer, Sighting};
pub(crate) use live::Live;
pub use reach::Reach;

use crate::cluster::{Cluster, Machine};
use crate::error::ClientError;
use crate::link::Dial;
use crate::profile::Profile;
use crate::retry::{Attempts, Policy};
use bytes::Bytes;
use coffer_crypto::AccountKeys;
use coffer_protocol::{ErrorCode, Position, Request, Response, Retry};
use learn::Learning;
use primary::Gate;
use standby::Elsewhere;
use std::future::Future;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Most connections of one session.
const MAX_CONNECTIONS: usize = 8;

/// How long a machine is waited for when another may answer instead.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is remembered; newer than the files until `Client::remember`.
struct Memory {
    profile: Profile,
    cluster: Cluster,
}

/// See the module.
pub(crate) struct Session {
    /// For tasks that outlive a call, but not the session.
    me: Weak<Session>,
    dial: Arc<dyn Dial>,
    policy: Policy,
    keys: RwLock<Arc<AccountKeys>>,
    memory: Mutex<Memory>,
    connections: AtomicUsize,
    /// Fewest machines that hold one of the writes; 0 before the first.
    weakest: AtomicU8,
    /// Held across a sign-in on purpose: the others wait for its result.
    gate: tokio::sync::Mutex<Gate>,
    elsewhere: Elsewhere,
    learning: Learning,
    reach: watch::Sender<Reach>,
}

impl Session {
    pub(crate) fn new(
        dial: Arc<dyn Dial>,
        policy: Policy,
        keys: AccountKeys,
        profile: Profile,
        cluster: Cluster,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            dial,
            policy,
            keys: RwLock::new(Arc::new(keys)),
            memory: Mutex::new(Memory { profile, cluster }),
            connections: AtomicUsize::new(1),
            weakest: AtomicU8::new(0),
            gate: tokio::sync::Mutex::default(),
            elsewhere: Elsewhere::default(),
            learning: Learning::default(),
            reach: watch::Sender::new(Reach::Primary),
        })
    }

    /// Another session of the same account, which remembers something else.
    #[cfg(test)]
    pub(crate) fn again(&self, profile: Profile) -> Arc<Self> {
        let keys = AccountKeys::from_saved(&self.keys().to_saved());
        Self::new(Arc::clone(&self.dial), self.policy, keys, profile, self.cluster())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of the account now.
    pub(crate) fn profile(&self) -> Profile {
        self.memory().profile.clone()
    }

    /// What is remembered of the machines now.
    pub(crate) fn cluster(&self) -> Cluster {
        self.memory().cluster.clone()
    }

    /// Whether any machine may serve besides the primary.
    fn has_others(&self) -> bool {
        let memory = self.memory();
        memory.cluster.has_others(&memory.profile.machine())
    }

    /// Which machine serves the session.
    pub(crate) fn reach(&self) -> watch::Receiver<Reach> {
        self.reach.subscribe()
    }

    pub(crate) fn keys(&self) -> Arc<AccountKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs in with these keys from now on; returns those before.
    pub(crate) fn replace_keys(&self, keys: Arc<AccountKeys>) -> Arc<AccountKeys> {
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, keys)
    }

    /// Opens the session on whichever machine serves it.
    pub(crate) async fn begin(&self) -> Result<(), ClientError> {
        self.route(true).await.map(|_| ())
    }

    /// Asks until there is an answer, the policy gives up, or repeating it
    /// could do harm. What changes nothing may be answered by a standby.
    pub(crate) async fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        let reads = request.effect().reads();
        self.call_on(reads, request, payload).await
    }

    /// The same, but only the primary may answer.
    pub(crate) async fn call_primary(&self, request: Request) -> Result<Response, ClientError> {
        self.call_on(false, request, Bytes::new()).await.map(|(response, _)| response)
    }

    async fn call_on(
        &self,
        reads: bool,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        if !request.effect().is_repeatable() {
            let outcome = self.call_once(reads, request, payload).await;
            return outcome.map_err(|error| self.explain(reads, error));
        }
        let mut attempts = Attempts::new(self.policy);
        loop {
            let error = match self.call_once(reads, request.clone(), payload.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let moved = is_gone(&error) && self.has_others();
            if !error.is_transient() && !error.is_session_end() && !moved {
                return Err(error);
            }
            let Some(wait) = attempts.next_wait(asked_wait(&error)) else {
                return Err(self.explain(reads, error));
            };
            tracing::debug!(code = error.code(), tries = attempts.made(), ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn call_once(
        &self,
        reads: bool,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        let live = self.route(reads).await?;
        let again = reads.then(|| request.clone());
        let outcome = self.call_live(&live, request, payload).await;
        let Some(request) = again.filter(|_| shows_damage(&outcome)) else { return outcome };
        match self.second_opinion(&live.machine, &request).await {
            Some(answer) => Ok(answer),
            None => outcome,
        }
    }

    /// Asks on these connections, once.
    async fn call_live(
        &self,
        live: &Arc<Live>,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        let link = live.pick();
        match link.call(request, payload).await {
            Ok((response, payload)) => {
                self.note(confirmed::position(&response).max(live::shown(link.as_ref())));
                self.weigh(confirmed::machines(&response));
                Ok((response, payload))
            }
            Err(error) => {
                if ends_connection(&error) || (is_gone(&error) && self.has_others()) {
                    self.discard(live).await;
                }
                Err(error)
            }
        }
    }

    /// Connections to the machine that is to be asked.
    async fn route(&self, reads: bool) -> Result<Arc<Live>, ClientError> {
        if !reads {
            return self.primary().await;
        }
        if let Some(live) = self.elsewhere.serving() {
            match self.catch_up(&live).await {
                Ok(()) => return Ok(live),
                Err(_) => self.elsewhere.dismiss(),
            }
        }
        let others = self.has_others();
        let error = match self.patient(others, self.primary()).await {
            Ok(live) => return Ok(live),
            Err(error) => error,
        };
        if is_gone(&error) && others {
            match self.stand_by().await {
                Ok(live) => return Ok(live),
                Err(other) => tracing::debug!(code = other.code(), "no standby serves"),
            }
        }
        if is_gone(&error) {
            self.show_reach(Reach::Unreachable { since: SystemTime::now() });
        }
        Err(error)
    }

    /// Does not wait for ever where another machine may answer.
    async fn patient<T>(
        &self,
        others: bool,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        if !others {
            return work.await;
        }
        let outcome = tokio::time::timeout(PATIENCE, work).await;
        outcome.unwrap_or_else(|_| Err(silent(&self.profile().machine())))
    }

    /// Says what serves the session now, if that is something else than before.
    fn show_reach(&self, now: Reach) {
        self.reach.send_if_modified(|before| {
            let same = match (&*before, &now) {
                (Reach::Standby { machine, .. }, Reach::Standby { machine: new, .. }) => {
                    machine == new
                }
                (before, now) => std::mem::discriminant(before) == std::mem::discriminant(now),
            };
            if !same {
                *before = now;
            }
            !same
        });
    }

    /// Remembers the newest position that an answer has shown.
    fn note(&self, shown: Option<Position>) {
        if let Some(position) = shown {
            self.memory().profile.raise(position.epoch, position);
        }
    }

    fn weigh(&self, machines: Option<u8>) {
        if let Some(machines) = machines {
            let weaker = |weakest| (weakest == 0 || machines < weakest).then_some(machines);
            // Whoever was quicker knew of a weaker one.
            let _ = self.weakest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, weaker);
        }
    }

    /// Fewest machines that hold one of the writes that were confirmed so far.
    pub(crate) fn weakest(&self) -> Option<u8> {
        Some(self.weakest.load(Ordering::Relaxed)).filter(|machines| *machines > 0)
    }

    /// Says what a write that failed means, when reading goes on.
    fn explain(&self, reads: bool, error: ClientError) -> ClientError {
        if reads || !is_gone(&error) {
            return error;
        }
        let Some(standby) = self.reach.borrow().standby().map(ToString::to_string) else {
            return error;
        };
        let primary = self.profile().target();
        ClientError::ReadOnly { primary, standby, detail: error.to_string() }
    }
}

fn silent(machine: &Machine) -> ClientError {
    let detail = "it did not answer in time".to_owned();
    ClientError::Unreachable { target: machine.to_string(), detail }
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

/// Whether the machine does not serve, or not as the primary, while another may.
fn is_gone(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. }
        | ClientError::Lost { .. }
        | ClientError::EpochWentBack { .. }
        | ClientError::NotPrimary { .. } => true,
        ClientError::Wire(error) => matches!(
            error.code,
            ErrorCode::SHUTTING_DOWN
                | ErrorCode::FENCED
                | ErrorCode::READ_ONLY
                | ErrorCode::BEHIND
                | ErrorCode::DATABASE_UNAVAILABLE
        ),
        _ => false,
    }
}

/// Whether another machine may have undamaged what this answer has not.
fn shows_damage(outcome: &Result<(Response, Bytes), ClientError>) -> bool {
    match outcome {
        Ok((Response::BatchRead(batch), _)) => {
            let mut failed = batch.files.iter().filter_map(|file| file.as_ref().err());
            failed.any(|error| error.code == ErrorCode::INTEGRITY)
        }
        Ok(_) => false,
        Err(error) => error.wire_code() == Some(ErrorCode::INTEGRITY),
    }
}
