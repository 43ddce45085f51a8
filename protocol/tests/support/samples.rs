//! At least one example of every message, and the names of all variants.
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "cluster.rs"]
pub(crate) mod cluster;
#[path = "peer.rs"]
pub(crate) mod peer;
#[path = "recovered.rs"]
pub(crate) mod recovered;
#[path = "sharing.rs"]
pub(crate) mod sharing;

use coffer_protocol::error::Conflict;
use coffer_protocol::message::account::*;
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::transfer::*;
use coffer_protocol::message::tree::*;
use coffer_protocol::message::work::*;
use coffer_protocol::message::{Hello, Welcome, Window};
use coffer_protocol::version::Features;
use coffer_protocol::{
    Base, ErrorCode, Hash32, NodeId, OpId, Place, Position, Request, Response, Retry, ServerId,
    SessionId, UploadId, UserId, WireError,
};

/// Names the variant of a value, by a match that a new variant breaks, and
/// lists all names.
macro_rules! variants {
    ($name:ident, $all:ident, $type:ident: $($variant:ident)+) => {
        pub(crate) fn $name(value: &$type) -> &'static str {
            match value {
                $($type::$variant { .. } => concat!(stringify!($type), "::", stringify!($variant))),+
            }
        }

        pub(crate) const $all: &[&str] =
            &[$(concat!(stringify!($type), "::", stringify!($variant))),+];
    };
}

pub(crate) use variants;

variants!(request_name, REQUESTS, Request:
    LoginStart LoginFinish Attach SignupStart SignupFinish Logout WhoAmI ProveAgain
    ReplaceCredentials DeleteAccount Stat List Walk MakeDirs Move Copy Delete TrashList
    RestoreTrash PurgeTrash Versions RestoreVersion PurgeVersions PutFiles PutChunk
    CommitUpload AbortUpload OpenFile ReadPlan ReadChunk ReadFiles Share Unshare LeaveShare
    ListShares FindShared EditGroup ListGroups FindContact ConfirmContact TrashIn Watch
    ListActivity Join PeerHello PullEntries PullChunk PullInline Progress ShowEpoch Cluster
    Await BeginSnapshot PullRows PullKeys EndSnapshot PullRow PullWants OfferChunk OfferRow
    OfferEntry StepDown Rejoin PutDiverged KeepDiverged ListDiverged
    DismissDiverged OfferContent ListUploads AskWork ProveWork KnowDevice AskDevice
    ProveContent);

variants!(response_name, RESPONSES, Response:
    Done LoginChallenge LoginDone Account Entry List Walk Made Written Outcomes Trash Purged
    Versions BatchWritten File Plan Chunk BatchRead Shared Changed Shares Share GroupChanged
    Groups Contact Events Activity Joined PeerWelcome PulledEntries PulledInline Cluster
    SnapshotBegun PulledRows PulledRow Wants SteppedDown Rejoined Diverged Dismissed Needed
    Uploads Work Device Unproven);

pub(crate) const OP: OpId = OpId([0xA0; 16]);
pub(crate) const NODE: NodeId = NodeId([0xB0; 16]);
pub(crate) const PARENT: NodeId = NodeId([0xB1; 16]);
pub(crate) const UPLOAD: UploadId = UploadId([0xC0; 16]);
pub(crate) const USER: UserId = UserId([0xD0; 16]);
pub(crate) const SESSION: SessionId = SessionId([0xD1; 16]);
pub(crate) const HASH: Hash32 = Hash32([0xE0; 32]);
pub(crate) const POSITION: Position = Position { epoch: 2, seq: 70_000 };
pub(crate) const MILLIS: i64 = 1_790_000_000_123;

pub(crate) fn place() -> Place {
    Place { base: Base::Home, names: vec!["photos".to_owned(), "été.jpg".to_owned()] }
}

fn proof() -> LoginFinish {
    LoginFinish { proof: [0x11; 32], unlock: [0x12; 48] }
}

fn credential(byte: u8) -> Credential {
    Credential { stored_key: [byte; 32], server_key: [byte + 1; 32], unlock_key: [byte + 2; 32] }
}

