//! Shares, groups and contacts: written, listed, taken back.

use crate::sample::{
    HOME, activity, changes, contact, directory, first_user, group, group_id, group_share, id32,
    member_share, node_id, other_user, share, share_id, user_id, when,
};
use crate::site::{Raw, Site};
use coffer_protocol::ShareId;
use coffer_store::{
    ActivityRow, Change, CheckOptions, CommitError, ContactRow, GroupRow, NodeRow, Page,
    Precondition, ShareRow, Store,
};

/// Users 1 to 4, and some nodes of user 1.
pub(crate) async fn furnished(site: &Site) -> Store {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut all: Vec<Change> = (2..5).flat_map(other_user).collect();
    all.extend((10..30).map(|number| Change::PutNode(directory(number, HOME))));
    all.extend([1, 2].map(|number| Change::PutGroup(group(number))));
    store.commit(changes(all)).await.unwrap();
    store
}

pub(crate) async fn put(store: &Store, shares: impl IntoIterator<Item = ShareRow>) {
    let changes = shares.into_iter().map(Change::PutShare).collect();
    store.commit(crate::sample::changes(changes)).await.unwrap();
}

pub(crate) fn numbers<C>(page: &Page<ShareRow, ShareId, C>) -> Vec<u64> {
    assert_eq!(page.damaged, []);
    let number = |row: &ShareRow| u64::from_be_bytes(row.share.0[8..].try_into().unwrap());
    page.rows.iter().map(|row| number(row) - 4_000_000).collect()
}

pub(crate) async fn what_is_shared_is_listed(site: Site) {
    let store = furnished(&site).await;
    put(&store, (1..=5).map(|number| share(number, 10 + number, 2))).await;
    put(&store, [share(6, 11, 3), group_share(7, 11, 1), group_share(8, 12, 1)]).await;
    put(&store, [member_share(9, 11, 2, 1), member_share(10, 11, 3, 1)]).await;
    put(&store, [member_share(11, 12, 2, 1), member_share(12, 12, 3, 1)]).await;
    assert_eq!(store.share(share_id(3)).await.unwrap(), Some(share(3, 13, 2)));
    assert_eq!(store.share(share_id(77)).await.unwrap(), None);

    let page = store.shares_of(node_id(11), None, 3).await.unwrap();
    assert_eq!((numbers(&page), page.next), (vec![1, 6, 7], Some(share_id(7))));
    let page = store.shares_of(node_id(11), page.next, 3).await.unwrap();
    assert_eq!((numbers(&page), page.next), (vec![9, 10], None));
    let page = store.shares_of_nodes(&[11, 13, 29].map(node_id)).await.unwrap();
    let mut found = numbers(&page);
    found.sort_unstable();
    assert_eq!(found, [1, 3, 6, 7, 9, 10]);
    assert_eq!(store.shares_of_nodes(&[]).await.unwrap().rows, []);

    let page = store.shares_with(user_id(2), Some(share_id(2)), 4).await.unwrap();
    assert_eq!((numbers(&page), page.next), (vec![3, 4, 5, 9], Some(share_id(9))));
    let page = store.shares_with_from(user_id(3), user_id(1)).await.unwrap();
    assert_eq!(numbers(&page), [6, 10, 12]);
    assert_eq!(store.shares_with_from(user_id(3), user_id(2)).await.unwrap().rows, []);
    let page = store.shares_by(user_id(1), Some(share_id(3)), 100).await.unwrap();
    assert_eq!(numbers(&page), [4, 5, 6, 7, 8]);
    assert_eq!(numbers(&store.shares_with_group(group_id(1)).await.unwrap()), [7, 8]);
    let page = store.shares_via(group_id(1), None, 3).await.unwrap();
    assert_eq!(numbers(&page), [9, 11, 10]);
    let page = store.shares_via(group_id(1), page.next, 3).await.unwrap();
    assert_eq!((numbers(&page), page.next), (vec![12], None));
    assert_eq!(numbers(&store.shares_via_of(group_id(1), user_id(3)).await.unwrap()), [10, 12]);

    // The later image counts; a share can take the place of one that goes.
    let changed = ShareRow { mode: 2, revision: 2, expires_millis: Some(5), ..share(1, 11, 2) };
    put(&store, [changed.clone()]).await;
    assert_eq!(store.share(share_id(1)).await.unwrap(), Some(changed));
    let all = vec![Change::PutShare(share(20, 11, 2)), Change::DeleteShare(share_id(1))];
    store.commit(changes(all)).await.unwrap();
    assert_eq!(store.share(share_id(1)).await.unwrap(), None);
    let outcome = store.commit(changes(vec![Change::PutShare(share(21, 11, 2))])).await;
    assert_eq!(outcome, Err(CommitError::Duplicate("shares")));
}

