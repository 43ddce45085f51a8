//! Tests of collection, sweep and expiry, one rule at a time.

use super::fixture::{Chunk, Fixture, HOUR, node_id};
use super::{CollectLimits, Collected, Held, Retention};
use crate::{Change, ChunkState, Commit, CommitError, KIND_DIRECTORY, KIND_FILE, StoreError};
use bytes::Bytes;
use coffer_protocol::NodeId;

const GRACE: CollectLimits = CollectLimits { grace_millis: HOUR, chunks: 1_000 };

async fn state(fixture: &Fixture, chunk: &Chunk) -> Option<ChunkState> {
    fixture.store.chunk(chunk.blob).await.unwrap().map(|row| row.state)
}

async fn collect(fixture: &Fixture) -> Collected {
    fixture.store.collect_garbage(GRACE).await.unwrap()
}

#[tokio::test]
async fn an_idle_chunk_is_condemned_then_deleted_after_the_grace_time() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 70_000);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();
    assert_eq!(collect(&fixture).await, Collected::default());

    fixture.commit(vec![Change::DeleteNode(node_id(1))]).await;
    assert_eq!(collect(&fixture).await, Collected { condemned: 1, ..Collected::default() });
    assert_eq!(state(&fixture, &chunk).await, Some(ChunkState::Condemned));
    fixture.clock.advance(HOUR);
    assert_eq!(collect(&fixture).await, Collected::default());
    assert!(fixture.file_of(&chunk.blob, 1).exists());

    fixture.clock.advance(1);
    let expected = Collected { deleted: 1, bytes: 70_000, ..Collected::default() };
    assert_eq!(collect(&fixture).await, expected);
    assert_eq!(state(&fixture, &chunk).await, None);
    assert!(!fixture.file_of(&chunk.blob, 1).exists());
    assert!(matches!(
        fixture.store.read_chunk(&chunk.blob).await,
        Err(StoreError::NoSuchChunk { .. })
    ));

    assert_eq!(fixture.store.purge_removed_files(HOUR).await.unwrap(), 0);
    fixture.clock.advance(HOUR + 1);
    assert_eq!(fixture.store.purge_removed_files(HOUR).await.unwrap(), 1);
    assert_eq!(std::fs::read_dir(fixture.path().join("trash")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_condemned_chunk_that_finds_a_use_stays() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 70_000);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();
    fixture.commit(vec![Change::DeleteNode(node_id(1))]).await;
    collect(&fixture).await;
    fixture.clock.advance(2 * HOUR);
    // Without a pin: as a copy of a file that is just going.
    fixture.commit(fixture.file(node_id(2), &[chunk.blob])).await;
    assert_eq!(state(&fixture, &chunk).await, Some(ChunkState::Live));
    assert_eq!(collect(&fixture).await, Collected::default());
    assert_eq!(fixture.store.read_chunk(&chunk.blob).await.unwrap(), chunk.bytes);
}

#[tokio::test]
async fn a_pinned_chunk_stays_until_the_pin_goes() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 70_000);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();
    fixture.commit(vec![Change::DeleteNode(node_id(1))]).await;
    collect(&fixture).await;
    fixture.clock.advance(2 * HOUR);
    let pin = fixture.put(&chunk).await;
    assert_eq!(collect(&fixture).await, Collected { pinned: 1, ..Collected::default() });
    let commit = Commit {
        changes: fixture.file(node_id(2), &[chunk.blob]),
        pins: vec![pin],
        ..Commit::default()
    };
    fixture.store.commit(commit).await.unwrap();
    assert_eq!(fixture.store.read_chunk(&chunk.blob).await.unwrap(), chunk.bytes);
}

