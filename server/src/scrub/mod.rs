//! The scrub of a running daemon, primary or replica: everything that is stored is
//! read again and again, slowly, and compared with its hashes; `repair` makes it
//! do so at once.
//!
//! Guarantees: it reads no more than the configured rate, but for a repair; where it
//! was is kept in a file, so that a restart does not begin anew; whether the breaker
//! is tripped is kept there as well.

mod request;
mod state;

pub use request::{Progress, Request, follow, is_running};
pub use state::State;

use crate::config::Maintenance;
use crate::data_dir::DataDir;
use coffer_store::{
    Clock, Role, ScrubCursor, ScrubOptions, ScrubStep, Store, StoreError, SystemClock,
};
use metrics::{counter, gauge};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Time between two looks whether there is something to do.
const LOOK: Duration = Duration::from_millis(250);
/// Time between two writes of the file.
const KEEP: Duration = Duration::from_secs(10);
/// What a row costs, beside its bytes.
const ROW_BYTES: u64 = 512;
/// Pause after a step that failed.
const PAUSE: Duration = Duration::from_secs(5);
/// A repair ends when nothing was healed for so long.
const IDLE: Duration = Duration::from_secs(20);
const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const MIB: u64 = 1 << 20;

/// A scrub at work.
struct Scrub {
    store: Store,
    data: DataDir,
    rate: u64,
    round_millis: i64,
    state: State,
    kept: Instant,
}

/// One round as fast as it goes, with nobody else at work here, and a wait for what
/// is healed meanwhile.
pub async fn once(store: &Store, data: &DataDir, quick: bool, accept_many: bool) {
    let config = Maintenance { scrub_mib_per_second: 0, ..Maintenance::default() };
    let mut scrub = Scrub::new(store.clone(), data.clone(), &config);
    scrub.repair(Request { number: 0, quick, accept_many }).await;
}

/// Works for ever.
pub async fn run(store: Store, data: DataDir, config: &Maintenance) {
    let mut scrub = Scrub::new(store, data, config);
    loop {
        if scrub.store.is_poisoned() {
            return;
        }
        scrub.show();
        if scrub.store.role() == Role::Loading {
            sleep(LOOK).await;
        } else if let Some(request) = Request::take(&scrub.data) {
            scrub.repair(request).await;
        } else if scrub.is_due() {
            scrub.step().await;
        } else {
            sleep(LOOK).await;
        }
        scrub.keep();
    }
}

impl Scrub {
    fn new(store: Store, data: DataDir, config: &Maintenance) -> Self {
        let state = State::read(&data).unwrap_or_default();
        if state.tripped {
            store.trip_breaker();
            tracing::error!(
                "the breaker is still tripped: nothing is healed; see `repair --accept-many`"
            );
        }
        let hours = i64::try_from(config.scrub_hours).unwrap_or(i64::MAX / HOUR_MILLIS);
        Self {
            store,
            data,
            rate: config.scrub_mib_per_second * MIB,
            round_millis: hours.saturating_mul(HOUR_MILLIS),
            state,
            kept: Instant::now(),
        }
    }

    /// Whether there is a round to go on with, or time for one.
    fn is_due(&mut self) -> bool {
        if self.rate == 0 {
            return false;
        }
        if self.state.running {
            return true;
        }
        let now = SystemClock.now_millis();
        let due = self.state.began_millis.saturating_add(self.round_millis) <= now;
        if due || self.state.began_millis > now {
            self.state.begin(now);
        }
        self.state.running
    }

    /// One step, and the pause that makes up the rate.
    async fn step(&mut self) {
        let begun = Instant::now();
        let step = match self.advance(ScrubOptions::default()).await {
            Ok(step) => step,
            Err(error) => {
                tracing::warn!(%error, "the scrub goes on in a moment");
                return sleep(PAUSE).await;
            }
        };
        let cost = step.bytes + step.rows * ROW_BYTES;
        let pause = Duration::from_secs_f64(cost as f64 / self.rate.max(1) as f64);
        let left = pause.saturating_sub(begun.elapsed());
        // Whoever wants a repair does not wait for a long pause.
        sleep(left.min(Duration::from_secs(2))).await;
    }

