//! What an earlier primary had acknowledged and nobody else had.

use crate::following::{Bank, catch_up, replica};
use crate::sample::{
    HOME, changes, chunk, directory, file, first_user, node_id, op_key, other_user, segment,
    segment_id, share, trashed, user_id, version,
};
use crate::site::Site;
use coffer_protocol::BlobId;
use coffer_store::{
    Arrived, Change, CheckOptions, CollectLimits, Commit, DivergedCounts, DivergedRow,
    DivergedState, JournalEntry, KeepError, Precondition, Store,
};

/// Everything up to here both have.
async fn parted(site: &Site) -> (Store, (u64, [u8; 32])) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    store.commit(changes(other_user(2))).await.unwrap();
    let content = Change::PutVersion(version(10, 1, &[], &[]));
    store.commit(changes(vec![Change::PutNode(file(10, HOME)), content])).await.unwrap();
    let head = store.journal_head().await.unwrap();
    (store, (head.position.seq, head.chain_hash))
}

/// What only the earlier primary did: a directory, a file in it with one chunk in SQL and
/// one in a file, a segment, a deletion, a share.
async fn went_on(store: &Store, fork: u64) -> (Vec<JournalEntry>, Bank) {
    let (small, large) = (chunk(1, 200), chunk(2, 70_000));
    store.commit(changes(vec![Change::PutNode(directory(20, HOME))])).await.unwrap();
    let pins = vec![store.put_chunk(large.0, large.1.clone()).await.unwrap()];
    let put = vec![Change::PutSegment(segment(1, &[large.0]))];
    store.commit(Commit { pins, ..changes(put) }).await.unwrap();
    let put = vec![
        Change::PutNode(file(21, 20)),
        Change::PutVersion(version(21, 1, &[small.0], &[segment_id(1)])),
    ];
    let inline = vec![small.clone()];
    let op = Some(op_key(9));
    store.commit(Commit { op, inline, ..changes(put) }).await.unwrap();
    let put =
        vec![Change::PutNode(trashed(file(10, HOME), 5_000)), Change::PutShare(share(1, 20, 2))];
    store.commit(changes(put)).await.unwrap();
    let entries = store.entries_after(fork, usize::MAX).await.unwrap();
    (entries, [small, large].into_iter().collect())
}

/// Brings the chunks that are wanted.
async fn arrived(bank: &Bank, store: &Store, entries: &[JournalEntry]) -> Arrived {
    let mut arrived = Arrived::default();
    for blob in store.diverged_wants(entries, &arrived, 100).await.unwrap() {
        let bytes = bank[&blob].clone();
        if bytes.len() < 1_000 {
            arrived.inline.insert(blob, bytes);
        } else {
            arrived.pins.insert(blob, store.put_chunk(blob, bytes).await.unwrap());
        }
    }
    arrived
}

async fn waiting(store: &Store) -> Vec<DivergedRow> {
    store.diverged(user_id(1), DivergedState::Waiting, None).await.unwrap()
}

pub(crate) async fn what_an_earlier_primary_had_is_kept_once(site: Site) {
    let old_site = site.another();
    let (old, fork) = parted(&old_site).await;
    let (store, same) = parted(&site).await;
    assert_eq!(fork, same);
    let (entries, bank) = went_on(&old, fork.0).await;
    // Without its chunks nothing is kept.
    let without = store.keep_diverged(&entries[1..2], fork, &Arrived::default()).await;
    assert!(matches!(without, Err(KeepError::Unrelated(5))), "{without:?}");
    store.keep_diverged(&entries[..1], fork, &Arrived::default()).await.unwrap();
    let without = store.keep_diverged(&entries, fork, &Arrived::default()).await;
    assert!(matches!(without, Err(KeepError::Store(_))), "{without:?}");
    let brought = arrived(&bank, &store, &entries).await;
    assert_eq!((brought.inline.len(), brought.pins.len()), (1, 1));
    assert_eq!(store.keep_diverged(&entries, fork, &brought).await.unwrap(), 0);
    drop(brought);
    let counts = store.diverged_counts(user_id(1)).await.unwrap();
    // Two records of nodes support the others: that of the file, and the segment.
    let expected = DivergedCounts { waiting: 4, support: 2, ..DivergedCounts::default() };
    assert_eq!(counts, expected);
    let rows = waiting(&store).await;
    assert!(rows.is_sorted_by_key(|row| row.key.place));
    let kinds: Vec<u8> = rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [5, 7, 5, 16]);
    let (_, image) = store.diverged_node(user_id(1), node_id(21), true).await.unwrap().unwrap();
    assert_eq!(image, file(21, 20));
    let kept = store.diverged_segment(user_id(1), segment_id(1)).await.unwrap().unwrap();
    assert_eq!(kept.refs, segment(1, &[chunk(2, 70_000).0]).refs);
    assert!(store.diverged_share(user_id(1), share(1, 20, 2).share).await.unwrap().is_some());
    // Once more, and nothing happens; not even when what was kept is gone.
    let position = store.position().await.unwrap();
    store.keep_diverged(&entries, fork, &Arrived::default()).await.unwrap();
    assert_eq!(store.position().await.unwrap(), position);
    let gone = rows.iter().map(|row| Change::DeleteDiverged(row.key)).collect();
    store.commit(changes(gone)).await.unwrap();
    store.keep_diverged(&entries, fork, &Arrived::default()).await.unwrap();
    assert_eq!(waiting(&store).await, []);
    // Another history is told apart.
    let mut other = entries[3].clone();
    other.committed_millis += 1;
    other.seq += 1;
    let refused = store.keep_diverged(&[other], fork, &Arrived::default()).await;
    assert!(matches!(refused, Err(KeepError::Unrelated(8))), "{refused:?}");
}

