//! A store in a temporary directory with a clock that stands still, and short
//! ways to fill it. For the tests of `check` and `collect`.

use crate::chunks::{Reserve, blob};
use crate::{
    Change, ChunkPin, Clock, ClusterInit, Commit, CommitError, Environment, KIND_DIRECTORY,
    KIND_FILE, NodeRow, SegmentId, SegmentRow, Store, StoreConfig, SystemRandom, USER_ACTIVE,
    UserRow, VersionRow,
};
use bytes::Bytes;
use coffer_protocol::{BlobId, NodeId, ServerId, UserId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// One hour of the clock.
pub(crate) const HOUR: i64 = 3_600_000;

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A store with one user.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) user: UserId,
    pub(crate) home: NodeId,
    dir: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000)));
        let init = ClusterInit {
            server_id: ServerId([1; 32]),
            check_value: [2; 32],
            created_millis: clock.now_millis(),
        };
        Store::create(&config(dir.path()), init).await.unwrap();
        let store = open(dir.path(), &clock).await;
        let (user, home) = (UserId([0x55; 16]), NodeId([0x66; 16]));
        let fixture = Self { store, clock, user, home, dir };
        fixture.add_user(user, home).await;
        fixture
    }

    pub(crate) async fn add_user(&self, user: UserId, home: NodeId) {
        let row = UserRow {
            user,
            tag: [user.0[0]; 32],
            name_ct: vec![1],
            contact_ct: vec![],
            auth_password: vec![2],
            auth_recovery: vec![3],
            root_password: vec![4],
            root_recovery: vec![5],
            version: 1,
            identity_public: [6; 32],
            identity_ct: vec![7],
            home,
            state: USER_ACTIVE,
            created_millis: 0,
        };
        let mut node = self.node(home, home, KIND_DIRECTORY);
        (node.owner, node.lookup_tag) = (user, None);
        self.commit(vec![Change::PutUser(row), Change::PutNode(node)]).await;
    }

    /// The directory of the store.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The file of a chunk.
    pub(crate) fn file_of(&self, blob: &BlobId, generation: u32) -> PathBuf {
        self.store.chunks().layout().chunk(blob, generation)
    }

    /// Ends the process, as far as the store can tell, and starts the next one.
    pub(crate) async fn restart(self) -> Self {
        self.store.shutdown().await.unwrap();
        let Self { store, clock, user, home, dir } = self;
        drop(store);
        let store = open(dir.path(), &clock).await;
        Self { store, clock, user, home, dir }
    }

    /// Statements on the database behind the store's back.
    pub(crate) fn sql(&self, sql: &str) -> usize {
        let conn = rusqlite::Connection::open(self.dir.path().join("coffer.db")).unwrap();
        conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        conn.execute(sql, []).unwrap()
    }

    pub(crate) async fn commit(&self, changes: Vec<Change>) {
        self.store.commit(Commit { changes, ..Commit::default() }).await.unwrap();
    }

    pub(crate) async fn put(&self, chunk: &Chunk) -> ChunkPin {
        self.store.put_chunk(chunk.blob, chunk.bytes.clone()).await.unwrap()
    }

    /// A row of a node; its name is its id.
    pub(crate) fn node(&self, node: NodeId, parent: NodeId, kind: u8) -> NodeRow {
        let mut tag = [0; 32];
        tag[..16].copy_from_slice(&node.0);
        NodeRow {
            node,
            owner: self.user,
            parent,
            kind,
            key_epoch: 1,
            revision: 1,
            content_revision: u64::from(kind == KIND_FILE),
            lookup_tag: Some(tag),
            fold_tag: tag,
            name_ct: vec![8],
            key_ct: vec![9],
            meta_ct: vec![10],
            trashed_millis: None,
            created_millis: self.clock.now_millis(),
        }
    }

    /// A row of a version that names these chunks.
    pub(crate) fn version(&self, node: NodeId, revision: u64, refs: &[BlobId]) -> VersionRow {
        VersionRow {
            node,
            revision,
            owner: self.user,
            size: 100 * refs.len() as u64,
            written_millis: self.clock.now_millis(),
            meta_ct: vec![11],
            manifest_ct: vec![12],
            refs: refs.to_vec(),
            segments: vec![],
        }
    }

    pub(crate) fn segment(&self, segment: SegmentId, refs: &[BlobId]) -> SegmentRow {
        let created_millis = self.clock.now_millis();
        SegmentRow { segment, owner: self.user, refs: refs.to_vec(), created_millis }
    }

    /// The changes that make a file of one version in the home directory.
    pub(crate) fn file(&self, node: NodeId, refs: &[BlobId]) -> Vec<Change> {
        vec![
            Change::PutNode(self.node(node, self.home, KIND_FILE)),
            Change::PutVersion(self.version(node, 1, refs)),
        ]
    }

    /// Uploads chunks and commits a file of them.
    pub(crate) async fn upload(&self, node: NodeId, chunks: &[&Chunk]) -> Result<(), CommitError> {
        let mut pins = Vec::new();
        for chunk in chunks {
            pins.push(self.put(chunk).await);
        }
        let refs: Vec<BlobId> = chunks.iter().map(|chunk| chunk.blob).collect();
        let changes = self.file(node, &refs);
        self.store.commit(Commit { changes, pins, ..Commit::default() }).await.map(drop)
    }
}

fn config(path: &Path) -> StoreConfig {
    StoreConfig { readers: 2, reserve: Reserve::Bytes(0), ..StoreConfig::new(path) }
}

async fn open(path: &Path, clock: &Arc<TestClock>) -> Store {
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(clock);
    let environment = Environment { clock, rng: Arc::new(SystemRandom) };
    Store::open(config(path), environment).await.unwrap()
}

/// Bytes with the layout of a sealed chunk.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) blob: BlobId,
    pub(crate) bytes: Bytes,
}

impl Chunk {
    pub(crate) fn new(seed: u64, length: usize) -> Self {
        let mut bytes = vec![0; length.max(blob::MIN_SEALED_BYTES)];
        blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
        Self { blob: blob::blob_id(&bytes).unwrap(), bytes: bytes.into() }
    }
}

/// The id of a node by a number.
pub(crate) fn node_id(number: u64) -> NodeId {
    let mut id = [0x77; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    NodeId(id)
}
