//! Content that only others have, where the operator lets it be proved.

use super::harness::{Bench, answer, code, commit_upload, hash, open_config, place};
use super::transfers::pattern;
use super::user::User;
use crate::{InstantUpload, ServiceConfig};
use coffer_crypto::ownership::{proof_key, prove};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_OFFERED_CHUNKS;
use coffer_protocol::message::transfer::{
    ContentProof, OfferContent, PlanChunk, ProveContent, Unproven,
};
use coffer_protocol::message::tree::{Expect, PurgeTrash, PurgeWhat};
use coffer_protocol::version::Features;
use coffer_protocol::{Request, Response, UploadId};
use std::sync::Arc;
use std::time::Duration;

const CHUNK: usize = 70_000;
const UPLOAD: UploadId = UploadId([1; 16]);

async fn bench() -> Bench {
    let instant_upload = InstantUpload::Server;
    Bench::with(ServiceConfig { instant_upload, ..open_config() }).await
}

async fn offer(user: &User, upload: UploadId, chunks: &[&[u8]]) -> Response {
    let described =
        chunks.iter().map(|data| PlanChunk { hash: hash(data), len: data.len() as u32 });
    let offer = OfferContent {
        upload,
        to: place("/mine"),
        expect: Expect::Anything,
        size: None,
        first: 0,
        chunks: described.collect(),
    };
    user.ask(Request::OfferContent(Box::new(offer))).await.unwrap()
}

async fn asked(user: &User, chunks: &[&[u8]]) -> Unproven {
    match offer(user, UPLOAD, chunks).await {
        Response::Unproven(unproven) => unproven,
        other => panic!("unexpected {other:?}"),
    }
}

fn proof(user: &User, nonce: &[u8; 32], place: u64, data: &[u8]) -> ContentProof {
    ContentProof { place, proof: prove(&proof_key(nonce, user.link.exporter()), data) }
}

async fn show(user: &User, upload: UploadId, proofs: Vec<ContentProof>) -> Vec<bool> {
    let request = ProveContent { upload, proofs };
    answer!(user.ask(Request::ProveContent(request)).await, Needed).unwrap().chunks
}

