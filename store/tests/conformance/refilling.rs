//! A replica that has rows is filled by difference; both ways are cut short and go
//! on.

use crate::following::{Bank, catch_up, replica};
use crate::loading::furnished;
use crate::sample::{
    HOME, changes, chunk, directory, file, first_user, id32, node_id, small_file, version,
};
use crate::site::Site;
use coffer_protocol::Position;
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_store::{
    Change, CheckOptions, Commit, CommitError, Moment, NextPage, Refill, Role, Snapshot, Store,
    StoreError, VersionRow, Way,
};
use std::collections::HashSet;

/// What a replica is told of a snapshot.
pub(crate) async fn moment(snapshot: &Snapshot, name: u8) -> Moment {
    let (root, rows) = snapshot.measure().await.unwrap();
    let (position, chain_hash) = (snapshot.position(), snapshot.chain_hash());
    Moment { snapshot: [name; 16], position, chain_hash, root, rows }
}

/// Compares page by page, up to so many, and brings what differs; returns how many
/// rows that were.
pub(crate) async fn gather(
    snapshot: &Snapshot,
    refill: &mut Refill,
    max_bytes: usize,
    pages: usize,
) -> usize {
    let mut brought = 0;
    for _ in 0..pages {
        let Some(NextPage { table, after }) = refill.next() else { break };
        let page = snapshot.digests(table, after, max_bytes).await.unwrap();
        let mut page = refill.open(page).unwrap();
        while let Some(wanted) = refill.compare(&mut page).await.unwrap() {
            let mut rest = &wanted[..];
            while !rest.is_empty() {
                let rows = snapshot.keys(table, rest.to_vec(), max_bytes).await.unwrap();
                let count = refill.replace(table, rows.rows).await.unwrap();
                assert_eq!(count, rows.count as usize);
                brought += count;
                rest = &rest[count..];
            }
        }
    }
    brought
}

/// Puts the files that are missing; how many there were.
async fn put_files(bank: &Bank, refill: &Refill, replica: &Store) -> usize {
    let mut walk = refill.files().unwrap();
    let mut count = 0;
    while let Some(missing) = refill.missing(&mut walk).await.unwrap() {
        for one in &missing {
            let bytes = bank[&one.blob].clone();
            replica.put_replicated(one.blob, one.generation, bytes).await.unwrap();
        }
        count += missing.len();
    }
    count
}

/// Puts the files and ends.
pub(crate) async fn complete(bank: &Bank, refill: Refill, replica: &Store) -> Position {
    put_files(bank, &refill, replica).await;
    assert_eq!(refill.count_missing().await.unwrap(), 0);
    refill.finish(&HashSet::new(), false).await.unwrap()
}

/// Changes of every kind: rows come, go, change, and two names are swapped.
async fn go_on(source: &Store, bank: &mut Bank) {
    let swap = vec![
        Change::PutNode(coffer_store::NodeRow { lookup_tag: Some(id32(12)), ..file(11, HOME) }),
        Change::PutNode(coffer_store::NodeRow { lookup_tag: Some(id32(11)), ..file(12, HOME) }),
    ];
    source.commit(changes(swap)).await.unwrap();
    source.commit(changes(vec![Change::DeleteNode(node_id(20))])).await.unwrap();
    let (more, small) = small_file(600, HOME, 400);
    bank.insert(small.0, small.1.clone());
    source.commit(Commit { inline: vec![small], ..changes(more) }).await.unwrap();
    let (blob, bytes) = chunk(601, 80_000);
    bank.insert(blob, bytes.clone());
    let pins = vec![source.put_chunk(blob, bytes).await.unwrap()];
    let big = vec![
        Change::PutNode(file(601, HOME)),
        Change::PutVersion(version(601, 1, &[blob], &[])),
        Change::PutSetting { key: "a".to_owned(), value: vec![1] },
    ];
    source.commit(Commit { pins, ..changes(big) }).await.unwrap();
}

/// Damage of every kind to the rows of a machine; how many rows it concerns.
async fn damage(site: &Site) -> usize {
    let name = |number: u64| crate::site::hex(&node_id(number).0);
    for sql in [
        format!("UPDATE nodes SET revision=77 WHERE node=X'{}'", name(30)),
        format!("DELETE FROM nodes WHERE node=X'{}'", name(31)),
        format!("UPDATE nodes SET node=X'{}' WHERE node=X'{}'", "00".repeat(16), name(32)),
        format!("UPDATE versions SET digest=X'{}' WHERE node=X'{}'", "00".repeat(16), name(33)),
        format!(
            "UPDATE chunks SET data=X'{}' WHERE blob_id=X'{}'",
            "00".repeat(500),
            chunk(34, 500).0
        ),
        format!("UPDATE chunks SET data=NULL WHERE blob_id=X'{}'", chunk(35, 500).0),
        "UPDATE users SET version=9".to_owned(),
        "DELETE FROM totals".to_owned(),
    ] {
        site.raw(&sql).await;
    }
    8
}

