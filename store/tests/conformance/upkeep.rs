//! Check, collection and expiry, on both engines. Every rule has its own test
//! beside the code; here the statements meet the engines.

use crate::sample::{
    HOME, changes, chunk, directory, file, first_user, node_id, segment, segment_id, small_file,
    trashed, user_id, version,
};
use crate::site::Site;
use coffer_store::{
    Change, CheckOptions, CheckReport, CollectLimits, Commit, ProblemKind, Retention, Store,
};

const NOW: i64 = 1_000_000;

async fn check(store: &Store) -> CheckReport {
    store.check(CheckOptions::default(), |_| ()).await.unwrap()
}

/// Files with chunks in SQL, in files and in a segment; versions and a tree in
/// the trash.
async fn filled(site: &Site) -> Store {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (mut all, inline) = small_file(10, HOME, 200);
    let (blob, bytes) = chunk(11, 70_000);
    let pin = store.put_chunk(blob, bytes).await.unwrap();
    all.extend([
        Change::PutNode(file(11, HOME)),
        Change::PutSegment(segment(1, &[blob])),
        Change::PutSegment(segment(2, &[inline.0])),
        Change::PutVersion(version(11, 1, &[blob], &[segment_id(1)])),
        Change::PutVersion(version(10, 2, &[inline.0, blob], &[])),
        Change::PutVersion(version(10, 3, &[inline.0], &[])),
        Change::PutNode(trashed(directory(20, HOME), 5_000)),
        Change::PutNode(directory(21, 20)),
        Change::PutNode(file(22, 21)),
        Change::PutVersion(version(22, 1, &[], &[])),
    ]);
    let commit =
        Commit { changes: all, inline: vec![inline], pins: vec![pin], ..Commit::default() };
    store.commit(commit).await.unwrap();
    store
}

pub(crate) async fn a_check_reads_everything(site: Site) {
    let store = filled(&site).await;
    let report = check(&store).await;
    assert_eq!((&report.problems[..], &report.notes[..]), (&[][..], &[][..]));
    let counts = report.counts;
    assert_eq!((counts.chunks, counts.references, counts.journal_entries), (2, 7, 2));
    let few = CheckOptions { chunks_in_memory: 1, quick: true, ..CheckOptions::default() };
    assert!(store.check(few, |_| ()).await.unwrap().is_clean());
}

pub(crate) async fn a_check_names_what_is_wrong(site: Site) {
    for (damage, kind) in [
        ("UPDATE nodes SET created_millis=5 WHERE kind=1", ProblemKind::RowDamaged),
        ("DELETE FROM nodes WHERE kind=2", ProblemKind::ParentMissing),
        ("DELETE FROM segments", ProblemKind::SegmentMissing),
        ("DELETE FROM versions WHERE revision=1", ProblemKind::ReferenceCount),
        ("DELETE FROM versions WHERE revision=1", ProblemKind::VersionMissing),
        ("DELETE FROM versions WHERE revision=1", ProblemKind::Totals),
        ("DELETE FROM chunks", ProblemKind::ContentUnreadable),
        ("DELETE FROM journal WHERE seq=1", ProblemKind::JournalBroken),
        ("DELETE FROM journal WHERE seq=2", ProblemKind::JournalHead),
    ] {
        let site = site.another();
        let store = filled(&site).await;
        site.raw(damage).await;
        let problems = check(&store).await.problems;
        assert!(problems.iter().any(|p| p.kind == kind), "{damage}: {problems:?}");
        store.shutdown().await.unwrap();
    }
}

pub(crate) async fn garbage_goes_in_two_steps(site: Site) {
    let store = filled(&site).await;
    site.set_time(NOW + 1);
    let doomed = [10, 11].map(|number| Change::DeleteNode(node_id(number)));
    let segments = Change::DeleteSegment(segment_id(2));
    store.commit(changes([&doomed[..], &[segments]].concat())).await.unwrap();
    let limits = CollectLimits { grace_millis: 1_000, chunks: 100 };
    assert_eq!(store.collect_garbage(limits).await.unwrap().condemned, 2);
    site.set_time(NOW + 1_002);
    let collected = store.collect_garbage(limits).await.unwrap();
    assert_eq!((collected.deleted, collected.bytes), (2, 70_200));
    assert_eq!(store.sweep_orphans().await.unwrap().files, 0);
    site.set_time(NOW + 1_003);
    assert_eq!(store.purge_removed_files(0).await.unwrap(), 1);
    let report = check(&store).await;
    assert_eq!((&report.problems[..], report.counts.chunks), (&[][..], 0));
}

pub(crate) async fn what_is_past_its_retention_goes(site: Site) {
    let store = filled(&site).await;
    let retention = Retention {
        trash_millis: Some(NOW - 6_000),
        versions: Some(1),
        version_millis: Some(NOW),
        upload_millis: NOW - 2_000,
        activity_millis: None,
    };
    // The newest version of file 10 is one that its node does not name yet.
    let row = coffer_store::NodeRow { revision: 2, content_revision: 3, ..file(10, HOME) };
    store.commit(changes(vec![Change::PutNode(row)])).await.unwrap();
    let gone = store.expire(&retention).await.unwrap();
    assert_eq!((gone.nodes, gone.versions, gone.segments, gone.busy), (3, 2, 1, 0));
    assert_eq!(store.usage(user_id(1)).await.unwrap().nodes, 3);
    assert_eq!(check(&store).await.problems, []);
}
