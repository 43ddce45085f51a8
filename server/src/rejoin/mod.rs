//! `rejoin`: a machine that was the primary becomes a standby of the one that has
//! taken its place.
//!
//! Guarantees: whatever this machine had acknowledged and the new primary does not have
//! is first written to a bundle in the data directory, durably, then handed over; only
//! after the new primary has said that it is durable there do the tables change, in one
//! transaction that also takes the role away. Interrupted anywhere the command can be
//! repeated; nothing is handed over twice.

mod bundle;
mod export;
mod hand_over;

use crate::args;
use crate::failure::{Code, Failure, Outcome};
use crate::identity::Identity;
use crate::install::{Installation, block_on, close};
use crate::refill::{Filled, How, RefillError, refill};
use crate::{explain, links, lock, output};
use bytes::Bytes;
use coffer_crypto::{Key32, scram};
use coffer_protocol::link::Link;
use coffer_protocol::message::peer::{Fork, PeerHello, Rejoin, Rejoined, ReplicaKind};
use coffer_protocol::{Request, Response};
use coffer_store::{JournalHead, Role, SeatError, Store, StoreError};
use coffer_transport::{CallError, ClientConfig, ConnectError, Connection, Target, Timing};
use export::Export;
use hand_over::Summary;
use std::time::Duration;
use zeroize::Zeroizing;

/// Name of this program as the new primary sees it.
const AGENT: &str = concat!("coffer-server rejoin ", env!("CARGO_PKG_VERSION"));
/// A primary that is silent for this long is given up.
const SILENCE: Duration = Duration::from_mins(1);

/// Makes this machine a standby.
pub(crate) fn run(args: &args::Rejoin) -> Outcome {
    let installation = Installation::load(&args.place)?;
    if lock::is_held(&installation.data) {
        let message = "a server, or another command, works on this directory";
        return Err(Failure::new(Code::WrongMoment, message)
            .hint("Stop it first; the old primary takes no writes any more in any case."));
    }
    let target = target(&args.link)?;
    block_on(async {
        let store = installation.open().await?;
        let outcome = rejoin(&installation, &store, &target).await;
        close(&store).await;
        outcome
    })
}

fn target(link: &str) -> Outcome<Target> {
    let unusable = |why: String| {
        Failure::new(Code::Usage, why)
            .hint("Take what `coffer-server link` prints on the new primary.")
    };
    let link: Link = link.trim().parse().map_err(|error| unusable(format!("{error}")))?;
    match link.fingerprint {
        Some(_) => Ok(Target::from(&link)),
        None => Err(unusable("the link has no fingerprint".to_owned())),
    }
}

async fn rejoin(installation: &Installation, store: &Store, target: &Target) -> Outcome {
    let root = installation.data.root();
    if store.role() != Role::Primary && Identity::exists(root) {
        output::line(&format!("{} is a standby already", root.display()));
        return Ok(());
    }
    let own = store.journal_head().await.map_err(|error| explain::store(&error))?;
    let connection = open(target).await?;
    let rejoined = introduce(installation, &connection, &own).await?;
    let mut summary = Summary::default();
    if store.role() == Role::Primary {
        let fork = parted(&rejoined, &own)?;
        fence(store, rejoined.forks.last().map_or(fork.epoch, |last| last.epoch)).await?;
        if own.position.seq > fork.seq {
            check_fork(store, fork).await?;
            let export = Export::new(store, own.position, (fork.seq, fork.hash));
            let path = bundle::write(installation, &export).await?;
            output::note(&format!("what only this machine has is in {}", path.display()));
            summary = hand_over::run(&export, &connection).await?;
        }
        connection.close().await;
        rewind(installation, store, target, &rejoined).await?;
    }
    let identity = Identity {
        server_id: installation.marker.server_id,
        replica: rejoined.replica,
        kind: ReplicaKind::Standby,
        secret: Zeroizing::new(rejoined.secret),
        check_value: installation.marker.check_value,
        source: target.clone(),
    };
    identity.write(root)?;
    output::line(&summary);
    output::line(&format!("{} is a standby now, {}", root.display(), rejoined.replica));
    output::line(&format!("Start it:  coffer-replica run --data {}", root.display()));
    Ok(())
}

async fn open(target: &Target) -> Outcome<Connection> {
    let timing = Timing { ping_after: SILENCE / 4, close_after: SILENCE, ..Timing::default() };
    let config = ClientConfig { timing, ..ClientConfig::default() };
    let opened = Connection::open_with(target, AGENT, config).await;
    opened.map_err(|error| {
        let place = format!("{}:{}", target.host, target.port);
        match error {
            ConnectError::Refused(error) => refused(&place, &error.message, &error.hint),
            other => unreachable(&format!("the new primary {place} cannot be asked: {other}")),
        }
    })
}

