//! `run`: a machine that serves, from the first check to the last flush. The same
//! code serves a store that decides, and one that follows another machine.
//!
//! Guarantees: everything that can be refused is refused before anything is
//! changed; what only the primary may do (expiry, collection, the anchor) runs on
//! the primary alone; when a command has changed the role, the process stops in
//! order and its caller starts it again; `listening on ADDR` is printed once, when connections are accepted;
//! a stop finishes what is in progress (within a limit), flushes and ends with
//! status 0; after a failed flush the process ends with status 70.

mod admission;
mod again;
pub(crate) mod anchor;
mod descriptors;
mod ender;
mod fencing;
mod follower;
mod herald;
mod janitor;
mod keeper;
pub(crate) mod listener;
mod log_budget;
mod memory;
pub(crate) mod metrics;
mod role;
mod serving;
pub(crate) mod signals;
mod start;
mod stop;
pub mod supervisor;

use again::start_again;
pub use follower::keep_up as keep_up_follower;
pub use memory::settle as settle_memory;
pub use serving::Serving;

use crate::args;
use crate::config::Config;
use crate::failure::{Code, Failure, Outcome};
use crate::feed::Feed;
use crate::heard::Heard;
use crate::history::Recorder;
use crate::install::{self, Installation, environment};
use crate::{lock, log, scrub, tls};
use admission::Admission;
use coffer_protocol::message::cluster::Endpoint;
use coffer_service::Service;
use coffer_store::Store;
use janitor::Janitor;
use keeper::Keeper;
use signals::Signals;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most threads for the network when the number is left to the server.
const MOST_WORKERS: usize = 8;
/// Time between two rounds of the service's own upkeep.
const SERVICE_UPKEEP: Duration = Duration::from_secs(5);

/// How a directory is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Start although the database is older than what this machine had acknowledged.
    pub accept_rollback: bool,
    /// The store may follow another machine; then it serves reads.
    pub may_follow: bool,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The process was told to stop.
    Stopped,
    /// The machine is not any more what it was: the process has to begin anew.
    RoleChanged,
}

/// What the machine is while this process runs.
pub(crate) enum Duty {
    /// It decides.
    Primary,
    /// It follows, and serves reads.
    Follower(Arc<Heard>),
}

impl Duty {
    fn follows(&self) -> bool {
        matches!(self, Self::Follower(_))
    }
}

/// Runs the server until it is told to stop.
pub(crate) fn run(args: &args::Run) -> Outcome {
    settle_memory();
    let mut overrides = environment();
    overrides.flag("--listen", "listen", args.listen.clone());
    overrides.flag("--log-level", "log.level", args.log_level.clone());
    overrides.set_flags(&args.set)?;
    let installation = Installation::load_with(&args.place, &overrides)?;
    log::start(&installation.config.log);
    let options = Options { accept_rollback: args.accept_rollback, may_follow: false };
    run_installation(installation, options, |_| {})
}

/// Runs an installation until the process is told to stop. `follow` is called
/// once if the store follows another machine, to start what does that.
pub fn run_installation(
    installation: Installation,
    options: Options,
    follow: impl FnOnce(&Server),
) -> Outcome {
    let runtime = runtime(&installation.config)?;
    let outcome = runtime.block_on(serve(installation, options, follow));
    // Blocking work that is still stuck (a dead disk) must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(5));
    match outcome? {
        Ended::Stopped => Ok(()),
        Ended::RoleChanged => {
            let error = start_again(&[]);
            let message = format!("the role has changed, and the program cannot start: {error}");
            Err(Failure::new(Code::Io, message).hint("Start it again."))
        }
    }
}

/// Threads for a machine that serves.
fn runtime(config: &Config) -> Outcome<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = match config.limits.worker_threads {
        0 => processors.clamp(2, MOST_WORKERS),
        wanted => wanted,
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(config.limits.blocking_threads)
        .thread_name("coffer")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Io, format!("cannot start threads: {error}")))
}

async fn serve(
    installation: Installation,
    options: Options,
    follow: impl FnOnce(&Server),
) -> Outcome<Ended> {
    let mut signals = Signals::install()?;
    let socket = bind(&installation)?;
    tls::read(&installation.data, &installation.secret)?;
    let mut anchor = start::inspect(&installation, options.accept_rollback);
    // A machine that follows has none, and which it is the database says.
    if !installation.data.replica_path().exists() {
        anchor = Ok(anchor?);
    }
    let store = installation.open().await?;
    let begun = async {
        let duty = role::duty(&store, options.may_follow).await?;
        if !duty.follows()
            && let Some(anchor) = anchor?
        {
            start::check_anchor(&store, anchor, options.accept_rollback).await?;
        }
        start::start(installation, &store, socket, duty).await
    };
    let server = match begun.await {
        Ok(server) => server,
        Err(failure) => {
            install::close(&store).await;
            return Err(failure);
        }
    };
    if server.duty.follows() {
        follow(&server);
    }
    let reason = stop::wait(&mut signals, &server).await;
    stop::stop(&server, reason, &mut signals).await
}

