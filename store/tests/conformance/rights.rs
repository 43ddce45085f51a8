//! Who may do what with the nodes of others.

use crate::sample::{
    HOME, changes, directory, file, first_user, group, group_share, member_share, node_id,
    other_user, share, share_id, trashed, user_id, when,
};
use crate::site::{Raw, Site, hex};
use coffer_store::{
    Change, CommitError, MODE_READ, MODE_WRITE, Precondition, RECIPIENT_GROUP, ShareRow, Store,
    StoreError,
};

/// Now, by the clock of the site.
const NOW: i64 = 1_000_000;

/// A tree of user 1, parts of which are shared with users 2 and 3.
async fn shared(site: &Site) -> Store {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut all: Vec<Change> = (2..5).flat_map(other_user).collect();
    let nodes = [
        directory(2, HOME),
        directory(3, 2),
        file(4, 3),
        file(5, 2),
        directory(10, HOME),
        file(11, 10),
        directory(20, HOME),
        trashed(directory(21, 20), 5_000),
        file(22, 21),
        trashed(directory(30, HOME), 5_000),
        directory(31, 30),
        file(32, 31),
        file(40, HOME),
    ];
    all.extend(nodes.map(Change::PutNode));
    all.push(Change::PutGroup(group(1)));
    let write = |row: ShareRow| ShareRow { mode: MODE_WRITE, ..row };
    let until = |row, end| ShareRow { expires_millis: Some(end), ..row };
    let shares = [
        // Reading above, writing below.
        share(1, 2, 2),
        write(share(2, 3, 2)),
        // Directly until now, and through a group for longer.
        until(write(share(3, 10, 2)), NOW),
        until(member_share(4, 10, 2, 1), NOW + 1),
        // Something in the trash below the share, and above it.
        write(share(5, 20, 2)),
        write(share(6, 31, 2)),
        // Writing above, reading below.
        write(share(7, 2, 3)),
        share(8, 3, 3),
        // The row of the group itself gives nobody anything.
        write(group_share(9, 40, 1)),
    ];
    all.extend(shares.map(Change::PutShare));
    store.commit(changes(all)).await.unwrap();
    store
}

/// What the store answers, after a look that both ways of asking agree.
async fn mode(store: &Store, user: u64, node: u64, now: i64) -> u8 {
    let reach = store.reach(user_id(user), node_id(node)).await.unwrap();
    let expected = match &reach {
        Some(reach) if reach.chain[0].owner == user_id(user) => MODE_WRITE,
        Some(reach) => reach.mode(now).unwrap_or(0),
        None => 0,
    };
    for (write, needed) in [(false, MODE_READ), (true, MODE_WRITE)] {
        let access = Precondition::Access { user: user_id(user), node: node_id(node), write };
        let outcome = store.commit(when(vec![access.clone()], Vec::new())).await;
        if expected >= needed {
            assert!(outcome.is_ok(), "user {user}, node {node}: {outcome:?}");
        } else {
            let refused = CommitError::Precondition { index: 0, precondition: access };
            assert_eq!(outcome, Err(refused));
        }
    }
    expected
}

pub(crate) async fn access_is_what_the_shares_on_the_way_up_give(site: Site) {
    let store = shared(&site).await;
    for (user, modes) in [
        (1, [(HOME, 2), (4, 2), (22, 2), (30, 2), (32, 2), (40, 2), (99, 0)]),
        (2, [(HOME, 0), (2, 1), (3, 2), (4, 2), (5, 1), (40, 0), (99, 0)]),
        (2, [(10, 1), (11, 1), (20, 2), (21, 0), (22, 0), (31, 0), (32, 0)]),
        (3, [(HOME, 0), (2, 2), (3, 2), (4, 2), (5, 2), (10, 0), (11, 0)]),
        (4, [(HOME, 0), (2, 0), (3, 0), (4, 0), (20, 0), (31, 0), (40, 0)]),
    ] {
        for (node, expected) in modes {
            assert_eq!(mode(&store, user, node, NOW).await, expected, "{user} {node}");
        }
    }
    let reach = store.reach(user_id(2), node_id(4)).await.unwrap().unwrap();
    let nodes: Vec<_> = reach.chain.iter().map(|row| row.node).collect();
    assert_eq!(nodes, [4, 3, 2, HOME].map(node_id));
    let ids: Vec<_> = reach.shares.iter().map(|row| row.share).collect();
    assert_eq!(ids, [2, 1].map(share_id));
    let ended = store.reach(user_id(2), node_id(11)).await.unwrap().unwrap();
    assert_eq!(ended.shares.len(), 2);
    assert_eq!(store.chain(node_id(4)).await.unwrap().unwrap(), reach.chain);
    assert_eq!(store.chain(node_id(99)).await.unwrap(), None);
    // A millisecond later the last share of directory 10 has ended.
    site.set_time(NOW + 1);
    assert_eq!(mode(&store, 2, 11, NOW + 1).await, 0);
    // A move gives and takes access, and so does the end of a share.
    let moved = coffer_store::NodeRow { revision: 2, ..file(40, 2) };
    let back = coffer_store::NodeRow { revision: 2, ..directory(3, HOME) };
    store
        .commit(changes(vec![
            Change::PutNode(moved),
            Change::PutNode(back),
            Change::DeleteShare(share_id(2)),
        ]))
        .await
        .unwrap();
    for (user, node, expected) in [(2, 40, 1), (3, 40, 2), (2, 4, 0), (3, 4, 1)] {
        assert_eq!(mode(&store, user, node, NOW + 1).await, expected, "{user} {node}");
    }
    // A row for a group whose id is that of a user gives the user nothing.
    let id = user_id(4).0;
    let disguised = coffer_store::GroupRow { group: id, ..group(2) };
    let with_it =
        ShareRow { recipient: id, recipient_kind: RECIPIENT_GROUP, ..group_share(20, 2, 2) };
    let both = vec![Change::PutGroup(disguised), Change::PutShare(with_it)];
    store.commit(changes(both)).await.unwrap();
    assert_eq!(mode(&store, 4, 2, NOW + 1).await, 0);
    assert_eq!(store.shares_with(user_id(4), None, 10).await.unwrap().rows, []);
}

