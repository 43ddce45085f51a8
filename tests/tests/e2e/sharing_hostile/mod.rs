//! A recipient with a client of his own making: guessed ids, parents, `..`,
//! foreign cursors, moves and copies across the border, used operation ids,
//! shares of what is not his. No byte and no change that is not allowed.

mod guessed;
mod stage;

use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{GroupEdit, Mode, WhichShares};
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Expect, List, MakeDirs, NewDir, PurgeTrash, PurgeWhat, Walk,
};
use coffer_protocol::{Base, NodeId, OpId, Place, Request, Response, UploadId};
use coffer_tests::Engine;
use coffer_tests::person::{group, inside, new_op, new_upload, node_place, user};
use guessed::refused_code;
use stage::{SECRET, Stage};

static BIG: [u8; 70_000] = [7; 70_000];

#[tokio::test(flavor = "multi_thread")]
async fn no_name_leads_up() {
    let stage = Stage::set(Engine::Sqlite).await;
    let before = stage.state().await;
    let bob = &stage.bob;
    let paths: [&[&str]; 9] = [
        &[".."],
        &["..", "secret"],
        &["d", "..", "..", "secret"],
        &["."],
        &[""],
        &["../secret"],
        &["d/f"],
        &["\0"],
        &["..\\secret"],
    ];
    for names in paths {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let place = Place { base: Base::Node(stage.shared), names: names.clone() };
        assert!(bob.stat(&place).await.is_err(), "{names:?}");
        assert!(bob.read(&place, None).await.is_err(), "{names:?}");
        assert!(bob.list(&place).await.is_err(), "{names:?}");
        // A backslash is a letter like any other on the server.
        if names == ["..\\secret"] {
            continue;
        }
        assert!(bob.put(&place, b"planted", Expect::Anything).await.is_err(), "{names:?}");
        assert!(bob.mv(&inside(stage.shared, "f"), &place).await.is_err(), "{names:?}");
        assert!(bob.cp(&inside(stage.shared, "f"), &place).await.is_err(), "{names:?}");
        let dirs = vec![NewDir { names: names.clone(), modified_millis: None }];
        let (op, base) = (new_op(), node_place(stage.shared));
        let make = MakeDirs { op, base, dirs, adopt: true, parents: true };
        assert!(bob.ask(Request::MakeDirs(make)).await.is_err(), "{names:?}");
        assert!(bob.rm(&place).await.is_err(), "{names:?}");
    }
    assert_eq!(stage.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_of_other_places_show_nothing() {
    let stage = Stage::set(Engine::Sqlite).await;
    let (ada, bob) = (&stage.ada, &stage.bob);
    for number in 0..3 {
        let place = inside(stage.private, &format!("canary-{number}"));
        ada.put(&place, SECRET, Expect::Absent).await.expect("written");
    }
    let canary = |name: &str| name.starts_with("canary") || name == "secret";
    let foreign = List { place: node_place(stage.private), cursor: None, limit: 1 };
    let cursor = ada.list_page(foreign).await.expect("a page").next;
    assert!(cursor.is_some());
    let list = List { place: node_place(stage.shared), cursor, limit: 100 };
    if let Ok(page) = bob.list_page(list).await {
        assert!(page.entries.iter().all(|entry| !canary(&entry.name)), "{page:?}");
        assert!(page.damaged.is_empty(), "{page:?}");
    }
    let mut walk = Walk { place: ada.own(""), pattern: None, cursor: Vec::new(), limit: 2 };
    loop {
        let Ok(Response::Walk(page)) = ada.ask(Request::Walk(walk.clone())).await else { panic!() };
        if page.next.is_empty() {
            break;
        }
        for place in [node_place(stage.shared), node_place(stage.readable), bob.own("")] {
            let next = Walk { place, pattern: None, cursor: page.next.clone(), limit: 100 };
            if let Ok(Response::Walk(seen)) = bob.ask(Request::Walk(next)).await {
                assert!(seen.entries.iter().all(|found| !canary(&found.entry.name)), "{seen:?}");
                assert!(seen.damaged.is_empty(), "{seen:?}");
            }
        }
        walk.cursor = page.next;
    }
    let trash = bob.trash().await.expect("his own");
    assert!(trash.is_empty());
    let inside_shared = bob.trash_in(&node_place(stage.shared)).await.expect("a trash");
    let nodes: Vec<NodeId> = inside_shared.iter().map(|trashed| trashed.entry.node).collect();
    assert_eq!(nodes, [stage.gone_inside]);
    for trashed in &inside_shared {
        assert!(!trashed.above.iter().any(|name| name == "private"), "{trashed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_border_of_a_share_is_not_crossed() {
    let stage = Stage::set(Engine::Sqlite).await;
    let before = stage.state().await;
    let (bob, shared) = (&stage.bob, stage.shared);
    let (file, free) = (inside(shared, "f"), inside(shared, "free"));
    let outside = [inside(stage.private, "x"), inside(stage.ada.home, "x")];
    for out in &outside {
        assert!(refused_code(bob.mv(&file, out).await.expect_err("out").code));
        assert!(refused_code(bob.cp(&file, out).await.expect_err("out").code));
        let restored = bob.restore(stage.gone_inside, Some(out.clone())).await;
        assert!(refused_code(restored.expect_err("out").code));
        let upload = new_upload();
        bob.put_chunk(upload, &BIG).await.expect("a chunk has no place yet");
        let commit = bob.commit_request(upload, out, &BIG, Expect::Absent);
        assert!(refused_code(bob.commit(commit).await.expect_err("out").code));
    }
    for node in [stage.private, stage.secret, stage.gone] {
        let place = node_place(node);
        assert!(refused_code(bob.mv(&place, &free).await.expect_err("in").code));
        assert!(refused_code(bob.cp(&place, &free).await.expect_err("in").code));
        let restored = bob.restore(node, Some(free.clone())).await;
        assert!(refused_code(restored.expect_err("in").code));
    }
    // What is only readable neither goes to where he may write, nor is written.
    let readable = inside(stage.readable, "f");
    let moved = bob.mv(&readable, &free).await.expect_err("moved");
    assert_eq!(moved.code, ErrorCode::NOT_ALLOWED);
    let moved = bob.mv(&file, &inside(stage.readable, "x")).await.expect_err("moved");
    assert_eq!(moved.code, ErrorCode::NOT_ALLOWED);
    // The root itself stays where it is.
    let root = node_place(shared);
    for to in [inside(stage.deep, "x"), bob.own("x"), inside(stage.private, "x")] {
        assert!(bob.mv(&root, &to).await.is_err());
    }
    assert!(bob.rm(&root).await.is_err());
    // A batch is not a way around: the forbidden item fails, by itself.
    let items = [&file, &node_place(stage.secret), &readable]
        .map(|place| DeleteItem { place: place.clone(), revision: Some(u64::MAX) });
    let delete = Delete { op: new_op(), items: items.to_vec(), recursive: true };
    let deleted = bob.ask(Request::Delete(delete)).await;
    let Ok(Response::Outcomes(outcomes)) = deleted else { panic!("{deleted:?}") };
    assert!(outcomes.items.iter().all(Result::is_err), "{outcomes:?}");
    let copy = |from: &Place| CopyItem {
        from: from.clone(),
        to: bob.own("taken"),
        expect: Expect::Anything,
    };
    let items = vec![copy(&node_place(stage.secret)), copy(&node_place(stage.gone))];
    let copied = bob.ask(Request::Copy(Copy { op: new_op(), items })).await;
    let Ok(Response::Outcomes(outcomes)) = copied else { panic!("{copied:?}") };
    assert!(outcomes.items.iter().all(Result::is_err), "{outcomes:?}");
    assert_eq!(bob.list(&bob.own("")).await.expect("his own"), ["own"]);
    assert_eq!(stage.state().await, before);
}

fn make(op: OpId, base: &Place, name: &str) -> Request {
    let dirs = vec![NewDir { names: vec![name.to_owned()], modified_millis: None }];
    let base = base.clone();
    Request::MakeDirs(MakeDirs { op, base, dirs, adopt: false, parents: false })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_operation_id_opens_nothing() {
    let stage = Stage::set(Engine::Sqlite).await;
    let (ada, bob, shared) = (&stage.ada, &stage.bob, node_place(stage.shared));
    // Somebody else's answer is not to be had for its id.
    let op = new_op();
    let Ok(Response::Made(made)) = ada.ask(make(op, &node_place(stage.private), "a")).await else {
        panic!("Ada's own request")
    };
    let answer = bob.ask(make(op, &node_place(stage.private), "a")).await;
    assert!(refused_code(answer.expect_err("hers").code));
    if let Ok(Response::Made(his)) = bob.ask(make(op, &shared, "b")).await {
        assert_ne!(his.nodes, made.nodes);
        assert_ne!(his.base, stage.private);
    }
    // What was done before the revoke is not done again after it.
    let (request, payload) =
        bob.put_request(&[(inside(stage.shared, "late"), b"late", Expect::Anything)]);
    let put = Request::PutFiles(request);
    bob.call(put.clone(), payload.clone()).await.expect("written");
    let op = new_op();
    bob.ask(make(op, &shared, "made")).await.expect("made");
    ada.unshare(&shared, &user("bob")).await.expect("taken back");
    ada.rm(&inside(stage.shared, "late")).await.expect("deleted");
    ada.rm(&inside(stage.shared, "made")).await.expect("deleted");
    let before = stage.state().await;
    for _ in 0..3 {
        // The old answer may come again; the work may not.
        let _ = bob.call(put.clone(), payload.clone()).await;
        let _ = bob.ask(make(op, &shared, "made")).await;
        let again = make(new_op(), &shared, "made");
        assert!(refused_code(bob.ask(again).await.expect_err("a new one").code));
    }
    assert_eq!(stage.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_gives_and_takes() {
    let stage = Stage::set(Engine::Sqlite).await;
    let before = stage.state().await;
    let (ada, bob, eve) = (&stage.ada, &stage.bob, &stage.eve);
    for node in [stage.shared, stage.deep, stage.file, stage.readable] {
        let place = node_place(node);
        for with in [user("eve"), user("bob"), user("ada"), group("team")] {
            for mode in [Mode::Read, Mode::Write] {
                let shared = bob.share(&place, &with, mode).await;
                let code = shared.expect_err("not his").code;
                let known = [ErrorCode::NOT_ALLOWED, ErrorCode::NO_SUCH_GROUP];
                assert!(known.contains(&code), "{code}");
            }
            assert!(bob.unshare(&place, &with).await.is_err());
            assert!(eve.unshare(&place, &with).await.is_err());
        }
        assert!(eve.leave(node).await.is_err());
    }
    // Ada's group is hers.
    for edit in [
        GroupEdit::Add(vec!["eve".to_owned()]),
        GroupEdit::Remove(vec!["bob".to_owned()]),
        GroupEdit::Rename("mine".to_owned()),
        GroupEdit::Delete,
    ] {
        let edited = bob.edit_group("team", edit).await;
        assert_eq!(edited.expect_err("hers").code, ErrorCode::NO_SUCH_GROUP);
    }
    // Nor does the owner share what cannot be shared.
    for node in [ada.home, stage.gone] {
        assert!(ada.share(&node_place(node), &user("bob"), Mode::Read).await.is_err());
    }
    let shared = node_place(stage.shared);
    assert!(ada.share(&shared, &user("ada"), Mode::Read).await.is_err());
    let nobody = ada.share(&shared, &user("nobody"), Mode::Read).await;
    assert_eq!(nobody.expect_err("nobody").code, ErrorCode::NO_SUCH_USER);
    // Whoever was given nothing learns nothing, not even whether there is something.
    let there = eve.find_shared("ada", "shared").await.expect_err("not hers").code;
    let absent = eve.find_shared("ada", "no such thing").await.expect_err("not there").code;
    assert_eq!(there, absent);
    assert!(eve.shares(WhichShares::WithMe).await.expect("none").is_empty());
    assert!(eve.activity(None, None).await.expect("her own").iter().all(|r| r.by == "eve"));
    assert_eq!(stage.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_is_the_owners_alone() {
    let stage = Stage::set(Engine::Sqlite).await;
    let before = stage.state().await;
    for person in [&stage.bob, &stage.eve] {
        let nodes = vec![stage.gone_inside, stage.gone, stage.file];
        for what in [PurgeWhat::Nodes(nodes), PurgeWhat::Everything] {
            let purge = PurgeTrash { op: new_op(), what };
            if let Ok(Response::Purged(purged)) = person.ask(Request::PurgeTrash(purge)).await {
                assert_eq!((purged.count, purged.more), (0, false));
            }
        }
        assert!(person.purge_versions(&node_place(stage.file)).await.is_err());
    }
    assert_eq!(stage.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_belongs_to_its_session() {
    let stage = Stage::set(Engine::Sqlite).await;
    let upload = UploadId(new_op().0);
    stage.ada.put_chunk(upload, &BIG).await.expect("sent");
    let to = inside(stage.shared, "stolen");
    let commit = stage.bob.commit_request(upload, &to, &BIG, Expect::Absent);
    let stolen = stage.bob.commit(commit).await.expect_err("not his").code;
    assert_eq!(stolen, ErrorCode::NO_SUCH_UPLOAD);
}
