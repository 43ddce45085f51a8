//! Shares, groups, contacts and activity: written, listed, let go.

use crate::sample::{
    HOME, activity, changes, contact, directory, file, first_user, group, group_id, group_share,
    id32, member_share, node_id, other_user, share, share_id, user_id, when,
};
use crate::site::{Raw, Site};
use coffer_protocol::ShareId;
use coffer_store::{
    ActivityRow, Change, CheckOptions, CommitError, ContactRow, GroupRow, NodeRow, Page,
    Precondition, ProblemKind, Retention, ShareRow, Store,
};

/// Users 1 to 4, and some nodes of user 1.
async fn furnished(site: &Site) -> Store {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut all: Vec<Change> = (2..5).flat_map(other_user).collect();
    all.extend((10..30).map(|number| Change::PutNode(directory(number, HOME))));
    all.extend([1, 2].map(|number| Change::PutGroup(group(number))));
    store.commit(changes(all)).await.unwrap();
    store
}

async fn put(store: &Store, shares: impl IntoIterator<Item = ShareRow>) {
    let changes = shares.into_iter().map(Change::PutShare).collect();
    store.commit(crate::sample::changes(changes)).await.unwrap();
}

fn numbers<C>(page: &Page<ShareRow, ShareId, C>) -> Vec<u64> {
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
    assert_eq!(store.groups(user_id(2)).await.unwrap().rows, [foreign.clone()]);
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

pub(crate) async fn activity_is_listed_newest_first(site: Site) {
    let store = furnished(&site).await;
    let of = |owner, number, millis| ActivityRow {
        owner: user_id(owner),
        node: node_id(900_000 + owner),
        ..activity(number, millis, 0)
    };
    let mut all: Vec<Change> =
        (0..10).map(|n| Change::PutActivity(activity(n, 1_000 + n * 10, 10))).collect();
    all.extend((10..15).map(|n| Change::PutActivity(of(2, n, 1_005 + (n - 10) * 10))));
    all.push(Change::PutActivity(of(3, 20, 5_000)));
    store.commit(changes(all)).await.unwrap();
    let times = |page: &Page<ActivityRow, [u8; 16], [u8; 16]>| -> Vec<u64> {
        assert_eq!(page.damaged.len(), 0);
        let millis = |row: &ActivityRow| u64::from_be_bytes(row.activity[..8].try_into().unwrap());
        page.rows.iter().map(millis).collect()
    };
    let owners = [1, 2, 4].map(user_id);
    let page = store.activity(&owners, None, None, 8).await.unwrap();
    assert_eq!(times(&page), [1_090, 1_080, 1_070, 1_060, 1_050, 1_045, 1_040, 1_035]);
    let page = store.activity(&owners, page.next, Some(1_010), 100).await.unwrap();
    assert_eq!(times(&page), [1_030, 1_025, 1_020, 1_015, 1_010]);
    assert_eq!(page.next, None);
    let twice = [user_id(3), user_id(3)];
    assert_eq!(times(&store.activity(&twice, None, None, 8).await.unwrap()), [5_000]);
    assert_eq!(store.activity(&[], None, None, 8).await.unwrap().rows, []);
    let before = store.counters().statements;
    let many: Vec<_> = (1..80).map(user_id).collect();
    assert_eq!(store.activity(&many, None, None, 1000).await.unwrap().rows.len(), 16);
    assert_eq!(store.counters().statements - before, 1);
    // Written again it is one; of a node that is gone it is none.
    let all = vec![
        Change::PutActivity(ActivityRow { sealed: vec![1], ..of(3, 20, 5_000) }),
        Change::PutActivity(activity(30, 6_000, 99)),
        Change::PutActivity(activity(31, 6_000, 29)),
        Change::DeleteNode(node_id(29)),
        Change::PutNode(file(40, HOME)),
        Change::PutActivity(activity(32, 6_000, 40)),
    ];
    store.commit(changes(all)).await.unwrap();
    let page = store.activity(&many, None, Some(2_000), 10).await.unwrap();
    assert_eq!(times(&page), [6_000, 5_000]);
    assert_eq!(page.rows[1].sealed, [1]);
    let gone = Change::DeleteActivity(page.rows[0].activity);
    store.commit(changes(vec![gone])).await.unwrap();
    assert_eq!(times(&store.activity(&many, None, Some(2_000), 10).await.unwrap()), [5_000]);
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

pub(crate) async fn damaged_rows_are_named_beside_the_others(site: Site) {
    let store = furnished(&site).await;
    put(&store, (1..=4).map(|number| share(number, 10 + number, 2))).await;
    let record = activity(1, 1_000, 10);
    let all = vec![Change::PutActivity(record.clone()), Change::PutActivity(activity(2, 900, 10))];
    store.commit(changes(all)).await.unwrap();
    let id = Raw::Bytes(share_id(2).0.to_vec()).literal();
    site.raw(&format!("UPDATE shares SET mode=2 WHERE share={id}")).await;
    site.raw("UPDATE user_groups SET revision=9").await;
    let id = Raw::Bytes(record.activity.to_vec()).literal();
    site.raw(&format!("UPDATE activity SET sealed=x'00' WHERE activity={id}")).await;

    let page = store.shares_with(user_id(2), None, 2).await.unwrap();
    assert_eq!((page.rows.len(), &page.damaged[..]), (1, &[share_id(2)][..]));
    let rest = store.shares_with(user_id(2), page.next, 10).await.unwrap();
    assert_eq!((rest.rows.len(), rest.damaged.len()), (2, 0));
    let page = store.shares_with_from(user_id(2), user_id(1)).await.unwrap();
    assert_eq!((page.rows.len(), page.damaged.len()), (3, 1));
    let page = store.shares_of_nodes(&[node_id(12), node_id(13)]).await.unwrap();
    assert_eq!((page.rows.len(), &page.damaged[..]), (1, &[share_id(2)][..]));
    let page = store.groups(user_id(1)).await.unwrap();
    assert_eq!((page.rows, page.damaged), (vec![], vec![group_id(1), group_id(2)]));
    let page = store.activity(&[user_id(1)], None, None, 10).await.unwrap();
    assert_eq!((page.rows.len(), &page.damaged[..]), (1, &[record.activity][..]));
    // A damaged share can be taken back, and a damaged record goes in time.
    store.commit(changes(vec![Change::DeleteShare(share_id(2))])).await.unwrap();
    let page = store.shares_with(user_id(2), None, 10).await.unwrap();
    assert_eq!((page.rows.len(), page.damaged.len()), (3, 0));
    let retention = Retention { activity_millis: Some(1), ..Retention::default() };
    assert_eq!(store.expire(&retention).await.unwrap().activity, 2);
}

pub(crate) async fn a_check_misses_what_sharing_names(site: Site) {
    for (damage, kind) in [
        ("DELETE FROM nodes WHERE lookup_tag IS NOT NULL", ProblemKind::ShareWithoutNode),
        ("DELETE FROM nodes WHERE lookup_tag IS NOT NULL", ProblemKind::ActivityWithoutNode),
        ("DELETE FROM users", ProblemKind::RecipientMissing),
        ("DELETE FROM users", ProblemKind::OwnerMissing),
        ("DELETE FROM user_groups", ProblemKind::RecipientMissing),
        ("UPDATE shares SET mode=2", ProblemKind::RowDamaged),
        ("UPDATE user_groups SET revision=2", ProblemKind::RowDamaged),
        ("UPDATE contacts SET sealed=x'00'", ProblemKind::RowDamaged),
        ("UPDATE activity SET sealed=x'00'", ProblemKind::RowDamaged),
    ] {
        let site = site.another();
        let store = furnished(&site).await;
        put(&store, [share(1, 10, 2), group_share(2, 10, 1), member_share(3, 10, 3, 1)]).await;
        let all = vec![
            Change::PutContact(contact(1)),
            Change::PutActivity(activity(1, 1_000, 10)),
            // Files without content are a finding of their own.
            Change::PutActivity(activity(2, 1_000, HOME)),
        ];
        store.commit(changes(all)).await.unwrap();
        let report = store.check(CheckOptions::default(), |_| ()).await.unwrap();
        assert_eq!(report.problems, []);
        site.raw(damage).await;
        let problems = store.check(CheckOptions::default(), |_| ()).await.unwrap().problems;
        assert!(problems.iter().any(|p| p.kind == kind), "{damage}: {problems:?}");
        store.shutdown().await.unwrap();
    }
}

pub(crate) async fn ended_shares_and_old_activity_go(site: Site) {
    const NOW: i64 = 1_000_000;
    let store = furnished(&site).await;
    let ends = |number, node, end| ShareRow { expires_millis: Some(end), ..share(number, node, 2) };
    put(&store, [share(1, 10, 2), ends(2, 11, NOW), ends(3, 12, NOW - 1), ends(4, 13, NOW + 1)])
        .await;
    let directories = (0..300).map(|n| Change::PutNode(directory(1_000 + n, HOME)));
    store.commit(changes(directories.collect())).await.unwrap();
    put(&store, (0..300).map(|n| ends(100 + n, 1_000 + n, 500 + (n / 7).cast_signed()))).await;
    let records: Vec<Change> =
        (0..2_500).map(|n| Change::PutActivity(activity(n, 900_000 + n, 10))).collect();
    store.commit(changes(records)).await.unwrap();
    let retention = Retention { activity_millis: None, ..Retention::default() };
    let gone = store.expire(&retention).await.unwrap();
    assert_eq!((gone.shares, gone.activity, gone.busy), (302, 0, 0));
    let page = store.shares_with(user_id(2), None, 10).await.unwrap();
    assert_eq!(numbers(&page), [1, 4]);
    let retention = Retention { activity_millis: Some(NOW - 902_400), ..retention };
    let gone = store.expire(&retention).await.unwrap();
    assert_eq!((gone.shares, gone.activity), (0, 2_400));
    assert_eq!(site.count("SELECT COUNT(*) FROM activity").await, 100);
    // By default activity stays for 90 days.
    assert_eq!(Retention::default().activity_millis, Some(90 * 24 * 3_600_000));
}
