//! Second stage: the chunks that entries bring.
//!
//! Guarantees: a bounded number of chunks is on its way, and a bounded number of
//! bytes waits in memory; a chunk that the source does not have any more is told
//! apart from one that could not be had.

use super::Trouble;
use crate::source::SourceError;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_PULL_INLINE, SMALL_FILE_BYTES};
use coffer_protocol::message::peer::{PullChunk, PullInline};
use coffer_protocol::{BlobId, Request, Response};
use coffer_store::{
    Arrival, ChunkPin, ChunkPlace, JournalEntry, MAX_FOLLOW_ENTRIES, Store, arrivals,
};
use coffer_transport::{CallError, Connection};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::convert::Infallible;
use tokio::sync::mpsc;

/// Chunk files on their way at a time.
const FILES_IN_FLIGHT: usize = 6;
/// Requests for inline chunks on their way at a time.
const INLINE_IN_FLIGHT: usize = 3;
/// Bytes of inline chunks in one request; one more always fits the answer.
const INLINE_BYTES: usize = 2 << 20;
/// Bytes of inline chunks, and of chunk files, after which a batch is applied.
const BATCH_INLINE_BYTES: u64 = 8 << 20;
const BATCH_FILE_BYTES: u64 = 64 << 20;

/// Chunks that entries bring, each once.
type Wanted = BTreeMap<(BlobId, u32), Arrival>;

/// Entries with everything that they bring.
pub(super) struct Ready {
    pub(super) entries: Vec<JournalEntry>,
    pub(super) inline: Vec<(BlobId, Bytes)>,
    pub(super) pins: Vec<ChunkPin>,
    pub(super) absent: Vec<BlobId>,
}

