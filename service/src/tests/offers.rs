//! Which chunks of an upload have to be sent, and which are here.

use super::harness::{Bench, allowing, answer, code, commit_upload, hash, place};
use super::transfers::pattern;
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_CHUNK_BYTES, MAX_OFFERED_CHUNKS};
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::transfer::{Needed, OfferContent, PlanChunk};
use coffer_protocol::message::tree::{Expect, PurgeTrash, PurgeWhat};
use coffer_protocol::{Hash32, Place, Request, UploadId};

const CHUNK: usize = 70_000;

fn upload(number: u8) -> UploadId {
    UploadId([number; 16])
}

fn described(data: &[u8]) -> PlanChunk {
    PlanChunk { hash: hash(data), len: data.len() as u32 }
}

fn offer(id: u8, to: Place, chunks: &[&[u8]]) -> OfferContent {
    OfferContent {
        upload: upload(id),
        to,
        expect: Expect::Anything,
        size: Some(chunks.iter().map(|chunk| chunk.len() as u64).sum()),
        first: 0,
        chunks: chunks.iter().map(|chunk| described(chunk)).collect(),
    }
}

async fn ask(user: &User, offer: OfferContent) -> Outcome<Vec<bool>> {
    let Needed { chunks } =
        answer!(user.ask(Request::OfferContent(Box::new(offer))).await, Needed)?;
    Ok(chunks)
}

#[tokio::test]
async fn what_the_user_has_is_not_needed_and_becomes_a_file() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let (one, two, short) = (pattern(1, CHUNK), pattern(2, CHUNK), pattern(3, 100));
    anna.upload("/f", &[&one, &two]).await.unwrap();
    let content: [&[u8]; 3] = [&two, &one, &short];
    // The same offer twice has the same answer.
    for _ in 0..2 {
        let needed = ask(&anna, offer(1, place("/g"), &content)).await.unwrap();
        assert_eq!(needed, [false, false, true]);
    }
    let early = anna.commit(commit_upload(upload(1), "/g", &content)).await;
    assert_eq!(code(early), ErrorCode::UPLOAD_INCOMPLETE);
    anna.put_chunk(upload(1), 2, &short).await.unwrap();
    anna.commit(commit_upload(upload(1), "/g", &content)).await.unwrap();
    assert_eq!(anna.cat("/g").await.unwrap(), content.concat());
    // Nothing short is found by its content: its key is its own.
    assert_eq!(ask(&anna, offer(2, place("/h"), &[&short])).await.unwrap(), [true]);
}

#[tokio::test]
async fn what_only_another_has_is_needed_like_what_nobody_has() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let (secret, unknown) = (pattern(1, CHUNK), pattern(9, CHUNK));
    anna.upload("/f", &[&secret]).await.unwrap();
    let content: [&[u8]; 2] = [&secret, &unknown];
    assert_eq!(ask(&bert, offer(1, place("/g"), &content)).await.unwrap(), [true, true]);
    // Not into a directory of the one who has it, either.
    anna.mkdir("/d").await.unwrap();
    let d = anna.node("/d").await;
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    let below = Place { base: coffer_protocol::Base::Node(d), names: vec!["g".to_owned()] };
    assert_eq!(ask(&bert, offer(2, below, &content)).await.unwrap(), [true, true]);
}

#[tokio::test]
async fn what_is_written_over_need_not_be_sent_by_whoever_may_read_it() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let (kept, new) = (pattern(1, CHUNK), pattern(2, CHUNK));
    anna.upload("/f", &[&kept, &pattern(3, CHUNK)]).await.unwrap();
    let f = anna.node("/f").await;
    let content: [&[u8]; 2] = [&kept, &new];
    let to = || Place::node(f);
    let refused = ask(&bert, offer(1, to(), &content)).await;
    assert_eq!(code(refused), ErrorCode::NOT_FOUND);
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    let refused = ask(&bert, offer(1, to(), &content)).await;
    assert_eq!(code(refused), ErrorCode::NOT_ALLOWED);
    anna.share("/f", "bert", Mode::Write).await.unwrap();
    assert_eq!(ask(&bert, offer(1, to(), &content)).await.unwrap(), [false, true]);
    bert.put_chunk(upload(1), 1, &new).await.unwrap();
    let mut commit = commit_upload(upload(1), "/f", &content);
    commit.to = to();
    bert.commit(commit).await.unwrap();
    assert_eq!(anna.cat("/f").await.unwrap(), content.concat());
}

