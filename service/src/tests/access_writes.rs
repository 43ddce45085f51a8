//! Changing what others share.

use super::guest::below;
use super::harness::{Bench, allowing, code, commit_upload, op, place, put_files};
use super::sharing::with_user;
use super::user::User;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::{Delete, DeleteItem, Expect};
use coffer_protocol::{NodeId, Place, Request, Response, UploadId};

async fn owner_of(bench: &Bench, node: NodeId) -> coffer_protocol::UserId {
    bench.store.node(node).await.unwrap().unwrap().owner
}

struct Tree {
    d: NodeId,
    e: NodeId,
    f: NodeId,
}

async fn tree(anna: &User) -> Tree {
    let d = anna.mkdir("/d").await.unwrap();
    let e = anna.mkdir("/d/e").await.unwrap();
    let f = anna.put("/d/e/f", b"one", Expect::Absent).await.unwrap().node;
    Tree { d, e, f }
}

#[tokio::test]
async fn a_reader_reads_and_changes_nothing() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, e, f } = tree(&anna).await;
    anna.put("/d/e/f", b"two", Expect::Anything).await.unwrap();
    bert.put("/own", b"own", Expect::Absent).await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    let file = || below(d, "/e/f");
    assert_eq!(bert.read(file(), None).await.unwrap(), b"two", "and pins its owner");
    let before = bench.store.position().await.unwrap();
    assert_eq!(code(bert.put_at(file(), b"x", Expect::Anything).await), ErrorCode::NOT_ALLOWED);
    let new = bert.put_at(below(e, "/new"), b"x", Expect::Absent).await;
    assert_eq!(code(new), ErrorCode::NOT_ALLOWED);
    let direct = bert.put_at(Place::node(f), b"x", Expect::Anything).await;
    assert_eq!(code(direct), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mkdir_at(Place::node(d), &["x", "y"]).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mv_at(file(), below(d, "/g")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mv_at(file(), place("/f")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mv_at(place("/own"), below(d, "/g")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.cp_at(place("/own"), below(d, "/g")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.rm_at(file()).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.rm_at(Place::node(d)).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.restore_version(file(), 1).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.purge_versions(file()).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.trash_in(Place::node(d), None, 10).await), ErrorCode::NOT_ALLOWED);
    let upload = UploadId([7; 16]);
    bert.put_chunk(upload, 0, b"data").await.unwrap();
    let mut commit = commit_upload(upload, "/", &[b"data"]);
    commit.to = below(d, "/up");
    assert_eq!(code(bert.commit(commit).await), ErrorCode::NOT_ALLOWED);
    let after = bench.store.position().await.unwrap();
    assert_eq!(before, after, "nothing was committed");
    assert_eq!(bert.read(file(), Some(1)).await.unwrap(), b"one");
    bert.cp_at(file(), place("/copy")).await.unwrap();
    assert_eq!(bert.cat("/copy").await.unwrap(), b"two");
    assert_eq!(
        owner_of(&bench, bert.node("/copy").await).await,
        owner_of(&bench, bert.node("/").await).await
    );
}

#[tokio::test]
async fn a_writer_works_in_the_tree_of_its_owner() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, e, f } = tree(&anna).await;
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let annas = owner_of(&bench, d).await;
    let made = bert.mkdir_at(Place::node(d), &["x", "y"]).await.unwrap();
    let new = bert.put_at(below(made, "/new"), b"new", Expect::Absent).await.unwrap().node;
    let upload = UploadId([7; 16]);
    bert.put_chunk(upload, 0, b"data").await.unwrap();
    let mut commit = commit_upload(upload, "/", &[b"data"]);
    commit.to = below(d, "/x/up");
    let up = bert.commit(commit).await.unwrap().node;
    bert.put("/own", b"own", Expect::Absent).await.unwrap();
    let copy = bert.cp_at(place("/own"), below(d, "/copy")).await.unwrap();
    for node in [made, new, up, copy] {
        assert_eq!(owner_of(&bench, node).await, annas);
    }
    assert_eq!(anna.cat("/d/x/y/new").await.unwrap(), b"new");
    assert_eq!(anna.cat("/d/x/up").await.unwrap(), b"data");
    assert_eq!(anna.cat("/d/copy").await.unwrap(), b"own");

    bert.put_at(below(e, "/f"), b"two", Expect::Revision(1)).await.unwrap();
    let lost = anna.put("/d/e/f", b"mine", Expect::Revision(1)).await.expect_err("lost");
    assert_eq!(lost.conflict.expect("who").by, "bert");
    anna.put("/d/e/f", b"three", Expect::Revision(2)).await.unwrap();
    let lost = bert.put_at(below(e, "/f"), b"x", Expect::Revision(2)).await.expect_err("lost");
    assert_eq!(lost.conflict.expect("who").by, "anna");
    bert.restore_version(Place::node(f), 2).await.unwrap();
    assert_eq!(anna.cat("/d/e/f").await.unwrap(), b"two");
    assert_eq!(code(bert.purge_versions(Place::node(f)).await), ErrorCode::NOT_ALLOWED);

    bert.mv_at(Place::node(f), below(d, "/moved")).await.unwrap();
    assert_eq!(anna.cat("/d/moved").await.unwrap(), b"two");
    bert.mv_at(below(d, "/copy"), below(d, "/moved")).await.unwrap();
    assert_eq!(anna.cat("/d/moved").await.unwrap(), b"own", "what made room is in the trash");
    assert_eq!(bert.rm_at(Place::node(made)).await.unwrap(), made);
    assert_eq!(anna.names("/d/x").await, ["up"]);
    anna.restore(made, None).await.unwrap();
    assert_eq!(anna.cat("/d/x/y/new").await.unwrap(), b"new");
}

