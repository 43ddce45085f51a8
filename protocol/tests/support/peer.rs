//! Examples of the messages between a replica and its source.

use super::{MILLIS, POSITION, variants};
use coffer_protocol::message::peer::*;
use coffer_protocol::{BlobId, ReplicaId, Request, Response, ServerId};

variants!(kind_name, REPLICA_KINDS, ReplicaKind: Keyless Standby);
variants!(course_name, COURSES, Course: Follow Snapshot Fork);

const REPLICA: ReplicaId = ReplicaId([0xC2; 16]);
const BLOB: BlobId = BlobId([0xC3; 32]);

fn join(kind: ReplicaKind) -> Request {
    let listen = "replica.example.org:7440".to_owned();
    Request::Join(Join { token: [0x70; 32], kind, listen, fingerprint: [0x71; 32] })
}

pub(crate) fn requests() -> Vec<Request> {
    let hello = PeerHello {
        replica: REPLICA,
        mac: [0x72; 32],
        position: POSITION,
        chain_hash: [0x73; 32],
        empty: false,
    };
    vec![
        join(ReplicaKind::Keyless),
        join(ReplicaKind::Standby),
        Request::PeerHello(hello),
        Request::PullEntries(PullEntries {
            after: 70_000,
            offset: 0,
            max_bytes: 1 << 20,
            wait_millis: 5000,
        }),
        Request::PullChunk(PullChunk { blob: BLOB }),
        Request::PullInline(PullInline { blobs: vec![BLOB, BLOB] }),
        Request::Progress(Progress { received: 70_001, flushed: 70_000 }),
    ]
}

/// Responses with their payloads.
pub(crate) fn responses() -> Vec<(Response, &'static [u8])> {
    let joined = |master_key| Joined {
        server_id: ServerId([0xF0; 32]),
        replica: REPLICA,
        secret: [0x74; 32],
        check_value: [0x76; 32],
        master_key,
    };
    let welcome =
        |course| (Response::PeerWelcome(PeerWelcome { head: POSITION, course }), &b""[..]);
    let pulled = PulledEntries { head: POSITION, head_millis: MILLIS, count: 2, rest: 0 };
    vec![
        (Response::Joined(Box::new(joined(None))), b""),
        (Response::Joined(Box::new(joined(Some([0x75; 32])))), b""),
        welcome(Course::Follow),
        welcome(Course::Snapshot),
        welcome(Course::Fork),
        (Response::PulledEntries(pulled), b"entries"),
        (Response::PulledInline(PulledInline { lengths: vec![Some(5), None] }), b"chunk"),
    ]
}