fn unreachable(message: &str) -> Failure {
    Failure::new(Code::SourceUnreachable, message)
        .hint("Check that it runs and that this machine reaches it, and repeat the command.")
}

fn refused(place: &str, message: &str, hint: &str) -> Failure {
    Failure::new(Code::SourceRefused, format!("the new primary {place} refuses: {message}"))
        .hint(hint)
}

/// Explains a failed request.
fn call_failed(error: &CallError) -> Failure {
    match error {
        CallError::Wire(error) => refused("", &error.message, &error.hint),
        other => unreachable(&format!("the connection to the new primary is lost: {other}")),
    }
}

fn strange() -> Failure {
    Failure::new(Code::SourceRefused, "the new primary answers something else than was asked")
        .hint("Install the same version on both machines.")
}

async fn ask(connection: &Connection, request: Request, payload: Bytes) -> Outcome<Response> {
    let answered = connection.call(request, payload).await;
    answered.map(|(response, _)| response).map_err(|error| call_failed(&error))
}

/// Proves this machine, and says where it is.
async fn introduce(
    installation: &Installation,
    connection: &Connection,
    own: &JournalHead,
) -> Outcome<Rejoined> {
    let link = links::link(&installation.data, &installation.config, None)?;
    let request = Rejoin {
        mac: installation.secret.member_mac(connection.exporter()),
        listen: format!("{}:{}", link.host, link.port),
        fingerprint: link.fingerprint.map(|pin| pin.0).unwrap_or_default(),
        head: own.position,
    };
    match ask(connection, Request::Rejoin(request), Bytes::new()).await? {
        Response::Rejoined(rejoined) => Ok(*rejoined),
        _ => Err(strange()),
    }
}

/// The promotion that left this machine's history.
fn parted<'a>(rejoined: &'a Rejoined, own: &JournalHead) -> Outcome<&'a Fork> {
    let later = |fork: &&Fork| fork.epoch > own.position.epoch;
    rejoined.forks.iter().find(later).ok_or_else(|| {
        Failure::new(
            Code::WrongMoment,
            "the machine of the link has not taken over from this one: there was no promotion",
        )
        .hint("Give the link of the machine that was promoted. Nothing was changed.")
    })
}

/// Sees to it that nothing is written here any more.
async fn fence(store: &Store, epoch: u64) -> Outcome {
    match store.fence(epoch).await {
        Ok(_) => Ok(()),
        Err(SeatError::Store(error)) => Err(explain::commit(&error)),
        Err(error) => Err(Failure::new(Code::Store, error.to_string())),
    }
}

/// The histories have to be one up to where they parted.
async fn check_fork(store: &Store, fork: &Fork) -> Outcome {
    let here = store.chain_at(fork.seq).await.map_err(|error| explain::store(&error))?;
    if here == Some(fork.hash) {
        return Ok(());
    }
    let message = match here {
        Some(_) => "this machine's history is not the one that the new primary went on from",
        None => "the journal does not reach back to where the histories parted",
    };
    Err(Failure::new(Code::ProblemsFound, message).hint(
        "Keep this directory as it is: it may be the only place of what was written here last. \
         docs/replication.md says what can be done.",
    ))
}

/// Takes over what the new primary has; one transaction replaces what differs and takes
/// the role away.
async fn rewind(
    installation: &Installation,
    store: &Store,
    target: &Target,
    rejoined: &Rejoined,
) -> Outcome {
    output::note(&"taking over what the new primary has");
    let connection = open(target).await?;
    let head = store.journal_head().await.map_err(|error| explain::store(&error))?;
    let id = rejoined.replica.as_bytes();
    let hello = PeerHello {
        replica: rejoined.replica,
        mac: scram::peer_mac(&Key32::from_bytes(rejoined.secret), id, connection.exporter()),
        position: head.position,
        chain_hash: head.chain_hash,
        empty: false,
        kind: ReplicaKind::Standby,
        member_mac: Some(installation.secret.member_mac(connection.exporter())),
    };
    let Response::PeerWelcome(_) =
        ask(&connection, Request::PeerHello(hello), Bytes::new()).await?
    else {
        return Err(strange());
    };
    let report = |filled: Filled| {
        let Filled { rows, of, missing } = filled;
        match missing {
            Some(files) => output::status(&format!("{files} files of chunks to fetch ")),
            None => output::status(&format!("{rows} of about {of} rows ")),
        }
    };
    let filled = refill(store, &connection, How::Rewind, &report).await;
    output::status(&"");
    connection.close().await;
    let position = filled.map_err(|error| match error {
        RefillError::Source(error) => call_failed(&error),
        RefillError::Store(error) => explain::store(&error),
        _ => strange(),
    })?;
    tracing::info!(%position, data = %installation.data.root().display(), "rewound");
    Ok(())
}

/// Explains what the store says.
fn store_failed(error: &StoreError) -> Failure {
    explain::store(error)
}
