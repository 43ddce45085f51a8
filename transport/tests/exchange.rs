//! Requests and answers, cancellation, windows, keep-alive, goodbye.

mod support;

use bytes::Bytes;
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_protocol::message::Window;
use coffer_protocol::{ErrorCode, Request, Response, WireError};
use coffer_transport::{
    CallError, ClientConfig, CloseReason, Closed, Connection, Incoming, ServerConfig, Timing,
};
use std::time::Duration;
use support::{MIB, Noise, SOON, Server, put, read, timing};
use tokio::time::timeout;

/// Calls from a task of its own.
fn spawn_call(
    client: &Connection,
    request: Request,
    payload: Bytes,
) -> tokio::task::JoinHandle<Result<(Response, Bytes), CallError>> {
    let client = client.clone();
    tokio::spawn(async move { client.call(request, payload).await })
}

fn index(request: &Request) -> u64 {
    match request {
        Request::PutChunk(put) => put.index,
        Request::ReadChunk(read) => read.index,
        other => panic!("{other:?}"),
    }
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(SOON, future).await.expect("in good time")
}

fn stopping() -> WireError {
    WireError::new(ErrorCode::SHUTTING_DOWN, "stopping", "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_pipelined_requests_are_answered_out_of_order() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, client) = server.pair().await;
    let serve = tokio::spawn(async move {
        let mut waiting = Vec::new();
        while waiting.len() < 200 {
            waiting.push(connection.next().await.expect("a request"));
        }
        let mut noise = Noise(42);
        while !waiting.is_empty() {
            let at = usize::try_from(noise.next() % waiting.len() as u64).expect("small");
            let Incoming { payload, reply, .. } = waiting.swap_remove(at);
            reply.send(Response::Chunk, payload).await.expect("sent");
        }
        assert!(connection.next().await.is_none());
        connection.close_reason()
    });
    let mut noise = Noise(7);
    let mut calls = Vec::new();
    for n in 0..200_u64 {
        let len = [0, 1, 100, 20_000, 70_000][usize::try_from(n % 5).expect("small")];
        let payload = Bytes::from(noise.bytes(len));
        calls.push((payload.clone(), spawn_call(&client, put(n), payload)));
    }
    for (sent, call) in calls {
        let (response, echoed) = soon(call).await.expect("no panic").expect("an answer");
        assert_eq!(response, Response::Chunk);
        assert_eq!(echoed, sent);
    }
    assert_eq!((client.open_requests(), client.request_bytes()), (0, 0));
    drop(client);
    assert_eq!(soon(serve).await.expect("no panic"), Some(CloseReason::Client));
}

#[tokio::test]
async fn the_largest_payload_goes_both_ways_in_pieces_too() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, client) = server.pair().await;
    let whole = Bytes::from(Noise(1).bytes(MAX_PAYLOAD_BYTES));
    let pieces = vec![whole.slice(..10), whole.slice(10..MIB), whole.slice(MIB..)];
    let call = async { client.call(put(0), pieces).await };
    let serve = async {
        let incoming = connection.next().await.expect("a request");
        assert_eq!(incoming.payload, whole);
        let half = incoming.payload.len() / 2;
        let pieces = vec![incoming.payload.slice(..half), incoming.payload.slice(half..)];
        incoming.reply.send(Response::Chunk, pieces).await.expect("sent");
        connection.next().await
    };
    let answer = soon(async {
        tokio::select! { a = call => a, _ = serve => unreachable!() }
    });
    assert_eq!(answer.await.expect("an answer").1, whole);
    let oversized = client.call(put(0), vec![0; MAX_PAYLOAD_BYTES + 1]).await;
    assert!(matches!(oversized, Err(CallError::TooLarge(_))), "{oversized:?}");
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_and_frees_its_place_when_answered() {
    let window = Window { requests: 1, bytes: 16 << 20 };
    let server = Server::start(ServerConfig { window, ..ServerConfig::default() }).await;
    let (mut connection, client) = server.pair().await;
    let first = spawn_call(&client, put(1), Bytes::from(vec![0; MIB]));
    let incoming = soon(connection.next()).await.expect("a request");
    first.abort();
    let second = spawn_call(&client, put(2), Bytes::new());
    let cancelled = incoming.cancelled.clone();
    tokio::select! {
        () = cancelled.cancelled() => {}
        _ = soon(connection.next()) => panic!("the window has one place"),
    }
    assert_eq!(client.open_requests(), 1);
    drop(incoming);
    let incoming = soon(connection.next()).await.expect("the second request");
    assert_eq!(index(&incoming.request), 2);
    incoming.reply.send(Response::Done, ()).await.expect("sent");
    let driver = tokio::spawn(async move { connection.next().await.map(|i| i.id) });
    assert_eq!(soon(second).await.expect("no panic").expect("answer").0, Response::Done);
    drop(client);
    assert_eq!(soon(driver).await.expect("no panic"), None);
}

#[tokio::test]
async fn a_request_that_is_dropped_is_answered_all_the_same() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, client) = server.pair().await;
    let call = spawn_call(&client, read(1), Bytes::new());
    drop(soon(connection.next()).await.expect("a request"));
    let answer = soon(call).await.expect("no panic");
    assert!(matches!(answer, Err(CallError::Wire(e)) if e.code == ErrorCode::INTERNAL));
    let call = spawn_call(&client, read(2), Bytes::new());
    let incoming = soon(connection.next()).await.expect("a request");
    let error = WireError::new(ErrorCode::NOT_FOUND, "nothing there", "look elsewhere");
    incoming.reply.fail(error.clone()).await.expect("sent");
    assert_eq!(soon(call).await.expect("no panic"), Err(CallError::Wire(error)));
}

