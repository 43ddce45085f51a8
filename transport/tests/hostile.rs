//! Clients that lie, stall, flood or send noise: bounded, named, no effect on others.

mod support;

use bytes::Bytes;
use coffer_protocol::frame::{FrameError, FrameKind};
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_protocol::message::Window;
use coffer_protocol::{ErrorCode, Request, Response, codec};
use coffer_transport::server::Fault;
use coffer_transport::{
    AcceptError, CloseReason, Connection, FairBudget, Incoming, ServerConfig, ServerConnection,
    Timing,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::{MIB, Noise, Raw, SOON, Server, frame, put, read};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(300);

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(SOON, future).await.expect("in good time")
}

fn quick(change: impl FnOnce(&mut Timing)) -> ServerConfig {
    let mut timing = Timing::default();
    change(&mut timing);
    ServerConfig { timing, ..ServerConfig::default() }
}

/// Reads until the connection ends, answering whatever comes.
fn serve(mut connection: ServerConnection) -> tokio::task::JoinHandle<CloseReason> {
    tokio::spawn(async move {
        while let Some(incoming) = connection.next().await {
            // The connection may have ended meanwhile.
            let _ = incoming.reply.send(Response::Done, ()).await;
        }
        connection.close_reason().expect("a reason")
    })
}

async fn why(connection: ServerConnection) -> CloseReason {
    soon(serve(connection)).await.expect("no panic")
}

#[tokio::test]
async fn lengths_that_lie_are_refused_before_anything_is_held() {
    let server = Server::start(ServerConfig::default()).await;
    let lies = [
        (u32::MAX, 0, false),
        (0, u32::MAX, false),
        (4097, 0, false),
        (10, 1, false),
        ((MIB + 1) as u32, 0, true),
        (10, (MAX_PAYLOAD_BYTES + 1) as u32, true),
    ];
    for (body, payload, signed_in) in lies {
        let (connection, mut raw) = server.raw_pair().await;
        if signed_in {
            connection.raise_limits();
        }
        let mut head = frame(FrameKind::Request, 1, &[], &[]);
        head[0..4].copy_from_slice(&body.to_be_bytes());
        head[4..8].copy_from_slice(&payload.to_be_bytes());
        raw.write(&head).await;
        let handle = connection.handle();
        let (reason, error) =
            soon(async { tokio::join!(why(connection), raw.read_error(0)) }).await;
        assert_eq!(error.code, ErrorCode::TOO_LARGE);
        assert!(
            matches!(
                reason,
                CloseReason::Protocol(Fault::Header(
                    FrameError::BodyTooLong { .. } | FrameError::PayloadTooLong { .. }
                ))
            ),
            "{reason:?}"
        );
        assert_eq!(handle.request_bytes(), 0);
        assert!(raw.read().await.is_none());
    }
}

#[tokio::test]
async fn frames_that_do_not_belong_end_the_connection() {
    let server = Server::start(ServerConfig::default()).await;
    let request = codec::encode(&Request::WhoAmI).expect("encodes");
    let cases = [
        (frame(FrameKind::Hello, 0, &[], &[]), Fault::UnexpectedKind),
        (frame(FrameKind::Response, 1, &[], &[]), Fault::UnexpectedKind),
        (frame(FrameKind::Goaway, 0, &[], &[]), Fault::UnexpectedKind),
        (frame(FrameKind::Ping, 0, b"data", &[]), Fault::ControlWithData),
        (frame(FrameKind::Cancel, 1, b"data", &[]), Fault::ControlWithData),
        (frame(FrameKind::Request, 0, &request, &[]), Fault::RequestId),
    ];
    for (bytes, fault) in cases {
        let (connection, mut raw) = server.raw_pair().await;
        raw.write(&bytes).await;
        let (reason, error) =
            soon(async { tokio::join!(why(connection), raw.read_error(0)) }).await;
        assert_eq!(reason, CloseReason::Protocol(fault));
        assert_eq!(error.code, ErrorCode::MALFORMED);
    }
}