/// Fetches until the connection ends.
pub(super) async fn run(
    store: &Store,
    connection: &Connection,
    mut batches: mpsc::Receiver<Vec<JournalEntry>>,
    ready: mpsc::Sender<Ready>,
) -> Result<Infallible, Trouble> {
    loop {
        let Some(entries) = batches.recv().await else {
            // The stage before has ended, and says why.
            std::future::pending::<()>().await;
            continue;
        };
        for (entries, wanted) in split(entries)? {
            let fetched = fetch(store, connection, entries, wanted).await?;
            if ready.send(fetched).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Batches that bring no more than is good for one transaction.
fn split(entries: Vec<JournalEntry>) -> Result<Vec<(Vec<JournalEntry>, Wanted)>, Trouble> {
    let mut batches = Vec::new();
    let (mut batch, mut wanted) = (Vec::new(), Wanted::new());
    let (mut inline, mut files) = (0, 0);
    for entry in entries {
        for arrival in arrivals(&entry).map_err(|error| Trouble::Stuck(error.to_string()))? {
            match arrival.place {
                ChunkPlace::Inline => inline += u64::from(arrival.size),
                ChunkPlace::File => files += u64::from(arrival.size),
            }
            wanted.insert((arrival.blob, arrival.generation), arrival);
        }
        batch.push(entry);
        let full = inline > BATCH_INLINE_BYTES || files > BATCH_FILE_BYTES;
        if full || batch.len() >= MAX_FOLLOW_ENTRIES {
            batches.push((std::mem::take(&mut batch), std::mem::take(&mut wanted)));
            (inline, files) = (0, 0);
        }
    }
    if !batch.is_empty() {
        batches.push((batch, wanted));
    }
    Ok(batches)
}

async fn fetch(
    store: &Store,
    connection: &Connection,
    entries: Vec<JournalEntry>,
    wanted: Wanted,
) -> Result<Ready, Trouble> {
    let (files, small): (Vec<_>, Vec<_>) =
        wanted.into_values().partition(|arrival| arrival.place == ChunkPlace::File);
    let mut ready = Ready { entries, inline: Vec::new(), pins: Vec::new(), absent: Vec::new() };
    let requests = stream::iter(requests(&small)).map(|blobs| pull_inline(connection, blobs));
    let answers: Vec<_> = requests.buffered(INLINE_IN_FLIGHT).try_collect().await?;
    for (blob, bytes) in answers.into_iter().flatten() {
        match bytes {
            Some(bytes) => ready.inline.push((blob, bytes)),
            None => ready.absent.push(blob),
        }
    }
    let mut puts = stream::iter(files)
        .map(|arrival| async move { (arrival.blob, pull_file(store, connection, arrival).await) })
        .buffer_unordered(FILES_IN_FLIGHT);
    while let Some((blob, put)) = puts.next().await {
        match put? {
            Some(pin) => ready.pins.push(pin),
            None => ready.absent.push(blob),
        }
    }
    drop(puts);
    if !ready.absent.is_empty() {
        tracing::debug!(chunks = ready.absent.len(), "the source does not have these any more");
    }
    Ok(ready)
}

/// Inline chunks, as many to a request as its answer takes.
fn requests(small: &[Arrival]) -> Vec<Vec<BlobId>> {
    let mut requests: Vec<Vec<BlobId>> = Vec::new();
    let mut bytes = usize::MAX;
    for arrival in small {
        let len = (arrival.size as usize).min(2 * SMALL_FILE_BYTES);
        match requests.last_mut() {
            Some(last) if bytes + len <= INLINE_BYTES && last.len() < MAX_PULL_INLINE => {
                last.push(arrival.blob);
                bytes += len;
            }
            _ => {
                requests.push(vec![arrival.blob]);
                bytes = len;
            }
        }
    }
    requests
}

async fn pull_inline(
    connection: &Connection,
    blobs: Vec<BlobId>,
) -> Result<Vec<(BlobId, Option<Bytes>)>, Trouble> {
    let request = Request::PullInline(PullInline { blobs: blobs.clone() });
    let answered = connection.call(request, Bytes::new()).await;
    let (response, mut payload) = answered.map_err(SourceError::from)?;
    let Response::PulledInline(pulled) = response else { return Err(SourceError::Strange.into()) };
    if pulled.lengths.len() != blobs.len() {
        return Err(SourceError::Strange.into());
    }
    let mut chunks = Vec::with_capacity(blobs.len());
    for (blob, length) in blobs.into_iter().zip(pulled.lengths) {
        let bytes = match length.map(|length| length as usize) {
            Some(length) if length > payload.len() => return Err(SourceError::Strange.into()),
            // A copy: a slice would keep the whole answer.
            Some(length) => Some(Bytes::copy_from_slice(&payload.split_to(length))),
            None => None,
        };
        chunks.push((blob, bytes));
    }
    Ok(chunks)
}

/// Fetches a chunk file and puts it; `None`: the source does not have it any more.
async fn pull_file(
    store: &Store,
    connection: &Connection,
    arrival: Arrival,
) -> Result<Option<ChunkPin>, Trouble> {
    let request = Request::PullChunk(PullChunk { blob: arrival.blob });
    let bytes = match connection.call(request, Bytes::new()).await {
        Ok((Response::Chunk, bytes)) => bytes,
        Ok(_) => return Err(SourceError::Strange.into()),
        Err(CallError::Wire(error)) if error.code == ErrorCode::NOT_FOUND => return Ok(None),
        Err(error) => return Err(SourceError::from(error).into()),
    };
    let pin = store.put_replicated(arrival.blob, arrival.generation, bytes).await?;
    Ok(Some(pin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(number: u32, size: u32) -> Arrival {
        let mut blob = [0; 32];
        blob[..4].copy_from_slice(&number.to_be_bytes());
        Arrival { blob: BlobId(blob), generation: 1, place: ChunkPlace::Inline, size }
    }

    #[test]
    fn requests_for_inline_chunks_fit_their_answers() {
        let small: Vec<_> = (0..2000).map(|number| arrival(number, 100)).collect();
        let many = requests(&small);
        assert_eq!(many.iter().map(Vec::len).sum::<usize>(), 2000);
        assert!(many.iter().all(|request| request.len() <= MAX_PULL_INLINE));
        let large: Vec<_> = (0..100).map(|number| arrival(number, 64 << 10)).collect();
        let many = requests(&large);
        assert!(many.iter().all(|request| request.len() * (64 << 10) <= INLINE_BYTES));
        assert_eq!(many.concat().len(), 100);
        assert!(requests(&[]).is_empty());
    }
}
