//! Promotion and fencing: one primary writes, whatever processes are open.

use crate::following::{catch_up, furnished, replica};
use crate::sample::{HOME, changes, directory, file, first_user, node_id};
use crate::site::Site;
use coffer_protocol::Position;
use coffer_protocol::message::cluster::EpochProof;
use coffer_store::{
    Address, Change, CheckOptions, Commit, CommitError, Fence, FollowError, Promotion, Role, Seat,
    SeatError, Store, StoreError,
};

/// A promotion that continues where a store is.
async fn promotion(store: &Store, epoch: u64, host: &str) -> Promotion {
    let head = store.journal_head().await.unwrap();
    let proof = EpochProof {
        epoch,
        fork_seq: head.position.seq,
        fork_hash: head.chain_hash,
        host: host.to_owned(),
        port: 7440,
        fingerprint: [1; 32],
        mac: [2; 32],
    };
    let former = Address { host: "old.example".to_owned(), port: 7440, fingerprint: [3; 32] };
    Promotion { proof, former: Some(former) }
}

async fn admin(site: &Site) -> Store {
    Store::open_admin(site.config.clone(), site.environment()).await.unwrap()
}

fn write(number: u8) -> Commit {
    changes(vec![Change::PutNode(directory(number.into(), HOME))])
}

fn at(epoch: u64, seq: u64) -> Position {
    Position { epoch, seq }
}

