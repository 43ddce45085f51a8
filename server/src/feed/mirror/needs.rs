//! What replicas still need: journal entries, and chunks that are to be collected.
//!
//! Guarantees: what a replica needs that is not too far behind is kept; one that is
//! does not hold up anything, because it will be filled anew.

use super::{Mirrors, Standing};
use std::time::Duration;

/// A replica that has not been heard for so long since the start has no known place.
const UNKNOWN: Duration = Duration::from_mins(10);

/// Longest wait of the collector for replicas.
const APPLY_WAIT: Duration = Duration::from_secs(2);

impl Mirrors {
    /// The last journal entry that no replica needs any more, where `head` is the
    /// newest one. One that is more than `most` entries behind is not waited for,
    /// which is said once.
    pub(crate) fn needless(&self, head: u64, most: u64) -> u64 {
        let floor = head.saturating_sub(most);
        let mut state = self.state();
        let mut least = u64::MAX;
        for (id, standing) in &mut state.replicas {
            let needs = standing.loads.or(standing.flushed);
            let known = needs.is_some() || standing.level.elapsed() > UNKNOWN;
            let needs = needs.unwrap_or(0);
            let dropped = known && needs < floor;
            if dropped && !standing.dropped {
                metrics::counter!("coffer_replicas_dropped_total").increment(1);
                tracing::error!(
                    replica = %id,
                    behind = head - needs,
                    "a replica is so far behind that the journal is not kept for it any more: it \
                     will be resynchronised when it comes back; remove it if it will not"
                );
            }
            standing.dropped = dropped;
            least = least.min(needs.max(floor));
        }
        least
    }

    /// Waits a moment for every replica to have applied an entry; those that are too
    /// far behind for the journal are filled anew when they come back, and do not
    /// count.
    pub(crate) async fn all_have(&self, seq: u64) -> bool {
        let mut changed = self.changed.subscribe();
        let has = |standing: &Standing| {
            let at = standing.loads.or(standing.flushed).unwrap_or(0);
            standing.dropped || at >= seq
        };
        let all = async {
            loop {
                changed.mark_unchanged();
                if self.state().replicas.values().all(has) || changed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(APPLY_WAIT, all).await.is_ok()
    }
}
