//! Reading what others share: what is there, for whom, and until when.

use super::guest::below;
use super::harness::{Bench, code};
use super::sharing::{share_request, with_user};
use super::user::User;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{Mode, ShareNode};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place};
use std::collections::BTreeSet;
use std::time::Duration;

/// `/out/d/e/f` and `/out/side`, of which `/out/d` will be shared.
struct Tree {
    out: NodeId,
    d: NodeId,
    e: NodeId,
    f: NodeId,
    side: NodeId,
}

async fn tree(anna: &User) -> Tree {
    let out = anna.mkdir("/out").await.unwrap();
    let d = anna.mkdir("/out/d").await.unwrap();
    let e = anna.mkdir("/out/d/e").await.unwrap();
    let f = anna.put("/out/d/e/f", b"text", Expect::Absent).await.unwrap().node;
    let side = anna.put("/out/side", b"secret", Expect::Absent).await.unwrap().node;
    Tree { out, d, e, f, side }
}

#[tokio::test]
async fn a_share_gives_what_is_below_it_and_nothing_above() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let carl = bench.user("carl").await;
    let tree = tree(&anna).await;
    anna.share("/out/d", "bert", Mode::Read).await.unwrap();
    let root = bert.stat_at(Place::node(tree.d)).await.unwrap();
    assert_eq!((root.name.as_str(), root.parent), ("d", tree.d), "nothing above it is told");
    assert_eq!(bert.stat_at(Place::node(tree.e)).await.unwrap().parent, tree.d);
    assert_eq!(bert.names_at(Place::node(tree.d)).await.unwrap(), ["e"]);
    assert_eq!(bert.stat_at(below(tree.d, "/e/f")).await.unwrap().node, tree.f);
    for place in [below(tree.d, "/e/f"), below(tree.e, "/f"), Place::node(tree.f)] {
        assert_eq!(bert.read(place, None).await.unwrap(), b"text");
    }
    let (files, payload) = bert.read_batch(vec![tree.f, tree.side, tree.f]).await.unwrap();
    assert_eq!(payload, b"text"[..]);
    assert_eq!(code(files[1].clone()), ErrorCode::NOT_FOUND);
    let home = anna.node("/").await;
    for node in [home, tree.out, tree.side] {
        assert_eq!(code(bert.stat_at(Place::node(node)).await), ErrorCode::NOT_FOUND);
        assert_eq!(code(bert.stat_at(below(node, "/d")).await), ErrorCode::NOT_FOUND);
        assert_eq!(code(bert.chunk(node, 1).await), ErrorCode::NOT_FOUND);
    }
    for node in [tree.d, tree.e, tree.f] {
        assert_eq!(code(carl.stat_at(Place::node(node)).await), ErrorCode::NOT_FOUND);
    }
    assert!(bert.names("/").await.is_empty(), "it is not in the user's own tree");
}