pub(crate) async fn what_differs_is_replaced_at_once(site: Site) {
    let source_site = site.another();
    let (source, mut bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    let old = catch_up(&bank, &source, &replica).await;
    go_on(&source, &mut bank).await;
    source.prune_journal(i64::MAX).await.unwrap();
    assert!(matches!(source.entries_after(old.seq, 9).await, Err(StoreError::Pruned(_))));
    let differing = damage(&site).await;
    let snapshot = source.snapshot().await.unwrap();
    let moment = moment(&snapshot, 1).await;
    let mut refill = replica.begin_refill(Way::Difference, moment).await.unwrap();
    let brought = gather(&snapshot, &mut refill, 700, usize::MAX).await;
    // Two swapped, five new ones, one setting, and chunk and totals that changed; and
    // what was damaged, of which the totals count among the others already.
    assert!((differing..=differing + 12).contains(&brought), "{brought} rows were brought");
    let lost = chunk(72, 70_000).0;
    let path = site.config.data_dir.join("chunks").join(&lost.to_string()[..2]);
    std::fs::remove_file(path.join(format!("{lost}.1"))).unwrap();
    assert_eq!(refill.count_missing().await.unwrap(), 2);
    assert_eq!(put_files(&bank, &refill, &replica).await, 2);
    // Until the end everything is as it was, and no file is taken for an orphan.
    assert_eq!(replica.sweep_orphans().await.unwrap().orphans, 0);
    assert_eq!(replica.position().await.unwrap(), old);
    assert!(replica.node(node_id(20)).await.unwrap().is_some());
    assert_eq!(replica.node(node_id(601)).await.unwrap(), None);
    let begun = refill.finish(&HashSet::new(), false).await.unwrap();
    assert_eq!(begun, snapshot.position());
    assert!(!site.config.data_dir.join("refill").exists());
    assert_eq!(replica.state_root().await.unwrap(), (begun, moment.root));
    assert_eq!(replica.journal_head().await.unwrap().pruned_seq, begun.seq);
    assert_eq!(replica.newest(), begun);
    assert!(replica.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
    assert_eq!(replica.sweep_orphans().await.unwrap().orphans, 0);
    let (blob, bytes) = chunk(35, 500);
    assert_eq!(replica.read_chunk(&blob).await.unwrap(), bytes);
    // And it follows from there.
    source.commit(changes(vec![Change::PutNode(directory(700, HOME))])).await.unwrap();
    catch_up(&bank, &source, &replica).await;
    assert_eq!(replica.state_root().await.unwrap(), source.state_root().await.unwrap());
    assert_eq!(replica.verify_journal().await.unwrap(), 1);
}

pub(crate) async fn a_machine_with_everything_keeps_its_journal(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    let entries = replica.verify_journal().await.unwrap();
    damage(&site).await;
    let snapshot = source.snapshot().await.unwrap();
    let moment = moment(&snapshot, 1).await;
    let mut refill = replica.begin_refill(Way::Difference, moment).await.unwrap();
    gather(&snapshot, &mut refill, 100_000, usize::MAX).await;
    complete(&bank, refill, &replica).await;
    assert_eq!(replica.state_root().await.unwrap().1, moment.root);
    assert_eq!(replica.verify_journal().await.unwrap(), entries);
    assert!(replica.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
}

pub(crate) async fn a_difference_that_was_cut_short_goes_on(site: Site) {
    let source_site = site.another();
    let (source, mut bank) = furnished(&source_site).await;
    let mut replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    go_on(&source, &mut bank).await;
    damage(&site).await;
    let snapshot = source.snapshot().await.unwrap();
    let moment = moment(&snapshot, 1).await;
    let mut refill = replica.begin_refill(Way::Difference, moment).await.unwrap();
    let mut pages = 0;
    while refill.next().is_some() {
        gather(&snapshot, &mut refill, 500, 7).await;
        let place = refill.next();
        drop(refill);
        pages += 7;
        replica.shutdown().await.unwrap();
        drop(replica);
        // The last that was written may be cut off; here it is something else.
        let path = site.config.data_dir.join("refill");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(&[3, 0, 0, 1, 0, 7, 7]);
        std::fs::write(&path, bytes).unwrap();
        replica = site.open().await;
        assert!(replica.resume_refill(Way::Load).await.unwrap().is_none());
        refill = replica.resume_refill(Way::Difference).await.unwrap().unwrap();
        assert_eq!((refill.next(), refill.moment()), (place, &moment));
    }
    assert!(pages > 20, "{pages}");
    complete(&bank, refill, &replica).await;
    assert_eq!(replica.state_root().await.unwrap().1, moment.root);
    assert!(replica.resume_refill(Way::Difference).await.unwrap().is_none());
}

pub(crate) async fn what_does_not_add_up_changes_nothing(site: Site) {
    let source_site = site.another();
    let (source, mut bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    go_on(&source, &mut bank).await;
    let snapshot = source.snapshot().await.unwrap();
    let good = moment(&snapshot, 1).await;
    let before = (replica.state_root().await.unwrap(), replica.verify_journal().await.unwrap());
    let wrong = Moment { root: [9; 32], ..good };
    let mut refill = replica.begin_refill(Way::Difference, wrong).await.unwrap();
    let early = refill.finish(&HashSet::new(), false).await;
    assert!(matches!(early, Err(StoreError::BadSnapshot(_))), "rows are missing: {early:?}");
    refill = replica.begin_refill(Way::Difference, wrong).await.unwrap();
    gather(&snapshot, &mut refill, 100_000, usize::MAX).await;
    put_files(&bank, &refill, &replica).await;
    let refused = refill.finish(&HashSet::new(), false).await;
    assert!(matches!(refused, Err(StoreError::BadSnapshot(_))), "{refused:?}");
    assert!(replica.resume_refill(Way::Difference).await.unwrap().is_none(), "it is begun anew");
    // A file that is missing, until the source says that it has none either.
    let lost = chunk(601, 80_000).0;
    let path = site.config.data_dir.join("chunks").join(&lost.to_string()[..2]);
    std::fs::remove_file(path.join(format!("{lost}.1"))).unwrap();
    refill = replica.begin_refill(Way::Difference, good).await.unwrap();
    gather(&snapshot, &mut refill, 100_000, usize::MAX).await;
    let refused = refill.finish(&HashSet::new(), false).await;
    assert!(matches!(refused, Err(StoreError::NeedChunks(missing)) if missing[0].blob == lost));
    let after = (replica.state_root().await.unwrap(), replica.verify_journal().await.unwrap());
    assert_eq!(before, after);
    assert_eq!(replica.role(), Role::Replica);
    refill = replica.resume_refill(Way::Difference).await.unwrap().unwrap();
    refill.finish(&HashSet::from([lost]), false).await.unwrap();
    assert_eq!(replica.state_root().await.unwrap().1, good.root);
    // A machine that has gone on meanwhile is not set back.
    let refill = {
        let mut refill = replica.begin_refill(Way::Difference, good).await.unwrap();
        gather(&snapshot, &mut refill, 100_000, usize::MAX).await;
        refill
    };
    source.commit(changes(vec![Change::PutNode(directory(700, HOME))])).await.unwrap();
    catch_up(&bank, &source, &replica).await;
    let refused = refill.finish(&HashSet::from([lost]), false).await;
    assert!(matches!(refused, Err(StoreError::BadSnapshot(_))), "{refused:?}");
    assert_eq!(replica.state_root().await.unwrap(), source.state_root().await.unwrap());
}

pub(crate) async fn bytes_that_only_the_replica_has_stay(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    // The row of the chunk changes as well, because something else refers to it.
    let (blob, bytes) = chunk(40, 500);
    let more =
        vec![Change::PutNode(file(700, HOME)), Change::PutVersion(version(700, 1, &[blob], &[]))];
    source.commit(changes(more)).await.unwrap();
    for damaged in ["NULL".to_owned(), format!("X'{}'", "00".repeat(500))] {
        source_site.raw(&format!("UPDATE chunks SET data={damaged} WHERE blob_id=X'{blob}'")).await;
        site.raw(&format!("UPDATE chunks SET idle_millis=5 WHERE blob_id=X'{blob}'")).await;
        let snapshot = source.snapshot().await.unwrap();
        let moment = moment(&snapshot, 1).await;
        let mut refill = replica.begin_refill(Way::Difference, moment).await.unwrap();
        assert!(gather(&snapshot, &mut refill, 100_000, usize::MAX).await > 0);
        complete(&bank, refill, &replica).await;
        assert_eq!(replica.read_chunk(&blob).await.unwrap(), bytes);
        assert_eq!(replica.state_root().await.unwrap().1, moment.root);
    }
}

pub(crate) async fn a_primary_becomes_a_replica_only_when_it_is_rewound(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    // Another history of the same installation.
    let old = site.fresh().await;
    old.commit(first_user()).await.unwrap();
    for number in 0..40 {
        old.commit(changes(vec![Change::PutNode(file(900 + number, HOME))])).await.unwrap();
    }
    let snapshot = source.snapshot().await.unwrap();
    let moment = moment(&snapshot, 1).await;
    for rewound in [false, true] {
        let mut refill = old.begin_refill(Way::Difference, moment).await.unwrap();
        gather(&snapshot, &mut refill, 3_000, usize::MAX).await;
        put_files(&bank, &refill, &old).await;
        let ended = refill.finish(&HashSet::new(), rewound).await;
        match ended {
            Ok(position) => assert_eq!((rewound, position), (true, snapshot.position())),
            Err(StoreError::Commit(CommitError::Fenced)) => {
                assert!(!rewound);
                assert_eq!((old.role(), old.position().await.unwrap().seq), (Role::Primary, 41));
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(old.role(), Role::Replica);
    assert_eq!(old.node(node_id(900)).await.unwrap(), None);
    source.commit(changes(vec![Change::PutNode(directory(700, HOME))])).await.unwrap();
    catch_up(&bank, &source, &old).await;
    assert_eq!(old.state_root().await.unwrap(), source.state_root().await.unwrap());
    let refused = old.commit(changes(vec![Change::PutNode(directory(701, HOME))])).await;
    assert_eq!(refused, Err(CommitError::Fenced));
    old.shutdown().await.unwrap();
    drop(old);
    assert_eq!(site.open().await.role(), Role::Replica);
}

pub(crate) async fn a_load_goes_on_while_the_source_has_its_snapshot(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let mut loading = replica(&site).await;
    let snapshot = source.snapshot().await.unwrap();
    let moment = moment(&snapshot, 1).await;
    let mut refill = loading.begin_refill(Way::Load, moment).await.unwrap();
    let mut turns = 0;
    while let Some(NextPage { table, after }) = refill.next() {
        let page = snapshot.rows(table, after, 2_000).await.unwrap();
        refill.load(page).await.unwrap();
        turns += 1;
        if turns % 5 == 0 {
            drop(refill);
            loading.shutdown().await.unwrap();
            drop(loading);
            loading = site.open().await;
            assert_eq!(loading.role(), Role::Loading);
            assert!(loading.resume_refill(Way::Difference).await.unwrap().is_none());
            refill = loading.resume_refill(Way::Load).await.unwrap().unwrap();
        }
    }
    assert!(turns > 15, "{turns}");
    assert_eq!(put_files(&bank, &refill, &loading).await, 5);
    refill.finish(&HashSet::new(), false).await.unwrap();
    assert_eq!(loading.role(), Role::Replica);
    assert_eq!(loading.state_root().await.unwrap(), source.state_root().await.unwrap());
    assert!(loading.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
}

pub(crate) async fn pages_that_are_none_are_refused(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let replica = replica(&site).await;
    catch_up(&bank, &source, &replica).await;
    let snapshot = source.snapshot().await.unwrap();
    let moment = moment(&snapshot, 1).await;
    let refill = replica.begin_refill(Way::Difference, moment).await.unwrap();
    let page = snapshot.digests(3, None, 100_000).await.unwrap();
    assert!(refill.open(page).is_err(), "digests of another table");
    assert!(snapshot.digests(8, None, 10).await.is_err(), "the journal is no part of it");
    assert!(snapshot.digests(4, Some(vec![1]), 10).await.is_err());
    let absent = snapshot.keys(4, vec![vec![0; 16]], 1_000).await;
    assert!(matches!(absent, Err(StoreError::BadSnapshot(_))), "{absent:?}");
    // A row that is damaged at the source is given to nobody.
    source_site.raw("UPDATE nodes SET revision=99").await;
    let snapshot = source.snapshot().await.unwrap();
    let refused = snapshot.keys(4, vec![node_id(11).0.to_vec()], 1_000).await;
    assert!(matches!(refused, Err(StoreError::DamagedRow { .. })), "{refused:?}");
}

pub(crate) async fn a_page_fits_an_answer(site: Site) {
    let (source, _) = furnished(&site).await;
    for revision in 2..10 {
        let row = version(11, revision, &[], &[]);
        let large = VersionRow { manifest_ct: vec![11; 1 << 20], ..row };
        source.commit(changes(vec![Change::PutVersion(large)])).await.unwrap();
    }
    let snapshot = source.snapshot().await.unwrap();
    let (mut after, mut count, mut pages) = (None, 0, 0);
    loop {
        let page = snapshot.rows(5, after, usize::MAX).await.unwrap();
        assert!(page.rows.len() <= MAX_PAYLOAD_BYTES, "{}", page.rows.len());
        (count, pages) = (count + i64::from(page.count), pages + 1);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(count, site.count("SELECT COUNT(*) FROM versions").await);
    assert!(pages > 2, "{pages}");
}
