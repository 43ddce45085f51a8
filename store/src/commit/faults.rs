//! The writer on a connection that fails on purpose, at the moments that matter.

mod seat;

use super::group::Prepared;
use super::{Commit, CommitError, Committed, Maintenance, OpKey, Writer, WriterSetup};
use crate::changes::Change;
use crate::chunks::{ChunkStore, Reserve};
use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::db::{Access, Connection, DbError, Engine, Insert, Row, Value, connect};
use crate::environment::Environment;
use crate::error::StoreError;
use crate::journal;
use crate::pins::Pins;
use crate::replica::{Batch, FollowError, JournalEntry};
use crate::store::{ClusterInit, Store};
use coffer_protocol::{BlobId, Position, ServerId};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// What happens at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing unusual.
    None,
    /// It is made, and then the connection is lost.
    LostAfter,
    /// The connection is lost, and it is not made.
    LostBefore,
    /// It is made, the connection is lost, and the installation is fenced.
    LostAfterAndFenced,
    /// It is not made, the connection is lost, and the installation is fenced.
    LostBeforeAndFenced,
    /// It is not made: another transaction was in the way.
    Conflict,
    /// It is not made: no space.
    Full,
    /// The disk fails.
    Disk,
}

type Plan = Arc<Mutex<VecDeque<Fault>>>;

/// A connection whose commits fail as planned.
struct Faulty {
    inner: Box<dyn Connection>,
    plan: Plan,
    lost: bool,
    comes_back: Arc<AtomicBool>,
}

impl Faulty {
    fn up(&mut self) -> Result<&mut dyn Connection, DbError> {
        match self.lost {
            true => Err(DbError::Lost("as planned".to_owned())),
            false => Ok(self.inner.as_mut()),
        }
    }

    fn lose(&mut self) -> Result<(), DbError> {
        self.lost = true;
        Err(DbError::Lost("as planned".to_owned()))
    }

    fn fence(&mut self) -> Result<(), DbError> {
        self.inner.script("UPDATE cluster_state SET fenced=1")
    }
}

impl Connection for Faulty {
    fn engine(&self) -> Engine {
        Engine::Mysql
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.up()?.query(sql, params)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.up()?.execute(sql, params)
    }

    fn query_keys(
        &mut self,
        head: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<Vec<Row>, DbError> {
        self.up()?.query_keys(head, columns, keys)
    }

    fn delete_keys(
        &mut self,
        table: &str,
        columns: &[&str],
        keys: &[Vec<Value>],
    ) -> Result<(), DbError> {
        self.up()?.delete_keys(table, columns, keys)
    }

    fn insert(&mut self, insert: Insert<'_>, rows: &[Row]) -> Result<(), DbError> {
        self.up()?.insert(insert, rows)
    }

    fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.up()?.script(sql)
    }

    fn begin(&mut self) -> Result<(), DbError> {
        self.up()?.begin()
    }

    fn commit(&mut self) -> Result<(), DbError> {
        let fault = self.plan.lock().unwrap().pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => self.up()?.commit(),
            Fault::LostAfter => {
                self.inner.commit()?;
                self.lose()
            }
            Fault::LostBefore => {
                self.inner.rollback()?;
                self.lose()
            }
            Fault::LostAfterAndFenced => {
                self.inner.commit()?;
                self.fence()?;
                self.lose()
            }
            Fault::LostBeforeAndFenced => {
                self.inner.rollback()?;
                self.fence()?;
                self.lose()
            }
            Fault::Conflict => Err(DbError::Busy("as planned".to_owned())),
            Fault::Full => Err(DbError::DiskFull),
            Fault::Disk => {
                self.inner.rollback()?;
                Err(DbError::Io("as planned".to_owned()))
            }
        }
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        self.up()?.rollback()
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        if !self.comes_back.load(Ordering::Relaxed) {
            return Err(DbError::Lost("as planned".to_owned()).into());
        }
        self.lost = false;
        Ok(())
    }
}