pub(crate) async fn a_replica_becomes_the_primary(site: Site) {
    let (source, bank) = furnished(&site.another()).await;
    let running = replica(&site).await;
    catch_up(&bank, &source, &running).await;
    let promotion = promotion(&running, 2, "new.example").await;
    let beside = admin(&site).await;
    let also = Change::PutSetting { key: "replicas".to_owned(), value: vec![1] };
    let seat = beside.promote(promotion.clone(), vec![also.clone()]).await.unwrap();
    assert!(seat.decides());
    assert_eq!((seat.role, seat.position), (Role::Primary, at(2, 5)));
    // Again: it has happened.
    assert_eq!(beside.promote(promotion.clone(), vec![also]).await.unwrap(), seat);
    // The process that ran as a replica is out of its role, and writes nothing.
    let entries = source.entries_after(0, usize::MAX).await.unwrap();
    let refused = running.follow(entries, Vec::new(), Vec::new()).await;
    assert_eq!(refused, Err(FollowError::NotReplica));
    assert_eq!(running.look_again().await.unwrap(), seat);
    assert_eq!(running.role(), Role::Replica);
    assert_eq!(running.commit(write(60)).await, Err(CommitError::Fenced));
    // The one that promoted goes on as the primary, and so does the next start.
    assert_eq!(beside.commit(write(60)).await.unwrap().position, at(2, 6));
    running.shutdown().await.unwrap();
    drop(running);
    let primary = site.open().await;
    assert_eq!((primary.role(), primary.newest()), (Role::Primary, at(2, 6)));
    assert_eq!(primary.commit(write(61)).await.unwrap().position, at(2, 7));
    assert_eq!(primary.timeline().await.unwrap(), [promotion]);
    assert_eq!(primary.setting("replicas").await.unwrap(), Some(vec![1]));
    assert_eq!(primary.verify_journal().await.unwrap(), 7);
    assert!(primary.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
}

pub(crate) async fn others_follow_the_new_epoch_and_not_the_old_one(site: Site) {
    let source_site = site.another();
    let (source, bank) = furnished(&source_site).await;
    let (new_site, before_site, beyond_site) = (site.another(), site.another(), site);
    let new = replica(&new_site).await;
    catch_up(&bank, &source, &new).await;
    let before = replica(&before_site).await;
    catch_up(&bank, &source, &before).await;
    // One more, which the new primary never gets.
    source.commit(write(70)).await.unwrap();
    let beyond = replica(&beyond_site).await;
    catch_up(&bank, &source, &beyond).await;
    new.promote(promotion(&new, 2, "new.example").await, Vec::new()).await.unwrap();
    new.commit(write(71)).await.unwrap();
    assert_eq!(catch_up(&bank, &new, &before).await, at(2, 6));
    assert_eq!(before.timeline().await.unwrap(), new.timeline().await.unwrap());
    assert_eq!(before.newest(), at(2, 6));
    assert!(before.node(node_id(71)).await.unwrap().is_some());
    // The old primary goes on; nobody of the new epoch takes that.
    source.commit(write(72)).await.unwrap();
    let mut stale = source.entries_after(5, usize::MAX).await.unwrap();
    assert_eq!(
        before.follow(stale.clone(), Vec::new(), Vec::new()).await,
        Err(FollowError::Fork { seq: 6 })
    );
    stale[0].seq = 7;
    assert_eq!(
        before.follow(stale, Vec::new(), Vec::new()).await,
        Err(FollowError::StaleEpoch { seq: 7, epoch: 1 })
    );
    // One that is past the fork does not follow: not the entry that it has another
    // of, and not what comes after it.
    let fresh = new.entries_after(4, usize::MAX).await.unwrap();
    for entries in [fresh.clone(), fresh[1..].to_vec()] {
        let refused = beyond.follow(entries.clone(), Vec::new(), Vec::new()).await;
        let seq = entries[0].seq;
        assert_eq!(refused, Err(FollowError::Fork { seq }));
    }
    assert_eq!(beyond.position().await.unwrap(), at(1, 5));
}

pub(crate) async fn of_two_promotions_at_once_one_happens(site: Site) {
    for round in 0..8 {
        let site = site.another();
        let store = replica(&site).await;
        let (one, two) = (admin(&site).await, admin(&site).await);
        let (a, b) = (promotion(&store, 2, "a").await, promotion(&store, 3, "b").await);
        let (first, second) = tokio::join!(one.promote(a, Vec::new()), two.promote(b, Vec::new()));
        let seats: Vec<&Seat> = [&first, &second].into_iter().flatten().collect();
        assert_eq!(seats.len(), 1, "{round}: {first:?} {second:?}");
        let epoch = seats[0].position.epoch;
        let refused = [first.clone().err(), second.clone().err()];
        assert_eq!(refused.into_iter().flatten().next(), Some(SeatError::Primary(epoch)));
        assert_eq!(store.position().await.unwrap(), at(epoch, 1));
        let written = [one.commit(first_user()).await, two.commit(first_user()).await];
        assert_eq!(written.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(store.timeline().await.unwrap().len(), 1);
    }
}

pub(crate) async fn a_promotion_is_for_one_history(site: Site) {
    let (source, bank) = furnished(&site.another()).await;
    let store = replica(&site).await;
    let early = promotion(&store, 2, "new").await;
    catch_up(&bank, &source, &store).await;
    let nothing = Vec::new;
    let refused = store.promote(early, nothing()).await;
    assert_eq!(refused, Err(SeatError::Moved(at(1, 4))));
    let mut other = promotion(&store, 2, "new").await;
    other.proof.fork_hash[0] ^= 1;
    assert_eq!(store.promote(other, nothing()).await, Err(SeatError::Moved(at(1, 4))));
    let stale = promotion(&store, 1, "new").await;
    let refused = store.promote(stale, nothing()).await;
    assert_eq!(refused, Err(SeatError::StaleEpoch { own: 1, shown: 1 }));
    let good = promotion(&store, 2, "new").await;
    let refused = source.promote(good.clone(), nothing()).await;
    assert_eq!(refused, Err(SeatError::Primary(1)));
    // Nothing but settings, and none that is the promotion's own.
    for change in [
        Change::PutNode(file(60, HOME)),
        Change::DeleteSetting { key: coffer_store::TIMELINE_KEY.to_owned() },
    ] {
        assert!(store.promote(good.clone(), vec![change]).await.is_err());
    }
    let mut long = good.clone();
    long.proof.host = "h".repeat(256);
    assert!(store.promote(long, nothing()).await.is_err());
    assert_eq!(store.position().await.unwrap(), at(1, 4));
    store.begin_load().await.unwrap();
    assert_eq!(store.promote(good, nothing()).await, Err(SeatError::Loading));
    assert!(matches!(store.timeline().await, Err(StoreError::Loading)));
}

pub(crate) async fn a_fence_stops_every_process_and_stays(site: Site) {
    let store = site.fresh().await;
    let beside = admin(&site).await;
    store.commit(first_user()).await.unwrap();
    for epoch in [0, 1] {
        assert!(beside.fence(epoch).await.unwrap().decides());
    }
    store.commit(write(10)).await.unwrap();
    let seat = beside.fence(2).await.unwrap();
    assert_eq!((seat.fence, seat.position), (Fence::NewerEpoch, at(1, 2)));
    assert!(beside.is_fenced() && !store.is_fenced());
    // Not even past the look at what the process remembers; and then it knows.
    assert_eq!(store.commit(write(11)).await, Err(CommitError::Fenced));
    assert!(store.is_fenced());
    assert_eq!(beside.commit(write(11)).await, Err(CommitError::Fenced));
    assert_eq!(store.fence(2).await.unwrap(), seat);
    let fenced = |error: StoreError| {
        assert!(matches!(error, StoreError::Commit(CommitError::Fenced)), "{error}");
    };
    fenced(store.collect_garbage(coffer_store::CollectLimits::default()).await.unwrap_err());
    fenced(store.prune_journal(i64::MAX).await.unwrap_err());
    for outcome in [store.step_down().await, store.step_back().await] {
        assert_eq!(outcome, Err(SeatError::NewerEpoch));
    }
    // Reading goes on, so that others can fetch what they lack.
    assert_eq!(store.entries_after(0, usize::MAX).await.unwrap().len(), 2);
    assert!(store.node(node_id(10)).await.unwrap().is_some());
    store.shutdown().await.unwrap();
    drop(store);
    let store = site.open().await;
    assert!(store.is_fenced());
    assert_eq!(store.look_again().await.unwrap(), seat);
    assert_eq!(store.commit(write(11)).await, Err(CommitError::Fenced));
    assert!(store.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
}

pub(crate) async fn a_primary_steps_down_and_back(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    // What waits is made first, and counts for the answer.
    let mut writing = tokio::task::JoinSet::new();
    for number in 10..20 {
        let store = store.clone();
        writing.spawn(async move { store.commit(write(number)).await });
    }
    let seat = store.step_down().await.unwrap();
    let outcomes = writing.join_all().await;
    let refused = |outcome: &Result<_, CommitError>| *outcome == Err(CommitError::Fenced);
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || refused(outcome)));
    let last = 1 + outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    assert_eq!((seat.fence, seat.position), (Fence::SteppedDown, at(1, last)));
    let head = store.journal_head().await.unwrap();
    assert_eq!((head.position, head.chain_hash), (seat.position, seat.chain_hash));
    assert!(store.is_fenced());
    assert_eq!(store.commit(write(30)).await, Err(CommitError::Fenced));
    assert_eq!(store.step_down().await.unwrap(), seat);
    assert!(store.step_back().await.unwrap().decides());
    store.commit(write(30)).await.unwrap();
    store.step_down().await.unwrap();
    // A newer epoch closes the way back, an older one does not.
    assert_eq!(store.fence(1).await.unwrap().fence, Fence::SteppedDown);
    assert_eq!(store.fence(5).await.unwrap().fence, Fence::NewerEpoch);
    assert_eq!(store.step_back().await, Err(SeatError::NewerEpoch));
}

pub(crate) async fn a_replica_has_nothing_to_fence(site: Site) {
    let store = replica(&site).await;
    let seat = store.fence(9).await.unwrap();
    assert_eq!((seat.role, seat.fence), (Role::Replica, Fence::Open));
    assert!(!store.is_fenced());
    for outcome in [store.step_down().await, store.step_back().await] {
        assert_eq!(outcome, Err(SeatError::NotPrimary));
    }
    assert_eq!(store.follow(Vec::new(), Vec::new(), Vec::new()).await.unwrap(), at(1, 0));
}
