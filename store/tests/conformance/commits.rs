//! What a commit does, and when it does not.

use crate::sample::{
    HOME, changes, chunk, directory, file, first_user, home, id32, invite, node_id, op_key,
    segment, segment_id, small_file, trashed, user, user_id, version, when,
};
use crate::site::Site;
use bytes::Bytes;
use coffer_protocol::BlobId;
use coffer_store::{
    Change, ChunkState, Commit, CommitError, NodeRow, Precondition, Store, StoreError, Usage,
    UserRow, VersionRow,
};

/// A tree with one of everything.
async fn furnished(site: &Site) -> Store {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut furniture = changes(vec![
        Change::PutNode(directory(2, HOME)),
        Change::PutNode(directory(3, 2)),
        Change::PutNode(directory(4, 3)),
        Change::PutNode(file(5, 3)),
        Change::PutNode(directory(6, HOME)),
        Change::PutNode(trashed(directory(7, HOME), 5_000)),
        Change::PutNode(trashed(file(8, 6), 5_000)),
        Change::PutInvite(invite(1, 2)),
        Change::PutInvite(invite(2, 0)),
        Change::PutSetting { key: "mode".to_owned(), value: b"on".to_vec() },
    ]);
    let stored = chunk(1, 100);
    furniture.changes.push(Change::PutVersion(version(5, 1, &[stored.0], &[])));
    furniture.changes.push(Change::PutSegment(segment(1, &[stored.0])));
    furniture.inline.push(stored);
    store.commit(furniture).await.unwrap();
    store
}

/// Preconditions, and whether they hold in what [`furnished`] makes.
fn preconditions() -> Vec<(Precondition, bool)> {
    let name_free =
        |parent, name| Precondition::NameFree { parent: node_id(parent), lookup_tag: id32(name) };
    let inside = |node, ancestor| Precondition::NotInside {
        node: node_id(node),
        ancestor: node_id(ancestor),
    };
    let node_at = |node, revision| Precondition::NodeAt { node: node_id(node), revision };
    let setting = |value: Option<&[u8]>| Precondition::SettingIs {
        key: "mode".to_owned(),
        value: value.map(<[u8]>::to_vec),
    };
    // Eight nodes at least, and the 1001 bytes of one version.
    let room = |nodes, bytes, most_nodes, most_bytes| Precondition::Room {
        owner: user_id(1),
        more: Usage { nodes, bytes },
        most_nodes,
        most_bytes,
    };
    vec![
        (node_at(5, 1), true),
        (node_at(5, 2), false),
        (node_at(99, 1), false),
        (Precondition::LiveDirectory(node_id(2)), true),
        (Precondition::LiveDirectory(node_id(5)), false),
        (Precondition::LiveDirectory(node_id(7)), false),
        (Precondition::LiveDirectory(node_id(99)), false),
        (name_free(HOME, 2), false),
        (name_free(HOME, 7), true),
        (name_free(2, 2), true),
        (inside(6, 2), true),
        (inside(4, 2), false),
        (inside(2, 2), false),
        (inside(2, 4), true),
        (inside(99, 2), false),
        (room(1, u64::MAX, Some(1000), None), true),
        (room(1, 0, Some(8), None), false),
        (room(0, 0, Some(1), Some(1)), true),
        (room(1, 1, None, Some(1002)), true),
        (room(1, 2, None, Some(1002)), false),
        (Precondition::Empty(node_id(4)), true),
        (Precondition::Empty(node_id(3)), false),
        (Precondition::Empty(node_id(6)), true),
        (Precondition::Childless(node_id(6)), false),
        (Precondition::Childless(node_id(4)), true),
        (Precondition::UserTagFree(id32(1)), false),
        (Precondition::UserTagFree(id32(2)), true),
        (Precondition::UserAt { user: user_id(1), version: 1 }, true),
        (Precondition::UserAt { user: user_id(1), version: 2 }, false),
        (Precondition::UserAt { user: user_id(2), version: 1 }, false),
        (Precondition::InviteLive(id32(1)), true),
        (Precondition::InviteLive(id32(2)), false),
        (Precondition::InviteLive(id32(3)), false),
        (Precondition::InviteAt { tag: id32(1), uses_left: 2 }, true),
        (Precondition::InviteAt { tag: id32(1), uses_left: 1 }, false),
        (Precondition::VersionExists(node_id(5), 1), true),
        (Precondition::VersionExists(node_id(5), 2), false),
        (Precondition::SegmentExists(segment_id(1)), true),
        (Precondition::SegmentExists(segment_id(2)), false),
        (setting(Some(b"on")), true),
        (setting(Some(b"off")), false),
        (setting(None), false),
    ]
}

