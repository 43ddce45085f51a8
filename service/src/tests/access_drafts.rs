//! What a change asks for at its commit, what it says it has done, and shares
//! that somebody has edited in the database.

use super::guest::below;
use super::harness::{Bench, code, op, place, put_files};
use super::sharing::with_user;
use super::user::User;
use crate::cx::Cx;
use crate::op::{Draft, Mutation};
use crate::transfer::batch::Batch;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Expect, MakeDirs, Move, NewDir, RestoreTrash,
    RestoreVersion,
};
use coffer_protocol::{NodeId, Place, Request, ShareId, UserId};
use coffer_store::{Change, Commit, CommitError, MODE_WRITE, Precondition, ShareRow};
use std::sync::Arc;

fn cx(user: &User) -> Cx {
    let core = Arc::clone(&user.service.core);
    let session = user.link.session(core.ticks.now()).unwrap();
    Cx { core, session }
}

async fn commit(bench: &Bench, draft: Draft) -> Result<(), CommitError> {
    let Draft { preconditions, changes, inline, pins, .. } = draft;
    let commit = Commit { preconditions, changes, inline, pins, ..Commit::default() };
    bench.store.commit(commit).await.map(drop)
}

fn copy(from: Place, to: Place) -> Copy {
    Copy { op: op(), items: vec![CopyItem { from, to, expect: Expect::Anything }] }
}

fn delete(place: Place) -> Delete {
    let items = vec![DeleteItem { place, revision: None }];
    Delete { op: op(), items, recursive: true }
}

fn make(base: Place) -> MakeDirs {
    let dirs = vec![NewDir { names: vec!["x".to_owned()], modified_millis: None }];
    MakeDirs { op: op(), base, dirs, adopt: false, parents: false }
}

async fn batch(cx: &Cx, files: &[(Place, &[u8], Expect)]) -> Batch {
    let (request, payload) = put_files(op(), files);
    let Request::PutFiles(request) = request else { panic!("unexpected {request:?}") };
    Batch::seal(cx, request, payload).await.unwrap()
}

/// One draft of every change to `/d` and what is in it.
async fn drafts(bert: &User, d: NodeId, trashed: NodeId) -> Vec<Draft> {
    let cx = &cx(bert);
    let file = || below(d, "/f");
    let renamed = Move { op: op(), from: file(), to: below(d, "/g"), replace: false };
    let moved = Move { op: op(), from: file(), to: below(d, "/e/g"), replace: true };
    let restored = RestoreTrash { op: op(), node: trashed, to: None };
    let version =
        RestoreVersion { op: op(), place: Place::node(file_id(bert, d).await), revision: 1 };
    let new = (below(d, "/new"), &b"new"[..], Expect::Absent);
    vec![
        batch(cx, &[new]).await.draft(cx).await.unwrap(),
        batch(cx, &[(file(), b"two", Expect::Anything)]).await.draft(cx).await.unwrap(),
        make(Place::node(d)).draft(cx).await.unwrap(),
        renamed.draft(cx).await.unwrap(),
        moved.draft(cx).await.unwrap(),
        delete(file()).draft(cx).await.unwrap(),
        restored.draft(cx).await.unwrap(),
        version.draft(cx).await.unwrap(),
        copy(place("/own"), below(d, "/copy")).draft(cx).await.unwrap(),
    ]
}

async fn file_id(bert: &User, d: NodeId) -> NodeId {
    bert.stat_at(below(d, "/f")).await.unwrap().node
}

struct Scene {
    bench: Bench,
    anna: User,
    bert: User,
    d: NodeId,
    trashed: NodeId,
}

async fn scene() -> Scene {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let d = anna.mkdir("/d").await.unwrap();
    anna.mkdir("/d/e").await.unwrap();
    for path in ["/d/f", "/d/f", "/d/t", "/d/e/g"] {
        anna.put(path, b"text", Expect::Anything).await.unwrap();
    }
    let trashed = anna.rm("/d/t", false).await.unwrap();
    bert.put("/own", b"own", Expect::Absent).await.unwrap();
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    Scene { bench, anna, bert, d, trashed }
}

#[tokio::test]
async fn every_change_asks_again_at_its_commit() {
    let Scene { bench, anna, bert, d, trashed } = scene().await;
    for again in [None, Some(Mode::Read)] {
        anna.share("/d", "bert", Mode::Write).await.unwrap();
        let drafts = drafts(&bert, d, trashed).await;
        anna.unshare("/d", with_user("bert")).await.unwrap();
        if let Some(mode) = again {
            anna.share("/d", "bert", mode).await.unwrap();
        }
        for (at, draft) in drafts.into_iter().enumerate() {
            assert!(!draft.changes.is_empty());
            let refused = commit(&bench, draft).await.expect_err("the share is gone");
            let CommitError::Precondition { precondition, .. } = refused else {
                panic!("draft {at}: {refused:?}")
            };
            assert!(matches!(precondition, Precondition::Access { .. }), "{at}: {precondition:?}");
        }
    }
    // What is only read has to be readable at the commit.
    let cx = cx(&bert);
    let out = || copy(below(d, "/f"), place("/copy"));
    let kept = out().draft(&cx).await.unwrap();
    let draft = out().draft(&cx).await.unwrap();
    commit(&bench, kept).await.unwrap();
    bert.rm("/copy", false).await.unwrap();
    anna.unshare("/d", with_user("bert")).await.unwrap();
    let refused = commit(&bench, draft).await.expect_err("the share is gone");
    assert!(matches!(refused, CommitError::Precondition { .. }), "{refused:?}");
    for draft in drafts_of_owner(&anna).await {
        let asks =
            |precondition: &Precondition| matches!(precondition, Precondition::Access { .. });
        assert!(!draft.preconditions.iter().any(asks), "of one's own nobody asks");
    }
}

