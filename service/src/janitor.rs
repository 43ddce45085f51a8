//! Upkeep of the service itself: what expires, and what was interrupted.

use crate::service::{Core, Service};
use crate::session::Session;
use coffer_store::USER_ACTIVE;
use std::time::Duration;

impl Service {
    /// One round: ends sessions that have run out of time or whose account was
    /// changed or disabled elsewhere, gives up idle uploads, forgets old
    /// attempts and subscriptions to hints, and goes on with erasures.
    pub async fn upkeep(&self) {
        let core = &self.core;
        core.sessions.sweep(core.ticks.now());
        core.limiter.shrink();
        for session in core.sessions.all() {
            core.check_account(&session).await;
            self.give_up_idle_uploads(&session).await;
        }
        if let Err(error) = core.resume_erasures().await {
            tracing::warn!(code = error.code.name(), "the erasure of an account is not finished");
        }
        core.hub.sweep(&core.sessions.all().iter().map(|session| session.id).collect());
        metrics::gauge!("coffer_sessions").set(core.sessions.len() as f64);
    }

    /// Rounds of upkeep until the service stops.
    pub async fn keep_up(&self, every: Duration) {
        while !self.core.stopping.is_cancelled() {
            self.upkeep().await;
            tokio::select! {
                () = self.core.stopping.cancelled() => {}
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    async fn give_up_idle_uploads(&self, session: &Session) {
        let (now, idle) = (self.core.ticks.now(), self.core.config.upload_idle);
        for upload in session.uploads.take_idle(now, idle) {
            let changes = upload.state().await.give_up();
            if let Err(error) = self.core.drop_segments(changes).await {
                tracing::warn!(code = error.code.name(), "segments of an idle upload stay behind");
            }
        }
    }
}

impl Core {
    /// An operator's command runs in another process, and changes come from another
    /// machine: the record tells.
    pub(crate) async fn check_account(&self, session: &Session) {
        let Ok(row) = self.store.user(session.user).await else { return };
        let stands =
            row.is_some_and(|row| row.state == USER_ACTIVE && row.version == session.version());
        if !stands {
            tracing::info!(user = %session.user, "session ended: the account has changed");
            self.sessions.remove(session);
        }
    }
}