pub(crate) async fn every_precondition_is_asked(site: Site) {
    let store = furnished(&site).await;
    let table = preconditions();
    let held = table[0].0.clone();
    for (number, (precondition, holds)) in table.into_iter().enumerate() {
        let new = 100 + number as u64;
        let commit =
            when(vec![held.clone(), precondition.clone()], vec![Change::PutNode(file(new, HOME))]);
        let outcome = store.commit(commit).await;
        if holds {
            assert!(outcome.is_ok(), "{precondition:?}: {outcome:?}");
        } else {
            assert_eq!(outcome, Err(CommitError::Precondition { index: 1, precondition }));
        }
        assert_eq!(store.node(node_id(new)).await.unwrap().is_some(), holds);
    }
    site.set_time(2_000_000);
    let late = when(vec![Precondition::InviteLive(id32(1))], Vec::new());
    assert!(matches!(store.commit(late).await, Err(CommitError::Precondition { index: 0, .. })));
}

pub(crate) async fn a_repeated_operation_gets_the_first_answer(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let commit = |number, result: &[u8]| Commit {
        op: Some(op_key(1)),
        preconditions: vec![Precondition::NameFree { parent: node_id(HOME), lookup_tag: id32(10) }],
        changes: vec![Change::PutNode(file(number, HOME))],
        result: result.to_vec(),
        ..Commit::default()
    };
    let first = store.commit(commit(10, b"first")).await.unwrap();
    assert_eq!((first.repeated, first.machines), (None, 1));
    let second = store.commit(commit(11, b"second")).await.unwrap();
    assert_eq!(second.repeated.as_deref(), Some(&b"first"[..]));
    assert_eq!(second.position, first.position);
    assert_eq!(store.node(node_id(11)).await.unwrap(), None);
    assert_eq!(store.op(op_key(1)).await.unwrap(), Some((first.position, b"first".to_vec())));
    assert_eq!(store.op(op_key(2)).await.unwrap(), None);
    // Also after a restart, and within one group.
    store.shutdown().await.unwrap();
    drop(store);
    let store = site.open().await;
    let third = store.commit(commit(12, b"third")).await.unwrap();
    assert_eq!(third.repeated.as_deref(), Some(&b"first"[..]));
    let both = |number| {
        let op = Some(op_key(5));
        let changes = vec![Change::PutNode(file(number, HOME))];
        store.commit(Commit { op, changes, ..Commit::default() })
    };
    let (one, other) = tokio::join!(both(20), both(21));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.position, other.position);
    assert!(one.repeated.is_some() != other.repeated.is_some());
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await, 3);
}

pub(crate) async fn one_bad_commit_of_many_fails_alone(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let commits: Vec<_> = (0..60)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut changes = vec![Change::PutNode(file(100 + number, HOME))];
                let mut preconditions = Vec::new();
                match number % 3 {
                    0 => {}
                    // Fails before it writes.
                    1 => preconditions
                        .push(Precondition::NodeAt { node: node_id(HOME), revision: 99 }),
                    // Fails after it has written.
                    _ => changes.push(Change::PutVersion(version(
                        100 + number,
                        1,
                        &[BlobId([1; 32])],
                        &[],
                    ))),
                }
                (number, store.commit(when(preconditions, changes)).await)
            })
        })
        .collect();
    for commit in commits {
        let (number, outcome) = commit.await.unwrap();
        let there = store.node(node_id(100 + number)).await.unwrap().is_some();
        match number % 3 {
            0 => assert!(outcome.is_ok()),
            1 => assert!(matches!(outcome, Err(CommitError::Precondition { .. })), "{outcome:?}"),
            _ => assert_eq!(outcome, Err(CommitError::NeedUpload(vec![BlobId([1; 32])]))),
        }
        assert_eq!(there, number % 3 == 0);
    }
    assert_eq!(store.usage(user_id(1)).await.unwrap().nodes, 21);
    assert_eq!(store.verify_journal().await.unwrap(), 21);
}