#[tokio::test]
async fn a_chunk_that_is_being_deleted_must_be_uploaded_again_under_another_name() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 70_000);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();
    // As a collector that was cut short leaves it.
    let deleting =
        Change::SetChunkState { blob: chunk.blob, generation: 1, state: ChunkState::Deleting };
    fixture.commit(vec![Change::DeleteNode(node_id(1))]).await;
    fixture.commit(vec![deleting]).await;

    let commit = Commit { changes: fixture.file(node_id(2), &[chunk.blob]), ..Commit::default() };
    let refused = fixture.store.commit(commit).await.unwrap_err();
    assert_eq!(refused, CommitError::NeedUpload(vec![chunk.blob]));

    fixture.upload(node_id(2), &[&chunk]).await.unwrap();
    let row = fixture.store.chunk(chunk.blob).await.unwrap().unwrap();
    assert_eq!((row.generation, row.state, row.refs), (2, ChunkState::Live, 1));
    // What the cut-short run still wants to do hits nothing.
    fixture.commit(vec![Change::DeleteChunk { blob: chunk.blob, generation: 1 }]).await;
    let fixture = fixture.restart().await;
    assert_eq!(fixture.store.sweep_orphans().await.unwrap().orphans, 1);
    assert!(!fixture.file_of(&chunk.blob, 1).exists());
    assert_eq!(fixture.store.read_chunk(&chunk.blob).await.unwrap(), chunk.bytes);
}

#[tokio::test]
async fn a_run_that_was_cut_short_is_finished_by_the_next() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 70_000);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();
    let deleting =
        Change::SetChunkState { blob: chunk.blob, generation: 1, state: ChunkState::Deleting };
    fixture.commit(vec![Change::DeleteNode(node_id(1)), deleting]).await;
    std::fs::remove_file(fixture.file_of(&chunk.blob, 1)).unwrap();
    let fixture = fixture.restart().await;
    assert_eq!(collect(&fixture).await.deleted, 1);
    assert_eq!(state(&fixture, &chunk).await, None);
    fixture.upload(node_id(2), &[&chunk]).await.unwrap();
    assert_eq!(fixture.store.read_chunk(&chunk.blob).await.unwrap(), chunk.bytes);
}

#[tokio::test]
async fn inline_chunks_are_collected_too() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 500);
    let commit = Commit {
        changes: fixture.file(node_id(1), &[chunk.blob]),
        inline: vec![(chunk.blob, chunk.bytes.clone())],
        ..Commit::default()
    };
    fixture.store.commit(commit).await.unwrap();
    assert_eq!(fixture.store.read_chunk(&chunk.blob).await.unwrap(), chunk.bytes);
    fixture.commit(vec![Change::DeleteNode(node_id(1))]).await;
    collect(&fixture).await;
    fixture.clock.advance(HOUR + 1);
    assert_eq!(collect(&fixture).await.deleted, 1);
    assert_eq!(state(&fixture, &chunk).await, None);
}

#[tokio::test]
async fn a_run_stops_at_its_limit_and_says_so() {
    let fixture = Fixture::new().await;
    let chunks: Vec<Chunk> = (0..300).map(|seed| Chunk::new(seed, 100)).collect();
    fixture.upload(node_id(1), &chunks.iter().collect::<Vec<_>>()).await.unwrap();
    fixture.commit(vec![Change::DeleteNode(node_id(1))]).await;
    assert_eq!(collect(&fixture).await.condemned, 300);
    fixture.clock.advance(HOUR + 1);
    let limits = CollectLimits { chunks: 100, ..GRACE };
    let first = fixture.store.collect_garbage(limits).await.unwrap();
    assert!(first.more && first.deleted >= 100 && first.deleted < 300, "{first:?}");
    assert_eq!(first.deleted + collect(&fixture).await.deleted, 300);
}

