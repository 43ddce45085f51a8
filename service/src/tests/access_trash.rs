//! The trash of a shared directory.

use super::guest::below;
use super::harness::{Bench, code, place};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::{Expect, TrashPage};
use coffer_protocol::{NodeId, Place};

fn shown(page: &TrashPage) -> Vec<String> {
    let path = |entry: &coffer_protocol::message::tree::TrashEntry| {
        let names = entry.above.iter().chain([&entry.entry.name]);
        names.cloned().collect::<Vec<_>>().join("/")
    };
    let mut paths: Vec<_> = page.entries.iter().map(path).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn writers_see_what_was_deleted_inside_and_nothing_else() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let d = anna.mkdir("/d").await.unwrap();
    let e = anna.mkdir("/d/e").await.unwrap();
    for path in ["/d/1", "/d/e/2", "/out"] {
        anna.put(path, b"text", Expect::Absent).await.unwrap();
    }
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let one = bert.rm_at(below(d, "/1")).await.unwrap();
    let two = bert.rm_at(below(d, "/e/2")).await.unwrap();
    let out = anna.rm("/out", false).await.unwrap();
    let page = bert.trash_in(Place::node(d), None, 10).await.unwrap();
    assert_eq!(shown(&page), ["1", "e/2"]);
    assert_eq!((page.next, page.damaged.len()), (None, 0));
    let page = bert.trash_in(below(d, "/e"), None, 10).await.unwrap();
    assert_eq!(shown(&page), ["2"]);
    let page = anna.trash_in(place("/"), None, 10).await.unwrap();
    assert_eq!(shown(&page), ["d/1", "d/e/2", "out"]);
    assert_eq!(code(bert.stat_at(Place::node(one)).await), ErrorCode::NOT_FOUND);
    for node in [one, two, d] {
        let purged = bert.purge(node).await;
        assert!(purged.is_err() || purged == Ok(0), "{purged:?}");
    }
    assert_eq!(code(bert.purge(one).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.restore(out, Some(below(d, "/out"))).await), ErrorCode::NOT_FOUND);

    // What is below a deleted directory is still inside, and comes back elsewhere.
    bert.rm_at(Place::node(e)).await.unwrap();
    let page = bert.trash_in(Place::node(d), None, 10).await.unwrap();
    assert_eq!(shown(&page), ["1", "e", "e/2"]);
    assert_eq!(code(bert.restore(two, None).await), ErrorCode::NOT_FOUND);
    assert_eq!(code(bert.restore(two, Some(place("/2"))).await), ErrorCode::OTHER_OWNER);
    bert.restore(two, Some(below(d, "/2"))).await.unwrap();
    bert.restore(one, None).await.unwrap();
    bert.restore(e, None).await.unwrap();
    assert_eq!(anna.names("/d").await, ["1", "2", "e"]);
}

#[tokio::test]
async fn readers_and_strangers_leave_the_trash_alone() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let d = anna.mkdir("/d").await.unwrap();
    anna.put("/d/f", b"text", Expect::Absent).await.unwrap();
    let f = anna.rm("/d/f", false).await.unwrap();
    assert_eq!(code(bert.trash_in(Place::node(d), None, 10).await), ErrorCode::NOT_FOUND);
    assert_eq!(code(bert.restore(f, None).await), ErrorCode::NOT_FOUND);
    assert_eq!(bert.purge(f).await.unwrap(), 0, "as if there were none");
    anna.share("/d", "bert", Mode::Read).await.unwrap();
    assert_eq!(code(bert.trash_in(Place::node(d), None, 10).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.restore(f, None).await), ErrorCode::NOT_ALLOWED);
    assert_eq!(code(bert.purge(f).await), ErrorCode::NOT_ALLOWED);
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    anna.rm("/d", true).await.unwrap();
    assert_eq!(code(bert.restore(f, None).await), ErrorCode::NOT_FOUND, "the share is not live");
    assert_eq!(code(bert.restore(d, None).await), ErrorCode::NOT_FOUND);
    assert_eq!(code(bert.trash_in(Place::node(d), None, 10).await), ErrorCode::NOT_FOUND);
    assert_eq!(code(anna.trash_in(Place::node(d), None, 10).await), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn the_trash_of_a_directory_comes_page_by_page() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let d = anna.mkdir("/d").await.unwrap();
    for n in 0..7 {
        for path in [format!("/d/{n}"), format!("/other{n}")] {
            anna.put(&path, b"", Expect::Absent).await.unwrap();
            anna.rm(&path, false).await.unwrap();
        }
    }
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    for limit in [1, 2, 3, 100] {
        let (mut cursor, mut seen): (Option<(i64, NodeId)>, Vec<String>) = (None, Vec::new());
        loop {
            let page = bert.trash_in(Place::node(d), cursor, limit).await.unwrap();
            assert!(page.entries.len() <= limit as usize);
            seen.extend(shown(&page));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        seen.sort();
        assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
    }
}
