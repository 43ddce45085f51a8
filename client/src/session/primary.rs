//! Connections to the primary: signing in to it, and finding it when it is not
//! where it was.

use super::{Live, MAX_CONNECTIONS, PATIENCE, Reach, Session, is_gone, silent};
use crate::cluster::Machine;
use crate::error::ClientError;
use crate::link::Link;
use crate::signin;
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::version::Features;
use coffer_protocol::{ErrorCode, WireError};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::time::timeout;

/// One sign-in at a time, and its result for all that waited.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) live: Option<Arc<Live>>,
    /// When signing in last failed, and why.
    failed: Option<(Instant, ClientError)>,
}

impl Gate {
    /// Open connections, or the failure of the sign-in that a call that asked then
    /// has waited for: many calls that wait do not dial one behind the other.
    pub(super) fn known(&mut self, asked: Instant) -> Option<Result<Arc<Live>, ClientError>> {
        if let Some(live) = self.live.as_ref().filter(|live| live.is_open()) {
            return Some(Ok(Arc::clone(live)));
        }
        self.live = None;
        let recent = self.failed.as_ref().filter(|(at, _)| *at >= asked);
        recent.and_then(|(_, error)| error.share()).map(Err)
    }

    /// Keeps a result.
    pub(super) fn keep(
        &mut self,
        opened: Result<Arc<Live>, ClientError>,
    ) -> Result<Arc<Live>, ClientError> {
        match &opened {
            Ok(live) => *self = Self { live: Some(Arc::clone(live)), failed: None },
            Err(error) => self.failed = error.share().map(|copy| (Instant::now(), copy)),
        }
        opened
    }
}

impl Session {
    /// The signed-in connections to the primary; signs in if there are none.
    pub(crate) async fn primary(&self) -> Result<Arc<Live>, ClientError> {
        let asked = Instant::now();
        let mut gate = self.gate.lock().await;
        if let Some(known) = gate.known(asked) {
            let live = known?;
            if *self.reach.borrow() != Reach::Primary {
                self.returned(&live);
            }
            return Ok(live);
        }
        let opened = self.open().await.map(Arc::new);
        let live = gate.keep(opened)?;
        self.returned(&live);
        Ok(live)
    }

    /// Begins with connections that are signed in already.
    pub(crate) async fn begin_with(&self, live: Live) {
        let live = Arc::new(live);
        self.gate.lock().await.live = Some(Arc::clone(&live));
        self.returned(&live);
    }

    /// Begins with a session on a standby. The primary is the one that it names.
    pub(crate) async fn begin_on_standby(&self, live: Live) -> Result<(), ClientError> {
        let live = Arc::new(live);
        self.ask_cluster(&live).await;
        {
            let mut memory = self.memory();
            memory.cluster.add(live.machine.clone(), ServerRole::Standby);
            if let Some(primary) = memory.cluster.primary().cloned() {
                memory.profile.set_machine(primary);
            }
        }
        self.hold(live);
        self.begin().await
    }

    /// The primary answers (again).
    fn returned(&self, live: &Arc<Live>) {
        self.elsewhere.dismiss();
        self.show_reach(Reach::Primary);
        self.learn(live);
    }

    async fn open(&self) -> Result<Live, ClientError> {
        let known = self.profile().machine();
        let error = match self.open_at(&known).await {
            Ok(live) => return Ok(live),
            Err(error) => error,
        };
        if !is_gone(&error) || !self.has_others() {
            return Err(error);
        }
        let Some((machine, link)) = self.find_primary(&known).await else { return Err(error) };
        let mut live = self.sign_in(&machine, link).await?;
        self.move_to(machine);
        self.widen(&mut live).await?;
        Ok(live)
    }

    async fn open_at(&self, machine: &Machine) -> Result<Live, ClientError> {
        let link = self.dial.dial(machine).await?;
        let mut live = self.sign_in(machine, link).await?;
        self.widen(&mut live).await?;
        Ok(live)
    }

    async fn sign_in(&self, machine: &Machine, link: Arc<dyn Link>) -> Result<Live, ClientError> {
        self.check_primary(machine, link.as_ref()).await?;
        let (keys, profile) = (self.keys(), self.profile());
        let login = signin::start(link.as_ref(), &profile.user_name, SecretKind::Password).await?;
        login.check_known(&profile)?;
        let signed_in = signin::finish(link.as_ref(), &login, &keys).await;
        let signed_in = signed_in.map_err(ClientError::of_saved_keys)?;
        profile.check_position(signed_in.done.position)?;
        self.memory().profile.raise(link.welcome().epoch, signed_in.done.position);
        Ok(Live::new(machine.clone(), link, signed_in))
    }

