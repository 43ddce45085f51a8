//! Reference counts against a model: maps of what should be there, and counts
//! made anew from them after every commit.

use crate::sample::{
    changes, chunk, file, first_user, node_id, segment, segment_id, user_id, version,
};
use crate::site::Site;
use coffer_protocol::BlobId;
use coffer_store::{Change, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

/// Chunks, segments and files that take part in one run.
const CHUNKS: u64 = 4;
const SEGMENTS: u64 = 3;
const FILES: u64 = 3;
const REVISIONS: u64 = 3;

/// A step; all numbers are small indices.
#[derive(Clone, Debug)]
enum Step {
    PutNode(u64),
    DeleteNode(u64),
    PutVersion(u64, u64, Vec<u64>, Vec<u64>),
    DeleteVersion(u64, u64),
    PutSegment(u64, Vec<u64>),
    DeleteSegment(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let refs = || prop::collection::vec(0..CHUNKS, 0..4);
    prop_oneof![
        (0..FILES).prop_map(Step::PutNode),
        (0..FILES).prop_map(Step::DeleteNode),
        (0..FILES, 1..=REVISIONS, refs(), prop::collection::vec(0..SEGMENTS, 0..3))
            .prop_map(|(f, r, c, s)| Step::PutVersion(f, r, c, s)),
        (0..FILES, 1..=REVISIONS).prop_map(|(f, r)| Step::DeleteVersion(f, r)),
        (0..SEGMENTS, refs()).prop_map(|(s, c)| Step::PutSegment(s, c)),
        (0..SEGMENTS).prop_map(Step::DeleteSegment),
    ]
}

/// What should be there.
#[derive(Clone, Default)]
struct Model {
    nodes: BTreeSet<u64>,
    versions: BTreeMap<(u64, u64), (BTreeSet<u64>, BTreeSet<u64>)>,
    segments: BTreeMap<u64, BTreeSet<u64>>,
}

impl Model {
    /// The model after a commit of these steps, or `None` if it is refused.
    fn after(&self, steps: &[Step]) -> Option<Self> {
        let mut next = self.clone();
        let mut given_up = BTreeSet::new();
        let mut gone = BTreeMap::new();
        for step in steps {
            match step {
                Step::PutNode(file) => drop((next.nodes.insert(*file), gone.insert(*file, false))),
                Step::DeleteNode(file) => drop((next.nodes.remove(file), gone.insert(*file, true))),
                Step::PutVersion(file, revision, chunks, segments) => {
                    let row =
                        (chunks.iter().copied().collect(), segments.iter().copied().collect());
                    next.versions.insert((*file, *revision), row);
                }
                Step::DeleteVersion(file, revision) => {
                    drop(next.versions.remove(&(*file, *revision)));
                }
                Step::PutSegment(segment, chunks) => {
                    next.segments.insert(*segment, chunks.iter().copied().collect());
                    given_up.remove(segment);
                }
                // The later change counts: a put before it never was.
                Step::DeleteSegment(segment) => {
                    match self.segments.get(segment) {
                        Some(old) => drop(next.segments.insert(*segment, old.clone())),
                        None => drop(next.segments.remove(segment)),
                    }
                    given_up.insert(*segment);
                }
            }
        }
        // A node that goes takes its versions along, but only if it was there
        // before; versions of nodes that never were stay what they were.
        next.versions.retain(|(file, revision), row| {
            if gone.get(file) != Some(&true) {
                return true;
            }
            let old = self.versions.get(&(*file, *revision));
            !self.nodes.contains(file)
                && old.is_some_and(|old| {
                    row.clone_from(old);
                    true
                })
        });
        for (key, row) in &self.versions {
            if gone.get(&key.0) == Some(&true) && !self.nodes.contains(&key.0) {
                next.versions.insert(*key, row.clone());
            }
        }
        let before = self.named();
        let after = next.named();
        if after.iter().any(|segment| !next.segments.contains_key(segment)) {
            return None;
        }
        next.segments.retain(|segment, _| {
            after.contains(segment) || !(given_up.contains(segment) || before.contains(segment))
        });
        Some(next)
    }

    fn named(&self) -> BTreeSet<u64> {
        self.versions.values().flat_map(|(_, segments)| segments).copied().collect()
    }

    fn references(&self, chunk: u64) -> u64 {
        let versions = self.versions.values().filter(|(chunks, _)| chunks.contains(&chunk)).count();
        let segments = self.segments.values().filter(|chunks| chunks.contains(&chunk)).count();
        (versions + segments) as u64
    }
}

/// Ids of one run: runs on one store do not meet.
struct Ids(u64);

impl Ids {
    fn file(&self, file: u64) -> u64 {
        self.0 * 1000 + 100 + file
    }

    fn segment(&self, number: u64) -> u64 {
        self.0 * 1000 + number
    }

    fn blobs(&self, chunks: &[u64]) -> Vec<BlobId> {
        chunks.iter().map(|n| chunk(self.0 * 1000 + n, 60).0).collect()
    }

    fn change(&self, step: &Step) -> Change {
        match step {
            Step::PutNode(number) => Change::PutNode(file(self.file(*number), 1)),
            Step::DeleteNode(number) => Change::DeleteNode(node_id(self.file(*number))),
            Step::PutVersion(number, revision, chunks, segments) => {
                let segments: Vec<_> =
                    segments.iter().map(|n| segment_id(self.segment(*n))).collect();
                let blobs = self.blobs(chunks);
                Change::PutVersion(version(self.file(*number), *revision, &blobs, &segments))
            }
            Step::DeleteVersion(number, revision) => {
                Change::DeleteVersion(node_id(self.file(*number)), *revision)
            }
            Step::PutSegment(number, chunks) => {
                Change::PutSegment(segment(self.segment(*number), &self.blobs(chunks)))
            }
            Step::DeleteSegment(number) => Change::DeleteSegment(segment_id(self.segment(*number))),
        }
    }
}

/// Makes the chunks of a run live, with references that nothing takes away.
async fn prepare(store: &Store, ids: &Ids) {
    let mut commit = changes(Vec::new());
    let all: Vec<u64> = (0..CHUNKS).collect();
    commit.changes.push(Change::PutSegment(segment(ids.segment(999), &ids.blobs(&all))));
    commit.inline.extend((0..CHUNKS).map(|n| chunk(ids.0 * 1000 + n, 60)));
    store.commit(commit).await.unwrap();
}

async fn run(store: &Store, ids: &Ids, commits: &[Vec<Step>]) -> Result<(), TestCaseError> {
    prepare(store, ids).await;
    let start = store.usage(user_id(1)).await.unwrap();
    let mut model = Model::default();
    for steps in commits {
        let commit = changes(steps.iter().map(|step| ids.change(step)).collect());
        let outcome = store.commit(commit).await;
        match model.after(steps) {
            Some(next) => {
                prop_assert!(outcome.is_ok(), "{:?}", outcome);
                model = next;
            }
            None => prop_assert!(outcome.is_err()),
        }
        compare(store, ids, &model).await?;
        let usage = store.usage(user_id(1)).await.unwrap();
        prop_assert_eq!(usage.nodes - start.nodes, model.nodes.len() as u64);
        let bytes: u64 = model.versions.keys().map(|(_, revision)| 1000 + revision).sum();
        prop_assert_eq!(usage.bytes - start.bytes, bytes);
    }
    // Leave nothing behind that the next run would count.
    let mut cleanup = Vec::new();
    for (file, revision) in model.versions.keys() {
        cleanup.push(ids.change(&Step::DeleteVersion(*file, *revision)));
    }
    cleanup.extend(model.nodes.iter().map(|file| ids.change(&Step::DeleteNode(*file))));
    store.commit(changes(cleanup)).await.unwrap();
    prop_assert_eq!(store.usage(user_id(1)).await.unwrap(), start);
    Ok(())
}

async fn compare(store: &Store, ids: &Ids, model: &Model) -> Result<(), TestCaseError> {
    for number in 0..CHUNKS {
        let row = store.chunk(ids.blobs(&[number])[0]).await.unwrap().unwrap();
        prop_assert_eq!(row.refs, model.references(number) + 1, "chunk {}", number);
    }
    for number in 0..SEGMENTS {
        let found = store.segment(segment_id(ids.segment(number))).await.unwrap();
        prop_assert_eq!(
            found.is_some(),
            model.segments.contains_key(&number),
            "segment {}",
            number
        );
    }
    for number in 0..FILES {
        let node = node_id(ids.file(number));
        prop_assert_eq!(store.node(node).await.unwrap().is_some(), model.nodes.contains(&number));
        let found = store.versions(node, None, 10).await.unwrap();
        let found: Vec<_> = found.iter().map(|row| row.revision).collect();
        let mut expected: Vec<_> =
            model.versions.keys().filter(|(f, _)| *f == number).map(|(_, r)| *r).collect();
        expected.reverse();
        prop_assert_eq!(found, expected);
    }
    Ok(())
}

fn check(site: impl FnOnce() -> Site, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = site();
    let store = runtime.block_on(async {
        let store = site.fresh().await;
        store.commit(first_user()).await.unwrap();
        store
    });
    let commits = prop::collection::vec(prop::collection::vec(step(), 1..5), 1..12);
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let number = std::cell::Cell::new(0);
    let outcome = runner.run(&commits, |commits| {
        number.set(number.get() + 1);
        runtime.block_on(run(&store, &Ids(number.get()), &commits))
    });
    if let Err(error) = outcome {
        panic!("{error}\n{runner}");
    }
}

#[test]
fn references_agree_with_a_model_on_sqlite() {
    check(Site::sqlite, 64);
}

#[test]
fn references_agree_with_a_model_on_mysql() {
    check(Site::mysql, 12);
}
