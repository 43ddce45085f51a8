//! The journal.

use crate::sample::{HOME, changes, file, first_user, op_key, small_file};
use crate::site::{Raw, Site};
use coffer_store::{Change, ChunkPlace, Commit, CommitError, StoreError, decode_body};

pub(crate) async fn the_journal_says_what_happened(site: Site) {
    let store = site.fresh().await;
    let first = first_user();
    let expected = first.changes.clone();
    assert_eq!(store.position().await.unwrap().seq, 0);
    assert_eq!(store.commit(first).await.unwrap().position.seq, 1);
    let (second, inline) = small_file(10, HOME, 200);
    let mut commit = changes(second.clone());
    commit.inline.push(inline.clone());
    site.set_time(7_000_000);
    let position = store.commit(commit).await.unwrap().position;
    assert_eq!((position.epoch, position.seq), (1, 2));
    assert_eq!(store.position().await.unwrap(), position);
    let rows = site.raw("SELECT body,committed_millis FROM journal ORDER BY seq").await;
    let body = |row: &[Raw]| match &row[0] {
        Raw::Bytes(bytes) => decode_body(bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(body(&rows[0]), expected);
    let mut expected = vec![Change::PutChunk {
        blob: inline.0,
        generation: 1,
        place: ChunkPlace::Inline,
        size: 200,
    }];
    expected.extend(second);
    assert_eq!(body(&rows[1]), expected);
    assert_eq!(rows[1][1], Raw::Int(7_000_000));
    assert_eq!(store.verify_journal().await.unwrap(), 2);
}

pub(crate) async fn a_changed_entry_breaks_the_chain(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    for number in 10..20 {
        store.commit(changes(vec![Change::PutNode(file(number, HOME))])).await.unwrap();
    }
    assert_eq!(store.verify_journal().await.unwrap(), 11);
    let keep = "CREATE TABLE kept AS SELECT * FROM journal";
    site.raw(keep).await;
    let broken = [
        // An entry that is gone; the last one; two that are swapped.
        ("DELETE FROM journal WHERE seq=5", 5),
        ("DELETE FROM journal WHERE seq=11", 11),
        // So far off that no digest tells what it was.
        ("UPDATE journal SET seq=seq+1000 WHERE seq=5", 5),
    ];
    for (sql, place) in broken {
        site.raw(sql).await;
        match store.verify_journal().await {
            Err(StoreError::DamagedJournal { seq, .. }) => assert_eq!(seq, place, "{sql}"),
            Err(StoreError::DamagedRow { table, .. }) => assert_eq!(table, "journal", "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        site.raw("DELETE FROM journal").await;
        site.raw("INSERT INTO journal SELECT * FROM kept").await;
        assert_eq!(store.verify_journal().await.unwrap(), 11);
    }
}

pub(crate) async fn pruning_keeps_the_chain(site: Site) {
    let store = site.fresh().await;
    site.set_time(1_000);
    store.commit(Commit { op: Some(op_key(1)), ..first_user() }).await.unwrap();
    for number in 0..300_u64 {
        site.set_time(2_000 + number.cast_signed());
        store.commit(changes(vec![Change::PutNode(file(10 + number, HOME))])).await.unwrap();
    }
    assert_eq!(store.prune_journal(1_000).await.unwrap(), 0);
    assert!(store.op(op_key(1)).await.unwrap().is_some());
    assert_eq!(store.prune_journal(2_100).await.unwrap(), 101);
    assert_eq!(store.op(op_key(1)).await.unwrap(), None);
    assert_eq!(store.verify_journal().await.unwrap(), 200);
    // The last entry always stays, and a page is bounded.
    assert_eq!(store.prune_journal(i64::MAX).await.unwrap(), 199);
    assert_eq!(store.prune_journal(i64::MAX).await.unwrap(), 0);
    assert_eq!(store.verify_journal().await.unwrap(), 1);
    let next = store.commit(changes(vec![Change::PutNode(file(999, HOME))])).await.unwrap();
    assert_eq!(next.position.seq, 302);
    assert_eq!(store.verify_journal().await.unwrap(), 2);
}

pub(crate) async fn a_fenced_store_writes_nothing(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let row = site.raw("SELECT epoch,role,fenced FROM cluster_state").await;
    assert_eq!(row[0], [Raw::Int(1), Raw::Int(1), Raw::Int(0)]);
    // A row that does not fit its digest is damaged, and no less in the way; a fence counts
    // whatever the digest says.
    let damaged = CommitError::DamagedRow { table: "cluster_state", key: "1".to_owned() };
    for (set, reset, expected) in [
        ("epoch=2", "epoch=1", &damaged),
        ("role=2", "role=1", &damaged),
        ("fenced=1", "fenced=0", &CommitError::Fenced),
    ] {
        site.raw(&format!("UPDATE cluster_state SET {set}")).await;
        let outcome = store.commit(changes(vec![Change::PutNode(file(10, HOME))])).await;
        assert_eq!(outcome.as_ref(), Err(expected), "{set}");
        site.raw(&format!("UPDATE cluster_state SET {reset}")).await;
    }
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await, 1);
    store.commit(changes(vec![Change::PutNode(file(10, HOME))])).await.unwrap();
    assert_eq!(store.verify_journal().await.unwrap(), 2);
}
