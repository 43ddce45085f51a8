//! A service over SQLite in a temporary directory, and users who talk to it.

use crate::fault::Outcome;
use crate::time::tests::FakeClock;
use crate::{Link, Rate, Rates, Service, ServiceConfig, SignupPolicy};
use bytes::Bytes;
use coffer_crypto::{
    AccountKeys, AuthFields, ContentHasher, KDF, MasterKey, SecretKind, ServerSecret, chunk, scram,
};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::{
    Attach, Credential, LoginChallenge, LoginDone, LoginFinish, LoginStart,
    SecretKind as WireKind, SignupFinish, SignupStart,
};
use coffer_protocol::message::transfer::{
    BatchFile, CommitUpload, OpenFile, PutChunk, PutFile, PutFiles, ReadChunk, ReadFiles, Written,
};
use coffer_protocol::message::tree::{
    Delete, DeleteItem, Entry, Expect, List, MakeDirs, Move, NewDir, Stat,
};
use coffer_protocol::{
    Hash32, NodeId, OpId, Place, Request, Response, ServerId, SessionId, UploadId,
};
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
        tracked: 1000,
    };
    ServiceConfig { signup: SignupPolicy::Open, rates, ..ServiceConfig::default() }
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
        let rng = Arc::new(SystemRandom);
        let environment = Environment { clock: clock.clone(), rng: rng.clone() };
        let store = Store::open(settings, environment).await.unwrap();
        let service =
            Service::new(config, store.clone(), secret, SERVER, clock.clone(), rng);
        Self { dir, store, service, clock, master, links: AtomicU64::new(1) }
    }

    pub(super) fn secret(&self) -> ServerSecret {
        ServerSecret::derive(&self.master, &SERVER.0)
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
    chunks.iter().for_each(|data| hasher.add(&hash(data).0, data.len() as u32));
    Hash32(hasher.finish())
}

/// A user with one connection.
pub(super) struct User {
    pub(super) name: String,
    pub(super) service: Service,
    pub(super) link: Arc<Link>,
    pub(super) password: AccountKeys,
    pub(super) recovery: AccountKeys,
    pub(super) attach: Option<(SessionId, coffer_crypto::Key32)>,
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

impl User {
    pub(super) async fn send(&self, request: Request, payload: Bytes) -> Outcome<(Response, Bytes)> {
        let (response, payload) = self.service.handle(&self.link, request, payload).await?;
        Ok((response, payload.pieces().concat().into()))
    }

    pub(super) async fn ask(&self, request: Request) -> Outcome<Response> {
        Ok(self.send(request, Bytes::new()).await?.0)
    }

    pub(super) async fn sign_up(&self, invite: Option<&str>) -> Outcome<()> {
        let (user_name, invite) = (self.name.clone(), invite.map(str::to_owned));
        let start = SignupStart { user_name: user_name.clone(), invite: invite.clone() };
        self.ask(Request::SignupStart(start)).await?;
        let finish = SignupFinish {
            user_name,
            invite,
            password: credential(&self.password),
            recovery: credential(&self.recovery),
            contact: Some("somebody@example.org".to_owned()),
        };
        self.ask(Request::SignupFinish(Box::new(finish))).await.map(drop)
    }

    pub(super) async fn sign_in(&mut self) -> Outcome<LoginDone> {
        self.sign_in_with(WireKind::Password).await
    }

    pub(super) async fn sign_in_with(&mut self, secret: WireKind) -> Outcome<LoginDone> {
        let client_nonce = [3; 32];
        let start = LoginStart { user_name: self.name.clone(), secret, client_nonce };
        let challenge = answer!(self.ask(Request::LoginStart(start)).await, LoginChallenge)?;
        let (finish, auth) = self.prove(secret, client_nonce, &challenge);
        let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
        let done = answer!(self.ask(Request::LoginFinish(proof)).await, LoginDone)?;
        let keys = self.keys(secret);
        scram::verify_server(keys, &auth, &done.server_signature).unwrap();
        self.attach = Some((done.session_id, finish.attach_key));
        Ok(done)
    }

    fn keys(&self, secret: WireKind) -> &AccountKeys {
        match secret {
            WireKind::Password => &self.password,
            WireKind::Recovery => &self.recovery,
        }
    }

    pub(super) fn prove(
        &self,
        secret: WireKind,
        client_nonce: [u8; 32],
        challenge: &LoginChallenge,
    ) -> (scram::ClientFinish, [u8; 32]) {
        let secret_kind = match secret {
            WireKind::Password => SecretKind::Password,
            WireKind::Recovery => SecretKind::Recovery,
        };
        let auth = scram::auth_message(&AuthFields {
            server_id: &SERVER.0,
            user_name: &self.name,
            secret_kind,
            client_nonce: &client_nonce,
            salt: &challenge.salt,
            kdf: KDF,
            server_nonce: &challenge.server_nonce,
            exporter: self.link.exporter(),
        });
        (scram::client_finish(self.keys(secret), &auth), auth)
    }

