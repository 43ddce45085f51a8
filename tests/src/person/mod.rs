//! A person who speaks the protocol directly: no client library in between
//! that would leave a request out, ask twice, or refuse to send it.
//!
//! The keys are random instead of stretched from a password, so that an
//! account is made in milliseconds.

mod content;
mod sharing;
mod tree;

pub use content::new_upload;
pub use sharing::{Watcher, deed_name, group, millis_from_now, until, user};
pub use tree::{inside, node_place};

use bytes::Bytes;
use coffer_crypto::{AccountKeys, AuthFields, KDF, SecretKind as Kind, scram};
use coffer_protocol::link::Link;
use coffer_protocol::message::account::{
    AccountInfo, Credential, LoginChallenge, LoginDone, LoginFinish, LoginStart, SecretKind,
    SignupFinish, SignupStart,
};
use coffer_protocol::message::work::{Purpose, WorkChallenge, WorkProof};
use coffer_protocol::{ErrorCode, NodeId, OpId, Request, Response, ServerId, WireError};
use coffer_transport::client::{CallError, Connection, Target};

/// What a request comes to.
pub type Answer<T> = Result<T, WireError>;

/// Takes the expected variant out of an answer.
#[macro_export]
macro_rules! expect_answer {
    ($answer:expr, $variant:ident) => {
        match $answer? {
            coffer_protocol::Response::$variant(value) => Ok(value),
            other => panic!("unexpected answer {other:?}"),
        }
    };
}

/// A signed-in user on one connection.
pub struct Person {
    /// User name.
    pub name: String,
    /// The user's own directory.
    pub home: NodeId,
    link: Link,
    seed: [u8; 64],
    connection: Connection,
}

impl Person {
    /// Makes an account, and signs in.
    pub async fn sign_up(link: &Link, name: &str) -> Self {
        let mut seed = [0; 64];
        getrandom::fill(&mut seed).expect("randomness");
        let connection = connect(link).await;
        work(&connection, Purpose::SignUp).await.expect("the work is good");
        let start = SignupStart { user_name: name.to_owned(), invite: link.invite.clone() };
        ask(&connection, Request::SignupStart(start)).await.expect("sign-up begins");
        let finish = SignupFinish {
            user_name: name.to_owned(),
            invite: link.invite.clone(),
            password: credential(&AccountKeys::from_saved(&seed)),
            recovery: credential(&AccountKeys::from_saved(&[7; 64])),
            contact: None,
        };
        let finish = Request::SignupFinish(Box::new(finish));
        ask(&connection, finish).await.expect("sign-up ends");
        let done = sign_in(&connection, name, &seed).await;
        Self { name: name.to_owned(), home: done.home, link: link.clone(), seed, connection }
    }

    /// The same person in a session of its own, which remembers nothing.
    pub async fn again(&self) -> Self {
        let connection = connect(&self.link).await;
        let done = sign_in(&connection, &self.name, &self.seed).await;
        let (name, link) = (self.name.clone(), self.link.clone());
        Self { name, home: done.home, link, seed: self.seed, connection }
    }

    /// The same person at another machine of the installation.
    pub async fn at(&self, link: &Link) -> Answer<Self> {
        let connection = connect(link).await;
        let done = try_sign_in(&connection, &self.name, &self.seed).await?;
        let (name, link) = (self.name.clone(), link.clone());
        Ok(Self { name, home: done.home, link, seed: self.seed, connection })
    }

    /// What the last answer was as of.
    pub fn as_of(&self) -> u64 {
        self.connection.as_of()
    }

    /// Deletes the account.
    pub async fn delete_account(self) {
        let again = self.ask(Request::ProveAgain(SecretKind::Password)).await;
        let Ok(Response::LoginChallenge(challenge)) = again else { panic!("{again:?}") };
        let keys = AccountKeys::from_saved(&self.seed);
        let auth = auth(&self.connection, &self.name, [0; 32], &challenge);
        let finish = scram::client_finish(&keys, &auth);
        let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
        self.ask(Request::DeleteAccount(proof)).await.expect("the account goes");
    }

    /// Asks, with a payload.
    pub async fn call(&self, request: Request, payload: Bytes) -> Answer<(Response, Bytes)> {
        call(&self.connection, request, payload).await
    }

