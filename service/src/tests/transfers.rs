//! Contents in and out.

use super::harness::{
    Bench, allowing, answer, code, commit_upload, content_hash, hash, op, open_config, place,
    put_files,
};
use crate::ServiceConfig;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_OPEN_UPLOADS;
use coffer_protocol::message::transfer::{
    AbortUpload, OpenFile, PutChunk, PutFile, PutFiles, ReadChunk, ReadPlan,
};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Request, Response, UploadId};
use std::time::Duration;

pub(super) fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

#[tokio::test]
async fn files_of_all_sizes_come_back_byte_for_byte() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/empty", b"", Expect::Absent).await.unwrap();
    assert_eq!(anna.cat("/empty").await.unwrap(), b"");
    let small = pattern(1, 65_535);
    anna.put("/small", &small, Expect::Absent).await.unwrap();
    assert_eq!(anna.cat("/small").await.unwrap(), small);
    let parts = [pattern(2, 300_000), pattern(3, 1 << 20), pattern(4, 7)];
    let chunks: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    anna.upload("/big", &chunks).await.unwrap();
    assert_eq!(anna.cat("/big").await.unwrap(), parts.concat());
    anna.upload("/nothing", &[]).await.unwrap();
    assert_eq!(anna.cat("/nothing").await.unwrap(), b"");
    let entry = anna.stat("/big").await.unwrap();
    assert_eq!(entry.content_hash, content_hash(&chunks));
    assert_eq!((entry.modified_millis, entry.revision), (77, 1));
}

#[tokio::test]
async fn what_arrives_otherwise_than_announced_is_refused() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let upload = UploadId([1; 16]);
    let data = pattern(5, 100_000);
    let lie = PutChunk { upload, index: 0, hash: hash(b"other") };
    let sent = anna.send(Request::PutChunk(lie), data.clone().into()).await;
    assert_eq!(code(sent), ErrorCode::HASH_MISMATCH);
    anna.put_chunk(upload, 0, &data).await.unwrap();
    anna.put_chunk(upload, 0, &data).await.unwrap();
    assert_eq!(code(anna.put_chunk(upload, 0, b"else").await), ErrorCode::OUT_OF_ORDER);
    anna.put_chunk(upload, 2, &data).await.unwrap();
    let all: [&[u8]; 3] = [&data, b"middle", &data];
    let commit = commit_upload(upload, "/f", &all);
    assert_eq!(code(anna.commit(commit.clone()).await), ErrorCode::UPLOAD_INCOMPLETE);
    anna.put_chunk(upload, 1, b"middle").await.unwrap();
    let mut wrong = commit.clone();
    wrong.content_hash = content_hash(&[&data, &data, b"middle"]);
    assert_eq!(code(anna.commit(wrong).await), ErrorCode::HASH_MISMATCH);
    anna.commit(commit).await.unwrap();
    assert_eq!(anna.cat("/f").await.unwrap(), all.concat());

    let (request, _) = put_files(op(), &[(place("/a"), b"x", Expect::Absent)]);
    let short = anna.send(request, Bytes::new()).await;
    assert_eq!(code(short), ErrorCode::MALFORMED);
    let file = |path: &str, hash| PutFile {
        to: place(path),
        len: 1,
        hash,
        modified_millis: 0,
        executable: true,
        expect: Expect::Absent,
    };
    let files = vec![file("/good", hash(b"g")), file("/bad", hash(b"x"))];
    let request = Request::PutFiles(PutFiles { op: op(), files });
    let (answer, _) = anna.send(request, Bytes::from_static(b"gb")).await.unwrap();
    let Response::BatchWritten(written) = answer else { panic!("unexpected {answer:?}") };
    assert!(written.files[0].is_ok());
    assert_eq!(code(written.files[1].clone()), ErrorCode::HASH_MISMATCH);
    assert!(anna.stat("/good").await.unwrap().executable);
    assert_eq!(code(anna.stat("/bad").await), ErrorCode::NOT_FOUND);
}

