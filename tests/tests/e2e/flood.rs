//! A flood of sign-in attempts from many addresses: the server stays small, strangers
//! are asked for work, and whoever is known signs in all the same.
//!
//! `COFFER_FLOOD_SECONDS=30` is the run that docs/operations.md gives figures of:
//! `COFFER_FLOOD_RATE` attempts a second, 1,000 without a word about it.

use coffer_protocol::codec;
use coffer_protocol::frame::{FrameHeader, FrameKind, FrameLimits};
use coffer_protocol::link::Link;
use coffer_protocol::message::account::{LoginFinish, LoginStart, SecretKind};
use coffer_protocol::message::{Answered, Hello};
use coffer_protocol::version::{CURRENT, Features, OLDEST};
use coffer_protocol::{Request, WireError};
use coffer_tests::coffer::utf8;
use coffer_tests::{Coffer, Engine, Server, rounds};
use coffer_transport::tls::{SERVER_NAME, SeenAuthority, client_config};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const LIMIT_KIB: u64 = 100 << 10;

type Stream = TlsStream<TcpStream>;

/// An address that nobody else comes from: one of 127.16.0.0/12.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 16, 0, 1).to_bits() + number % (1 << 20))
}

/// Where the flood goes, and what comes of it.
struct Flood {
    server: SocketAddr,
    tls: TlsConnector,
    next: AtomicU32,
    outcomes: Mutex<BTreeMap<&'static str, u32>>,
}

impl Flood {
    fn new(server: &Server) -> Arc<Self> {
        let link: Link = server.link().parse().expect("a link");
        let tls = client_config(link.fingerprint, SeenAuthority::default()).expect("TLS");
        Arc::new(Self {
            server: server.address.parse().expect("an address"),
            tls: TlsConnector::from(tls),
            next: AtomicU32::new(0),
            outcomes: Mutex::default(),
        })
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let from = address(self.next.fetch_add(1, Ordering::Relaxed));
        socket.bind(SocketAddr::from((from, 0)))?;
        socket.connect(self.server).await
    }

    /// One attempt on an account, as somebody makes who does no work.
    async fn attempt(&self, user_name: &str) -> io::Result<&'static str> {
        let name = SERVER_NAME.to_owned().try_into().expect("a name");
        let mut stream = self.tls.connect(name, self.connect().await?).await?;
        let (oldest, newest, features) = (OLDEST, CURRENT, Features::SUPPORTED);
        let hello = Hello { oldest, newest, features, agent: "flood".to_owned() };
        send(&mut stream, FrameKind::Hello, 0, &codec::encode(&hello).expect("encodes")).await?;
        receive(&mut stream).await?;
        let (secret, client_nonce) = (SecretKind::Password, [1; 32]);
        let start = LoginStart { user_name: user_name.to_owned(), secret, client_nonce };
        let outcome = ask(&mut stream, 1, Request::LoginStart(start)).await?;
        if outcome != "ok" {
            return Ok(outcome);
        }
        let finish = LoginFinish { proof: [2; 32], unlock: [3; 48] };
        ask(&mut stream, 2, Request::LoginFinish(finish)).await
    }

    async fn count(&self, user_name: &str) {
        let attempt = tokio::time::timeout(Duration::from_secs(20), self.attempt(user_name)).await;
        let outcome = match attempt {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => "cut off",
            Err(_) => "no answer",
        };
        *self.outcomes.lock().expect("lock").entry(outcome).or_default() += 1;
    }
}

async fn send(
    stream: &mut Stream,
    kind: FrameKind,
    request_id: u32,
    body: &[u8],
) -> io::Result<()> {
    let header = FrameHeader { body_len: body.len() as u32, payload_len: 0, kind, request_id };
    stream.write_all(&[&header.encode()[..], body].concat()).await?;
    stream.flush().await
}

async fn receive(stream: &mut Stream) -> io::Result<(FrameKind, Vec<u8>)> {
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    let header = FrameHeader::decode(&head, FrameLimits::SIGNED_IN).map_err(io::Error::other)?;
    let mut body = vec![0; header.body_len as usize];
    stream.read_exact(&mut body).await?;
    Ok((header.kind, body))
}