pub(crate) async fn names_can_be_swapped(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (a, b) = (file(10, HOME), file(11, HOME));
    let put = |row: &NodeRow| Change::PutNode(row.clone());
    store.commit(changes(vec![put(&a), put(&b)])).await.unwrap();
    let a2 = NodeRow { lookup_tag: b.lookup_tag, revision: 2, ..a.clone() };
    let b2 = NodeRow { lookup_tag: a.lookup_tag, revision: 2, ..b.clone() };
    store.commit(changes(vec![put(&a2), put(&b2)])).await.unwrap();
    let at = async |tag: u64| store.child(node_id(HOME), &id32(tag)).await;
    assert_eq!(at(10).await.unwrap().unwrap().node, node_id(11));
    assert_eq!(at(11).await.unwrap().unwrap().node, node_id(10));
    // The later image of a row counts, and a name is free as soon as it is left.
    let new = NodeRow { lookup_tag: a2.lookup_tag, ..file(12, HOME) };
    let commit = vec![put(&a), put(&new), Change::DeleteNode(a.node)];
    store.commit(changes(commit)).await.unwrap();
    assert_eq!(at(11).await.unwrap().unwrap().node, node_id(12));
    assert_eq!(store.node(a.node).await.unwrap(), None);
    assert_eq!(store.usage(user_id(1)).await.unwrap().nodes, 3);
}

pub(crate) async fn a_name_is_taken_once(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    store.commit(changes(vec![Change::PutNode(file(10, HOME))])).await.unwrap();
    let same = NodeRow { lookup_tag: Some(id32(10)), ..file(11, HOME) };
    let outcome = store.commit(changes(vec![Change::PutNode(same)])).await;
    assert_eq!(outcome, Err(CommitError::Duplicate("nodes")));
    let same = UserRow { tag: id32(1), ..user(2) };
    let outcome = store.commit(changes(vec![Change::PutUser(same)])).await;
    assert_eq!(outcome, Err(CommitError::Duplicate("users")));
    // Any number of nodes without a name may be in one directory.
    let trash = [12, 13].map(|n| Change::PutNode(trashed(file(n, HOME), 1)));
    store.commit(changes(trash.to_vec())).await.unwrap();
    assert_eq!(store.usage(user_id(1)).await.unwrap().nodes, 4);
}

pub(crate) async fn rows_come_back_as_they_were_put(site: Site) {
    let store = furnished(&site).await;
    let stored = chunk(1, 100);
    assert_eq!(store.user(user_id(1)).await.unwrap(), Some(user(1)));
    assert_eq!(store.user_by_tag(id32(1)).await.unwrap(), Some(user(1)));
    assert_eq!(store.user_by_tag(id32(2)).await.unwrap(), None);
    assert_eq!(store.invite(id32(1)).await.unwrap(), Some(invite(1, 2)));
    assert_eq!(store.node(node_id(HOME)).await.unwrap(), Some(home()));
    assert_eq!(store.node(node_id(5)).await.unwrap(), Some(file(5, 3)));
    let wanted = [node_id(5), node_id(99), node_id(2), node_id(5)];
    let found = store.nodes(&wanted).await.unwrap();
    assert_eq!(found, [file(5, 3), directory(2, HOME), file(5, 3)]);
    assert_eq!(store.child(node_id(3), &id32(5)).await.unwrap(), Some(file(5, 3)));
    let found = store.children_by_tags(node_id(HOME), &[id32(2), id32(6), id32(7)]).await.unwrap();
    assert_eq!(found.len(), 2);
    let known = version(5, 1, &[stored.0], &[]);
    assert_eq!(store.version(node_id(5), 1).await.unwrap(), Some(known.clone()));
    let found = store.versions_of(&[(node_id(5), 1), (node_id(5), 2)]).await.unwrap();
    assert_eq!(found, [known]);
    assert_eq!(store.segment(segment_id(1)).await.unwrap(), Some(segment(1, &[stored.0])));
    assert_eq!(store.setting("mode").await.unwrap(), Some(b"on".to_vec()));
    let row = store.chunk(stored.0).await.unwrap().unwrap();
    assert_eq!((row.refs, row.size, row.state), (2, 100, ChunkState::Live));
    assert_eq!(store.read_chunk(&stored.0).await.unwrap(), stored.1);
    let gone = [
        Change::DeleteUser(user_id(1)),
        Change::DeleteInvite(id32(1)),
        Change::DeleteSetting { key: "mode".to_owned() },
        Change::PutInvite(invite(2, 7)),
    ];
    store.commit(changes(gone.to_vec())).await.unwrap();
    assert_eq!(store.user(user_id(1)).await.unwrap(), None);
    assert_eq!(store.invite(id32(1)).await.unwrap(), None);
    assert_eq!(store.invite(id32(2)).await.unwrap(), Some(invite(2, 7)));
    assert_eq!(store.setting("mode").await.unwrap(), None);
}

