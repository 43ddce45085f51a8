//! Reading elsewhere: signing in to standbys, making sure that they have what
//! was seen before, and going back to the primary when it answers again.

use super::primary::Gate;
use super::{Live, PATIENCE, Reach, Session, is_gone, silent};
use crate::cluster::Machine;
use crate::error::ClientError;
use crate::link::ask;
use crate::ops::{answer, done};
use crate::signin;
use bytes::Bytes;
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::message::cluster::{AwaitPosition, ClusterInfo, ServerRole};
use coffer_protocol::{ErrorCode, Request, Response, WireError};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::{sleep, timeout};

/// How long a standby is given to get what was seen elsewhere.
const CATCH_UP_MILLIS: u32 = coffer_protocol::limits::MAX_AWAIT_MILLIS;

/// Waits between two tries to reach the primary while a standby serves: the
/// first, and the longest.
const RETURN_FIRST: Duration = Duration::from_millis(250);
const RETURN_LONGEST: Duration = Duration::from_secs(5);

/// Sessions on standbys.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// One fail-over at a time; the others wait for its result.
    gate: tokio::sync::Mutex<Gate>,
    held: Mutex<Held>,
    /// Whether the primary is being tried in the background.
    returning: AtomicBool,
}

#[derive(Default)]
struct Held {
    /// The one that serves reads while the primary does not.
    serving: Option<Arc<Live>>,
    /// All that are signed in; at most as many as there are machines.
    pool: HashMap<Machine, Arc<Live>>,
}

impl Elsewhere {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The standby that serves reads now, if one does.
    pub(super) fn serving(&self) -> Option<Arc<Live>> {
        self.held().serving.as_ref().filter(|live| live.is_open()).cloned()
    }

    /// Reads go to the primary again. The sessions stay for transfers.
    pub(super) fn dismiss(&self) {
        self.held().serving = None;
    }

    pub(super) fn close(&self) {
        *self.held() = Held::default();
    }

    /// Lets these connections go; says whether they were of a standby.
    pub(super) fn discard(&self, gone: &Arc<Live>) -> bool {
        let mut held = self.held();
        if held.serving.as_ref().is_some_and(|live| Arc::ptr_eq(live, gone)) {
            held.serving = None;
        }
        let is_it = |live: &Arc<Live>| Arc::ptr_eq(live, gone);
        let known = held.pool.get(&gone.machine).is_some_and(is_it);
        if known {
            held.pool.remove(&gone.machine);
        }
        known
    }

    fn pooled(&self, machine: &Machine) -> Option<Arc<Live>> {
        self.held().pool.get(machine).filter(|live| live.is_open()).cloned()
    }
}

impl Session {
    /// A session on a standby that has everything that was seen before; from then
    /// on reads go there, and the primary is tried in the background.
    pub(super) async fn stand_by(&self) -> Result<Arc<Live>, ClientError> {
        let asked = Instant::now();
        let mut gate = self.elsewhere.gate.lock().await;
        if let Some(live) = self.elsewhere.serving() {
            return Ok(live);
        }
        gate.live = None;
        if let Some(Err(error)) = gate.known(asked) {
            return Err(error);
        }
        let opened = self.first_standby().await;
        let live = gate.keep(opened)?;
        self.elsewhere.held().serving = Some(Arc::clone(&live));
        let info = self.ask_cluster(&live).await;
        let behind = info.map_or(0, |info| info.behind_millis);
        let (machine, behind) = (live.machine.clone(), Duration::from_millis(behind));
        tracing::info!(%machine, ?behind, "the primary does not answer; reading from a standby");
        self.show_reach(Reach::Standby { machine, behind, since: SystemTime::now() });
        self.bring_back();
        Ok(live)
    }

    /// Asks all standbys at once; the first that can serve does.
    async fn first_standby(&self) -> Result<Arc<Live>, ClientError> {
        let mut trials: FuturesUnordered<_> =
            self.everyone().into_iter().map(|machine| self.join(machine)).collect();
        let mut failed = None;
        while let Some(outcome) = trials.next().await {
            match outcome {
                Ok(live) => return Ok(live),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| silent(&self.profile().machine())))
    }

    /// All machines: the primary may have become a standby.
    fn everyone(&self) -> Vec<Machine> {
        let memory = self.memory();
        memory.cluster.machines.iter().map(|known| known.machine.clone()).collect()
    }

    /// The machines that may serve reads besides the primary.
    pub(crate) fn standbys(&self) -> Vec<Machine> {
        let memory = self.memory();
        memory.cluster.standbys(&memory.profile.machine())
    }

    /// A session on this standby, which has everything that was seen before.
    pub(crate) async fn join(&self, machine: Machine) -> Result<Arc<Live>, ClientError> {
        let live = self.enter(&machine).await?;
        self.catch_up(&live).await?;
        Ok(live)
    }

    /// How far a standby says that it is behind; `None` if it does not say.
    pub(super) async fn behind(&self, machine: &Machine) -> Option<Duration> {
        let live = self.enter(machine).await.ok()?;
        let info = self.ask_cluster(&live).await;
        if info.is_none() {
            self.elsewhere.discard(&live);
        }
        Some(Duration::from_millis(info?.behind_millis))
    }

