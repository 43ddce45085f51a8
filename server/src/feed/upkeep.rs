//! What the feed does on its own: it looks which replicas there are, because
//! commands beside the server add and remove them, and shows how far they are.

use super::{Feed, Inner, Report, endpoints, records};
use crate::failure::Outcome;
use coffer_store::{Clock, SystemClock};
use metrics::gauge;
use std::sync::PoisonError;
use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

impl Feed {
    /// Works for ever.
    pub(crate) async fn keep_up(self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look_up_replicas().await;
            self.show().await;
        }
    }

    /// Takes over which replicas there are.
    pub(crate) async fn look_up_replicas(&self) {
        if let Err(failure) = self.try_look_up().await {
            tracing::debug!(reason = %failure, "cannot look for replicas");
        }
    }

    async fn try_look_up(&self) -> Outcome {
        let Inner { store, installation, own, endpoints, .. } = &*self.0;
        let ids = records::ids(store).await?;
        self.0.mirrors.registered(&ids);
        self.0.snapshots.tidy(&ids, store.log_bytes());
        if !self.follows() {
            endpoints::announce(store, &installation.secret, own).await?;
        }
        let known = endpoints::known(store, &installation.secret, own).await?;
        *endpoints.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    async fn show(&self) {
        let Inner { store, mirrors, installation, .. } = &*self.0;
        let Ok(head) = store.position().await else { return };
        let seen = mirrors.seen(head.seq);
        let degraded = mirrors.is_degraded();
        gauge!("coffer_mirror_degraded").set(f64::from(u8::from(degraded)));
        gauge!("coffer_replicas").set(seen.len() as f64);
        for one in &seen {
            let id = one.id.to_string();
            let connected = f64::from(u8::from(one.connected));
            gauge!("coffer_replica_connected", "replica" => id.clone()).set(connected);
            let lag = head.seq.saturating_sub(one.flushed.unwrap_or(0));
            let dropped = f64::from(u8::from(mirrors.is_dropped(one.id)));
            gauge!("coffer_replica_too_far_behind", "replica" => id.clone()).set(dropped);
            gauge!("coffer_replica_lag_entries", "replica" => id.clone()).set(lag as f64);
            gauge!("coffer_replica_lag_seconds", "replica" => id).set(one.behind.as_secs_f64());
        }
        if !seen.is_empty() {
            let report = Report::new(SystemClock.now_millis(), head, degraded, &seen);
            report.write(&installation.data);
        }
    }
}
