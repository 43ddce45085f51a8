//! Directories, names, moves and the trash.

use super::harness::{Bench, answer, code, op, place};
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{
    Delete, DeleteItem, Expect, MakeDirs, NewDir, PurgeTrash, PurgeWhat, RestoreTrash, TrashList,
    TrashPage,
};
use coffer_protocol::{NodeId, Place, Request, Response};

fn new_dirs(paths: &[&str], adopt: bool, parents: bool) -> MakeDirs {
    let dir = |path: &&str| NewDir { names: place(path).names, modified_millis: Some(5) };
    let dirs = paths.iter().map(dir).collect();
    MakeDirs { op: op(), base: Place::home(), dirs, adopt, parents }
}

async fn make(user: &User, request: MakeDirs) -> Outcome<Vec<NodeId>> {
    Ok(answer!(user.ask(Request::MakeDirs(request)).await, Made)?.nodes)
}

async fn trash(user: &User) -> TrashPage {
    let list = TrashList { cursor: None, limit: 100 };
    answer!(user.ask(Request::TrashList(list)).await, Trash).unwrap()
}

async fn restore(user: &User, node: NodeId, to: Option<&str>) -> Outcome<Written> {
    let request = RestoreTrash { op: op(), node, to: to.map(place) };
    answer!(user.ask(Request::RestoreTrash(request)).await, Written)
}

async fn purge(user: &User, what: PurgeWhat) -> Outcome<(u64, bool)> {
    let request = PurgeTrash { op: op(), what };
    let purged = answer!(user.ask(Request::PurgeTrash(request)).await, Purged)?;
    Ok((purged.count, purged.more))
}

#[tokio::test]
async fn directories_are_made_all_or_none() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let made = make(&anna, new_dirs(&["/a", "/a/b", "/c"], false, false)).await.unwrap();
    assert_eq!(made[1], anna.node("/a/b").await);
    assert_eq!(anna.stat("/c").await.unwrap().modified_millis, 5);
    let refused = make(&anna, new_dirs(&["/d", "/a"], false, false)).await;
    assert_eq!(code(refused), ErrorCode::EXISTS);
    assert_eq!(code(anna.stat("/d").await), ErrorCode::NOT_FOUND);
    let orphan = make(&anna, new_dirs(&["/x/y/z"], false, false)).await;
    assert_eq!(code(orphan), ErrorCode::NOT_FOUND);
    let adopted = make(&anna, new_dirs(&["/a/b", "/x/y/z", "/x/y"], true, true)).await.unwrap();
    assert_eq!(adopted[0], made[1]);
    assert_eq!(adopted[2], anna.node("/x/y").await);
    anna.put("/f", b"", Expect::Absent).await.unwrap();
    let through = make(&anna, new_dirs(&["/f/g"], true, true)).await;
    assert_eq!(code(through), ErrorCode::NOT_A_DIRECTORY);
    assert_eq!(code(anna.mkdir("/bad\u{7}name").await), ErrorCode::BAD_NAME);
}

#[tokio::test]
async fn a_name_is_one_name_however_it_is_typed() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/caf\u{e9}", b"1", Expect::Absent).await.unwrap();
    assert_eq!(anna.cat("/cafe\u{301}").await.unwrap(), b"1");
    let again = anna.put("/cafe\u{301}", b"2", Expect::Absent).await;
    assert_eq!(code(again), ErrorCode::EXISTS);
    let written = anna.put("/CAF\u{c9}", b"3", Expect::Absent).await.unwrap();
    assert!(written.case_collision);
    assert!(!anna.put("/tea", b"4", Expect::Absent).await.unwrap().case_collision);
    anna.mv("/caf\u{e9}", "/cafe\u{301}", false).await.unwrap();
    assert!(anna.names("/").await.contains(&"cafe\u{301}".to_owned()), "the new form is shown");
}

