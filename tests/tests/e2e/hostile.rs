//! Hostile neighbours: port scans, garbage before and inside TLS, lies about
//! lengths, slow and silent clients. The server stays small, says little, and
//! its users notice nothing. The attacks come from 127.0.0.2, so that limits
//! on an address hit them and not the user.

use coffer_protocol::codec;
use coffer_protocol::frame::{FrameHeader, FrameKind};
use coffer_protocol::link::Link;
use coffer_protocol::message::Hello;
use coffer_protocol::version::Features;
use coffer_tests::{Coffer, Engine, Rng, Server};
use coffer_transport::tls::{SERVER_NAME, SeenAuthority, client_config};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const LIMIT_KIB: u64 = 100 << 10;

async fn connect(address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.2:0".parse().expect("an address"))?;
    socket.connect(address.parse().expect("an address")).await
}

/// A connection of which the TLS part is honest.
async fn connect_tls(address: &str, link: &Link) -> std::io::Result<TlsStream<TcpStream>> {
    let config = client_config(link.fingerprint, SeenAuthority::default()).expect("TLS");
    let name = SERVER_NAME.to_owned().try_into().expect("a name");
    TlsConnector::from(config).connect(name, connect(address).await?).await
}

fn frame(kind: FrameKind, body: &[u8], claimed_body: u32, claimed_payload: u32) -> Vec<u8> {
    let header =
        FrameHeader { body_len: claimed_body, payload_len: claimed_payload, kind, request_id: 1 };
    [&header.encode()[..], body].concat()
}

fn hello() -> Vec<u8> {
    let hello =
        Hello { oldest: 1, newest: 1, features: Features::SUPPORTED, agent: "hostile".to_owned() };
    let body = codec::encode(&hello).expect("encodes");
    let mut frame = frame(FrameKind::Hello, &body, body.len() as u32, 0);
    frame[15] = 0;
    frame
}

/// Reads until the server hangs up; fails if it does not within a minute.
async fn until_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut buffer = vec![0; 64 << 10];
    let read = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(Duration::from_mins(1), read).await.expect("the server hangs up");
}

/// All attacks that end by themselves.
async fn attack(address: &str, link: &Link, rng: &mut Rng) {
    for _ in 0..200 {
        let _ = connect(address).await;
    }
    for _ in 0..50 {
        if let Ok(mut stream) = connect(address).await {
            let _ = stream.write_all(&rng.bytes(2000)).await;
            until_closed(&mut stream).await;
        }
    }
    let lies = [
        frame(FrameKind::Hello, b"", u32::MAX, 0),
        frame(FrameKind::Hello, b"", 8, u32::MAX),
        frame(FrameKind::Request, b"xxxx", 4, 0),
        frame(FrameKind::Hello, &[255; 64], 64, 0),
        [hello(), frame(FrameKind::Request, b"", 1 << 20, 0)].concat(),
        [hello(), frame(FrameKind::Request, b"", 16, 4 << 20)].concat(),
        [hello(), frame(FrameKind::Request, &[251; 16], 16, 0)].concat(),
        [hello(), frame(FrameKind::Response, &[0], 1, 0)].concat(),
        [hello(), vec![255; 64]].concat(),
    ];
    for lie in &lies {
        let mut stream = connect_tls(address, link).await.expect("TLS");
        let _ = stream.write_all(lie).await;
        let _ = stream.shutdown().await;
        until_closed(&mut stream).await;
    }
    for _ in 0..20 {
        let mut stream = connect_tls(address, link).await.expect("TLS");
        let _ = stream.write_all(&hello()).await;
        let _ = stream.write_all(&rng.bytes(5000)).await;
        until_closed(&mut stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_bounded_and_disturb_nobody() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let link: Link = server.link().parse().expect("a link");
    let mut rng = Rng::new("hostile");
    // Connections that never finish a handshake, and that are left open.
    let mut silent = Vec::new();
    for _ in 0..100 {
        if let Ok(stream) = connect(&server.address).await {
            silent.push(stream);
        }
    }
    // One that sends a byte at a time, and one that asks and never reads.
    let slow = connect_tls(&server.address, &link).await;
    let address = server.address.clone();
    let attacks = tokio::spawn(async move { attack(&address, &link, &mut rng).await });
    let user = tokio::task::spawn_blocking(move || {
        for number in 0..30 {
            let path = format!("/f{number}");
            coffer.write(&path, path.as_bytes());
            assert_eq!(coffer.cat(&path), path.as_bytes());
        }
    });
    if let Ok(mut slow) = slow {
        for byte in hello() {
            if slow.write_all(&[byte]).await.is_err() || slow.flush().await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    user.await.expect("the user is not disturbed");
    attacks.await.expect("every attack is answered or cut off");
    drop(silent);
    let peak = server.peak_kib();
    let log = server.log();
    eprintln!("server: {peak} KiB, {} lines of log", log.lines().count());
    assert!(peak < LIMIT_KIB);
    assert!(log.lines().count() < 400, "one line for each attack, at most");
    assert!(!log.contains("panicked"), "{log}");
    server.assert_check_is_clean();
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_never_ends_is_cut_off() {
    let server = Server::start(Engine::Sqlite);
    let mut stream = connect(&server.address).await.expect("connect");
    let start = Instant::now();
    until_closed(&mut stream).await;
    eprintln!("cut off after {:?}", start.elapsed());
}
