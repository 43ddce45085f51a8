//! How a server's connection ended: the one thing its owner logs about it.

use crate::link::{ReadError, WriteEnd};
use coffer_protocol::frame::FrameError;
use coffer_protocol::{ErrorCode, WireError};
use std::io;
use thiserror::Error;

/// What a client did that the protocol does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A header that is refused.
    #[error(transparent)]
    Header(#[from] FrameError),
    /// A kind of frame that only the other side sends, or only at the start.
    #[error("a frame of a kind that does not belong here")]
    UnexpectedKind,
    /// A control frame with a body or payload.
    #[error("a control frame that carries data")]
    ControlWithData,
    /// Request id 0, or one that is still in use.
    #[error("a request id that is not free")]
    RequestId,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The client closed it.
    #[error("closed by the client")]
    Client,
    /// The network lost it.
    #[error("lost: {0}")]
    Lost(io::ErrorKind),
    /// The client was not heard for too long.
    #[error("the client was silent for too long")]
    Silent,
    /// The client began a frame and did not end it in time.
    #[error("a frame took too long to arrive")]
    SlowFrame,
    /// The client does not read its answers.
    #[error("the client does not read its answers")]
    WriteStalled,
    /// The client did not sign in in time.
    #[error("no sign-in in time")]
    NoSignIn,
    /// The client broke the protocol.
    #[error("protocol fault: {0}")]
    Protocol(#[from] Fault),
    /// The server said goodbye, and everything in flight was finished.
    #[error("ended by the server")]
    Goodbye,
    /// The server said goodbye, and something in flight did not finish in time.
    #[error("ended by the server with requests unfinished")]
    Undrained,
    /// The server dropped it.
    #[error("given up by the server")]
    Aborted,
}

impl CloseReason {
    /// What the client is told before the connection closes, if anything.
    pub(super) fn farewell(&self) -> Option<WireError> {
        let error = |code, text: String| Some(WireError::new(code, text, ""));
        match self {
            Self::Protocol(Fault::Header(
                fault @ (FrameError::BodyTooLong { .. } | FrameError::PayloadTooLong { .. }),
            )) => error(ErrorCode::TOO_LARGE, fault.to_string()),
            Self::Protocol(fault) => error(ErrorCode::MALFORMED, fault.to_string()),
            Self::NoSignIn => error(ErrorCode::NOT_SIGNED_IN, self.to_string()),
            Self::Silent | Self::SlowFrame => error(ErrorCode::BUSY, self.to_string()),
            _ => None,
        }
    }
}

impl From<ReadError> for CloseReason {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Closed => Self::Client,
            ReadError::Silent => Self::Silent,
            ReadError::SlowFrame => Self::SlowFrame,
            ReadError::Frame(fault) => Self::Protocol(fault.into()),
            ReadError::Io(error) => Self::Lost(error.kind()),
        }
    }
}

impl From<WriteEnd> for CloseReason {
    fn from(end: WriteEnd) -> Self {
        match end {
            WriteEnd::Finished => Self::Goodbye,
            WriteEnd::Aborted => Self::Aborted,
            WriteEnd::Stalled => Self::WriteStalled,
            WriteEnd::Io(error) => Self::Lost(error.kind()),
        }
    }
}