async fn drafts_of_owner(anna: &User) -> Vec<Draft> {
    let cx = cx(anna);
    vec![
        make(place("/d")).draft(&cx).await.unwrap(),
        delete(place("/d/f")).draft(&cx).await.unwrap(),
        batch(&cx, &[(place("/d/f"), b"x", Expect::Anything)]).await.draft(&cx).await.unwrap(),
    ]
}

#[tokio::test]
async fn what_was_deleted_from_a_deleted_directory_is_put_back_only_while_it_is_inside() {
    let Scene { bench, anna, bert, d, .. } = scene().await;
    let g = anna.rm("/d/e/g", false).await.unwrap();
    let e = anna.rm("/d/e", true).await.unwrap();
    let request = RestoreTrash { op: op(), node: g, to: Some(below(d, "/g")) };
    let draft = request.draft(&cx(&bert)).await.unwrap();
    anna.restore(e, Some(place("/elsewhere"))).await.unwrap();
    let refused = commit(&bench, draft).await.expect_err("it is outside by now");
    assert!(matches!(
        refused,
        CommitError::Precondition { precondition: Precondition::NodeAt { node, .. }, .. } if node == e
    ));
    assert_eq!(code(bert.restore(g, Some(below(d, "/g"))).await), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn every_change_says_what_it_does() {
    let Scene { bench, anna, bert, d, trashed } = scene().await;
    let e = anna.node("/d/e").await;
    let owner = bench.store.node(d).await.unwrap().unwrap().owner;
    let mut said = Vec::new();
    for draft in drafts(&bert, d, trashed).await {
        for done in draft.deeds {
            assert_eq!(done.owner, owner);
            assert!(done.parent.1.is_some(), "{:?}", done.deed);
            let place = if done.parent.0 == e { "e/" } else { "" };
            assert!(done.parent.0 == e || done.parent.0 == d);
            assert_eq!(done.from.is_some(), matches!(done.deed, Deed::Moved(_)));
            said.push((done.deed, format!("{place}{}", done.name)));
        }
    }
    let old = || "f".to_owned();
    let expected = [
        (Deed::Created, "new"),
        (Deed::Written, "f"),
        (Deed::Created, "x"),
        (Deed::Renamed(old()), "g"),
        (Deed::Deleted, "e/g"),
        (Deed::Moved(old()), "e/g"),
        (Deed::Deleted, "f"),
        (Deed::Restored, "t"),
        (Deed::VersionRestored(1), "f"),
        (Deed::Created, "copy"),
    ];
    assert_eq!(said, expected.map(|(deed, name)| (deed, name.to_owned())));
}

async fn row_of(bench: &Bench, share: ShareId) -> ShareRow {
    bench.store.share(share).await.unwrap().unwrap()
}

async fn put(bench: &Bench, row: ShareRow) {
    let commit = Commit { changes: vec![Change::PutShare(row)], ..Commit::default() };
    bench.store.commit(commit).await.unwrap();
}

#[tokio::test]
async fn a_share_that_was_edited_gives_nothing() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let carl = bench.user("carl").await;
    let d = anna.mkdir("/d").await.unwrap();
    let f = anna.put("/d/f", b"text", Expect::Absent).await.unwrap().node;
    let share = anna.share("/d", "bert", Mode::Read).await.unwrap().share.share;
    assert_eq!(bert.read(below(d, "/f"), None).await.unwrap(), b"text");
    let row = row_of(&bench, share).await;
    let write = async || bert.put_at(below(d, "/f"), b"x", Expect::Anything).await;

    // A stronger mode, a later end, another node: the grant is of another row.
    put(&bench, ShareRow { mode: MODE_WRITE, ..row.clone() }).await;
    assert_eq!(code(write().await), ErrorCode::INTEGRITY);
    assert_eq!(code(bert.chunk(f, 1).await), ErrorCode::INTEGRITY);
    put(&bench, ShareRow { expires_millis: Some(i64::MAX), ..row.clone() }).await;
    assert_eq!(code(bert.chunk(f, 1).await), ErrorCode::INTEGRITY);
    put(&bench, row.clone()).await;
    assert_eq!(bert.chunk(f, 1).await.unwrap(), b"text"[..]);

    // A forged one further down neither helps nor hurts.
    let forged = ShareRow { share: ShareId([7; 16]), node: f, mode: MODE_WRITE, ..row.clone() };
    put(&bench, forged).await;
    assert_eq!(code(write().await), ErrorCode::NOT_ALLOWED);
    assert_eq!(bert.chunk(f, 1).await.unwrap(), b"text"[..]);
    let carls = bench.store.node(carl.node("/").await).await.unwrap().unwrap().owner;
    let UserId(recipient) = carls;
    put(&bench, ShareRow { share: ShareId([8; 16]), recipient, ..row }).await;
    assert_eq!(code(carl.stat_at(Place::node(d)).await), ErrorCode::INTEGRITY);
}
