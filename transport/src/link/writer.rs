//! Writes frames.
//!
//! Guarantees: frames leave in the order they were queued; small frames that
//! wait together leave together, and the stream is flushed when the queue is
//! empty; a payload goes to the stream as it is; what a frame holds (places in
//! a window, bytes of a budget) is given back when it has left; a peer that
//! takes nothing, or too little, ends the task.

use crate::config::Timing;
use crate::payload::Payload;
use bytes::Buf;
use coffer_protocol::frame::{FrameHeader, FrameKind};
use coffer_protocol::limits::{MAX_BODY_BYTES, MAX_PAYLOAD_BYTES};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Small pieces are gathered up to this many bytes.
const GATHER_BYTES: usize = 64 << 10;
/// Pieces up to this size are gathered; larger ones go to the stream as they are.
const SMALL_PIECE_BYTES: usize = 16 << 10;
/// A gathering buffer larger than this is given back when the queue is empty.
const KEEP_BYTES: usize = 4 << 10;
/// `Pong`s that may wait; a peer that pings without reading gets no more.
const MAX_PONGS: u32 = 4;
/// Wait for the farewell of a stream that is being closed.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(5);

/// A message that is longer than a frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a body of {body} and a payload of {payload} bytes are more than a frame may carry")]
pub(crate) struct FrameTooLarge {
    body: usize,
    payload: usize,
}

/// A frame on its way out, and what it holds until it has left.
pub(crate) struct OutFrame<H> {
    header: FrameHeader,
    body: Vec<u8>,
    payload: Payload,
    hold: Option<H>,
}

impl<H> OutFrame<H> {
    /// A frame with an encoded body and a payload.
    pub(crate) fn new(
        kind: FrameKind,
        request_id: u32,
        body: Vec<u8>,
        payload: Payload,
    ) -> Result<Self, FrameTooLarge> {
        let payload_len = payload.len();
        let too_large = FrameTooLarge { body: body.len(), payload: payload_len };
        if body.len() > MAX_BODY_BYTES || payload_len > MAX_PAYLOAD_BYTES {
            return Err(too_large);
        }
        let body_len = u32::try_from(body.len()).map_err(|_| too_large)?;
        let payload_len = u32::try_from(payload_len).map_err(|_| too_large)?;
        let header = FrameHeader { body_len, payload_len, kind, request_id };
        Ok(Self { header, body, payload, hold: None })
    }

    /// A frame without body and payload.
    pub(crate) fn empty(kind: FrameKind, request_id: u32) -> Self {
        let header = FrameHeader { body_len: 0, payload_len: 0, kind, request_id };
        Self { header, body: Vec::new(), payload: Payload::Empty, hold: None }
    }

    /// The frame, with something that is dropped when it has left.
    pub(crate) fn holding(mut self, hold: H) -> Self {
        self.hold = Some(hold);
        self
    }

    /// The frame, for another request.
    pub(crate) fn with_id(mut self, request_id: u32) -> Self {
        self.header.request_id = request_id;
        self
    }

    /// Bytes of body and payload.
    pub(crate) fn len(&self) -> usize {
        self.body.len() + self.payload.len()
    }
}

enum Item<H> {
    Frame(OutFrame<H>),
    Pong(u32),
    Close,
}

/// The sending end of the writer's queue.
pub(crate) struct Outbox<H> {
    queue: mpsc::Sender<Item<H>>,
    pongs: Arc<AtomicU32>,
}

impl<H> Outbox<H> {
    /// Queues a frame. False if the writer has ended, or if more frames wait
    /// than the windows of the connection can explain.
    pub(crate) fn send(&self, frame: OutFrame<H>) -> bool {
        self.queue.try_send(Item::Frame(frame)).is_ok()
    }