pub(crate) fn entry() -> Entry {
    Entry {
        node: NODE,
        parent: PARENT,
        name: "été.jpg".to_owned(),
        kind: Kind::File,
        size: 5_000_000_000,
        modified_millis: -1,
        created_millis: MILLIS,
        executable: true,
        revision: 300,
        content_hash: HASH,
        machines: 2,
    }
}

fn written() -> Written {
    Written { node: NODE, revision: 9, position: POSITION, machines: 2, case_collision: false }
}

pub(crate) fn conflict() -> WireError {
    WireError {
        conflict: Some(Conflict { by: "bob".to_owned(), at_millis: MILLIS, revision: 8 }),
        ..WireError::new(ErrorCode::CONFLICT, "Bob was first.", "Keep both?").retry_after(250)
    }
}

fn account_requests() -> Vec<(Request, &'static [u8])> {
    let name = || "alice".to_owned();
    let start = |secret| LoginStart { user_name: name(), secret, client_nonce: [0x10; 32] };
    let signup = SignupFinish {
        user_name: name(),
        invite: None,
        password: credential(0x20),
        recovery: credential(0x30),
        contact: Some("alice@example.org".to_owned()),
    };
    let replace = NewCredentials {
        proof: proof(),
        password: credential(0x40),
        recovery: Some(credential(0x50)),
    };
    let requests = vec![
        Request::LoginStart(start(SecretKind::Password)),
        Request::LoginStart(start(SecretKind::Recovery)),
        Request::LoginFinish(proof()),
        Request::Attach(Attach { session_id: SESSION, mac: [0x13; 32] }),
        Request::SignupStart(SignupStart { user_name: name(), invite: Some("AB-12".to_owned()) }),
        Request::SignupFinish(Box::new(signup)),
        Request::Logout,
        Request::WhoAmI,
        Request::ProveAgain(SecretKind::Recovery),
        Request::ReplaceCredentials(Box::new(replace)),
        Request::DeleteAccount(proof()),
        Request::AskWork(Purpose::Upload),
        Request::ProveWork(WorkProof {
            challenge: [0x14; 60],
            nonces: [1, 2, 3, 4, 5, 6, 7, 1 << 40],
        }),
        Request::KnowDevice(DeviceToken { token: [0x15; 89] }),
        Request::AskDevice,
    ];
    requests.into_iter().map(|request| (request, &b""[..])).collect()
}

fn directory_requests() -> Vec<Request> {
    let dir = |names: &[&str], modified_millis| NewDir {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        modified_millis,
    };
    vec![
        Request::Stat(Stat { place: Place::node(NODE) }),
        Request::List(List { place: Place::home(), cursor: None, limit: 1000 }),
        Request::List(List { place: place(), cursor: Some(HASH), limit: 10 }),
        Request::Walk(Walk {
            place: Place::child(NODE, "src"),
            pattern: Some("*.rs".to_owned()),
            cursor: vec![1, 2, 3],
            limit: 250,
        }),
        Request::MakeDirs(MakeDirs {
            op: OP,
            base: Place::home(),
            dirs: vec![dir(&["a"], None), dir(&["a", "b"], Some(MILLIS))],
            adopt: true,
            parents: false,
        }),
        Request::Move(Move { op: OP, from: place(), to: Place::child(NODE, "x"), replace: true }),
        Request::Copy(Copy {
            op: OP,
            items: vec![CopyItem { from: place(), to: place(), expect: Expect::Revision(251) }],
        }),
        Request::Delete(Delete {
            op: OP,
            items: vec![
                DeleteItem { place: place(), revision: Some(65_536) },
                DeleteItem { place: Place::node(NODE), revision: None },
            ],
            recursive: true,
        }),
    ]
}

fn history_requests() -> Vec<Request> {
    vec![
        Request::TrashList(TrashList { cursor: None, limit: 100 }),
        Request::TrashList(TrashList { cursor: Some((MILLIS, NODE)), limit: 100 }),
        Request::RestoreTrash(RestoreTrash { op: OP, node: NODE, to: Some(place()) }),
        Request::PurgeTrash(PurgeTrash { op: OP, what: PurgeWhat::Nodes(vec![NODE, PARENT]) }),
        Request::PurgeTrash(PurgeTrash { op: OP, what: PurgeWhat::Everything }),
        Request::Versions(Versions { place: place(), before: Some(7), limit: 50 }),
        Request::RestoreVersion(RestoreVersion { op: OP, place: place(), revision: 3 }),
        Request::PurgeVersions(PurgeVersions { op: OP, place: place(), revisions: vec![1, 2] }),
    ]
}

