//! Every kind of damage is found and named, and nothing else is.

use super::{CheckOptions, CheckReport, Note, ProblemKind};
use crate::collect::fixture::{Chunk, Fixture, node_id};
use crate::rows::{ChunkRow, Record, SegmentRecord, TotalsRow};
use crate::{Change, ChunkPlace, ChunkState, Commit, Environment, KIND_DIRECTORY, KIND_FILE};
use crate::{Store, VersionRow};
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

async fn check_with(store: &Store, options: CheckOptions) -> CheckReport {
    store.check(options, |_| ()).await.unwrap()
}

async fn check(fixture: &Fixture) -> CheckReport {
    check_with(&fixture.store, CheckOptions::default()).await
}

/// The kinds of problems of a report, in order, each once.
fn kinds(report: &CheckReport) -> Vec<ProblemKind> {
    let kinds: BTreeSet<_> = report.problems.iter().map(|problem| problem.kind).collect();
    kinds.into_iter().collect()
}

/// What the checks look at: a directory, files with chunks in files, in SQL and
/// in a segment, an invitation and a setting.
struct Stored {
    fixture: Fixture,
    chunk: Chunk,
    inline: Chunk,
    in_segment: Chunk,
}

const SEGMENT: [u8; 16] = [0x99; 16];

async fn stored() -> Stored {
    let fixture = Fixture::new().await;
    let [chunk, in_segment] = [1, 3].map(|seed| Chunk::new(seed, 120));
    let inline = Chunk::new(2, 90);
    fixture.upload(node_id(1), &[&chunk]).await.unwrap();

    let pins = vec![fixture.put(&in_segment).await];
    let mut big = fixture.version(node_id(2), 1, &[inline.blob]);
    big.segments = vec![SEGMENT];
    let changes = vec![
        Change::PutNode(fixture.node(node_id(3), fixture.home, KIND_DIRECTORY)),
        Change::PutNode(fixture.node(node_id(2), node_id(3), KIND_FILE)),
        Change::PutSegment(fixture.segment(SEGMENT, &[in_segment.blob, chunk.blob])),
        Change::PutVersion(big),
        Change::PutInvite(crate::InviteRow {
            tag: [7; 32],
            created_millis: 0,
            expires_millis: i64::MAX,
            uses_left: 1,
        }),
        Change::PutSetting { key: "k".to_owned(), value: vec![1] },
    ];
    let bytes = vec![(inline.blob, inline.bytes.clone())];
    let commit = Commit { changes, pins, inline: bytes, ..Commit::default() };
    fixture.store.commit(commit).await.unwrap();
    Stored { fixture, chunk, inline, in_segment }
}

/// Writes a row behind the store's back, with the digest that belongs to it.
fn forge<R: Record>(fixture: &Fixture, record: &R) {
    let table = R::TABLE;
    let mut values = record.values();
    values.push((&table.digest(&record.values())).into());
    let literal = |value: &crate::db::Value| match value {
        crate::db::Value::Null => "NULL".to_owned(),
        crate::db::Value::Int(number) => number.to_string(),
        crate::db::Value::Bytes(bytes) => format!("x'{}'", super::tree::hex(bytes)),
    };
    let columns = table.names();
    let pairs = columns.iter().zip(&values).map(|(c, v)| format!("{c}={}", literal(v)));
    let (set, keys): (Vec<_>, Vec<_>) = (pairs.clone().collect(), pairs.take(table.keys).collect());
    let sql = format!("UPDATE {} SET {} WHERE {}", table.name, set.join(","), keys.join(" AND "));
    assert_eq!(fixture.sql(&sql), 1);
}