#[tokio::test]
async fn moves_keep_everything_and_never_go_into_themselves() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    make(&anna, new_dirs(&["/a", "/a/b", "/c"], false, false)).await.unwrap();
    anna.put("/a/b/f", b"text", Expect::Absent).await.unwrap();
    let node = anna.node("/a/b/f").await;
    anna.mv("/a", "/c/renamed", false).await.unwrap();
    assert_eq!(anna.cat("/c/renamed/b/f").await.unwrap(), b"text");
    assert_eq!(anna.node("/c/renamed/b/f").await, node);
    assert_eq!(code(anna.stat("/a").await), ErrorCode::NOT_FOUND);
    assert_eq!(code(anna.mv("/c", "/c/renamed/c", false).await), ErrorCode::INTO_ITSELF);
    assert_eq!(code(anna.mv("/c", "/c/c", false).await), ErrorCode::INTO_ITSELF);
    assert_eq!(code(anna.mv("/", "/c/home", false).await), ErrorCode::NOT_ALLOWED);
    anna.put("/g", b"other", Expect::Absent).await.unwrap();
    assert_eq!(code(anna.mv("/g", "/c/renamed/b/f", false).await), ErrorCode::EXISTS);
    assert_eq!(code(anna.mv("/g", "/c", true).await), ErrorCode::EXISTS);
    anna.mv("/g", "/c/renamed/b/f", true).await.unwrap();
    assert_eq!(anna.cat("/c/renamed/b/f").await.unwrap(), b"other");
    assert_eq!(trash(&anna).await.entries[0].entry.node, node, "what made room is in the trash");
}

#[tokio::test]
async fn deleting_loses_nothing_and_restoring_says_what_is_in_the_way() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    make(&anna, new_dirs(&["/d", "/d/e"], false, false)).await.unwrap();
    anna.put("/d/e/f", b"text", Expect::Absent).await.unwrap();
    assert_eq!(code(anna.rm("/d", false).await), ErrorCode::NOT_EMPTY);
    let file = anna.rm("/d/e/f", false).await.unwrap();
    let dir = anna.rm("/d/e", false).await.unwrap();
    let page = trash(&anna).await;
    let paths: Vec<_> = page.entries.iter().map(|entry| entry.above.join("/")).collect();
    assert_eq!(page.entries.len(), 2);
    assert!(paths.contains(&"d/e".to_owned()) && paths.contains(&"d".to_owned()), "{paths:?}");
    assert_eq!(anna.read(Place::node(file), None).await.unwrap(), b"text", "readable in the trash");
    let refused = restore(&anna, file, None).await.expect_err("its directory is in the trash");
    assert_eq!(refused.code, ErrorCode::NOT_FOUND);
    assert!(refused.hint.contains("restore that first"), "{}", refused.hint);
    anna.mkdir("/d/e").await.unwrap();
    let refused = restore(&anna, dir, None).await.expect_err("the name is taken");
    assert_eq!(refused.code, ErrorCode::EXISTS);
    assert!(!refused.hint.is_empty());
    restore(&anna, dir, Some("/d/e2")).await.unwrap();
    restore(&anna, file, None).await.unwrap();
    assert_eq!(anna.cat("/d/e2/f").await.unwrap(), b"text");
    assert_eq!(code(restore(&anna, file, None).await), ErrorCode::NOT_FOUND);
    assert!(trash(&anna).await.entries.is_empty());
}