fn transfer_requests() -> Vec<(Request, &'static [u8])> {
    let file = |name: &str, len, expect| PutFile {
        to: Place::child(PARENT, name),
        len,
        hash: HASH,
        modified_millis: MILLIS,
        executable: false,
        expect,
    };
    let files = vec![file("a", 5, Expect::Absent), file("b", 0, Expect::Anything)];
    let commit = CommitUpload {
        op: OP,
        upload: UPLOAD,
        to: place(),
        size: 1 << 40,
        chunks: 1 << 20,
        content_hash: HASH,
        modified_millis: MILLIS,
        executable: true,
        expect: Expect::Revision(1),
    };
    let chunk = PutChunk { upload: UPLOAD, index: 70_000, hash: HASH };
    let offer = OfferContent {
        upload: UPLOAD,
        to: place(),
        expect: Expect::Absent,
        size: Some(1 << 33),
        first: 300,
        chunks: vec![PlanChunk { hash: HASH, len: 1 << 20 }],
    };
    let proofs = vec![ContentProof { place: 300, proof: [0x70; 32] }];
    let prove = ProveContent { upload: UPLOAD, proofs };
    vec![
        (Request::PutFiles(PutFiles { op: OP, files }), b"hello"),
        (Request::PutChunk(chunk), b"\x00\xFF chunk"),
        (Request::OfferContent(Box::new(offer)), b""),
        (Request::ProveContent(prove), b""),
        (Request::ListUploads(ListUploads { after: Some(UPLOAD), limit: 100 }), b""),
        (Request::CommitUpload(commit), b""),
        (Request::AbortUpload(AbortUpload { upload: UPLOAD }), b""),
        (Request::OpenFile(OpenFile { place: place(), revision: Some(4) }), b""),
        (Request::ReadPlan(ReadPlan { node: NODE, revision: 4, offset: 1 << 32 }), b""),
        (Request::ReadChunk(ReadChunk { node: NODE, revision: 4, index: 250 }), b""),
        (Request::ReadFiles(ReadFiles { nodes: vec![NODE, PARENT] }), b""),
    ]
}

/// Requests with their payloads.
pub(crate) fn requests() -> Vec<(Request, &'static [u8])> {
    let mut all = account_requests();
    let tree = directory_requests().into_iter().chain(history_requests());
    all.extend(tree.map(|request| (request, &b""[..])));
    all.extend(transfer_requests());
    let others = sharing::requests().into_iter().chain(cluster::requests());
    let others = others.chain(recovered::requests());
    all.extend(others.map(|request| (request, &b""[..])));
    all.extend(peer::requests());
    all.sort_by_key(|(request, _)| REQUESTS.iter().position(|name| *name == request_name(request)));
    all
}

fn account_responses() -> Vec<Response> {
    let kdf = KdfParams { id: 1, iterations: 600_000 };
    let challenge = LoginChallenge { salt: [0x60; 32], kdf, server_nonce: [0x61; 32] };
    let done = LoginDone {
        server_signature: [0x62; 32],
        user_id: USER,
        home: NODE,
        session_id: SESSION,
        position: POSITION,
    };
    let account = AccountInfo {
        most_bytes: Some(50 << 30),
        most_nodes: None,
        user_id: USER,
        user_name: "alice".to_owned(),
        contact: None,
        created_millis: MILLIS,
        home: NODE,
        nodes: 1_000_000,
        bytes: 1 << 41,
        position: POSITION,
        machines: 1,
    };
    vec![
        Response::Done,
        Response::LoginChallenge(challenge),
        Response::LoginDone(done),
        Response::Account(account),
        Response::Work(WorkChallenge { challenge: [0x14; 60] }),
        Response::Device(DeviceToken { token: [0x15; 89] }),
    ]
}