    /// Queues a `Pong`, unless enough of them wait already.
    pub(crate) fn pong(&self, request_id: u32) {
        if self.pongs.fetch_add(1, Ordering::Relaxed) >= MAX_PONGS
            || self.queue.try_send(Item::Pong(request_id)).is_err()
        {
            self.pongs.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Lets the writer send what is queued, say farewell and end.
    pub(crate) fn close(&self) {
        // A full or closed queue: the writer is about to end anyway.
        let _ = self.queue.try_send(Item::Close);
    }
}

/// Why the writer ended.
#[derive(Debug)]
pub(crate) enum WriteEnd {
    /// Everything queued was sent, and the stream was closed.
    Finished,
    /// The connection was given up.
    Aborted,
    /// The peer takes nothing, or too little.
    Stalled,
    /// The stream failed.
    Io(io::Error),
}

/// Writes the frames of one queue to a stream.
pub(crate) struct Writer<W, H> {
    io: W,
    timing: Timing,
    queue: mpsc::Receiver<Item<H>>,
    pongs: Arc<AtomicU32>,
    gathered: Vec<u8>,
    holds: Vec<H>,
}

impl<W: AsyncWrite + Unpin, H> Writer<W, H> {
    /// A writer, and its queue for at most `capacity` frames.
    pub(crate) fn new(io: W, timing: Timing, capacity: usize) -> (Self, Outbox<H>) {
        let (sender, queue) = mpsc::channel(capacity);
        let pongs = Arc::new(AtomicU32::new(0));
        let outbox = Outbox { queue: sender, pongs: Arc::clone(&pongs) };
        (Self { io, timing, queue, pongs, gathered: Vec::new(), holds: Vec::new() }, outbox)
    }

    /// Writes until the queue is closed, the stream fails or `abort` fires.
    pub(crate) async fn run(mut self, abort: CancellationToken) -> WriteEnd {
        let end = tokio::select! {
            biased;
            () = abort.cancelled() => return WriteEnd::Aborted,
            end = self.work() => end,
        };
        if matches!(end, WriteEnd::Finished) {
            // The peer may be gone already; there is nobody left to tell.
            let _ = timeout(SHUTDOWN, self.io.shutdown()).await;
        }
        end
    }

    async fn work(&mut self) -> WriteEnd {
        loop {
            let first = match timeout(self.timing.ping_after, self.queue.recv()).await {
                Err(_) => Item::Frame(OutFrame::empty(FrameKind::Ping, 0)),
                Ok(Some(item)) => item,
                Ok(None) => Item::Close,
            };
            match self.drain(first).await {
                Ok(true) => {}
                Ok(false) => return WriteEnd::Finished,
                Err(end) => return end,
            }
        }
    }

    /// Writes `item` and everything that waits behind it, then flushes.
    /// False when the queue is to be closed.
    async fn drain(&mut self, item: Item<H>) -> Result<bool, WriteEnd> {
        let mut next = Some(item);
        let mut open = true;
        while let Some(item) = next {
            match item {
                Item::Frame(frame) => self.write(frame).await?,
                Item::Pong(id) => {
                    self.write(OutFrame::empty(FrameKind::Pong, id)).await?;
                    self.pongs.fetch_sub(1, Ordering::Relaxed);
                }
                Item::Close => {
                    open = false;
                    break;
                }
            }
            next = self.queue.try_recv().ok();
        }
        self.deliver(&[]).await?;
        if self.gathered.capacity() > KEEP_BYTES {
            self.gathered = Vec::new();
        }
        let flushed = timeout(self.timing.write_stall, self.io.flush()).await;
        flushed.map_err(|_| WriteEnd::Stalled)?.map_err(WriteEnd::Io)?;
        Ok(open)
    }

    async fn write(&mut self, frame: OutFrame<H>) -> Result<(), WriteEnd> {
        self.gathered.extend_from_slice(&frame.header.encode());
        self.piece(&frame.body).await?;
        for piece in frame.payload.pieces() {
            self.piece(piece).await?;
        }
        // What it holds stays held while its bytes are only gathered.
        self.holds.extend(frame.hold);
        if self.gathered.is_empty() {
            self.holds.clear();
        }
        Ok(())
    }

    async fn piece(&mut self, piece: &[u8]) -> Result<(), WriteEnd> {
        if piece.len() > SMALL_PIECE_BYTES || self.gathered.len() + piece.len() > GATHER_BYTES {
            return self.deliver(piece).await;
        }
        self.gathered.extend_from_slice(piece);
        Ok(())
    }

    /// Hands what was gathered, and `piece` behind it, to the stream.
    async fn deliver(&mut self, piece: &[u8]) -> Result<(), WriteEnd> {
        let bytes = self.gathered.len() + piece.len();
        let last = Instant::now() + self.timing.frame_time(bytes);
        let mut left = self.gathered.chain(piece);
        while left.has_remaining() {
            let until = last.min(Instant::now() + self.timing.write_stall);
            let written = timeout_at(until, self.io.write_buf(&mut left)).await;
            if written.map_err(|_| WriteEnd::Stalled)?.map_err(WriteEnd::Io)? == 0 {
                return Err(WriteEnd::Io(io::ErrorKind::WriteZero.into()));
            }
        }
        self.gathered.clear();
        self.holds.clear();
        Ok(())
    }
}
