//! Keeps the anchor up to date.
//!
//! Guarantees: the anchor is written only when the position has moved, and never
//! by two tasks at a time; a disk that fails while it is written is fatal, like
//! any other failed flush.

use super::anchor::Anchor;
use crate::failure::{Code, Failure, Outcome};
use crate::install::Installation;
use coffer_store::Store;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Writes the anchor.
pub(crate) struct Keeper {
    installation: Arc<Installation>,
    store: Store,
    written: Mutex<Option<Anchor>>,
    broken: OnceLock<String>,
    broke: CancellationToken,
}

impl Keeper {
    pub(crate) fn new(installation: Arc<Installation>, store: Store) -> Self {
        Self {
            installation,
            store,
            written: Mutex::new(None),
            broken: OnceLock::new(),
            broke: CancellationToken::new(),
        }
    }

    /// Writes the anchor if the position has moved.
    pub(crate) async fn write(&self) -> Outcome {
        let mut written = self.written.lock().await;
        let (position, chain) = self.store.head().await.map_err(|e| crate::explain::store(&e))?;
        let anchor = Anchor { position, chain };
        if *written == Some(anchor) {
            return Ok(());
        }
        let installation = Arc::clone(&self.installation);
        let writing = tokio::task::spawn_blocking(move || {
            let Installation { data, secret, marker, .. } = &*installation;
            anchor.write(data, &marker.server_id, secret)
        });
        writing.await.unwrap_or_else(|error| {
            Err(Failure::new(Code::Io, format!("writing the anchor was given up: {error}")))
        })?;
        *written = Some(anchor);
        Ok(())
    }

    /// Writes it at intervals until `stop` fires; a write in progress is finished.
    pub(crate) async fn run(&self, interval: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut good = Instant::now();
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.write().await {
                Ok(()) => good = Instant::now(),
                Err(failure) if failure.code == Code::Poisoned => {
                    // The first reason stays.
                    let _ = self.broken.set(failure.message);
                    self.broke.cancel();
                    return;
                }
                Err(failure) => tracing::warn!(reason = %failure, "cannot write the anchor"),
            }
            metrics::gauge!("coffer_anchor_age_seconds").set(good.elapsed().as_secs_f64());
        }
    }

    /// Waits until the disk has failed; returns why.
    pub(crate) async fn broken(&self) -> String {
        self.broke.cancelled().await;
        self.broken.get().cloned().unwrap_or_default()
    }
}