    /// Asks for an answer without a payload.
    pub async fn ask(&self, request: Request) -> Answer<Response> {
        self.call(request, Bytes::new()).await.map(|(response, _)| response)
    }

    /// The installation, which hashes belong to.
    pub fn server_id(&self) -> ServerId {
        self.connection.welcome().server_id
    }

    /// Whether the server still takes requests on this connection.
    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// The epoch of the positions on this connection.
    pub fn epoch(&self) -> u64 {
        self.connection.welcome().epoch
    }

    /// The account, with what is charged to it.
    pub async fn account(&self) -> AccountInfo {
        match self.ask(Request::WhoAmI).await {
            Ok(Response::Account(account)) => account,
            other => panic!("unexpected answer {other:?}"),
        }
    }
}

/// An operation id that was not used before.
pub fn new_op() -> OpId {
    let mut id = [0; 16];
    getrandom::fill(&mut id).expect("randomness");
    OpId(id)
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(answer: Answer<T>) -> ErrorCode {
    answer.expect_err("a refusal").code
}

async fn connect(link: &Link) -> Connection {
    Connection::open(&Target::from(link), "coffer-tests").await.expect("the server answers")
}

/// Does the work that the server asks for at this moment.
pub async fn work(connection: &Connection, purpose: Purpose) -> Answer<()> {
    let WorkChallenge { challenge } =
        expect_answer!(ask(connection, Request::AskWork(purpose)).await, Work)?;
    let nonces = coffer_crypto::work::solve(connection.exporter(), &challenge, &false.into());
    let nonces = nonces.expect("a challenge that can be solved");
    ask(connection, Request::ProveWork(WorkProof { challenge, nonces })).await.map(drop)
}

async fn call(
    connection: &Connection,
    request: Request,
    payload: Bytes,
) -> Answer<(Response, Bytes)> {
    match connection.call(request, payload).await {
        Ok(answer) => Ok(answer),
        Err(CallError::Wire(error)) => Err(error),
        Err(other) => panic!("the connection failed: {other}"),
    }
}

async fn ask(connection: &Connection, request: Request) -> Answer<Response> {
    call(connection, request, Bytes::new()).await.map(|(response, _)| response)
}

fn credential(keys: &AccountKeys) -> Credential {
    let parts = keys.credential();
    Credential {
        stored_key: parts.stored_key,
        server_key: parts.server_key,
        unlock_key: parts.unlock_key,
    }
}

fn auth(
    connection: &Connection,
    name: &str,
    client_nonce: [u8; 32],
    challenge: &LoginChallenge,
) -> [u8; 32] {
    scram::auth_message(&AuthFields {
        server_id: connection.welcome().server_id.as_bytes(),
        user_name: name,
        secret_kind: Kind::Password,
        client_nonce: &client_nonce,
        salt: &challenge.salt,
        kdf: KDF,
        server_nonce: &challenge.server_nonce,
        exporter: connection.exporter(),
    })
}

async fn sign_in(connection: &Connection, name: &str, seed: &[u8; 64]) -> LoginDone {
    try_sign_in(connection, name, seed).await.expect("a session")
}

async fn try_sign_in(connection: &Connection, name: &str, seed: &[u8; 64]) -> Answer<LoginDone> {
    work(connection, Purpose::SignIn).await?;
    let (client_nonce, secret) = ([3; 32], SecretKind::Password);
    let start = LoginStart { user_name: name.to_owned(), secret, client_nonce };
    let challenge =
        expect_answer!(ask(connection, Request::LoginStart(start)).await, LoginChallenge)?;
    let keys = AccountKeys::from_saved(seed);
    let finish = scram::client_finish(&keys, &auth(connection, name, client_nonce, &challenge));
    let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
    expect_answer!(ask(connection, Request::LoginFinish(proof)).await, LoginDone)
}

/// Tries to make an account; what it says at the beginning.
pub async fn begin_sign_up(link: &Link, name: &str) -> Answer<Response> {
    let connection = connect(link).await;
    work(&connection, Purpose::SignUp).await?;
    let start = SignupStart { user_name: name.to_owned(), invite: link.invite.clone() };
    ask(&connection, Request::SignupStart(start)).await
}
