//! The life of a session, and limits on strangers.

use super::harness::{Bench, code, open_config};
use crate::{Rate, Rates, ServiceConfig};
use coffer_protocol::Request;
use coffer_protocol::error::{ErrorCode, Retry};
use coffer_protocol::message::account::Attach;
use coffer_protocol::message::tree::Expect;
use std::time::Duration;

#[tokio::test]
async fn an_idle_session_expires_and_leaves_no_keys() {
    let bench = Bench::new().await;
    let mut anna = bench.user("anna").await;
    anna.put("/a", b"text", Expect::Absent).await.unwrap();
    bench.clock.advance(Duration::from_mins(14));
    assert!(anna.stat("/a").await.is_ok());
    bench.clock.advance(Duration::from_mins(15));
    assert_eq!(code(anna.stat("/a").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(code(anna.stat("/a").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(bench.service.sessions(), 0);
    anna.sign_in().await.unwrap();
    assert!(anna.stat("/a").await.is_ok());
    bench.clock.advance(Duration::from_mins(15));
    bench.service.upkeep().await;
    assert_eq!(bench.service.sessions(), 0, "also when nobody asks");
}

#[tokio::test]
async fn a_busy_session_expires_after_twelve_hours() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for _ in 0..(12 * 6 - 1) {
        bench.clock.advance(Duration::from_mins(10));
        assert!(anna.stat("/").await.is_ok());
    }
    bench.clock.advance(Duration::from_mins(10));
    assert_eq!(code(anna.stat("/").await), ErrorCode::SESSION_EXPIRED);
}

#[tokio::test]
async fn further_connections_join_with_a_proof_of_their_own() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let (session_id, key) = anna.attach.as_ref().expect("signed in");
    let second = anna.attached(bench.link("192.0.2.1")).await.unwrap();
    assert!(second.stat("/").await.is_ok());
    let third = bench.stranger("anna");
    let mac = coffer_crypto::scram::attach_mac(key, &session_id.0, anna.link.exporter());
    let carried = Attach { session_id: *session_id, mac };
    let refused = third.ask(Request::Attach(carried)).await;
    assert_eq!(code(refused), ErrorCode::SIGN_IN_REFUSED);
    drop(anna.link);
    assert!(second.stat("/").await.is_ok(), "the session lives while a connection does");
    drop(second);
    assert_eq!(bench.service.sessions(), 0);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_all_connections() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let second = anna.attached(bench.link("192.0.2.1")).await.unwrap();
    second.ask(Request::Logout).await.unwrap();
    assert_eq!(code(anna.stat("/").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(code(second.stat("/").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(
        code(anna.attached(bench.link("192.0.2.1")).await.map(drop)),
        ErrorCode::SESSION_EXPIRED
    );
}

#[tokio::test]
async fn one_session_too_many_ends_the_idlest_of_the_same_user() {
    let config = ServiceConfig { max_sessions_per_user: 2, max_sessions: 3, ..open_config() };
    let bench = Bench::with(config).await;
    let first = bench.user("anna").await;
    bench.clock.advance(Duration::from_secs(1));
    let mut second = bench.stranger("anna");
    second.sign_in().await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let mut third = bench.stranger("anna");
    third.sign_in().await.unwrap();
    assert_eq!(code(first.stat("/").await), ErrorCode::SESSION_EXPIRED);
    assert!(second.stat("/").await.is_ok());
    let bert = bench.user("bert").await;
    assert!(bert.stat("/").await.is_ok());
    let mut cleo = bench.stranger("cleo");
    cleo.sign_up(None).await.unwrap();
    assert_eq!(code(cleo.sign_in().await), ErrorCode::BUSY);
}

#[tokio::test]
async fn attempts_are_slowed_down_and_the_owner_is_not() {
    let rates =
        Rates { sign_in_per_account: Rate::new(3, Duration::from_mins(1)), ..open_config().rates };
    let bench = Bench::with(ServiceConfig { rates, ..open_config() }).await;
    let mut anna = bench.user("anna").await;
    let mut codes = Vec::new();
    for last in 0..6 {
        let mut thief = bench.stranger("anna");
        thief.link = bench.link(&format!("198.51.100.{last}"));
        thief.password = super::harness::keys("wrong", 1);
        codes.push(code(thief.sign_in().await));
    }
    assert!(codes[..2].iter().all(|code| *code == ErrorCode::SIGN_IN_REFUSED));
    assert_eq!(codes[5], ErrorCode::RATE_LIMITED);
    let mut thief = bench.stranger("anna");
    thief.link = bench.link("203.0.113.1");
    let refused = thief.sign_in().await.expect_err("slowed down");
    assert!(matches!(refused.retry, Retry::AfterMillis(1..=60_000)));
    anna.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_stopping_service_refuses_and_ends_every_session() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    bench.service.shutdown().await;
    let refused = anna.stat("/").await.expect_err("stopping");
    assert_eq!(refused.code, ErrorCode::SHUTTING_DOWN);
    assert!(matches!(refused.retry, Retry::AfterMillis(_)));
    assert_eq!(bench.service.sessions(), 0);
}
