//! Takes the samples of a running primary.

use super::{History, Sample};
use crate::data_dir::DataDir;
use crate::explain;
use crate::failure::{Code, Failure, Outcome};
use crate::lock;
use crate::totals::Totals;
use coffer_service::{Service, Traffic};
use coffer_store::{Clock as _, Store, SystemClock};
use metrics::gauge;
use std::time::Duration;

/// See the module.
pub(crate) struct Recorder {
    pub(crate) data: DataDir,
    pub(crate) store: Store,
    pub(crate) service: Service,
    pub(crate) interval: Duration,
}

impl Recorder {
    /// Takes samples for ever: after a restart the next one when it is due.
    pub(crate) async fn run(self) {
        let data = self.data.clone();
        let read = tokio::task::spawn_blocking(move || History::read(&data)).await;
        let mut history = read.unwrap_or_default();
        let mut counted = Traffic::default();
        let mut wait = self.until_due(&history);
        loop {
            tokio::time::sleep(wait).await;
            wait = self.interval;
            match self.sample(&mut counted).await {
                Ok(sample) => {
                    history.add(sample);
                    history = self.keep(history).await;
                }
                Err(failure) => tracing::warn!(reason = %failure, "no sample for the history"),
            }
        }
    }

    fn until_due(&self, history: &History) -> Duration {
        let Some(last) = history.samples().last() else { return Duration::ZERO };
        let age = SystemClock.now_millis().saturating_sub(last.millis);
        // A clock that was put back is no reason to wait for long.
        let age = u64::try_from(age).map_or(self.interval, Duration::from_millis);
        self.interval.saturating_sub(age)
    }

    async fn sample(&self, counted: &mut Traffic) -> Outcome<Sample> {
        let totals = Totals::read(&self.store).await?;
        let position = self.store.position().await.map_err(|error| explain::store(&error))?;
        let traffic = self.service.traffic();
        let since = traffic.since(*counted);
        *counted = traffic;
        gauge!("coffer_logical_bytes").set(totals.bytes as f64);
        gauge!("coffer_stored_bytes").set(totals.stored.bytes as f64);
        Ok(Sample {
            millis: SystemClock.now_millis(),
            seq: position.seq,
            users: totals.users,
            nodes: totals.nodes,
            bytes: totals.bytes,
            stored_bytes: totals.stored.bytes,
            stored_chunks: totals.stored.chunks,
            free_bytes: lock::space(&self.data).map_or(0, |space| space.free),
            sessions: self.service.sessions() as u64,
            requests: since.requests,
            received_bytes: since.received,
            sent_bytes: since.sent,
        })
    }

    /// Writes the history; one that cannot be written is tried again with the next sample.
    async fn keep(&self, history: History) -> History {
        let data = self.data.clone();
        let written = tokio::task::spawn_blocking(move || {
            let outcome = history.write(&data);
            (history, outcome)
        });
        let (history, outcome) = written.await.unwrap_or_else(|error| {
            let failure = Failure::new(Code::Io, format!("it was given up: {error}"));
            (History::default(), Err(failure))
        });
        if let Err(failure) = outcome {
            tracing::warn!(reason = %failure, "the history cannot be written");
        }
        history
    }
}