#[tokio::test]
async fn nothing_is_collected_while_a_chunk_in_use_is_damaged() {
    let fixture = Fixture::new().await;
    let (used, idle) = (Chunk::new(1, 70_000), Chunk::new(2, 70_000));
    fixture.upload(node_id(1), &[&used]).await.unwrap();
    fixture.upload(node_id(2), &[&idle]).await.unwrap();
    fixture.commit(vec![Change::DeleteNode(node_id(2))]).await;
    let path = fixture.file_of(&used.blob, 1);
    std::fs::write(&path, b"damaged").unwrap();
    let read = fixture.store.read_chunk(&used.blob).await;
    assert!(matches!(read, Err(StoreError::Corrupt { blob }) if blob == used.blob));
    let held = Some(Held::Unhealed(used.blob));
    assert_eq!(collect(&fixture).await, Collected { held, ..Collected::default() });
    // Healed: the evidence may stay.
    std::fs::write(&path, &used.bytes).unwrap();
    assert_eq!(collect(&fixture).await.condemned, 1);

    fixture.clock.advance(HOUR + 1);
    std::fs::remove_file(&path).unwrap();
    assert!(fixture.store.read_chunk(&used.blob).await.is_err());
    assert_eq!(collect(&fixture).await.held, held);
    // An upload of the same content heals it.
    fixture.upload(node_id(3), &[&used]).await.unwrap();
    assert_eq!(collect(&fixture).await.deleted, 1);
}

#[tokio::test]
async fn a_chunk_that_is_gone_for_good_reason_holds_nothing_up() {
    let fixture = Fixture::new().await;
    let (gone, idle) = (Chunk::new(1, 70_000), Chunk::new(2, 70_000));
    fixture.upload(node_id(1), &[&gone]).await.unwrap();
    fixture.upload(node_id(2), &[&idle]).await.unwrap();
    std::fs::remove_file(fixture.file_of(&gone.blob, 1)).unwrap();
    assert!(fixture.store.read_chunk(&gone.blob).await.is_err());
    let all = [1, 2].map(|number| Change::DeleteNode(node_id(number)));
    fixture.commit(all.to_vec()).await;
    assert_eq!(collect(&fixture).await.condemned, 2);
}

#[tokio::test]
async fn the_sweep_takes_what_no_row_names_and_nobody_has_pinned() {
    let fixture = Fixture::new().await;
    let [committed, pinned, abandoned] = [1, 2, 3].map(|seed| Chunk::new(seed, 70_000));
    fixture.upload(node_id(1), &[&committed]).await.unwrap();
    let pin = fixture.put(&pinned).await;
    drop(fixture.put(&abandoned).await);
    let stray = fixture.path().join("chunks/00/notes.txt");
    std::fs::write(&stray, b"").unwrap();
    let swept = fixture.store.sweep_orphans().await.unwrap();
    assert_eq!((swept.files, swept.orphans, swept.strays), (3, 1, 1));
    assert!(!fixture.file_of(&abandoned.blob, 1).exists());
    assert!(stray.exists());
    assert_eq!(fixture.store.read_chunk(&committed.blob).await.unwrap(), committed.bytes);
    let changes = fixture.file(node_id(2), &[pinned.blob]);
    let commit = Commit { changes, pins: vec![pin], ..Commit::default() };
    fixture.store.commit(commit).await.unwrap();
    assert_eq!(fixture.store.read_chunk(&pinned.blob).await.unwrap(), pinned.bytes);
    // What was swept can be uploaded again.
    fixture.upload(node_id(3), &[&abandoned]).await.unwrap();
    assert_eq!(fixture.store.read_chunk(&abandoned.blob).await.unwrap(), abandoned.bytes);
}

/// A retention that keeps everything.
fn keep() -> Retention {
    Retention {
        trash_millis: None,
        versions: None,
        version_millis: None,
        upload_millis: 1_000 * HOUR,
        activity_millis: None,
    }
}

