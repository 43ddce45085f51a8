//! Upkeep of a machine that follows: what goes is what the journal no longer names.

use coffer_store::{Clock, Store, StoreError, SystemClock};
use std::time::Duration;

/// Time between two rounds.
const ROUND: Duration = Duration::from_mins(1);
/// Files without a row are looked for at the start and then every so many rounds.
const ROUNDS_PER_SWEEP: u64 = 60;
const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// Removes what nothing needs any more, for ever: files whose rows went, entries
/// that are older than this and that nobody needs: `needless` says up to which,
/// given the newest.
pub async fn keep_up(store: &Store, journal_hours: u32, needless: impl Fn(u64) -> u64 + Send) {
    let keep_millis = i64::from(journal_hours) * HOUR_MILLIS;
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0_u64.. {
        ticks.tick().await;
        if round.is_multiple_of(ROUNDS_PER_SWEEP) {
            report("sweep", store.sweep_orphans().await.map(drop));
        }
        report(
            "removal of chunk files",
            store.purge_removed_files(24 * HOUR_MILLIS).await.map(drop),
        );
        let through = needless(store.newest().seq);
        report("journal pruning", prune(store, keep_millis, through).await);
    }
}

async fn prune(store: &Store, keep_millis: i64, through: u64) -> Result<(), StoreError> {
    let before = SystemClock.now_millis().saturating_sub(keep_millis);
    while store.prune_journal_through(before, through).await? > 0 {}
    Ok(())
}

/// Logs a failure; the next round tries again.
fn report(step: &'static str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(step, %error, "upkeep failed and will be tried again");
    }
}