fn tree_responses() -> Vec<Response> {
    let above = || vec!["a".to_owned(), "b".to_owned()];
    let (entries, damaged) = (vec![entry()], vec![PARENT]);
    let list = ListPage { directory: PARENT, entries, damaged, next: Some(HASH) };
    let walked = vec![WalkEntry { above: above(), entry: entry() }];
    let walk = WalkPage { entries: walked, damaged: vec![], next: vec![9, 8] };
    let made = Made { base: PARENT, nodes: vec![NODE, NODE], position: POSITION, machines: 2 };
    let outcomes =
        Outcomes { items: vec![Ok(NODE), Err(conflict())], position: POSITION, machines: 1 };
    let trashed = TrashEntry { entry: entry(), above: above(), deleted_millis: MILLIS };
    let next = Some((MILLIS, NODE));
    let trash = TrashPage { entries: vec![trashed], damaged: vec![NODE], next };
    let purged = Purged { count: 512, more: true, position: POSITION, machines: 2 };
    let version = Version {
        revision: 3,
        size: 17,
        modified_millis: MILLIS,
        written_millis: MILLIS,
        author: "alice".to_owned(),
        content_hash: HASH,
        current: true,
    };
    let versions = VersionPage { versions: vec![version], damaged: vec![2], next: Some(2) };
    vec![
        Response::Entry(Entry { kind: Kind::Directory, ..entry() }),
        Response::List(list),
        Response::Walk(walk),
        Response::Made(made),
        Response::Written(written()),
        Response::Outcomes(outcomes),
        Response::Trash(trash),
        Response::Purged(purged),
        Response::Versions(versions),
    ]
}

fn transfer_responses() -> Vec<(Response, &'static [u8])> {
    let plan = Plan { first: 300, offset: 1 << 33, chunks: vec![PlanChunk { hash: HASH, len: 9 }] };
    let file =
        BatchFile { len: 5, hash: HASH, revision: 2, modified_millis: MILLIS, executable: true };
    let gone = WireError::new(ErrorCode::NOT_FOUND, "Nothing there.", "");
    let pending = PendingUpload {
        upload: UPLOAD,
        name: Some("film.mkv".to_owned()),
        bytes: 1 << 33,
        created_millis: MILLIS,
        touched_millis: MILLIS,
    };
    let unproven = Unproven { needed: vec![true, false], places: vec![300], nonce: [0x71; 32] };
    let written = BatchWritten { files: vec![Ok(written()), Err(conflict())] };
    vec![
        (Response::BatchWritten(written), b""),
        (Response::File(FileInfo { entry: entry(), chunks: 5000 }), b""),
        (Response::Plan(plan), b""),
        (Response::Chunk, b"\x00\xFF chunk"),
        (Response::Uploads(UploadPage { uploads: vec![pending], next: None }), b""),
        (Response::Unproven(unproven), b""),
        (Response::Needed(Needed { chunks: vec![true, false] }), b""),
        (Response::BatchRead(BatchRead { files: vec![Ok(file), Err(gone)] }), b"hello"),
    ]
}

/// Responses with their payloads.
pub(crate) fn responses() -> Vec<(Response, &'static [u8])> {
    let plain = account_responses().into_iter().chain(tree_responses());
    let plain = plain.map(|response| (response, &b""[..])).chain(transfer_responses());
    let sharing = sharing::responses().into_iter().map(|response| (response, &b""[..]));
    let peers = cluster::responses().into_iter().chain(peer::responses());
    let peers = peers.chain(recovered::responses());
    let mut all: Vec<_> = plain.chain(sharing).chain(peers).collect();
    all.sort_by_key(|(response, _)| {
        RESPONSES.iter().position(|name| *name == response_name(response))
    });
    all
}

pub(crate) fn hello() -> Hello {
    Hello { oldest: 2, newest: 2, features: Features::ATTACH, agent: "coffer 0.1.0".to_owned() }
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        version: 2,
        features: Features(0x8000_0000_0000_0001),
        server_id: ServerId([0xF0; 32]),
        epoch: 2,
        role: ServerRole::Primary,
        agent: "coffer-server 0.1.0".to_owned(),
        window: Window { requests: 256, bytes: 16 << 20 },
    }
}

pub(crate) fn errors() -> Vec<WireError> {
    let limited = WireError::new(ErrorCode::RATE_LIMITED, "Too many attempts.", "Wait a minute.");
    assert_eq!(limited.retry, Retry::Never);
    vec![conflict(), limited.retry_after(60_000), WireError::new(ErrorCode(9999), "", "")]
}
