//! How much work a commit is, in numbers that do not depend on a clock.

use crate::sample::{HOME, batch, changes, file, first_user};
use crate::site::Site;
use coffer_store::Change;

pub(crate) async fn a_batch_costs_few_statements(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let before = store.counters();
    store.commit(batch(10..522, 4096)).await.unwrap();
    let after = store.counters();
    assert_eq!(after.transactions - before.transactions, 1);
    assert!(after.statements - before.statements < 80, "{after:?}");
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await, 513);
    assert_eq!(site.count("SELECT COUNT(*) FROM chunks WHERE refs=1").await, 512);
}

pub(crate) async fn commits_that_wait_share_a_transaction(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let before = store.counters();
    let commits: Vec<_> = (10..210)
        .map(|number| {
            let store = store.clone();
            let commit = changes(vec![Change::PutNode(file(number, HOME))]);
            tokio::spawn(async move { store.commit(commit).await.unwrap().position })
        })
        .collect();
    let mut positions = Vec::new();
    for commit in commits {
        positions.push(commit.await.unwrap().seq);
    }
    let after = store.counters();
    assert_eq!(after.commits - before.commits, 200);
    assert!(after.transactions - before.transactions < 200, "{after:?}");
    positions.sort_unstable();
    assert_eq!(positions, (2..202).collect::<Vec<u64>>());
    assert_eq!(store.verify_journal().await.unwrap(), 201);
}
