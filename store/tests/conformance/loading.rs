//! A replica that is filled from a snapshot, and the state root.

use crate::following::{Bank, bring, catch_up, replica};
use crate::sample::{
    HOME, activity, batch, changes, chunk, contact, directory, file, first_user, group,
    group_share, id32, invite, node_id, op_key, segment, segment_id, trashed, upload, user_id,
    version,
};
use crate::site::Site;
use coffer_protocol::BlobId;
use coffer_store::{
    Change, CheckOptions, Commit, FollowError, Role, SNAPSHOT_TABLES, Snapshot, Store, StoreError,
};

/// A source with a row in every table.
pub(crate) async fn furnished(site: &Site) -> (Store, Bank) {
    let store = site.fresh().await;
    let mut bank = Bank::new();
    store.commit(Commit { op: Some(op_key(1)), ..first_user() }).await.unwrap();
    let small = batch(10..60, 500);
    bank.extend(small.inline.iter().cloned());
    store.commit(small).await.unwrap();
    let mut pins = Vec::new();
    let files: Vec<BlobId> = (70..75).map(|number| chunk(number, 70_000).0).collect();
    for number in 70..75 {
        let (blob, bytes) = chunk(number, 70_000);
        bank.insert(blob, bytes.clone());
        pins.push(store.put_chunk(blob, bytes).await.unwrap());
    }
    let all = vec![
        Change::PutNode(trashed(file(500, HOME), 9_000)),
        Change::PutSegment(segment(1, &files[..2])),
        Change::PutVersion(version(500, 1, &[], &[segment_id(1)])),
        Change::PutVersion(version(500, 2, &files, &[])),
        Change::PutInvite(invite(1, 3)),
        Change::PutSetting { key: "a".to_owned(), value: vec![0, 255, 39, 92] },
        Change::DeleteNode(node_id(10)),
        Change::PutGroup(group(1)),
        Change::PutShare(group_share(1, 11, 1)),
        Change::PutContact(contact(1)),
        Change::PutContact(contact(2)),
        Change::PutActivity(activity(1, 1_000, 11)),
        Change::PutKnown { owner: user_id(1), blob: files[0], fingerprint: id32(9) },
        Change::PutUpload(upload(1)),
    ];
    store.commit(Commit { pins, ..changes(all) }).await.unwrap();
    (store, bank)
}