    /// Looks at the next piece.
    async fn advance(&mut self, options: ScrubOptions) -> Result<ScrubStep, StoreError> {
        let step = self.store.scrub_step(&self.state.cursor, options).await?;
        counter!("coffer_scrub_rows_total").increment(step.rows);
        counter!("coffer_scrub_bytes_total").increment(step.bytes);
        self.state.damaged += step.damaged;
        if let Some(next) = &step.next {
            self.state.cursor = next.clone();
        } else {
            let damaged = self.state.damaged;
            self.state.finish(SystemClock.now_millis());
            tracing::info!(damaged, "a round of the scrub is over");
        }
        Ok(step)
    }

    fn show(&mut self) {
        let unhealed = self.store.unhealed();
        gauge!("coffer_unhealed", "kind" => "chunk").set(unhealed.chunks as f64);
        gauge!("coffer_unhealed", "kind" => "row").set(unhealed.rows as f64);
        gauge!("coffer_unhealed", "kind" => "entry").set(unhealed.entries as f64);
        gauge!("coffer_missing_chunks").set(unhealed.chunks as f64);
        let tripped = self.store.breaker_tripped();
        gauge!("coffer_heal_breaker").set(f64::from(u8::from(tripped)));
        if let Some(millis) = self.state.finished_millis {
            let age = SystemClock.now_millis().saturating_sub(millis).max(0);
            gauge!("coffer_scrub_age_seconds").set(age as f64 / 1000.0);
        }
        gauge!("coffer_scrub_progress").set(self.state.progress());
        if tripped != self.state.tripped {
            self.state.tripped = tripped;
            self.state.write(&self.data);
        }
    }

    /// Writes the file from time to time.
    fn keep(&mut self) {
        if self.kept.elapsed() > KEEP {
            self.kept = Instant::now();
            self.state.write(&self.data);
        }
    }

    /// A whole round as fast as it goes, and a wait for what is healed.
    async fn repair(&mut self, request: Request) {
        tracing::info!(quick = request.quick, accept_many = request.accept_many, "repair begins");
        if request.accept_many {
            self.store.overrule_breaker(true);
        }
        // What nobody had the last time somebody may have now.
        self.store.ask_again();
        let mut progress = Progress::new(&request);
        let (kept, cursor) = (self.state.clone(), ScrubCursor::default());
        self.state.begin(SystemClock.now_millis());
        self.state.cursor = cursor;
        let options = ScrubOptions { quick: request.quick };
        while self.state.running && !self.store.is_poisoned() {
            match self.advance(options).await {
                Ok(step) => progress.add(&step),
                Err(error) => {
                    tracing::warn!(%error, "the repair goes on in a moment");
                    sleep(PAUSE).await;
                }
            }
            progress.show(&self.store, &self.data);
            self.show();
            tokio::task::yield_now().await;
        }
        if request.quick {
            // The contents were not read: the round that they are read in goes on.
            self.state = State { tripped: self.state.tripped, ..kept };
        }
        self.healed(&mut progress).await;
        if request.accept_many {
            self.store.overrule_breaker(false);
        }
        self.show();
        self.state.write(&self.data);
        progress.done(&self.store, &self.data);
        let unhealed = self.store.unhealed().total();
        tracing::info!(found = progress.damaged, unhealed, "repair is over");
    }

    /// Waits until everything is healed that can be.
    async fn healed(&mut self, progress: &mut Progress) {
        let mut left = self.store.unhealed().total();
        let mut since = Instant::now();
        loop {
            let now = self.store.unhealed().total();
            if now != left {
                (left, since) = (now, Instant::now());
            }
            let hopeless = self.store.denied() >= now && since.elapsed() > LOOK * 8;
            if now == 0 || hopeless || since.elapsed() > IDLE || self.store.breaker_tripped() {
                return;
            }
            progress.show(&self.store, &self.data);
            self.show();
            sleep(LOOK).await;
        }
    }
}