    /// Whether a machine is the primary of the newest epoch that is known. One that
    /// has been replaced is told.
    async fn check_primary(&self, machine: &Machine, link: &dyn Link) -> Result<(), ClientError> {
        let welcome = link.welcome();
        match self.profile().check_server(welcome) {
            Err(error @ ClientError::EpochWentBack { .. }) => {
                self.show_epoch(link).await;
                return Err(error);
            }
            other => other?,
        }
        match welcome.role {
            ServerRole::Primary => Ok(()),
            ServerRole::Fenced => Err(WireError::new(
                ErrorCode::FENCED,
                format!("{machine} was the primary, and another machine has taken its place"),
                "Another machine has been promoted; ask the operator for its link.",
            )
            .into()),
            ServerRole::Standby | ServerRole::Keyless => {
                Err(ClientError::NotPrimary { target: machine.to_string() })
            }
        }
    }

    /// Shows the newest promotion to a machine that believes to be the primary.
    pub(super) async fn show_epoch(&self, link: &dyn Link) {
        let proof = self.memory().cluster.proof.clone();
        signin::show_epoch(link, proof.as_ref()).await;
    }

    /// Asks all other machines at once which of them is the primary; the highest
    /// epoch wins.
    async fn find_primary(&self, known: &Machine) -> Option<(Machine, Arc<dyn Link>)> {
        let machines = self.memory().cluster.besides(known);
        let mut asked: FuturesUnordered<_> =
            machines.into_iter().map(|machine| self.look_at(machine)).collect();
        let mut best: Option<(Machine, Arc<dyn Link>)> = None;
        while let Some(outcome) = asked.next().await {
            let Ok((machine, link)) = outcome else { continue };
            if self.check_primary(&machine, link.as_ref()).await.is_err() {
                continue;
            }
            let better =
                |(_, best): &(_, Arc<dyn Link>)| link.welcome().epoch > best.welcome().epoch;
            if best.as_ref().is_none_or(better) {
                best = Some((machine, link));
            }
        }
        best
    }

    /// Connects, without signing in.
    pub(super) async fn look_at(
        &self,
        machine: Machine,
    ) -> Result<(Machine, Arc<dyn Link>), ClientError> {
        match timeout(PATIENCE, self.dial.dial(&machine)).await {
            Ok(link) => link.map(|link| (machine, link)),
            Err(_) => Err(silent(&machine)),
        }
    }

    /// This machine is the primary from now on; the one before stays known.
    fn move_to(&self, machine: Machine) {
        let mut memory = self.memory();
        let before = memory.profile.machine();
        tracing::info!(from = %before, to = %machine, "another machine is the primary now");
        if before.pin != machine.pin {
            memory.cluster.retire(before);
        }
        memory.profile.set_machine(machine);
    }

    /// Spreads calls over this many connections from now on.
    pub(crate) async fn set_connections(&self, wanted: usize) -> Result<(), ClientError> {
        self.connections.store(wanted.clamp(1, MAX_CONNECTIONS), Ordering::Relaxed);
        let mut gate = self.gate.lock().await;
        let Some(current) = gate.live.as_ref() else { return Ok(()) };
        let mut wider = current.copy();
        self.widen(&mut wider).await?;
        gate.live = Some(Arc::new(wider));
        Ok(())
    }

    async fn widen(&self, live: &mut Live) -> Result<(), ClientError> {
        let wanted = self.connections.load(Ordering::Relaxed);
        live.links.truncate(wanted);
        if !live.first().welcome().features.has(Features::ATTACH) {
            return Ok(());
        }
        while live.links.len() < wanted {
            let link = self.dial.dial(&live.machine).await?;
            self.profile().check_server(link.welcome())?;
            signin::attach(link.as_ref(), &live.signed_in).await?;
            live.links.push(link);
        }
        Ok(())
    }

    /// Lets all connections go; the next call signs in again.
    pub(crate) async fn disconnect(&self) {
        self.gate.lock().await.live = None;
        self.elsewhere.close();
    }

    /// Lets these connections go, unless they have been replaced already.
    pub(crate) async fn discard(&self, gone: &Arc<Live>) {
        if self.elsewhere.discard(gone) {
            return;
        }
        let mut gate = self.gate.lock().await;
        if gate.live.as_ref().is_some_and(|live| Arc::ptr_eq(live, gone)) {
            gate.live = None;
        }
    }
}
