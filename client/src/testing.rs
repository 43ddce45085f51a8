//! A server without a network: it does the sign-in with the real cryptography
//! and answers everything else from a script.

use crate::client::{Client, ClientOptions};
use crate::cluster::{Cluster, Machine};
use crate::error::ClientError;
use crate::home::Home;
use crate::link::{Dial, Link};
use crate::profile::Profile;
use crate::retry::Policy;
use crate::session::Session;
use bytes::Bytes;
use coffer_crypto::scram::{auth_message, server_finish, verify_attach};
use coffer_crypto::{AccountKeys, AuthFields, Key32, SecretKind, Verifier};
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::account::{
    Credential, KdfParams, LoginChallenge, LoginDone, LoginFinish,
};
use coffer_protocol::message::cluster::{ClusterInfo, Endpoint, EpochProof, ServerRole};
use coffer_protocol::message::work::DeviceToken;
use coffer_protocol::message::{Welcome, Window};
use coffer_protocol::version::{CURRENT, Features};
use coffer_protocol::{
    ErrorCode, NodeId, Position, Request, Response, ServerId, SessionId, UserId, WireError,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const SERVER: ServerId = ServerId([7; 32]);
pub(crate) const SALT: [u8; 32] = [5; 32];
pub(crate) const KDF: KdfParams = KdfParams { id: 1, iterations: 600_000 };
pub(crate) const USER: &str = "anna";

/// What the server does with one request.
pub(crate) enum Step {
    Answer(Response, Bytes),
    Refuse(WireError),
    /// The connection breaks; whether the request was carried out is open.
    Break,
}

impl Step {
    pub(crate) fn done() -> Self {
        Self::Answer(Response::Done, Bytes::new())
    }

    pub(crate) fn answer(response: Response) -> Self {
        Self::Answer(response, Bytes::new())
    }
}

/// Whether a machine is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    /// Connections are made and requests taken, and nothing is ever answered.
    Silent,
    /// Connections break and none are made.
    Gone,
}

/// What a test may turn.
pub(crate) struct Nature {
    pub(crate) server_id: ServerId,
    pub(crate) epoch: u64,
    pub(crate) role: ServerRole,
    pub(crate) position: Position,
    /// Number of the newest entry, as every answer says it.
    pub(crate) as_of: u64,
    /// What `Cluster` is answered with.
    pub(crate) cluster: Option<ClusterInfo>,
    /// Questions about machines, positions and epochs, in order.
    pub(crate) asides: Vec<Request>,
    pub(crate) presence: Presence,
    pub(crate) salt: [u8; 32],
    pub(crate) kdf: KdfParams,
    /// Answers sign-in with a signature of its own making.
    pub(crate) impostor: bool,
    pub(crate) stored_key: [u8; 32],
    pub(crate) server_key: [u8; 32],
    pub(crate) script: VecDeque<Step>,
    pub(crate) refuse_dials: usize,
    /// Requests other than those of sign-in, with the connection they came on.
    pub(crate) seen: Vec<(usize, Request)>,
    pub(crate) dials: usize,
    pub(crate) sign_ins: usize,
    /// What a sign-up or a change of password handed over is kept.
    pub(crate) keep_credentials: bool,
    attach_key: Option<Arc<Key32>>,
}

pub(crate) struct FakeServer(Mutex<Nature>);

impl FakeServer {
    pub(crate) fn new(keys: &AccountKeys) -> Arc<Self> {
        let parts = keys.credential();
        Arc::new(Self(Mutex::new(Nature {
            server_id: SERVER,
            epoch: 3,
            role: ServerRole::Primary,
            position: Position { epoch: 3, seq: 100 },
            as_of: 0,
            cluster: None,
            asides: Vec::new(),
            presence: Presence::There,
            salt: SALT,
            kdf: KDF,
            impostor: false,
            stored_key: parts.stored_key,
            server_key: parts.server_key,
            script: VecDeque::new(),
            refuse_dials: 0,
            seen: Vec::new(),
            dials: 0,
            sign_ins: 0,
            keep_credentials: true,
            attach_key: None,
        })))
    }

    pub(crate) fn with<T>(&self, turn: impl FnOnce(&mut Nature) -> T) -> T {
        turn(&mut self.0.lock().expect("no panic"))
    }

