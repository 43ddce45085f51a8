//! What this machine wants from its source.

use super::{IN_FLIGHT, Unhealed, passable};
use crate::source::SourceError;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_protocol::message::peer::{PullChunk, PullEntries, PullRow, RowName};
use coffer_protocol::{BlobId, Request, Response};
use coffer_store::{Healed, Helper, JournalEntry, RowAsOf, RowKey, Store, Want};
use coffer_transport::{CallError, Connection};
use futures_util::stream::{self, StreamExt as _};
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Things asked for at a time, of each kind.
const AT_ONCE: usize = 32;
/// A thing is asked for again after this time.
const AGAIN: Duration = Duration::from_secs(10);
/// Attempts to get a row at the moment at which this machine stands, and the pause
/// between two.
const ATTEMPTS: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(100);
/// How long this machine may take to come to where the source stands.
const CATCH_UP: Duration = Duration::from_millis(500);
/// A resynchronisation is not asked for more often.
const RESYNC_AGAIN: Duration = Duration::from_mins(2);
/// A single entry that is longer is none.
const MAX_ENTRY_BYTES: usize = 16 << 20;

/// Heals until the connection ends.
pub(super) async fn run(
    store: &Store,
    connection: &Connection,
    resync: &(dyn Fn() + Send + Sync),
) -> Result<Infallible, SourceError> {
    let _helper = store.helper();
    let mut changed = store.wants_changed();
    let mut asked: HashMap<Want, Instant> = HashMap::new();
    let mut resynced: Option<Instant> = None;
    let mut round = store.asking_round();
    loop {
        changed.mark_unchanged();
        if round != store.asking_round() {
            round = store.asking_round();
            asked.clear();
        }
        // What is damaged again since it was healed is asked for at once.
        let open: BTreeSet<Want> =
            store.wanted(usize::MAX, |want| asked.contains_key(want)).into_iter().collect();
        asked.retain(|want, when| when.elapsed() < AGAIN && open.contains(want));
        let wants = store.wanted(AT_ONCE, |want| !asked.contains_key(want));
        if wants.is_empty() {
            // What was asked for a while ago is asked for again.
            if let Ok(Err(_)) = timeout(AGAIN, changed.changed()).await {
                // Cannot be: the store has the sender.
                std::future::pending::<()>().await;
            }
            continue;
        }
        asked.extend(wants.iter().map(|want| (want.clone(), Instant::now())));
        let mut alone = true;
        let (rows, others): (Vec<_>, Vec<_>) =
            wants.into_iter().partition(|want| matches!(want, Want::Row(_)));
        let mut taken = stream::iter(others)
            .map(|want| one(store, connection, want))
            .buffer_unordered(IN_FLIGHT);
        while let Some(outcome) = taken.next().await {
            passable(outcome).await?;
        }
        drop(taken);
        for want in rows {
            let Want::Row(key) = want else { continue };
            match row(store, connection, &key).await {
                Ok(healed) => alone &= healed,
                Err(trouble) => passable(Err(trouble)).await?,
            }
            if !alone {
                break;
            }
        }
        if !alone && resynced.is_none_or(|when| when.elapsed() > RESYNC_AGAIN) {
            resynced = Some(Instant::now());
            tracing::warn!("a damaged row cannot be healed alone: all rows are compared");
            resync();
        }
    }
}

async fn one(store: &Store, connection: &Connection, want: Want) -> Result<(), Unhealed> {
    match want {
        Want::Chunk(blob) => chunk(store, connection, blob).await,
        Want::Entry(seq) => entry(store, connection, seq).await,
        Want::Row(_) => Ok(()),
    }
}