#[tokio::test]
async fn what_is_whole_is_clean_and_is_counted() {
    let Stored { fixture, .. } = stored().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let progress = move |progress: super::CheckProgress| told.lock().unwrap().push(progress.stage);
    let report = fixture.store.check(CheckOptions::default(), progress).await.unwrap();
    assert!(report.is_clean());
    assert_eq!((report.problems, report.notes), (vec![], vec![]));
    let counts = report.counts;
    assert_eq!((counts.chunks, counts.references, counts.journal_entries), (3, 4, 3));
    assert_eq!(counts.bytes, 120 + 120 + 90);
    let stages: Vec<String> = seen.lock().unwrap().iter().map(ToString::to_string).collect();
    let expected = ["database structure", "rows", "journal", "references", "chunks"];
    assert_eq!(stages, expected);
}

#[tokio::test]
async fn every_flipped_byte_of_a_chunk_is_found_and_named() {
    let Stored { fixture, chunk, .. } = stored().await;
    let path = fixture.file_of(&chunk.blob, 1);
    for position in 0..chunk.bytes.len() {
        let mut damaged = chunk.bytes.to_vec();
        damaged[position] ^= 1;
        fs::write(&path, damaged).unwrap();
        let report = check(&fixture).await;
        let expected = [ProblemKind::ChunkDamaged, ProblemKind::ContentUnreadable];
        assert_eq!(kinds(&report), expected, "{position}");
        assert!(report.problems[0].object.contains(&chunk.blob.to_string()));
    }
    assert_eq!(fs::read_dir(fixture.path().join("quarantine")).unwrap().count(), 0, "read only");
}

#[tokio::test]
async fn the_owners_of_what_is_damaged_are_named() {
    let Stored { fixture, chunk, .. } = stored().await;
    fs::write(fixture.file_of(&chunk.blob, 1), b"").unwrap();
    let report = check(&fixture).await;
    // One file names the chunk itself, the other through its segment.
    let affected: Vec<_> =
        report.problems.iter().filter(|p| p.kind == ProblemKind::ContentUnreadable).collect();
    assert_eq!(affected.len(), 2);
    for (problem, node) in affected.iter().zip([node_id(1), node_id(2)]) {
        assert_eq!(problem.object, format!("version 1 of node {node}"));
        assert_eq!(problem.owner, Some(fixture.user));
        let line = problem.to_string();
        assert!(line.contains(&chunk.blob.to_string()) && line.contains("ask the owner"), "{line}");
    }
}

#[tokio::test]
async fn missing_truncated_and_swapped_files_are_told_apart() {
    let Stored { fixture, chunk, in_segment, .. } = stored().await;
    let (one, two) = (fixture.file_of(&chunk.blob, 1), fixture.file_of(&in_segment.blob, 1));
    let quick = || CheckOptions { quick: true, ..CheckOptions::default() };
    let first = async |options| kinds(&check_with(&fixture.store, options).await)[0];

    fs::write(&one, &chunk.bytes[..50]).unwrap();
    assert_eq!(first(CheckOptions::default()).await, ProblemKind::ChunkDamaged);
    assert_eq!(first(quick()).await, ProblemKind::ChunkDamaged);
    fs::remove_file(&one).unwrap();
    assert_eq!(first(CheckOptions::default()).await, ProblemKind::ChunkMissing);
    assert_eq!(first(quick()).await, ProblemKind::ChunkMissing);
    fs::write(&one, &in_segment.bytes).unwrap();
    fs::write(&two, &chunk.bytes).unwrap();
    let report = check(&fixture).await;
    assert_eq!(report.problems.iter().filter(|p| p.kind == ProblemKind::ChunkDamaged).count(), 2);
    assert!(check_with(&fixture.store, quick()).await.is_clean(), "quick does not read");
}

#[tokio::test]
async fn a_disk_that_cannot_be_read_is_not_called_damage() {
    let Stored { fixture, .. } = stored().await;
    fixture.store.chunks().break_reads();
    let report = check(&fixture).await;
    assert_eq!(kinds(&report), [ProblemKind::ChunkUnreadable, ProblemKind::ContentUnreadable]);
}