#[tokio::test]
async fn what_is_in_the_trash_is_not_written_to() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let dir = anna.mkdir("/d").await.unwrap();
    let inner = anna.mkdir("/d/inner").await.unwrap();
    anna.rm("/d", true).await.unwrap();
    for base in [dir, inner] {
        let to = Place::child(base, "new");
        let (request, payload) =
            super::harness::put_files(op(), &[(to.clone(), b"x", Expect::Absent)]);
        let (answer, _) = anna.send(request, payload).await.unwrap();
        let Response::BatchWritten(written) = answer else { panic!("unexpected {answer:?}") };
        assert_eq!(code(written.files[0].clone()), ErrorCode::NOT_FOUND);
        let dirs = vec![NewDir { names: vec!["x".to_owned()], modified_millis: None }];
        let base = Place::node(base);
        let request = MakeDirs { op: op(), base, dirs, adopt: false, parents: false };
        assert_eq!(code(make(&anna, request).await), ErrorCode::NOT_FOUND);
    }
    let items = vec![DeleteItem { place: Place::node(inner), revision: None }];
    let request = Delete { op: op(), items, recursive: true };
    let outcomes = answer!(anna.ask(Request::Delete(request)).await, Outcomes).unwrap();
    assert_eq!(code(outcomes.items[0].clone()), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn purging_takes_all_of_the_trash_and_nothing_else() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    make(&anna, new_dirs(&["/d", "/d/e", "/keep"], false, false)).await.unwrap();
    for name in ["/d/1", "/d/2", "/d/e/3", "/keep/4"] {
        anna.put(name, name.as_bytes(), Expect::Absent).await.unwrap();
        anna.put(name, b"again", Expect::Anything).await.unwrap();
    }
    let live = anna.node("/keep").await;
    assert_eq!(code(purge(&anna, PurgeWhat::Nodes(vec![live])).await), ErrorCode::NOT_ALLOWED);
    anna.rm("/d/1", false).await.unwrap();
    let d = anna.rm("/d", true).await.unwrap();
    let (count, more) = purge(&anna, PurgeWhat::Nodes(vec![d])).await.unwrap();
    assert_eq!((count, more), (5, false), "with what was deleted from it before");
    assert!(trash(&anna).await.entries.is_empty());
    anna.rm("/keep/4", false).await.unwrap();
    assert_eq!(purge(&anna, PurgeWhat::Everything).await.unwrap(), (1, false));
    assert_eq!(purge(&anna, PurgeWhat::Everything).await.unwrap(), (0, false));
    assert_eq!(anna.names("/").await, ["keep"]);
    let left: i64 =
        bench.sql().query_row("SELECT COUNT(*) FROM versions", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_delete_based_on_an_old_revision_says_who_was_first() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let first = anna.put("/f", b"one", Expect::Absent).await.unwrap();
    anna.put("/f", b"two", Expect::Revision(first.revision)).await.unwrap();
    let items = vec![DeleteItem { place: place("/f"), revision: Some(first.revision) }];
    let request = Request::Delete(Delete { op: op(), items, recursive: false });
    let items = answer!(anna.ask(request).await, Outcomes).unwrap().items;
    let error = items[0].clone().expect_err("it has changed");
    let conflict = error.conflict.expect("who and when");
    assert_eq!(
        (error.code, conflict.by.as_str(), conflict.revision),
        (ErrorCode::CONFLICT, "anna", 2)
    );
    assert!(anna.stat("/f").await.is_ok());
}

#[tokio::test]
async fn two_directories_are_not_moved_into_each_other_at_once() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for round in 0..10 {
        let (a, b) = (format!("/a{round}"), format!("/b{round}"));
        make(&anna, new_dirs(&[&a, &b], false, false)).await.unwrap();
        let (ab, ba) = (format!("{b}/a"), format!("{a}/b"));
        let (one, two) = tokio::join!(anna.mv(&a, &ab, false), anna.mv(&b, &ba, false));
        assert!(one.is_ok() != two.is_ok(), "exactly one wins: {one:?} {two:?}");
        let there = if one.is_ok() { &b } else { &a };
        assert_eq!(anna.names(there).await.len(), 1);
    }
}

#[tokio::test]
async fn a_directory_of_many_files_is_purged_in_steps() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.mkdir("/d").await.unwrap();
    let names: Vec<_> = (0..1200).map(|n| format!("/d/{n}")).collect();
    for batch in names.chunks(400) {
        let files: Vec<_> =
            batch.iter().map(|name| (place(name), &b""[..], Expect::Absent)).collect();
        let (request, payload) = super::harness::put_files(op(), &files);
        anna.send(request, payload).await.unwrap();
    }
    anna.rm("/d", true).await.unwrap();
    assert_eq!(purge(&anna, PurgeWhat::Everything).await.unwrap(), (1201, false));
    let left: i64 =
        bench.sql().query_row("SELECT COUNT(*) FROM nodes", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn two_who_make_the_same_directories_get_the_same_ones() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for round in 0..10 {
        let path = format!("/a{round}/b/c");
        let (one, two) = tokio::join!(
            make(&anna, new_dirs(&[&path], true, true)),
            make(&anna, new_dirs(&[&path], true, true))
        );
        assert_eq!(one.unwrap(), two.unwrap());
    }
}
