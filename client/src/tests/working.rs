//! Work that a server asks for is done once, and only when it is asked for.

use crate::checking::{Checking, Working};
use crate::error::ClientError;
use crate::link::{Link, ask};
use bytes::Bytes;
use coffer_crypto::work::{Challenge, is_solved};
use coffer_crypto::{MasterKey, ServerSecret};
use coffer_protocol::message::account::{LoginStart, SecretKind};
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::transfer::PutFiles;
use coffer_protocol::message::work::{DeviceToken, Purpose, WorkChallenge};
use coffer_protocol::message::{Welcome, Window};
use coffer_protocol::version::Features;
use coffer_protocol::{ErrorCode, OpId, Request, Response, ServerId, WireError};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use std::sync::{Arc, Mutex};

const EXPORTER: [u8; 32] = [6; 32];

#[derive(Default)]
struct State {
    seen: Vec<&'static str>,
    /// Requests that go through without (more) work.
    credit: usize,
}

/// A connection to a server that asks for work.
struct Asking {
    welcome: Welcome,
    difficulty: u8,
    secret: ServerSecret,
    /// What one piece of work buys.
    worth: usize,
    state: Mutex<State>,
}

impl Asking {
    fn new(features: Features, difficulty: u8, worth: usize) -> Arc<Self> {
        let welcome = Welcome {
            version: 2,
            features,
            server_id: ServerId([7; 32]),
            epoch: 1,
            role: ServerRole::Primary,
            agent: "asking".to_owned(),
            window: Window { requests: 8, bytes: 1 << 20 },
        };
        let master = MasterKey::generate().expect("random");
        let secret = ServerSecret::derive(&master, &[7; 32]);
        Arc::new(Self { welcome, difficulty, secret, worth, state: Mutex::default() })
    }

    fn seen(&self) -> Vec<&'static str> {
        self.state.lock().expect("no panic").seen.clone()
    }

    fn answer(&self, request: &Request) -> Result<Response, WireError> {
        let mut state = self.state.lock().expect("no panic");
        match request {
            Request::AskWork(purpose) => {
                state.seen.push("ask");
                assert!(matches!(purpose, Purpose::SignIn | Purpose::Upload));
                let difficulty = self.difficulty;
                let of = Challenge { purpose: 2, difficulty, issued_millis: 1, random: [4; 16] };
                let challenge = self.secret.make_challenge(&EXPORTER, &of);
                Ok(Response::Work(WorkChallenge { challenge }))
            }
            Request::ProveWork(proof) => {
                state.seen.push("prove");
                assert!(is_solved(&EXPORTER, &proof.challenge, &proof.nonces));
                state.credit += self.worth;
                Ok(Response::Done)
            }
            Request::KnowDevice(_) => {
                state.seen.push("device");
                state.credit = 1;
                Ok(Response::Done)
            }
            _ if state.credit == 0 => {
                state.seen.push("refused");
                Err(WireError::new(ErrorCode::WORK_NEEDED, "work first", ""))
            }
            _ => {
                state.seen.push("done");
                state.credit -= 1;
                Ok(Response::Done)
            }
        }
    }
}

/// The same, behind the trait.
struct Wire(Arc<Asking>);

impl Link for Wire {
    fn welcome(&self) -> &Welcome {
        &self.0.welcome
    }

    fn exporter(&self) -> &[u8; 32] {
        &EXPORTER
    }

    fn is_open(&self) -> bool {
        true
    }

    fn as_of(&self) -> u64 {
        0
    }

    fn call(
        &self,
        request: Request,
        _payload: Bytes,
    ) -> BoxFuture<'_, Result<(Response, Bytes), ClientError>> {
        async move {
            tokio::task::yield_now().await;
            Ok((self.0.answer(&request)?, Bytes::new()))
        }
        .boxed()
    }
}

fn working(server: &Arc<Asking>, device: Option<DeviceToken>) -> (Working, Checking) {
    let checking = Checking::default();
    (Working::new(Arc::new(Wire(Arc::clone(server))), checking.clone(), device), checking)
}

fn start() -> Request {
    let (user_name, secret) = ("anna".to_owned(), SecretKind::Password);
    Request::LoginStart(LoginStart { user_name, secret, client_nonce: [1; 32] })
}

fn put() -> Request {
    Request::PutFiles(PutFiles { op: OpId([1; 16]), files: Vec::new() })
}

#[tokio::test]
async fn work_is_done_when_it_is_asked_for_and_the_request_repeated() {
    let server = Asking::new(Features::SUPPORTED, 6, 1);
    let (link, checking) = working(&server, None);
    ask(&link, start()).await.expect("answered");
    assert_eq!(server.seen(), ["refused", "ask", "prove", "done"]);
    assert_eq!(*checking.subscribe().borrow(), 0);
    let other = ask(&link, Request::WhoAmI).await.expect_err("nothing that work is asked for");
    assert_eq!(other.wire_code(), Some(ErrorCode::WORK_NEEDED));
    assert_eq!(server.seen().last(), Some(&"refused"));
}

#[tokio::test]
async fn requests_that_wait_for_the_same_work_have_it_done_once() {
    let server = Asking::new(Features::SUPPORTED, 6, 8);
    let (link, _) = working(&server, None);
    let all = join_all((0..8).map(|_| ask(&link, put()))).await;
    assert!(all.iter().all(Result::is_ok));
    let count = |what| server.seen().iter().filter(|seen| **seen == what).count();
    assert_eq!((count("prove"), count("done")), (1, 8));
}

#[tokio::test]
async fn a_known_device_says_so_with_its_first_request() {
    let server = Asking::new(Features::SUPPORTED, 6, 1);
    let (link, _) = working(&server, Some(DeviceToken { token: [1; 89] }));
    ask(&link, start()).await.expect("answered");
    assert!(!server.seen().contains(&"ask"));
    ask(&link, start()).await.expect("answered");
    let said = server.seen().iter().filter(|seen| **seen == "device").count();
    assert_eq!(said, 1);
}

#[tokio::test]
async fn an_unreasonable_server_is_refused_and_an_older_one_is_never_asked() {
    let server = Asking::new(Features::SUPPORTED, 25, 1);
    let (link, checking) = working(&server, None);
    let refused = ask(&link, start()).await.expect_err("too much");
    assert_eq!(refused.wire_code(), Some(ErrorCode::BAD_WORK));
    assert_eq!(*checking.subscribe().borrow(), 0);
    let nothing = Asking::new(Features::SUPPORTED, 1, 0);
    let (link, _) = working(&nothing, None);
    assert!(ask(&link, start()).await.is_err(), "work that buys nothing is not done for ever");

    let older = Asking::new(Features::ATTACH, 6, 1);
    older.state.lock().expect("no panic").credit = 1;
    let (link, _) = working(&older, Some(DeviceToken { token: [1; 89] }));
    ask(&link, start()).await.expect("answered");
    assert_eq!(older.seen(), ["done"]);
}

#[tokio::test]
async fn work_that_nobody_waits_for_any_more_ends() {
    let server = Asking::new(Features::SUPPORTED, 24, 1);
    let (link, checking) = working(&server, None);
    let mut busy = checking.subscribe();
    tokio::select! {
        _ = ask(&link, start()) => panic!("this takes far longer"),
        begun = async { busy.wait_for(|count| *count == 1).await.is_ok() } => assert!(begun),
    }
    assert_eq!(*checking.subscribe().borrow(), 0);
    assert!(!server.seen().contains(&"prove"));
}
