//! Tests of what replicas hold and what waits for them.

use super::*;
use coffer_protocol::Position;
use coffer_service::{Mirror, NotMirrored};

const ONE: ReplicaId = ReplicaId([1; 16]);
const TWO: ReplicaId = ReplicaId([2; 16]);

fn mirrors(mode: ReplicationMode, ids: &[ReplicaId]) -> Mirrors {
    let mirrors = Mirrors::new(&Replication { mode, ..Replication::default() });
    mirrors.registered(ids);
    mirrors
}

fn dropped(mirrors: &Mirrors, id: ReplicaId) -> bool {
    mirrors.seen(0).iter().any(|seen| seen.id == id && seen.dropped)
}

fn at(seq: u64) -> Position {
    Position { epoch: 1, seq }
}

#[tokio::test(start_paused = true)]
async fn without_replicas_nothing_waits() {
    for mode in [ReplicationMode::Async, ReplicationMode::SemiSync, ReplicationMode::Sync] {
        assert_eq!(mirrors(mode, &[]).mirrored(at(5)).await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_waits_for_the_first_replica_that_has_it() {
    let mirrors = mirrors(ReplicationMode::SemiSync, &[ONE, TWO]);
    mirrors.begins(ONE, 4);
    let (machines, ()) = tokio::join!(mirrors.mirrored(at(5)), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        mirrors.progress(ONE, 5, 4);
        tokio::time::sleep(Duration::from_millis(10)).await;
        mirrors.progress(ONE, 5, 5);
    });
    assert_eq!(machines, Ok(2));
    mirrors.begins(TWO, 9);
    assert_eq!(mirrors.holders(at(5)), 3);
    assert_eq!(mirrors.holders(at(6)), 2);
}

#[tokio::test(start_paused = true)]
async fn one_long_wait_then_none_until_the_replica_is_back() {
    let mirrors = mirrors(ReplicationMode::SemiSync, &[ONE]);
    let begun = tokio::time::Instant::now();
    assert_eq!(mirrors.mirrored(at(500)).await, Ok(1));
    assert_eq!(begun.elapsed().as_millis(), 2000);
    assert!(mirrors.is_degraded());
    assert_eq!(mirrors.mirrored(at(501)).await, Ok(1));
    assert_eq!(begun.elapsed().as_millis(), 2000, "no second wait");
    mirrors.begins(ONE, 200);
    assert!(mirrors.is_degraded(), "still far behind");
    mirrors.progress(ONE, 500, 500);
    assert!(mirrors.is_degraded(), "one entry behind, and it may be a large one");
    mirrors.progress(ONE, 501, 501);
    assert!(!mirrors.is_degraded());
}

#[tokio::test(start_paused = true)]
async fn other_modes_wait_always_or_never() {
    let never = mirrors(ReplicationMode::Async, &[ONE]);
    let begun = tokio::time::Instant::now();
    assert_eq!(never.mirrored(at(5)).await, Ok(1));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let always = mirrors(ReplicationMode::Sync, &[ONE]);
    assert_eq!(always.mirrored(at(5)).await, Err(NotMirrored));
    always.begins(ONE, 5);
    assert_eq!(always.mirrored(at(5)).await, Ok(2));
}

#[test]
fn the_journal_is_kept_for_replicas_up_to_a_cap() {
    let mirrors = mirrors(ReplicationMode::SemiSync, &[]);
    assert_eq!(mirrors.needless(1000, 100), u64::MAX);
    mirrors.registered(&[ONE, TWO]);
    assert_eq!(mirrors.needless(50, 100), 0, "nothing is known of them yet");
    mirrors.begins(ONE, 980);
    mirrors.begins(TWO, 990);
    assert_eq!(mirrors.needless(1000, 100), 980);
    assert_eq!(mirrors.needless(1000, 10), 990);
    assert!(dropped(&mirrors, ONE) && !dropped(&mirrors, TWO));
    // A look at the level changes nothing.
    assert_eq!(mirrors.level(), 980);
    assert!(dropped(&mirrors, ONE));
    // It is filled anew: from there on the journal is kept for it.
    mirrors.loads(ONE, 985);
    assert_eq!(mirrors.needless(1000, 100), 985);
    assert!(!dropped(&mirrors, ONE));
    mirrors.begins(ONE, 995);
    assert_eq!(mirrors.needless(1000, 100), 990);
}

#[tokio::test(start_paused = true)]
async fn the_collector_waits_for_all_replicas_but_not_for_long() {
    let mirrors = mirrors(ReplicationMode::Async, &[]);
    assert!(mirrors.all_have(7).await);
    mirrors.registered(&[ONE, TWO]);
    assert!(!mirrors.all_have(7).await, "nothing is known of them yet");
    mirrors.begins(ONE, 9);
    mirrors.begins(TWO, 6);
    let (all, ()) = tokio::join!(mirrors.all_have(7), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        mirrors.progress(TWO, 7, 7);
    });
    assert!(all);
    assert!(!mirrors.all_have(8).await);
    // Far behind: it will be filled anew, and asks for nothing that is old.
    assert_eq!(mirrors.needless(1000, 992), 8);
    assert!(dropped(&mirrors, TWO) && mirrors.all_have(8).await);
}

#[test]
fn a_removed_replica_loses_its_connection() {
    let mirrors = mirrors(ReplicationMode::SemiSync, &[ONE]);
    assert!(mirrors.connected(TWO).is_none());
    let first = mirrors.connected(ONE).unwrap();
    let second = mirrors.connected(ONE).unwrap();
    assert!(first.is_cancelled() && !second.is_cancelled(), "one connection each");
    mirrors.disconnected(ONE, &first);
    assert!(mirrors.seen(0)[0].connected);
    mirrors.registered(&[]);
    assert!(second.is_cancelled());
    assert!(mirrors.seen(0).is_empty());
}