#[tokio::test]
async fn only_the_losers_of_a_batch_fail() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.mkdir("/d").await.unwrap();
    anna.put("/taken", b"old", Expect::Absent).await.unwrap();
    let (request, payload) = put_files(
        op(),
        &[
            (place("/new"), b"1", Expect::Absent),
            (place("/taken"), b"2", Expect::Absent),
            (place("/d"), b"3", Expect::Anything),
            (place("/nowhere/f"), b"4", Expect::Absent),
            (place("/d/f"), b"5", Expect::Revision(3)),
            (place("/taken"), b"6", Expect::Revision(1)),
            (place("/new"), b"7", Expect::Absent),
        ],
    );
    let (answer, _) = anna.send(request, payload).await.unwrap();
    let Response::BatchWritten(written) = answer else { panic!("unexpected {answer:?}") };
    let codes: Vec<_> =
        written.files.iter().map(|file| file.clone().err().map(|e| e.code)).collect();
    assert_eq!(codes[0], None);
    assert_eq!(codes[1], Some(ErrorCode::EXISTS));
    assert_eq!(codes[2], Some(ErrorCode::IS_A_DIRECTORY));
    assert_eq!(codes[3], Some(ErrorCode::NOT_FOUND));
    assert_eq!(codes[4], Some(ErrorCode::NOT_FOUND));
    assert_eq!(codes[6], Some(ErrorCode::EXISTS));
    assert_eq!(anna.cat("/new").await.unwrap(), b"1");
}

#[tokio::test]
async fn concurrent_writers_of_one_name_have_one_winner() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for round in 0..10 {
        let path = format!("/f{round}");
        let (one, two) = tokio::join!(
            anna.put(&path, b"one", Expect::Absent),
            anna.put(&path, b"two", Expect::Absent)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let (one, two) = tokio::join!(
            anna.put(&path, b"three", Expect::Revision(1)),
            anna.put(&path, b"four", Expect::Revision(1))
        );
        let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
        let error = loser.expect_err("only one wins");
        assert_eq!(error.code, ErrorCode::CONFLICT);
        assert_eq!(error.conflict.expect("who").revision, winner.unwrap().revision);
        let (one, two) = tokio::join!(
            anna.put(&path, b"five", Expect::Anything),
            anna.put(&path, b"six", Expect::Anything)
        );
        let mut revisions = [one.unwrap().revision, two.unwrap().revision];
        revisions.sort_unstable();
        assert_eq!(revisions, [3, 4], "a race with oneself is settled");
    }
}

#[tokio::test]
async fn a_lost_upload_can_be_named_otherwise_without_sending_it_again() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/f", b"first", Expect::Absent).await.unwrap();
    let upload = UploadId([1; 16]);
    let data = pattern(6, 70_000);
    anna.put_chunk(upload, 0, &data).await.unwrap();
    let mut commit = commit_upload(upload, "/f", &[&data]);
    commit.expect = Expect::Absent;
    assert_eq!(code(anna.commit(commit.clone()).await), ErrorCode::EXISTS);
    (commit.op, commit.to) = (op(), place("/f (2)"));
    anna.commit(commit).await.unwrap();
    assert_eq!(anna.cat("/f (2)").await.unwrap(), data);
}

#[tokio::test]
async fn uploads_are_bounded_and_expire() {
    let config = ServiceConfig { upload_idle: Duration::from_mins(5), ..open_config() };
    let bench = Bench::with(config).await;
    let anna = bench.user("anna").await;
    for number in 0..MAX_OPEN_UPLOADS {
        anna.put_chunk(UploadId([number as u8; 16]), 0, b"x").await.unwrap();
    }
    let one_more = UploadId([255; 16]);
    assert_eq!(code(anna.put_chunk(one_more, 0, b"x").await), ErrorCode::BUSY);
    let abort = AbortUpload { upload: UploadId([0; 16]) };
    anna.ask(Request::AbortUpload(abort)).await.unwrap();
    anna.put_chunk(one_more, 0, b"x").await.unwrap();
    bench.clock.advance(Duration::from_mins(5));
    bench.service.upkeep().await;
    assert_eq!(bench.store.pinned(), 0);
    let commit = commit_upload(one_more, "/f", &[b"x"]);
    assert_eq!(code(anna.commit(commit).await), ErrorCode::NO_SUCH_UPLOAD);
    assert_eq!(code(anna.put_chunk(one_more, 1 << 40, b"x").await), ErrorCode::OUT_OF_ORDER);
}

#[tokio::test]
async fn a_user_stays_within_the_allowance() {
    let config = allowing(100_000);
    let bench = Bench::with(config).await;
    let anna = bench.user("anna").await;
    let data = pattern(7, 60_000);
    anna.put("/a", &data, Expect::Absent).await.unwrap();
    assert_eq!(code(anna.put("/b", &data, Expect::Absent).await), ErrorCode::QUOTA);
    assert_eq!(code(anna.upload("/b", &[&data]).await), ErrorCode::QUOTA);
    anna.put("/b", &data[..40_000], Expect::Absent).await.unwrap();
}

