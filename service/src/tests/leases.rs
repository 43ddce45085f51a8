//! What has arrived of an upload outlives its connection, its session and the
//! collector.

use super::harness::{Bench, code, commit_upload, hash, op, place};
use super::transfers::pattern;
use super::user::User;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_OPEN_UPLOADS;
use coffer_protocol::message::transfer::{AbortUpload, OfferContent, PlanChunk};
use coffer_protocol::message::tree::{Expect, PurgeTrash, PurgeWhat};
use coffer_protocol::{Request, Response, UploadId};
use coffer_store::{CheckOptions, CollectLimits};
use std::time::Duration;

const ID: UploadId = UploadId([1; 16]);
const CHUNK: usize = 70_000;

fn content() -> Vec<Vec<u8>> {
    (0..6).map(|number| pattern(number, CHUNK)).collect()
}

async fn needed(user: &User, id: UploadId, chunks: &[Vec<u8>]) -> Vec<bool> {
    let described = |chunk: &Vec<u8>| PlanChunk { hash: hash(chunk), len: chunk.len() as u32 };
    let offer = OfferContent {
        upload: id,
        to: place("/f"),
        expect: Expect::Anything,
        size: None,
        first: 0,
        chunks: chunks.iter().map(described).collect(),
    };
    let answer = user.ask(Request::OfferContent(Box::new(offer))).await.unwrap();
    let Response::Needed(needed) = answer else { panic!("{answer:?}") };
    needed.chunks
}

/// Sends chunks, one every 200 ms by the server's clock.
async fn send(bench: &Bench, user: &User, chunks: &[Vec<u8>]) {
    for (index, chunk) in chunks.iter().enumerate() {
        user.put_chunk(ID, index as u64, chunk).await.unwrap();
        bench.clock.advance(Duration::from_millis(200));
    }
}

async fn collect(bench: &Bench) {
    bench.clock.advance(Duration::from_hours(1));
    for _ in 0..3 {
        let limits = CollectLimits { grace_millis: 0, chunks: 1000 };
        bench.store.collect_garbage(limits).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
    }
}

async fn signed_in_again(bench: &Bench, user: User) -> User {
    // It may have ended by itself.
    let _ = user.ask(Request::Logout).await;
    drop(user);
    assert_eq!(bench.store.pinned(), 0);
    let mut again = bench.stranger("anna");
    again.sign_in().await.unwrap();
    again
}

fn count(bench: &Bench, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    bench.sql().query_row(&sql, [], |row| row.get(0)).unwrap()
}

async fn assert_clean(bench: &Bench) {
    let report = bench.store.check(CheckOptions::default(), |_| {}).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn an_upload_goes_on_after_its_session() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let chunks = content();
    send(&bench, &anna, &chunks[..4]).await;
    let anna = signed_in_again(&bench, anna).await;
    collect(&bench).await;
    let anna = signed_in_again(&bench, anna).await;
    // The last that came is held by none of the leases.
    let rest = needed(&anna, ID, &chunks).await;
    assert_eq!(rest[..3], [false; 3]);
    assert_eq!(rest[4..], [true; 2]);
    for (index, _) in rest.iter().enumerate().filter(|(_, needed)| **needed) {
        anna.put_chunk(ID, index as u64, &chunks[index]).await.unwrap();
        bench.clock.advance(Duration::from_millis(200));
    }
    assert_eq!(count(&bench, "uploads"), 1);
    let all: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    anna.commit(commit_upload(ID, "/f", &all)).await.unwrap();
    assert_eq!(anna.cat("/f").await.unwrap(), chunks.concat());
    assert_eq!((count(&bench, "uploads"), count(&bench, "segments")), (0, 0));
    assert_clean(&bench).await;
    // Nothing but the file holds its chunks any more.
    anna.rm("/f", false).await.unwrap();
    let purge = PurgeTrash { op: op(), what: PurgeWhat::Everything };
    anna.ask(Request::PurgeTrash(purge)).await.unwrap();
    collect(&bench).await;
    assert_eq!((count(&bench, "chunks"), count(&bench, "known_chunks")), (0, 0));
}

#[tokio::test]
async fn what_is_given_up_is_held_no_longer() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let chunks = content();
    send(&bench, &anna, &chunks).await;
    assert_eq!(count(&bench, "uploads"), 1);
    assert!(count(&bench, "segments") > 1);
    let anna = signed_in_again(&bench, anna).await;
    let bert = bench.user("bert").await;
    let abort = || Request::AbortUpload(AbortUpload { upload: ID });
    bert.ask(abort()).await.unwrap();
    assert_eq!(count(&bench, "uploads"), 1, "it is not bert's");
    anna.ask(abort()).await.unwrap();
    assert_eq!((count(&bench, "uploads"), count(&bench, "segments")), (0, 0));
    assert_eq!(needed(&anna, ID, &chunks).await, [true; 6]);
    let all: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    let commit = commit_upload(ID, "/f", &all);
    assert_eq!(code(anna.commit(commit).await), ErrorCode::UPLOAD_INCOMPLETE);
    assert_clean(&bench).await;
}

#[tokio::test]
async fn an_upload_of_a_moment_needs_no_lease() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let chunks = content();
    for (index, chunk) in chunks.iter().enumerate() {
        anna.put_chunk(ID, index as u64, chunk).await.unwrap();
    }
    assert_eq!((count(&bench, "uploads"), count(&bench, "segments")), (0, 0));
}

#[tokio::test]
async fn the_quietest_upload_gives_way_and_can_be_begun_again() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let chunks = content();
    anna.put_chunk(ID, 0, &chunks[0]).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let another = |number: usize| UploadId([100 + number as u8; 16]);
    for number in 1..MAX_OPEN_UPLOADS {
        anna.put_chunk(another(number), 0, b"x").await.unwrap();
    }
    let full = another(MAX_OPEN_UPLOADS);
    assert_eq!(code(anna.put_chunk(full, 0, b"x").await), ErrorCode::BUSY);
    bench.clock.advance(Duration::from_secs(9));
    anna.put_chunk(full, 0, b"x").await.unwrap();
    assert_eq!(count(&bench, "uploads"), 1, "what it had is held");
    assert_eq!(code(anna.put_chunk(another(80), 0, b"x").await), ErrorCode::BUSY);
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(needed(&anna, ID, &chunks).await, [false, true, true, true, true, true]);
    assert_clean(&bench).await;
}
