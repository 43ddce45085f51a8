//! Proof of work: who has to do it, how much, and what does not count as done.

use super::harness::{Bench, code, keys, op, place, put_files};
use super::user::User;
use crate::fault::Outcome;
use crate::{ServiceConfig, SignupPolicy, Work};
use coffer_crypto::work::{Challenge, solve};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::Expect;
use coffer_protocol::message::work::{DeviceToken, Purpose, WorkProof};
use coffer_protocol::{Request, Response, UploadId};
use std::time::Duration;

const WORK: Work = Work {
    sign_up: 2,
    sign_in: 3,
    upload: 2,
    most: 6,
    upload_per_hour: Some(1 << 20),
    half_life: Duration::from_mins(10),
};

async fn bench() -> Bench {
    Bench::with(ServiceConfig { work: WORK, ..super::harness::open_config() }).await
}

async fn challenge(user: &User, purpose: Purpose) -> [u8; 60] {
    match user.ask(Request::AskWork(purpose)).await.unwrap() {
        Response::Work(work) => work.challenge,
        other => panic!("unexpected {other:?}"),
    }
}

async fn difficulty(user: &User, purpose: Purpose) -> u8 {
    Challenge::read(&challenge(user, purpose).await).unwrap().difficulty
}

fn solved(exporter: &[u8; 32], challenge: [u8; 60]) -> WorkProof {
    let nonces = solve(exporter, &challenge, &false.into()).unwrap();
    WorkProof { challenge, nonces }
}

async fn prove(user: &User, proof: WorkProof) -> Outcome<()> {
    user.ask(Request::ProveWork(proof)).await.map(drop)
}

/// Work as an honest client does it.
async fn work(user: &User, purpose: Purpose) {
    let challenge = challenge(user, purpose).await;
    prove(user, solved(user.link.exporter(), challenge)).await.unwrap();
}

async fn member(bench: &Bench, name: &str) -> User {
    let mut user = bench.stranger(name);
    work(&user, Purpose::SignUp).await;
    user.sign_up(None).await.unwrap();
    user.sign_in().await.unwrap();
    user
}

/// Somebody at an address who signs in with the wrong password.
fn thief(bench: &Bench, name: &str, address: &str) -> User {
    User { link: bench.link(address), password: keys("wrong", 9), ..bench.stranger(name) }
}

async fn fail(thief: &mut User, times: usize) {
    for _ in 0..times {
        work(thief, Purpose::SignIn).await;
        assert_eq!(code(thief.sign_in().await), ErrorCode::SIGN_IN_REFUSED);
    }
}

#[tokio::test]
async fn a_sign_up_takes_work_and_each_attempt_takes_it_again() {
    let bench = bench().await;
    let anna = bench.stranger("anna");
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::WORK_NEEDED);
    work(&anna, Purpose::SignIn).await;
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::WORK_NEEDED, "for another purpose");
    work(&anna, Purpose::SignUp).await;
    anna.sign_up(None).await.unwrap();
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::WORK_NEEDED, "it is used up");
    work(&anna, Purpose::SignUp).await;
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::USER_NAME_UNAVAILABLE);
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::WORK_NEEDED, "a guess uses it up");
    work(&anna, Purpose::SignUp).await;
    bench.clock.advance(Duration::from_mins(2));
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::WORK_NEEDED, "it does not keep");
}

#[tokio::test]
async fn invitations_cannot_be_guessed_without_work() {
    let open = super::harness::open_config();
    let config = ServiceConfig { work: WORK, signup: SignupPolicy::Invite, ..open };
    let bench = Bench::with(config).await;
    let anna = bench.stranger("anna");
    assert_eq!(code(anna.sign_up(Some("AB-12")).await), ErrorCode::WORK_NEEDED);
    work(&anna, Purpose::SignUp).await;
    assert_eq!(code(anna.sign_up(Some("AB-12")).await), ErrorCode::INVITE_INVALID);
    assert_eq!(code(anna.sign_up(Some("AB-13")).await), ErrorCode::WORK_NEEDED);
}