/// Takes the address first: a taken port leaves everything untouched. The lock
/// is asked for when that fails, because it is the better explanation.
fn bind(installation: &Installation) -> Outcome<TcpListener> {
    let bound = listener::bind(&installation.config.listen);
    bound.map_err(|failure| match lock::is_held(&installation.data) {
        true => Failure::new(
            Code::DirectoryInUse,
            format!("a server already runs on {}", installation.data.root().display()),
        )
        .hint("See `coffer-server status`. Nothing was changed."),
        false => failure,
    })
}

/// A started server: what has to be stopped again.
pub struct Server {
    duty: Duty,
    installation: Arc<Installation>,
    store: Store,
    service: Service,
    feed: Feed,
    keeper: Arc<Keeper>,
    admission: Admission,
    /// Ends the accept loop.
    accepting: CancellationToken,
    /// Ends the tasks beside it.
    upkeep: CancellationToken,
    connections: TaskTracker,
    tasks: TaskTracker,
}

impl Server {
    fn new(
        installation: Installation,
        store: Store,
        service: Service,
        own: Endpoint,
        duty: Duty,
    ) -> Self {
        let installation = Arc::new(installation);
        let heard = match &duty {
            Duty::Primary => None,
            Duty::Follower(heard) => Some(Arc::clone(heard)),
        };
        let around = (own, heard);
        let feed = Feed::new(Arc::clone(&installation), store.clone(), service.clone(), around);
        Self {
            duty,
            feed,
            admission: Admission::new(&descriptors::fit(&installation.config.limits)),
            keeper: Arc::new(Keeper::new(Arc::clone(&installation), store.clone())),
            installation,
            store,
            service,
            accepting: CancellationToken::new(),
            upkeep: CancellationToken::new(),
            connections: TaskTracker::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Starts everything that runs beside the connections.
    fn spawn_upkeep(&self) {
        match self.duty {
            Duty::Primary => self.spawn_upkeep_of_primary(),
            Duty::Follower(_) => self.spawn_upkeep_of_follower(),
        }
        self.spawn(ender::run(self.store.clone(), self.service.clone()));
        let (service, feed) = (self.service.clone(), self.feed.clone());
        self.spawn(fencing::watch(self.store.clone(), service, feed));
        let service = self.service.clone();
        self.spawn(async move { service.keep_up(SERVICE_UPKEEP).await });
        let (store, data) = (self.store.clone(), self.installation.data.clone());
        let maintenance = self.installation.config.maintenance.clone();
        self.spawn(async move { scrub::run(store, data, &maintenance).await });
        self.spawn(self.feed.clone().keep_up());
        self.spawn(supervisor::watchdog());
        if self.installation.config.metrics.listen.is_some() {
            self.spawn(metrics::read_for_ever(
                self.installation.data.clone(),
                self.store.clone(),
                self.service.clone(),
                self.admission.clone(),
            ));
        }
    }

    fn spawn_upkeep_of_primary(&self) {
        let Config { maintenance, retention, replication, .. } = &self.installation.config;
        let keeper = Arc::clone(&self.keeper);
        let interval = Duration::from_secs(maintenance.anchor_seconds);
        let stop = self.upkeep.clone();
        self.tasks.spawn(async move { keeper.run(interval, stop).await });
        let janitor = Janitor {
            store: self.store.clone(),
            retention: retention.clone(),
            interval: Duration::from_secs(maintenance.janitor_seconds),
            mirrors: Arc::clone(self.feed.mirrors()),
            retain_entries: replication.retain_entries,
            told: std::sync::Mutex::default(),
        };
        self.spawn(janitor.run());
        let recorder = Recorder {
            data: self.installation.data.clone(),
            store: self.store.clone(),
            service: self.service.clone(),
            interval: Duration::from_secs(maintenance.history_seconds),
        };
        self.spawn(recorder.run());
        let feed = self.feed.clone();
        self.spawn(herald::run(self.store.clone(), self.installation.data.clone(), feed));
    }

    fn spawn_upkeep_of_follower(&self) {
        let service = self.service.clone();
        self.spawn(async move { service.notice_followed().await });
        let Config { retention, replication, .. } = &self.installation.config;
        let (mirrors, most) = (Arc::clone(self.feed.mirrors()), replication.retain_entries);
        let (store, hours) = (self.store.clone(), retention.journal_hours);
        self.spawn(async move {
            keep_up_follower(&store, hours, |head| mirrors.needless(head, most)).await;
        });
    }

    /// What follows the primary tells those who serve; `None` on the primary.
    pub fn serving(&self) -> Option<Serving> {
        match &self.duty {
            Duty::Primary => None,
            Duty::Follower(heard) => Some(Serving {
                heard: Arc::clone(heard),
                service: self.service.clone(),
                installation: Arc::clone(&self.installation),
                store: self.store.clone(),
            }),
        }
    }

    /// Runs a task until upkeep ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let upkeep = self.upkeep.clone();
        self.tasks.spawn(async move { upkeep.run_until_cancelled(task).await });
    }
}
