//! Golden frames: the bytes of every message are fixed.

#[path = "support/golden.rs"]
mod golden;
#[path = "support/samples.rs"]
mod samples;

use coffer_protocol::frame::{FrameHeader, FrameKind, FrameLimits};
use coffer_protocol::message::{Answered, Hello, Welcome};
use coffer_protocol::{Request, WireError, codec};
use golden::Golden;
use samples::cluster::ROLES;
use samples::peer::{COURSES, REPLICA_KINDS};
use samples::recovered::HAPPENED;
use samples::sharing::{DEEDS, EDITS, MODES, RECIPIENTS, TRUSTS, WHICH_SHARES};
use samples::{
    REQUESTS, RESPONSES, errors, hello, request_name, requests, response_name, responses, welcome,
};
use std::fmt::Debug;

const REQUEST_ID: u32 = 0x0102_0304;

fn frame(
    kind: FrameKind,
    request_id: u32,
    name: &str,
    value: &impl Debug,
    body: Result<Vec<u8>, codec::CodecError>,
    payload: &[u8],
) -> Golden {
    let body = body.expect("encodes");
    let header = FrameHeader {
        body_len: u32::try_from(body.len()).expect("short"),
        payload_len: u32::try_from(payload.len()).expect("short"),
        kind,
        request_id,
    };
    Golden {
        name: name.to_owned(),
        value: format!("{value:?}"),
        header: header.encode().to_vec(),
        body,
        payload: payload.to_vec(),
    }
}

/// What this build writes.
fn built() -> Vec<Golden> {
    let (hello, welcome) = (hello(), welcome());
    let mut all = vec![
        frame(FrameKind::Hello, 0, "Hello", &hello, codec::encode(&hello), &[]),
        frame(FrameKind::Welcome, 0, "Welcome", &welcome, codec::encode(&welcome), &[]),
    ];
    for (value, payload) in requests() {
        let (name, body) = (request_name(&value), codec::encode(&value));
        all.push(frame(FrameKind::Request, REQUEST_ID, name, &value, body, payload));
    }
    for (value, payload) in responses() {
        let name = response_name(&value);
        let value = Answered { as_of: 70_000, response: value };
        let body = codec::encode(&value);
        all.push(frame(FrameKind::Response, REQUEST_ID, name, &value, body, payload));
    }
    for error in errors() {
        let body = codec::encode(&error);
        all.push(frame(FrameKind::Error, REQUEST_ID, "WireError", &error, body, &[]));
        let body = codec::encode(&error);
        all.push(frame(FrameKind::Goaway, 0, "WireError", &error, body, &[]));
    }
    for kind in [FrameKind::Cancel, FrameKind::Ping, FrameKind::Pong] {
        all.push(frame(kind, REQUEST_ID, "Empty", &kind, Ok(Vec::new()), &[]));
    }
    all
}

#[test]
fn every_message_has_its_golden_bytes() {
    let built = built();
    if std::env::var_os("COFFER_UPDATE_GOLDEN").is_some() {
        std::fs::write(golden::path(), golden::print(&built)).expect("written");
    }
    let stored = golden::read();
    for (built, stored) in built.iter().zip(&stored) {
        assert_eq!(built, stored, "the bytes of {} have changed", built.name);
    }
    assert_eq!(built.len(), stored.len(), "messages without golden bytes, or the other way round");
}

#[test]
fn every_variant_has_a_golden_frame() {
    let stored = golden::read();
    for name in ["Hello", "Welcome", "WireError"].iter().chain(REQUESTS).chain(RESPONSES) {
        assert!(stored.iter().any(|frame| frame.name == *name), "{name} has no golden frame");
    }
    // Every kind of frame.
    for kind in 1..=9 {
        assert!(stored.iter().any(|frame| frame.header[8] == kind), "no frame of kind {kind}");
    }
}

/// A field that holds one of several variants is shown with each of them.
#[test]
fn every_variant_inside_a_message_has_a_golden_frame() {
    let stored = golden::read();
    for (field, variants) in [
        ("deed", DEEDS),
        ("edit", EDITS),
        ("mode", MODES),
        ("with", RECIPIENTS),
        ("trust", TRUSTS),
        ("which", WHICH_SHARES),
        ("kind", REPLICA_KINDS),
        ("course", COURSES),
        ("role", ROLES),
        ("happened", HAPPENED),
    ] {
        for variant in variants {
            let (_, short) = variant.split_once("::").expect("type and variant");
            let shown = format!("{field}: {short}");
            assert!(stored.iter().any(|frame| frame.value.contains(&shown)), "{variant}");
        }
    }
}

#[test]
fn variants_keep_their_numbers() {
    // A response stands behind the number of an entry, five bytes of it here.
    for (all, prefix, at) in [(REQUESTS, "Request::", 0), (RESPONSES, "Response::", 5)] {
        let mut last = None;
        for frame in golden::read().iter().filter(|frame| frame.name.starts_with(prefix)) {
            let number = all.iter().position(|name| *name == frame.name).expect("known");
            assert_eq!(usize::from(frame.body[at]), number, "{}", frame.name);
            assert!(last.is_none_or(|last| last <= number));
            last = Some(number);
        }
    }
}

#[test]
fn golden_frames_decode_to_what_they_were_made_from() {
    for frame in golden::read() {
        let head = frame.header[..].try_into().expect("sixteen bytes");
        let header = FrameHeader::decode(head, FrameLimits::SIGNED_IN).expect("a header");
        assert_eq!(header.body_len as usize, frame.body.len());
        assert_eq!(header.payload_len as usize, frame.payload.len());
        let value = match header.kind {
            FrameKind::Hello => shown(codec::decode::<Hello>(&frame.body)),
            FrameKind::Welcome => shown(codec::decode::<Welcome>(&frame.body)),
            FrameKind::Request => shown(codec::decode::<Request>(&frame.body)),
            FrameKind::Response => shown(codec::decode::<Answered>(&frame.body)),
            FrameKind::Error | FrameKind::Goaway => shown(codec::decode::<WireError>(&frame.body)),
            kind => format!("{kind:?}"),
        };
        assert_eq!(value, frame.value);
    }
}

fn shown<T: Debug>(decoded: Result<T, codec::CodecError>) -> String {
    format!("{:?}", decoded.expect("decodes"))
}
