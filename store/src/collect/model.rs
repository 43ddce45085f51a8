//! The property that matters: whatever uploads, commits, deletes, collections and
//! sweeps do beside each other, no chunk is lost that a version refers to.
//!
//! A seeded program runs in rounds. The operations of a round run at the same
//! time, on threads of their own; each owns one file, and all share a small pool
//! of chunks, so that they meet all the time. After a round, what the commits
//! answered is the model: every chunk of every version must be readable.

use super::CollectLimits;
use super::fixture::{Chunk, Fixture, node_id};
use crate::{Change, CheckOptions, Commit, CommitError, KIND_FILE};
use coffer_protocol::{BlobId, NodeId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Chunks that the program uses.
const POOL: u64 = 10;

/// One operation of the program.
#[derive(Clone, Debug)]
enum Op {
    /// Uploads chunks and replaces the file by them.
    Upload(Vec<u64>),
    /// The same with chunks in SQL.
    UploadInline(Vec<u64>),
    /// Uploads chunks and gives up, at the latest when they are there.
    GiveUp(Vec<u64>),
    /// Replaces the file by a copy of another one, without an upload.
    Copy(u64),
    /// Deletes the file.
    Delete,
    /// Collects garbage.
    Collect,
    /// Sweeps orphans.
    Sweep,
}

fn op() -> impl Strategy<Value = Op> {
    let some = || prop::collection::vec(0..POOL, 1..4);
    prop_oneof![
        4 => some().prop_map(Op::Upload),
        1 => some().prop_map(Op::UploadInline),
        2 => some().prop_map(Op::GiveUp),
        2 => (0..6u64).prop_map(Op::Copy),
        4 => Just(Op::Delete),
        4 => Just(Op::Collect),
        1 => Just(Op::Sweep),
    ]
}

/// The operations of the rounds; the place in a round is the file.
fn program() -> impl Strategy<Value = Vec<Vec<Op>>> {
    prop::collection::vec(prop::collection::vec(op(), 6), 1..25)
}

/// What the files consist of.
type Model = BTreeMap<NodeId, Vec<BlobId>>;

struct World {
    fixture: Fixture,
    pool: Vec<Chunk>,
}

impl World {
    fn chunks(&self, numbers: &[u64]) -> Vec<Chunk> {
        numbers.iter().map(|n| self.pool[*n as usize].clone()).collect()
    }

    /// Runs one operation; what the file consists of afterwards, if that is
    /// another thing than before.
    async fn run(&self, op: Op, file: NodeId, before: &Model) -> Option<Vec<BlobId>> {
        let store = &self.fixture.store;
        match op {
            Op::Upload(numbers) => {
                let chunks = self.chunks(&numbers);
                let mut pins = Vec::new();
                for chunk in &chunks {
                    pins.push(self.fixture.put(chunk).await);
                    tokio::task::yield_now().await;
                }
                let refs: Vec<BlobId> = chunks.iter().map(|chunk| chunk.blob).collect();
                let changes = self.replace(file, &refs);
                let commit = Commit { changes, pins, ..Commit::default() };
                store.commit(commit).await.expect("a pinned chunk cannot be refused");
                Some(refs)
            }
            Op::UploadInline(numbers) => {
                let chunks = self.chunks(&numbers);
                let refs: Vec<BlobId> = chunks.iter().map(|chunk| chunk.blob).collect();
                let distinct: BTreeMap<_, _> =
                    chunks.into_iter().map(|chunk| (chunk.blob, chunk.bytes)).collect();
                let changes = self.replace(file, &refs);
                let inline = distinct.into_iter().collect();
                let commit = Commit { changes, inline, ..Commit::default() };
                store.commit(commit).await.expect("bytes that come along cannot be refused");
                Some(refs)
            }
            Op::GiveUp(numbers) => {
                for chunk in self.chunks(&numbers) {
                    let store = store.clone();
                    let put = tokio::spawn(async move {
                        store.put_chunk(chunk.blob, chunk.bytes).await.map(drop)
                    });
                    tokio::task::yield_now().await;
                    put.abort();
                }
                None
            }
            Op::Copy(from) => {
                let refs = before.get(&node_id(from))?.clone();
                let changes = self.replace(file, &refs);
                match store.commit(Commit { changes, ..Commit::default() }).await {
                    Ok(_) => Some(refs),
                    // The other file went at the same moment, and the collector
                    // was faster.
                    Err(CommitError::NeedUpload(_)) => None,
                    Err(error) => panic!("{error}"),
                }
            }
            Op::Delete => {
                self.fixture.commit(vec![Change::DeleteNode(file)]).await;
                Some(Vec::new())
            }
            Op::Collect => {
                // Every run condemns what is idle and deletes what was.
                let limits = CollectLimits { grace_millis: -1, chunks: 1_000 };
                let collected = store.collect_garbage(limits).await.unwrap();
                assert_eq!(collected.held, None);
                None
            }
            Op::Sweep => {
                store.sweep_orphans().await.unwrap();
                None
            }
        }
    }

    /// The changes that make a file consist of these chunks and nothing else.
    fn replace(&self, file: NodeId, refs: &[BlobId]) -> Vec<Change> {
        vec![
            Change::PutNode(self.fixture.node(file, self.fixture.home, KIND_FILE)),
            Change::PutVersion(self.fixture.version(file, 1, refs)),
        ]
    }

    async fn verify(&self, model: &Model) {
        let used: BTreeSet<BlobId> = model.values().flatten().copied().collect();
        for chunk in &self.pool {
            if used.contains(&chunk.blob) {
                let bytes = self.fixture.store.read_chunk(&chunk.blob).await;
                assert_eq!(bytes.expect("a chunk in use is there"), chunk.bytes);
            }
        }
    }

    /// Nothing is wrong, and when nothing is used any more nothing is left.
    async fn finish(&self) {
        let report = self.fixture.store.check(CheckOptions::default(), |_| ()).await.unwrap();
        assert_eq!(report.problems, []);
        for file in 0..6 {
            self.fixture.commit(vec![Change::DeleteNode(node_id(file))]).await;
        }
        let limits = CollectLimits { grace_millis: -1, chunks: 1_000 };
        for _ in 0..2 {
            self.fixture.store.collect_garbage(limits).await.unwrap();
        }
        self.fixture.store.sweep_orphans().await.unwrap();
        assert_eq!(self.fixture.store.chunks().list().count(), 0);
        let report = self.fixture.store.check(CheckOptions::default(), |_| ()).await.unwrap();
        assert_eq!((report.problems, report.counts.chunks), (vec![], 0));
    }
}

async fn play(program: Vec<Vec<Op>>) {
    let pool = (0..POOL).map(|seed| Chunk::new(seed, 300)).collect();
    let mut world = World { fixture: Fixture::new().await, pool };
    let mut model = Model::new();
    for (number, round) in program.into_iter().enumerate() {
        let shared = Arc::new(world);
        let before = Arc::new(model.clone());
        let tasks: Vec<_> = round
            .into_iter()
            .enumerate()
            .map(|(place, op)| {
                let (world, before) = (Arc::clone(&shared), Arc::clone(&before));
                let file = node_id(place as u64);
                tokio::spawn(async move { (file, world.run(op, file, &before).await) })
            })
            .collect();
        for task in tasks {
            if let (file, Some(refs)) = task.await.unwrap() {
                model.insert(file, refs);
            }
        }
        world = Arc::into_inner(shared).expect("all tasks have ended");
        world.verify(&model).await;
        if number % 8 == 7 {
            world.fixture = world.fixture.restart().await;
            world.verify(&model).await;
        }
    }
    world.finish().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn no_chunk_in_use_is_ever_lost(program in program()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play(program));
    }
}
