//! `repair`: everything is read and compared; what is damaged is quarantined and
//! healed from the source. Nothing is deleted.

use crate::args;
use crate::heal;
use crate::identity::Replica;
use crate::source;
use coffer_protocol::message::peer::{Course, ReplicaKind};
use coffer_server::refill::{How, refill};
use coffer_server::{Code, Failure, Outcome, host, scrub};
use coffer_store::Store;
use coffer_transport::Connection;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lets the running replica do it, or does it; lists what is left.
pub(crate) fn run(args: &args::Repair) -> Outcome {
    let replica = Replica::load(&args.place.data, &host::environment())?;
    if scrub::is_running(&replica.data) {
        host::ask_repair(&replica.data, args.quick, args.accept_many)?;
        return host::block_on(async {
            let store = replica.open_admin().await?;
            let outcome = host::remaining_damage(&store, args.quick).await;
            host::close(&store).await;
            outcome
        });
    }
    host::block_on(async {
        let store = replica.open().await?;
        let outcome = alone(&replica, &store, args).await;
        host::close(&store).await;
        outcome
    })
}

/// Connects to the source and heals, without following.
async fn alone(replica: &Replica, store: &Store, args: &args::Repair) -> Outcome {
    let connection = connect(replica, store).await?;
    let compare = AtomicBool::new(false);
    let lost = |error| away(&error);
    let wish = || compare.store(true, Ordering::Relaxed);
    tokio::select! {
        ended = heal::run(store, &connection, &wish) => {
            return ended.map(drop).map_err(lost);
        }
        () = scrub::once(store, &replica.data, args.quick, args.accept_many) => {}
    }
    if compare.load(Ordering::Relaxed) || store.unhealed().rows > 0 {
        refill(store, &connection, How::Difference, &|_| ()).await.map_err(|error| {
            Failure::new(Code::ProblemsFound, format!("rows could not be compared: {error}"))
                .hint("Start the replica; it goes on with this.")
        })?;
        store.settle_rows();
    }
    host::remaining_damage(store, args.quick).await
}

async fn connect(replica: &Replica, store: &Store) -> Outcome<Connection> {
    let head = store.journal_head().await.map_err(|error| host::explain_store(&error))?;
    let connection = source::open(&replica.identity.source).await.map_err(|e| away(&e))?;
    let key = match replica.identity.kind {
        ReplicaKind::Keyless => None,
        ReplicaKind::Standby => {
            Some(replica.data.secret(&replica.config, &replica.data.marker()?)?)
        }
    };
    let welcome = source::greet(&connection, &replica.identity, &head, key.as_ref()).await;
    match welcome.map_err(|error| away(&error))?.course {
        Course::Follow => Ok(connection),
        Course::Snapshot => {
            Err(Failure::new(Code::WrongMoment, "this replica is too far behind to be healed")
                .hint("Start it: it is then resynchronised, which heals it as well."))
        }
        Course::Fork => Err(Failure::new(
            Code::WrongMoment,
            "the histories of this replica and its source have parted",
        )
        .hint("docs/replication.md says what to do.")),
    }
}

fn away(error: &source::SourceError) -> Failure {
    Failure::new(Code::NotRunning, format!("the source cannot help: {error}"))
        .hint("It has to run and to be reached. `check` says what is damaged.")
}
