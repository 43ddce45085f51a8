//! `run`: the replica, from the first check to the last flush.
//!
//! Guarantees: `listening on ADDR` is printed once, when it has begun to follow; a
//! stop finishes the transaction in progress and ends with status 0; after a failed
//! flush the process ends with status 70.

use crate::follow::Follower;
use crate::identity::Replica;
use crate::note::Notebook;
use crate::{args, listen, tls};
use coffer_protocol::message::cluster::ServerRole;
use coffer_server::data_dir::DataDir;
use coffer_server::{Code, Failure, Outcome, host, output};
use coffer_store::{Clock, Store, StoreError, SystemClock};
use coffer_transport::{Greeting, ServerConfig, ServerTransport};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Time between two notes of how far the replica is.
const NOTE: Duration = Duration::from_millis(250);
/// Time between two rounds of upkeep.
const UPKEEP: Duration = Duration::from_mins(1);
/// Files without a row are looked for at the start and then every so many rounds.
const ROUNDS_PER_SWEEP: u64 = 60;
const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// Runs the replica until it is told to stop.
pub(crate) fn run(args: &args::Run) -> Outcome {
    let mut overrides = host::environment();
    overrides.flag("--log-level", "log.level", args.log_level.clone());
    let replica = Replica::load(&args.place.data, &overrides)?;
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
    let socket: TcpListener = host::bind(&config.listen)?;
    let address = socket
        .local_addr()
        .map_err(|error| Failure::new(Code::Io, format!("no address to listen on: {error}")))?;
    let notebook = Arc::new(Notebook::default());
    {
        let mut note = notebook.note();
        note.pid = std::process::id();
        note.listen = address.to_string();
        note.applied = position.seq;
    }
    let listening = tokio::spawn(listen::run(socket, transport));
    let journal_hours = i64::from(config.retention.journal_hours);
    let follower = Follower {
        identity,
        store: store.clone(),
        notebook: Arc::clone(&notebook),
        resync: Arc::default(),
    };
    tracing::info!(%address, %position, "listening");
    output::line(&format!("listening on {address}"));
    host::supervisor::ready(&format!("listening on {address}"));
    let outcome = tokio::select! {
        () = follower.run() => Ok(()),
        () = keep_notes(&data, &notebook) => Ok(()),
        () = keep_up(store, journal_hours * HOUR_MILLIS) => Ok(()),
        () = host::supervisor::watchdog() => Ok(()),
        () = store.wait_poisoned() => Err(poisoned()),
        name = signals.next() => {
            tracing::info!(signal = name, "stopping");
            Ok(())
        }
    };
    host::supervisor::stopping("finishing");
    listening.abort();
    notebook.note().connected = false;
    notebook.write(&data);
    outcome
}

fn poisoned() -> Failure {
    Failure::new(Code::Poisoned, "a flush failed, and the store has stopped").hint(
        "Start the replica again; look at the disk and the system log. What was being written \
         comes again from the source.",
    )
}

async fn keep_notes(data: &DataDir, notebook: &Notebook) {
    let mut ticks = tokio::time::interval(NOTE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        notebook.write(data);
    }
}

/// Removes what nothing needs any more: files whose rows went, old entries.
async fn keep_up(store: &Store, keep_millis: i64) {
    let mut ticks = tokio::time::interval(UPKEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0_u64.. {
        ticks.tick().await;
        if round.is_multiple_of(ROUNDS_PER_SWEEP) {
            report("sweep", store.sweep_orphans().await.map(drop));
        }
        report(
            "removal of chunk files",
            store.purge_removed_files(24 * HOUR_MILLIS).await.map(drop),
        );
        report("journal pruning", prune(store, keep_millis).await);
    }
}

async fn prune(store: &Store, keep_millis: i64) -> Result<(), StoreError> {
    let before = SystemClock.now_millis().saturating_sub(keep_millis);
    while store.prune_journal(before).await? > 0 {}
    Ok(())
}

/// Logs a failure; the next round tries again.
fn report(step: &'static str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(step, %error, "upkeep failed and will be tried again");
    }
}
