//! What the source wants from this machine.

use super::{IN_FLIGHT, Unhealed, passable};
use crate::source::{self, SourceError};
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::peer::{OfferChunk, OfferEntry, OfferRow, PullWants, RowName, Wants};
use coffer_protocol::{BlobId, Request, Response};
use coffer_store::{RowAsOf, RowKey, Store, StoreError};
use coffer_transport::{CallError, Connection};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::sleep;

/// How long the source waits for a want.
const WAIT_MILLIS: u32 = 10_000;
/// Attempts to offer a row at the moment at which the source stands, and the pause
/// between two: together longer than the source stands still.
const ATTEMPTS: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(50);

/// Gives until the connection ends.
pub(super) async fn run(store: &Store, connection: &Connection) -> Result<Infallible, SourceError> {
    loop {
        let request = Request::PullWants(PullWants { wait_millis: WAIT_MILLIS });
        let Response::Wants(wants) = source::ask(connection, request).await? else {
            return Err(SourceError::Strange);
        };
        let mut given = stream::iter(all(store, connection, wants)).buffer_unordered(IN_FLIGHT);
        while let Some(outcome) = given.next().await {
            passable(outcome).await?;
        }
    }
}

type Giving<'a> = BoxFuture<'a, Result<(), Unhealed>>;

fn all<'a>(store: &'a Store, connection: &'a Connection, wants: Wants) -> Vec<Giving<'a>> {
    let Wants { chunks, rows, entries } = wants;
    let rows = rows.into_iter().map(|name| Box::pin(row(store, connection, name)) as Giving<'a>);
    let entries =
        entries.into_iter().map(|seq| Box::pin(entry(store, connection, seq)) as Giving<'a>);
    let chunks =
        chunks.into_iter().map(|blob| Box::pin(chunk(store, connection, blob)) as Giving<'a>);
    rows.chain(entries).chain(chunks).collect()
}

/// Says no to an offer that the source refuses, which it knows best.
fn accepted(answer: Result<(Response, Bytes), CallError>) -> Result<bool, SourceError> {
    match answer {
        Ok(_) => Ok(true),
        Err(CallError::Wire(error)) if error.code == ErrorCode::BEHIND => Ok(false),
        Err(CallError::Wire(error)) => {
            tracing::debug!(code = %error.code, "the source does not take an offer");
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

async fn chunk(store: &Store, connection: &Connection, blob: BlobId) -> Result<(), Unhealed> {
    let bytes = match store.read_chunk_now(&blob).await {
        Ok(bytes) => Some(bytes),
        Err(StoreError::Corrupt { .. }) => {
            store.want_chunk(blob);
            None
        }
        Err(StoreError::NoSuchChunk { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let offer = OfferChunk { blob, found: bytes.is_some() };
    let request = Request::OfferChunk(offer);
    accepted(connection.call(request, bytes.unwrap_or_default()).await)?;
    Ok(())
}

/// Offers a row until the source stands where this machine stands.
async fn row(store: &Store, connection: &Connection, name: RowName) -> Result<(), Unhealed> {
    let key = RowKey { table: name.table, key: name.key.clone() };
    for _ in 0..ATTEMPTS {
        let (offer, bytes) = match store.row_as_of(&key).await {
            Ok(RowAsOf { position, chain_hash, row }) => {
                let bytes = row.map(Bytes::from).unwrap_or_default();
                (OfferRow { row: name.clone(), position, chain_hash, found: true }, bytes)
            }
            Err(StoreError::DamagedRow { .. } | StoreError::BadSnapshot(_)) => {
                let head = store.journal_head().await?;
                let (position, chain_hash) = (head.position, head.chain_hash);
                let row = name.clone();
                (OfferRow { row, position, chain_hash, found: false }, Bytes::new())
            }
            Err(error) => return Err(error.into()),
        };
        if accepted(connection.call(Request::OfferRow(offer), bytes).await)? {
            return Ok(());
        }
        sleep(BETWEEN).await;
    }
    tracing::info!(row = %key, "the source never stood where this machine stood; later again");
    Ok(())
}

async fn entry(store: &Store, connection: &Connection, seq: u64) -> Result<(), Unhealed> {
    let found = store.entry_as_it_is(seq).await?;
    let mut bytes = Vec::new();
    if let Some(entry) = &found {
        entry.encode(&mut bytes);
    }
    let request = Request::OfferEntry(OfferEntry { seq, found: found.is_some() });
    match connection.call(request, Bytes::from(bytes)).await {
        // A single entry can be larger than a payload: it stays where it is.
        Err(CallError::TooLarge(_)) => {
            let request = Request::OfferEntry(OfferEntry { seq, found: false });
            accepted(connection.call(request, Bytes::new()).await)?;
        }
        answer => drop(accepted(answer)?),
    }
    Ok(())
}