#[tokio::test]
async fn a_request_id_is_not_used_twice_at_once() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, mut raw) = server.raw_pair().await;
    raw.request(5, &Request::WhoAmI, &[]).await;
    raw.request(5, &Request::WhoAmI, &[]).await;
    let first = soon(connection.next()).await.expect("the first");
    assert!(soon(connection.next()).await.is_none());
    assert_eq!(connection.close_reason(), Some(CloseReason::Protocol(Fault::RequestId)));
    assert!(first.cancelled.is_cancelled());
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_and_the_connection_goes_on() {
    let server = Server::start(ServerConfig::default()).await;
    let (connection, mut raw) = server.raw_pair().await;
    let serving = serve(connection);
    let good = codec::encode(&Request::WhoAmI).expect("encodes");
    let trailing = [&good[..], &[0]].concat();
    // A list of 2^62 node ids.
    let hostile = [&[30, 253][..], &(1_u64 << 62).to_le_bytes()].concat();
    for (id, body) in [(1, &trailing[..]), (2, &hostile), (3, &[200, 1, 2]), (4, &[])] {
        raw.send(FrameKind::Request, id, body, &[]).await;
        assert_eq!(soon(raw.read_error(id)).await.code, ErrorCode::MALFORMED);
    }
    raw.send(FrameKind::Request, 5, &good, &[]).await;
    let (header, ..) = soon(raw.read()).await.expect("an answer");
    assert_eq!((header.kind, header.request_id), (FrameKind::Response, 5));
    drop(raw);
    soon(serving).await.expect("no panic");
}

#[tokio::test]
async fn noise_ends_the_connection_and_nobody_else_notices() {
    let server = Server::start(quick(|t| t.frame = SHORT)).await;
    let (bystander, client) = server.pair().await;
    let bystander = serve(bystander);
    for seed in 0..60 {
        let mut noise = Noise(seed);
        let (connection, mut raw) = server.raw_pair().await;
        if seed % 2 == 0 {
            connection.raise_limits();
        }
        let len = usize::try_from(noise.next() % 4000).expect("small") + 16;
        // A few begin like a request, so that the noise is in the body.
        let mut bytes = noise.bytes(len);
        if seed % 3 == 0 {
            let head = frame(FrameKind::Request, 1, &bytes[..len - 16], &[]);
            bytes[..16].copy_from_slice(&head[..16]);
        }
        // The server may hang up in the middle.
        let _ = raw.try_write(&bytes).await;
        let _ = raw.tls.shutdown().await;
        let reason = why(connection).await;
        assert!(reason != CloseReason::Aborted, "seed {seed}: {reason:?}");
        soon(client.call(read(seed), ())).await.expect("an answer for the bystander");
    }
    drop(client);
    assert_eq!(soon(bystander).await.expect("no panic"), CloseReason::Client);
}