/// A tree in the trash: 300 files and directories, five deep.
async fn trashed_tree(fixture: &Fixture) -> NodeId {
    let root = node_id(0);
    let mut changes = Vec::new();
    for number in 0..300 {
        let parent = if number == 0 { fixture.home } else { node_id((number - 1) / 4) };
        // The first 75 have others below them.
        let kind = if number < 75 { KIND_DIRECTORY } else { KIND_FILE };
        let mut row = fixture.node(node_id(number), parent, kind);
        if number == 0 {
            row.trashed_millis = Some(crate::Clock::now_millis(&*fixture.clock));
            row.lookup_tag = None;
        }
        changes.push(Change::PutNode(row));
        if kind == KIND_FILE {
            changes.push(Change::PutVersion(fixture.version(node_id(number), 1, &[])));
        }
    }
    fixture.commit(changes).await;
    root
}

#[tokio::test]
async fn what_was_long_in_the_trash_goes_with_all_that_is_below_it() {
    let fixture = Fixture::new().await;
    let root = trashed_tree(&fixture).await;
    let retention = Retention { trash_millis: Some(HOUR), ..keep() };
    fixture.clock.advance(HOUR);
    assert_eq!(fixture.store.expire(&retention).await.unwrap().nodes, 0);
    fixture.clock.advance(1);
    assert_eq!(fixture.store.expire(&keep()).await.unwrap().nodes, 0);
    assert_eq!(fixture.store.expire(&retention).await.unwrap().nodes, 300);
    assert!(fixture.store.node(root).await.unwrap().is_none());
    assert_eq!(fixture.store.usage(fixture.user).await.unwrap().nodes, 1);
    let report = fixture.store.check(crate::CheckOptions::default(), |_| ()).await.unwrap();
    assert_eq!(report.problems, []);
}

#[tokio::test]
async fn what_was_restored_is_not_deleted() {
    let fixture = Fixture::new().await;
    let root = trashed_tree(&fixture).await;
    let stale = fixture.store.node(root).await.unwrap().unwrap();
    let mut restored = fixture.node(root, fixture.home, KIND_DIRECTORY);
    restored.revision = 2;
    fixture.commit(vec![Change::PutNode(restored)]).await;
    assert_eq!(fixture.store.delete_subtree(&stale).await.unwrap(), None);
    assert_eq!(fixture.store.usage(fixture.user).await.unwrap().nodes, 301);
}

/// A file with versions that were written one hour apart.
async fn file_with_versions(fixture: &Fixture, versions: u64) {
    let node = node_id(1);
    for revision in 1..=versions {
        let mut row = fixture.node(node, fixture.home, KIND_FILE);
        (row.revision, row.content_revision) = (revision, revision);
        let version = Change::PutVersion(fixture.version(node, revision, &[]));
        fixture.commit(vec![Change::PutNode(row), version]).await;
        fixture.clock.advance(HOUR);
    }
}

async fn revisions(fixture: &Fixture) -> Vec<u64> {
    let versions = fixture.store.versions(node_id(1), None, 1_000).await.unwrap();
    versions.iter().map(|version| version.revision).collect()
}

#[tokio::test]
async fn versions_go_by_number() {
    let fixture = Fixture::new().await;
    file_with_versions(&fixture, 100).await;
    let retention = Retention { versions: Some(3), ..keep() };
    assert_eq!(fixture.store.expire(&retention).await.unwrap().versions, 97);
    assert_eq!(revisions(&fixture).await, [100, 99, 98]);
    let retention = Retention { versions: Some(0), ..keep() };
    fixture.store.expire(&retention).await.unwrap();
    assert_eq!(revisions(&fixture).await, [100], "the current version always stays");
}

#[tokio::test]
async fn versions_go_by_the_time_since_they_were_replaced() {
    let fixture = Fixture::new().await;
    file_with_versions(&fixture, 10).await;
    // Now is one hour after version 10 and two after version 9 was replaced... by 10.
    let retention = Retention { version_millis: Some(3 * HOUR), ..keep() };
    assert_eq!(fixture.store.expire(&retention).await.unwrap().versions, 6);
    assert_eq!(revisions(&fixture).await, [10, 9, 8, 7]);
    fixture.clock.advance(1_000 * HOUR);
    fixture.store.expire(&retention).await.unwrap();
    assert_eq!(revisions(&fixture).await, [10]);
}