pub(crate) async fn what_was_done_again_is_not_kept(site: Site) {
    let old_site = site.another();
    let (old, fork) = parted(&old_site).await;
    let (store, _) = parted(&site).await;
    let (entries, bank) = went_on(&old, fork.0).await;
    // The client has asked the new primary for the same operation.
    let put = vec![Change::PutNode(file(40, HOME))];
    store.commit(Commit { op: Some(op_key(9)), ..changes(put) }).await.unwrap();
    let brought = arrived(&bank, &store, &entries).await;
    assert_eq!(store.keep_diverged(&entries, fork, &brought).await.unwrap(), 1);
    assert!(waiting(&store).await.iter().all(|row| row.kind != 7));
}

pub(crate) async fn kept_chunks_stay_until_nobody_needs_them(site: Site) {
    let old_site = site.another();
    let (old, fork) = parted(&old_site).await;
    let (store, _) = parted(&site).await;
    let (entries, bank) = went_on(&old, fork.0).await;
    let blobs: Vec<BlobId> = bank.keys().copied().collect();
    let brought = arrived(&bank, &store, &entries).await;
    store.keep_diverged(&entries, fork, &brought).await.unwrap();
    drop(brought);
    for round in 0..3 {
        site.set_time(10_000_000 * (round + 1));
        let limits = CollectLimits { grace_millis: 0, ..CollectLimits::default() };
        store.collect_garbage(limits).await.unwrap();
    }
    for blob in &blobs {
        assert_eq!(store.read_chunk(blob).await.unwrap(), bank[blob]);
    }
    let report = store.check(CheckOptions::default(), |_| {}).await.unwrap();
    assert_eq!(report.problems, []);
    // A replica has all of it.
    let replica_site = site.another();
    let replica = replica(&replica_site).await;
    catch_up(&bank, &store, &replica).await;
    assert_eq!(replica.state_root().await.unwrap(), store.state_root().await.unwrap());
    assert_eq!(waiting(&replica).await, waiting(&store).await);
    // What waits can be settled once.
    let row = waiting(&store).await.remove(1);
    let returned = DivergedRow {
        state: DivergedState::Returned,
        became: Some(node_id(50)),
        change: Vec::new(),
        refs: Vec::new(),
        ..row.clone()
    };
    let settle = || Commit {
        preconditions: vec![Precondition::DivergedWaits(row.key)],
        ..changes(vec![Change::PutDiverged(returned.clone())])
    };
    store.commit(settle()).await.unwrap();
    assert!(store.commit(settle()).await.is_err());
    assert_eq!(store.diverged_settled(user_id(1), None, 10).await.unwrap(), [returned]);
    // With the last row that names them the chunks go.
    while let Some(row) = store.diverged_any(user_id(1)).await.unwrap().pop() {
        store.commit(changes(vec![Change::DeleteDiverged(row.key)])).await.unwrap();
    }
    for blob in &blobs {
        assert_eq!(store.chunk(*blob).await.unwrap().unwrap().refs, 0);
    }
    let report = store.check(CheckOptions::default(), |_| {}).await.unwrap();
    assert_eq!(report.problems, []);
}
