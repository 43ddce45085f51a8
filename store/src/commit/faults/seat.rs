//! Promotion and fencing while the connection is lost.

use super::*;
use crate::seat::{Fence, Seat, SeatError, Sitting};
use crate::timeline::Promotion;
use coffer_protocol::message::cluster::EpochProof;

impl Bench {
    async fn promote(&self, epoch: u64) -> Result<Seat, SeatError> {
        let proof = EpochProof {
            epoch,
            fork_seq: 0,
            fork_hash: [0; 32],
            host: "host".to_owned(),
            port: 1,
            fingerprint: [1; 32],
            mac: [2; 32],
        };
        let promotion = Promotion { proof, former: None };
        self.writer.sit(Sitting::Promote(Box::new(promotion), Vec::new())).await
    }
}

const FAULTS: [Fault; 4] = [Fault::None, Fault::LostAfter, Fault::LostBefore, Fault::Conflict];

#[tokio::test]
async fn any_series_of_losses_promotes_once() {
    for (first, second) in FAULTS.iter().flat_map(|a| FAULTS.iter().map(move |b| (*a, *b))) {
        let bench = Bench::replica(true).await;
        bench.plan(&[first, second]);
        let seat = bench.promote(2).await.unwrap();
        assert!(seat.decides());
        assert_eq!(seat.position, Position { epoch: 2, seq: 1 });
        let written = bench.write(1).await.unwrap();
        assert_eq!(written.position, Position { epoch: 2, seq: 2 });
        assert_eq!(bench.entries().len(), 2);
    }
}

#[tokio::test]
async fn a_promotion_of_unknown_outcome_is_said_to_be_so_and_can_be_repeated() {
    let bench = Bench::replica(false).await;
    bench.plan(&[Fault::LostAfter]);
    let outcome = bench.promote(2).await;
    assert!(matches!(outcome, Err(SeatError::Store(CommitError::Uncertain(_)))), "{outcome:?}");
    bench.comes_back.store(true, Ordering::Relaxed);
    assert_eq!(bench.promote(3).await, Err(SeatError::Primary(2)));
    let seat = bench.promote(2).await.unwrap();
    assert_eq!(seat.position, Position { epoch: 2, seq: 1 });
    // It writes from the moment on that it knows.
    bench.write(1).await.unwrap();

    let bench = Bench::replica(true).await;
    bench.plan(&[Fault::Disk]);
    let outcome = bench.promote(2).await;
    assert!(matches!(outcome, Err(SeatError::Store(CommitError::Uncertain(_)))), "{outcome:?}");
    assert!(*bench.poisoned.borrow());
}

#[tokio::test]
async fn any_series_of_losses_fences() {
    for (first, second) in FAULTS.iter().flat_map(|a| FAULTS.iter().map(move |b| (*a, *b))) {
        let bench = Bench::new(true).await;
        bench.write(1).await.unwrap();
        bench.plan(&[first, second]);
        let seat = bench.writer.sit(Sitting::Fence(2)).await.unwrap();
        assert_eq!((seat.fence, seat.position.seq), (Fence::NewerEpoch, 1));
        assert_eq!(bench.write(2).await, Err(CommitError::Fenced));
    }
    // A commit that was sent and lost before the fence is not hidden by it.
    let bench = Bench::new(false).await;
    bench.plan(&[Fault::LostAfter]);
    assert!(matches!(bench.write(1).await, Err(CommitError::Uncertain(_))));
    bench.comes_back.store(true, Ordering::Relaxed);
    let seat = bench.writer.sit(Sitting::StepDown).await.unwrap();
    assert_eq!((seat.fence, seat.position.seq), (Fence::SteppedDown, 1));
    assert_eq!(bench.write(1).await, Err(CommitError::Fenced));
}
