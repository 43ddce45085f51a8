//! Bulk uploads of some users leave room for others: how long a listing takes meanwhile.
//!
//! `COFFER_FAIR_LISTINGS=200` is the run that docs/operations.md gives figures of. The
//! order in which requests are served is a test of `coffer-transport`.

use bytes::Bytes;
use coffer_protocol::link::Link;
use coffer_protocol::message::transfer::PutChunk;
use coffer_protocol::message::tree::List;
use coffer_protocol::{Hash32, Place, Request, Response, UploadId};
use coffer_tests::person::new_upload;
use coffer_tests::proxy::{Direction, Line};
use coffer_tests::{Engine, Person, Proxy, Server, rounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CHUNK: usize = 1 << 20;
/// Chunks of one connection on their way.
const IN_FLIGHT: usize = 8;
/// More chunks than the server holds at a time.
const SLOW_CONNECTIONS: u64 = 40;

/// Uploads on one connection until told to stop.
async fn upload(
    person: Arc<Person>,
    in_flight: usize,
    stop: Arc<AtomicBool>,
    moved: Arc<AtomicU64>,
) {
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (person, stop, moved) = (Arc::clone(&person), Arc::clone(&stop), Arc::clone(&moved));
        lanes.spawn(async move {
            let (upload, mut data) = (new_upload(), vec![0; CHUNK]);
            let mut index = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                data[..16].copy_from_slice(&upload.0);
                data[16..24].copy_from_slice(&index.to_be_bytes());
                send(&person, upload, index, &data).await;
                moved.fetch_add(CHUNK as u64, Ordering::Relaxed);
                index += 1;
            }
        });
    }
    lanes.join_all().await;
}

async fn send(person: &Person, upload: UploadId, index: u64, data: &[u8]) {
    let hash = coffer_crypto::chunk::plain_hash(person.server_id().as_bytes(), data);
    let request = Request::PutChunk(PutChunk { upload, index, hash: Hash32(hash) });
    let answer = person.call(request, Bytes::copy_from_slice(data)).await;
    assert!(matches!(answer, Ok((Response::Done, _))), "{answer:?}");
}

/// How long listings take, in order of their times.
async fn listings(person: &Person, count: u32) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let list = List { place: Place::home(), cursor: None, limit: 1000 };
        let begun = Instant::now();
        let answer = person.ask(Request::List(list)).await;
        times.push(begun.elapsed());
        assert!(matches!(answer, Ok(Response::List(_))), "{answer:?}");
    }
    times.sort();
    times
}

async fn measure(server: &Server, bob: &Person, users: u32, connections: u32, count: u32) {
    let link: Link = server.link().parse().expect("a link");
    let (stop, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut uploads = tokio::task::JoinSet::new();
    for user in 0..users {
        let name = format!("bulk{users}x{connections}n{user}");
        let first = Arc::new(Person::sign_up(&link, &name).await);
        for _ in 1..connections {
            let more = Arc::new(first.again().await);
            uploads.spawn(upload(more, IN_FLIGHT, Arc::clone(&stop), Arc::clone(&moved)));
        }
        uploads.spawn(upload(first, IN_FLIGHT, Arc::clone(&stop), Arc::clone(&moved)));
    }
    while users > 0 && moved.load(Ordering::Relaxed) < 16 * CHUNK as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = (Instant::now(), moved.load(Ordering::Relaxed));
    let times = listings(bob, count).await;
    let rate = (moved.load(Ordering::Relaxed) - begun.1) as f64 / begun.0.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    uploads.join_all().await;
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    eprintln!(
        "{users} users with {connections} connections each upload {:.0} MiB/s: a listing takes {:?} \
         in the median, {:?} at 95 of 100, {:?} at the longest",
        rate / f64::from(1 << 20),
        at(50),
        at(95),
        at(100)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_go_on_beside_bulk_uploads() {
    let count = rounds("COFFER_FAIR_LISTINGS", 5);
    let server = Server::start(Engine::Sqlite);
    let link: Link = server.link().parse().expect("a link");
    let bob = Person::sign_up(&link, "bob").await;
    let all = [(0, 0), (1, 1), (1, 8), (4, 4)];
    for &(users, connections) in if count > 5 { &all[..] } else { &all[2..3] } {
        measure(&server, &bob, users, connections, count).await;
    }
}

/// Chunks that take long to arrive hold memory for all that time.
#[tokio::test(flavor = "multi_thread")]
async fn listings_go_on_beside_uploads_over_a_slow_line() {
    let count = rounds("COFFER_FAIR_LISTINGS", 20);
    let server = Server::start(Engine::Sqlite);
    let link: Link = server.link().parse().expect("a link");
    let bob = Person::sign_up(&link, "bob").await;
    let proxy = Proxy::to(&server.address);
    let slow: Link = proxy.link(&server.link()).parse().expect("a link");
    let (stop, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let first = Person::sign_up(&slow, "ada").await;
    let mut all = Vec::new();
    for _ in 0..SLOW_CONNECTIONS {
        all.push(Arc::new(first.again().await));
    }
    proxy.slow(Line { bytes_per_second: Some(1 << 20), ..Line::default() });
    let mut uploads = tokio::task::JoinSet::new();
    for person in all {
        uploads.spawn(upload(person, 1, Arc::clone(&stop), Arc::clone(&moved)));
    }
    while proxy.passed(Direction::Forth) < 2 << 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let times = listings(&bob, count).await;
    // What bob has to send is not held up either.
    send(&bob, new_upload(), 0, &vec![7; CHUNK]).await;
    eprintln!(
        "{SLOW_CONNECTIONS} connections upload over a slow line: a listing takes {:?} in the \
         median, {:?} at the longest",
        times[times.len() / 2],
        times[times.len() - 1]
    );
    let arrived = moved.load(Ordering::Relaxed) / CHUNK as u64;
    assert!(arrived < SLOW_CONNECTIONS, "the others were still waiting: {arrived}");
    stop.store(true, Ordering::Relaxed);
    proxy.slow(Line::default());
    uploads.join_all().await;
}
