//! What a user has stored already, found by its content; and uploads on their way.

use crate::sample::{
    HOME, changes, chunk, file, first_user, id32, other_user, segment, segment_id, upload, user_id,
    version,
};
use crate::site::Site;
use coffer_protocol::BlobId;
use coffer_store::{Change, Commit, SegmentRow, Store, VersionRow};
use std::collections::HashMap;

/// Stores a chunk in a file of its own, and pins it.
async fn put(store: &Store, number: u64) -> (BlobId, Commit) {
    let (blob, bytes) = chunk(number, 70_000);
    let pin = store.put_chunk(blob, bytes).await.unwrap();
    (blob, Commit { pins: vec![pin], ..Commit::default() })
}

fn known_as(owner: u64, blob: BlobId, print: u64) -> Change {
    Change::PutKnown { owner: user_id(owner), blob, fingerprint: id32(print) }
}

async fn finds(store: &Store, owner: u64, print: u64) -> Option<BlobId> {
    let found = store.known_chunks(user_id(owner), &[id32(print), id32(999)]).await.unwrap();
    assert!(found.keys().all(|found| *found == id32(print)));
    found.values().next().copied()
}

pub(crate) async fn a_user_finds_what_he_refers_to_and_nothing_else(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    store.commit(changes(other_user(2))).await.unwrap();
    let (blob, mut commit) = put(&store, 1).await;
    commit.changes = vec![
        Change::PutNode(file(10, HOME)),
        Change::PutVersion(version(10, 1, &[blob], &[])),
        known_as(1, blob, 7),
        // Who refers to nothing knows nothing.
        known_as(2, blob, 7),
    ];
    store.commit(commit).await.unwrap();
    assert_eq!(finds(&store, 1, 7).await, Some(blob));
    assert_eq!(finds(&store, 2, 7).await, None);
    assert_eq!(store.known_chunks(user_id(1), &[]).await.unwrap(), HashMap::new());

    // It is known for as long as anything of the user names it.
    let second = version(10, 2, &[blob], &[]);
    store.commit(changes(vec![Change::PutVersion(second)])).await.unwrap();
    store.commit(changes(vec![Change::DeleteVersion(second_node(), 1)])).await.unwrap();
    assert_eq!(finds(&store, 1, 7).await, Some(blob));
    let others = VersionRow { owner: user_id(2), ..version(11, 1, &[blob], &[]) };
    let node = coffer_store::NodeRow { owner: user_id(2), ..file(11, 900_002) };
    let all = vec![Change::PutNode(node), Change::PutVersion(others), known_as(2, blob, 7)];
    store.commit(changes(all)).await.unwrap();
    assert_eq!(finds(&store, 2, 7).await, Some(blob));
    store.commit(changes(vec![Change::DeleteNode(second_node())])).await.unwrap();
    assert_eq!(finds(&store, 1, 7).await, None, "that somebody else has it is nobody's business");
    assert_eq!(finds(&store, 2, 7).await, Some(blob));
    assert!(store.check(coffer_store::CheckOptions::default(), |_| {}).await.unwrap().is_clean());
}

fn second_node() -> coffer_protocol::NodeId {
    crate::sample::node_id(10)
}

pub(crate) async fn what_an_upload_holds_is_known_and_pinned_again(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (blob, mut commit) = put(&store, 1).await;
    commit.changes = vec![
        Change::PutSegment(segment(1, &[blob])),
        Change::PutUpload(upload(1)),
        known_as(1, blob, 7),
    ];
    store.commit(commit).await.unwrap();
    assert_eq!(finds(&store, 1, 7).await, Some(blob));
    let pin = store.pin_chunk(blob).await.unwrap().expect("it is there");
    assert_eq!((pin.blob(), pin.size()), (blob, 70_000));
    assert!(store.pin_chunk(chunk(2, 70_000).0).await.unwrap().is_none());

    let listed = store.uploads(user_id(1), None, 10).await.unwrap();
    assert_eq!(listed, [upload(1)]);
    assert_eq!(store.uploads(user_id(1), Some(upload(1).upload), 10).await.unwrap(), []);
    assert_eq!(store.uploads(user_id(2), None, 10).await.unwrap(), []);
    let row = store.upload(user_id(1), upload(1).upload).await.unwrap();
    assert_eq!(row, Some(upload(1)));

    // The file takes over what the upload held, in one commit.
    let all = vec![
        Change::PutNode(file(10, HOME)),
        Change::PutVersion(version(10, 1, &[blob], &[])),
        Change::DeleteSegment(segment_id(1)),
        Change::DeleteUpload { owner: user_id(1), upload: upload(1).upload },
    ];
    store.commit(Commit { pins: vec![pin], ..changes(all) }).await.unwrap();
    assert_eq!(store.uploads(user_id(1), None, 10).await.unwrap(), []);
    assert_eq!(finds(&store, 1, 7).await, Some(blob));

    // Segments count for their own owner only.
    store.commit(changes(other_user(2))).await.unwrap();
    let foreign = SegmentRow { owner: user_id(2), ..segment(2, &[blob]) };
    store.commit(changes(vec![Change::PutSegment(foreign)])).await.unwrap();
    assert_eq!(finds(&store, 2, 7).await, None);
    let gone = vec![
        Change::DeleteUser(user_id(1)),
        Change::PutUpload(coffer_store::UploadRow { owner: user_id(2), ..upload(2) }),
    ];
    store.commit(changes(gone)).await.unwrap();
    assert_eq!(site.count("SELECT COUNT(*) FROM uploads").await, 1);
}
