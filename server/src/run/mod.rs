//! `run`: the server, from the first check to the last flush.
//!
//! Guarantees: everything that can be refused is refused before anything is
//! changed; `listening on ADDR` is printed once, when connections are accepted;
//! a stop finishes what is in progress (within a limit), flushes and ends with
//! status 0; after a failed flush the process ends with status 70.

mod admission;
pub(crate) mod anchor;
mod descriptors;
mod ender;
mod janitor;
mod keeper;
pub(crate) mod listener;
mod log_budget;
mod memory;
mod metrics;
pub(crate) mod signals;
mod stop;
pub mod supervisor;

use crate::args;
use crate::command::version::VERSION;
use crate::config::{Config, SignUp};
use crate::failure::{Code, Failure, Outcome};
use crate::feed::Feed;
use crate::install::{self, Installation, environment};
use crate::running::Running;
use crate::standing::StoreStanding;
use crate::{lock, log, output, tls};
use admission::Admission;
use anchor::{Anchor, Head};
use coffer_protocol::Position;
use coffer_protocol::message::cluster::ServerRole;
use coffer_service::{Service, ServiceConfig, SignupPolicy};
use coffer_store::{Clock, Random, Store, SystemClock, SystemRandom};
use coffer_transport::tls::ServerIdentity;
use coffer_transport::{Budget, Greeting, ServerConfig, ServerTransport};
use janitor::Janitor;
use keeper::Keeper;
use listener::Listener;
use signals::Signals;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most threads for the network when the number is left to the server.
const MOST_WORKERS: usize = 8;
/// Time between two rounds of the service's own upkeep.
const SERVICE_UPKEEP: Duration = Duration::from_secs(5);
const MIB: usize = 1 << 20;

/// Runs the server until it is told to stop.
pub(crate) fn run(args: &args::Run) -> Outcome {
    memory::settle();
    let mut overrides = environment();
    overrides.flag("--listen", "listen", args.listen.clone());
    overrides.flag("--log-level", "log.level", args.log_level.clone());
    overrides.set_flags(&args.set)?;
    let installation = Installation::load_with(&args.place, &overrides)?;
    log::start(&installation.config.log);
    let runtime = runtime(&installation.config)?;
    let outcome = runtime.block_on(serve(installation, args.accept_rollback));
    // Blocking work that is still stuck (a dead disk) must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(5));
    outcome
}

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

