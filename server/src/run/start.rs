//! How a machine begins to serve: what is checked, made and opened, in order.

use super::anchor::{self, Anchor, Head};
use super::listener::Listener;
use super::{Duty, Server, metrics, supervisor};
use crate::command::version::VERSION;
use crate::config::{Config, SignUp};
use crate::failure::{Code, Failure, Outcome};
use crate::install::Installation;
use crate::running::Running;
use crate::standing::StoreStanding;
use crate::{links, output, tls};
use coffer_protocol::Position;
use coffer_protocol::message::cluster::{Endpoint, ServerRole};
use coffer_service::{InstantUpload, Rate, Rates, Service, ServiceConfig, SignupPolicy, Work};
use coffer_store::{Clock, Random, Store, SystemClock, SystemRandom};
use coffer_transport::tls::ServerIdentity;
use coffer_transport::{FairBudget, Greeting, ServerConfig, ServerTransport};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

const MIB: usize = 1 << 20;

/// Starts everything but what follows.
pub(super) async fn start(
    installation: Installation,
    store: &Store,
    socket: TcpListener,
    duty: Duty,
) -> Outcome<Server> {
    let position = position_of(store).await?;
    let identity = tls::load(&installation.data, &installation.secret, SystemTime::now())?;
    let transport = transport(&installation, &identity, store)?;
    let service = service(&installation, store)?;
    metrics::start(installation.config.metrics.listen.as_deref())?;
    let address = socket
        .local_addr()
        .map_err(|error| Failure::new(Code::Io, format!("no address to listen on: {error}")))?;
    leave_note(&installation, address)?;
    let own = endpoint(&installation, address, &duty)?;
    let server = Server::new(installation, store.clone(), service, own, duty);
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
    let role = if server.duty.follows() { "standby" } else { "primary" };
    tracing::info!(%address, version = VERSION, %position, role, "listening");
    output::line(&format!("listening on {address}"));
    supervisor::ready(&format!("listening on {address}"));
    Ok(server)
}

/// How other commands find the server.
fn leave_note(installation: &Installation, address: SocketAddr) -> Outcome {
    let running = Running {
        pid: std::process::id(),
        listen: address,
        since_millis: SystemClock.now_millis(),
        version: VERSION.to_owned(),
    };
    match running.write(&installation.data) {
        // Only a hint for other commands: a full disk must not keep users from deleting.
        Err(failure) if failure.code != Code::Poisoned => {
            tracing::warn!(reason = %failure, "other commands will not find this server");
            Ok(())
        }
        written => written,
    }
}

/// Where others reach this machine.
fn endpoint(installation: &Installation, address: SocketAddr, duty: &Duty) -> Outcome<Endpoint> {
    let fingerprint = tls::fingerprint(&installation.data)?;
    let link = links::compose(&installation.config, Some(address), fingerprint, None)?;
    let role = if duty.follows() { ServerRole::Standby } else { ServerRole::Primary };
    Ok(Endpoint { host: link.host, port: link.port, fingerprint: fingerprint.0, role })
}

async fn position_of(store: &Store) -> Outcome<Position> {
    store.position().await.map_err(|error| crate::explain::store(&error))
}

/// The checks that need no database, so that they come before it is opened.
pub(super) fn inspect(installation: &Installation, accept: bool) -> Outcome<Option<Anchor>> {
    let Installation { data, secret, marker, .. } = installation;
    let anchor = Anchor::read(data, &marker.server_id, secret);
    match anchor.and_then(|anchor| anchor.ok_or_else(anchor::missing).map(Some)) {
        Err(failure) if accept => {
            tracing::warn!(reason = %failure, "starting without the anchor, as asked");
            Ok(None)
        }
        anchor => anchor,
    }
}

pub(super) async fn check_anchor(store: &Store, anchor: Anchor, accept: bool) -> Outcome {
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
        request_budget: Some(FairBudget::new(limits.request_mib as usize * MIB)),
        response_budget: Some(FairBudget::new(limits.response_mib as usize * MIB)),
        ..ServerConfig::default()
    };
    config.timing.drain = Duration::from_secs(installation.config.shutdown_seconds);
    let greeting = Greeting {
        server_id: installation.marker.server_id,
        agent: format!("coffer-server {VERSION}"),
        standing: Arc::new(StoreStanding::new(store.clone(), ServerRole::Standby)),
    };
    ServerTransport::new(identity, greeting, config).map_err(|error| {
        Failure::new(Code::FileDamaged, format!("the files in tls/ cannot be used: {error}"))
            .hint("Restore the directory tls/ from a backup.")
    })
}

fn rates(config: &Config) -> Rates {
    let rates = Rates::default();
    let requests_per_user = match config.limits.requests_per_second {
        0 => Rate::new(u32::MAX, Duration::from_nanos(1)),
        most => Rate::new(most.saturating_mul(2), Duration::from_secs(1) / most),
    };
    Rates { requests_per_user, ..rates }
}

fn work(config: &Config) -> Work {
    let work = &config.work;
    let per_hour = u64::from(work.upload_gib_per_hour) << 30;
    Work {
        sign_up: work.sign_up,
        sign_in: work.sign_in,
        upload: work.upload,
        most: work.most,
        upload_per_hour: Some(per_hour).filter(|bytes| *bytes > 0),
        half_life: Duration::from_secs(u64::from(work.half_life_minutes) * 60),
    }
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
        allowance: config.allowance(),
        max_connections_per_user: config.limits.connections_per_user as usize,
        max_uploads_per_user: config.limits.uploads_per_user as usize,
        rates: rates(config),
        instant_upload: match config.instant_upload {
            crate::config::InstantUpload::User => InstantUpload::User,
            crate::config::InstantUpload::Server => InstantUpload::Server,
        },
        work: work(config),
        ..ServiceConfig::default()
    };
    // The secret has no copies: the service gets one of its own.
    let secret = data.secret(config, marker)?;
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Random>) =
        (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(Service::new(settings, store.clone(), secret, marker.server_id, clock, rng))
}