#[tokio::test]
async fn noise_instead_of_tls_is_refused() {
    let server = Server::start(quick(|t| t.handshake = SHORT)).await;
    for seed in 0..20 {
        let target = server.target();
        let client = async {
            let mut socket = TcpStream::connect(("127.0.0.1", target.port)).await.expect("tcp");
            // The server may hang up in the middle.
            let _ = socket.write_all(&Noise(seed).bytes(600)).await;
            socket
        };
        let (accepted, _socket) = soon(async { tokio::join!(server.accept(), client) }).await;
        let error = accepted.err().expect("must not be accepted");
        assert!(
            matches!(error, AcceptError::Handshake(_) | AcceptError::Timeout),
            "seed {seed}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_ended() {
    let server = Server::start(quick(|t| t.handshake = SHORT)).await;
    let target = server.target();
    let silent = TcpStream::connect(("127.0.0.1", target.port)).await.expect("tcp");
    let accepted = soon(server.accept()).await;
    assert!(matches!(accepted, Err(AcceptError::Timeout)), "nothing sent");
    drop(silent);
    let (accepted, _raw) =
        soon(async { tokio::join!(server.accept(), Raw::connect(&target)) }).await;
    assert!(matches!(accepted, Err(AcceptError::Timeout)), "TLS, but no Hello");
}

#[tokio::test]
async fn a_frame_that_does_not_end_and_a_client_that_says_nothing_are_ended() {
    let server = Server::start(quick(|t| t.frame = SHORT)).await;
    let whole = frame(FrameKind::Request, 1, &[0; 100], &[]);
    for part in [1, 15, 16, 60] {
        let (connection, mut raw) = server.raw_pair().await;
        raw.write(&whole[..part]).await;
        assert_eq!(why(connection).await, CloseReason::SlowFrame, "{part} bytes");
    }
    let server = Server::start(quick(|t| t.close_after = SHORT)).await;
    let (connection, _raw) = server.raw_pair().await;
    assert_eq!(why(connection).await, CloseReason::Silent);
    let server = Server::start(ServerConfig { sign_in: SHORT, ..ServerConfig::default() }).await;
    let (connection, mut raw) = server.raw_pair().await;
    let (reason, error) = soon(async { tokio::join!(why(connection), raw.read_error(0)) }).await;
    assert_eq!((reason, error.code), (CloseReason::NoSignIn, ErrorCode::NOT_SIGNED_IN));
}

#[tokio::test]
async fn a_frame_cut_off_is_a_lost_connection() {
    let server = Server::start(ServerConfig::default()).await;
    let (connection, mut raw) = server.raw_pair().await;
    raw.write(&frame(FrameKind::Request, 1, &[0; 100], &[])[..50]).await;
    raw.tls.shutdown().await.expect("shutdown");
    assert_eq!(why(connection).await, CloseReason::Lost(std::io::ErrorKind::UnexpectedEof));
}

#[tokio::test]
async fn before_sign_in_only_a_few_requests_are_read() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, mut raw) = server.raw_pair().await;
    for id in 1..=20 {
        raw.request(id, &Request::WhoAmI, &[]).await;
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(soon(connection.next()).await.expect("a request"));
    }
    assert!(timeout(SHORT, connection.next()).await.is_err(), "four at most");
    connection.raise_limits();
    for _ in 4..20 {
        held.push(soon(connection.next()).await.expect("the rest"));
    }
    assert_eq!(connection.handle().open_requests(), 20);
}

#[tokio::test]
async fn a_client_that_exceeds_the_window_is_not_read() {
    let window = Window { requests: 8, bytes: 5 << 20 };
    let budget = FairBudget::new(64 * MIB);
    let config =
        ServerConfig { window, request_budget: Some(budget.clone()), ..ServerConfig::default() };
    let server = Server::start(config).await;
    let (mut connection, mut raw) = server.raw_pair().await;
    connection.raise_limits();
    let handle = connection.handle();
    let flood = tokio::spawn(async move {
        for id in 1..=30 {
            raw.request(id, &put(u64::from(id)), &vec![7; MIB]).await;
        }
        raw
    });
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(soon(connection.next()).await.expect("a request"));
    }
    assert!(timeout(SHORT, connection.next()).await.is_err(), "the window is full");
    assert!(handle.request_bytes() <= 5 * MIB);
    let mut answered = 0;
    while answered < 30 {
        let oldest: Incoming = held.remove(0);
        oldest.reply.send(Response::Done, ()).await.expect("sent");
        answered += 1;
        if answered <= 26 {
            held.push(soon(connection.next()).await.expect("the next request"));
        }
        assert!(budget.in_use() <= 5 * MIB);
    }
    let mut raw = soon(flood).await.expect("no panic");
    for _ in 0..30 {
        soon(raw.read()).await.expect("an answer");
    }
    assert_eq!((handle.request_bytes(), budget.in_use()), (0, 0));
}

