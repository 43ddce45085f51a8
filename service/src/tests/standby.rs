//! A service over a store that follows another one: it serves reads and refuses
//! what would change something, before any work is done for it.

use super::harness::{Bench, SERVER, answer, code, hash, op, open_config, place};
use super::user::User;
use crate::Service;
use crate::cluster::{Cluster, Hearing, LookUp, Machines};
use coffer_crypto::ServerSecret;
use coffer_protocol::error::Retry;
use coffer_protocol::message::account::{
    LoginFinish, NewCredentials, SecretKind, SignupFinish, SignupStart,
};
use coffer_protocol::message::cluster::{AwaitPosition, ServerRole};
use coffer_protocol::message::event::Watch;
use coffer_protocol::message::share::{
    ConfirmContact, EditGroup, GroupEdit, LeaveShare, Mode, Recipient, ShareNode, Unshare,
};
use coffer_protocol::message::transfer::{AbortUpload, CommitUpload, PutChunk, PutFiles};
use coffer_protocol::message::tree::{
    Copy, Delete, Expect, MakeDirs, Move, PurgeTrash, PurgeVersions, PurgeWhat, RestoreTrash,
    RestoreVersion,
};
use coffer_protocol::{ErrorCode, NodeId, Position, Request, UploadId};
use coffer_store::{
    ChunkPlace, ClusterInit, Environment, Store, StoreConfig, SystemRandom, arrivals,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// What was heard of the primary, as a test wants it.
#[derive(Default)]
struct Heard {
    head: AtomicU64,
    ready: AtomicBool,
}

impl Cluster for Heard {
    fn hearing(&self) -> Option<Hearing> {
        let head = Position { epoch: 1, seq: self.head.load(Ordering::Relaxed) };
        let ready = self.ready.load(Ordering::Relaxed);
        Some(Hearing { head, behind: Duration::from_millis(1500), ready })
    }

    fn machines(&self) -> LookUp<'_> {
        Box::pin(async { Ok(Machines::default()) })
    }
}

/// A standby of the machine of a bench.
struct Standby {
    _dir: TempDir,
    store: Store,
    service: Service,
    heard: Arc<Heard>,
}

impl Standby {
    async fn of(bench: &Bench) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let secret = ServerSecret::derive(&bench.master, &SERVER.0);
        let settings = StoreConfig::new(dir.path().join("data"));
        let check_value = secret.check_value();
        let init = ClusterInit { server_id: SERVER, check_value, created_millis: 0 };
        Store::create_replica(&settings, init).await.unwrap();
        let (clock, rng) = (bench.clock.clone(), Arc::new(SystemRandom));
        let environment = Environment { clock: clock.clone(), rng: rng.clone() };
        let store = Store::open(settings, environment).await.unwrap();
        let service = Service::new(open_config(), store.clone(), secret, SERVER, clock, rng);
        let heard = Arc::new(Heard::default());
        service.set_cluster(Arc::clone(&heard) as Arc<_>);
        let standby = Self { _dir: dir, store, service, heard };
        standby.follow(bench).await;
        standby.heard.ready.store(true, Ordering::Relaxed);
        standby
    }

    /// Takes over what the primary has done since, also what it does meanwhile: records
    /// of what was done come a moment later.
    async fn follow(&self, bench: &Bench) {
        self.take_over(bench).await;
        while self.store.position().await.unwrap() != bench.store.position().await.unwrap() {
            self.take_over(bench).await;
        }
    }

    async fn take_over(&self, bench: &Bench) {
        let after = self.store.position().await.unwrap().seq;
        let entries = bench.store.entries_after(after, 16 << 20).await.unwrap();
        let (mut inline, mut pins) = (Vec::new(), Vec::new());
        for arrival in entries.iter().flat_map(|entry| arrivals(entry).unwrap()) {
            let bytes = bench.store.read_chunk(&arrival.blob).await.unwrap();
            match arrival.place {
                ChunkPlace::Inline => inline.push((arrival.blob, bytes)),
                ChunkPlace::File => {
                    let put = self.store.put_replicated(arrival.blob, arrival.generation, bytes);
                    pins.push(put.await.unwrap());
                }
            }
        }
        let position = self.store.follow(entries, inline, pins).await.unwrap();
        self.heard.head.store(position.seq, Ordering::Relaxed);
    }

    /// The same user at the standby, not signed in.
    fn guest(&self, bench: &Bench, name: &str) -> User {
        User { service: self.service.clone(), ..bench.stranger(name) }
    }

    async fn user(&self, bench: &Bench, name: &str) -> User {
        let mut user = self.guest(bench, name);
        user.sign_in().await.unwrap();
        user
    }

    async fn seq(&self) -> u64 {
        self.store.position().await.unwrap().seq
    }
}

