//! The fixed frame header: 16 bytes, big-endian.
//!
//! ```text
//! 0  4  body length     bincode bytes that follow the header
//! 4  4  payload length  raw bytes that follow the body
//! 8  1  kind            FrameKind
//! 9  1  flags           zero
//! 10 2  reserved        zero
//! 12 4  request id      chosen by the side that asks; 0 for the connection itself
//! ```

use crate::limits::{FRAME_HEADER_BYTES, MAX_BODY_BYTES, MAX_PAYLOAD_BYTES};
use thiserror::Error;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// Client's first frame: `message::Hello`.
    Hello = 1,
    /// Server's answer to it: `message::Welcome`.
    Welcome = 2,
    /// `message::Request`, with a payload where the request has one.
    Request = 3,
    /// `message::Response`, with a payload where the response has one.
    Response = 4,
    /// `WireError` in answer to a request; request id 0: about the connection.
    Error = 5,
    /// Empty. The client no longer wants the answer to this request id.
    Cancel = 6,
    /// Empty. Keep-alive question.
    Ping = 7,
    /// Empty. Keep-alive answer.
    Pong = 8,
    /// `WireError`: the server finishes what is in flight and closes.
    Goaway = 9,
}

impl FrameKind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Request,
            4 => Self::Response,
            5 => Self::Error,
            6 => Self::Cancel,
            7 => Self::Ping,
            8 => Self::Pong,
            9 => Self::Goaway,
            _ => return None,
        })
    }
}

/// A decoded frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bincode bytes that follow the header.
    pub body_len: u32,
    /// Raw bytes that follow the body.
    pub payload_len: u32,
    /// What the frame carries.
    pub kind: FrameKind,
    /// Which request the frame belongs to; 0 for the connection itself.
    pub request_id: u32,
}

/// Why a header was refused. The connection cannot go on after any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The kind byte is not one of `FrameKind`.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// Flags or reserved bytes are not zero.
    #[error("reserved header bytes are not zero")]
    ReservedNotZero,
    /// The body is longer than allowed at this point of the connection.
    #[error("frame body of {claimed} bytes exceeds the limit of {limit}")]
    BodyTooLong {
        /// Length in the header.
        claimed: u32,
        /// Limit in force.
        limit: usize,
    },
    /// The payload is longer than allowed at this point of the connection.
    #[error("frame payload of {claimed} bytes exceeds the limit of {limit}")]
    PayloadTooLong {
        /// Length in the header.
        claimed: u32,
        /// Limit in force.
        limit: usize,
    },
}

/// Bounds on a frame at one point of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Largest body.
    pub body: usize,
    /// Largest payload.
    pub payload: usize,
}

impl FrameLimits {
    /// Bounds once the session is signed in, and for everything a server sends.
    pub const SIGNED_IN: FrameLimits =
        FrameLimits { body: MAX_BODY_BYTES, payload: MAX_PAYLOAD_BYTES };
    /// Bounds on what a client may send before it has signed in.
    pub const BEFORE_SIGN_IN: FrameLimits =
        FrameLimits { body: crate::limits::MAX_BODY_BYTES_BEFORE_SIGN_IN, payload: 0 };
}

impl FrameHeader {
    /// Lays the header out.
    pub fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut out = [0; FRAME_HEADER_BYTES];
        out[0..4].copy_from_slice(&self.body_len.to_be_bytes());
        out[4..8].copy_from_slice(&self.payload_len.to_be_bytes());
        out[8] = self.kind as u8;
        out[12..16].copy_from_slice(&self.request_id.to_be_bytes());
        out
    }

    /// Reads a header and checks it against `limits` before anything is allocated.
    pub fn decode(
        bytes: &[u8; FRAME_HEADER_BYTES],
        limits: FrameLimits,
    ) -> Result<Self, FrameError> {
        let [b0, b1, b2, b3, p0, p1, p2, p3, kind, flags, r0, r1, i0, i1, i2, i3] = *bytes;
        let kind = FrameKind::from_byte(kind).ok_or(FrameError::UnknownKind(kind))?;
        if [flags, r0, r1] != [0; 3] {
            return Err(FrameError::ReservedNotZero);
        }
        let body_len = u32::from_be_bytes([b0, b1, b2, b3]);
        let payload_len = u32::from_be_bytes([p0, p1, p2, p3]);
        if body_len as usize > limits.body {
            return Err(FrameError::BodyTooLong { claimed: body_len, limit: limits.body });
        }
        if payload_len as usize > limits.payload {
            return Err(FrameError::PayloadTooLong { claimed: payload_len, limit: limits.payload });
        }
        let request_id = u32::from_be_bytes([i0, i1, i2, i3]);
        Ok(Self { body_len, payload_len, kind, request_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FrameHeader {
        FrameHeader { body_len: 258, payload_len: 65_536, kind: FrameKind::Request, request_id: 7 }
    }

    #[test]
    fn golden_header() {
        let golden = [0, 0, 1, 2, 0, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(header().encode(), golden);
        assert_eq!(FrameHeader::decode(&golden, FrameLimits::SIGNED_IN), Ok(header()));
    }

    #[test]
    fn lies_about_the_length_are_refused_before_allocation() {
        let mut bytes = header().encode();
        bytes[0..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(
            FrameHeader::decode(&bytes, FrameLimits::SIGNED_IN),
            Err(FrameError::BodyTooLong { .. })
        ));
        assert!(matches!(
            FrameHeader::decode(&header().encode(), FrameLimits::BEFORE_SIGN_IN),
            Err(FrameError::PayloadTooLong { .. })
        ));
    }

    #[test]
    fn unknown_kinds_and_reserved_bits_are_refused() {
        for position in [9, 10, 11] {
            let mut bytes = header().encode();
            bytes[position] = 1;
            let refused = FrameHeader::decode(&bytes, FrameLimits::SIGNED_IN);
            assert_eq!(refused, Err(FrameError::ReservedNotZero));
        }
        for kind in [0, 10, 255] {
            let mut bytes = header().encode();
            bytes[8] = kind;
            let refused = FrameHeader::decode(&bytes, FrameLimits::SIGNED_IN);
            assert_eq!(refused, Err(FrameError::UnknownKind(kind)));
        }
    }
}