pub(crate) async fn too_much_is_refused(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let long = NodeRow { name_ct: vec![0; 5000], ..file(10, HOME) };
    let outcome = store.commit(changes(vec![Change::PutNode(long)])).await;
    assert_eq!(outcome, Err(CommitError::TooLarge("name_ct")));
    let large = VersionRow { size: u64::MAX, ..version(10, 1, &[], &[]) };
    let outcome = store.commit(changes(vec![Change::PutVersion(large)])).await;
    assert_eq!(outcome, Err(CommitError::TooLarge("size")));
    let many = (0..70_000).map(|n| Change::DeleteNode(node_id(n))).collect();
    assert_eq!(store.commit(changes(many)).await, Err(CommitError::TooLarge("changes")));
    let result = vec![0; (1 << 20) + 1];
    let commit = Commit { result, ..Commit::default() };
    assert_eq!(store.commit(commit).await, Err(CommitError::TooLarge("bytes of the answer")));
    // What is just not too large passes.
    let refs: Vec<BlobId> = Vec::new();
    let manifest_ct = vec![1; 1 << 20];
    let version = VersionRow { manifest_ct, ..version(10, 1, &refs, &[]) };
    store.commit(changes(vec![Change::PutVersion(version.clone())])).await.unwrap();
    assert_eq!(store.version(node_id(10), 1).await.unwrap(), Some(version));
}

pub(crate) async fn files_are_flushed_before_they_are_named(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let mut commit = changes(vec![Change::PutNode(file(10, HOME))]);
    let mut refs = Vec::new();
    for number in 0..5 {
        let (blob, bytes) = chunk(number, 70_000);
        refs.push(blob);
        commit.pins.push(store.put_chunk(blob, bytes).await.unwrap());
    }
    // The same chunk again is the same file.
    let (blob, bytes) = chunk(0, 70_000);
    let again = store.put_chunk(blob, bytes).await.unwrap();
    assert_eq!((store.pinned(), store.counters().barriers), (5, 0));
    commit.changes.push(Change::PutVersion(version(10, 1, &refs, &[])));
    store.commit(commit).await.unwrap();
    assert_eq!(store.counters().barriers, 1);
    assert_eq!(store.pinned(), 1);
    drop(again);
    for number in 0..5 {
        let (blob, bytes) = chunk(number, 70_000);
        assert_eq!(store.read_chunk(&blob).await.unwrap(), bytes);
        let row = store.chunk(blob).await.unwrap().unwrap();
        assert_eq!((row.refs, row.generation, row.size), (1, 1, 70_000));
    }
    // A chunk that is stored needs neither a new file nor another flush.
    let (blob, bytes) = chunk(1, 70_000);
    let pin = store.put_chunk(blob, bytes).await.unwrap();
    let mut commit = changes(vec![Change::PutVersion(version(10, 2, &[blob], &[]))]);
    commit.pins.push(pin);
    store.commit(commit).await.unwrap();
    assert_eq!(store.counters().barriers, 1);
    assert_eq!(store.chunk(blob).await.unwrap().unwrap().refs, 2);
}

pub(crate) async fn a_missing_chunk_refuses_the_commit(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (blob, bytes) = chunk(1, 70_000);
    let commit = || {
        let row = version(10, 1, &[blob], &[]);
        changes(vec![Change::PutNode(file(10, HOME)), Change::PutVersion(row)])
    };
    assert_eq!(store.commit(commit()).await, Err(CommitError::NeedUpload(vec![blob])));
    assert_eq!(store.node(node_id(10)).await.unwrap(), None);
    assert!(matches!(store.read_chunk(&blob).await, Err(StoreError::NoSuchChunk { .. })));
    let segment = changes(vec![Change::PutSegment(segment(1, &[blob]))]);
    assert_eq!(store.commit(segment).await, Err(CommitError::NeedUpload(vec![blob])));
    let unknown = changes(vec![Change::PutVersion(version(10, 1, &[], &[segment_id(9)]))]);
    assert!(matches!(store.commit(unknown).await, Err(CommitError::Inconsistent(_))));
    let pins = vec![store.put_chunk(blob, bytes).await.unwrap()];
    store.commit(Commit { pins, ..commit() }).await.unwrap();
    assert_eq!(store.verify_journal().await.unwrap(), 2);
}