/// Takes all rows over, in pages of about this many bytes, some of them twice.
pub(crate) async fn load(snapshot: &Snapshot, replica: &Store, max_bytes: usize) -> u64 {
    let mut rows = 0;
    for table in SNAPSHOT_TABLES {
        let mut after = None;
        loop {
            let page = snapshot.rows(*table, after, max_bytes).await.unwrap();
            for _ in 0..=page.rows.len() % 2 {
                let count = replica.load_rows(*table, &page.rows).await.unwrap();
                assert_eq!(count, u64::from(page.count));
            }
            rows += u64::from(page.count);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    rows
}

/// Puts the files that are missing; how many there were.
pub(crate) async fn fetch(bank: &Bank, replica: &Store) -> usize {
    let (mut after, mut count) = (None, 0);
    loop {
        let (missing, next) = replica.missing_chunks(after).await.unwrap();
        for one in &missing {
            let bytes = bank[&one.blob].clone();
            replica.put_replicated(one.blob, one.generation, bytes).await.unwrap();
        }
        count += missing.len();
        match next {
            Some(next) => after = Some(next),
            None => return count,
        }
    }
}

/// Fills a replica with everything that a source has.
pub(crate) async fn fill(bank: &Bank, source: &Store, replica: &Store, max_bytes: usize) {
    let snapshot = source.snapshot().await.unwrap();
    replica.begin_load().await.unwrap();
    load(&snapshot, replica, max_bytes).await;
    fetch(bank, replica).await;
    let root = snapshot.state_root().await.unwrap();
    let (position, hash) = (snapshot.position(), snapshot.chain_hash());
    replica.finish_snapshot(position, hash, root, &[]).await.unwrap();
}

pub(crate) async fn a_replica_is_filled_from_a_snapshot(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    source.prune_journal(i64::MAX).await.unwrap();
    let replica = replica(&site).await;
    let snapshot = source.snapshot().await.unwrap();
    assert_eq!(snapshot.position(), source.position().await.unwrap());
    // What happens from now on is not in it.
    source.commit(changes(vec![Change::PutNode(directory(600, HOME))])).await.unwrap();
    source.commit(changes(vec![Change::DeleteNode(node_id(12))])).await.unwrap();
    replica.begin_load().await.unwrap();
    assert_eq!(replica.role(), Role::Loading);
    let rows = load(&snapshot, &replica, 900).await;
    assert_eq!(rows, 169);
    let root = snapshot.state_root().await.unwrap();
    let (position, hash) = (snapshot.position(), snapshot.chain_hash());
    let early = replica.finish_snapshot(position, hash, root, &[]).await;
    assert!(matches!(early, Err(StoreError::NeedChunks(missing)) if missing.len() == 5));
    assert_eq!(fetch(&bank, &replica).await, 5);
    assert_eq!(fetch(&bank, &replica).await, 0);
    let other = replica.finish_snapshot(position, hash, [1; 32], &[]).await;
    assert!(matches!(other, Err(StoreError::BadSnapshot(_))), "{other:?}");
    assert!(matches!(replica.node(node_id(11)).await, Err(StoreError::Loading)));
    replica.finish_snapshot(position, hash, root, &[]).await.unwrap();
    assert_eq!(replica.role(), Role::Replica);
    assert_eq!(replica.state_root().await.unwrap(), (position, root));
    assert_ne!(source.state_root().await.unwrap().1, root);
    assert_eq!(replica.node(node_id(600)).await.unwrap(), None);
    drop(snapshot);
    catch_up(&bank, &source, &replica).await;
    assert_eq!(replica.state_root().await.unwrap(), source.state_root().await.unwrap());
    assert_eq!(replica.verify_journal().await.unwrap(), 2);
    assert_eq!(replica.journal_head().await.unwrap().pruned_seq, position.seq);
    assert!(replica.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
    assert_eq!(replica.sweep_orphans().await.unwrap().orphans, 0);
    let (blob, bytes) = chunk(20, 500);
    assert_eq!(replica.read_chunk(&blob).await.unwrap(), bytes);
    replica.shutdown().await.unwrap();
    drop(replica);
    assert_eq!(site.open().await.role(), Role::Replica);
}

pub(crate) async fn a_load_that_was_cut_short_is_begun_anew(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let loading = replica(&site).await;
    let entries = source.entries_after(0, usize::MAX).await.unwrap();
    let (inline, pins) = bring(&bank, &loading, &entries).await;
    loading.follow(entries.clone(), inline, pins).await.unwrap();
    loading.begin_load().await.unwrap();
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await, 0);
    assert_eq!(loading.position().await.unwrap().seq, 0);
    let snapshot = source.snapshot().await.unwrap();
    load(&snapshot, &loading, 100_000).await;
    loading.shutdown().await.unwrap();
    drop((loading, snapshot));
    // It is known to be no replica yet, and serves nothing.
    let loading = site.open().await;
    assert_eq!(loading.role(), Role::Loading);
    let refused = loading.follow(entries, Vec::new(), Vec::new()).await;
    assert_eq!(refused, Err(FollowError::Loading));
    for outcome in [
        loading.node(node_id(11)).await.map(drop),
        loading.entries_after(0, 1).await.map(drop),
        loading.state_root().await.map(drop),
        loading.snapshot().await.map(drop),
        // Its files are not orphans, they are only not named yet.
        loading.sweep_orphans().await.map(drop),
    ] {
        assert!(matches!(outcome, Err(StoreError::Loading)), "{outcome:?}");
    }
    loading.begin_load().await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    load(&snapshot, &loading, 100_000).await;
    // One of the files that are still there was cut short, and one was damaged.
    let damaged = [chunk(70, 70_000).0, chunk(71, 70_000).0];
    for (blob, bytes) in damaged.iter().zip([vec![0; 70_000], vec![0; 100]]) {
        let name = blob.to_string();
        let path = site.config.data_dir.join("chunks").join(&name[..2]).join(format!("{name}.1"));
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(fetch(&bank, &loading).await, 2);
    let root = snapshot.state_root().await.unwrap();
    let (position, hash) = (snapshot.position(), snapshot.chain_hash());
    loading.finish_snapshot(position, hash, root, &[]).await.unwrap();
    assert!(loading.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
    assert_eq!(loading.verify_journal().await.unwrap(), 0);
}

pub(crate) async fn only_what_the_source_has_is_taken(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let loading = replica(&site).await;
    let snapshot = source.snapshot().await.unwrap();
    let chunks = 7;
    let page = snapshot.rows(chunks, None, 10_000).await.unwrap();
    let early = loading.load_rows(chunks, &page.rows).await;
    assert!(matches!(early, Err(StoreError::BadSnapshot(_))), "{early:?}");
    assert!(source.begin_load().await.is_err());
    loading.begin_load().await.unwrap();
    // A change of the bytes of an inline chunk is noticed at once.
    let mut damaged = page.rows.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(loading.load_rows(chunks, &damaged).await, Err(StoreError::BadSnapshot(_))));
    for table in [0, 1, 8, 99] {
        let refused = snapshot.rows(table, None, 10).await;
        assert!(matches!(refused, Err(StoreError::BadSnapshot(_))), "{refused:?}");
        assert!(loading.load_rows(table, &[1]).await.is_err());
    }
    assert!(snapshot.rows(chunks, Some(vec![1, 2, 3]), 10).await.is_err());
    // Another value of a row, and a row too few, when everything is added up.
    load(&snapshot, &loading, 5_000).await;
    fetch(&bank, &loading).await;
    let settings = 9;
    let page = snapshot.rows(settings, None, 10_000).await.unwrap();
    let mut damaged = page.rows.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let root = snapshot.state_root().await.unwrap();
    let (position, hash) = (snapshot.position(), snapshot.chain_hash());
    assert_eq!(loading.load_rows(settings, &damaged).await.unwrap(), 1);
    let refused = loading.finish_snapshot(position, hash, root, &[]).await;
    assert!(matches!(refused, Err(StoreError::BadSnapshot(_))), "{refused:?}");
    loading.load_rows(settings, &page.rows).await.unwrap();
    site.raw("DELETE FROM activity").await;
    let refused = loading.finish_snapshot(position, hash, root, &[]).await;
    assert!(matches!(refused, Err(StoreError::BadSnapshot(_))), "{refused:?}");
    load(&snapshot, &loading, 5_000).await;
    loading.finish_snapshot(position, hash, root, &[]).await.unwrap();
    let again = loading.finish_snapshot(position, hash, root, &[]).await;
    assert!(matches!(again, Err(StoreError::BadSnapshot(_))), "{again:?}");
    // What the source has lost does not hold a replica up, if it says so.
    let lost = chunk(72, 70_000).0;
    loading.begin_load().await.unwrap();
    load(&snapshot, &loading, 5_000).await;
    let name = lost.to_string();
    let path = site.config.data_dir.join("chunks").join(&name[..2]).join(format!("{name}.1"));
    std::fs::remove_file(path).unwrap();
    let refused = loading.finish_snapshot(position, hash, root, &[]).await;
    assert!(matches!(refused, Err(StoreError::NeedChunks(missing)) if missing[0].blob == lost));
    loading.finish_snapshot(position, hash, root, &[lost]).await.unwrap();
}

pub(crate) async fn a_state_root_tells_machines_apart(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    let (position, root) = source.state_root().await.unwrap();
    assert_eq!(replica.state_root().await.unwrap(), (position, root));
    // Neither what is kept of the journal nor a setting of the machine counts.
    replica.prune_journal(i64::MAX).await.unwrap();
    assert_eq!(replica.state_root().await.unwrap(), (position, root));
    let tables = "users invites nodes versions segments chunks settings totals shares user_groups \
                  contacts activity known_chunks uploads";
    for table in tables.split(' ') {
        site.raw(&format!("CREATE TABLE kept AS SELECT * FROM {table}")).await;
        site.raw(&format!("DELETE FROM {table}")).await;
        assert_ne!(replica.state_root().await.unwrap().1, root, "{table}");
        site.raw(&format!("INSERT INTO {table} SELECT * FROM kept")).await;
        site.raw("DROP TABLE kept").await;
        assert_eq!(replica.state_root().await.unwrap(), (position, root), "{table}");
    }
    site.raw("UPDATE contacts SET digest=X'00000000000000000000000000000000'").await;
    assert_ne!(replica.state_root().await.unwrap().1, root);
}