    pub(crate) fn script(&self, steps: impl IntoIterator<Item = Step>) {
        self.with(|nature| nature.script.extend(steps));
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.with(|nature| nature.seen.iter().map(|(_, request)| request.clone()).collect())
    }
}

/// The way to a fake server, whichever machine is asked for.
pub(crate) struct FakeDialer(pub(crate) Arc<FakeServer>);

impl Dial for FakeDialer {
    fn dial<'a>(&'a self, _to: &'a Machine) -> BoxFuture<'a, Result<Arc<dyn Link>, ClientError>> {
        self.0.dial()
    }
}

/// The way to several fake servers, by their host names.
#[derive(Default)]
pub(crate) struct FakeNetwork(pub(crate) HashMap<&'static str, Arc<FakeServer>>);

impl Dial for FakeNetwork {
    fn dial<'a>(&'a self, to: &'a Machine) -> BoxFuture<'a, Result<Arc<dyn Link>, ClientError>> {
        match self.0.get(to.host.as_str()) {
            Some(server) => server.dial(),
            None => async { Err(nobody()) }.boxed(),
        }
    }
}

fn nobody() -> ClientError {
    ClientError::Unreachable { target: "fake:1".to_owned(), detail: "refused".to_owned() }
}

impl FakeServer {
    fn dial(self: &Arc<Self>) -> BoxFuture<'static, Result<Arc<dyn Link>, ClientError>> {
        let link = self.with(|nature| {
            nature.dials += 1;
            if nature.presence == Presence::Gone {
                return Err(nobody());
            }
            if nature.refuse_dials > 0 {
                nature.refuse_dials -= 1;
                return Err(nobody());
            }
            let welcome = Welcome {
                version: CURRENT,
                features: Features::SUPPORTED,
                server_id: nature.server_id,
                epoch: nature.epoch,
                role: nature.role,
                agent: "fake".to_owned(),
                window: Window { requests: 8, bytes: 1 << 20 },
            };
            Ok((welcome, nature.dials))
        });
        let server = Arc::clone(self);
        let link = link.map(|(welcome, number)| {
            let state = Mutex::new(LinkState { open: true, nonce: [0; 32], kind: None });
            let exporter = [number as u8; 32];
            Arc::new(FakeLink { server, number, welcome, exporter, state }) as Arc<dyn Link>
        });
        async { link }.boxed()
    }
}

struct LinkState {
    open: bool,
    nonce: [u8; 32],
    kind: Option<SecretKind>,
}

struct FakeLink {
    server: Arc<FakeServer>,
    number: usize,
    welcome: Welcome,
    exporter: [u8; 32],
    state: Mutex<LinkState>,
}

fn kind_of(kind: coffer_protocol::message::account::SecretKind) -> SecretKind {
    match kind {
        coffer_protocol::message::account::SecretKind::Password => SecretKind::Password,
        coffer_protocol::message::account::SecretKind::Recovery => SecretKind::Recovery,
    }
}

impl FakeLink {
    fn challenge(nature: &Nature) -> Response {
        let (salt, kdf) = (nature.salt, nature.kdf);
        Response::LoginChallenge(LoginChallenge { salt, kdf, server_nonce: [9; 32] })
    }

    fn expect(&self, nonce: [u8; 32], kind: SecretKind) {
        let mut state = self.state.lock().expect("no panic");
        (state.nonce, state.kind) = (nonce, Some(kind));
    }

    /// Checks a proof; the server's signature and the attach key.
    fn check(&self, nature: &Nature, proof: &LoginFinish) -> Result<([u8; 32], Key32), WireError> {
        let state = self.state.lock().expect("no panic");
        let auth = auth_message(&AuthFields {
            server_id: nature.server_id.as_bytes(),
            user_name: USER,
            secret_kind: state.kind.expect("a challenge came first"),
            client_nonce: &state.nonce,
            salt: &nature.salt,
            kdf: coffer_crypto::Kdf { id: nature.kdf.id, iterations: nature.kdf.iterations },
            server_nonce: &[9; 32],
            exporter: &self.exporter,
        });
        let (stored_key, server_key) = (nature.stored_key, nature.server_key);
        let verifier = Verifier { stored_key, server_key };
        let finish = server_finish(&verifier, &auth, &proof.proof, &proof.unlock)
            .map_err(|_| WireError::new(ErrorCode::SIGN_IN_REFUSED, "refused", ""))?;
        Ok((finish.signature, finish.attach_key))
    }

