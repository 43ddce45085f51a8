//! The chunks of one big file on their way: offered first, and sent only if the
//! server has not got them.
//!
//! Guarantees: one offer is under way at a time, of all chunks that were cut in
//! the meantime, so that offers grow when the line is slow and cost little when
//! it is not; sending goes on beside it; a bounded number of chunks waits, and no
//! more than keeps the line busy.

use super::big::Target;
use super::caller::Caller;
use super::chunker::Cut;
use super::upload::Context;
use super::window::Window;
use crate::error::ClientError;
use bytes::Bytes;
use coffer_crypto::ownership;
use coffer_protocol::message::transfer::{
    ContentProof, OfferContent, PlanChunk, ProveContent, PutChunk, Unproven,
};
use coffer_protocol::{Request, Response, UploadId};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// Chunks of one file that wait for an answer.
const CHUNKS_IN_FLIGHT: usize = 16;
/// Chunks that are offered together, at most.
const CHUNKS_OFFERED: usize = 32;

/// A chunk and its place in the file.
type Placed = (u64, Cut);

/// See the module.
pub(crate) struct Sending<'a, 'c, C> {
    context: &'a Context<'c, C>,
    upload: UploadId,
    target: &'a Target,
    size: Option<u64>,
    /// Bytes that are done with.
    moved: &'a AtomicU64,
    window: Mutex<Window>,
    began: Instant,
}

impl<'a, 'c, C: Caller> Sending<'a, 'c, C> {
    pub(crate) fn new(
        context: &'a Context<'c, C>,
        upload: UploadId,
        target: &'a Target,
        size: Option<u64>,
        moved: &'a AtomicU64,
    ) -> Self {
        let (window, began) = (Mutex::default(), Instant::now());
        Self { context, upload, target, size, moved, window, began }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what has to be sent of all that is cut.
    pub(crate) async fn all(&self, mut cuts: mpsc::Receiver<Cut>) -> Result<(), ClientError> {
        let mut flights = FuturesUnordered::new();
        let mut needed: VecDeque<Placed> = VecDeque::new();
        let mut offers = FuturesUnordered::new();
        let (mut next, mut ended) = (0, false);
        loop {
            while flights.len() < CHUNKS_IN_FLIGHT
                && self.window().is_open()
                && let Some(chunk) = needed.pop_front()
            {
                self.window().reserve(chunk.1.bytes.len() as u64);
                flights.push(self.put(chunk));
            }
            if ended && offers.is_empty() && flights.is_empty() {
                return Ok(());
            }
            let mut batch = Vec::new();
            let room = !ended && offers.is_empty() && needed.len() < CHUNKS_IN_FLIGHT;
            tokio::select! {
                Some(sent) = flights.next() => self.done(sent?),
                Some(answer) = offers.next() => needed.extend(answer?),
                count = cuts.recv_many(&mut batch, CHUNKS_OFFERED), if room => {
                    ended = count == 0;
                    if !ended {
                        offers.push(self.offer(next, batch));
                        next += count as u64;
                    }
                }
            }
        }
    }

    fn done(&self, len: u64) {
        self.moved.fetch_add(len, Ordering::Relaxed);
        self.context.job.tracker.moved(len);
    }

    /// Offers chunks; gives back those that have to be sent.
    async fn offer(&self, first: u64, cuts: Vec<Cut>) -> Result<Vec<Placed>, ClientError> {
        let chunk = |cut: &Cut| PlanChunk { hash: cut.hash, len: cut.bytes.len() as u32 };
        let offer = OfferContent {
            upload: self.upload,
            to: self.target.to.clone(),
            expect: self.context.expect,
            size: self.size,
            first,
            chunks: cuts.iter().map(chunk).collect(),
        };
        let request = Request::OfferContent(Box::new(offer));
        let needed = match self.context.job.caller.call(request, Bytes::new()).await? {
            (Response::Needed(needed), _) if needed.chunks.len() == cuts.len() => needed.chunks,
            (Response::Unproven(unproven), _) if unproven.needed.len() == cuts.len() => {
                self.prove(first, &cuts, unproven).await?
            }
            _ => return Err(ClientError::UnexpectedAnswer { asked: "offer-content" }),
        };
        let mut to_send = Vec::new();
        for ((index, cut), needed) in (first..).zip(cuts).zip(needed) {
            match needed {
                true => to_send.push((index, cut)),
                false => self.done(cut.bytes.len() as u64),
            }
        }
        Ok(to_send)
    }

    /// Proves what the server has from others; says what has to be sent.
    async fn prove(
        &self,
        first: u64,
        cuts: &[Cut],
        unproven: Unproven,
    ) -> Result<Vec<bool>, ClientError> {
        let Unproven { mut needed, places, nonce: key } = unproven;
        let wanted = |place: u64| {
            let at = usize::try_from(place.checked_sub(first)?).ok()?;
            Some((place, at, cuts.get(at)?.bytes.clone()))
        };
        let wanted: Vec<_> = places.into_iter().filter_map(wanted).collect();
        let at: Vec<usize> = wanted.iter().map(|(_, at, _)| *at).collect();
        let work = move || {
            let prove = |(place, _, chunk): (u64, usize, Bytes)| ContentProof {
                place,
                proof: ownership::prove(&key, &chunk),
            };
            wanted.into_iter().map(prove).collect()
        };
        let proofs = tokio::task::spawn_blocking(work).await;
        let proofs: Vec<_> = proofs.map_err(|_| ClientError::Interrupted)?;
        let request = Request::ProveContent(ProveContent { upload: self.upload, proofs });
        match self.context.job.caller.call(request, Bytes::new()).await? {
            (Response::Needed(still), _) if still.chunks.len() == at.len() => {
                at.into_iter().zip(still.chunks).for_each(|(at, still)| needed[at] = still);
                Ok(needed)
            }
            _ => Err(ClientError::UnexpectedAnswer { asked: "prove-content" }),
        }
    }

    async fn put(&self, (index, cut): Placed) -> Result<u64, ClientError> {
        let len = cut.bytes.len() as u64;
        self.context.job.up.take(len).await;
        let chunk = PutChunk { upload: self.upload, index, hash: cut.hash };
        let sent = self.window().sent(self.began.elapsed());
        let answer = self.context.job.caller.call(Request::PutChunk(chunk), cut.bytes).await;
        self.window().answered(sent, len, self.began.elapsed());
        match answer? {
            (Response::Done, _) => Ok(len),
            _ => Err(ClientError::UnexpectedAnswer { asked: "put-chunk" }),
        }
    }
}
