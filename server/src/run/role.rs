//! What a machine is when it starts, and noticing that it is not that any more.
//!
//! Guarantees: the row in the database decides, and nothing else: a command that
//! changes it beside a running process is noticed within a moment.

use super::Duty;
use crate::explain;
use crate::failure::{Code, Failure, Outcome};
use crate::heard::Heard;
use coffer_service::Service;
use coffer_store::{Clock, Fence, Role, Store, SystemClock};
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// What the machine is to do; refuses what it may not be.
pub(super) async fn duty(store: &Store, may_follow: bool) -> Outcome<Duty> {
    let data = store.config().data_dir().display();
    let seat = store.look_again().await.map_err(|error| explain::store(&error))?;
    match seat.role {
        Role::Primary if seat.fence == Fence::NewerEpoch => Err(Failure::new(
            Code::Fenced,
            "this machine was the primary, and another one has been promoted since",
        )
        .hint(format!(
            "Nothing was changed. Let it join the new primary: coffer-server rejoin --data {data}"
        ))),
        Role::Primary => Ok(Duty::Primary),
        _ if !may_follow => Err(Failure::new(
            Code::NotPrimary,
            "this machine follows another one and is not the primary",
        )
        .hint(format!("Start it with: coffer-replica run --data {data}"))),
        role => Ok(Duty::Follower(Arc::new(heard(store, role).await?))),
    }
}

/// What is known of the primary before it was heard.
async fn heard(store: &Store, role: Role) -> Outcome<Heard> {
    let head = store.journal_head().await.map_err(|error| explain::store(&error))?;
    let age = SystemClock.now_millis().saturating_sub(head.committed_millis.unwrap_or_default());
    let age = Duration::from_millis(age.max(0).cast_unsigned());
    // One that had begun to fill itself when it was stopped goes on with that.
    let ready = role == Role::Replica && head.position.seq > 0;
    Ok(Heard::new(head.position, age, ready))
}

/// Waits until the machine is primary and was not, or the other way round; or until
/// a primary that had stepped down may go on.
pub(super) async fn changed(store: &Store, duty: &Duty, service: &Service) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.look_again().await {
            Ok(seat) if (seat.role == Role::Primary) == duty.follows() => return,
            Ok(seat) if seat.decides() && service.is_fenced() => return,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "cannot look for the role"),
        }
    }
}
