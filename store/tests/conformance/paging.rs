//! Lists, a page at a time.

use crate::sample::{
    HOME, changes, directory, file, first_user, id32, invite, node_id, trashed, user, user_id,
    version,
};
use crate::site::Site;
use coffer_protocol::NodeId;
use coffer_store::{Change, NodeRow, Usage, UserRow};

pub(crate) async fn directories_are_listed_in_pages(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut all: Vec<Change> = (10..35).map(|n| Change::PutNode(file(n, HOME))).collect();
    all.push(Change::PutNode(trashed(file(40, HOME), 9_000)));
    all.push(Change::PutNode(directory(50, HOME)));
    store.commit(changes(all)).await.unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.children(node_id(HOME), after, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 10);
        after = last.lookup_tag;
        seen.extend(page.iter().map(|row| row.node));
    }
    let expected: Vec<NodeId> = (10..35).chain([50]).map(node_id).collect();
    assert_eq!(seen, expected);
    assert!(store.has_children(node_id(HOME)).await.unwrap());
    assert!(!store.has_children(node_id(50)).await.unwrap());
    assert_eq!(store.child(node_id(HOME), &id32(40)).await.unwrap(), None);
    let folded = store.fold_matches(node_id(HOME), &id32(6), 10).await.unwrap();
    let mut folded: Vec<NodeId> = folded.iter().map(|row| row.node).collect();
    folded.sort();
    assert_eq!(folded, [node_id(12), node_id(13)]);
    assert_eq!(store.fold_matches(node_id(HOME), &id32(6), 1).await.unwrap().len(), 1);
    assert_eq!(store.fold_matches(node_id(HOME), &id32(20), 10).await.unwrap().len(), 0);
    let below = store.descendants(node_id(HOME), None, 1000).await.unwrap();
    assert_eq!(below.len(), 27);
    let rest = store.descendants(node_id(HOME), Some(below[24].node), 1000).await.unwrap();
    assert_eq!(rest, below[25..]);
}

pub(crate) async fn the_trash_is_listed_newest_first(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let times = [(10, 5_000), (11, 7_000), (12, 5_000), (13, 6_000), (14, 5_000)];
    let mut all: Vec<Change> =
        times.iter().map(|(n, at)| Change::PutNode(trashed(file(*n, HOME), *at))).collect();
    let foreign = NodeRow { owner: user_id(2), ..trashed(file(20, HOME), 8_000) };
    all.push(Change::PutNode(foreign));
    all.push(Change::PutNode(file(21, HOME)));
    store.commit(changes(all)).await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.trash(user_id(1), cursor, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        cursor = Some((last.trashed_millis.unwrap(), last.node));
        seen.extend(page.iter().map(|row| row.node));
    }
    assert_eq!(seen, [11, 13, 14, 12, 10].map(node_id));
}

pub(crate) async fn versions_users_and_invites_are_listed(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut all: Vec<Change> =
        (1..8).map(|revision| Change::PutVersion(version(10, revision, &[], &[]))).collect();
    all.extend((2..5).map(|n| Change::PutUser(user(n))));
    all.extend((1..4).map(|n| Change::PutInvite(invite(n, 1))));
    store.commit(changes(all)).await.unwrap();
    let revisions = |rows: Vec<coffer_store::VersionRow>| -> Vec<u64> {
        rows.iter().map(|row| row.revision).collect()
    };
    let page = store.versions(node_id(10), None, 3).await.unwrap();
    assert_eq!(revisions(page), [7, 6, 5]);
    let page = store.versions(node_id(10), Some(5), 100).await.unwrap();
    assert_eq!(revisions(page), [4, 3, 2, 1]);
    let page = store.versions(node_id(10), Some(u64::MAX), 1).await.unwrap();
    assert_eq!(revisions(page), [7]);
    let users: Vec<UserRow> = store.users(None, 3).await.unwrap();
    assert_eq!(users, [user(1), user(2), user(3)]);
    assert_eq!(store.users(Some(user_id(3)), 3).await.unwrap(), [user(4)]);
    assert_eq!(store.invites(None, 2).await.unwrap(), [invite(1, 1), invite(2, 1)]);
    assert_eq!(store.invites(Some(id32(2)), 2).await.unwrap(), [invite(3, 1)]);
}

pub(crate) async fn totals_add_up(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    assert_eq!(store.usage(user_id(9)).await.unwrap(), Usage::default());
    let all = vec![
        Change::PutNode(file(10, HOME)),
        Change::PutVersion(version(10, 1, &[], &[])),
        Change::PutVersion(version(10, 2, &[], &[])),
    ];
    store.commit(changes(all)).await.unwrap();
    let usage = |nodes, bytes| Usage { nodes, bytes };
    assert_eq!(store.usage(user_id(1)).await.unwrap(), usage(2, 2003));
    // Replacing a row counts it once; giving it to another user moves it.
    let other = NodeRow { owner: user_id(2), revision: 2, ..file(10, HOME) };
    store.commit(changes(vec![Change::PutNode(other)])).await.unwrap();
    assert_eq!(store.usage(user_id(1)).await.unwrap(), usage(1, 2003));
    assert_eq!(store.usage(user_id(2)).await.unwrap(), usage(1, 0));
    store.commit(changes(vec![Change::DeleteVersion(node_id(10), 1)])).await.unwrap();
    assert_eq!(store.usage(user_id(1)).await.unwrap(), usage(1, 1002));
    // What is not there cannot be deleted twice.
    store.commit(changes(vec![Change::DeleteVersion(node_id(10), 1)])).await.unwrap();
    store.commit(changes(vec![Change::DeleteNode(node_id(77))])).await.unwrap();
    assert_eq!(store.usage(user_id(1)).await.unwrap(), usage(1, 1002));
    store.commit(changes(vec![Change::DeleteNode(node_id(10))])).await.unwrap();
    assert_eq!(store.usage(user_id(2)).await.unwrap(), Usage::default());
    assert_eq!(store.usage(user_id(1)).await.unwrap(), usage(1, 0));
}