#[tokio::test]
async fn a_file_with_too_many_versions_for_one_commit_goes_nevertheless() {
    let fixture = Fixture::new().await;
    let node = node_id(1);
    let mut row = fixture.node(node, fixture.home, KIND_FILE);
    (row.trashed_millis, row.lookup_tag) = (Some(0), None);
    row.content_revision = 10_500;
    fixture.commit(vec![Change::PutNode(row)]).await;
    for first in [1, 5_001, 10_001] {
        let versions = (first..first + 5_000).take_while(|r| *r <= 10_500);
        let put = versions.map(|r| Change::PutVersion(fixture.version(node, r, &[])));
        fixture.commit(put.collect()).await;
    }
    let retention = Retention { trash_millis: Some(HOUR), ..keep() };
    assert_eq!(fixture.store.expire(&retention).await.unwrap().nodes, 1);
    assert!(fixture.store.node(node).await.unwrap().is_none());
    assert_eq!(revisions(&fixture).await, [0; 0]);
}

#[tokio::test]
async fn segments_of_uploads_that_were_given_up_go_and_others_stay() {
    let fixture = Fixture::new().await;
    let chunk = Chunk::new(1, 70_000);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();
    let [named, old] = [[1; 16], [2; 16]];
    let put = [named, old].map(|id| Change::PutSegment(fixture.segment(id, &[chunk.blob])));
    fixture.commit(put.to_vec()).await;
    let mut version = fixture.version(node_id(2), 1, &[]);
    version.segments = vec![named];
    let row = fixture.node(node_id(2), fixture.home, KIND_FILE);
    fixture.commit(vec![Change::PutNode(row), Change::PutVersion(version)]).await;
    fixture.clock.advance(HOUR);
    fixture.commit(vec![Change::PutSegment(fixture.segment([3; 16], &[chunk.blob]))]).await;

    fixture.clock.advance(1);
    let retention = Retention { upload_millis: HOUR, ..keep() };
    assert_eq!(fixture.store.expire(&retention).await.unwrap().segments, 1);
    assert!(fixture.store.segment(named).await.unwrap().is_some());
    assert!(fixture.store.segment(old).await.unwrap().is_none());
    assert!(fixture.store.segment([3; 16]).await.unwrap().is_some());
    let row = fixture.store.chunk(chunk.blob).await.unwrap().unwrap();
    assert_eq!(row.refs, 3, "the file and two segments");
}

#[tokio::test]
async fn an_upload_that_is_given_up_in_the_middle_leaves_the_name_to_the_next() {
    let fixture = Fixture::new().await;
    for seed in 0..50 {
        let chunk = Chunk::new(seed, 200_000);
        let (store, again) = (fixture.store.clone(), chunk.clone());
        let given_up = tokio::spawn(async move { store.put_chunk(again.blob, again.bytes).await });
        tokio::task::yield_now().await;
        given_up.abort();
        fixture.upload(node_id(seed), &[&chunk]).await.unwrap();
        assert_eq!(fixture.store.read_chunk(&chunk.blob).await.unwrap(), chunk.bytes);
    }
    assert_eq!(fixture.store.sweep_orphans().await.unwrap().orphans, 0);
}

#[tokio::test]
async fn a_command_beside_the_server_may_not_collect() {
    let fixture = Fixture::new().await;
    let config = fixture.store.config().clone();
    let admin = crate::Store::open_admin(config, crate::Environment::system()).await.unwrap();
    assert!(matches!(admin.collect_garbage(GRACE).await, Err(StoreError::AdminOnly)));
    assert!(matches!(admin.sweep_orphans().await, Err(StoreError::AdminOnly)));
    assert!(matches!(admin.purge_removed_files(0).await, Err(StoreError::AdminOnly)));
    let put = admin.put_chunk(Chunk::new(1, 60).blob, Bytes::new()).await;
    assert!(matches!(put, Err(StoreError::AdminOnly)));
}
