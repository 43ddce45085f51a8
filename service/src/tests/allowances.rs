//! Limits of one user: bytes, files, connections, uploads.

use super::harness::{Bench, allowing, code, commit_upload, op, open_config, place, put_files};
use super::transfers::pattern;
use super::user::User;
use crate::admin;
use crate::fault::Outcome;
use crate::{Allowance, Limit, Quota, ServiceConfig};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::AccountInfo;
use coffer_protocol::message::transfer::{AbortUpload, OfferContent};
use coffer_protocol::message::tree::{Expect, RestoreVersion};
use coffer_protocol::{Request, Response, UploadId};
use std::time::Duration;

async fn account(user: &User) -> AccountInfo {
    let Response::Account(info) = user.ask(Request::WhoAmI).await.unwrap() else { panic!() };
    info
}

async fn set(bench: &Bench, account: &AccountInfo, quota: Quota) {
    admin::change_quota(&bench.store, account.user_id, |_| quota).await.unwrap();
    // Allowances are remembered for a second.
    bench.clock.advance(Duration::from_secs(2));
}

#[tokio::test]
async fn an_operator_gives_one_user_more_or_less_than_everybody() {
    let bench = Bench::with(allowing(1_000)).await;
    let anna = bench.user("anna").await;
    let before = account(&anna).await;
    assert_eq!((before.most_bytes, before.most_nodes), (Some(1_000), None));
    let data = pattern(3, 900);
    anna.put("/a", &data, Expect::Absent).await.unwrap();
    let refused = anna.put("/b", &data, Expect::Absent).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::QUOTA);
    assert!(refused.message.contains("900 bytes of 1000 bytes"), "{}", refused.message);

    set(&bench, &before, Quota { bytes: Limit::Most(2_000), nodes: Limit::Most(3) }).await;
    anna.put("/b", &data, Expect::Absent).await.unwrap();
    let account = account(&anna).await;
    assert_eq!((account.bytes, account.most_bytes), (1_800, Some(2_000)));
    // The home directory is the first of the three.
    assert_eq!((account.nodes, account.most_nodes), (3, Some(3)));
    assert_eq!(code(anna.mkdir("/d").await), ErrorCode::QUOTA);
    let refused = anna.put("/c", b"", Expect::Absent).await.unwrap_err();
    assert!(refused.message.contains("3 files"), "{}", refused.message);
    anna.put("/a", b"a new version is no new file", Expect::Anything).await.unwrap();

    set(&bench, &before, Quota { bytes: Limit::Unlimited, nodes: Limit::Default }).await;
    anna.put("/c", &pattern(4, 50_000), Expect::Absent).await.unwrap();
    set(&bench, &before, Quota::default()).await;
    assert_eq!(code(anna.put("/d", b"x", Expect::Absent).await), ErrorCode::QUOTA);
    let setting = bench.store.setting(&crate::quota_key(before.user_id)).await.unwrap();
    assert_eq!(setting, None, "what says nothing is not kept");
}

#[tokio::test]
async fn writes_at_the_same_moment_do_not_exceed_the_allowance_together() {
    let bench = Bench::with(allowing(10_000)).await;
    let anna = bench.user("anna").await;
    let data = pattern(5, 1_000);
    let names: Vec<String> = (0..32).map(|number| format!("/{number}")).collect();
    let puts = names.iter().map(|name| {
        let (request, payload) = put_files(op(), &[(place(name), &data, Expect::Absent)]);
        let (service, link) = (anna.service.clone(), anna.link.clone());
        tokio::spawn(async move { service.handle(&link, request, payload).await })
    });
    let mut stored = 0;
    for put in puts.collect::<Vec<_>>() {
        let Response::BatchWritten(batch) = put.await.unwrap().unwrap().0 else { panic!() };
        match &batch.files[..] {
            [Ok(_)] => stored += 1,
            [Err(error)] => assert_eq!(error.code, ErrorCode::QUOTA),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stored, 10);
    assert_eq!(account(&anna).await.bytes, 10_000);
}

#[tokio::test]
async fn a_version_that_comes_back_takes_room() {
    let bench = Bench::with(allowing(1_000)).await;
    let anna = bench.user("anna").await;
    anna.put("/f", &pattern(1, 700), Expect::Absent).await.unwrap();
    anna.put("/f", b"short", Expect::Anything).await.unwrap();
    let restore = RestoreVersion { op: op(), place: place("/f"), revision: 1 };
    assert_eq!(code(anna.ask(Request::RestoreVersion(restore)).await), ErrorCode::QUOTA);
}

#[tokio::test]
async fn a_deleted_account_leaves_no_allowance_behind() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let account = account(&anna).await;
    set(&bench, &account, Quota { bytes: Limit::Most(5), nodes: Limit::Default }).await;
    admin::delete_account(&bench.store, &coffer_store::SystemRandom, account.user_id)
        .await
        .unwrap();
    bench.service.expect_erasures();
    bench.service.upkeep().await;
    assert_eq!(bench.store.user(account.user_id).await.unwrap(), None);
    assert_eq!(bench.store.setting(&crate::quota_key(account.user_id)).await.unwrap(), None);
}

