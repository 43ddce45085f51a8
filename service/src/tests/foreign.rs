//! Other people's nodes: whoever guesses an id gets nothing, whatever the
//! request.

use super::harness::{Bench, code, commit_upload, op, put_files};
use super::user::User;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::transfer::{OpenFile, ReadChunk, ReadFiles, ReadPlan};
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Expect, List, MakeDirs, Move, NewDir, PurgeTrash,
    PurgeVersions, PurgeWhat, RestoreTrash, RestoreVersion, Stat, TrashList, Versions, Walk,
};
use coffer_protocol::{NodeId, Place, Request, Response, UploadId, WireError};

struct Victim {
    home: NodeId,
    dir: NodeId,
    file: NodeId,
    trashed: NodeId,
}

async fn victim(anna: &User) -> Victim {
    let dir = anna.mkdir("/d").await.unwrap();
    let file = anna.put("/d/f", b"secret", Expect::Absent).await.unwrap().node;
    anna.put("/d/f", b"secret 2", Expect::Anything).await.unwrap();
    let trashed = anna.put("/t", b"old secret", Expect::Absent).await.unwrap().node;
    anna.rm("/t", false).await.unwrap();
    Victim { home: anna.node("/").await, dir, file, trashed }
}

/// Requests that name a node, which must all fail as a whole.
fn plain_requests(node: NodeId, own: &Place) -> Vec<Request> {
    let place = Place::node(node);
    let inside = Place::child(node, "f");
    let (limit, revision) = (10, 1);
    let new = || vec![NewDir { names: vec!["x".to_owned()], modified_millis: None }];
    vec![
        Request::Stat(Stat { place: place.clone() }),
        Request::Stat(Stat { place: inside.clone() }),
        Request::List(List { place: place.clone(), cursor: None, limit }),
        Request::Walk(Walk { place: place.clone(), pattern: None, cursor: Vec::new(), limit }),
        Request::MakeDirs(MakeDirs {
            op: op(),
            base: place.clone(),
            dirs: new(),
            adopt: true,
            parents: true,
        }),
        Request::Move(Move { op: op(), from: place.clone(), to: own.clone(), replace: true }),
        Request::Move(Move { op: op(), from: own.clone(), to: inside, replace: true }),
        Request::RestoreTrash(RestoreTrash { op: op(), node, to: Some(own.clone()) }),
        Request::RestoreTrash(RestoreTrash { op: op(), node, to: None }),
        Request::Versions(Versions { place: place.clone(), before: None, limit }),
        Request::RestoreVersion(RestoreVersion { op: op(), place: place.clone(), revision }),
        Request::PurgeVersions(PurgeVersions {
            op: op(),
            place: place.clone(),
            revisions: vec![1],
        }),
        Request::OpenFile(OpenFile { place: place.clone(), revision: None }),
        Request::OpenFile(OpenFile { place, revision: Some(1) }),
        Request::ReadPlan(ReadPlan { node, revision, offset: 0 }),
        Request::ReadChunk(ReadChunk { node, revision, index: 0 }),
    ]
}

/// Requests whose items must fail.
fn batches(node: NodeId, own: &Place) -> Vec<(Request, Bytes)> {
    let place = Place::node(node);
    let copy = |from: &Place, to: &Place| {
        let (from, to, expect) = (from.clone(), to.clone(), Expect::Anything);
        Request::Copy(Copy { op: op(), items: vec![CopyItem { from, to, expect }] })
    };
    let items = vec![DeleteItem { place: place.clone(), revision: None }];
    let inside = Place::child(node, "f");
    vec![
        (copy(&place, &Place { names: vec!["c".to_owned()], ..Place::home() }), Bytes::new()),
        (copy(own, &inside), Bytes::new()),
        (Request::Delete(Delete { op: op(), items, recursive: true }), Bytes::new()),
        (Request::ReadFiles(ReadFiles { nodes: vec![node] }), Bytes::new()),
        put_files(op(), &[(inside, b"planted", Expect::Anything)]),
    ]
}

fn item_error(response: Response) -> WireError {
    match response {
        Response::Outcomes(mut outcomes) => outcomes.items.remove(0).map(drop),
        Response::BatchRead(mut read) => read.files.remove(0).map(drop),
        Response::BatchWritten(mut written) => written.files.remove(0).map(drop),
        other => panic!("unexpected {other:?}"),
    }
    .expect_err("not for this user")
}

#[tokio::test]
async fn guessed_ids_do_not_exist() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let victim = victim(&anna).await;
    bert.put("/own", b"own", Expect::Absent).await.unwrap();
    let own = Place { names: vec!["own".to_owned()], ..Place::home() };
    let missing = NodeId([7; 16]);
    for node in [victim.home, victim.dir, victim.file, victim.trashed, missing] {
        for request in plain_requests(node, &own) {
            let answer = bert.send(request.clone(), Bytes::new()).await;
            assert_eq!(code(answer), ErrorCode::NOT_FOUND, "{request:?}");
        }
        for (request, payload) in batches(node, &own) {
            let (answer, bytes) = bert.send(request.clone(), payload).await.unwrap();
            assert_eq!(item_error(answer).code, ErrorCode::NOT_FOUND, "{request:?}");
            assert!(bytes.is_empty());
        }
        let purge = PurgeTrash { op: op(), what: PurgeWhat::Nodes(vec![node]) };
        let answer = bert.ask(Request::PurgeTrash(purge)).await.unwrap();
        assert!(matches!(answer, Response::Purged(purged) if purged.count == 0));
        let list = TrashList { cursor: Some((i64::MAX, node)), limit: 10 };
        let answer = bert.ask(Request::TrashList(list)).await.unwrap();
        assert!(matches!(answer, Response::Trash(page) if page.entries.is_empty()));
    }
    assert_eq!(anna.cat("/d/f").await.unwrap(), b"secret 2");
    assert_eq!(anna.names("/").await, ["d"]);
    assert_eq!(anna.names("/d").await, ["f"]);
    assert_eq!(anna.read(Place::node(victim.trashed), None).await.unwrap(), b"old secret");
}

#[tokio::test]
async fn an_upload_belongs_to_its_session() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let upload = UploadId([1; 16]);
    anna.put_chunk(upload, 0, b"secret").await.unwrap();
    let stolen = bert.commit(commit_upload(upload, "/f", &[b"secret"])).await;
    assert_eq!(code(stolen), ErrorCode::NO_SUCH_UPLOAD);
    anna.commit(commit_upload(upload, "/f", &[b"secret"])).await.unwrap();
}

/// A record that says it is the user's does not help: its key is wrapped by
/// somebody else's directory.
#[tokio::test]
async fn a_record_given_another_owner_does_not_open() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let victim = victim(&anna).await;
    let mut row = bench.store.node(victim.file).await.unwrap().unwrap();
    let home = bench.store.node(bert.node("/").await).await.unwrap().unwrap();
    row.owner = home.owner;
    let put = async |row| {
        let changes = vec![coffer_store::Change::PutNode(row)];
        let commit = coffer_store::Commit { changes, ..coffer_store::Commit::default() };
        bench.store.commit(commit).await.unwrap();
    };
    put(row.clone()).await;
    let stat = Request::Stat(Stat { place: Place::node(victim.file) });
    assert_eq!(code(bert.ask(stat.clone()).await), ErrorCode::INTEGRITY);
    row.parent = home.node;
    put(row).await;
    assert_eq!(code(bert.ask(stat).await), ErrorCode::INTEGRITY);
}
