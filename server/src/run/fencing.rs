//! Notices that this machine is not the primary any more, whoever has written that
//! down: a request, or a command beside the server.
//!
//! Guarantees: the row in the database decides; what is noticed is said once. After a
//! step down replicas can go on fetching what they lack; after a newer epoch they are
//! told to look for its primary.

use crate::feed::Feed;
use coffer_service::Service;
use coffer_store::{Fence, Role, Store};
use metrics::gauge;
use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Looks for ever.
pub(super) async fn watch(store: Store, service: Service, feed: Feed) {
    let mut before = Fence::Open;
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let seat = match store.look_again().await {
            Ok(seat) => seat,
            Err(error) => {
                tracing::debug!(%error, "cannot look what this machine is");
                continue;
            }
        };
        let fence = if seat.role == Role::Primary { seat.fence } else { Fence::Open };
        gauge!("coffer_epoch").set(seat.position.epoch as f64);
        gauge!("coffer_fenced").set(f64::from(u8::from(fence != Fence::Open)));
        if fence == before {
            continue;
        }
        before = fence;
        match fence {
            Fence::Open => continue,
            Fence::SteppedDown => tracing::warn!(
                at = %seat.position,
                "this machine has stepped down: it takes no more writes, and replicas can fetch \
                 what they lack"
            ),
            Fence::NewerEpoch => {
                tracing::error!(at = %seat.position, "this machine is fenced: a newer epoch exists");
                feed.fence();
            }
        }
        // In its own time: a look must not wait for requests in progress.
        let service = service.clone();
        tokio::spawn(async move { service.fence().await });
    }
}
