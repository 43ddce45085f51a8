//! A replica and its source: roles, the feed, and what is refused.

use crate::sample::{
    HOME, batch, changes, chunk, directory, file, first_user, id32, node_id, op_key, segment,
    segment_id, small_file, version,
};
use crate::site::Site;
use bytes::Bytes;
use coffer_protocol::{BlobId, Position};
use coffer_store::{
    Arrival, Change, CheckOptions, ChunkPin, ChunkPlace, CollectLimits, Commit, CommitError,
    FollowError, JournalEntry, Retention, Role, Store, StoreError, arrivals,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The bytes of chunks, as a replica gets them while the source still has them.
pub(crate) type Bank = BTreeMap<BlobId, Bytes>;

/// What entries bring: bytes for SQL, and files.
type Brought = (Vec<(BlobId, Bytes)>, Vec<ChunkPin>);

/// Makes and opens a replica.
pub(crate) async fn replica(site: &Site) -> Store {
    Store::create_replica(&site.config, Site::init()).await.unwrap();
    site.open().await
}

/// Puts what the entries bring.
pub(crate) async fn bring(bank: &Bank, replica: &Store, entries: &[JournalEntry]) -> Brought {
    let (mut inline, mut pins) = (Vec::new(), Vec::new());
    for Arrival { blob, generation, place, .. } in entries.iter().flat_map(|e| arrivals(e).unwrap())
    {
        let bytes = bank[&blob].clone();
        match place {
            ChunkPlace::Inline => inline.push((blob, bytes)),
            ChunkPlace::File => {
                pins.push(replica.put_replicated(blob, generation, bytes).await.unwrap());
            }
        }
    }
    (inline, pins)
}

/// Lets a replica follow to the end of its source.
pub(crate) async fn catch_up(bank: &Bank, source: &Store, replica: &Store) -> Position {
    loop {
        let position = replica.position().await.unwrap();
        let entries = source.entries_after(position.seq, 4_000).await.unwrap();
        if entries.is_empty() {
            return position;
        }
        let (inline, pins) = bring(bank, replica, &entries).await;
        replica.follow(entries, inline, pins).await.unwrap();
    }
}

/// A source with files whose chunks are in SQL, in files and in a segment.
pub(crate) async fn furnished(site: &Site) -> (Store, Bank) {
    let store = site.fresh().await;
    let mut bank = Bank::new();
    store.commit(Commit { op: Some(op_key(1)), ..first_user() }).await.unwrap();
    let small = batch(10..40, 500);
    bank.extend(small.inline.iter().cloned());
    store.commit(Commit { result: b"answer".to_vec(), ..small }).await.unwrap();
    let (blob, bytes) = chunk(50, 70_000);
    bank.insert(blob, bytes.clone());
    site.set_time(1_000_500);
    let pins = vec![store.put_chunk(blob, bytes).await.unwrap()];
    let all = vec![
        Change::PutNode(directory(49, HOME)),
        Change::PutNode(file(50, 49)),
        Change::PutSegment(segment(1, &[blob])),
        Change::PutVersion(version(50, 1, &[blob], &[segment_id(1)])),
    ];
    store.commit(Commit { pins, ..changes(all) }).await.unwrap();
    store.commit(changes(vec![Change::DeleteNode(node_id(10))])).await.unwrap();
    (store, bank)
}

pub(crate) async fn a_replica_has_what_its_source_has(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    assert_eq!((source.role(), replica.role()), (Role::Primary, Role::Replica));
    let position = catch_up(&bank, &source, &replica).await;
    assert_eq!(position, source.position().await.unwrap());
    for table in ["journal", "nodes", "versions", "segments", "chunks", "totals", "users"] {
        let sql = format!("SELECT * FROM {table}");
        let mut rows = [source_site.raw(&sql).await, site.raw(&sql).await];
        for rows in &mut rows {
            rows.sort_by_key(|row| format!("{row:?}"));
        }
        assert!(rows[0] == rows[1] && !rows[0].is_empty(), "{table}");
    }
    let (blob, bytes) = chunk(50, 70_000);
    assert_eq!(replica.read_chunk(&blob).await.unwrap(), bytes);
    assert_eq!(replica.pinned(), 0);
    assert_eq!(replica.verify_journal().await.unwrap(), 4);
    assert!(replica.op(op_key(1)).await.unwrap().is_some());
    assert!(replica.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
    // And goes on after a restart.
    replica.shutdown().await.unwrap();
    drop(replica);
    let replica = site.open().await;
    assert_eq!(replica.role(), Role::Replica);
    source.commit(changes(vec![Change::PutNode(file(60, 49))])).await.unwrap();
    assert_eq!(catch_up(&bank, &source, &replica).await.seq, 5);
    assert_eq!(replica.node(node_id(60)).await.unwrap(), Some(file(60, 49)));
}

pub(crate) async fn each_role_does_its_own(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    let refused = replica.commit(changes(vec![Change::PutNode(file(60, HOME))])).await;
    assert_eq!(refused, Err(CommitError::Fenced));
    // Not even past the look at the role that the process remembers.
    let admin = Store::open_admin(site.config.clone(), site.environment()).await.unwrap();
    assert_eq!(admin.role(), Role::Replica);
    let refused = admin.commit(changes(vec![Change::PutNode(file(60, HOME))])).await;
    assert_eq!(refused, Err(CommitError::Fenced));
    let entries = source.entries_after(0, 1).await.unwrap();
    for other in [&source, &admin] {
        let refused = other.follow(entries.clone(), Vec::new(), Vec::new()).await;
        assert_eq!(refused, Err(FollowError::NotReplica));
    }
    let fenced = |outcome: &StoreError| {
        assert!(matches!(outcome, StoreError::Commit(CommitError::Fenced)), "{outcome}");
    };
    fenced(&replica.collect_garbage(CollectLimits::default()).await.unwrap_err());
    fenced(&replica.expire(&Retention::default()).await.unwrap_err());
    // Pruning is for every machine to do with its own copy.
    assert_eq!(replica.prune_journal_through(i64::MAX, 2).await.unwrap(), 2);
    assert_eq!(replica.verify_journal().await.unwrap(), 2);
    let head = replica.journal_head().await.unwrap();
    assert_eq!((head.pruned_seq, head.position.seq), (2, 4));
    assert_eq!(head.committed_millis, Some(1_000_500));
    assert_eq!(replica.chain_at(2).await.unwrap(), Some(head.pruned_hash));
}

pub(crate) async fn the_feed_gives_entries_in_order(site: Site) {
    let (store, _) = furnished(&site).await;
    let all = store.entries_after(0, usize::MAX).await.unwrap();
    assert_eq!(all.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((all[1].result.as_slice(), all[0].op_key), (&b"answer"[..], Some(op_key(1).0)));
    assert_eq!(store.entries_after(1, 0).await.unwrap(), all[1..2]);
    let two = all[0].encoded_len() + all[1].encoded_len() + 1_000;
    assert_eq!(store.entries_after(0, two).await.unwrap(), all[..2]);
    assert_eq!(store.entries_after(4, usize::MAX).await.unwrap(), []);
    let head = store.journal_head().await.unwrap();
    assert_eq!((head.position.seq, head.chain_hash), (4, all[3].hash));
    assert_eq!(store.chain_at(2).await.unwrap(), Some(all[1].hash));
    let mut bytes = Vec::new();
    for entry in &all {
        entry.encode(&mut bytes);
    }
    assert_eq!(JournalEntry::decode_all(&bytes), Ok(all));
    assert_eq!(store.prune_journal_through(i64::MAX, 2).await.unwrap(), 2);
    assert!(matches!(store.entries_after(1, 9).await, Err(StoreError::Pruned(2))));
    assert_eq!(store.entries_after(2, usize::MAX).await.unwrap().len(), 2);
}

pub(crate) async fn who_waits_for_entries_is_woken(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    assert_eq!(store.wait_for_entries(0).await.unwrap().seq, 1);
    let waiting = store.wait_for_entries(1);
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "{early:?}");
    let writing = store.commit(changes(vec![Change::PutNode(file(10, HOME))]));
    let (position, committed) = tokio::join!(waiting, writing);
    assert_eq!(position.unwrap(), committed.unwrap().position);
    // What a command commits beside the server is seen when the waiting begins.
    let admin = Store::open_admin(site.config.clone(), site.environment()).await.unwrap();
    admin.commit(changes(vec![Change::PutNode(file(11, HOME))])).await.unwrap();
    assert_eq!(store.wait_for_entries(2).await.unwrap().seq, 3);
}

pub(crate) async fn batches_may_overlap_and_come_twice(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    let all = source.entries_after(0, usize::MAX).await.unwrap();
    for (range, end) in [(0..2, 2), (0..2, 2), (0..1, 2), (1..3, 3), (0..4, 4), (3..4, 4)] {
        let entries = all[range].to_vec();
        let (inline, pins) = bring(&bank, &replica, &entries).await;
        let position = replica.follow(entries, inline, pins).await.unwrap();
        assert_eq!(position.seq, end);
    }
    assert_eq!(replica.follow(Vec::new(), Vec::new(), Vec::new()).await.unwrap().seq, 4);
    assert_eq!(replica.verify_journal().await.unwrap(), 4);
    // What is not kept any more cannot be compared, and is skipped all the same.
    replica.prune_journal_through(i64::MAX, 2).await.unwrap();
    assert_eq!(replica.follow(all, Vec::new(), Vec::new()).await.unwrap().seq, 4);
}

pub(crate) async fn other_histories_and_damage_are_refused(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    let all = source.entries_after(0, usize::MAX).await.unwrap();
    let (inline, pins) = bring(&bank, &replica, &all).await;
    let follow = |entries: Vec<JournalEntry>| replica.follow(entries, inline.clone(), pins.clone());
    let gap = FollowError::Gap { expected: 1, found: 2 };
    assert_eq!(follow(all[1..].to_vec()).await, Err(gap));
    let holey = vec![all[0].clone(), all[2].clone()];
    assert_eq!(follow(holey).await, Err(FollowError::Gap { expected: 2, found: 3 }));
    // A change of anything in the third entry: it is named, and nothing is applied.
    let damages: [fn(&mut JournalEntry); 7] = [
        |entry| entry.body[20] ^= 1,
        |entry| entry.body.truncate(3),
        |entry| entry.result.push(1),
        |entry| entry.committed_millis += 1,
        |entry| entry.op_key = Some([1; 16]),
        |entry| entry.epoch += 1,
        |entry| entry.hash[31] ^= 1,
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let mut entries = all.clone();
        damage(&mut entries[2]);
        let outcome = follow(entries).await;
        assert!(
            matches!(outcome, Err(FollowError::Damaged { seq: 3, .. })),
            "{number} {outcome:?}"
        );
        assert_eq!(replica.position().await.unwrap().seq, 0);
    }
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await, 0);
    follow(all[..3].to_vec()).await.unwrap();
    // Another entry under a number that is here.
    let mut forked = all.clone();
    forked[1].hash[0] ^= 1;
    assert_eq!(follow(forked).await, Err(FollowError::Fork { seq: 2 }));
    // Another history of the same length, which goes on.
    let other_site = site.another();
    let other = other_site.fresh().await;
    for number in 0..5 {
        let put = Change::PutSetting { key: format!("s{number}"), value: Vec::new() };
        other.commit(changes(vec![put])).await.unwrap();
    }
    let foreign = other.entries_after(0, usize::MAX).await.unwrap();
    assert_eq!(follow(foreign.clone()).await, Err(FollowError::Fork { seq: 1 }));
    let outcome = follow(foreign[3..].to_vec()).await;
    assert!(matches!(outcome, Err(FollowError::Damaged { seq: 4, .. })), "{outcome:?}");
    assert_eq!(follow(all).await.unwrap().seq, 4);
    let wrong = vec![(chunk(1, 60).0, chunk(2, 60).1)];
    let outcome = replica.follow(Vec::new(), wrong, Vec::new()).await;
    assert_eq!(outcome, Err(FollowError::WrongChunk(chunk(1, 60).0)));
}

pub(crate) async fn chunks_that_are_missing_are_named(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    let all = source.entries_after(0, usize::MAX).await.unwrap();
    let needed = match replica.follow(all.clone(), Vec::new(), Vec::new()).await {
        Err(FollowError::NeedChunk(needed)) => needed,
        other => panic!("{other:?}"),
    };
    assert_eq!(needed.len(), 31);
    assert!(needed.contains(&Arrival {
        blob: chunk(50, 70_000).0,
        generation: 1,
        place: ChunkPlace::File,
        size: 70_000
    }));
    let (inline, pins) = bring(&bank, &replica, &all).await;
    // A pin that was given up, and bytes that are not the chunk's.
    drop(pins);
    let outcome = replica.follow(all.clone(), inline.clone(), Vec::new()).await;
    assert!(matches!(outcome, Err(FollowError::NeedChunk(needed)) if needed.len() == 1));
    let (blob, mut bytes) = (chunk(50, 70_000).0, chunk(50, 70_000).1.to_vec());
    bytes[999] ^= 1;
    let outcome = replica.put_replicated(blob, 1, bytes.into()).await;
    assert!(matches!(outcome, Err(StoreError::Corrupt { blob: named }) if named == blob));
    assert_eq!(replica.pinned(), 0);
    let pin = replica.put_replicated(blob, 1, chunk(50, 70_000).1).await.unwrap();
    let barriers = replica.counters().barriers;
    assert_eq!(replica.follow(all, inline, vec![pin]).await.unwrap().seq, 4);
    assert_eq!(replica.counters().barriers, barriers + 1);
}

/// Collects, and puts a chunk again while its row is on the way out, so that it
/// gets the next generation.
pub(crate) async fn chunks_go_and_come_again(site: Site) {
    let source_site = site.another();
    let (source, mut bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    let (blob, bytes) = chunk(50, 70_000);
    source.commit(changes(vec![Change::DeleteNode(node_id(50))])).await.unwrap();
    let limits = CollectLimits { grace_millis: 0, chunks: 100 };
    source.collect_garbage(limits).await.unwrap();
    source_site.set_time(2_000_000);
    let deleting =
        Change::SetChunkState { blob, generation: 1, state: coffer_store::ChunkState::Deleting };
    source.commit(changes(vec![deleting])).await.unwrap();
    let pins = vec![source.put_chunk(blob, bytes.clone()).await.unwrap()];
    assert_eq!(pins[0].generation(), 2);
    let again =
        vec![Change::PutNode(file(51, 49)), Change::PutVersion(version(51, 1, &[blob], &[]))];
    source.commit(Commit { pins, ..changes(again) }).await.unwrap();
    catch_up(&bank, &source, &replica).await;
    assert_eq!(replica.chunk(blob).await.unwrap(), source.chunk(blob).await.unwrap());
    assert_eq!(replica.read_chunk(&blob).await.unwrap(), bytes);
    // The file of the first generation is nobody's any more.
    assert_eq!(replica.sweep_orphans().await.unwrap().orphans, 1);
    source.commit(changes(vec![Change::DeleteNode(node_id(51))])).await.unwrap();
    for step in 1..4 {
        source_site.set_time(2_000_000 + 1_000 * step);
        source.collect_garbage(limits).await.unwrap();
    }
    // The source does not have them any more when an empty replica asks.
    let gone: Vec<BlobId> = vec![blob, chunk(10, 500).0];
    for blob in &gone {
        assert!(matches!(source.read_chunk(blob).await, Err(StoreError::NoSuchChunk { .. })));
    }
    catch_up(&bank, &source, &replica).await;
    assert_eq!(replica.chunk(blob).await.unwrap(), None);
    assert_eq!(replica.sweep_orphans().await.unwrap().orphans, 1);
    assert!(replica.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
    bank.retain(|blob, _| !gone.contains(blob));
    late(&bank, &gone, &source, &site.another()).await;
}

/// An empty replica follows a source that has collected what it needs.
async fn late(bank: &Bank, gone: &[BlobId], source: &Store, site: &Site) {
    let replica = replica(site).await;
    let all = source.entries_after(0, usize::MAX).await.unwrap();
    let mut brought = (Vec::new(), Vec::new());
    for entry in &all {
        for one in arrivals(entry).unwrap().iter().filter(|one| !gone.contains(&one.blob)) {
            match one.place {
                ChunkPlace::Inline => brought.0.push((one.blob, bank[&one.blob].clone())),
                ChunkPlace::File => unreachable!("all files are gone"),
            }
        }
    }
    let (inline, pins) = brought;
    let outcome = replica.follow(all.clone(), inline.clone(), pins).await;
    assert!(matches!(&outcome, Err(FollowError::NeedChunk(needed)) if needed.len() == 3));
    let pins: Vec<ChunkPin> = Vec::new();
    replica.follow_without(all, inline, pins, gone.to_vec()).await.unwrap();
    assert_eq!(replica.position().await.unwrap(), source.position().await.unwrap());
    assert!(replica.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
}

/// A batch in which one entry cannot be applied leaves nothing.
pub(crate) async fn an_entry_that_cannot_be_applied_is_named(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    let all = source.entries_after(0, usize::MAX).await.unwrap();
    let (inline, pins) = bring(&bank, &replica, &all).await;
    replica.follow(all[..1].to_vec(), Vec::new(), Vec::new()).await.unwrap();
    // Something that only damage can have left there.
    let (small, _) = small_file(39, HOME, 500);
    assert!(matches!(&small[0], Change::PutNode(row) if row.lookup_tag == Some(id32(39))));
    site.raw(
        "INSERT INTO nodes (node,owner,parent,kind,key_epoch,revision,content_revision,\
              lookup_tag,fold_tag,name_ct,key_ct,meta_ct,created_millis,digest) \
              SELECT X'00000000000000000000000000000001',owner,parent,kind,key_epoch,revision,\
              content_revision,X'5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0000000000000027',\
              fold_tag,name_ct,key_ct,meta_ct,created_millis,digest FROM nodes",
    )
    .await;
    let outcome = replica.follow(all.clone(), inline.clone(), pins.clone()).await;
    let error = CommitError::Duplicate("nodes");
    assert_eq!(outcome, Err(FollowError::Apply { seq: 2, error }));
    assert_eq!(replica.position().await.unwrap().seq, 1);
    site.raw("DELETE FROM nodes WHERE node=X'00000000000000000000000000000001'").await;
    assert_eq!(replica.follow(all, inline, pins).await.unwrap().seq, 4);
}