fn stored_chunks(bench: &Bench) -> i64 {
    bench.sql().query_row("SELECT COUNT(*) FROM chunks", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn whoever_proves_it_need_not_send_it() {
    let bench = bench().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let (one, two, new) = (pattern(1, CHUNK), pattern(2, CHUNK), pattern(3, CHUNK));
    anna.upload("/f", &[&one, &two]).await.unwrap();
    let content: [&[u8]; 3] = [&one, &new, &two];
    let unproven = asked(&bert, &content).await;
    assert_eq!((unproven.needed, unproven.places), (vec![true; 3], vec![0, 2]));
    let proofs =
        vec![proof(&bert, &unproven.nonce, 2, &two), proof(&bert, &unproven.nonce, 0, &one)];
    assert_eq!(show(&bert, UPLOAD, proofs.clone()).await, [false, false]);
    // An answer that was lost comes again; so does what was not proved.
    assert_eq!(show(&bert, UPLOAD, proofs).await, [false, false]);
    assert_eq!(show(&bert, UPLOAD, vec![proof(&bert, &[0; 32], 1, &new)]).await, [true]);
    let early = bert.commit(commit_upload(UPLOAD, "/mine", &content)).await;
    assert_eq!(code(early), ErrorCode::UPLOAD_INCOMPLETE);
    bert.put_chunk(UPLOAD, 1, &new).await.unwrap();
    bert.commit(commit_upload(UPLOAD, "/mine", &content)).await.unwrap();
    assert_eq!(bert.cat("/mine").await.unwrap(), content.concat());
    // It is his own now, whatever the other does.
    let node = anna.rm("/f", false).await.unwrap();
    let purge = PurgeTrash { op: super::harness::op(), what: PurgeWhat::Nodes(vec![node]) };
    anna.ask(Request::PurgeTrash(purge)).await.unwrap();
    assert_eq!(bert.cat("/mine").await.unwrap(), content.concat());
}

#[tokio::test]
async fn lies_and_proofs_that_are_replayed_foreign_or_stale_are_worth_nothing() {
    let bench = bench().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let (one, other) = (pattern(1, CHUNK), pattern(2, CHUNK));
    anna.upload("/f", &[&one]).await.unwrap();
    let stored = stored_chunks(&bench);
    let content: [&[u8]; 1] = [&one];
    let refused = async |proofs: Vec<ContentProof>| {
        let count = proofs.len();
        assert_eq!(show(&bert, UPLOAD, proofs).await, vec![true; count]);
        let commit = bert.commit(commit_upload(UPLOAD, "/mine", &content)).await;
        assert_eq!(code(commit), ErrorCode::UPLOAD_INCOMPLETE);
    };

    // The hash alone, other bytes, another place, another nonce.
    let nonce = asked(&bert, &content).await.nonce;
    refused(vec![ContentProof { place: 0, proof: hash(&one).0 }]).await;
    let nonce_again = asked(&bert, &content).await.nonce;
    assert_ne!(nonce, nonce_again);
    refused(vec![proof(&bert, &nonce_again, 0, &other)]).await;
    let third = asked(&bert, &content).await.nonce;
    refused(vec![proof(&bert, &third, 1, &one)]).await;
    asked(&bert, &content).await;
    refused(vec![proof(&bert, &nonce, 0, &one)]).await;

    // One that somebody who has it was brought to make on a connection of his own.
    let fifth = asked(&bert, &content).await.nonce;
    refused(vec![proof(&anna, &fifth, 0, &one)]).await;
    // One answer to one question: a wrong one cannot be mended.
    refused(vec![proof(&bert, &fifth, 0, &one)]).await;
    let sixth = asked(&bert, &content).await.nonce;
    refused(vec![proof(&bert, &sixth, 0, &other), proof(&bert, &sixth, 0, &one)]).await;

    let late = asked(&bert, &content).await.nonce;
    bench.clock.advance(Duration::from_mins(1));
    refused(vec![proof(&bert, &late, 0, &one)]).await;
    let elsewhere = asked(&bert, &content).await.nonce;
    let other_upload = UploadId([2; 16]);
    assert_eq!(show(&bert, other_upload, vec![proof(&bert, &elsewhere, 0, &one)]).await, [true]);

    // Nothing came of all that, and an honest upload is right.
    assert_eq!(stored_chunks(&bench), stored);
    bert.put_chunk(UPLOAD, 0, &one).await.unwrap();
    bert.commit(commit_upload(UPLOAD, "/mine", &content)).await.unwrap();
    assert_eq!(bert.cat("/mine").await.unwrap(), one);
}

#[tokio::test]
async fn a_hash_that_lies_stores_nothing_under_a_wrong_name() {
    let bench = bench().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let (one, lie) = (pattern(1, CHUNK), pattern(2, CHUNK));
    anna.upload("/f", &[&one]).await.unwrap();
    // Claimed with the hash of what is there, proved and sent with other bytes.
    let unproven = asked(&bert, &[&one]).await;
    assert_eq!(show(&bert, UPLOAD, vec![proof(&bert, &unproven.nonce, 0, &lie)]).await, [true]);
    let request =
        coffer_protocol::message::transfer::PutChunk { upload: UPLOAD, index: 0, hash: hash(&one) };
    let sent = bert.send(Request::PutChunk(request), lie.clone().into()).await;
    assert_eq!(sent.expect_err("refused").code, ErrorCode::HASH_MISMATCH);
    assert_eq!(anna.cat("/f").await.unwrap(), one);
    bert.upload("/mine", &[&one, &lie]).await.unwrap();
    assert_eq!(bert.cat("/mine").await.unwrap(), [one, lie].concat());
}

#[tokio::test]
async fn nobody_is_asked_without_the_switch_or_a_client_that_can() {
    let without = Bench::new().await;
    let with = bench().await;
    for (bench, is_on) in [(&without, false), (&with, true)] {
        let (anna, mut bert) = (bench.user("anna").await, bench.stranger("bert"));
        anna.upload("/f", &[&pattern(1, CHUNK)]).await.unwrap();
        if is_on {
            let link = crate::Link::new([7; 32], "192.0.2.7".parse().unwrap());
            bert.link = Arc::new(link.with(Features::ATTACH));
        }
        bert.sign_up(None).await.unwrap();
        bert.sign_in().await.unwrap();
        let answer = offer(&bert, UPLOAD, &[&pattern(1, CHUNK)]).await;
        let Response::Needed(needed) = answer else { panic!("unexpected {answer:?}") };
        assert_eq!(needed.chunks, [true]);
    }
}

#[tokio::test]
async fn claims_that_are_not_proved_run_out() {
    let bench = bench().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let one = pattern(1, CHUNK);
    anna.upload("/f", &[&one]).await.unwrap();
    let many: Vec<&[u8]> = vec![&one[..]; MAX_OFFERED_CHUNKS];
    for round in 0..4 {
        let unproven = asked(&bert, &many).await;
        assert_eq!(unproven.places.len(), MAX_OFFERED_CHUNKS, "round {round}");
    }
    let answer = offer(&bert, UPLOAD, &[&one]).await;
    assert!(matches!(answer, Response::Needed(_)), "{answer:?}");
    // Others are not held up, and time makes it good again.
    let cleo = bench.user("cleo").await;
    asked(&cleo, &[&one]).await;
    bench.clock.advance(Duration::from_secs(20));
    let unproven = asked(&bert, &[&one]).await;
    let proved = show(&bert, UPLOAD, vec![proof(&bert, &unproven.nonce, 0, &one)]).await;
    assert_eq!(proved, [false], "what is proved does not count");
    asked(&bert, &[&one, &pattern(1, CHUNK)]).await;
}
