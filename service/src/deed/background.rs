//! The record of what is only read: downloads and sign-ins.
//!
//! Guarantees: reading never waits for its record; records are sealed at once,
//! wait in a bounded queue and are written many to a commit; what does not fit
//! is dropped and counted; a shutdown writes what waits. The same user and the
//! same file, or the same user from the same address, are one record in ten
//! minutes.

use super::Done;
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::link::Link;
use crate::recent::Recent;
use crate::rows::read_failed;
use crate::service::Core;
use coffer_protocol::message::event::Deed;
use coffer_protocol::{NodeId, UserId};
use coffer_store::{ActivityRow, Change, Commit, CommitError};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Most records that wait to be written.
const MAX_WAITING: usize = 4096;
/// Records of one commit; as many are not waited with.
const BATCH: usize = 256;
/// How long a record waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// Attempts at writing a batch while the database is away.
const ATTEMPTS: u32 = 5;
/// What happens again within this time is not recorded again.
const ONCE: Duration = Duration::from_mins(10);
/// Most users and files of which is remembered when they were last recorded.
const REMEMBERED: usize = 16_384;

/// What a record is about: again the same within a while is nothing new.
type Subject = (UserId, NodeId, Option<IpAddr>);

struct State {
    waiting: VecDeque<ActivityRow>,
    /// A task is gathering or writing.
    running: bool,
    recorded: Recent<Subject, Duration>,
}

/// Records that wait to be written.
pub(crate) struct Background {
    state: Mutex<State>,
    full: Notify,
    /// One batch is written at a time.
    writing: tokio::sync::Mutex<()>,
}

impl Default for Background {
    fn default() -> Self {
        let recorded = Recent::new(REMEMBERED);
        let state = State { waiting: VecDeque::new(), running: false, recorded };
        let writing = tokio::sync::Mutex::new(());
        Self { state: Mutex::new(state), full: Notify::new(), writing }
    }
}

impl Background {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something is new, which it then is not any more.
    fn is_new(&self, subject: Subject, now: Duration) -> bool {
        let recorded = &mut self.lock().recorded;
        let again = recorded.get(&subject).is_some_and(|then| now.saturating_sub(*then) < ONCE);
        if !again {
            recorded.put(subject, now);
        }
        !again
    }

    /// Adds records; whether a task has to be started that writes them.
    fn add(&self, rows: Vec<ActivityRow>) -> bool {
        let mut state = self.lock();
        let fit = MAX_WAITING.saturating_sub(state.waiting.len()).min(rows.len());
        lost(rows.len() - fit);
        state.waiting.extend(rows.into_iter().take(fit));
        if state.waiting.len() >= BATCH {
            self.full.notify_one();
        }
        let idle = !state.running && !state.waiting.is_empty();
        state.running |= idle;
        idle
    }

    fn take(&self) -> Vec<ActivityRow> {
        let waiting = &mut self.lock().waiting;
        let batch = waiting.len().min(BATCH);
        waiting.drain(..batch).collect()
    }

    /// Whether a batch is complete.
    fn is_full(&self) -> bool {
        self.lock().waiting.len() >= BATCH
    }

    /// The task is about to end; it stays if something has come in the meantime.
    fn rest(&self) -> bool {
        let mut state = self.lock();
        state.running = !state.waiting.is_empty();
        !state.running
    }
}

fn lost(count: usize) {
    if count > 0 {
        metrics::counter!("coffer_activity_dropped_total").increment(count as u64);
    }
}

impl Cx {
    /// Files were read. What cannot be recorded is no reason not to deliver them.
    pub(crate) fn downloaded(&self, files: Vec<Done>) {
        self.core.note(self.user(), None, files);
    }
}

impl Core {
    /// Whether what is only read is recorded here.
    fn records_activity(&self) -> bool {
        self.config.record_activity && self.is_primary()
    }

    /// Somebody has signed in on a connection.
    pub(crate) async fn note_sign_in(self: &Arc<Self>, link: &Link) {
        if !self.records_activity() {
            return;
        }
        let Ok(session) = link.session(self.ticks.now()) else { return };
        let cx = Cx { core: Arc::clone(self), session };
        match cx.sign_in_done(link.address()).await {
            Ok(done) => self.note(cx.user(), Some(link.address()), vec![done]),
            Err(error) => {
                tracing::warn!(code = error.code.name(), "a sign-in is not in the record");
            }
        }
    }

    /// Seals and queues what is new of this.
    fn note(self: &Arc<Self>, by: UserId, from: Option<IpAddr>, mut deeds: Vec<Done>) {
        if !self.records_activity() {
            return;
        }
        let now = self.ticks.now();
        deeds.retain(|done| self.background.is_new((by, done.node, from), now));
        // Sealing says itself why it cannot be done.
        let Ok(rows) = self.records(by, &deeds) else { return lost(deeds.len()) };
        if self.background.add(rows) {
            let core = Arc::clone(self);
            self.tasks.spawn(async move { core.write_in_background().await });
        }
    }

    async fn write_in_background(&self) {
        loop {
            let full = self.background.full.notified();
            if !self.background.is_full() && !self.stopping.is_cancelled() {
                tokio::select! {
                    () = full => {}
                    () = tokio::time::sleep(GATHER) => {}
                    () = self.stopping.cancelled() => {}
                }
            }
            self.write_waiting().await;
            if self.background.rest() {
                return;
            }
        }
    }

    /// Writes what waits now.
    pub(crate) async fn write_waiting(&self) {
        let _one = self.background.writing.lock().await;
        loop {
            let rows = self.background.take();
            if rows.is_empty() {
                return;
            }
            self.write(rows).await;
        }
    }

    async fn write(&self, rows: Vec<ActivityRow>) {
        let count = rows.len();
        let changes: Vec<Change> = rows.into_iter().map(Change::PutActivity).collect();
        for attempt in 1.. {
            let commit = Commit { changes: changes.clone(), ..Commit::default() };
            let Err(error) = self.store.commit(commit).await else { return };
            let again = matches!(error, CommitError::DatabaseUnavailable(_) | CommitError::Busy);
            if !again || attempt >= ATTEMPTS || self.stopping.is_cancelled() {
                tracing::warn!(count, %error, "records of activity are lost");
                lost(count);
                return;
            }
            tokio::time::sleep(GATHER).await;
        }
    }
}

impl Cx {
    async fn sign_in_done(&self, address: IpAddr) -> Outcome<Done> {
        let home = self.session.home;
        let row = self.store().node(home).await.map_err(|error| read_failed(&error))?;
        let row = row.ok_or_else(|| crate::fault::integrity(home))?;
        Ok(Done {
            deed: Deed::SignedIn(address.to_string()),
            node: home,
            keys: self.session.open_home(&row)?,
            name: String::new(),
            owner: self.user(),
            parent: (home, None),
            from: None,
            other: None,
            members: Vec::new(),
        })
    }
}