#[tokio::test]
async fn a_file_of_many_chunks_is_listed_in_segments() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let parts: Vec<Vec<u8>> = (0..8200_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let chunks: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let upload = UploadId([1; 16]);
    // The first chunk comes last but for the tail: nothing is sealed before it.
    for index in (1..8195).chain([0]).chain(8195..8200) {
        anna.put_chunk(upload, index as u64, chunks[index]).await.unwrap();
        if index == 8194 {
            assert_eq!(segments(&bench), 0);
        }
    }
    assert_eq!(segments(&bench), 1, "a full segment has left the memory");
    anna.commit(commit_upload(upload, "/f", &chunks)).await.unwrap();
    assert_eq!(segments(&bench), 2);
    let open = OpenFile { place: place("/f"), revision: None };
    let info = answer!(anna.ask(Request::OpenFile(open)).await, File).unwrap();
    assert_eq!((info.chunks, info.entry.size), (8200, 32_800));
    let (node, revision) = (info.entry.node, 1);
    let plan = async |offset| {
        let request = Request::ReadPlan(ReadPlan { node, revision, offset });
        answer!(anna.ask(request).await, Plan).unwrap()
    };
    let middle = plan(4 * 8190 + 3).await;
    assert_eq!((middle.first, middle.offset, middle.chunks.len()), (8190, 4 * 8190, 2));
    let tail = plan(4 * 8192).await;
    assert_eq!((tail.first, tail.chunks.len()), (8192, 8));
    assert_eq!(tail.chunks[7].hash, hash(&parts[8199]));
    assert!(plan(40_000).await.chunks.is_empty());
    let read = async |index| {
        let request = Request::ReadChunk(ReadChunk { node, revision, index });
        anna.send(request, Bytes::new()).await
    };
    assert_eq!(read(8191).await.unwrap().1, parts[8191]);
    assert_eq!(read(8199).await.unwrap().1, parts[8199]);
    assert_eq!(code(read(8200).await), ErrorCode::NOT_FOUND);
    anna.put("/f", b"small", Expect::Anything).await.unwrap();
    assert_eq!(anna.read(place("/f"), Some(1)).await.unwrap(), parts.concat());
}

fn segments(bench: &Bench) -> i64 {
    bench.sql().query_row("SELECT COUNT(*) FROM segments", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn small_files_are_read_many_at_a_time() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let names: Vec<_> = (0..20).map(|n| format!("/{n}")).collect();
    let bodies: Vec<_> = (0..20).map(|n| pattern(n, usize::from(n) * 100)).collect();
    let puts: Vec<_> = names
        .iter()
        .zip(&bodies)
        .map(|(name, body)| (place(name), body.as_slice(), Expect::Absent))
        .collect();
    let (request, payload) = put_files(op(), &puts);
    anna.send(request, payload).await.unwrap();
    let big = pattern(9, 300_000);
    anna.upload("/big", &[&big, &big]).await.unwrap();
    let mut nodes = Vec::new();
    for name in &names {
        nodes.push(anna.node(name).await);
    }
    nodes.extend([anna.node("/big").await, anna.node("/").await, NodeId([1; 16])]);
    let (files, payload) = anna.read_batch(nodes).await.unwrap();
    let mut at = 0;
    for (file, body) in files.iter().zip(&bodies) {
        let file = file.as_ref().unwrap();
        assert_eq!(file.hash, hash(body));
        assert_eq!(payload[at..at + file.len as usize], body[..]);
        at += file.len as usize;
    }
    assert_eq!(at, payload.len());
    let codes: Vec<_> = files[20..].iter().map(|file| code(file.clone())).collect();
    assert_eq!(codes, [ErrorCode::TOO_LARGE, ErrorCode::IS_A_DIRECTORY, ErrorCode::NOT_FOUND]);
}

#[tokio::test]
async fn equal_chunks_are_stored_once_and_small_ones_never_alike() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let data = pattern(8, 1 << 20);
    for user in [&anna, &bert] {
        user.upload("/big", &[&data, &data]).await.unwrap();
        user.put("/small", &data[..10_000], Expect::Absent).await.unwrap();
    }
    let count = |place| -> i64 {
        let sql = format!("SELECT COUNT(*) FROM chunks WHERE data IS {place} NULL");
        bench.sql().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count(""), count("NOT")), (1, 2));
}
