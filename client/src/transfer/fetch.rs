//! One big file on its way down: chunks are asked for ahead, in order, and
//! verified and written by a thread while later ones travel. What an interrupted
//! download has left is looked through first.

use super::arriving::Arriving;
use super::basis::Basis;
use super::caller::{Caller, ends_transfer};
use super::download::{Context, UNIT};
use super::survey::RemoteFile;
use crate::error::ClientError;
use bytes::Bytes;
use coffer_protocol::message::transfer::{Plan, PlanChunk, ReadChunk, ReadPlan};
use coffer_protocol::{Request, Response};
use futures_util::stream::{FuturesOrdered, StreamExt as _};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Chunks of one file that are asked for and not written yet.
const CHUNKS_IN_FLIGHT: usize = 16;
/// Chunks that wait for the writing thread.
const CHUNKS_READY: usize = 2;

/// To the writing thread. A channel that just closes leaves what is there for another
/// time.
enum Piece {
    /// With the room it takes until it is written.
    Chunk(PlanChunk, Bytes, OwnedSemaphorePermit),
    /// That was all of the file.
    End,
    /// The file cannot be had.
    Failed,
}

/// Downloads a file and takes note of the outcome.
pub(crate) async fn fetch<C: Caller>(context: &Context<'_, C>, file: Arc<RemoteFile>) {
    context.job.tracker.begin(&file.shown);
    let moved = Arc::new(AtomicU64::new(0));
    match fetch_one(context, &file, &moved).await {
        Ok(()) => context.job.tracker.finished(file.size),
        Err(error) => {
            let moved = moved.load(Ordering::Relaxed);
            context.job.tracker.moved(file.size.saturating_sub(moved));
            context.job.fail(file.shown.clone(), error, true);
        }
    }
}

async fn fetch_one<C: Caller>(
    context: &Context<'_, C>,
    file: &Arc<RemoteFile>,
    moved: &Arc<AtomicU64>,
) -> Result<(), ClientError> {
    let (basis, mut arriving) = begin(context, file, moved).await?;
    let mut planned = Planned::default();
    if arriving.has_more() {
        arriving = recognise(context, file, arriving, &mut planned).await?;
    }
    let (pieces, incoming) = mpsc::channel(CHUNKS_READY);
    let writer = context.threads.spawn_blocking(move || write(arriving, incoming));
    let read = read_chunks(context, file, planned, basis.as_ref(), &pieces).await;
    let last = match &read {
        Ok(()) => Some(Piece::End),
        Err(Stopped::By(error)) if !ends_transfer(error) => Some(Piece::Failed),
        Err(_) => None,
    };
    if let Some(last) = last {
        // The writer that does not listen any more says why below.
        pieces.send(last).await.ok();
    }
    drop(pieces);
    let written = writer.await.map_err(|_| ClientError::Interrupted)?;
    match read {
        Ok(()) | Err(Stopped::ByWriter) => written,
        Err(Stopped::By(error)) => Err(error),
    }
}

/// What is here already: an older copy under the name, and a part of the file.
async fn begin<C: Caller>(
    context: &Context<'_, C>,
    file: &Arc<RemoteFile>,
    moved: &Arc<AtomicU64>,
) -> Result<(Option<Arc<Basis>>, Arriving), ClientError> {
    let (file, server) = (Arc::clone(file), context.job.server);
    let (tracker, moved) = (context.job.tracker.clone(), Arc::clone(moved));
    let work = move || {
        file.dir.sweep();
        let basis = Basis::of(&file.to, file.size, server).map(Arc::new);
        Ok((basis, Arriving::begin(file, server, tracker, moved)?))
    };
    context.blocking(work).await?
}

/// Takes over what an earlier download has left, as far as it is what the file holds now.
async fn recognise<C: Caller>(
    context: &Context<'_, C>,
    file: &RemoteFile,
    mut arriving: Arriving,
    planned: &mut Planned,
) -> Result<Arriving, ClientError> {
    while arriving.has_more() && planned.offset < file.size {
        if let Err(error) = planned.extend(context, file).await {
            if !ends_transfer(&error) {
                arriving.discard();
            }
            return Err(error);
        }
        let mut chunks = std::mem::take(&mut planned.chunks);
        let work = move || {
            let count = arriving.recognise(&mut chunks);
            (arriving, chunks, count)
        };
        let count;
        (arriving, planned.chunks, count) = context.blocking(work).await?;
        planned.index += count?;
        if !planned.chunks.is_empty() {
            break;
        }
    }
    let work = move || arriving.recognised_all().map(|()| arriving);
    context.blocking(work).await?
}

