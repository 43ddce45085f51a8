//! The one answer of a request.
//!
//! Guarantees: exactly one frame answers a request, also when the handler
//! drops it or panics; an answer waits for room in the window before it is
//! queued, so that a client that does not read costs no more than its window;
//! what the request and its answer hold is given back when the answer has left.

use super::shared::{Holds, Shared};
use crate::link::OutFrame;
use crate::payload::Payload;
use coffer_protocol::codec;
use coffer_protocol::frame::FrameKind;
use coffer_protocol::message::Answered;
use coffer_protocol::{ErrorCode, Response, WireError};
use std::sync::Arc;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// The connection has ended; nobody will read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the connection has ended")]
pub struct Gone;

/// Answers one request.
pub struct Replier {
    id: u32,
    shared: Arc<Shared>,
    cancelled: CancellationToken,
    holds: Option<Holds>,
}

impl Replier {
    pub(super) fn new(
        id: u32,
        shared: Arc<Shared>,
        cancelled: CancellationToken,
        holds: Holds,
    ) -> Self {
        Self { id, shared, cancelled, holds: Some(holds) }
    }

    /// Waits until an answer of `bytes` (body and payload) may be held in
    /// memory. To be called before a large answer is produced.
    pub async fn reserve(&mut self, bytes: usize) -> Result<(), Gone> {
        let room = match &mut self.holds {
            Some(holds) => &mut holds.response,
            None => return Err(Gone),
        };
        tokio::select! {
            biased;
            () = self.shared.ended.cancelled() => Err(Gone),
            taken = self.shared.responses.cover(self.shared.user(), room, bytes) => taken.ok_or(Gone),
        }
    }

    /// Sends the answer. Waits for room first, unless it was reserved.
    pub async fn send(
        mut self,
        response: Response,
        payload: impl Into<Payload> + Send,
    ) -> Result<(), Gone> {
        let payload = payload.into();
        if self.cancelled.is_cancelled() && !payload.is_empty() {
            return self.fail(cancelled()).await;
        }
        let answered = Answered { as_of: self.shared.standing.as_of(), response };
        let frame = codec::encode(&answered)
            .ok()
            .and_then(|body| OutFrame::new(FrameKind::Response, self.id, body, payload).ok())
            .unwrap_or_else(|| error_frame(self.id, &unsendable()));
        drop(answered);
        self.reserve(frame.len()).await?;
        self.queue(frame)
    }

    /// Sends an error instead of an answer.
    pub async fn fail(mut self, error: WireError) -> Result<(), Gone> {
        let frame = error_frame(self.id, &error);
        self.reserve(frame.len()).await?;
        self.queue(frame)
    }

    /// Sends an error at once. It holds no room: it is short, and there is one
    /// at most for each place in the window.
    pub(super) fn refuse(mut self, error: &WireError) {
        // Gone: whoever reads the connection learns why.
        let _ = self.queue(error_frame(self.id, error));
    }

    fn queue(&mut self, frame: OutFrame<Holds>) -> Result<(), Gone> {
        let Some(holds) = self.holds.take() else { return Err(Gone) };
        self.shared.leave(self.id);
        if self.shared.outbox.send(frame.holding(holds)) { Ok(()) } else { Err(Gone) }
    }
}

impl Drop for Replier {
    fn drop(&mut self) {
        if self.holds.is_none() {
            return;
        }
        let error = if self.cancelled.is_cancelled() { cancelled() } else { dropped() };
        // The client is told if the connection still stands.
        let _ = self.queue(error_frame(self.id, &error));
    }
}

/// A frame with an error. Sentences that do not fit are left out.
pub(super) fn error_frame(id: u32, error: &WireError) -> OutFrame<Holds> {
    let frame = |error: &WireError| {
        let body = codec::encode(error).ok()?;
        OutFrame::new(FrameKind::Error, id, body, Payload::Empty).ok()
    };
    frame(error)
        .or_else(|| frame(&WireError { retry: error.retry, ..WireError::new(error.code, "", "") }))
        .unwrap_or_else(|| OutFrame::empty(FrameKind::Error, id))
}

fn cancelled() -> WireError {
    WireError::new(ErrorCode::CANCELLED, "The request was cancelled.", "")
}

fn dropped() -> WireError {
    WireError::new(ErrorCode::INTERNAL, "The server could not finish the request.", "Try again.")
}

fn unsendable() -> WireError {
    WireError::new(
        ErrorCode::INTERNAL,
        "The answer is larger than a frame.",
        "Ask for a smaller page.",
    )
}