/// Every request that changes something, none of which would be in order.
fn writes() -> Vec<Request> {
    let (node, at) = (NodeId([1; 16]), place("/nowhere"));
    let upload = UploadId([2; 16]);
    let proof = LoginFinish { proof: [1; 32], unlock: [2; 48] };
    let credential = super::harness::credential(&super::harness::keys("ada", 1));
    let with = Recipient::User("bob".to_owned());
    let name = || "friends".to_owned();
    let commit: CommitUpload = super::harness::commit_upload(upload, "/nowhere", &[]);
    vec![
        Request::SignupStart(SignupStart { user_name: "eve".to_owned(), invite: None }),
        Request::SignupFinish(Box::new(SignupFinish {
            user_name: "eve".to_owned(),
            invite: None,
            password: credential.clone(),
            recovery: credential.clone(),
            contact: None,
        })),
        Request::ReplaceCredentials(Box::new(NewCredentials {
            proof: proof.clone(),
            password: credential,
            recovery: None,
        })),
        Request::DeleteAccount(proof),
        Request::MakeDirs(MakeDirs {
            op: op(),
            base: at.clone(),
            dirs: Vec::new(),
            adopt: false,
            parents: false,
        }),
        Request::Move(Move { op: op(), from: at.clone(), to: at.clone(), replace: false }),
        Request::Copy(Copy { op: op(), items: Vec::new() }),
        Request::Delete(Delete { op: op(), items: Vec::new(), recursive: true }),
        Request::RestoreTrash(RestoreTrash { op: op(), node, to: None }),
        Request::PurgeTrash(PurgeTrash { op: op(), what: PurgeWhat::Everything }),
        Request::RestoreVersion(RestoreVersion { op: op(), place: at.clone(), revision: 1 }),
        Request::PurgeVersions(PurgeVersions { op: op(), place: at.clone(), revisions: vec![1] }),
        Request::PutFiles(PutFiles { op: op(), files: Vec::new() }),
        Request::PutChunk(PutChunk { upload, index: 0, hash: hash(b"") }),
        Request::CommitUpload(commit),
        Request::AbortUpload(AbortUpload { upload }),
        Request::Share(ShareNode {
            op: op(),
            place: at.clone(),
            with: with.clone(),
            mode: Mode::Read,
            expires_millis: None,
        }),
        Request::Unshare(Unshare { op: op(), place: at, with }),
        Request::LeaveShare(LeaveShare { op: op(), node }),
        Request::EditGroup(EditGroup { op: op(), name: name(), edit: GroupEdit::Delete }),
        Request::ConfirmContact(ConfirmContact {
            op: op(),
            user_name: "bob".to_owned(),
            safety_number: "1".to_owned(),
        }),
    ]
}

#[tokio::test]
async fn every_write_is_refused_signed_in_or_not() {
    let bench = Bench::new().await;
    bench.user("ada").await;
    let standby = Standby::of(&bench).await;
    let ada = standby.user(&bench, "ada").await;
    let before = standby.seq().await;
    for request in writes() {
        let kind = format!("{request:?}");
        assert_eq!(code(ada.ask(request.clone()).await), ErrorCode::READ_ONLY, "{kind}");
        let guest = standby.guest(&bench, "eve");
        assert_eq!(code(guest.ask(request).await), ErrorCode::READ_ONLY, "{kind}");
    }
    assert_eq!(standby.seq().await, before);
}

#[tokio::test]
async fn reads_are_served_and_nothing_is_written_for_them() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    ada.mkdir("/d").await.unwrap();
    ada.put("/d/small", b"one", Expect::Absent).await.unwrap();
    ada.upload("/d/big", &[&vec![7; 300_000], &vec![8; 10_000]]).await.unwrap();
    let standby = Standby::of(&bench).await;
    let there = standby.user(&bench, "ada").await;
    let before = standby.seq().await;
    assert_eq!(there.names("/d").await, ["big", "small"]);
    assert_eq!(there.cat("/d/small").await.unwrap(), b"one");
    assert_eq!(there.cat("/d/big").await.unwrap().len(), 310_000);
    standby.service.upkeep().await;
    standby.service.shutdown().await;
    assert_eq!(standby.seq().await, before, "neither sign-in nor downloads are recorded here");
    // What goes on at the primary is seen, in spite of what a session remembers.
    let standby = Standby::of(&bench).await;
    let there = standby.user(&bench, "ada").await;
    assert_eq!(there.cat("/d/small").await.unwrap(), b"one");
    ada.put("/d/small", b"two", Expect::Anything).await.unwrap();
    ada.mv("/d/big", "/big", false).await.unwrap();
    standby.follow(&bench).await;
    assert_eq!(there.cat("/d/small").await.unwrap(), b"two");
    assert_eq!(there.names("/d").await, ["small"]);
    assert_eq!(there.cat("/big").await.unwrap().len(), 310_000);
}

