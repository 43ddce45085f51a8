//! What happens to sharing in time: activity is listed, damage is named, what has
//! ended goes.

use crate::sample::{
    HOME, activity, changes, contact, directory, file, group_id, group_share, member_share,
    node_id, share, share_id, user_id,
};
use crate::sharing::{furnished, numbers, put};
use crate::site::{Raw, Site};
use coffer_store::{ActivityRow, Change, CheckOptions, Page, ProblemKind, Retention, ShareRow};

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
    put(&store, (0..300_u64).map(|n| ends(100 + n, 1_000 + n, 500 + (n / 7).cast_signed()))).await;
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