#[tokio::test]
async fn one_user_has_so_many_connections_and_uploads() {
    let config = ServiceConfig {
        max_connections_per_user: 2,
        max_uploads_per_user: 2,
        allowance: Allowance::default(),
        ..open_config()
    };
    let bench = Bench::with(config).await;
    let anna = bench.user("anna").await;
    let mut second = bench.stranger("anna");
    second.sign_in().await.unwrap();
    let refused = bench.stranger("anna").sign_in().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::CONNECTION_LIMIT);
    assert!(refused.message.contains("2 connections"), "{}", refused.message);
    bench.user("bert").await;

    // Uploads of all sessions count together.
    let upload = |number| UploadId([number; 16]);
    anna.put_chunk(upload(1), 0, b"x").await.unwrap();
    second.put_chunk(upload(2), 0, b"x").await.unwrap();
    let refused = anna.put_chunk(upload(3), 0, b"x").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BUSY);
    assert!(refused.message.contains("2 uploads"), "{}", refused.message);
    anna.put_chunk(upload(1), 1, b"y").await.unwrap();
    let abort = Request::AbortUpload(AbortUpload { upload: upload(2) });
    assert_eq!(second.ask(abort).await.unwrap(), Response::Done);
    anna.put_chunk(upload(3), 0, b"x").await.unwrap();
    anna.commit(commit_upload(upload(3), "/f", &[b"x"])).await.unwrap();
    assert_eq!(anna.read(place("/f"), None).await.unwrap(), b"x");
}

const CHUNK: usize = 70_000;

/// Sends chunks until one is refused; says how many were taken, and the refusal.
async fn fill(bench: &Bench, user: &User, upload: UploadId) -> (u64, coffer_protocol::WireError) {
    for index in 0..16 {
        let chunk = pattern(upload.0[0] * 16 + index, CHUNK);
        if let Err(error) = user.put_chunk(upload, index.into(), &chunk).await {
            return (index.into(), error);
        }
        bench.clock.advance(Duration::from_millis(200));
    }
    panic!("nothing is refused");
}

async fn offer(user: &User, id: UploadId, path: &str, size: u64) -> Outcome<Response> {
    let offer = OfferContent {
        upload: id,
        to: place(path),
        expect: Expect::Anything,
        size: Some(size),
        first: 0,
        chunks: Vec::new(),
    };
    user.ask(Request::OfferContent(Box::new(offer))).await
}

fn abort(id: u8) -> Request {
    Request::AbortUpload(AbortUpload { upload: UploadId([id; 16]) })
}

#[tokio::test]
async fn what_is_not_finished_does_not_exceed_the_allowance() {
    let bench = Bench::with(allowing(500_000)).await;
    let anna = bench.user("anna").await;
    anna.put("/there", &pattern(1, 50_000), Expect::Absent).await.unwrap();
    let (taken, refused) = fill(&bench, &anna, UploadId([1; 16])).await;
    assert_eq!((taken, refused.code), (6, ErrorCode::QUOTA));
    let (taken, refused) = fill(&bench, &anna, UploadId([2; 16])).await;
    assert_eq!((taken, refused.code), (0, ErrorCode::QUOTA));
    assert!(refused.message.contains("not finished take"), "{}", refused.message);
    assert!(refused.hint.contains("coffer uploads"), "{}", refused.hint);

    // It is the same for another session, which can go on with the first upload.
    let _ = anna.ask(Request::Logout).await;
    drop(anna);
    let mut anna = bench.stranger("anna");
    anna.sign_in().await.unwrap();
    assert_eq!(fill(&bench, &anna, UploadId([2; 16])).await.0, 0);
    anna.ask(abort(2)).await.unwrap();
    offer(&anna, UploadId([1; 16]), "/f", 6 * CHUNK as u64).await.unwrap();
    assert_eq!(code(offer(&anna, UploadId([3; 16]), "/g", 100_000).await), ErrorCode::QUOTA);
    anna.ask(abort(1)).await.unwrap();
    offer(&anna, UploadId([3; 16]), "/g", 100_000).await.unwrap();
}

#[tokio::test]
async fn room_is_set_aside_for_what_was_announced_first() {
    let bench = Bench::with(allowing(500_000)).await;
    let anna = bench.user("anna").await;
    let [one, two] = [1, 2].map(|id| UploadId([id; 16]));
    let chunks: Vec<Vec<u8>> = (0..5).map(|number| pattern(number, CHUNK)).collect();
    offer(&anna, one, "/one", 5 * CHUNK as u64).await.unwrap();
    let refused = offer(&anna, two, "/two", 200_000).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::QUOTA);
    assert!(refused.message.contains("341.7 KiB"), "{}", refused.message);
    assert_eq!(anna.ask(abort(2)).await.unwrap(), Response::Done);
    for (index, chunk) in (0..).zip(&chunks) {
        anna.put_chunk(one, index, chunk).await.unwrap();
    }
    let all: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    anna.commit(commit_upload(one, "/one", &all)).await.unwrap();
    // What is a file counts as that, and once.
    assert_eq!(code(offer(&anna, two, "/two", 200_000).await), ErrorCode::QUOTA);
    offer(&anna, two, "/two", 150_000).await.unwrap();
    // Whoever sends more than was announced needs room for that as well.
    assert_eq!(fill(&bench, &anna, two).await.0, 2);
}