async fn serve(installation: Installation, accept_rollback: bool) -> Outcome {
    let mut signals = Signals::install()?;
    let socket = bind(&installation)?;
    let anchor = inspect(&installation, accept_rollback)?;
    let store = installation.open().await?;
    let started = start(installation, &store, socket, anchor, accept_rollback).await;
    let server = match started {
        Ok(server) => server,
        Err(failure) => {
            install::close(&store).await;
            return Err(failure);
        }
    };
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
struct Server {
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

async fn start(
    installation: Installation,
    store: &Store,
    socket: TcpListener,
    anchor: Option<Anchor>,
    accept_rollback: bool,
) -> Outcome<Server> {
    if let Some(anchor) = anchor {
        check_anchor(store, anchor, accept_rollback).await?;
    }
    let position = position_of(store).await?;
    let identity = tls::load(&installation.data, &installation.secret, SystemTime::now())?;
    let transport = transport(&installation, &identity, store)?;
    let service = service(&installation, store)?;
    metrics::start(installation.config.metrics.listen.as_deref())?;
    let address = socket
        .local_addr()
        .map_err(|error| Failure::new(Code::Io, format!("no address to listen on: {error}")))?;
    let since_millis = SystemClock.now_millis();
    let running = Running {
        pid: std::process::id(),
        listen: address,
        since_millis,
        version: VERSION.to_owned(),
    };
    match running.write(&installation.data) {
        // Only a hint for other commands: a full disk must not keep users from deleting.
        Err(failure) if failure.code != Code::Poisoned => {
            tracing::warn!(reason = %failure, "other commands will not find this server");
        }
        written => written?,
    }
    let server = Server::new(installation, store.clone(), service);
    server.feed.look_up_replicas().await;
    server.spawn_upkeep();
    let listener = Listener {
        socket,
        transport,
        service: server.service.clone(),
        feed: server.feed.clone(),
        admission: server.admission.clone(),
        tasks: server.connections.clone(),
    };
    server.tasks.spawn(listener.run(server.accepting.clone()));
    tracing::info!(%address, version = VERSION, %position, "listening");
    output::line(&format!("listening on {address}"));
    supervisor::ready(&format!("listening on {address}"));
    Ok(server)
}

async fn position_of(store: &Store) -> Outcome<Position> {
    store.position().await.map_err(|error| crate::explain::store(&error))
}

/// The checks that need no database, so that they come before it is opened.
fn inspect(installation: &Installation, accept: bool) -> Outcome<Option<Anchor>> {
    let Installation { data, secret, marker, .. } = installation;
    tls::read(data, secret)?;
    let anchor = Anchor::read(data, &marker.server_id, secret);
    match anchor.and_then(|anchor| anchor.ok_or_else(anchor::missing).map(Some)) {
        Err(failure) if accept => {
            tracing::warn!(reason = %failure, "starting without the anchor, as asked");
            Ok(None)
        }
        anchor => anchor,
    }
}

async fn check_anchor(store: &Store, anchor: Anchor, accept: bool) -> Outcome {
    let chain = store.chain_at(anchor.position.seq).await;
    let chain_at_anchor = chain.map_err(|error| crate::explain::store(&error))?;
    match anchor.compare(Head { position: position_of(store).await?, chain_at_anchor }) {
        Err(failure) if accept => {
            tracing::warn!(reason = %failure, "starting with an older database, as asked");
            Ok(())
        }
        compared => compared,
    }
}

fn transport(
    installation: &Installation,
    identity: &ServerIdentity,
    store: &Store,
) -> Outcome<ServerTransport> {
    let limits = &installation.config.limits;
    let mut config = ServerConfig {
        request_budget: Some(Budget::new(limits.request_mib as usize * MIB)),
        response_budget: Some(Budget::new(limits.response_mib as usize * MIB)),
        ..ServerConfig::default()
    };
    config.timing.drain = Duration::from_secs(installation.config.shutdown_seconds);
    let greeting = Greeting {
        server_id: installation.marker.server_id,
        agent: format!("coffer-server {VERSION}"),
        standing: Arc::new(StoreStanding::new(store.clone(), ServerRole::Fenced)),
    };
    ServerTransport::new(identity, greeting, config).map_err(|error| {
        Failure::new(Code::FileDamaged, format!("the files in tls/ cannot be used: {error}"))
            .hint("Restore the directory tls/ from a backup.")
    })
}

fn service(installation: &Installation, store: &Store) -> Outcome<Service> {
    let Installation { data, config, marker, .. } = installation;
    let settings = ServiceConfig {
        signup: match config.sign_up {
            SignUp::Open => SignupPolicy::Open,
            SignUp::Invite => SignupPolicy::Invite,
            SignUp::Closed => SignupPolicy::Closed,
        },
        session_idle: Duration::from_secs(config.session.idle_minutes * 60),
        session_max: Duration::from_secs(config.session.max_hours * 3600),
        drain: Duration::from_secs(config.shutdown_seconds),
        record_activity: config.retention.activity_days > 0,
        ..ServiceConfig::default()
    };
    // The secret has no copies: the service gets one of its own.
    let secret = data.secret(config, marker)?;
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Random>) =
        (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(Service::new(settings, store.clone(), secret, marker.server_id, clock, rng))
}

impl Server {
    fn new(installation: Installation, store: Store, service: Service) -> Self {
        let installation = Arc::new(installation);
        let feed = Feed::new(Arc::clone(&installation), store.clone(), service.clone());
        Self {
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
        };
        self.spawn(janitor.run());
        self.spawn(ender::run(self.store.clone(), self.service.clone()));
        let service = self.service.clone();
        self.spawn(async move { service.keep_up(SERVICE_UPKEEP).await });
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

    /// Runs a task until upkeep ends.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let upkeep = self.upkeep.clone();
        self.tasks.spawn(async move { upkeep.run_until_cancelled(task).await });
    }
}