#[tokio::test]
async fn a_damaged_chunk_in_sql_is_found() {
    let Stored { fixture, inline, .. } = stored().await;
    fixture.sql("UPDATE chunks SET data=zeroblob(90) WHERE place=1");
    let report = check(&fixture).await;
    assert_eq!(kinds(&report), [ProblemKind::ChunkDamaged, ProblemKind::ContentUnreadable]);
    assert!(report.problems[0].object.contains(&inline.blob.to_string()));
    fixture.sql("UPDATE chunks SET data=NULL WHERE place=1");
    assert_eq!(kinds(&check(&fixture).await)[0], ProblemKind::ChunkMissing);
}

#[tokio::test]
async fn a_damaged_row_of_any_table_is_found_and_named() {
    for (table, damage, key) in [
        ("users", "version=9", "5555"),
        ("invites", "uses_left=9", "0707"),
        ("nodes", "key_ct=x'00'", "6666"),
        ("versions", "size=9", "7777"),
        ("segments", "created_millis=9", "9999"),
        ("chunks", "size=9", ""),
        ("journal", "result=x'00'", ""),
        ("settings", "value=x'00'", "6b"),
        ("totals", "nodes=9", "5555"),
        ("cluster_state", "created_millis=9", "1"),
    ] {
        let Stored { fixture, .. } = stored().await;
        assert!(fixture.sql(&format!("UPDATE {table} SET {damage}")) > 0);
        let report = check(&fixture).await;
        let found = report.problems.iter().find(|p| p.kind == ProblemKind::RowDamaged);
        let found = found.unwrap_or_else(|| panic!("{table}: {:?}", report.problems));
        assert!(found.object.ends_with(&format!("of table {table}")), "{}", found.object);
        assert!(found.object.contains(&format!("row {key}")), "{}", found.object);
        if ["nodes", "versions", "segments", "totals"].contains(&table) {
            assert_eq!(found.owner, Some(fixture.user), "{table}");
        }
    }
}

#[tokio::test]
async fn rows_that_others_name_are_missed() {
    for (delete, kind) in [
        ("DELETE FROM users", ProblemKind::OwnerMissing),
        ("DELETE FROM nodes WHERE parent=node", ProblemKind::HomeMissing),
        ("DELETE FROM nodes WHERE parent=node", ProblemKind::ParentMissing),
        ("DELETE FROM nodes WHERE kind=1", ProblemKind::VersionWithoutFile),
        ("DELETE FROM versions", ProblemKind::VersionMissing),
        ("DELETE FROM segments", ProblemKind::SegmentMissing),
        ("DELETE FROM totals", ProblemKind::Totals),
        ("DELETE FROM chunks WHERE place=2", ProblemKind::ChunkRowMissing),
        ("DELETE FROM chunks WHERE place=2", ProblemKind::ContentUnreadable),
        ("DELETE FROM journal WHERE seq=2", ProblemKind::JournalBroken),
        ("DELETE FROM journal WHERE seq=3", ProblemKind::JournalHead),
        ("DELETE FROM cluster_state", ProblemKind::JournalHead),
    ] {
        let Stored { fixture, .. } = stored().await;
        assert!(fixture.sql(delete) > 0);
        let report = check(&fixture).await;
        assert!(kinds(&report).contains(&kind), "{delete}: {:?}", report.problems);
    }
}

#[tokio::test]
async fn a_journal_entry_that_was_altered_with_a_new_digest_breaks_the_chain() {
    let Stored { fixture, .. } = stored().await;
    let mut entries =
        fixture.store.read(|conn| crate::journal::entries_after(conn, 1, 1)).await.unwrap();
    let mut entry = entries.remove(0);
    entry.committed_millis += 1;
    forge(&fixture, &entry);
    let report = check(&fixture).await;
    assert_eq!(kinds(&report), [ProblemKind::JournalBroken]);
    assert_eq!(report.problems[0].object, "journal entry 2");
}

