//! What the feed does on its own: it looks which replicas there are, because
//! commands beside the server add and remove them, and shows how far they are.

use super::{Feed, Inner, endpoints};
use crate::alarms::Alarms;
use crate::failure::Outcome;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

impl Feed {
    /// Works for ever.
    pub(crate) async fn keep_up(self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut alarms = Alarms::new(&self.0.installation.config.alarms);
        loop {
            ticks.tick().await;
            self.look_up_replicas().await;
            self.show(&mut alarms).await;
        }
    }

    /// Takes over which replicas there are.
    pub(crate) async fn look_up_replicas(&self) {
        if let Err(failure) = self.try_look_up().await {
            tracing::debug!(reason = %failure, "cannot look for replicas");
        }
    }

    async fn try_look_up(&self) -> Outcome {
        let Inner { store, installation, own, .. } = &*self.0;
        let ids = self.0.roll.look(store, &installation.secret).await?.ids;
        self.0.mirrors.registered(&ids);
        self.0.asking.registered(&ids);
        self.0.snapshots.tidy(&ids, store.log_bytes());
        // Once: if it is not to be found later, its row is damaged and can be healed.
        if !self.follows() && !self.0.announced.load(Ordering::Relaxed) {
            endpoints::announce(store, &installation.secret, own).await?;
            self.0.announced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