    /// A session on this standby, however far it is.
    async fn enter(&self, machine: &Machine) -> Result<Arc<Live>, ClientError> {
        if let Some(live) = self.elsewhere.pooled(machine) {
            return Ok(live);
        }
        let signing = timeout(PATIENCE, self.sign_in_standby(machine));
        let live = Arc::new(signing.await.unwrap_or_else(|_| Err(silent(machine)))?);
        self.hold(Arc::clone(&live));
        Ok(live)
    }

    /// Keeps a session on a standby.
    pub(super) fn hold(&self, live: Arc<Live>) {
        let mut held = self.elsewhere.held();
        held.pool.retain(|_, live| live.is_open());
        held.pool.insert(live.machine.clone(), live);
    }

    async fn sign_in_standby(&self, machine: &Machine) -> Result<Live, ClientError> {
        let link = self.dial.dial(machine).await?;
        let (keys, profile) = (self.keys(), self.profile());
        match profile.check_server(link.welcome()) {
            // It follows, and may not have heard of the newest epoch yet; one that
            // believes to be the primary has to hear of it.
            Err(ClientError::EpochWentBack { .. }) => self.show_epoch(link.as_ref()).await,
            other => other?,
        }
        if link.welcome().role != ServerRole::Standby {
            let message = format!("{machine} is not a standby");
            return Err(WireError::new(ErrorCode::FENCED, message, "").into());
        }
        let login = signin::start(link.as_ref(), &profile.user_name, SecretKind::Password).await?;
        login.check_known(&profile)?;
        let signed_in = signin::finish(link.as_ref(), &login, &keys).await;
        let signed_in = signed_in.map_err(ClientError::of_saved_keys)?;
        Ok(Live::new(machine.clone(), link, signed_in))
    }

    /// Waits until a standby has everything that was seen before.
    pub(super) async fn catch_up(&self, live: &Arc<Live>) -> Result<(), ClientError> {
        let position = self.memory().profile.position;
        if live.reached() >= position {
            return Ok(());
        }
        let wanted = AwaitPosition { position, wait_millis: CATCH_UP_MILLIS };
        match ask(live.first().as_ref(), Request::Await(wanted)).await {
            Ok(response) => done(&response, "await")?,
            Err(error) => {
                if super::ends_connection(&error) {
                    self.elsewhere.discard(live);
                }
                return Err(error);
            }
        }
        live.has_reached(position);
        Ok(())
    }

    /// What a machine says of the installation; taken over.
    pub(super) async fn ask_cluster(&self, live: &Arc<Live>) -> Option<ClusterInfo> {
        let link = live.first().as_ref();
        let answered = timeout(PATIENCE, ask(link, Request::Cluster)).await.ok()?;
        match answered.and_then(|response| answer!(response, Cluster, "cluster")) {
            Ok(info) => {
                self.take(&info, link.welcome().epoch);
                Some(*info)
            }
            Err(error) => {
                tracing::debug!(code = error.code(), "the machines are not known");
                None
            }
        }
    }

    /// Asks a standby once, for a transfer. What may have changed is asked only of
    /// one that has everything that was seen before.
    pub(crate) async fn call_standby(
        &self,
        live: &Arc<Live>,
        request: Request,
    ) -> Result<(Response, Bytes), ClientError> {
        // A chunk is named by its version: it is the right one, or not there.
        if !matches!(request, Request::ReadChunk(_)) {
            self.catch_up(live).await?;
        }
        self.call_live(live, request, Bytes::new()).await
    }

    /// Asks the other machines for what this one cannot show undamaged.
    pub(super) async fn second_opinion(
        &self,
        asked: &Machine,
        request: &Request,
    ) -> Option<(Response, Bytes)> {
        for machine in self.standbys().into_iter().filter(|machine| machine != asked) {
            let Ok(live) = self.join(machine).await else { continue };
            let outcome = self.call_standby(&live, request.clone()).await;
            if !super::shows_damage(&outcome) && outcome.is_ok() {
                tracing::debug!(machine = %live.machine, "damaged elsewhere, and good here");
                return outcome.ok();
            }
        }
        None
    }

    /// Tries the primary in the background until it answers or nobody needs it.
    fn bring_back(&self) {
        if !self.elsewhere.returning.swap(true, Ordering::AcqRel) {
            tokio::spawn(come_back(Weak::clone(&self.me)));
        }
    }
}

async fn come_back(session: Weak<Session>) {
    let mut wait = RETURN_FIRST;
    loop {
        sleep(wait).await;
        wait = (wait * 2).min(RETURN_LONGEST);
        let Some(session) = session.upgrade() else { return };
        if session.primary().await.is_err_and(|error| is_gone(&error) || error.is_transient()) {
            continue;
        }
        // The primary answers, or with an error that time does not mend: that is for
        // those who ask for something.
        session.elsewhere.returning.store(false, Ordering::Release);
        // A fail-over in this moment has found this task still at work.
        let needed = session.elsewhere.serving().is_some() && session.primary().await.is_ok();
        if !needed || session.elsewhere.returning.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}
