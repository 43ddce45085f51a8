//! Message bodies. Bincode has several encodings of one number, so a body need
//! not come back byte for byte; its value has to.

use super::{Outcome, Target, refused};
use coffer_protocol::codec::{decode, encode};
use coffer_protocol::message::account::{
    AccountInfo, Attach, Credential, KdfParams, LoginChallenge, LoginDone, LoginFinish, LoginStart,
    NewCredentials, SecretKind, SignupFinish, SignupStart,
};
use coffer_protocol::message::transfer::{
    BatchFile, BatchRead, BatchWritten, CommitUpload, FileInfo, Plan, PlanChunk, PutChunk, PutFile,
    PutFiles, ReadFiles, ReadPlan, Written,
};
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Entry, Expect, Kind, List, ListPage, MakeDirs, Move,
    NewDir, Outcomes, PurgeTrash, PurgeWhat, Stat, TrashEntry, TrashPage, Version, VersionPage,
    Walk, WalkEntry, WalkPage,
};
use coffer_protocol::message::{Hello, Request, Response, Welcome, Window};
use coffer_protocol::version::Features;
use coffer_protocol::{
    ErrorCode, Hash32, NodeId, OpId, Place, Position, ServerId, SessionId, UploadId, UserId,
    WireError,
};

const NODE: NodeId = NodeId([1; 16]);
const OP: OpId = OpId([2; 16]);
const HASH: Hash32 = Hash32([3; 32]);
const AT: Position = Position { epoch: 1, seq: 300 };
const WORDS: &[&[u8]] = &[
    b"\xfb\xff\xff",
    b"\xfc\xff\xff\xff\xff",
    b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xfe",
    b"\xff",
];

/// Everything a client asks.
pub(super) const REQUEST: Target =
    Target { name: "request", words: WORDS, corpus: requests, run: run_request };
/// Everything a server answers.
pub(super) const RESPONSE: Target =
    Target { name: "response", words: WORDS, corpus: responses, run: run_response };
/// The client's first frame.
pub(super) const HELLO: Target =
    Target { name: "hello", words: WORDS, corpus: hellos, run: run_hello };
/// The server's first frame.
pub(super) const WELCOME: Target =
    Target { name: "welcome", words: WORDS, corpus: welcomes, run: run_welcome };
/// Errors.
pub(super) const WIRE_ERROR: Target =
    Target { name: "wire-error", words: WORDS, corpus: errors, run: run_wire_error };

/// A target's decoder. Not generic: the traits of the codec stay inside it.
macro_rules! round_trip {
    ($name:ident, $message:ty) => {
        fn $name(input: &[u8]) -> Outcome {
            let value: $message = decode(input).map_err(refused)?;
            let bytes = encode(&value).map_err(refused)?;
            let again: $message = decode(&bytes).map_err(refused)?;
            assert!(again == value, "a message does not read back");
            Ok(())
        }
    };
}

round_trip!(run_request, Request);
round_trip!(run_response, Response);
round_trip!(run_hello, Hello);
round_trip!(run_welcome, Welcome);
round_trip!(run_wire_error, WireError);

fn place() -> Place {
    Place::child(NODE, "Gr\u{fc}\u{df}e.txt")
}

fn credential() -> Credential {
    Credential { stored_key: [4; 32], server_key: [5; 32], unlock_key: [6; 32] }
}

fn requests() -> Vec<Vec<u8>> {
    let all = [account_requests(), tree_requests(), transfer_requests()].concat();
    all.iter().filter_map(|request| encode(request).ok()).collect()
}

fn account_requests() -> Vec<Request> {
    let (user_name, secret) = ("alice".to_owned(), SecretKind::Password);
    let invite = Some("ABCD-1234".to_owned());
    let proof = LoginFinish { proof: [7; 32], unlock: [8; 48] };
    vec![
        Request::LoginStart(LoginStart {
            user_name: user_name.clone(),
            secret,
            client_nonce: [9; 32],
        }),
        Request::LoginFinish(proof.clone()),
        Request::Attach(Attach { session_id: SessionId([1; 16]), mac: [2; 32] }),
        Request::SignupStart(SignupStart { user_name: user_name.clone(), invite: invite.clone() }),
        Request::SignupFinish(Box::new(SignupFinish {
            user_name,
            invite,
            password: credential(),
            recovery: credential(),
            contact: Some("alice@example.org".to_owned()),
        })),
        Request::ReplaceCredentials(Box::new(NewCredentials {
            proof: proof.clone(),
            password: credential(),
            recovery: Some(credential()),
        })),
        Request::DeleteAccount(proof),
        Request::ProveAgain(SecretKind::Recovery),
        Request::Logout,
        Request::WhoAmI,
    ]
}

fn tree_requests() -> Vec<Request> {
    let walk =
        Walk { place: place(), pattern: Some("*.txt".to_owned()), cursor: vec![1; 40], limit: 9 };
    let dirs =
        vec![NewDir { names: vec!["a".to_owned(), "b".to_owned()], modified_millis: Some(-1) }];
    let copy = CopyItem { from: place(), to: Place::home(), expect: Expect::Revision(7) };
    let item = DeleteItem { place: place(), revision: Some(3) };
    vec![
        Request::Stat(Stat { place: place() }),
        Request::List(List { place: Place::home(), cursor: Some(HASH), limit: 1000 }),
        Request::Walk(walk),
        Request::MakeDirs(MakeDirs { op: OP, base: place(), dirs, adopt: true, parents: false }),
        Request::Move(Move { op: OP, from: place(), to: Place::home(), replace: true }),
        Request::Copy(Copy { op: OP, items: vec![copy] }),
        Request::Delete(Delete { op: OP, items: vec![item], recursive: true }),
        Request::PurgeTrash(PurgeTrash { op: OP, what: PurgeWhat::Nodes(vec![NODE; 3]) }),
    ]
}

