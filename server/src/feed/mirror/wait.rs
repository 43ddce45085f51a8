//! How long a commit waits for replicas.
//!
//! Guarantees: a replica counts for a commit only after it has said that the commit is
//! durable there; without replicas nothing waits; in semi-synchronous mode a commit
//! waits for `wait` at most, and while the mirror is known to be behind not at all.

use super::{Mirrors, Standing};
use crate::config::ReplicationMode;
use coffer_protocol::Position;
use coffer_service::{Mirror, Mirroring, NotMirrored};
use std::time::{Duration, Instant};

/// Machines, this one included, that the modes with a wait ask for.
const WANTED: u8 = 2;
/// In synchronous mode a request that has waited for so long is answered with
/// "uncertain"; the client asks again.
const SYNC_WAIT: Duration = Duration::from_mins(1);

impl Mirrors {
    async fn wait_for(&self, position: Position) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if self.holders(position) >= WANTED || self.state().replicas.is_empty() {
                return;
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Begins to answer without waiting; says so once.
    fn degrade(&self) {
        let mut state = self.state();
        if !state.pace.degraded && !state.replicas.is_empty() {
            state.pace.degrade();
            drop(state);
            metrics::counter!("coffer_mirror_degraded_total").increment(1);
            tracing::error!(
                waited = ?self.wait,
                "no replica confirms what is written: until one has caught up, writes are durable \
                 on this machine only"
            );
        }
    }
}

impl Mirror for Mirrors {
    fn holders(&self, position: Position) -> u8 {
        let state = self.state();
        let holds = |standing: &&Standing| standing.flushed.is_some_and(|at| at >= position.seq);
        let others = state.replicas.values().filter(holds).count();
        u8::try_from(others).unwrap_or(u8::MAX).saturating_add(1)
    }

    fn level(&self) -> u64 {
        let state = self.state();
        let flushed = state.replicas.values().map(|standing| standing.flushed.unwrap_or(0));
        flushed.min().unwrap_or(u64::MAX)
    }

    fn mirrored(&self, position: Position) -> Mirroring<'_> {
        Box::pin(async move {
            let wait = {
                let mut state = self.state();
                state.pace.newest = state.pace.newest.max(position.seq);
                match self.mode {
                    _ if state.replicas.is_empty() => return Ok(1),
                    ReplicationMode::Async => Duration::ZERO,
                    ReplicationMode::SemiSync if state.pace.degraded => Duration::ZERO,
                    ReplicationMode::SemiSync => self.wait,
                    ReplicationMode::Sync => SYNC_WAIT,
                }
            };
            let begun = Instant::now();
            if !wait.is_zero() {
                let waited = tokio::time::timeout(wait, self.wait_for(position)).await;
                metrics::histogram!("coffer_mirror_seconds").record(begun.elapsed().as_secs_f64());
                match (waited, self.mode) {
                    (Err(_), ReplicationMode::Sync) => return Err(NotMirrored),
                    (Err(_), _) => self.degrade(),
                    (Ok(()), _) => {}
                }
            }
            Ok(self.holders(position))
        })
    }
}