/// A writer on a faulty connection.
struct Bench {
    config: StoreConfig,
    writer: Writer,
    plan: Plan,
    chunks: Arc<ChunkStore>,
    poisoned: watch::Receiver<bool>,
    comes_back: Arc<AtomicBool>,
    pins: Pins,
    _directory: TempDir,
}

impl Bench {
    async fn new(comes_back: bool) -> Self {
        Self::make(comes_back, false).await
    }

    /// One that follows.
    async fn replica(comes_back: bool) -> Self {
        Self::make(comes_back, true).await
    }

    async fn make(comes_back: bool, replica: bool) -> Self {
        let patience = Duration::from_millis(if comes_back { 60_000 } else { 300 });
        let comes_back = Arc::new(AtomicBool::new(comes_back));
        let directory = tempfile::tempdir().unwrap();
        let mut config = StoreConfig::new(directory.path().join("data"));
        config.reserve = Reserve::Bytes(0);
        let server_id = ServerId([1; 32]);
        let init = ClusterInit { server_id, check_value: [2; 32], created_millis: 0 };
        match replica {
            true => Store::create_replica(&config, init).await.unwrap(),
            false => Store::create(&config, init).await.unwrap(),
        }
        let chunks = Arc::new(ChunkStore::open(&config.data_dir, config.reserve).unwrap());
        let plan = Plan::default();
        let sender = watch::Sender::new(false);
        let poisoned = sender.subscribe();
        let (its_config, its_plan) = (config.clone(), Arc::clone(&plan));
        let its_return = Arc::clone(&comes_back);
        let writer = Writer::start(WriterSetup {
            connect: Box::new(move || {
                let inner = connect(&its_config, Access::Write, &Arc::default())?;
                let plan = Arc::clone(&its_plan);
                let comes_back = Arc::clone(&its_return);
                Ok(Box::new(Faulty { inner, plan, lost: false, comes_back }))
            }),
            epoch: 1,
            chunks: Arc::clone(&chunks),
            environment: Environment::system(),
            patience,
            counters: Arc::new(Counters::default()),
            poisoned: sender,
            committed: watch::Sender::new(Position { epoch: 1, seq: 0 }),
            recent: Arc::new(crate::recent::Recent::new(0)),
            lock: None,
        })
        .unwrap();
        let pins = Pins::default();
        Self { config, writer, plan, chunks, poisoned, comes_back, pins, _directory: directory }
    }

    fn plan(&self, faults: &[Fault]) {
        self.plan.lock().unwrap().extend(faults);
    }

    async fn write(&self, number: u8) -> Result<Committed, CommitError> {
        self.commit(Commit {
            op: Some(OpKey([number; 16])),
            changes: vec![Change::PutSetting { key: format!("s{number}"), value: vec![number] }],
            ..Commit::default()
        })
        .await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.writer.commit(Arc::new(Prepared::new(commit).unwrap())).await
    }

    /// A commit that names a new chunk.
    async fn write_chunk(&self, blob: BlobId) -> Result<Committed, CommitError> {
        let file = self.chunks.put(blob, 1, &[1; 100]).unwrap();
        let pin = self.pins.put(blob).await.done(1, 100, Some(file));
        self.commit(Commit { pins: vec![pin], ..Commit::default() }).await
    }

    /// The journal, as a replica gets it.
    fn entries(&self) -> Vec<JournalEntry> {
        let mut conn = connect(&self.config, Access::Read, &Arc::default()).unwrap();
        let rows = journal::entries_after(conn.as_mut(), 0, 100).unwrap();
        rows.into_iter().map(JournalEntry::from).collect()
    }

    async fn follow(&self, entries: &[JournalEntry]) -> Result<u64, FollowError> {
        let batch = Batch::new(entries.to_vec(), Vec::new(), Vec::new(), Vec::new()).unwrap();
        Ok(self.writer.follow(Arc::new(batch)).await?.seq)
    }