#[tokio::test]
async fn a_shared_root_stays_where_it_is() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, e, f } = tree(&anna).await;
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let root = || Place::node(d);
    for to in [below(d, "/inside"), below(e, "/inside"), place("/mine")] {
        assert_eq!(code(bert.mv_at(root(), to).await), ErrorCode::NOT_ALLOWED);
    }
    assert_eq!(code(bert.rm_at(root()).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mv_at(below(d, "/e"), place("/e")).await), ErrorCode::OTHER_OWNER);
    bert.mkdir("/own").await.unwrap();
    assert_eq!(code(bert.mv_at(place("/own"), below(d, "/own")).await), ErrorCode::OTHER_OWNER);
    assert_eq!(code(bert.mv_at(below(d, "/e"), below(f, "/x")).await), ErrorCode::NOT_A_DIRECTORY);
    assert_eq!(code(bert.mv_at(below(d, "/e"), below(e, "/x")).await), ErrorCode::INTO_ITSELF);
    let outside = anna.mkdir("/outside").await.unwrap();
    let refused = bert.mv_at(below(d, "/e"), below(outside, "/e")).await;
    assert_eq!(code(refused), ErrorCode::NOT_FOUND);
    anna.share("/outside", "bert", Mode::Write).await.unwrap();
    bert.mv_at(below(d, "/e"), below(outside, "/e")).await.unwrap();
    assert_eq!(anna.cat("/outside/e/f").await.unwrap(), b"one");
}

