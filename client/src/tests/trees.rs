//! Operations that take several requests.

use crate::testing::{FakeServer, Step, client, keys};
use coffer_protocol::message::tree::{
    Entry, Expect, Kind, ListPage, Made, Outcomes, Purged, WalkEntry, WalkPage,
};
use coffer_protocol::{
    Base, ErrorCode, Hash32, NodeId, Place, Position, Request, Response, WireError,
};

fn entry(id: u8, parent: u8, name: &str, kind: Kind) -> Entry {
    Entry {
        node: NodeId([id; 16]),
        parent: NodeId([parent; 16]),
        name: name.to_owned(),
        kind,
        size: 10,
        modified_millis: 77,
        created_millis: 0,
        executable: false,
        revision: 1,
        content_hash: Hash32([0; 32]),
        machines: 1,
    }
}

fn setting() -> (std::sync::Arc<FakeServer>, crate::client::Client, tempfile::TempDir) {
    let server = FakeServer::new(&keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(&server, 1, &dir);
    (server, client, dir)
}

const HERE: Position = Position { epoch: 3, seq: 101 };

fn stat(id: u8, parent: u8, kind: Kind) -> Step {
    Step::answer(Response::Entry(entry(id, parent, "name", kind)))
}

fn made(ids: &[u8]) -> Step {
    let nodes = ids.iter().map(|id| NodeId([*id; 16])).collect();
    Step::answer(Response::Made(Made { base: NodeId([1; 16]), nodes, position: HERE, machines: 1 }))
}

fn refused(code: ErrorCode) -> WireError {
    WireError::new(code, "refused", "")
}

fn under(above: &[&str], entry: Entry) -> WalkEntry {
    WalkEntry { above: above.iter().map(|name| (*name).to_owned()).collect(), entry }
}

#[tokio::test]
async fn a_tree_is_copied_page_by_page_and_what_fails_is_named() {
    let (server, client, _dir) = setting();
    let page = WalkPage {
        entries: vec![
            under(&[], entry(20, 10, "sub", Kind::Directory)),
            under(&["sub"], entry(21, 20, "a", Kind::File)),
            under(&["sub"], entry(22, 20, "b", Kind::File)),
        ],
        damaged: vec![NodeId([66; 16])],
        next: Vec::new(),
    };
    let copied = vec![Ok(NodeId([31; 16])), Err(refused(ErrorCode::INTEGRITY))];
    server.script([
        stat(10, 1, Kind::Directory),                // the source
        stat(1, 1, Kind::Directory),                 // above the target: home
        Step::Refuse(refused(ErrorCode::NOT_FOUND)), // the target is free
        made(&[30]),
        Step::answer(Response::Walk(page)),
        made(&[33]),
        Step::answer(Response::Outcomes(Outcomes { items: copied, position: HERE, machines: 1 })),
    ]);
    let report = client.copy("/from", "/to", Expect::Absent).await.expect("copied");
    assert_eq!((report.directories, report.files, report.bytes), (2, 1, 10));
    assert_eq!((report.failed, report.failures.len()), (2, 2));
    assert_eq!(report.failures[1].names, ["sub", "b"]);
    let seen = server.seen();
    let Some(Request::MakeDirs(dirs)) = seen.get(5) else { panic!("{seen:?}") };
    assert_eq!(dirs.base.base, Base::Node(NodeId([30; 16])));
    assert_eq!(dirs.dirs[0].modified_millis, Some(77));
    let Some(Request::Copy(copy)) = seen.get(6) else { panic!("{seen:?}") };
    assert_eq!(copy.items[0].from, Place::node(NodeId([21; 16])));
    assert_eq!(copy.items[0].to.names, ["sub", "a"]);
}

#[tokio::test]
async fn a_tree_is_not_copied_into_itself() {
    let (server, client, _dir) = setting();
    server.script([
        stat(10, 1, Kind::Directory),                // the source
        stat(12, 11, Kind::Directory),               // above the target
        Step::Refuse(refused(ErrorCode::NOT_FOUND)), // the target is free
        stat(11, 10, Kind::Directory),
        stat(10, 1, Kind::Directory),
    ]);
    let error = client.copy("/from", "/from/x/y/new", Expect::Absent).await.expect_err("refused");
    assert_eq!(error.code(), "into-itself");
}

#[tokio::test]
async fn a_purge_goes_on_until_nothing_is_left() {
    let (server, client, _dir) = setting();
    let purged = |count, more| {
        Step::answer(Response::Purged(Purged { count, more, position: HERE, machines: 1 }))
    };
    server.script([purged(1000, true), purged(0, true), purged(5, false)]);
    assert_eq!(client.purge_all_trash().await.expect("purged"), 1005);
    let ops: std::collections::HashSet<_> = server
        .seen()
        .iter()
        .map(|request| match request {
            Request::PurgeTrash(purge) => purge.op,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ops.len(), 3, "each round is a new wish");
    server.script((0..100_000).map(|_| purged(0, true)));
    assert_eq!(client.purge_all_trash().await.expect_err("no end").code(), "unexpected-answer");
}

#[tokio::test]
async fn a_listing_stays_in_the_directory_it_began_in_and_within_its_limit() {
    let (server, client, _dir) = setting();
    let page = |name: &str, next: Option<u8>| {
        Step::answer(Response::List(ListPage {
            directory: NodeId([10; 16]),
            entries: vec![entry(20, 10, name, Kind::File)],
            damaged: Vec::new(),
            next: next.map(|byte| Hash32([byte; 32])),
        }))
    };
    server.script([page("b", Some(1)), page("a", None)]);
    let listing = client.list_all("/dir", 2).await.expect("listed");
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let Some(Request::List(second)) = server.seen().into_iter().nth(1) else { panic!("a list") };
    assert_eq!(second.place, Place::node(NodeId([10; 16])));

    server.script([page("a", Some(1)), page("b", Some(2)), page("c", None)]);
    let error = client.list_all("/dir", 2).await.expect_err("too many");
    assert_eq!(error.code(), "too-many-entries");
    server.script([page("a", Some(1)), page("a", Some(1))]);
    let error = client.list_all("/dir", 9).await.expect_err("it goes round");
    assert_eq!(error.code(), "unexpected-answer");
}
