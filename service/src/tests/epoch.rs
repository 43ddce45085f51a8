//! A machine is shown that another one was promoted.

use super::harness::{Bench, code, open_config};
use crate::{Rate, Rates, ServiceConfig};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::cluster::EpochProof;
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{Request, Response};
use coffer_store::Fence;
use std::time::Duration;

fn proof(bench: &Bench, epoch: u64) -> EpochProof {
    let (host, port, fingerprint) = ("b.example".to_owned(), 7440, [1; 32]);
    let (fork_seq, fork_hash) = (3, [2; 32]);
    let primary = (host.as_str(), port, &fingerprint);
    let mac = bench.secret().epoch_mac(epoch, (fork_seq, &fork_hash), primary);
    EpochProof { epoch, fork_seq, fork_hash, host, port, fingerprint, mac }
}

fn show(proof: EpochProof) -> Request {
    Request::ShowEpoch(Box::new(proof))
}

#[tokio::test]
async fn a_good_proof_of_a_newer_epoch_fences_and_nothing_else_does() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/a", b"1", Expect::Absent).await.unwrap();
    let stranger = bench.stranger("eve");
    assert_eq!(stranger.ask(show(proof(&bench, 1))).await, Ok(Response::Done));
    let changes: [fn(&mut EpochProof); 7] = [
        |proof| proof.epoch += 1,
        |proof| proof.fork_seq += 1,
        |proof| proof.fork_hash[0] ^= 1,
        |proof| proof.host.push('x'),
        |proof| proof.port ^= 1,
        |proof| proof.fingerprint[0] ^= 1,
        |proof| proof.mac[0] ^= 1,
    ];
    for change in changes {
        let mut forged = proof(&bench, 2);
        change(&mut forged);
        assert_eq!(code(stranger.ask(show(forged)).await), ErrorCode::NOT_ALLOWED);
    }
    anna.put("/b", b"1", Expect::Absent).await.unwrap();
    // Before sign-in.
    assert_eq!(stranger.ask(show(proof(&bench, 2))).await, Ok(Response::Done));
    assert_eq!(bench.store.look_again().await.unwrap().fence, Fence::NewerEpoch);
    let refused = anna.put("/c", b"1", Expect::Absent).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::FENCED);
    assert!(refused.hint.contains("b.example:7440"), "{}", refused.hint);
    assert_eq!(code(anna.cat("/a").await), ErrorCode::FENCED);
    assert_eq!(code(bench.stranger("anna").sign_in().await), ErrorCode::FENCED);
    assert_eq!(bench.service.sessions(), 1);
    bench.service.fence().await;
    assert_eq!(bench.service.sessions(), 0);
    // Shown again, it is known.
    assert_eq!(stranger.ask(show(proof(&bench, 2))).await, Ok(Response::Done));
}

#[tokio::test]
async fn strangers_cannot_try_proofs_without_end() {
    let rates =
        Rates { sign_up_per_address: Rate::new(3, Duration::from_hours(1)), ..open_config().rates };
    let bench = Bench::with(ServiceConfig { rates, ..open_config() }).await;
    let stranger = bench.stranger("eve");
    let mut forged = proof(&bench, 2);
    forged.mac[0] ^= 1;
    for _ in 0..3 {
        assert_eq!(code(stranger.ask(show(forged.clone())).await), ErrorCode::NOT_ALLOWED);
    }
    assert_eq!(code(stranger.ask(show(forged)).await), ErrorCode::RATE_LIMITED);
    assert!(!bench.store.is_fenced());
}