    fn sign_in(&self, nature: &mut Nature, proof: &LoginFinish) -> Result<Response, WireError> {
        let (mut server_signature, attach_key) = self.check(nature, proof)?;
        nature.sign_ins += 1;
        nature.attach_key = Some(Arc::new(attach_key));
        if nature.impostor {
            server_signature[0] ^= 1;
        }
        Ok(Response::LoginDone(LoginDone {
            server_signature,
            user_id: UserId([1; 16]),
            home: NodeId([2; 16]),
            session_id: SessionId([4; 16]),
            position: nature.position,
        }))
    }

    fn answer(&self, nature: &mut Nature, request: Request) -> Step {
        let answered = match &request {
            Request::LoginStart(start) => {
                self.expect(start.client_nonce, kind_of(start.secret));
                return Step::answer(Self::challenge(nature));
            }
            Request::Cluster | Request::Await(_) | Request::ShowEpoch(_) => {
                return nature.aside(request);
            }
            Request::AskDevice => {
                return Step::answer(Response::Device(DeviceToken { token: [1; 89] }));
            }
            Request::SignupStart(_) => return Step::answer(Self::challenge(nature)),
            Request::ProveAgain(kind) => {
                self.expect([0; 32], kind_of(*kind));
                return Step::answer(Self::challenge(nature));
            }
            Request::LoginFinish(proof) => self.sign_in(nature, proof),
            Request::Attach(attach) => {
                let key = nature.attach_key.as_ref().expect("signed in");
                verify_attach(key, attach.session_id.as_bytes(), &self.exporter, &attach.mac)
                    .map(|()| Response::Done)
                    .map_err(|_| WireError::new(ErrorCode::NOT_SIGNED_IN, "not attached", ""))
            }
            Request::SignupFinish(finish) => {
                nature.take(&finish.password);
                return nature.scripted(self.number, request);
            }
            Request::ReplaceCredentials(new) => match self.check(nature, &new.proof) {
                Ok(_) => {
                    nature.take(&new.password);
                    return nature.scripted(self.number, request);
                }
                Err(error) => Err(error),
            },
            _ => return nature.scripted(self.number, request),
        };
        match answered {
            Ok(response) => Step::answer(response),
            Err(error) => Step::Refuse(error),
        }
    }
}

impl Nature {
    fn take(&mut self, credential: &Credential) {
        if self.keep_credentials {
            (self.stored_key, self.server_key) = (credential.stored_key, credential.server_key);
        }
    }

    fn aside(&mut self, request: Request) -> Step {
        self.asides.push(request.clone());
        let wire = |code| Step::Refuse(WireError::new(code, "no", ""));
        match request {
            Request::Cluster => match &self.cluster {
                Some(info) => {
                    let info = ClusterInfo { position: self.position, ..info.clone() };
                    Step::answer(Response::Cluster(Box::new(info)))
                }
                None => wire(ErrorCode::OUT_OF_ORDER),
            },
            Request::Await(wanted) if wanted.position > self.position => wire(ErrorCode::BEHIND),
            Request::ShowEpoch(proof) => {
                if proof.epoch > self.epoch {
                    self.role = ServerRole::Fenced;
                }
                Step::done()
            }
            _ => Step::done(),
        }
    }

    fn scripted(&mut self, link: usize, request: Request) -> Step {
        self.seen.push((link, request));
        self.script.pop_front().unwrap_or_else(Step::done)
    }
}

impl Link for FakeLink {
    fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    fn exporter(&self) -> &[u8; 32] {
        &self.exporter
    }

    fn is_open(&self) -> bool {
        self.state.lock().expect("no panic").open
            && self.server.with(|nature| nature.presence) != Presence::Gone
    }

    fn as_of(&self) -> u64 {
        self.server.with(|nature| nature.as_of)
    }

    fn call(
        &self,
        request: Request,
        _payload: Bytes,
    ) -> BoxFuture<'_, Result<(Response, Bytes), ClientError>> {
        async move {
            if !self.is_open() {
                return Err(ClientError::Lost { detail: "gone".to_owned() });
            }
            if self.server.with(|nature| nature.presence) == Presence::Silent {
                std::future::pending::<()>().await;
            }
            match self.server.with(|nature| self.answer(nature, request)) {
                Step::Answer(response, payload) => Ok((response, payload)),
                Step::Refuse(error) => Err(error.into()),
                Step::Break => {
                    self.state.lock().expect("no panic").open = false;
                    Err(ClientError::Lost { detail: "broken".to_owned() })
                }
            }
        }
        .boxed()
    }
}