#[tokio::test]
async fn forged_stale_foreign_replayed_and_too_easy_work_is_refused() {
    let bench = bench().await;
    let (anna, bert) = (bench.stranger("anna"), bench.stranger("bert"));
    let here = *anna.link.exporter();
    let refused = async |user: &User, proof| {
        assert_eq!(code(prove(user, proof).await), ErrorCode::BAD_WORK);
        assert_eq!(code(user.sign_up(None).await), ErrorCode::WORK_NEEDED);
    };

    let made = challenge(&anna, Purpose::SignUp).await;
    let mut easier = made;
    easier[2] = 0;
    refused(&anna, solved(&here, easier)).await;
    let mut forged = made;
    forged[40] ^= 1;
    refused(&anna, solved(&here, forged)).await;

    // Made for this connection, and solved for it, but shown on another.
    refused(&bert, solved(&here, made)).await;
    refused(&bert, solved(bert.link.exporter(), made)).await;

    // An unsolved one is void, so that answers cannot be tried out.
    let mut wrong = solved(&here, made);
    wrong.nonces[7] = (0..u64::MAX).find(|nonce| !is_right(&here, &wrong, *nonce)).unwrap();
    refused(&anna, wrong).await;
    refused(&anna, solved(&here, made)).await;

    let first = challenge(&anna, Purpose::SignUp).await;
    let second = challenge(&anna, Purpose::SignUp).await;
    refused(&anna, solved(&here, first)).await;
    let proof = solved(&here, second);
    prove(&anna, proof.clone()).await.unwrap();
    anna.sign_up(None).await.unwrap();
    refused(&anna, proof).await;

    let old = challenge(&anna, Purpose::SignUp).await;
    bench.clock.advance(Duration::from_secs(121));
    refused(&anna, solved(&here, old)).await;
}

fn is_right(exporter: &[u8; 32], proof: &WorkProof, last: u64) -> bool {
    let mut nonces = proof.nonces;
    nonces[7] = last;
    coffer_crypto::work::is_solved(exporter, &proof.challenge, &nonces)
}

#[tokio::test]
async fn failures_raise_the_difficulty_of_their_address_and_calm_lowers_it() {
    let bench = bench().await;
    let mut anna = member(&bench, "anna").await;
    let mut thief = thief(&bench, "anna", "203.0.113.9");
    assert_eq!(difficulty(&thief, Purpose::SignIn).await, 0);
    fail(&mut thief, 2).await;
    assert_eq!(difficulty(&thief, Purpose::SignIn).await, 0, "everybody mistypes");
    fail(&mut thief, 1).await;
    assert_eq!(code(thief.sign_in().await), ErrorCode::WORK_NEEDED);
    assert_eq!(difficulty(&thief, Purpose::SignIn).await, 3 + 2);
    fail(&mut thief, 4).await;
    assert_eq!(difficulty(&thief, Purpose::SignIn).await, 3 + 3);
    fail(&mut thief, 9).await;
    assert_eq!(difficulty(&thief, Purpose::SignIn).await, 6, "there is a most");
    assert_eq!(difficulty(&thief, Purpose::SignUp).await, 6, "also for what else he does");
    assert_eq!(difficulty(&bench.stranger("anna"), Purpose::SignIn).await, 0);
    anna.sign_in().await.unwrap();
    bench.clock.advance(Duration::from_mins(30));
    assert_eq!(difficulty(&thief, Purpose::SignIn).await, 0);
}