    /// Proves a secret again inside the session.
    pub(super) async fn prove_again(&self, secret: WireKind) -> Outcome<LoginFinish> {
        let challenge = answer!(self.ask(Request::ProveAgain(secret)).await, LoginChallenge)?;
        let (finish, _) = self.prove(secret, [0; 32], &challenge);
        Ok(LoginFinish { proof: finish.proof, unlock: finish.unlock })
    }

    /// The same user on a further connection.
    pub(super) async fn attached(&self, link: Arc<Link>) -> Outcome<User> {
        let (session_id, key) = self.attach.as_ref().expect("signed in");
        let mac = scram::attach_mac(key, &session_id.0, link.exporter());
        let user = User {
            name: self.name.clone(),
            service: self.service.clone(),
            link,
            password: keys(&self.name, 1),
            recovery: keys(&self.name, 2),
            attach: None,
        };
        user.ask(Request::Attach(Attach { session_id: *session_id, mac })).await?;
        Ok(user)
    }

    pub(super) async fn stat(&self, path: &str) -> Outcome<Entry> {
        answer!(self.ask(Request::Stat(Stat { place: place(path) })).await, Entry)
    }

    pub(super) async fn node(&self, path: &str) -> NodeId {
        self.stat(path).await.unwrap().node
    }

    pub(super) async fn mkdir(&self, path: &str) -> Outcome<NodeId> {
        let dirs = vec![NewDir { names: place(path).names, modified_millis: None }];
        let base = Place::home();
        let make = MakeDirs { op: op(), base, dirs, adopt: false, parents: false };
        Ok(answer!(self.ask(Request::MakeDirs(make)).await, Made)?.nodes[0])
    }

    pub(super) async fn put(&self, path: &str, data: &[u8], expect: Expect) -> Outcome<Written> {
        let request = put_files(op(), &[(place(path), data, expect)]);
        let (answer, _) = self.send(request.0, request.1).await?;
        let Response::BatchWritten(mut written) = answer else { panic!("unexpected {answer:?}") };
        written.files.remove(0)
    }

    pub(super) async fn names(&self, path: &str) -> Vec<String> {
        let list = List { place: place(path), cursor: None, limit: 1000 };
        let answer = self.ask(Request::List(list)).await.unwrap();
        let Response::List(page) = answer else { panic!("unexpected {answer:?}") };
        let mut names: Vec<_> = page.entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        names
    }

    pub(super) async fn mv(&self, from: &str, to: &str, replace: bool) -> Outcome<Written> {
        let request = Move { op: op(), from: place(from), to: place(to), replace };
        answer!(self.ask(Request::Move(request)).await, Written)
    }

    pub(super) async fn rm(&self, path: &str, recursive: bool) -> Outcome<NodeId> {
        let items = vec![DeleteItem { place: place(path), revision: None }];
        let request = Delete { op: op(), items, recursive };
        answer!(self.ask(Request::Delete(request)).await, Outcomes)?.items.remove(0)
    }

    /// Reads a whole file, chunk by chunk.
    pub(super) async fn read(&self, place: Place, revision: Option<u64>) -> Outcome<Vec<u8>> {
        let open = OpenFile { place, revision };
        let info = answer!(self.ask(Request::OpenFile(open)).await, File)?;
        let (node, revision) = (info.entry.node, info.entry.revision);
        let mut data = Vec::new();
        for index in 0..info.chunks {
            let request = Request::ReadChunk(ReadChunk { node, revision, index });
            data.extend_from_slice(&self.send(request, Bytes::new()).await?.1);
        }
        assert_eq!(data.len() as u64, info.entry.size);
        Ok(data)
    }

    pub(super) async fn cat(&self, path: &str) -> Outcome<Vec<u8>> {
        self.read(place(path), None).await
    }

    pub(super) async fn read_batch(
        &self,
        nodes: Vec<NodeId>,
    ) -> Outcome<(Vec<Outcome<BatchFile>>, Bytes)> {
        let request = Request::ReadFiles(ReadFiles { nodes });
        let (answer, payload) = self.send(request, Bytes::new()).await?;
        let Response::BatchRead(read) = answer else { panic!("unexpected {answer:?}") };
        Ok((read.files, payload))
    }

    pub(super) async fn put_chunk(&self, upload: UploadId, index: u64, data: &[u8]) -> Outcome<()> {
        let request = PutChunk { upload, index, hash: hash(data) };
        let data = Bytes::copy_from_slice(data);
        self.send(Request::PutChunk(request), data).await.map(drop)
    }

    pub(super) async fn commit(&self, request: CommitUpload) -> Outcome<Written> {
        answer!(self.ask(Request::CommitUpload(request)).await, Written)
    }

    /// Uploads a file in chunks.
    pub(super) async fn upload(&self, path: &str, chunks: &[&[u8]]) -> Outcome<Written> {
        let upload = UploadId(op().0);
        for (index, data) in chunks.iter().enumerate() {
            self.put_chunk(upload, index as u64, data).await?;
        }
        self.commit(commit_upload(upload, path, chunks)).await
    }
}

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