enum Stopped {
    ByWriter,
    By(ClientError),
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::By(error)
    }
}

/// Gets every chunk, some ahead, and hands them on in order: from the older copy
/// what it has, the rest from the server.
async fn read_chunks<C: Caller>(
    context: &Context<'_, C>,
    file: &RemoteFile,
    mut planned: Planned,
    basis: Option<&Arc<Basis>>,
    pieces: &mpsc::Sender<Piece>,
) -> Result<(), Stopped> {
    let mut flights = FuturesOrdered::new();
    loop {
        while flights.len() < CHUNKS_IN_FLIGHT {
            if planned.chunks.is_empty() && planned.offset < file.size {
                planned.extend(context, file).await?;
            }
            let Some(chunk) = planned.chunks.pop_front() else { break };
            let basis = basis.filter(|basis| basis.has(&chunk));
            flights.push_back(read_chunk(context, file, basis, planned.index, chunk));
            planned.index += 1;
        }
        let Some(got) = flights.next().await else { return Ok(()) };
        let (chunk, bytes, room) = got?;
        pieces.send(Piece::Chunk(chunk, bytes, room)).await.map_err(|_| Stopped::ByWriter)?;
    }
}

/// Chunks that the server has named and that are not asked for yet.
#[derive(Default)]
struct Planned {
    chunks: VecDeque<PlanChunk>,
    /// Where the next plan begins.
    offset: u64,
    /// Place of the next chunk in the file.
    index: u64,
}

impl Planned {
    async fn extend<C: Caller>(
        &mut self,
        context: &Context<'_, C>,
        file: &RemoteFile,
    ) -> Result<(), ClientError> {
        let (node, revision, offset) = (file.node, file.revision, self.offset);
        let request = Request::ReadPlan(ReadPlan { node, revision, offset });
        let (Response::Plan(plan), _) = context.job.caller.call(request, Bytes::new()).await?
        else {
            return Err(ClientError::UnexpectedAnswer { asked: "read-plan" });
        };
        self.check(&plan)?;
        self.offset += plan.chunks.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>();
        self.chunks.extend(plan.chunks);
        Ok(())
    }

    /// A plan goes on where the one before ended, and gets somewhere.
    fn check(&self, plan: &Plan) -> Result<(), ClientError> {
        let begins = plan.first == self.index && plan.offset == self.offset;
        let is_sound = plan.chunks.iter().all(|chunk| {
            (1..=coffer_protocol::limits::MAX_CHUNK_BYTES).contains(&(chunk.len as usize))
        });
        if begins && is_sound && !plan.chunks.is_empty() {
            Ok(())
        } else {
            Err(ClientError::UnexpectedAnswer { asked: "read-plan" })
        }
    }
}

async fn read_chunk<C: Caller>(
    context: &Context<'_, C>,
    file: &RemoteFile,
    basis: Option<&Arc<Basis>>,
    index: u64,
    chunk: PlanChunk,
) -> Result<(PlanChunk, Bytes, OwnedSemaphorePermit), ClientError> {
    let units = (chunk.len as usize).div_ceil(UNIT) as u32;
    let room = Arc::clone(&context.room).acquire_many_owned(units).await;
    let room = room.map_err(|_| ClientError::Interrupted)?;
    if let Some(basis) = basis.cloned()
        && let Some(bytes) = context.blocking(move || basis.read(&chunk)).await?
    {
        return Ok((chunk, bytes, room));
    }
    context.job.down.take(chunk.len.into()).await;
    let (node, revision) = (file.node, file.revision);
    let request = Request::ReadChunk(ReadChunk { node, revision, index });
    match context.job.caller.call(request, Bytes::new()).await? {
        (Response::Chunk, bytes) => Ok((chunk, bytes, room)),
        _ => Err(ClientError::UnexpectedAnswer { asked: "read-chunk" }),
    }
}

/// Verifies and writes what comes; the file gets its name when all of it is
/// what the server's record promises.
fn write(mut arriving: Arriving, mut pieces: mpsc::Receiver<Piece>) -> Result<(), ClientError> {
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Chunk(chunk, bytes, _room) => {
                if let Err(error) = arriving.add(&chunk, &bytes) {
                    arriving.discard();
                    return Err(error);
                }
            }
            Piece::End => return arriving.finish(),
            Piece::Failed => {
                arriving.discard();
                break;
            }
        }
    }
    Err(ClientError::Interrupted)
}