#[tokio::test]
async fn load_makes_strangers_work_and_nobody_who_is_known() {
    let bench = bench().await;
    let mut anna = member(&bench, "anna").await;
    for _ in 0..3 {
        bench.service.note_wait(Duration::from_secs(1));
        bench.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(bench.service.load_bits(), 3);
    let mut elsewhere = User { link: bench.link("203.0.113.1"), ..bench.stranger("anna") };
    assert_eq!(code(elsewhere.sign_in().await), ErrorCode::WORK_NEEDED);
    assert_eq!(difficulty(&elsewhere, Purpose::SignIn).await, 6);
    work(&elsewhere, Purpose::SignIn).await;
    elsewhere.sign_in().await.unwrap();
    anna.link = bench.link("192.0.2.1");
    anna.sign_in().await.unwrap();
    bench.clock.advance(Duration::from_mins(1));
    assert_eq!(bench.service.load_bits(), 0);
    let mut third = User { link: bench.link("203.0.113.2"), ..bench.stranger("anna") };
    third.sign_in().await.unwrap();
}

async fn token(user: &User) -> DeviceToken {
    match user.ask(Request::AskDevice).await.unwrap() {
        Response::Device(token) => token,
        other => panic!("unexpected {other:?}"),
    }
}

#[tokio::test]
async fn a_known_device_is_not_held_up_by_what_others_do_at_its_address() {
    let bench = bench().await;
    let (anna, _bert) = (member(&bench, "anna").await, member(&bench, "bert").await);
    let known = token(&anna).await;
    let address = "203.0.113.9";
    fail(&mut thief(&bench, "anna", address), 4).await;

    let mut laptop = User { link: bench.link(address), ..bench.stranger("anna") };
    assert_eq!(code(laptop.sign_in().await), ErrorCode::WORK_NEEDED);
    laptop.ask(Request::KnowDevice(known.clone())).await.unwrap();
    laptop.sign_in().await.unwrap();
    assert_eq!(token(&laptop).await, known, "it stays the same device");

    // It is known for one account only, opens nothing, and can be worn out.
    let mut other = User { link: bench.link(address), ..bench.stranger("bert") };
    other.ask(Request::KnowDevice(known.clone())).await.unwrap();
    assert_eq!(code(other.ask(Request::WhoAmI).await), ErrorCode::NOT_SIGNED_IN);
    assert_eq!(code(other.sign_in().await), ErrorCode::WORK_NEEDED);
    let mut forged = known.clone();
    forged.token[35] ^= 1;
    assert_eq!(code(other.ask(Request::KnowDevice(forged)).await), ErrorCode::OUT_OF_ORDER);
    bench.clock.advance(Duration::from_hours(24 * 90));
    assert_eq!(code(other.ask(Request::KnowDevice(known)).await), ErrorCode::OUT_OF_ORDER);
}

#[tokio::test]
async fn uploads_beyond_the_rate_take_work_and_those_of_others_do_not() {
    let bench = bench().await;
    let (anna, bert) = (member(&bench, "anna").await, member(&bench, "bert").await);
    let big = vec![7; 1 << 20];
    anna.upload("/a", &[&big, &big]).await.unwrap();
    assert_eq!(difficulty(&anna, Purpose::Upload).await, 2);
    let files = [(place("/small"), &b"small"[..], Expect::Anything)];
    let (request, payload) = put_files(op(), &files);
    let refused = anna.send(request.clone(), payload.clone()).await;
    assert_eq!(refused.expect_err("refused").code, ErrorCode::WORK_NEEDED);
    assert_eq!(difficulty(&bert, Purpose::Upload).await, 0);
    bert.put("/b", b"b", Expect::Absent).await.unwrap();

    // A chunk that is on its way already is taken.
    anna.put_chunk(UploadId([5; 16]), 0, &big).await.unwrap();
    work(&anna, Purpose::Upload).await;
    anna.send(request, payload).await.unwrap();
    assert_eq!(difficulty(&anna, Purpose::Upload).await, 0);
    anna.upload("/c", &[&big, &big]).await.unwrap();
    assert_eq!(difficulty(&anna, Purpose::Upload).await, 2);
    bench.clock.advance(Duration::from_hours(2));
    assert_eq!(difficulty(&anna, Purpose::Upload).await, 0);
}