pub(crate) async fn access_costs_few_statements(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut all: Vec<Change> = other_user(2);
    all.push(Change::PutNode(directory(1000, HOME)));
    all.extend((1001..1200).map(|number| Change::PutNode(directory(number, number - 1))));
    all.extend((2000..2500).map(|number| Change::PutNode(file(number, 1199))));
    all.push(Change::PutShare(ShareRow { mode: MODE_WRITE, ..share(1, 1000, 2) }));
    store.commit(changes(all)).await.unwrap();
    let before = store.counters().statements;
    let reach = store.reach(user_id(2), node_id(2000)).await.unwrap().unwrap();
    assert_eq!((reach.chain.len(), reach.shares.len()), (202, 1));
    // The shares of two batches of nodes.
    assert!(store.counters().statements - before <= 4);
    let before = store.counters().statements;
    assert!(store.reach(user_id(1), node_id(2000)).await.unwrap().is_some());
    assert_eq!(store.counters().statements - before, 1);

    let of = |user| {
        move |number| Precondition::Access {
            user: user_id(user),
            node: node_id(number),
            write: true,
        }
    };
    let before = store.counters().statements;
    store.commit(when((2000..2500).map(of(1)).collect(), Vec::new())).await.unwrap();
    let own = store.counters().statements - before;
    let before = store.counters().statements;
    store.commit(when((2000..2500).map(of(2)).collect(), Vec::new())).await.unwrap();
    let foreign = store.counters().statements - before;
    assert!(foreign - own <= 12, "{own} {foreign}");
}

pub(crate) async fn a_broken_way_up_gives_nothing(site: Site) {
    let store = shared(&site).await;
    let literal = |number| Raw::Bytes(node_id(number).0.to_vec()).literal();
    let access =
        |node| Precondition::Access { user: user_id(2), node: node_id(node), write: false };
    // Damaged shares: nothing is given on trust.
    site.raw("UPDATE shares SET mode=2 WHERE mode=1").await;
    assert_eq!(mode(&store, 2, 5, NOW).await, 0);
    let outcome = store.commit(when(vec![access(5)], Vec::new())).await;
    assert!(matches!(outcome, Err(CommitError::Precondition { .. })), "{outcome:?}");
    // A directory that is missing.
    site.raw(&format!("DELETE FROM nodes WHERE node={}", literal(2))).await;
    let outcome = store.chain(node_id(4)).await;
    assert!(matches!(outcome, Err(StoreError::DamagedRow { table: "nodes", .. })), "{outcome:?}");
    let outcome = store.commit(when(vec![access(5)], Vec::new())).await;
    assert!(matches!(outcome, Err(CommitError::DamagedRow { table: "nodes", .. })), "{outcome:?}");
    // Directories that are inside each other, which no move makes.
    let inside =
        |number, parent| coffer_store::NodeRow { revision: 2, ..directory(number, parent) };
    let circle = vec![Change::PutNode(inside(10, 20)), Change::PutNode(inside(20, 10))];
    store.commit(changes(circle)).await.unwrap();
    assert_eq!(store.chain(node_id(11)).await.unwrap(), None);
    assert_eq!(store.reach(user_id(2), node_id(11)).await.unwrap(), None);
    let outcome = store.commit(when(vec![access(11)], Vec::new())).await;
    assert!(matches!(outcome, Err(CommitError::Precondition { .. })), "{outcome:?}");
}

pub(crate) async fn nothing_is_written_after_a_share_was_taken_back(site: Site) {
    let store = shared(&site).await;
    let access = Precondition::Access { user: user_id(3), node: node_id(2), write: true };
    let writes: Vec<_> = (0..60)
        .map(|number| {
            let (store, access) = (store.clone(), access.clone());
            tokio::spawn(async move {
                if number == 20 {
                    let back = vec![Change::DeleteShare(share_id(7))];
                    return (None, store.commit(changes(back)).await);
                }
                let new = vec![Change::PutNode(file(100 + number, 2))];
                (Some(number), store.commit(when(vec![access], new)).await)
            })
        })
        .collect();
    let (mut end, mut written) = (0, Vec::new());
    for write in writes {
        match write.await.unwrap() {
            (None, outcome) => end = outcome.unwrap().position.seq,
            (Some(_), Ok(committed)) => written.push(committed.position.seq),
            (Some(number), Err(error)) => {
                assert!(matches!(error, CommitError::Precondition { .. }), "{error:?}");
                assert_eq!(store.node(node_id(100 + number)).await.unwrap(), None);
            }
        }
    }
    assert!(written.iter().all(|seq| *seq < end), "{end}: {written:?}");
    assert_eq!(mode(&store, 3, 2, NOW).await, 0);
}

pub(crate) async fn a_damaged_share_gives_nothing_and_hides_no_other(site: Site) {
    let store = shared(&site).await;
    // User 2 may write in directory 3 by share 2, and read all above it by share 1.
    assert_eq!(mode(&store, 2, 4, NOW).await, 2);
    site.raw(&format!("UPDATE shares SET mode=9 WHERE share=x'{}'", hex(&share_id(2).0))).await;
    assert_eq!(mode(&store, 2, 4, NOW).await, 1);
    assert_eq!(mode(&store, 3, 4, NOW).await, 2);
}