#[tokio::test]
async fn the_client_keeps_to_the_window_in_requests_and_bytes() {
    let window = Window { requests: 4, bytes: 6 << 20 };
    let server = Server::start(ServerConfig { window, ..ServerConfig::default() }).await;
    let (mut connection, client) = server.pair().await;
    for (payload, most) in [(0, 4), (2 * MIB - 100, 3)] {
        let calls: Vec<_> =
            (0..10).map(|n| spawn_call(&client, put(n), Bytes::from(vec![0; payload]))).collect();
        let mut held = Vec::new();
        for _ in 0..most {
            held.push(soon(connection.next()).await.expect("a request"));
        }
        let more = timeout(Duration::from_millis(200), connection.next()).await;
        assert!(more.is_err(), "{most} requests of {payload} bytes fill the window");
        for _ in most..10 {
            let oldest: Incoming = held.remove(0);
            oldest.reply.send(Response::Done, ()).await.expect("sent");
            held.push(soon(connection.next()).await.expect("the next request"));
        }
        for incoming in held {
            incoming.reply.send(Response::Done, ()).await.expect("sent");
        }
        for call in calls {
            soon(call).await.expect("no panic").expect("an answer");
        }
    }
}

#[tokio::test]
async fn idle_connections_live_on_pings() {
    let quick = Timing {
        ping_after: Duration::from_millis(200),
        close_after: Duration::from_secs(4),
        ..timing()
    };
    let config = ServerConfig { timing: quick.clone(), ..ServerConfig::default() };
    let server = Server::start(config).await;
    let client = ClientConfig { timing: quick, ..ClientConfig::default() };
    let (mut connection, client) = server.pair_with(client).await;
    let serve = tokio::spawn(async move {
        while let Some(incoming) = connection.next().await {
            incoming.reply.send(Response::Done, ()).await.expect("sent");
        }
        connection.close_reason()
    });
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(client.closed(), None);
    soon(client.call(read(1), ())).await.expect("an answer");
    client.close().await;
    assert_eq!(client.closed(), Some(Closed::Local));
    assert_eq!(soon(serve).await.expect("no panic"), Some(CloseReason::Client));
}

#[tokio::test]
async fn goodbye_finishes_what_is_in_flight_and_takes_nothing_new() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, client) = server.pair().await;
    let open = spawn_call(&client, put(1), Bytes::new());
    let incoming = soon(connection.next()).await.expect("a request");
    let handle = connection.handle();
    let serve = tokio::spawn(async move {
        assert!(connection.next().await.is_none());
        connection.close_reason()
    });
    handle.goaway(stopping());
    soon(async {
        while client.is_open() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = soon(client.call(put(2), ())).await;
    assert_eq!(refused, Err(CallError::Closed(Closed::Goaway(stopping()))));
    assert_eq!(client.closed(), None, "the open call keeps it");
    incoming.reply.send(Response::Done, ()).await.expect("sent");
    assert_eq!(soon(open).await.expect("no panic").expect("answer").0, Response::Done);
    assert_eq!(soon(serve).await.expect("no panic"), Some(CloseReason::Goodbye));
    assert_eq!(soon(client.ended()).await, Closed::Goaway(stopping()));
}

#[tokio::test]
async fn goodbye_does_not_wait_for_ever() {
    let quick = Timing { drain: Duration::from_millis(200), ..Timing::default() };
    let config = ServerConfig { timing: quick, ..ServerConfig::default() };
    let server = Server::start(config).await;
    let (mut connection, client) = server.pair().await;
    let open = spawn_call(&client, put(1), Bytes::new());
    let incoming = soon(connection.next()).await.expect("a request");
    connection.goaway(stopping());
    assert!(soon(connection.next()).await.is_none());
    assert_eq!(connection.close_reason(), Some(CloseReason::Undrained));
    assert!(incoming.cancelled.is_cancelled());
    assert!(incoming.reply.send(Response::Done, ()).await.is_err());
    assert!(matches!(soon(open).await.expect("no panic"), Err(CallError::Closed(_))));
}

#[tokio::test]
async fn the_end_of_a_connection_wakes_everyone() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut connection, client) = server.pair().await;
    let calls: Vec<_> = (0..5).map(|n| spawn_call(&client, put(n), Bytes::new())).collect();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(soon(connection.next()).await.expect("a request"));
    }
    drop(connection);
    for incoming in &held {
        assert!(incoming.cancelled.is_cancelled());
    }
    for call in calls {
        let answer = soon(call).await.expect("no panic");
        assert!(matches!(answer, Err(CallError::Closed(_))), "{answer:?}");
    }
    let late = soon(client.call(put(9), ())).await;
    assert!(matches!(late, Err(CallError::Closed(_))), "{late:?}");
}

#[tokio::test]
async fn a_call_without_an_answer_ends_and_is_cancelled() {
    let server = Server::start(ServerConfig::default()).await;
    let config = ClientConfig { call: Duration::from_millis(300), ..ClientConfig::default() };
    let (mut connection, client) = server.pair_with(config).await;
    let call = spawn_call(&client, put(1), Bytes::new());
    let incoming = soon(connection.next()).await.expect("a request");
    assert_eq!(soon(call).await.expect("no panic"), Err(CallError::Timeout));
    let cancelled = incoming.cancelled.clone();
    tokio::select! {
        () = cancelled.cancelled() => {}
        _ = soon(connection.next()) => panic!("nothing else was asked"),
    }
}
