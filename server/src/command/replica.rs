//! `replica`: lets a machine become a replica, lists replicas, removes them.

use crate::args::Place;
use crate::failure::{Code, Failure, Outcome};
use crate::feed::{Report, records};
use crate::install::{Installation, block_on, close};
use crate::{lock, output};
use coffer_protocol::ReplicaId;
use coffer_protocol::message::peer::ReplicaKind;
use coffer_store::{Clock, Random, Store, SystemClock, SystemRandom};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde_json::json;

/// How long a token is good for.
const TOKEN_MILLIS: i64 = 60 * 60 * 1000;
/// A note of the server that is older says nothing about now.
const FRESH_MILLIS: i64 = 10_000;

/// The kind, as it is shown.
fn kind_name(kind: ReplicaKind) -> &'static str {
    match kind {
        ReplicaKind::Keyless => "keyless",
        ReplicaKind::Standby => "standby",
    }
}

/// Opens the database beside a running server, and closes it afterwards.
fn with_store<T>(
    installation: &Installation,
    work: impl AsyncFnOnce(&Store) -> Outcome<T>,
) -> Outcome<T> {
    block_on(async {
        let store = installation.open_admin().await?;
        let outcome = work(&store).await;
        close(&store).await;
        outcome
    })
}

/// Makes a token and prints it, alone on the last line.
pub(crate) fn token(place: &Place) -> Outcome {
    let installation = Installation::load(place)?;
    let mut token = [0; 32];
    SystemRandom.fill(&mut token).map_err(|error| {
        Failure::new(Code::Io, format!("the system gives no random numbers: {error}"))
    })?;
    let tag = installation.secret.replica_token_tag(&token);
    let now = SystemClock.now_millis();
    with_store(&installation, async |store| {
        records::add_token(store, tag, now, now.saturating_add(TOKEN_MILLIS)).await
    })?;
    output::note(&"Good for one replica, within an hour. On the other machine:");
    output::note(&"  coffer-replica join --data DIR --listen HOST:PORT --token TOKEN LINK");
    output::line(&BASE32_NOPAD.encode(&token));
    Ok(())
}

/// Lists the replicas, and how far they are if the server runs.
pub(crate) fn list(place: &Place, as_json: bool) -> Outcome {
    let installation = Installation::load(place)?;
    let fresh = SystemClock.now_millis().saturating_sub(FRESH_MILLIS);
    let report = Report::read(&installation.data)
        .filter(|report| report.millis >= fresh && lock::is_held(&installation.data));
    if !as_json {
        output::line(&format!(
            "{:<32}  {:<7}  {:<12}  {:>12}  {:<23}  address",
            "replica", "kind", "state", "lag", "joined"
        ));
    }
    with_store(&installation, async |store| {
        for id in records::ids(store).await? {
            let Some(record) = records::load(store, &installation.secret, id).await? else {
                continue;
            };
            let seen = report.as_ref().and_then(|report| report.of(id));
            if as_json {
                output::json(&json!({
                    "replica": id.to_string(),
                    "kind": kind_name(record.kind),
                    "listen": record.listen,
                    "fingerprint": HEXLOWER.encode(&record.fingerprint),
                    "joined_millis": record.joined_millis,
                    "seen": seen,
                    "head": report.as_ref().map(|report| report.head),
                    "degraded": report.as_ref().map(|report| report.degraded),
                }));
                continue;
            }
            let state = seen.map_or("unknown", |seen| match seen.connected {
                true => "connected",
                false => "away",
            });
            let lag = seen.and_then(|seen| seen.lag_entries);
            output::line(&format!(
                "{id}  {:<7}  {state:<12}  {:>12}  {:<23}  {}",
                kind_name(record.kind),
                lag.map_or_else(|| "?".to_owned(), |lag| lag.to_string()),
                output::time(record.joined_millis),
                record.listen,
            ));
        }
        Ok(())
    })
}

/// Forgets a replica: it gets nothing any more, and nothing waits for it.
pub(crate) fn remove(place: &Place, wanted: &str) -> Outcome {
    let installation = Installation::load(place)?;
    with_store(&installation, async |store| {
        let known = records::ids(store).await?;
        let mut fits = known.iter().filter(|id| id.to_string().starts_with(wanted));
        let id: Option<ReplicaId> = fits.next().copied().filter(|_| fits.next().is_none());
        let removed = match id {
            Some(id) if !wanted.is_empty() => records::remove(store, id).await?,
            _ => false,
        };
        match (id, removed) {
            (Some(id), true) => {
                output::line(&format!("removed {id}"));
                Ok(())
            }
            _ => Err(Failure::new(Code::NoSuch, format!("there is no one replica '{wanted}'"))
                .hint("`coffer-server replica list` shows all of them.")),
        }
    })
}