async fn chunk(store: &Store, connection: &Connection, blob: BlobId) -> Result<(), Unhealed> {
    if store.settle_chunk(blob).await? {
        return Ok(());
    }
    let request = Request::PullChunk(PullChunk { blob });
    match connection.call(request, Bytes::new()).await {
        Ok((Response::Chunk, bytes)) => {
            store.accept_chunk(blob, bytes, Helper::Source).await?;
            Ok(())
        }
        Err(CallError::Wire(error)) if error.code == ErrorCode::NOT_FOUND => {
            // It may have gone for good, as an entry will tell that is on its way.
            store.denied_by(&Want::Chunk(blob), Helper::Source);
            Ok(())
        }
        Err(CallError::Wire(error)) => {
            refused(&error);
            Ok(())
        }
        Ok(_) => Err(SourceError::Strange.into()),
        Err(error) => Err(SourceError::from(error).into()),
    }
}

/// The source cannot answer now; it is asked again.
fn refused(error: &coffer_protocol::WireError) {
    tracing::debug!(code = %error.code, "the source does not help for now");
}

/// Whether a row is good now; if not it takes more than the row itself.
async fn row(store: &Store, connection: &Connection, key: &RowKey) -> Result<bool, Unhealed> {
    let want = Want::Row(key.clone());
    for _ in 0..ATTEMPTS {
        if store.settle_if_sound(key).await? {
            return Ok(true);
        }
        let name = RowName { table: key.table, key: key.key.clone() };
        let (pulled, bytes) =
            match connection.call(Request::PullRow(PullRow { row: name }), Bytes::new()).await {
                Ok((Response::PulledRow(pulled), bytes)) => (pulled, bytes),
                Ok(_) => return Err(SourceError::Strange.into()),
                Err(CallError::Wire(error)) if error.code == ErrorCode::NOT_FOUND => {
                    // Damaged there as well: comparing would not help.
                    store.denied_by(&want, Helper::Source);
                    return Ok(true);
                }
                Err(CallError::Wire(error)) => {
                    refused(&error);
                    return Ok(true);
                }
                Err(error) => return Err(SourceError::from(error).into()),
            };
        // What follows here may be on its way.
        let there =
            timeout(CATCH_UP, store.wait_for_entries(pulled.position.seq.saturating_sub(1)));
        if let Ok(Err(error)) = there.await {
            return Err(error.into());
        }
        let row = (!bytes.is_empty()).then(|| bytes.to_vec());
        let offered = RowAsOf { position: pulled.position, chain_hash: pulled.chain_hash, row };
        match store.accept_row(key, offered, Helper::Source).await? {
            Healed::Good | Healed::Sound => return Ok(true),
            Healed::Elsewhere => sleep(BETWEEN).await,
            Healed::Refused(_) => return Ok(store.breaker_tripped()),
        }
    }
    Ok(false)
}

/// One entry, in pieces if it is a large one.
async fn entry(store: &Store, connection: &Connection, seq: u64) -> Result<(), Unhealed> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let pull = PullEntries {
            after: seq.saturating_sub(1),
            offset: bytes.len() as u32,
            // One entry comes at least, and no more are wanted.
            max_bytes: if bytes.is_empty() { 1 } else { MAX_PAYLOAD_BYTES as u32 },
            wait_millis: 0,
        };
        let (pulled, payload) =
            match connection.call(Request::PullEntries(pull), Bytes::new()).await {
                Ok((Response::PulledEntries(pulled), payload)) => (pulled, payload),
                Ok(_) => return Err(SourceError::Strange.into()),
                Err(CallError::Wire(error)) => {
                    refused(&error);
                    store.denied_by(&Want::Entry(seq), Helper::Source);
                    return Ok(());
                }
                Err(error) => return Err(SourceError::from(error).into()),
            };
        if bytes.len() + payload.len() > MAX_ENTRY_BYTES {
            return Err(SourceError::Strange.into());
        }
        let empty = payload.is_empty();
        bytes.extend_from_slice(&payload);
        if pulled.rest == 0 || empty {
            break;
        }
    }
    let entries = JournalEntry::decode_all(&bytes).unwrap_or_default();
    match entries.into_iter().find(|entry| entry.seq == seq) {
        Some(entry) => drop(store.accept_entry(entry, Helper::Source).await?),
        None => store.denied_by(&Want::Entry(seq), Helper::Source),
    }
    Ok(())
}
