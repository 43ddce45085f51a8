//! Many shares: pages, limits on time, names of all of them.

use super::harness::{Bench, answer};
use super::sharing::with_user;
use coffer_protocol::Request;
use coffer_protocol::message::share::{ListShares, Mode, SharePage, WhichShares};
use coffer_protocol::message::tree::Expect;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const MANY: usize = 1000;

#[tokio::test]
async fn many_shares_are_listed_in_pages_and_quickly() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.mkdir("/a").await.unwrap();
    anna.mkdir("/b").await.unwrap();
    for number in 0..MANY {
        // Every name is there twice.
        let path = format!("/{}/f{}", if number % 2 == 0 { "a" } else { "b" }, number / 2);
        anna.put(&path, b"text", Expect::Absent).await.unwrap();
        anna.share(&path, "bert", Mode::Read).await.unwrap();
    }
    let mut fresh = bench.stranger("bert");
    fresh.sign_in().await.unwrap();
    let start = Instant::now();
    let all = fresh.with_me().await;
    let first = start.elapsed();
    let start = Instant::now();
    assert_eq!(fresh.with_me().await, all);
    let again = start.elapsed();
    // Many times what it takes (0.65 s, then 0.1 s), for a machine that has more to do.
    assert!(first < Duration::from_secs(3), "{first:?}");
    assert!(again < Duration::from_secs(2), "{again:?}");

    assert_eq!(all.len(), MANY);
    let names: HashSet<_> = all.iter().map(|entry| entry.names[0].as_str()).collect();
    assert_eq!(names.len(), MANY, "no two have one name");
    for (user, which) in [(&bert, WhichShares::WithMe), (&anna, WhichShares::ByMe)] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let request = ListShares { which: which.clone(), cursor, limit: 70 };
            let page: SharePage =
                answer!(user.ask(Request::ListShares(request)).await, Shares).unwrap();
            assert!(page.shares.len() <= 70 && page.damaged.is_empty());
            seen.extend(page.shares.iter().map(|entry| entry.share));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let ids: Vec<_> = all.iter().map(|entry| entry.share).collect();
        assert_eq!(seen, ids, "the same order, each once");
    }
    anna.unshare("/a/f0", with_user("bert")).await.unwrap();
    assert_eq!(bert.find("anna", "f0").await.unwrap().names, ["f0"]);
}
