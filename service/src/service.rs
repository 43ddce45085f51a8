//! The service: what all connections share, its start, its upkeep, its end.

use crate::allowance::Allowances;
use crate::cluster::Cluster;
use crate::config::ServiceConfig;
use crate::deed::{Background, Hub};
use crate::fault::{Outcome, not_mirrored, plain};
use crate::limiter::Limiter;
use crate::mirror::{Mirror, NotMirrored};
use crate::recover::Recovering;
use crate::session::{Lifetime, SessionTable};
use crate::time::Ticks;
use crate::traffic::{Counting, Traffic};
use crate::transfer::proof::{CHECKS, Claims};
use crate::transfer::reserve::Reservations;
use crate::work::Works;
use coffer_crypto::ServerSecret;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::Changed;
use coffer_protocol::message::tree::Entry;
use coffer_protocol::{Position, Response, ServerId, UserId, WireError};
use coffer_store::{Clock, Random, Store};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves client sessions over a store. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(crate) core: Arc<Core>,
}

/// What all connections share.
pub(crate) struct Core {
    pub(crate) config: ServiceConfig,
    pub(crate) store: Store,
    pub(crate) secret: ServerSecret,
    pub(crate) server_id: ServerId,
    pub(crate) ticks: Ticks,
    pub(crate) limiter: Limiter,
    pub(crate) works: Works,
    pub(crate) claims: Claims,
    /// Turns to check proofs of content.
    pub(crate) checks: Semaphore,
    pub(crate) allowances: Allowances,
    pub(crate) reservations: Arc<Reservations>,
    pub(crate) counting: Counting,
    pub(crate) sessions: Arc<SessionTable>,
    /// Sessions that wait for hints.
    pub(crate) hub: Arc<Hub>,
    /// Records of what was only read, until they are written.
    pub(crate) background: Background,
    pub(crate) stopping: CancellationToken,
    /// Fires when this machine is not the primary any more and serves nobody.
    pub(crate) fenced: CancellationToken,
    /// Who is the primary then, if that was shown.
    pub(crate) successor: OnceLock<String>,
    /// Newest epoch that was followed here.
    pub(crate) followed_epoch: watch::Sender<u64>,
    pub(crate) tasks: TaskTracker,
    /// Accounts may be waiting for the rest of their erasure.
    pub(crate) erasures: AtomicBool,
    /// Whose writes of an earlier primary are being given back.
    pub(crate) recovering: Recovering,
    /// Knows the other machines, if there can be any.
    mirror: OnceLock<Arc<dyn Mirror>>,
    /// Knows where this one stands among them.
    pub(crate) cluster: OnceLock<Arc<dyn Cluster>>,
    rng: Arc<dyn Random>,
}

impl Core {
    /// Draws a random id or nonce.
    pub(crate) fn random<const N: usize>(&self) -> Outcome<[u8; N]> {
        let mut bytes = [0; N];
        self.rng.fill(&mut bytes).map_err(|error| {
            tracing::error!(%error, "no random bytes");
            plain(ErrorCode::INTERNAL)
        })?;
        Ok(bytes)
    }

    /// Machines that hold a commit, after the wait that the configuration asks for.
    pub(crate) async fn mirrored(&self, position: Position) -> Outcome<u8> {
        let counted = match self.mirror.get() {
            None => Ok(1),
            Some(mirror) => mirror.mirrored(position).await,
        };
        self.settle_changes();
        counted.map_err(|NotMirrored| not_mirrored())
    }

    /// The answer to a change with nothing else to say, after the same wait.
    pub(crate) async fn kept(&self, position: Position) -> Outcome<Changed> {
        Ok(Changed { position, machines: self.mirrored(position).await? })
    }

    /// Says of every entry of an answer on how many machines its newest change is.
    pub(crate) fn count_machines(&self, response: &mut Response) {
        let Some(mirror) = self.mirror.get() else { return };
        let count = |entry: &mut Entry| {
            entry.machines = mirror.holders(self.store.changed_at(entry.node));
        };
        match response {
            Response::Entry(entry) => count(entry),
            Response::List(page) => page.entries.iter_mut().for_each(count),
            Response::Walk(page) => page.entries.iter_mut().for_each(|one| count(&mut one.entry)),
            Response::Trash(page) => page.entries.iter_mut().for_each(|one| count(&mut one.entry)),
            Response::File(file) => count(&mut file.entry),
            _ => {}
        }
    }

    /// Forgets which changes came first among those that every machine has.
    fn settle_changes(&self) {
        self.store.settle_changes(self.mirror.get().map_or(u64::MAX, |mirror| mirror.level()));
    }

    /// Machines that hold everything up to a position at this moment.
    pub(crate) fn holders(&self, position: Position) -> u8 {
        self.mirror.get().map_or(1, |mirror| mirror.holders(position))
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        Lifetime { idle: self.config.session_idle, max: self.config.session_max }
    }
}

impl Service {
    /// A service over an open store.
    pub fn new(
        config: ServiceConfig,
        store: Store,
        secret: ServerSecret,
        server_id: ServerId,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Random>,
    ) -> Self {
        let ticks = Ticks::new(clock);
        let core = Core {
            limiter: Limiter::new(&config.rates, &ticks),
            works: Works::new(config.work, &config.rates),
            claims: Claims::default(),
            checks: Semaphore::new(CHECKS),
            allowances: Allowances::default(),
            reservations: Arc::default(),
            counting: Counting::default(),
            sessions: SessionTable::new(&config),
            hub: Hub::new(&ticks),
            background: Background::default(),
            stopping: CancellationToken::new(),
            fenced: CancellationToken::new(),
            successor: OnceLock::new(),
            followed_epoch: watch::Sender::new(0),
            tasks: TaskTracker::new(),
            // One may have been interrupted by the last shutdown.
            erasures: AtomicBool::new(true),
            recovering: Recovering::default(),
            mirror: OnceLock::new(),
            cluster: OnceLock::new(),
            config,
            store,
            secret,
            server_id,
            ticks,
            rng,
        };
        Self { core: Arc::new(core) }
    }

    /// Counts the machines of every commit with this; the first one stays. Without
    /// one, a commit is on this machine.
    pub fn set_mirror(&self, mirror: Arc<dyn Mirror>) {
        // A second one is a mistake of the caller that changes nothing.
        let _ = self.core.mirror.set(mirror);
    }

    /// Lets a stranger make one more attempt, as many as with sign-ups.
    pub fn admit_stranger(&self, address: IpAddr) -> Result<(), WireError> {
        self.core.limiter.sign_up(address.into())
    }

    /// Sessions at this moment.
    pub fn sessions(&self) -> usize {
        self.core.sessions.len()
    }

    /// What users have asked for since the service began.
    pub fn traffic(&self) -> Traffic {
        self.core.counting.read()
    }

    /// Ends all sessions of a user, for instance because the account was disabled.
    pub fn end_sessions(&self, user: UserId) {
        self.core.sessions.end_user(user, None);
    }

    /// Makes the next round of upkeep look for accounts that an operator's
    /// command has condemned.
    pub fn expect_erasures(&self) {
        self.core.erasures.store(true, Ordering::Relaxed);
    }

    /// Stops: connections are told to go, requests in progress are finished (or
    /// given up after a while), then every session ends and its keys are wiped, and
    /// records that wait are written.
    pub async fn shutdown(&self) {
        self.core.stopping.cancel();
        self.core.tasks.close();
        let drain = self.core.config.drain;
        if timeout(drain, self.core.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.core.tasks.len(), "requests were given up at shutdown");
        }
        self.core.sessions.end_all();
        self.core.write_waiting().await;
    }
}