pub(crate) async fn a_chunk_on_its_way_out_is_uploaded_again(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (blob, bytes) = chunk(1, 70_000);
    let pins = vec![store.put_chunk(blob, bytes.clone()).await.unwrap()];
    store.commit(Commit { pins, ..Commit::default() }).await.unwrap();
    let row = store.chunk(blob).await.unwrap().unwrap();
    assert_eq!((row.refs, row.idle_millis), (0, Some(1_000_000)));
    assert_eq!(store.idle_chunks(1_000_001, 10).await.unwrap(), [row]);
    let state =
        |state| changes(vec![Change::SetChunkState { blob, generation: row.generation, state }]);
    let refer = |revision| changes(vec![Change::PutVersion(version(10, revision, &[blob], &[]))]);
    // A reference makes a condemned chunk live again; then it cannot be deleted.
    store.commit(state(ChunkState::Condemned)).await.unwrap();
    store.commit(refer(1)).await.unwrap();
    store.commit(state(ChunkState::Deleting)).await.unwrap();
    let row = store.chunk(blob).await.unwrap().unwrap();
    assert_eq!((row.state, row.refs, row.idle_millis), (ChunkState::Live, 1, None));
    // One that is being deleted takes no reference, and comes back with the next
    // generation.
    store.commit(changes(vec![Change::DeleteVersion(node_id(10), 1)])).await.unwrap();
    store.commit(state(ChunkState::Deleting)).await.unwrap();
    assert_eq!(store.commit(refer(2)).await, Err(CommitError::NeedUpload(vec![blob])));
    let pins = vec![store.put_chunk(blob, bytes.clone()).await.unwrap()];
    store.commit(Commit { pins, ..refer(2) }).await.unwrap();
    let row = store.chunk(blob).await.unwrap().unwrap();
    assert_eq!((row.state, row.refs, row.generation), (ChunkState::Live, 1, 2));
    // The end of the first deletion does not reach the new file.
    store.commit(changes(vec![Change::DeleteChunk { blob, generation: 1 }])).await.unwrap();
    assert_eq!(store.read_chunk(&blob).await.unwrap(), bytes);
    store.commit(changes(vec![Change::DeleteVersion(node_id(10), 2)])).await.unwrap();
    store.commit(changes(vec![Change::DeleteChunk { blob, generation: 2 }])).await.unwrap();
    assert_eq!(store.chunk(blob).await.unwrap(), None);
}

pub(crate) async fn a_node_takes_its_versions_along(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (all, inline) = small_file(10, HOME, 200);
    let mut commit = changes(all);
    let in_segment: (BlobId, Bytes) = chunk(77, 300);
    commit.changes.push(Change::PutSegment(segment(1, &[in_segment.0])));
    commit.changes.push(Change::PutVersion(version(10, 2, &[], &[segment_id(1)])));
    commit.inline.extend([inline.clone(), in_segment.clone()]);
    store.commit(commit).await.unwrap();
    // The upload gives the segment up; the version still names it.
    store.commit(changes(vec![Change::DeleteSegment(segment_id(1))])).await.unwrap();
    assert!(store.segment(segment_id(1)).await.unwrap().is_some());
    store.commit(changes(vec![Change::DeleteNode(node_id(10))])).await.unwrap();
    assert_eq!(store.versions(node_id(10), None, 10).await.unwrap(), []);
    assert_eq!(store.segment(segment_id(1)).await.unwrap(), None);
    for blob in [inline.0, in_segment.0] {
        assert_eq!(store.chunk(blob).await.unwrap().unwrap().refs, 0);
    }
    let usage = store.usage(user_id(1)).await.unwrap();
    assert_eq!((usage.nodes, usage.bytes), (1, 0));
}