#[tokio::test]
async fn a_pruned_journal_is_whole() {
    let Stored { fixture, .. } = stored().await;
    fixture.clock.advance(10);
    while fixture.store.prune_journal(i64::MAX).await.unwrap() > 0 {}
    let report = check(&fixture).await;
    assert_eq!((report.problems, report.counts.journal_entries), (vec![], 1));
}

#[tokio::test]
async fn wrong_counts_are_found_also_when_their_digest_is_right() {
    let Stored { fixture, chunk, .. } = stored().await;
    let mut row = fixture.store.chunk(chunk.blob).await.unwrap().unwrap();
    row.refs += 1;
    forge(&fixture, &row);
    assert_eq!(kinds(&check(&fixture).await), [ProblemKind::ReferenceCount]);
    row.refs -= 1;
    row.state = ChunkState::Condemned;
    forge(&fixture, &row);
    assert_eq!(kinds(&check(&fixture).await), [ProblemKind::ReferenceCount]);
    row.state = ChunkState::Live;
    row.idle_millis = Some(0);
    forge(&fixture, &row);
    assert_eq!(kinds(&check(&fixture).await), [ProblemKind::ReferenceCount]);
    row.idle_millis = None;
    forge(&fixture, &row);

    let row = fixture.segment(SEGMENT, &[]);
    forge(&fixture, &SegmentRecord { row, named: 2 });
    let report = check(&fixture).await;
    assert_eq!(kinds(&report), [ProblemKind::ReferenceCount]);
    assert_eq!(report.counts.problems, 3, "the segment and its two chunks");
}

#[tokio::test]
async fn wrong_totals_are_found() {
    let Stored { fixture, .. } = stored().await;
    forge(&fixture, &TotalsRow { owner: fixture.user, nodes: 4, bytes: 7 });
    assert_eq!(kinds(&check(&fixture).await), [ProblemKind::Totals]);
}

#[tokio::test]
async fn orphans_strays_and_evidence_are_notes_and_no_problems() {
    let Stored { fixture, chunk, .. } = stored().await;
    let orphan = Chunk::new(77, 100);
    drop(fixture.put(&orphan).await);
    let stray = fixture.path().join("chunks/ff/notes.txt");
    fs::write(&stray, b"").unwrap();
    fixture.store.chunks().quarantine(&chunk.blob, 1).unwrap();
    let report = check(&fixture).await;
    assert!(report.is_clean());
    assert_eq!(report.counts.notes, 3);
    for note in [
        Note::Orphan { blob: orphan.blob, generation: 1 },
        Note::Stray(stray.display().to_string()),
        Note::Quarantined(format!("{}.1.0", chunk.blob)),
    ] {
        assert!(report.notes.contains(&note), "{note}");
    }
}

#[tokio::test]
async fn little_memory_gives_the_same_report() {
    let fixture = Fixture::new().await;
    let chunks: Vec<Chunk> = (0..60).map(|seed| Chunk::new(seed, 100)).collect();
    fixture.upload(node_id(1), &chunks.iter().collect::<Vec<_>>()).await.unwrap();
    let refs: Vec<_> = chunks[..40].iter().map(|chunk| chunk.blob).collect();
    fixture.commit(fixture.file(node_id(2), &refs)).await;
    let version = |refs| VersionRow { refs, ..fixture.version(node_id(2), 1, &[]) };
    forge(&fixture, &version(refs[..20].to_vec()));
    let whole = check(&fixture).await;
    let options = CheckOptions { chunks_in_memory: 7, ..CheckOptions::default() };
    let pieces = check_with(&fixture.store, options).await;
    assert_eq!(pieces.problems, whole.problems);
    assert_eq!(pieces.counts.references, whole.counts.references);
    let counts = whole.problems.iter().filter(|p| p.kind == ProblemKind::ReferenceCount).count();
    assert_eq!(counts, 20);
}