fn transfer_requests() -> Vec<Request> {
    let file = PutFile {
        to: place(),
        len: 300,
        hash: HASH,
        modified_millis: 1_700_000_000_000,
        executable: false,
        expect: Expect::Absent,
    };
    let upload = UploadId([3; 16]);
    vec![
        Request::PutFiles(PutFiles { op: OP, files: vec![file.clone(), file] }),
        Request::PutChunk(PutChunk { upload, index: 70_000, hash: HASH }),
        Request::CommitUpload(CommitUpload {
            op: OP,
            upload,
            to: place(),
            size: 5 << 30,
            chunks: 5000,
            content_hash: HASH,
            modified_millis: -1,
            executable: true,
            expect: Expect::Anything,
        }),
        Request::ReadPlan(ReadPlan { node: NODE, revision: 4, offset: 1 << 40 }),
        Request::ReadFiles(ReadFiles { nodes: vec![NODE; 5] }),
    ]
}

fn entry() -> Entry {
    Entry {
        node: NODE,
        parent: NODE,
        name: "report.pdf".to_owned(),
        kind: Kind::File,
        size: 1 << 33,
        modified_millis: 1,
        created_millis: -2,
        executable: true,
        revision: 3,
        content_hash: HASH,
    }
}

fn error() -> WireError {
    WireError::new(ErrorCode::CONFLICT, "Somebody was first.", "Look again.").retry_after(250)
}

fn responses() -> Vec<Vec<u8>> {
    let all = [account_responses(), tree_responses(), transfer_responses()].concat();
    all.iter().filter_map(|response| encode(response).ok()).collect()
}

fn account_responses() -> Vec<Response> {
    vec![
        Response::Done,
        Response::LoginChallenge(LoginChallenge {
            salt: [1; 32],
            kdf: KdfParams { id: 1, iterations: 600_000 },
            server_nonce: [2; 32],
        }),
        Response::LoginDone(LoginDone {
            server_signature: [3; 32],
            user_id: UserId([4; 16]),
            home: NODE,
            session_id: SessionId([5; 16]),
            position: AT,
        }),
        Response::Account(AccountInfo {
            user_id: UserId([4; 16]),
            user_name: "alice".to_owned(),
            contact: None,
            created_millis: 1,
            home: NODE,
            nodes: 1_000_000,
            bytes: 1 << 50,
            position: AT,
            machines: 2,
        }),
    ]
}

fn tree_responses() -> Vec<Response> {
    let trashed =
        TrashEntry { entry: entry(), above: vec!["photos".to_owned()], deleted_millis: 7 };
    let version = Version {
        revision: 3,
        size: 9,
        modified_millis: 1,
        written_millis: 2,
        author: "alice".to_owned(),
        content_hash: HASH,
        current: true,
    };
    let walked = WalkEntry { above: vec!["photos".to_owned()], entry: entry() };
    vec![
        Response::Entry(entry()),
        Response::List(ListPage {
            directory: NODE,
            entries: vec![entry(); 3],
            damaged: vec![NODE],
            next: Some(HASH),
        }),
        Response::Walk(WalkPage { entries: vec![walked], damaged: vec![], next: vec![1; 9] }),
        Response::Outcomes(Outcomes { items: vec![Ok(NODE), Err(error())], position: AT }),
        Response::Trash(TrashPage {
            entries: vec![trashed],
            damaged: vec![],
            next: Some((-1, NODE)),
        }),
        Response::Versions(VersionPage { versions: vec![version], damaged: vec![2], next: None }),
    ]
}

fn transfer_responses() -> Vec<Response> {
    let written =
        Written { node: NODE, revision: 2, position: AT, machines: 1, case_collision: true };
    let read = BatchFile { len: 5, hash: HASH, revision: 2, modified_millis: 3, executable: false };
    let chunks = vec![PlanChunk { hash: HASH, len: 1 << 20 }; 20];
    vec![
        Response::Written(written.clone()),
        Response::BatchWritten(BatchWritten { files: vec![Ok(written), Err(error())] }),
        Response::File(FileInfo { entry: entry(), chunks: 8 }),
        Response::Plan(Plan { first: 4096, offset: 1 << 32, chunks }),
        Response::BatchRead(BatchRead { files: vec![Ok(read), Err(error())] }),
    ]
}

fn hellos() -> Vec<Vec<u8>> {
    let agent = "coffer 0.1.0".to_owned();
    let hello = Hello { oldest: 1, newest: 300, features: Features::SUPPORTED, agent };
    encode(&hello).into_iter().collect()
}

fn welcomes() -> Vec<Vec<u8>> {
    let welcome = Welcome {
        version: 1,
        features: Features::SUPPORTED,
        server_id: ServerId([6; 32]),
        epoch: 9,
        agent: "coffer-server 0.1.0".to_owned(),
        window: Window { requests: 256, bytes: 16 << 20 },
    };
    encode(&welcome).into_iter().collect()
}

fn errors() -> Vec<Vec<u8>> {
    let mut conflict = error();
    conflict.conflict = Some(coffer_protocol::error::Conflict {
        by: "bob".to_owned(),
        at_millis: 1_700_000_000_000,
        revision: 12,
    });
    [error(), conflict].iter().filter_map(|error| encode(error).ok()).collect()
}