#[tokio::test]
async fn a_file_is_shared_without_its_directory() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    anna.share("/out/d/e/f", "bert", Mode::Read).await.unwrap();
    let entry = bert.stat_at(Place::node(tree.f)).await.unwrap();
    assert_eq!((entry.name.as_str(), entry.parent), ("f", tree.f));
    let (files, payload) = bert.read_batch(vec![tree.f]).await.unwrap();
    assert!(files[0].is_ok());
    assert_eq!(payload, b"text"[..]);
    assert_eq!(code(bert.stat_at(Place::node(tree.e)).await), ErrorCode::NOT_FOUND);
    assert_eq!(code(bert.stat_at(below(tree.e, "/f")).await), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn a_tree_is_walked_from_the_share_down() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    for n in 0..5 {
        let path = format!("/out/d/e/{n}");
        anna.put(&path, b"x", Expect::Absent).await.unwrap();
    }
    anna.share("/out/d", "bert", Mode::Read).await.unwrap();
    let (mut cursor, mut seen) = (Vec::new(), BTreeSet::new());
    loop {
        let page = bert.walk_at(Place::node(tree.d), cursor).await.unwrap();
        assert!(page.damaged.is_empty());
        seen.extend(page.entries.into_iter().map(|entry| (entry.above, entry.entry.name)));
        cursor = page.next;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.contains(&(vec!["e".to_owned()], "f".to_owned())));

    // A cursor is worth nothing without the share.
    let cursor = bert.walk_at(Place::node(tree.d), Vec::new()).await.unwrap().next;
    let mut forged = anna.walk_at(Place::node(tree.out), Vec::new()).await.unwrap().next;
    forged[2..18].copy_from_slice(&tree.d.0);
    let page = bert.walk_at(Place::node(tree.d), forged).await.unwrap();
    assert!(page.entries.iter().all(|entry| entry.entry.node != tree.side));
    anna.unshare("/out/d", with_user("bert")).await.unwrap();
    let refused = bert.walk_at(Place::node(tree.d), cursor).await;
    assert_eq!(code(refused), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_taken_back_is_not_read_on() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    anna.share("/out/d", "bert", Mode::Read).await.unwrap();
    assert_eq!(bert.read(Place::node(tree.f), None).await.unwrap(), b"text");
    assert_eq!(bert.chunk(tree.f, 1).await.unwrap(), b"text"[..], "the chunk list is open");
    anna.unshare("/out/d", with_user("bert")).await.unwrap();
    assert_eq!(code(bert.chunk(tree.f, 1).await), ErrorCode::NOT_FOUND);
    assert_eq!(code(bert.stat_at(Place::node(tree.f)).await), ErrorCode::NOT_FOUND);
    let (files, payload) = bert.read_batch(vec![tree.f]).await.unwrap();
    assert_eq!((code(files[0].clone()), payload.len()), (ErrorCode::NOT_FOUND, 0));
}

#[tokio::test]
async fn a_share_ends_by_itself() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    let end = bench.millis() + 1000;
    let request = share_request("/out/d", with_user("bert"), Mode::Write);
    anna.give(ShareNode { expires_millis: Some(end), ..request }).await.unwrap();
    bench.clock.advance(Duration::from_millis(999));
    assert_eq!(bert.chunk(tree.f, 1).await.unwrap(), b"text"[..]);
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(code(bert.chunk(tree.f, 1).await), ErrorCode::NOT_FOUND);
    let late = bert.put_at(below(tree.d, "/new"), b"late", Expect::Absent).await;
    assert_eq!(code(late), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_in_the_trash_is_not_shared() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    anna.share("/out/d", "bert", Mode::Write).await.unwrap();
    for path in ["/out/d/e", "/out/d", "/out"] {
        let trashed = anna.rm(path, true).await.unwrap();
        assert_eq!(code(bert.stat_at(Place::node(tree.f)).await), ErrorCode::NOT_FOUND, "{path}");
        assert_eq!(code(bert.stat_at(Place::node(tree.e)).await), ErrorCode::NOT_FOUND);
        assert_eq!(code(bert.chunk(tree.f, 1).await), ErrorCode::NOT_FOUND);
        let written = bert.put_at(Place::node(tree.f), b"new", Expect::Anything).await;
        assert_eq!(code(written), ErrorCode::NOT_FOUND);
        assert_eq!(anna.read(Place::node(tree.f), None).await.unwrap(), b"text");
        anna.restore(trashed, None).await.unwrap();
        assert_eq!(bert.read(Place::node(tree.f), None).await.unwrap(), b"text");
    }
}

#[tokio::test]
async fn the_owner_gives_and_takes_by_moving() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    anna.share("/out/d", "bert", Mode::Read).await.unwrap();
    anna.mv("/out/side", "/out/d/side", false).await.unwrap();
    assert_eq!(bert.read(Place::node(tree.side), None).await.unwrap(), b"secret");
    anna.mv("/out/d/side", "/out/side", false).await.unwrap();
    assert_eq!(code(bert.chunk(tree.side, 1).await), ErrorCode::NOT_FOUND);
    anna.mv("/out/d", "/renamed", false).await.unwrap();
    let entry = bert.stat_at(Place::node(tree.d)).await.unwrap();
    assert_eq!(entry.name, "renamed", "the grant was renewed");
    assert_eq!(bert.read(below(tree.d, "/e/f"), None).await.unwrap(), b"text");
}

/// Statements that requests about the user's own tree may take: sharing adds
/// none.
#[tokio::test]
async fn own_trees_are_asked_about_as_little_as_before() {
    let bench = Bench::new().await;
    let (anna, _) = (bench.user("anna").await, bench.user("bert").await);
    let tree = tree(&anna).await;
    anna.share("/out/d", "bert", Mode::Write).await.unwrap();
    anna.stat("/out/d/e/f").await.unwrap();
    let statements = || bench.store.counters().statements;
    let before = statements();
    anna.stat("/out/d/e/f").await.unwrap();
    assert_eq!(statements() - before, 4, "one for each name");
    let before = statements();
    anna.stat_at(below(tree.e, "/f")).await.unwrap();
    assert_eq!(statements() - before, 3, "the directory, its parent, the name");
    let before = statements();
    anna.chunk(tree.f, 1).await.unwrap();
    let first = statements() - before;
    let before = statements();
    anna.chunk(tree.f, 1).await.unwrap();
    assert_eq!((first, statements() - before), (5, 3), "the record, and two for the chunk");
    let before = statements();
    anna.names("/out/d").await;
    assert_eq!(statements() - before, 3);
}