#[tokio::test]
async fn what_was_purged_is_needed_again() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let data = pattern(1, CHUNK);
    anna.upload("/f", &[&data]).await.unwrap();
    bert.upload("/f", &[&data]).await.unwrap();
    anna.rm("/f", false).await.unwrap();
    assert_eq!(ask(&anna, offer(1, place("/g"), &[&data])).await.unwrap(), [false]);
    let purge = PurgeTrash { op: super::harness::op(), what: PurgeWhat::Everything };
    anna.ask(Request::PurgeTrash(purge)).await.unwrap();
    assert_eq!(ask(&anna, offer(2, place("/g"), &[&data])).await.unwrap(), [true]);
    // What was said to be here before is held for the upload.
    anna.commit(commit_upload(upload(1), "/g", &[&data])).await.unwrap();
    assert_eq!(anna.cat("/g").await.unwrap(), data);
}

#[tokio::test]
async fn a_hash_that_lies_finds_nothing() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let data = pattern(1, CHUNK);
    anna.upload("/f", &[&data]).await.unwrap();
    let lie = |len, hash| OfferContent {
        chunks: vec![PlanChunk { hash, len }],
        ..offer(1, place("/g"), &[&data])
    };
    let true_hash = hash(&data);
    let needed = ask(&anna, lie(CHUNK as u32 + 1, true_hash)).await.unwrap();
    assert_eq!(needed, [true], "another length is another content");
    let needed = ask(&anna, lie(CHUNK as u32, Hash32([7; 32]))).await.unwrap();
    assert_eq!(needed, [true]);
    // Bytes under a false hash are refused, and the honest upload is right later.
    let false_bytes = anna.put_chunk(upload(1), 0, &pattern(5, CHUNK)).await;
    assert!(false_bytes.is_ok(), "its own hash is right");
    let other = anna.ask(Request::OfferContent(Box::new(lie(CHUNK as u32, true_hash)))).await;
    assert_eq!(code(other), ErrorCode::OUT_OF_ORDER, "another chunk has this place");
    anna.upload("/h", &[&data]).await.unwrap();
    assert_eq!(anna.cat("/h").await.unwrap(), data);
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_it_is_sent() {
    let bench = Bench::with(allowing(100_000)).await;
    let anna = bench.user("anna").await;
    let data = pattern(1, CHUNK);
    anna.upload("/f", &[&data]).await.unwrap();
    anna.mkdir("/d").await.unwrap();
    let try_it = async |offer| code(ask(&anna, offer).await);
    assert_eq!(try_it(offer(1, place("/g"), &[&data])).await, ErrorCode::QUOTA);
    let absent = |path| OfferContent { expect: Expect::Absent, ..offer(1, place(path), &[&[1]]) };
    assert_eq!(try_it(absent("/f")).await, ErrorCode::EXISTS);
    assert_eq!(try_it(offer(1, place("/d"), &[&[1]])).await, ErrorCode::IS_A_DIRECTORY);
    assert_eq!(try_it(offer(1, place("/no/g"), &[&[1]])).await, ErrorCode::NOT_FOUND);
    let chunk = |len| PlanChunk { hash: Hash32([1; 32]), len };
    let of = |chunks| OfferContent { chunks, ..offer(1, place("/g"), &[]) };
    for len in [0, MAX_CHUNK_BYTES as u32 + 1] {
        assert_eq!(try_it(of(vec![chunk(len)])).await, ErrorCode::TOO_LARGE);
    }
    let many = of(vec![chunk(1); MAX_OFFERED_CHUNKS + 1]);
    assert_eq!(try_it(many).await, ErrorCode::TOO_LARGE);
    assert_eq!(bench.store.pinned(), 0);
}

#[tokio::test]
async fn a_chunk_whose_file_is_gone_is_needed() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let data = pattern(1, CHUNK);
    anna.upload("/f", &[&data]).await.unwrap();
    let chunks = bench.dir.path().join("data").join("chunks");
    let files = std::fs::read_dir(chunks).unwrap().flat_map(|dir| {
        let path = dir.unwrap().path();
        std::fs::read_dir(path).into_iter().flatten().map(|file| file.unwrap().path())
    });
    files.for_each(|file| std::fs::remove_file(file).unwrap());
    assert_eq!(ask(&anna, offer(1, place("/g"), &[&data])).await.unwrap(), [true]);
    anna.put_chunk(upload(1), 0, &data).await.unwrap();
    anna.commit(commit_upload(upload(1), "/g", &[&data])).await.unwrap();
    assert_eq!(anna.cat("/f").await.unwrap(), data, "what was sent has healed it");
}