pub(crate) fn keys(seed: u8) -> AccountKeys {
    AccountKeys::from_saved(&[seed; 64])
}

/// A profile that has seen what the fake server shows.
pub(crate) fn profile() -> Profile {
    Profile {
        host: "fake".to_owned(),
        port: 1,
        fingerprint: Fingerprint([8; 32]),
        server_id: SERVER,
        epoch: 3,
        position: Position { epoch: 3, seq: 100 },
        user_name: USER.to_owned(),
        salt: SALT,
        kdf: KDF,
    }
}

/// Tries again for a while, with waits too short to notice.
pub(crate) const IMPATIENT: Policy = Policy {
    total: Duration::from_secs(20),
    first: Duration::from_micros(10),
    longest: Duration::from_micros(100),
};

/// A client of this server, with keys that fit, and a home in `dir`.
pub(crate) fn client(server: &Arc<FakeServer>, seed: u8, dir: &tempfile::TempDir) -> Client {
    let dialer = Arc::new(FakeDialer(Arc::clone(server)));
    let cluster = Cluster::unknown(SERVER);
    Client::of(Session::new(dialer, IMPATIENT, keys(seed), profile(), cluster), &options(dir))
}

pub(crate) fn options(dir: &tempfile::TempDir) -> ClientOptions {
    let mut options = ClientOptions::new(Home::at(dir.path().join("coffer")), "default");
    options.policy = IMPATIENT;
    options
}

/// A primary, a standby that has everything that was seen, and another one.
pub(crate) struct Trio {
    pub(crate) primary: Arc<FakeServer>,
    pub(crate) standby: Arc<FakeServer>,
    pub(crate) second: Arc<FakeServer>,
    pub(crate) client: Client,
    pub(crate) dir: tempfile::TempDir,
}

/// Host names of the three; the primary is that of `profile`.
pub(crate) const HOSTS: [&str; 3] = ["fake", "other", "third"];

pub(crate) fn endpoint(number: usize, role: ServerRole) -> Endpoint {
    let fingerprint = [8 + number as u8; 32];
    Endpoint { host: HOSTS[number].to_owned(), port: 1, fingerprint, role }
}

pub(crate) fn cluster_info(endpoints: Vec<Endpoint>, proof: Option<EpochProof>) -> ClusterInfo {
    ClusterInfo {
        role: ServerRole::Standby,
        position: Position::default(),
        head: Position::default(),
        behind_millis: 4000,
        machines: 2,
        endpoints,
        proof,
    }
}

/// The promotion of the standby.
pub(crate) fn promotion(epoch: u64) -> EpochProof {
    EpochProof {
        epoch,
        fork_seq: 90,
        fork_hash: [1; 32],
        host: HOSTS[1].to_owned(),
        port: 1,
        fingerprint: [9; 32],
        mac: [2; 32],
    }
}

impl Trio {
    /// With this policy; the third machine is not there at first.
    pub(crate) fn new(policy: Policy) -> Self {
        use ServerRole::{Primary, Standby};
        let servers = HOSTS.map(|_| FakeServer::new(&keys(1)));
        let list = vec![endpoint(0, Primary), endpoint(1, Standby), endpoint(2, Standby)];
        let info = cluster_info(list, None);
        for server in &servers {
            server.with(|nature| nature.cluster = Some(info.clone()));
        }
        let [primary, standby, second] = servers.clone();
        standby.with(|nature| nature.role = Standby);
        second.with(|nature| (nature.role, nature.presence) = (Standby, Presence::Gone));
        let dir = tempfile::tempdir().expect("a directory");
        let options = ClientOptions { policy, ..options(&dir) };
        let mut cluster = Cluster::unknown(SERVER);
        cluster.learn(&info, Position { epoch: 3, seq: 100 });
        let network = Arc::new(FakeNetwork(HOSTS.into_iter().zip(servers).collect()));
        profile().save(&options.home, &options.profile).expect("saved");
        let session = Session::new(network, policy, keys(1), profile(), cluster);
        let client = Client::of(session, &options);
        Self { primary, standby, second, client, dir }
    }
}