#[tokio::test]
async fn the_strongest_share_on_the_way_counts() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, e, f } = tree(&anna).await;
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    anna.share("/d/e", "bert", Mode::Write).await.unwrap();
    bert.put_at(below(d, "/e/f"), b"two", Expect::Anything).await.unwrap();
    bert.put_at(below(d, "/e/g"), b"new", Expect::Absent).await.unwrap();
    bert.mkdir_at(Place::node(d), &["e", "h"]).await.unwrap();
    bert.mv_at(below(d, "/e/g"), below(d, "/e/h/g")).await.unwrap();
    bert.rm_at(below(d, "/e/h")).await.unwrap();
    assert_eq!(code(bert.mv_at(below(d, "/e"), below(d, "/x")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mv_at(Place::node(e), below(e, "/x")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.mv_at(below(e, "/f"), below(d, "/f")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.rm_at(Place::node(e)).await), ErrorCode::NOT_ALLOWED);
    let entry = bert.stat_at(Place::node(e)).await.unwrap();
    assert_eq!((entry.name.as_str(), entry.parent), ("e", d), "its parent is to be seen, too");

    // The other way round: a weak share below a strong one takes nothing away.
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    anna.share("/d/e", "bert", Mode::Read).await.unwrap();
    bert.put_at(Place::node(f), b"three", Expect::Anything).await.unwrap();
    bert.mv_at(Place::node(e), below(d, "/renamed")).await.unwrap();
    assert_eq!(anna.cat("/d/renamed/f").await.unwrap(), b"three");
    anna.unshare("/d", with_user("bert")).await.unwrap();
    let refused = bert.put_at(Place::node(f), b"four", Expect::Anything).await;
    assert_eq!(code(refused), ErrorCode::NOT_ALLOWED);
    assert_eq!(bert.read(Place::node(f), None).await.unwrap(), b"three");
}

#[tokio::test]
async fn a_file_shared_to_write_is_written_by_itself() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, f, .. } = tree(&anna).await;
    anna.share("/d/e/f", "bert", Mode::Write).await.unwrap();
    let itself = || Place::node(f);
    let written = bert.put_at(itself(), b"two", Expect::Revision(1)).await.unwrap();
    assert_eq!((written.node, written.revision), (f, 2));
    assert_eq!(code(bert.put_at(itself(), b"x", Expect::Absent).await), ErrorCode::EXISTS);
    let lost = bert.put_at(itself(), b"x", Expect::Revision(1)).await;
    assert_eq!(code(lost), ErrorCode::CONFLICT);
    let upload = UploadId([7; 16]);
    bert.put_chunk(upload, 0, b"three").await.unwrap();
    let mut commit = commit_upload(upload, "/", &[b"three"]);
    commit.to = itself();
    assert_eq!(bert.commit(commit).await.unwrap().revision, 3);
    assert_eq!(anna.cat("/d/e/f").await.unwrap(), b"three");
    bert.restore_version(itself(), 1).await.unwrap();
    assert_eq!(anna.cat("/d/e/f").await.unwrap(), b"one");
    bert.put("/own", b"own", Expect::Absent).await.unwrap();
    bert.cp_at(place("/own"), itself()).await.unwrap();
    assert_eq!(anna.cat("/d/e/f").await.unwrap(), b"own");
    let (request, payload) =
        put_files(op(), &[(itself(), b"1", Expect::Anything), (itself(), b"2", Expect::Anything)]);
    let (answer, _) = bert.send(request, payload).await.unwrap();
    let Response::BatchWritten(written) = answer else { panic!("unexpected {answer:?}") };
    assert!(written.files[0].is_ok());
    assert_eq!(code(written.files[1].clone()), ErrorCode::EXISTS);
    assert_eq!(code(bert.mv_at(itself(), place("/f")).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.rm_at(itself()).await), ErrorCode::NOT_ALLOWED);
    // In a directory that can only be read, it is found by its name as well.
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    bert.put_at(below(d, "/e/f"), b"named", Expect::Anything).await.unwrap();
    assert_eq!(code(bert.rm_at(below(d, "/e/f")).await), ErrorCode::NOT_ALLOWED);
    let own = anna.put_at(Place::node(d), b"x", Expect::Anything).await;
    assert_eq!(code(own), ErrorCode::IS_A_DIRECTORY);
    anna.put_at(itself(), b"mine", Expect::Anything).await.unwrap();
    assert_eq!(anna.cat("/d/e/f").await.unwrap(), b"mine");
    anna.rm("/d", true).await.unwrap();
    let trashed = anna.put_at(itself(), b"x", Expect::Anything).await;
    assert_eq!(code(trashed), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn the_owner_pays() {
    let config = allowing(100_000);
    let bench = Bench::with(config).await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let d = anna.mkdir("/d").await.unwrap();
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let data = vec![7; 60_000];
    bert.put("/own", &data, Expect::Absent).await.unwrap();
    bert.put_at(below(d, "/a"), &data, Expect::Absent).await.unwrap();
    assert_eq!(code(anna.put("/b", &data, Expect::Absent).await), ErrorCode::QUOTA);
    let refused = bert.cp_at(place("/own"), below(d, "/b")).await.expect_err("no room");
    assert_eq!(refused.code, ErrorCode::QUOTA);
    assert!(refused.message.contains("of the owner"), "{}", refused.message);
    // What a batch adds counts, each file for its owner.
    let batch = async |files: &[(Place, &[u8], Expect)]| {
        let (request, payload) = put_files(op(), files);
        let Response::BatchWritten(batch) = bert.send(request, payload).await.unwrap().0 else {
            panic!()
        };
        batch.files.into_iter().map(|file| file.err().map(|error| error.code)).collect::<Vec<_>>()
    };
    let small = &data[..25_000];
    let (one, two) = ((below(d, "/1"), small), (below(d, "/2"), small));
    let (own, absent) = (place("/1"), Expect::Absent);
    let full = Some(ErrorCode::QUOTA);
    let files = [
        (one.0, one.1, absent),
        (two.0, two.1, absent),
        (below(d, "/3"), &data[..1000], absent),
        (own, small, absent),
    ];
    assert_eq!(batch(&files).await, [None, full, None, None]);
    assert_eq!(anna.names("/d").await, ["1", "3", "a"]);
}

#[tokio::test]
async fn a_batch_goes_as_far_as_the_shares_go() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, e, f } = tree(&anna).await;
    let r = anna.mkdir("/r").await.unwrap();
    anna.put("/r/keep", b"keep", Expect::Absent).await.unwrap();
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    anna.share("/r", "bert", Mode::Read).await.unwrap();
    bert.put("/own", b"own", Expect::Absent).await.unwrap();
    let item = |place| DeleteItem { place, revision: None };
    let places = [below(r, "/keep"), Place::node(f), place("/own"), Place::node(e), Place::node(d)];
    let items = places.into_iter().map(item).collect();
    let request = Request::Delete(Delete { op: op(), items, recursive: true });
    let Response::Outcomes(outcomes) = bert.ask(request).await.unwrap() else { panic!() };
    let codes: Vec<_> =
        outcomes.items.iter().map(|item| item.clone().err().map(|error| error.code)).collect();
    let refused = Some(ErrorCode::NOT_ALLOWED);
    assert_eq!(codes, [refused, None, None, None, refused]);
    assert_eq!(anna.names("/d").await, Vec::<String>::new());
    assert_eq!(anna.names("/r").await, ["keep"]);
}

#[tokio::test]
async fn an_upload_under_way_fails_when_the_share_is_gone() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let Tree { d, .. } = tree(&anna).await;
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let upload = UploadId([7; 16]);
    bert.put_chunk(upload, 0, b"data").await.unwrap();
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    let mut commit = commit_upload(upload, "/", &[b"data"]);
    commit.to = below(d, "/up");
    assert_eq!(code(bert.commit(commit.clone()).await), ErrorCode::NOT_ALLOWED);
    anna.unshare("/d", with_user("bert")).await.unwrap();
    assert_eq!(code(bert.commit(commit).await), ErrorCode::NOT_FOUND);
    let kept = commit_upload(upload, "/kept", &[b"data"]);
    bert.commit(kept).await.unwrap();
    assert_eq!(bert.cat("/kept").await.unwrap(), b"data", "nothing has to be sent again");
}
