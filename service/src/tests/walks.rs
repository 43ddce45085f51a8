//! Pages of directories and of whole trees.

use super::harness::{Bench, answer, code, op, place, put_files};
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{Expect, Kind, List, ListPage, Walk, WalkPage};
use coffer_protocol::{Place, Request};
use std::collections::BTreeSet;

async fn page(
    user: &User,
    place: Place,
    pattern: Option<&str>,
    cursor: Vec<u8>,
    limit: u32,
) -> Outcome<WalkPage> {
    let pattern = pattern.map(str::to_owned);
    answer!(user.ask(Request::Walk(Walk { place, pattern, cursor, limit })).await, Walk)
}

/// Walks a tree to its end; paths in the order they came.
async fn walk(user: &User, root: &str, pattern: Option<&str>, limit: u32) -> Vec<String> {
    let (mut cursor, mut paths) = (Vec::new(), Vec::new());
    for _ in 0..10_000 {
        let page = page(user, place(root), pattern, cursor, limit).await.unwrap();
        assert!(page.damaged.is_empty());
        assert!(page.entries.len() <= limit as usize);
        for entry in page.entries {
            let mut names = entry.above;
            names.push(entry.entry.name);
            let slash = if entry.entry.kind == Kind::Directory { "/" } else { "" };
            paths.push(names.join("/") + slash);
        }
        cursor = page.next;
        if cursor.is_empty() {
            return paths;
        }
    }
    panic!("the walk does not end");
}

async fn sample(user: &User) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for a in 0..3 {
        user.mkdir(&format!("/d{a}")).await.unwrap();
        all.insert(format!("d{a}/"));
        for b in 0..3 {
            user.mkdir(&format!("/d{a}/e{b}")).await.unwrap();
            all.insert(format!("d{a}/e{b}/"));
            let files: Vec<_> = (0..5).map(|c| format!("d{a}/e{b}/Report {c}.TXT")).collect();
            let puts: Vec<_> = files
                .iter()
                .map(|path| (place(&format!("/{path}")), path.as_bytes(), Expect::Absent))
                .collect();
            let (request, payload) = put_files(op(), &puts);
            user.send(request, payload).await.unwrap();
            all.extend(files);
        }
    }
    all
}

#[tokio::test]
async fn a_walk_sees_everything_once_at_any_page_size() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let all = sample(&anna).await;
    for limit in [1, 2, 7, 1000] {
        let seen = walk(&anna, "/", None, limit).await;
        assert_eq!(seen.len(), all.len(), "limit {limit}");
        assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), all);
        for (at, path) in seen.iter().enumerate() {
            let above = path.trim_end_matches('/').rsplit_once('/').map(|(above, _)| above);
            let Some(above) = above else { continue };
            let dir = format!("{above}/");
            assert!(seen[..at].contains(&dir), "{dir} comes before {path}");
        }
    }
    assert_eq!(walk(&anna, "/d1/e2", None, 3).await.len(), 5);
}

#[tokio::test]
async fn a_pattern_finds_names_whatever_their_case() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    sample(&anna).await;
    assert_eq!(walk(&anna, "/", Some("*3.txt"), 2).await.len(), 9);
    assert_eq!(walk(&anna, "/", Some("{d1,e2}"), 2).await.len(), 4);
    assert_eq!(walk(&anna, "/", Some("nothing"), 2).await.len(), 0);
    let refused = page(&anna, place("/"), Some("[a"), Vec::new(), 10).await;
    assert_eq!(code(refused), ErrorCode::BAD_PATTERN);
    let long = "*".repeat(2000);
    let refused = page(&anna, place("/"), Some(&long), Vec::new(), 10).await;
    assert_eq!(code(refused), ErrorCode::BAD_PATTERN);
}

#[tokio::test]
async fn a_walk_goes_on_when_the_tree_changes_under_it() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    sample(&anna).await;
    let first = page(&anna, place("/"), None, Vec::new(), 4).await.unwrap();
    let deep = first.entries.iter().find(|entry| entry.above.is_empty()).expect("a directory");
    anna.rm(&format!("/{}", deep.entry.name), true).await.unwrap();
    let mut cursor = first.next;
    let mut seen = 0;
    while !cursor.is_empty() {
        let next = page(&anna, place("/"), None, cursor, 4).await.unwrap();
        seen += next.entries.iter().filter(|entry| entry.above.is_empty()).count();
        cursor = next.next;
    }
    assert_eq!(seen, 2, "the other two directories are still found");
}

#[tokio::test]
async fn a_cursor_is_never_believed() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let bert = bench.user("bert").await;
    sample(&anna).await;
    bert.mkdir("/mine").await.unwrap();
    let next = page(&anna, place("/"), None, Vec::new(), 4).await.unwrap().next;
    for cursor in [b"x".to_vec(), next[..next.len() - 1].to_vec(), [&next[..], &[0]].concat()] {
        let refused = page(&anna, place("/"), None, cursor, 4).await;
        assert_eq!(code(refused), ErrorCode::BAD_CURSOR);
    }
    assert_eq!(code(page(&bert, place("/"), None, next.clone(), 4).await), ErrorCode::BAD_CURSOR);
    // A cursor of one's own root with somebody else's directories below it.
    let home = bert.node("/").await;
    let mut forged = next;
    forged[2..18].copy_from_slice(&home.0);
    let got = page(&bert, place("/"), None, forged, 100).await.unwrap();
    assert!(got.entries.iter().all(|entry| entry.entry.name == "mine"));
}

#[tokio::test]
async fn a_directory_is_listed_page_by_page() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let names: Vec<_> = (0..75).map(|n| format!("/{n}")).collect();
    let puts: Vec<_> = names.iter().map(|name| (place(name), &b"x"[..], Expect::Absent)).collect();
    let (request, payload) = put_files(op(), &puts);
    anna.send(request, payload).await.unwrap();
    let (mut cursor, mut seen) = (None, BTreeSet::new());
    loop {
        let list = List { place: place("/"), cursor, limit: 40 };
        let page: ListPage = answer!(anna.ask(Request::List(list)).await, List).unwrap();
        seen.extend(page.entries.into_iter().map(|entry| entry.name));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 75);
}