/// A payload that counts itself while it is alive.
struct Counted {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn payload(len: usize, alive: &Arc<AtomicUsize>, most: &AtomicUsize) -> Bytes {
        let now = alive.fetch_add(len, Ordering::SeqCst) + len;
        most.fetch_max(now, Ordering::SeqCst);
        Bytes::from_owner(Self { bytes: vec![9; len], alive: Arc::clone(alive) })
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_its_window_and_is_closed() {
    let budget = FairBudget::new(64 * MIB);
    let mut config = quick(|t| t.write_stall = Duration::from_secs(1));
    config.window = Window { requests: 64, bytes: 8 << 20 };
    config.response_budget = Some(budget.clone());
    let server = Server::start(config).await;
    let (mut connection, mut raw) = server.raw_pair().await;
    connection.raise_limits();
    let handle = connection.handle();
    for id in 1..=64 {
        raw.request(id, &read(u64::from(id)), &[]).await;
    }
    let (alive, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    while let Some(mut incoming) = soon(connection.next()).await {
        let (alive, most) = (Arc::clone(&alive), Arc::clone(&most));
        tasks.push(tokio::spawn(async move {
            if incoming.reply.reserve(MIB).await.is_ok() {
                let payload = Counted::payload(MIB, &alive, &most);
                // Gone, in the end.
                let _ = incoming.reply.send(Response::Chunk, payload).await;
            }
        }));
        assert!(handle.response_bytes() <= 8 * MIB);
    }
    assert_eq!(connection.close_reason(), Some(CloseReason::WriteStalled));
    assert_eq!(tasks.len(), 64);
    for task in tasks {
        soon(task).await.expect("no panic");
    }
    drop(connection);
    let most = most.load(Ordering::SeqCst);
    assert!(most > 0 && most <= 8 * MIB, "{most} bytes were held at once");
    assert_eq!((alive.load(Ordering::SeqCst), budget.in_use()), (0, 0));
    drop(raw);
}

#[tokio::test]
async fn answers_that_were_reserved_exactly_do_not_block_each_other() {
    let config =
        ServerConfig { window: Window { requests: 64, bytes: 4 << 20 }, ..ServerConfig::default() };
    let server = Server::start(config).await;
    let (mut connection, client) = server.pair().await;
    let driver = tokio::spawn(async move {
        let gate = Arc::new(tokio::sync::Barrier::new(4));
        while let Some(mut incoming) = connection.next().await {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                incoming.reply.reserve(MIB).await.expect("room");
                gate.wait().await;
                incoming.reply.send(Response::Chunk, vec![1; MIB]).await.expect("sent");
            });
        }
    });
    let calls: Vec<_> = (0..8)
        .map(|n| {
            let client: Connection = client.clone();
            tokio::spawn(async move { client.call(read(n), ()).await })
        })
        .collect();
    for call in calls {
        let (_, payload) = soon(call).await.expect("no panic").expect("an answer");
        assert_eq!(payload.len(), MIB);
    }
    drop(client);
    soon(driver).await.expect("no panic");
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_sparingly_and_survived() {
    let server = Server::start(ServerConfig::default()).await;
    let (connection, mut raw) = server.raw_pair().await;
    assert_eq!(connection.agent, "raw?client");
    let serving = serve(connection);
    let pings = frame(FrameKind::Ping, 0, &[], &[]).repeat(1000);
    for _ in 0..50 {
        raw.write(&pings).await;
    }
    raw.request(9, &Request::WhoAmI, &[]).await;
    loop {
        let (header, ..) = soon(raw.read()).await.expect("a frame");
        match header.kind {
            FrameKind::Pong => {}
            FrameKind::Response => break,
            other => panic!("{other:?}"),
        }
    }
    drop(raw);
    soon(serving).await.expect("no panic");
}