pub(crate) async fn groups_and_contacts_come_back(site: Site) {
    let store = furnished(&site).await;
    let foreign = GroupRow { owner: user_id(2), ..group(3) };
    let large = GroupRow { revision: 2, sealed: vec![7; 24 << 10], ..group(1) };
    let all = vec![
        Change::PutGroup(foreign.clone()),
        Change::PutGroup(large.clone()),
        Change::PutContact(contact(1)),
        Change::PutContact(ContactRow { owner: user_id(2), ..contact(1) }),
    ];
    store.commit(changes(all)).await.unwrap();
    assert_eq!(store.groups(user_id(1)).await.unwrap().rows, [large, group(2)]);
    assert_eq!(store.groups(user_id(2)).await.unwrap().rows, std::slice::from_ref(&foreign));
    assert_eq!(store.group(group_id(3)).await.unwrap(), Some(foreign));
    assert_eq!(store.contact(user_id(1), id32(1)).await.unwrap(), Some(contact(1)));
    assert_eq!(store.contact(user_id(1), id32(2)).await.unwrap(), None);
    let renewed = ContactRow { sealed: vec![1], ..contact(1) };
    store.commit(changes(vec![Change::PutContact(renewed.clone())])).await.unwrap();
    assert_eq!(store.contact(user_id(1), id32(1)).await.unwrap(), Some(renewed));
    let gone = Change::DeleteContact { owner: user_id(1), tag: id32(1) };
    store.commit(changes(vec![gone])).await.unwrap();
    assert_eq!(store.contact(user_id(1), id32(1)).await.unwrap(), None);
    assert!(store.contact(user_id(2), id32(1)).await.unwrap().is_some());
    for (change, column) in [
        (Change::PutGroup(GroupRow { sealed: vec![0; (24 << 10) + 1], ..group(1) }), "sealed"),
        (Change::PutShare(ShareRow { grant_ct: vec![0; 4097], ..share(1, 11, 2) }), "grant_ct"),
    ] {
        let outcome = store.commit(changes(vec![change])).await;
        assert_eq!(outcome, Err(CommitError::TooLarge(column)));
    }
}