/// Asks; the name of the error, or "ok".
async fn ask(stream: &mut Stream, id: u32, request: Request) -> io::Result<&'static str> {
    send(stream, FrameKind::Request, id, &codec::encode(&request).expect("encodes")).await?;
    loop {
        let (kind, body) = receive(stream).await?;
        match kind {
            FrameKind::Response => {
                let _: Answered = codec::decode(&body).map_err(io::Error::other)?;
                return Ok("ok");
            }
            FrameKind::Error => {
                let error: WireError = codec::decode(&body).map_err(io::Error::other)?;
                return Ok(error.code.name());
            }
            _ => {}
        }
    }
}

/// How long a user's commands take that each sign in anew, until `stop` is set.
fn user(coffer: &Coffer, stop: &AtomicBool) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) || times.is_empty() {
        let begun = Instant::now();
        coffer.ok(&["ls", "/"]);
        times.push(begun.elapsed());
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_does_not_keep_a_user_out() {
    let seconds = rounds("COFFER_FLOOD_SECONDS", 0);
    let rate = rounds("COFFER_FLOOD_RATE", 1000);
    let server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.ok(&["ls", "/"]);
    let flood = Flood::new(&server);
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&stop);
    let user = tokio::task::spawn_blocking(move || (user(&coffer, &ended), coffer));
    let begun = Instant::now();
    let attempts = if seconds == 0 { 400 } else { seconds * rate };
    let mut running = tokio::task::JoinSet::new();
    for number in 0..attempts {
        if seconds > 0 {
            let due = begun + Duration::from_secs(1) * number / rate;
            tokio::time::sleep_until(due.into()).await;
        } else if running.len() >= 32 {
            running.join_next().await;
        }
        let flood = Arc::clone(&flood);
        // A third is on the user's own account.
        let name = if number % 3 == 0 { "ada".to_owned() } else { format!("u{number}") };
        running.spawn(async move { flood.count(&name).await });
    }
    let sent_in = begun.elapsed();
    running.join_all().await;
    stop.store(true, Ordering::Relaxed);
    let (mut times, coffer) = user.await.expect("the user is served");
    times.sort();
    let by_password = Instant::now();
    if seconds > 0 {
        let password = coffer.password_file();
        let link = server.link();
        coffer.ok(&["login", &link, "--user", "ada", "--password-file", utf8(&password)]);
    }
    let peak = server.peak_kib();
    let outcomes = flood.outcomes.lock().expect("lock").clone();
    eprintln!(
        "{attempts} attempts sent in {sent_in:?}: {outcomes:?}\n\
         sign-ins of the user: {}, median {:?}, longest {:?}; by password afterwards {:?}\n\
         server: {peak} KiB at most",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1],
        by_password.elapsed()
    );
    assert!(peak < LIMIT_KIB, "{peak}");
    let on_account = outcomes.get("rate-limited").copied().unwrap_or_default();
    let asked = outcomes.get("work-needed").copied().unwrap_or_default();
    assert!(on_account + asked >= 100, "strangers are slowed down on the account: {outcomes:?}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Nothing is known of addresses after a restart: what counts is the device.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_do_nothing_take_nobodys_place() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    server.stop();
    let config = server.data().join("coffer.toml");
    let text = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, text + "\n[limits]\nconnections_before_sign_in = 8\n").expect("write");
    server.run();
    let flood = Flood::new(&server);
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(flood.connect().await.expect("let in"));
    }
    coffer.write("/one", b"one");
    // Those who came first have made room.
    let (mut first, mut byte) = (silent.remove(0), [0]);
    let closed = tokio::time::timeout(Duration::from_secs(5), first.read(&mut byte)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    for _ in 0..40 {
        silent.push(flood.connect().await.expect("let in"));
    }
    assert_eq!(coffer.cat("/one"), b"one");
    let guest = Coffer::sign_up(&server, "bob");
    guest.fails(3, &["cat", "/one"]);
}

/// A sign-up as it is without a word about it.
#[test]
fn a_sign_up_does_its_work() {
    let mut server = Server::init(Engine::Sqlite, &["--signup", "open"]);
    server.sign_up_work = None;
    server.run();
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.write("/one", b"one");
    assert_eq!(coffer.cat("/one"), b"one");
    assert!(coffer.home().join("profiles/default/device").exists());
}
