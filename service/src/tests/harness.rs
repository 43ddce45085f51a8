//! A service over SQLite in a temporary directory, and users who talk to it.

use super::user::User;
use crate::fault::Outcome;
use crate::time::tests::FakeClock;
use crate::{Allowance, Link, Rate, Rates, Service, ServiceConfig, SignupPolicy, Work};
use bytes::Bytes;
use coffer_crypto::{AccountKeys, ContentHasher, MasterKey, ServerSecret, chunk};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::Credential;
use coffer_protocol::message::transfer::{CommitUpload, PutFile, PutFiles};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{Hash32, OpId, Place, Request, ServerId, UploadId};
use coffer_store::{ClusterInit, Environment, Store, StoreConfig, SystemRandom};
use rusqlite::Connection;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub(super) const SERVER: ServerId = ServerId([9; 32]);

/// A service with everything around it.
pub(super) struct Bench {
    pub(super) dir: TempDir,
    pub(super) store: Store,
    pub(super) service: Service,
    pub(super) clock: Arc<FakeClock>,
    pub(super) master: MasterKey,
    links: AtomicU64,
}

/// A configuration in which nothing is in the way of a test.
pub(super) fn open_config() -> ServiceConfig {
    let free = Rate::new(1_000_000, Duration::from_millis(1));
    let rates = Rates {
        sign_in_per_address: free,
        sign_in_per_account: free,
        sign_up_per_address: free,
        look_up_per_user: free,
        requests_per_user: free,
        tracked: 1000,
    };
    let work = Work { most: 0, ..Work::default() };
    ServiceConfig { signup: SignupPolicy::Open, rates, work, ..ServiceConfig::default() }
}

/// The same, with so many bytes for each user.
pub(super) fn allowing(bytes: u64) -> ServiceConfig {
    ServiceConfig { allowance: Allowance { bytes: Some(bytes), nodes: None }, ..open_config() }
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(open_config()).await
    }

    pub(super) async fn with(config: ServiceConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FakeClock::default());
        let master = MasterKey::generate().unwrap();
        let secret = ServerSecret::derive(&master, &SERVER.0);
        let settings = StoreConfig::new(dir.path().join("data"));
        let check_value = secret.check_value();
        let init = ClusterInit { server_id: SERVER, check_value, created_millis: 0 };
        Store::create(&settings, init).await.unwrap();
        Self::opened(dir, master, clock, config).await
    }

    /// A service over what is there.
    pub(super) async fn opened(
        dir: TempDir,
        master: MasterKey,
        clock: Arc<FakeClock>,
        config: ServiceConfig,
    ) -> Self {
        let secret = ServerSecret::derive(&master, &SERVER.0);
        let settings = StoreConfig::new(dir.path().join("data"));
        let rng = Arc::new(SystemRandom);
        let environment = Environment { clock: clock.clone(), rng: rng.clone() };
        let store = Store::open(settings, environment).await.unwrap();
        let service = Service::new(config, store.clone(), secret, SERVER, clock.clone(), rng);
        Self { dir, store, service, clock, master, links: AtomicU64::new(1) }
    }

    pub(super) fn secret(&self) -> ServerSecret {
        ServerSecret::derive(&self.master, &SERVER.0)
    }

    /// The time, milliseconds since 1970.
    pub(super) fn millis(&self) -> i64 {
        coffer_store::Clock::now_millis(self.clock.as_ref())
    }

    /// A new connection from an address.
    pub(super) fn link(&self, address: &str) -> Arc<Link> {
        let number = self.links.fetch_add(1, Ordering::Relaxed);
        let mut exporter = [0; 32];
        exporter[..8].copy_from_slice(&number.to_be_bytes());
        Arc::new(Link::new(exporter, address.parse::<IpAddr>().unwrap()))
    }

    /// Somebody who is not signed in.
    pub(super) fn stranger(&self, name: &str) -> User {
        User {
            name: name.to_owned(),
            service: self.service.clone(),
            link: self.link("192.0.2.1"),
            password: keys(name, 1),
            recovery: keys(name, 2),
            attach: None,
        }
    }

    /// Somebody who has signed up and in.
    pub(super) async fn user(&self, name: &str) -> User {
        let mut user = self.stranger(name);
        user.sign_up(None).await.unwrap();
        user.sign_in().await.unwrap();
        user
    }

    /// A second connection to the database, as a thief or a bad disk has.
    pub(super) fn sql(&self) -> Connection {
        let sql = Connection::open(self.dir.path().join("data").join("coffer.db")).unwrap();
        sql.busy_timeout(Duration::from_secs(10)).unwrap();
        sql
    }
}

/// Keys as a password gives them, without the work.
pub(super) fn keys(name: &str, salt: u8) -> AccountKeys {
    let mut saved = [salt; 64];
    saved[..32].copy_from_slice(blake3::hash(name.as_bytes()).as_bytes());
    saved[0] ^= salt;
    AccountKeys::from_saved(&saved)
}

pub(super) fn credential(keys: &AccountKeys) -> Credential {
    let parts = keys.credential();
    Credential {
        stored_key: parts.stored_key,
        server_key: parts.server_key,
        unlock_key: parts.unlock_key,
    }
}

static OPS: AtomicU64 = AtomicU64::new(1);

/// An operation id that was not used before.
pub(super) fn op() -> OpId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&OPS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    OpId(id)
}

pub(super) fn place(path: &str) -> Place {
    Place::parse(path).unwrap()
}

pub(super) fn hash(data: &[u8]) -> Hash32 {
    Hash32(chunk::plain_hash(&SERVER.0, data))
}

pub(super) fn content_hash(chunks: &[&[u8]]) -> Hash32 {
    let mut hasher = ContentHasher::new(&SERVER.0);
    for data in chunks {
        hasher.add(&hash(data).0, data.len() as u32);
    }
    Hash32(hasher.finish())
}

macro_rules! answer {
    ($answer:expr, $variant:ident) => {
        match $answer {
            Ok(coffer_protocol::Response::$variant(value)) => Ok(value),
            Ok(other) => panic!("unexpected answer {other:?}"),
            Err(error) => Err(error),
        }
    };
}
pub(super) use answer;

pub(super) fn commit_upload(upload: UploadId, path: &str, chunks: &[&[u8]]) -> CommitUpload {
    CommitUpload {
        op: op(),
        upload,
        to: place(path),
        size: chunks.iter().map(|data| data.len() as u64).sum(),
        chunks: chunks.len() as u64,
        content_hash: content_hash(chunks),
        modified_millis: 77,
        executable: false,
        expect: Expect::Anything,
    }
}

pub(super) fn put_files(op: OpId, files: &[(Place, &[u8], Expect)]) -> (Request, Bytes) {
    let mut payload = Vec::new();
    let files = files
        .iter()
        .map(|(to, data, expect)| {
            payload.extend_from_slice(data);
            PutFile {
                to: to.clone(),
                len: data.len() as u32,
                hash: hash(data),
                modified_millis: 77,
                executable: false,
                expect: *expect,
            }
        })
        .collect();
    (Request::PutFiles(PutFiles { op, files }), payload.into())
}

/// The code of an error.
pub(super) fn code<T: std::fmt::Debug>(outcome: Outcome<T>) -> ErrorCode {
    outcome.expect_err("an error").code
}
