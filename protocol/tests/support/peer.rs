//! Examples of the messages between a replica and its source.

use super::cluster::{endpoint, proof};
use super::{MILLIS, POSITION, variants};
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::peer::*;
use coffer_protocol::{BlobId, ReplicaId, Request, Response, ServerId};

variants!(kind_name, REPLICA_KINDS, ReplicaKind: Keyless Standby);
variants!(course_name, COURSES, Course: Follow Snapshot Fork);

const REPLICA: ReplicaId = ReplicaId([0xC2; 16]);
const BLOB: BlobId = BlobId([0xC3; 32]);
const SNAPSHOT: [u8; 16] = [0xC4; 16];

fn join(kind: ReplicaKind) -> Request {
    let listen = "replica.example.org:7440".to_owned();
    Request::Join(Join { token: [0x70; 32], kind, listen, fingerprint: [0x71; 32] })
}

/// Requests with their payloads.
pub(crate) fn requests() -> Vec<(Request, &'static [u8])> {
    let hello = PeerHello {
        replica: REPLICA,
        mac: [0x72; 32],
        position: POSITION,
        chain_hash: [0x73; 32],
        empty: false,
        kind: ReplicaKind::Standby,
        member_mac: Some([0x74; 32]),
    };
    let plain = vec![
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
        Request::BeginSnapshot(BeginSnapshot { resume: None }),
        Request::BeginSnapshot(BeginSnapshot { resume: Some(SNAPSHOT) }),
        Request::PullRows(PullRows {
            snapshot: SNAPSHOT,
            table: 3,
            after: Some(vec![1, 2]),
            max_bytes: 1 << 20,
            digests: true,
        }),
        Request::PullKeys(PullKeys { snapshot: SNAPSHOT, table: 3, keys: vec![vec![1, 2]] }),
        Request::EndSnapshot(EndSnapshot { snapshot: SNAPSHOT }),
        Request::PullRow(PullRow { row: row() }),
        Request::PullWants(PullWants { wait_millis: 5000 }),
        Request::StepDown,
        Request::Rejoin(Rejoin {
            mac: [0x77; 32],
            listen: "old.example.org:7440".to_owned(),
            fingerprint: [0x78; 32],
            head: POSITION,
        }),
        Request::KeepDiverged,
    ];
    let offered_row =
        |found| OfferRow { row: row(), position: POSITION, chain_hash: [0x79; 32], found };
    let offers: [(Request, &[u8]); 5] = [
        (Request::OfferChunk(OfferChunk { blob: BLOB, found: true }), b"chunk"),
        (Request::OfferRow(offered_row(true)), b"row"),
        (Request::OfferRow(offered_row(false)), b""),
        (Request::OfferEntry(OfferEntry { seq: 70_000, found: true }), b"entry"),
        (Request::PutDiverged(PutDiverged { rest: 0 }), b"entries"),
    ];
    plain.into_iter().map(|request| (request, &b""[..])).chain(offers).collect()
}

fn row() -> RowName {
    RowName { table: 3, key: vec![1, 2] }
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
    let welcome = |course| {
        let (endpoints, proof) = (vec![endpoint(ServerRole::Primary)], Some(proof()));
        (Response::PeerWelcome(PeerWelcome { head: POSITION, course, endpoints, proof }), &b""[..])
    };
    let begun = SnapshotBegun {
        snapshot: SNAPSHOT,
        position: POSITION,
        chain_hash: [0x7A; 32],
        root: [0x7B; 32],
        rows: 1_000_000,
    };
    let wants = Wants { chunks: vec![BLOB], rows: vec![row()], entries: vec![70_000] };
    let rejoined = Rejoined {
        replica: REPLICA,
        secret: [0x7C; 32],
        forks: vec![Fork { epoch: 3, seq: 70_000, hash: [0x7D; 32] }],
    };
    let at = PulledRow { position: POSITION, chain_hash: [0x7E; 32] };
    let pulled = PulledEntries { head: POSITION, head_millis: MILLIS, count: 2, rest: 0 };
    vec![
        (Response::Joined(Box::new(joined(None))), b""),
        (Response::Joined(Box::new(joined(Some([0x75; 32])))), b""),
        welcome(Course::Follow),
        welcome(Course::Snapshot),
        welcome(Course::Fork),
        (Response::PulledEntries(pulled), b"entries"),
        (Response::PulledInline(PulledInline { lengths: vec![Some(5), None] }), b"chunk"),
        (Response::SnapshotBegun(begun), b""),
        (Response::PulledRows(PulledRows { count: 1, next: Some(vec![1, 2]) }), b"rows"),
        (Response::PulledRow(at), b"row"),
        (Response::Wants(wants), b""),
        (Response::SteppedDown(SteppedDown { position: POSITION, chain_hash: [0x7F; 32] }), b""),
        (Response::Rejoined(Box::new(rejoined)), b""),
    ]
}
