//! Reads frames.
//!
//! Guarantees: a header is checked before anything is allocated; a payload is
//! read straight into one allocation of its size, which is never zeroed first;
//! every wait has a deadline; every method can be dropped at any await and
//! called again without losing a byte.

use crate::config::Timing;
use bytes::{BufMut, Bytes, BytesMut};
use coffer_protocol::frame::{FrameError, FrameHeader, FrameLimits};
use coffer_protocol::limits::FRAME_HEADER_BYTES;
use std::io;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

/// A body buffer larger than this is given back after use.
const KEEP_BODY_BYTES: usize = 16 << 10;

/// Why no further frame can be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("closed by the peer")]
    Closed,
    #[error("the peer sent nothing for too long")]
    Silent,
    #[error("a frame took too long to arrive")]
    SlowFrame,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads frames from a stream.
pub(crate) struct FrameReader<R> {
    io: R,
    timing: Timing,
    head: [u8; FRAME_HEADER_BYTES],
    head_len: usize,
    current: Option<FrameHeader>,
    body: BytesMut,
    payload: BytesMut,
    /// When the peer was last heard.
    heard: Instant,
    /// When the frame that is being read must be complete.
    deadline: Instant,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(io: R, timing: Timing) -> Self {
        let now = Instant::now();
        Self {
            io,
            timing,
            head: [0; FRAME_HEADER_BYTES],
            head_len: 0,
            current: None,
            body: BytesMut::new(),
            payload: BytesMut::new(),
            heard: now,
            deadline: now,
        }
    }

    /// Waits for the header of the next frame. `limits` is asked when the
    /// header is complete. Returns the same header until `rest` has been called.
    pub(crate) async fn header(
        &mut self,
        limits: impl Fn() -> FrameLimits,
    ) -> Result<FrameHeader, ReadError> {
        if let Some(header) = self.current {
            return Ok(header);
        }
        while self.head_len < FRAME_HEADER_BYTES {
            let begun = self.head_len > 0;
            let until = if begun { self.deadline } else { self.heard + self.timing.close_after };
            let late = || if begun { ReadError::SlowFrame } else { ReadError::Silent };
            let read = self.io.read(&mut self.head[self.head_len..]);
            let count = timeout_at(until, read).await.map_err(|_| late())??;
            if count == 0 {
                return Err(ended(begun));
            }
            self.heard = Instant::now();
            if !begun {
                self.deadline = self.heard + self.timing.frame;
            }
            self.head_len += count;
        }
        let header = FrameHeader::decode(&self.head, limits())?;
        self.current = Some(header);
        self.body.clear();
        self.restart_clock();
        Ok(header)
    }

    /// Gives the rest of the current frame its full time from now on; to be
    /// called when the reader itself has held the peer up.
    pub(crate) fn restart_clock(&mut self) {
        self.heard = Instant::now();
        if let Some(header) = self.current {
            let bytes = header.body_len as usize + header.payload_len as usize;
            self.deadline = self.heard + self.timing.frame_time(bytes);
        }
    }

    /// Reads body and payload of the frame whose header was read last.
    pub(crate) async fn rest(&mut self) -> Result<Bytes, ReadError> {
        let Some(header) = self.current else { return Ok(Bytes::new()) };
        let (io, body, payload) = (&mut self.io, &mut self.body, &mut self.payload);
        let both = async {
            fill(io, body, header.body_len as usize).await?;
            fill(io, payload, header.payload_len as usize).await
        };
        timeout_at(self.deadline, both).await.map_err(|_| ReadError::SlowFrame)??;
        self.heard = Instant::now();
        self.current = None;
        self.head_len = 0;
        Ok(std::mem::take(&mut self.payload).freeze())
    }

    /// Shows what the last `rest` read as body to `read`.
    pub(crate) fn with_body<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> T {
        let value = read(&self.body);
        if self.body.capacity() > KEEP_BODY_BYTES {
            self.body = BytesMut::new();
        }
        value
    }

    /// The stream, for what is left to do at the end.
    pub(crate) fn io(&mut self) -> &mut R {
        &mut self.io
    }
}

fn ended(inside_a_frame: bool) -> ReadError {
    if inside_a_frame {
        io::Error::from(io::ErrorKind::UnexpectedEof).into()
    } else {
        ReadError::Closed
    }
}

/// Reads until `buffer` holds `len` bytes.
async fn fill<R: AsyncRead + Unpin>(
    io: &mut R,
    buffer: &mut BytesMut,
    len: usize,
) -> Result<(), ReadError> {
    if buffer.capacity() < len {
        buffer.reserve(len - buffer.len());
    }
    while buffer.len() < len {
        let left = len - buffer.len();
        let mut window = (&mut *buffer).limit(left);
        if io.read_buf(&mut window).await? == 0 {
            return Err(ended(true));
        }
    }
    Ok(())
}
