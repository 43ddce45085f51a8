//! `run` for a keyless replica: it follows, and says what it is to those who ask.
//!
//! Guarantees: `listening on ADDR` is printed once, when it has begun to follow; a
//! stop finishes the transaction in progress and ends with status 0; after a failed
//! flush the process ends with status 70.

use crate::follow::{Follower, Sources};
use crate::identity::Replica;
use crate::note::Notebook;
use crate::run::keep_notes;
use crate::{listen, tls};
use coffer_protocol::message::cluster::ServerRole;
use coffer_server::config::Overrides;
use coffer_server::{Code, Failure, Outcome, host, output, scrub};
use coffer_store::{Clock, Store, SystemClock};
use coffer_transport::{Greeting, ServerConfig, ServerTransport};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Runs the replica until it is told to stop.
pub(crate) fn run(root: &Path, overrides: &Overrides) -> Outcome {
    let replica = Replica::load(root, overrides)?;
    host::start_log(&replica.config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(replica.config.limits.blocking_threads)
        .thread_name("coffer-replica")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Io, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(serve(replica));
    // Blocking work that is still stuck (a dead disk) must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(5));
    outcome
}

async fn serve(replica: Replica) -> Outcome {
    let mut signals = host::Signals::install()?;
    let store = replica.open().await?;
    let outcome = work(replica, &store, &mut signals).await;
    let closed = store.shutdown().await;
    if store.is_poisoned() {
        return Err(poisoned());
    }
    outcome?;
    closed.map_err(|error| host::explain_store(&error))?;
    tracing::info!("stopped");
    Ok(())
}

async fn work(replica: Replica, store: &Store, signals: &mut host::Signals) -> Outcome {
    let Replica { data, config, identity } = replica;
    let position = store.position().await.map_err(|error| host::explain_store(&error))?;
    let greeting = Greeting {
        server_id: identity.server_id,
        agent: concat!("coffer-replica ", env!("CARGO_PKG_VERSION")).to_owned(),
        standing: Arc::new(host::StoreStanding::new(store.clone(), ServerRole::Keyless)),
    };
    let transport = ServerTransport::new(&tls::load(&data)?, greeting, ServerConfig::default());
    let transport = transport.map_err(|error| {
        Failure::new(Code::FileDamaged, format!("the files in tls/ cannot be used: {error}"))
            .hint("Restore the directory tls/ from a backup.")
    })?;
    host::start_metrics(config.metrics.listen.as_deref())?;
    let socket: TcpListener = host::bind(&config.listen)?;
    let address = socket
        .local_addr()
        .map_err(|error| Failure::new(Code::Io, format!("no address to listen on: {error}")))?;
    let notebook = Arc::new(Notebook::default());
    {
        let mut note = notebook.note();
        note.pid = std::process::id();
        note.listen = address.to_string();
        note.since_millis = SystemClock.now_millis();
        note.applied = position.seq;
    }
    let listening = tokio::spawn(listen::run(socket, transport));
    let journal_hours = config.retention.journal_hours;
    let follower = Follower {
        sources: Sources::new(data.root(), &identity),
        identity,
        store: store.clone(),
        notebook: Arc::clone(&notebook),
        resync: Arc::default(),
        serving: None,
    };
    tracing::info!(%address, %position, "listening");
    output::line(&format!("listening on {address}"));
    host::supervisor::ready(&format!("listening on {address}"));
    let outcome = tokio::select! {
        () = follower.run() => Ok(()),
        () = keep_notes(&data, &config, store, &notebook) => Ok(()),
        () = scrub::run(store.clone(), data.clone(), &config.maintenance) => Ok(()),
        () = host::keep_up_follower(store, journal_hours, |_| u64::MAX) => Ok(()),
        () = host::supervisor::watchdog() => Ok(()),
        () = host::measure_store(&data, store) => Ok(()),
        () = store.wait_poisoned() => Err(poisoned()),
        name = signals.next() => {
            tracing::info!(signal = name, "stopping");
            Ok(())
        }
    };
    host::supervisor::stopping("finishing");
    listening.abort();
    outcome
}

fn poisoned() -> Failure {
    Failure::new(Code::Poisoned, "a flush failed, and the store has stopped").hint(
        "Start the replica again; look at the disk and the system log. What was being written \
         comes again from the source.",
    )
}
