//! Decoding of hostile and random bytes, and round trips of random messages.

#[path = "support/samples.rs"]
mod samples;

use coffer_protocol::codec::{CodecError, decode, encode};
use coffer_protocol::frame::{FrameHeader, FrameLimits};
use coffer_protocol::limits::MAX_BODY_BYTES;
use coffer_protocol::link::Link;
use coffer_protocol::message::account::{LoginStart, SecretKind, SignupStart};
use coffer_protocol::message::transfer::{
    BatchFile, BatchRead, BatchWritten, CommitUpload, Plan, PlanChunk, PutFile, PutFiles, Written,
};
use coffer_protocol::message::tree::{
    Entry, Expect, Kind, ListPage, MakeDirs, NewDir, Outcomes, TrashEntry, TrashPage, Walk,
    WalkEntry, WalkPage,
};
use coffer_protocol::message::{Hello, Welcome};
use coffer_protocol::{
    Base, ErrorCode, Hash32, NodeId, OpId, Place, Position, Request, Response, Retry, UploadId,
    WireError,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::result::maybe_err;
use samples::{requests, responses};

/// Decodes as everything there is; what matters is that it comes back.
fn decode_as_everything(bytes: &[u8]) {
    let _ = decode::<Request>(bytes);
    let _ = decode::<Response>(bytes);
    let _ = decode::<WireError>(bytes);
    let _ = decode::<Hello>(bytes);
    let _ = decode::<Welcome>(bytes);
}

fn bodies() -> Vec<(String, Vec<u8>)> {
    let requests = requests().into_iter().map(|(r, _)| (format!("{r:?}"), encode(&r)));
    let responses = responses().into_iter().map(|(r, _)| (format!("{r:?}"), encode(&r)));
    requests.chain(responses).map(|(name, body)| (name, body.expect("encodes"))).collect()
}

#[test]
fn a_body_that_is_cut_or_continued_is_refused() {
    for (request, _) in requests() {
        let body = encode(&request).expect("encodes");
        for len in 0..body.len() {
            assert!(decode::<Request>(&body[..len]).is_err(), "{request:?} cut to {len} bytes");
        }
        let longer = [&body[..], &[0]].concat();
        assert!(
            matches!(decode::<Request>(&longer), Err(CodecError::TrailingBytes(1))),
            "{request:?} with a byte more"
        );
    }
    for (response, _) in responses() {
        let body = encode(&response).expect("encodes");
        for len in 0..body.len() {
            assert!(decode::<Response>(&body[..len]).is_err(), "{response:?} cut to {len} bytes");
        }
        let longer = [&body[..], &[0]].concat();
        assert!(matches!(decode::<Response>(&longer), Err(CodecError::TrailingBytes(1))));
    }
}

#[test]
fn every_changed_byte_of_every_message_is_survived() {
    for (_, body) in bodies() {
        for at in 0..body.len() {
            for value in [0, 1, 0x7F, 250, 251, 252, 253, 254, 255] {
                let mut changed = body.clone();
                changed[at] = value;
                decode_as_everything(&changed);
            }
        }
    }
}

#[test]
fn lists_and_texts_that_claim_too_much_are_refused_by_the_limit() {
    let is_read_files = |(request, _): &(Request, _)| matches!(request, Request::ReadFiles(_));
    let (request, _) = requests().into_iter().find(is_read_files).expect("a sample");
    let read_files = encode(&request).expect("encodes")[0];
    let hello = encode(&samples::hello()).expect("encodes");
    for claim in [1_u64 << 20, 1 << 32, 1 << 62, u64::MAX] {
        let length = [&[253][..], &claim.to_le_bytes()].concat();
        let list = [&[read_files][..], &length].concat();
        let refused = decode::<Request>(&list).expect_err("too long a list");
        assert!(refused.to_string().contains("LimitExceeded"), "{claim}: {refused}");
        // Place of `Stat`: base Home, then the names.
        let names = [&[10, 0][..], &length].concat();
        let refused = decode::<Request>(&names).expect_err("too long a list of names");
        assert!(refused.to_string().contains("LimitExceeded"), "{claim}: {refused}");
        // The agent text is the last field of Hello.
        let agent = [&hello[..hello.len() - 13], &length].concat();
        let refused = decode::<Hello>(&agent).expect_err("too long a text");
        assert!(refused.to_string().contains("LimitExceeded"), "{claim}: {refused}");
    }
}

#[test]
fn many_empty_names_cannot_grow_in_memory() {
    // Each empty name is one byte here and 24 bytes in memory.
    let count = u32::try_from(MAX_BODY_BYTES - 100).expect("small");
    let mut body = [&[10, 0, 252][..], &count.to_le_bytes()].concat();
    body.resize(MAX_BODY_BYTES, 0);
    let refused = decode::<Request>(&body).expect_err("too much memory");
    assert!(refused.to_string().contains("LimitExceeded"), "{refused}");
}

#[test]
fn a_message_longer_than_a_body_is_not_written() {
    let place = Place::child(NodeId([0; 16]), "x".repeat(MAX_BODY_BYTES));
    let request = Request::Stat(coffer_protocol::message::tree::Stat { place });
    assert!(matches!(encode(&request), Err(CodecError::TooLong(_))));
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<[u8; 16]>().prop_map(NodeId)
}

fn hash() -> impl Strategy<Value = Hash32> {
    any::<[u8; 32]>().prop_map(Hash32)
}

fn position() -> impl Strategy<Value = Position> {
    any::<(u64, u64)>().prop_map(|(epoch, seq)| Position { epoch, seq })
}

fn names() -> impl Strategy<Value = Vec<String>> {
    vec(".{0,20}", 0..5)
}

fn place() -> impl Strategy<Value = Place> {
    let base = prop_oneof![Just(Base::Home), node().prop_map(Base::Node)];
    (base, names()).prop_map(|(base, names)| Place { base, names })
}

fn expect() -> impl Strategy<Value = Expect> {
    prop_oneof![
        Just(Expect::Absent),
        Just(Expect::Anything),
        any::<u64>().prop_map(Expect::Revision)
    ]
}

fn error() -> impl Strategy<Value = WireError> {
    let retry = prop_oneof![Just(Retry::Never), any::<u32>().prop_map(Retry::AfterMillis)];
    let conflict =
        option::of((".*", any::<i64>(), any::<u64>()).prop_map(|(by, at_millis, revision)| {
            coffer_protocol::error::Conflict { by, at_millis, revision }
        }));
    (any::<u16>(), ".*", ".*", retry, conflict).prop_map(
        |(code, message, hint, retry, conflict)| WireError {
            code: ErrorCode(code),
            message,
            hint,
            retry,
            conflict,
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Directory)];
    let numbers = any::<(u64, i64, i64, bool, u64, u8)>();
    (node(), node(), ".*", kind, numbers, hash()).prop_map(
        |(node, parent, name, kind, numbers, content_hash)| {
            let (size, modified_millis, created_millis, executable, revision, machines) = numbers;
            Entry {
                node,
                parent,
                name,
                kind,
                size,
                modified_millis,
                created_millis,
                executable,
                revision,
                content_hash,
                machines,
            }
        },
    )
}

fn put_file() -> impl Strategy<Value = PutFile> {
    (place(), any::<(u32, i64, bool)>(), hash(), expect()).prop_map(
        |(to, (len, modified_millis, executable), hash, expect)| PutFile {
            to,
            len,
            hash,
            modified_millis,
            executable,
            expect,
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let op = || any::<[u8; 16]>().prop_map(OpId);
    let secret = prop_oneof![Just(SecretKind::Password), Just(SecretKind::Recovery)];
    let dir = (names(), any::<Option<i64>>())
        .prop_map(|(names, modified_millis)| NewDir { names, modified_millis });
    prop_oneof![
        (".*", secret, any::<[u8; 32]>()).prop_map(|(user_name, secret, client_nonce)| {
            Request::LoginStart(LoginStart { user_name, secret, client_nonce })
        }),
        (".*", option::of(".*")).prop_map(|(user_name, invite)| {
            Request::SignupStart(SignupStart { user_name, invite })
        }),
        (place(), option::of(".*"), vec(any::<u8>(), 0..60), any::<u32>()).prop_map(
            |(place, pattern, cursor, limit)| Request::Walk(Walk { place, pattern, cursor, limit })
        ),
        (op(), place(), vec(dir, 0..4), any::<(bool, bool)>()).prop_map(
            |(op, base, dirs, (adopt, parents))| {
                Request::MakeDirs(MakeDirs { op, base, dirs, adopt, parents })
            }
        ),
        (op(), vec(put_file(), 0..4))
            .prop_map(|(op, files)| Request::PutFiles(PutFiles { op, files })),
        (op(), any::<[u8; 16]>(), place(), any::<(u64, u64, i64, bool)>(), hash(), expect())
            .prop_map(|(op, upload, to, numbers, content_hash, expect)| {
                let (size, chunks, modified_millis, executable) = numbers;
                Request::CommitUpload(CommitUpload {
                    op,
                    upload: UploadId(upload),
                    to,
                    size,
                    chunks,
                    content_hash,
                    modified_millis,
                    executable,
                    expect,
                })
            }),
    ]
}

fn page() -> impl Strategy<Value = Response> {
    let damaged = || vec(node(), 0..3);
    let walked = (names(), entry()).prop_map(|(above, entry)| WalkEntry { above, entry });
    let trashed = (entry(), names(), any::<i64>())
        .prop_map(|(entry, above, deleted_millis)| TrashEntry { entry, above, deleted_millis });
    let listed = (node(), vec(entry(), 0..3), damaged(), option::of(hash()));
    prop_oneof![
        listed.prop_map(|(directory, entries, damaged, next)| {
            Response::List(ListPage { directory, entries, damaged, next })
        }),
        (vec(walked, 0..3), damaged(), vec(any::<u8>(), 0..40)).prop_map(
            |(entries, damaged, next)| Response::Walk(WalkPage { entries, damaged, next })
        ),
        (vec(trashed, 0..3), damaged(), option::of((any::<i64>(), node()))).prop_map(
            |(entries, damaged, next)| Response::Trash(TrashPage { entries, damaged, next })
        ),
    ]
}

fn outcome() -> impl Strategy<Value = Response> {
    let written = (node(), any::<u64>(), position(), any::<(u8, bool)>()).prop_map(
        |(node, revision, position, (machines, case_collision))| Written {
            node,
            revision,
            position,
            machines,
            case_collision,
        },
    );
    let file = (any::<(u32, u64, i64, bool)>(), hash()).prop_map(
        |((len, revision, modified_millis, executable), hash)| BatchFile {
            len,
            hash,
            revision,
            modified_millis,
            executable,
        },
    );
    let chunk = (hash(), any::<u32>()).prop_map(|(hash, len)| PlanChunk { hash, len });
    prop_oneof![
        (vec(maybe_err(node(), error()), 0..4), position(), any::<u8>()).prop_map(
            |(items, position, machines)| {
                Response::Outcomes(Outcomes { items, position, machines })
            }
        ),
        vec(maybe_err(written, error()), 0..4)
            .prop_map(|files| Response::BatchWritten(BatchWritten { files })),
        vec(maybe_err(file, error()), 0..4)
            .prop_map(|files| Response::BatchRead(BatchRead { files })),
        (any::<(u64, u64)>(), vec(chunk, 0..20)).prop_map(|((first, offset), chunks)| {
            Response::Plan(Plan { first, offset, chunks })
        }),
    ]
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..2000)) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn random_headers_never_panic(bytes in any::<[u8; 16]>()) {
        if let Ok(header) = FrameHeader::decode(&bytes, FrameLimits::SIGNED_IN) {
            assert_eq!(header.encode(), bytes);
            assert!(header.body_len as usize <= MAX_BODY_BYTES);
        }
    }

    #[test]
    fn random_links_never_panic(text in ".*", tail in ".*") {
        let _ = text.parse::<Link>();
        let _ = format!("coffer://{tail}").parse::<Link>();
    }

    #[test]
    fn random_paths_never_panic(text in ".*") {
        if let Ok(place) = Place::parse(&format!("/{text}")) {
            assert!(place.names.iter().all(|name| !name.is_empty() && !name.contains('/')));
        }
    }

    #[test]
    fn requests_come_back(request in request()) {
        let body = encode(&request).expect("encodes");
        assert_eq!(decode::<Request>(&body).expect("decodes"), request);
    }

    #[test]
    fn responses_come_back(response in prop_oneof![page(), outcome()]) {
        let body = encode(&response).expect("encodes");
        assert_eq!(decode::<Response>(&body).expect("decodes"), response);
    }

    #[test]
    fn errors_come_back(error in error()) {
        let body = encode(&error).expect("encodes");
        assert_eq!(decode::<WireError>(&body).expect("decodes"), error);
    }
}