#[tokio::test]
async fn a_standby_that_has_not_got_everything_yet_serves_nobody() {
    let bench = Bench::new().await;
    bench.user("ada").await;
    let standby = Standby::of(&bench).await;
    standby.heard.ready.store(false, Ordering::Relaxed);
    let mut ada = standby.guest(&bench, "ada");
    let refused = ada.sign_in().await.expect_err("not yet");
    assert_eq!(refused.code, ErrorCode::BEHIND);
    assert!(matches!(refused.retry, Retry::AfterMillis(_)), "{refused:?}");
    standby.heard.ready.store(true, Ordering::Relaxed);
    ada.link = bench.link("192.0.2.1");
    ada.sign_in().await.unwrap();
}

async fn wait_for(user: &User, seq: u64) -> Result<(), ErrorCode> {
    let position = Position { epoch: 1, seq };
    let wanted = AwaitPosition { position, wait_millis: 100 };
    user.ask(Request::Await(wanted)).await.map(drop).map_err(|error| error.code)
}

#[tokio::test]
async fn readers_wait_for_what_they_have_seen_and_learn_where_the_machine_stands() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    let standby = Arc::new(Standby::of(&bench).await);
    let there = standby.user(&bench, "ada").await;
    let seq = standby.seq().await;
    assert_eq!(wait_for(&there, seq).await, Ok(()));
    assert_eq!(wait_for(&there, seq + 1).await, Err(ErrorCode::BEHIND));
    ada.mkdir("/d").await.unwrap();
    let newer = bench.store.position().await.unwrap().seq;
    let (waited, ()) = tokio::join!(wait_for(&there, newer), standby.follow(&bench));
    assert_eq!(waited, Ok(()));
    standby.heard.head.store(newer + 5, Ordering::Relaxed);
    let info = answer!(there.ask(Request::Cluster).await, Cluster).unwrap();
    assert_eq!((info.role, info.behind_millis), (ServerRole::Standby, 1500));
    assert_eq!((info.position.seq, info.head.seq), (newer, newer + 5));
    let info = answer!(ada.ask(Request::Cluster).await, Cluster).unwrap();
    assert_eq!((info.role, info.behind_millis), (ServerRole::Primary, 0));
    assert_eq!(info.head, info.position);
    let stranger = standby.guest(&bench, "ada");
    assert_eq!(code(stranger.ask(Request::Cluster).await), ErrorCode::NOT_SIGNED_IN);
}

/// Asks again until it is so.
async fn until(mut what: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited too long");
}

#[tokio::test]
async fn what_is_followed_takes_effect_at_once() {
    let bench = Bench::new().await;
    let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
    let standby = Standby::of(&bench).await;
    let service = standby.service.clone();
    let noticing = tokio::spawn(async move { service.notice_followed().await });
    let (ada2, bob2) = (standby.user(&bench, "ada").await, standby.user(&bench, "bob").await);
    let watch = |after| Request::Watch(Watch { after, wait_millis: 20_000 });
    let begun = answer!(bob2.ask(watch(None)).await, Events).unwrap();
    let follow = async {
        ada.mkdir("/d").await.unwrap();
        standby.follow(&bench).await;
    };
    let (told, ()) = tokio::join!(bob2.ask(watch(Some(begun.next))), follow);
    assert!(answer!(told, Events).unwrap().refresh);
    // A new password ends the sessions here; those of others stay.
    let proof = ada.prove_again(SecretKind::Password).await.unwrap();
    let new = super::harness::credential(&super::harness::keys("ada", 9));
    let new = NewCredentials { proof, password: new, recovery: None };
    ada.ask(Request::ReplaceCredentials(Box::new(new))).await.unwrap();
    standby.follow(&bench).await;
    until(async || ada2.ask(Request::WhoAmI).await.is_err()).await;
    assert_eq!(code(ada2.ask(Request::WhoAmI).await), ErrorCode::SESSION_EXPIRED);
    bob2.ask(Request::WhoAmI).await.unwrap();
    drop(bob);
    noticing.abort();
}

#[tokio::test]
async fn contents_are_not_remembered_when_the_tables_were_filled_anew() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    ada.put("/f", b"one", Expect::Absent).await.unwrap();
    let standby = Standby::of(&bench).await;
    let there = standby.user(&bench, "ada").await;
    assert_eq!(there.cat("/f").await.unwrap(), b"one");
    standby.service.replaced().await;
    assert_eq!(there.cat("/f").await.unwrap(), b"one");
    there.ask(Request::WhoAmI).await.unwrap();
}
