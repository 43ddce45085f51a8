//! Whole frames: the header against the limits, then the body as its kind says.

use super::{Outcome, Target, message, refused};
use coffer_protocol::frame::{FrameHeader, FrameKind, FrameLimits};
use coffer_protocol::limits::FRAME_HEADER_BYTES;
use coffer_protocol::message::{Answered, Hello, Request, Welcome};
use coffer_protocol::{WireError, codec};

pub(super) const TARGET: Target = Target { name: "frame", words: &[], corpus, run };

fn frame(kind: FrameKind, body: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        body_len: body.len() as u32,
        payload_len: payload.len() as u32,
        kind,
        request_id: 7,
    };
    [&header.encode()[..], body, payload].concat()
}

fn corpus() -> Vec<Vec<u8>> {
    let mut frames = vec![
        frame(FrameKind::Ping, &[], &[]),
        frame(FrameKind::Pong, &[], &[]),
        frame(FrameKind::Cancel, &[], &[]),
    ];
    for (kind, bodies) in [
        (FrameKind::Hello, (message::HELLO.corpus)()),
        (FrameKind::Welcome, (message::WELCOME.corpus)()),
        (FrameKind::Request, (message::REQUEST.corpus)()),
        (FrameKind::Response, (message::RESPONSE.corpus)()),
        (FrameKind::Error, (message::WIRE_ERROR.corpus)()),
        (FrameKind::Goaway, (message::WIRE_ERROR.corpus)()),
    ] {
        frames.extend(bodies.iter().map(|body| frame(kind, body, b"payload")));
    }
    frames
}

fn run(input: &[u8]) -> Outcome {
    let Some((head, rest)) = input.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Err("no header".to_owned());
    };
    let strict = FrameHeader::decode(head, FrameLimits::BEFORE_SIGN_IN);
    let header = FrameHeader::decode(head, FrameLimits::SIGNED_IN).map_err(refused)?;
    assert_eq!(header.encode(), *head, "two encodings of one header");
    if let Ok(strict) = strict {
        assert_eq!(strict, header, "the limits change what is read");
    }
    let body = rest.get(..header.body_len as usize).ok_or("the body is cut off")?;
    match header.kind {
        FrameKind::Hello => codec::decode::<Hello>(body).map(drop).map_err(refused),
        FrameKind::Welcome => codec::decode::<Welcome>(body).map(drop).map_err(refused),
        FrameKind::Request => codec::decode::<Request>(body).map(drop).map_err(refused),
        FrameKind::Response => codec::decode::<Answered>(body).map(drop).map_err(refused),
        FrameKind::Error | FrameKind::Goaway => {
            codec::decode::<WireError>(body).map(drop).map_err(refused)
        }
        FrameKind::Cancel | FrameKind::Ping | FrameKind::Pong => Ok(()),
    }
}