    /// How many settings there are, and how many journal entries.
    fn stored(&self) -> (i64, i64) {
        let mut conn = connect(&self.config, Access::Read, &Arc::default()).unwrap();
        let mut count = |table: &str| {
            let rows = conn.query(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap();
            match rows[0][0] {
                Value::Int(number) => number,
                ref other => panic!("{other:?}"),
            }
        };
        (count("settings"), count("journal"))
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_and_not_repeated() {
    let bench = Bench::new(true).await;
    bench.plan(&[Fault::LostAfter]);
    let committed = bench.write(1).await.unwrap();
    assert_eq!((committed.position.seq, committed.repeated), (1, None));
    assert_eq!(bench.stored(), (1, 1));
}

#[tokio::test]
async fn a_commit_that_was_lost_on_the_way_is_made_once() {
    let bench = Bench::new(true).await;
    bench.plan(&[Fault::LostBefore, Fault::LostBefore, Fault::Conflict, Fault::LostAfter]);
    let committed = bench.write(1).await.unwrap();
    assert_eq!((committed.position.seq, committed.repeated), (1, None));
    assert_eq!(bench.stored(), (1, 1));
}

#[tokio::test]
async fn a_fence_does_not_hide_a_commit_that_arrived() {
    let bench = Bench::new(true).await;
    bench.plan(&[Fault::LostAfterAndFenced]);
    assert_eq!(bench.write(1).await.unwrap().position.seq, 1);
    assert_eq!(bench.write(2).await, Err(CommitError::Fenced));
    let bench = Bench::new(true).await;
    bench.plan(&[Fault::LostBeforeAndFenced]);
    assert_eq!(bench.write(1).await, Err(CommitError::Fenced));
    assert_eq!(bench.stored(), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_found_out_is_called_uncertain() {
    let bench = Bench::new(false).await;
    bench.plan(&[Fault::LostAfter]);
    assert!(matches!(bench.write(1).await, Err(CommitError::Uncertain(_))));
    // This one was not even begun.
    assert!(matches!(bench.write(2).await, Err(CommitError::DatabaseUnavailable(_))));
    assert!(!*bench.poisoned.borrow());
    assert_eq!(bench.stored(), (1, 1));
}

#[tokio::test]
async fn a_full_disk_refuses_one_commit_and_not_the_next() {
    let bench = Bench::new(true).await;
    bench.plan(&[Fault::Full]);
    assert_eq!(bench.write(1).await, Err(CommitError::DiskFull));
    assert_eq!(bench.write(2).await.unwrap().position.seq, 1);
    assert_eq!(bench.stored(), (1, 1));
}

#[tokio::test]
async fn a_disk_that_fails_at_a_commit_ends_the_store() {
    let bench = Bench::new(true).await;
    bench.plan(&[Fault::Disk]);
    assert!(matches!(bench.write(1).await, Err(CommitError::Uncertain(_))));
    assert!(*bench.poisoned.borrow());
    assert_eq!(bench.write(2).await, Err(CommitError::Poisoned));
    let pruned = bench
        .writer
        .maintain(Maintenance::Prune { before_millis: i64::MAX, through: u64::MAX })
        .await;
    assert!(matches!(pruned, Err(StoreError::Commit(CommitError::Poisoned))));
    assert_eq!(bench.stored(), (0, 0));
}

#[tokio::test]
async fn a_flush_that_fails_ends_the_store_before_sql_is_written() {
    let bench = Bench::new(true).await;
    bench.chunks.sync_handle().break_flushes();
    let outcome = bench.write_chunk(BlobId([7; 32])).await;
    assert!(matches!(outcome, Err(CommitError::Uncertain(_))));
    assert!(*bench.poisoned.borrow());
    assert_eq!(bench.write(2).await, Err(CommitError::Poisoned));
    assert_eq!(bench.stored(), (0, 0));
}

#[tokio::test]
async fn what_may_have_been_committed_is_not_swept_up() {
    let bench = Bench::new(true).await;
    let blob = BlobId([7; 32]);
    bench.plan(&[Fault::Disk]);
    assert!(matches!(bench.write_chunk(blob).await, Err(CommitError::Uncertain(_))));
    // A restart may find the rows in the write-ahead log.
    assert!(bench.pins.try_remove(blob).is_none());

    let bench = Bench::new(false).await;
    bench.plan(&[Fault::LostAfter]);
    assert!(matches!(bench.write_chunk(blob).await, Err(CommitError::Uncertain(_))));
    assert!(bench.pins.try_remove(blob).is_none());
    // Once something else is committed, the rows say what is true.
    bench.comes_back.store(true, Ordering::Relaxed);
    bench.write(1).await.unwrap();
    assert!(bench.pins.try_remove(blob).is_some());
}

#[test]
fn any_series_of_losses_commits_everything_once() {
    let fault = prop_oneof![
        Just(Fault::None),
        Just(Fault::LostAfter),
        Just(Fault::LostBefore),
        Just(Fault::Conflict),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() };
    proptest!(config, |(faults in prop::collection::vec(fault, 0..6))| {
        runtime.block_on(async {
            let bench = Bench::new(true).await;
            bench.plan(&faults);
            for number in 1..=4 {
                let committed = bench.write(number).await.unwrap();
                assert_eq!(committed.position.seq, u64::from(number));
                assert_eq!(committed.repeated, None);
            }
            assert_eq!(bench.stored(), (4, 4));
        });
    });
}

/// Four commits, as a replica gets them.
async fn four_entries() -> Vec<JournalEntry> {
    let source = Bench::new(true).await;
    for number in 1..=4 {
        source.write(number).await.unwrap();
    }
    source.entries()
}

#[tokio::test]
async fn a_batch_of_unknown_outcome_is_said_to_be_so_and_taken_once() {
    let entries = four_entries().await;
    let bench = Bench::replica(false).await;
    bench.plan(&[Fault::LostAfter]);
    let outcome = bench.follow(&entries[..2]).await;
    assert!(matches!(outcome, Err(FollowError::Store(CommitError::Uncertain(_)))), "{outcome:?}");
    let outcome = bench.follow(&entries[..2]).await;
    let away = |error: &FollowError| {
        matches!(error, FollowError::Store(CommitError::DatabaseUnavailable(_)))
    };
    assert!(away(&outcome.unwrap_err()));
    bench.comes_back.store(true, Ordering::Relaxed);
    assert_eq!(bench.follow(&entries).await, Ok(4));
    assert_eq!(bench.stored(), (4, 4));
    // A machine that is fenced meanwhile cannot say that nothing has happened.
    let bench = Bench::replica(true).await;
    bench.plan(&[Fault::LostAfterAndFenced]);
    let outcome = bench.follow(&entries).await;
    assert!(matches!(outcome, Err(FollowError::Store(CommitError::Uncertain(_)))), "{outcome:?}");
    assert_eq!(bench.follow(&entries).await, Err(FollowError::NotReplica));
    assert_eq!(bench.stored(), (4, 4));
    let bench = Bench::replica(true).await;
    bench.plan(&[Fault::Disk]);
    let outcome = bench.follow(&entries).await;
    assert!(matches!(outcome, Err(FollowError::Store(CommitError::Uncertain(_)))), "{outcome:?}");
    assert!(*bench.poisoned.borrow());
}

#[tokio::test]
async fn any_series_of_losses_follows_everything_once() {
    let entries = four_entries().await;
    let faults = [Fault::LostAfter, Fault::LostBefore, Fault::Conflict, Fault::Full];
    for (first, second) in faults.iter().flat_map(|a| faults.iter().map(move |b| (*a, *b))) {
        let bench = Bench::replica(true).await;
        bench.plan(&[first, second]);
        let mut done = 0;
        for range in [0..1, 0..3, 2..4, 0..4] {
            let end = range.end as u64;
            match bench.follow(&entries[range]).await {
                Ok(seq) => done = seq,
                // The disk was full, and what follows has nothing to follow on.
                Err(FollowError::Store(CommitError::DiskFull) | FollowError::Gap { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(done <= end);
        }
        while done < 4 {
            done = bench.follow(&entries).await.unwrap();
        }
        assert_eq!((bench.stored(), bench.entries()), ((4, 4), entries.clone()));
    }
}