#[tokio::test]
async fn what_is_described_is_bounded_and_everything_is_counted() {
    let fixture = Fixture::new().await;
    let chunks: Vec<Chunk> = (0..20).map(|seed| Chunk::new(seed, 100)).collect();
    for (number, chunk) in chunks.iter().enumerate() {
        fixture.upload(node_id(number as u64), &[chunk]).await.unwrap();
        fs::remove_file(fixture.file_of(&chunk.blob, 1)).unwrap();
    }
    let options = CheckOptions { described: 3, ..CheckOptions::default() };
    let report = check_with(&fixture.store, options).await;
    assert_eq!(report.problems.len(), 3);
    assert!(report.counts.problems >= 20);
}

#[tokio::test]
async fn chunks_on_their_way_out_are_no_problem() {
    let Stored { fixture, chunk, .. } = stored().await;
    let gone = [1, 2].map(|number| Change::DeleteNode(node_id(number)));
    fixture.commit(gone.to_vec()).await;
    let state = ChunkState::Deleting;
    fixture.commit(vec![Change::SetChunkState { blob: chunk.blob, generation: 1, state }]).await;
    fs::remove_file(fixture.file_of(&chunk.blob, 1)).unwrap();
    assert_eq!(check(&fixture).await.problems, []);
    let row: ChunkRow = fixture.store.chunk(chunk.blob).await.unwrap().unwrap();
    assert_eq!((row.state, row.place), (ChunkState::Deleting, ChunkPlace::File));
}

#[tokio::test]
async fn a_check_beside_a_server_that_works_finds_nothing() {
    let fixture = Arc::new(Fixture::new().await);
    let config = fixture.store.config().clone();
    let admin = Store::open_admin(config, Environment::system()).await.unwrap();
    let working = Arc::clone(&fixture);
    let work = tokio::spawn(async move {
        let chunks: Vec<Chunk> = (0..8).map(|seed| Chunk::new(seed, 100)).collect();
        for round in 0..150 {
            let some = [&chunks[round % 8], &chunks[(round * 3 + 1) % 8]];
            working.upload(node_id(round as u64 % 5), &some).await.unwrap();
            let gone = Change::DeleteNode(node_id((round as u64 + 2) % 5));
            working.commit(vec![gone]).await;
            let limits = crate::CollectLimits { grace_millis: -1, chunks: 100 };
            working.store.collect_garbage(limits).await.unwrap();
        }
    });
    let mut checks = 0;
    while !work.is_finished() || checks == 0 {
        let report = check_with(&admin, CheckOptions::default()).await;
        assert_eq!(report.problems, []);
        checks += 1;
    }
    work.await.unwrap();
}

#[tokio::test]
async fn pages_of_the_database_that_are_damaged_are_a_problem_and_not_the_end() {
    let fixture = Fixture::new().await;
    let chunks: Vec<Chunk> = (0..300).map(|seed| Chunk::new(seed, 60)).collect();
    fixture.upload(node_id(1), &chunks.iter().collect::<Vec<_>>()).await.unwrap();
    let config = fixture.store.config().clone();
    fixture.store.shutdown().await.unwrap();
    let path = fixture.path().join("coffer.db");
    let _ = rusqlite::Connection::open(&path).unwrap().query_row(
        "PRAGMA wal_checkpoint(TRUNCATE)",
        [],
        |_| Ok(()),
    );
    let mut bytes = fs::read(&path).unwrap();
    // The last pages: the first ones hold the schema, without which nothing opens.
    let end = bytes.len();
    bytes[end - 20_000..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let admin = Store::open_admin(config, Environment::system()).await.unwrap();
    let report = check_with(&admin, CheckOptions::default()).await;
    assert!(kinds(&report).contains(&ProblemKind::DatabaseDamaged), "{:?}", report.problems);
}