pub(crate) async fn rows_that_go_take_others_along(site: Site) {
    let store = furnished(&site).await;
    let foreign = NodeRow { node: node_id(50), owner: user_id(2), ..directory(50, 900_002) };
    let all = vec![
        Change::PutNode(foreign),
        Change::PutShare(share(1, 10, 2)),
        Change::PutShare(share(2, 10, 3)),
        Change::PutShare(share(3, 11, 2)),
        Change::PutShare(ShareRow { owner: user_id(2), node: node_id(50), ..share(4, 50, 3) }),
        Change::PutShare(group_share(5, 12, 1)),
        Change::PutShare(member_share(6, 12, 2, 1)),
        Change::PutShare(member_share(7, 12, 3, 1)),
        Change::PutShare(group_share(8, 12, 2)),
        Change::PutShare(member_share(9, 12, 3, 2)),
        Change::PutContact(contact(1)),
        Change::PutContact(ContactRow { owner: user_id(2), ..contact(1) }),
        Change::PutGroup(GroupRow { owner: user_id(2), ..group(3) }),
        Change::PutActivity(activity(1, 1_000, 10)),
        Change::PutActivity(activity(2, 2_000, 11)),
        Change::PutActivity(ActivityRow { owner: user_id(2), ..activity(3, 3_000, 50) }),
    ];
    store.commit(changes(all)).await.unwrap();
    let left = async || {
        let rows = site.raw("SELECT share FROM shares ORDER BY share").await;
        let id = |row: &Vec<Raw>| match &row[0] {
            Raw::Bytes(bytes) => u64::from(*bytes.last().unwrap()),
            other => panic!("{other:?}"),
        };
        let first = u64::from(share_id(0).0[15]);
        rows.iter().map(|row| (id(row) + 256 - first) % 256).collect::<Vec<u64>>()
    };
    assert_eq!(left().await, (1..=9).collect::<Vec<_>>());
    store.commit(changes(vec![Change::DeleteNode(node_id(10))])).await.unwrap();
    assert_eq!(left().await, [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(site.count("SELECT COUNT(*) FROM activity").await, 2);
    store.commit(changes(vec![Change::DeleteGroup(group_id(1))])).await.unwrap();
    assert_eq!(left().await, [3, 4, 8, 9]);
    store.commit(changes(vec![Change::DeleteUser(user_id(2))])).await.unwrap();
    assert_eq!(left().await, [8, 9]);
    assert_eq!(site.count("SELECT COUNT(*) FROM activity").await, 1);
    assert_eq!(site.count("SELECT COUNT(*) FROM contacts").await, 1);
    assert_eq!(site.count("SELECT COUNT(*) FROM user_groups").await, 1);
}

pub(crate) async fn what_is_not_there_is_not_shared(site: Site) {
    let store = furnished(&site).await;
    let nowhere = share(1, 99, 2);
    let foreign = ShareRow { owner: user_id(2), ..share(1, 10, 3) };
    for (change, also) in [
        (nowhere, None),
        (foreign, None),
        (share(1, 10, 9), None),
        (group_share(1, 10, 9), None),
        (member_share(1, 10, 2, 9), None),
        (ShareRow { via: group_id(1), ..group_share(1, 10, 1) }, None),
        (ShareRow { recipient_kind: 3, ..share(1, 10, 2) }, None),
        (ShareRow { mode: 3, ..share(1, 10, 2) }, None),
        (share(1, 10, 2), Some(Change::DeleteNode(node_id(10)))),
        (share(1, 10, 2), Some(Change::DeleteUser(user_id(2)))),
        (group_share(1, 10, 1), Some(Change::DeleteGroup(group_id(1)))),
    ] {
        let mut all = vec![Change::PutShare(change)];
        all.extend(also);
        let outcome = store.commit(changes(all.clone())).await;
        assert!(matches!(outcome, Err(CommitError::Inconsistent(_))), "{all:?}: {outcome:?}");
    }
    let foreign = ActivityRow { owner: user_id(2), ..activity(1, 1_000, 10) };
    let outcome = store.commit(changes(vec![Change::PutActivity(foreign)])).await;
    assert!(matches!(outcome, Err(CommitError::Inconsistent(_))), "{outcome:?}");
    // In one commit with what they name they are.
    let all = vec![
        Change::PutShare(member_share(1, 60, 2, 5)),
        Change::PutShare(group_share(2, 60, 5)),
        Change::PutGroup(group(5)),
        Change::PutNode(directory(60, HOME)),
    ];
    store.commit(changes(all)).await.unwrap();
    assert_eq!(store.shares_of(node_id(60), None, 10).await.unwrap().rows.len(), 2);
}

pub(crate) async fn revisions_are_compared(site: Site) {
    let store = furnished(&site).await;
    put(&store, [ShareRow { revision: 3, ..share(1, 10, 2) }]).await;
    let share_at = |number, revision| Precondition::ShareAt { share: share_id(number), revision };
    let group_at = |number, revision| Precondition::GroupAt { group: group_id(number), revision };
    for (precondition, holds) in [
        (share_at(1, 3), true),
        (share_at(1, 2), false),
        (share_at(1, 0), false),
        (share_at(2, 0), true),
        (share_at(2, 1), false),
        (group_at(1, 1), true),
        (group_at(1, 2), false),
        (group_at(1, 0), false),
        (group_at(9, 0), true),
        (group_at(9, 1), false),
    ] {
        let outcome = store.commit(when(vec![precondition.clone()], Vec::new())).await;
        assert_eq!(outcome.is_ok(), holds, "{precondition:?}: {outcome:?}");
    }
}

pub(crate) async fn a_share_and_the_end_of_what_it_names_do_not_pass(site: Site) {
    let store = furnished(&site).await;
    let rounds: Vec<_> = (10..30_u64)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let all = vec![
                    Change::PutGroup(group(number)),
                    Change::PutNode(directory(100 + number, HOME)),
                ];
                store.commit(changes(all)).await.unwrap();
                let one = |change| store.commit(changes(vec![change]));
                let _ = tokio::join!(
                    one(Change::PutShare(share(number, number, 2))),
                    one(Change::DeleteNode(node_id(number))),
                    one(Change::PutShare(group_share(100 + number, 100 + number, number))),
                    one(Change::PutShare(member_share(200 + number, 100 + number, 3, number))),
                    one(Change::PutActivity(activity(number, 1_000, number))),
                    one(Change::DeleteGroup(group_id(number))),
                    one(Change::PutActivity(activity(100 + number, 1_000, number))),
                );
            })
        })
        .collect();
    for round in rounds {
        round.await.unwrap();
    }
    let report = store.check(CheckOptions::default(), |_| ()).await.unwrap();
    assert_eq!(report.problems, []);
}
