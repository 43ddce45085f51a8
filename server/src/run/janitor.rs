//! Upkeep: what is old enough goes, and what nothing needs is collected.
//!
//! Guarantees: the store does its part in commits of bounded size, between which
//! users' commits take their turn; a step that fails is logged, counted and
//! tried again in the next round; nothing runs after a failed flush.

use crate::config;
use crate::feed::Mirrors;
use coffer_store::{Clock, CollectLimits, Held, Retention, Store, StoreError, SystemClock};
use metrics::gauge;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
/// Chunk files that went to the store's own trash stay there for this long.
const REMOVED_FILES_MILLIS: i64 = DAY_MILLIS;
/// Files without a record (of uploads that were cut off) are looked for at the
/// start and then every so many rounds.
const ROUNDS_PER_SWEEP: u64 = 60;

/// What the janitor works with.
pub(crate) struct Janitor {
    pub(crate) store: Store,
    pub(crate) retention: config::Retention,
    pub(crate) interval: Duration,
    /// Who still needs journal entries.
    pub(crate) mirrors: Arc<Mirrors>,
    /// Most entries that are kept for them.
    pub(crate) retain_entries: u64,
    /// Why nothing was collected the last time.
    pub(crate) told: Mutex<Option<Held>>,
}

/// Tells one reason not to collect, and its name.
type Hold = (fn(Held) -> bool, &'static str);

/// Reasons not to collect, and their names.
const HOLDS: [Hold; 3] = [
    (|held| held == Held::Replicas, "replicas"),
    (|held| held == Held::Breaker, "breaker"),
    (|held| matches!(held, Held::Unhealed(_) | Held::Damaged), "damage"),
];

/// 0 means for ever.
fn days(count: u32) -> Option<i64> {
    (count > 0).then(|| i64::from(count) * DAY_MILLIS)
}

impl Janitor {
    /// Works for ever.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in 0_u64.. {
            ticks.tick().await;
            if self.store.is_poisoned() {
                return;
            }
            if self.store.is_fenced() {
                continue;
            }
            self.round(round).await;
            metrics::counter!("coffer_janitor_rounds_total").increment(1);
        }
    }

    async fn round(&self, round: u64) {
        if let Some(gone) = report("expiry", self.expire().await) {
            tracing::debug!(?gone, "expired");
        }
        let grace_millis = i64::from(self.retention.garbage_hours) * HOUR_MILLIS;
        let limits = CollectLimits { grace_millis, ..CollectLimits::default() };
        let mirrors = &self.mirrors;
        let collected =
            self.store.collect_garbage_when(limits, &|seq| Box::pin(mirrors.all_have(seq))).await;
        if let Some(done) = report("garbage collection", collected) {
            self.tell(done.held);
            metrics::counter!("coffer_collected_bytes_total").increment(done.bytes);
            tracing::debug!(?done, "garbage collected");
        }
        if round.is_multiple_of(ROUNDS_PER_SWEEP)
            && let Some(swept) = report("sweep", self.store.sweep_orphans().await)
            && swept.orphans > 0
        {
            tracing::info!(orphans = swept.orphans, "removed files of uploads that were cut off");
        }
        let purged = self.store.purge_removed_files(REMOVED_FILES_MILLIS).await;
        report("removal of chunk files", purged);
        report("journal pruning", self.prune().await);
    }

    /// Says why nothing is collected, when that changes.
    fn tell(&self, held: Option<Held>) {
        for (reason, name) in HOLDS {
            let holds = held.is_some_and(reason);
            gauge!("coffer_collection_held", "reason" => name).set(f64::from(u8::from(holds)));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != held {
            match held {
                Some(Held::Replicas) => tracing::warn!(
                    "nothing is deleted for good: a replica is away or behind, and may still ask for \
                     it; remove the replica if it will not come back"
                ),
                Some(held) => {
                    tracing::error!(?held, "no garbage is collected until this is healed");
                }
                None => tracing::info!("garbage is collected again"),
            }
            *told = held;
        }
    }

    async fn expire(&self) -> Result<coffer_store::Expired, StoreError> {
        let retention = Retention {
            trash_millis: days(self.retention.trash_days),
            versions: (self.retention.versions > 0).then_some(self.retention.versions),
            version_millis: days(self.retention.version_days),
            upload_millis: i64::from(self.retention.upload_days) * DAY_MILLIS,
            // Here 0 means that nothing is kept.
            activity_millis: Some(i64::from(self.retention.activity_days) * DAY_MILLIS),
        };
        self.store.expire(&retention).await
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let keep = i64::from(self.retention.journal_hours) * HOUR_MILLIS;
        let before = SystemClock.now_millis().saturating_sub(keep);
        let head = self.store.position().await?.seq;
        let through = self.mirrors.needless(head, self.retain_entries);
        while self.store.prune_journal_through(before, through).await? > 0 {}
        Ok(())
    }
}

/// Logs and counts a failure; the next round tries again.
fn report<T>(step: &'static str, outcome: Result<T, StoreError>) -> Option<T> {
    match outcome {
        Ok(done) => Some(done),
        Err(error) => {
            metrics::counter!("coffer_janitor_failures_total").increment(1);
            tracing::warn!(step, %error, "upkeep failed and will be tried again");
            None
        }
    }
}
