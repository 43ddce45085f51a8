//! Requests that wait for hints: what ends them, and what they hold up.

use super::deeds_watch::LONG;
use super::harness::{Bench, code};
use coffer_protocol::Request;
use coffer_protocol::error::ErrorCode;
use std::time::{Duration, Instant};

#[tokio::test]
async fn waiting_is_no_use_of_a_session() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let after = anna.begin().await;
    bench.clock.advance(Duration::from_mins(14));
    assert!(anna.watch(Some(after), 0).await.is_ok());
    bench.clock.advance(Duration::from_mins(1));
    assert_eq!(code(anna.watch(Some(after), 0).await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(code(anna.stat("/").await), ErrorCode::SESSION_EXPIRED);
}

#[tokio::test]
async fn a_subscription_that_nobody_asks_for_is_gone() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let after = anna.begin().await;
    bench.clock.advance(Duration::from_secs(119));
    bench.service.upkeep().await;
    assert!(!anna.watch(Some(after), 0).await.unwrap().refresh);
    bench.clock.advance(Duration::from_mins(2));
    bench.service.upkeep().await;
    let begun = Instant::now();
    let events = anna.watch(Some(after), LONG).await.unwrap();
    assert!(events.refresh, "nobody has listened in the meantime");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn waiting_ends_with_the_session_and_with_the_service() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let second = anna.attached(bench.link("192.0.2.1")).await.unwrap();
    let (of_anna, of_bert) = (anna.begin().await, bert.begin().await);
    let begun = Instant::now();
    let sign_out = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        second.ask(Request::Logout).await.unwrap();
    };
    let (ended, ()) = tokio::join!(anna.watch(Some(of_anna), LONG), sign_out);
    assert_eq!(code(ended), ErrorCode::SESSION_EXPIRED);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.service.shutdown().await;
    };
    let (ended, ()) = tokio::join!(bert.watch(Some(of_bert), LONG), stop);
    assert_eq!(code(ended), ErrorCode::SHUTTING_DOWN);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn few_requests_of_a_session_wait_at_a_time() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let after = Some(anna.begin().await);
    let four = async {
        tokio::join!(
            anna.watch(after, 400),
            anna.watch(after, 400),
            anna.watch(after, 400),
            anna.watch(after, 400)
        )
    };
    let fifth = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let refused = anna.watch(after, 400).await;
        assert!(anna.stat("/").await.is_ok(), "nothing else is held up");
        refused
    };
    let (four, fifth) = tokio::join!(four, fifth);
    assert!(four.0.is_ok() && four.1.is_ok() && four.2.is_ok() && four.3.is_ok());
    assert_eq!(code(fifth), ErrorCode::BUSY);
    assert!(anna.watch(after, 0).await.is_ok());
}
