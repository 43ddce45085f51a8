//! Sessions that wait for hints, and the hints that wait for them.
//!
//! Guarantees: a session holds a bounded number of hints, and is told to look at
//! everything when there were more; hints are numbered, so that a reader that
//! asks again for the same gets the same; what a reader has seen is let go. A
//! subscription that nobody has asked for during two minutes is gone. One reader
//! for each session: a second one makes the first miss hints, and both are told.

use super::Done;
use crate::fault::{Outcome, because};
use crate::session::Session;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_WAITING_EVENTS;
use coffer_protocol::message::event::Deed;
use coffer_protocol::{NodeId, Position, SessionId, UserId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A subscription that nobody has asked for during this time is gone.
const FORGOTTEN: Duration = Duration::from_mins(2);
/// Requests of one session that may wait at the same time.
const MAX_WAITERS: u32 = 4;
/// Most deeds that wait to be passed on.
const MAX_TOLD: usize = 8192;

/// Something that has happened.
pub(crate) struct Hint {
    pub(super) deed: Deed,
    pub(super) node: NodeId,
    /// Name of what is gone for those whom it was shared with; else empty.
    pub(super) name: String,
    pub(super) owner: UserId,
    pub(super) parent: NodeId,
    pub(super) from: Option<NodeId>,
    /// Those whom a share concerns.
    pub(super) others: Vec<UserId>,
    pub(super) with_group: bool,
    pub(super) by: UserId,
    pub(super) at_millis: i64,
    pub(super) position: Position,
}

impl Hint {
    /// Whether it is about a share and not about the node.
    pub(super) fn is_of_share(&self) -> bool {
        matches!(self.deed, Deed::Shared(_) | Deed::Unshared(_) | Deed::Left)
    }

    /// What is left of a deed when its keys are gone.
    pub(super) fn of(done: Done, by: UserId, at_millis: i64, position: Position) -> Self {
        let with_group = done.is_with_group();
        let Done { deed, node, name, owner, parent: (parent, _), from, other, members, .. } = done;
        let gone = matches!(deed, Deed::Unshared(_) | Deed::Left);
        let name = if gone { name } else { String::new() };
        let others = other.into_iter().chain(members).collect();
        Self { deed, node, name, owner, parent, from, others, with_group, by, at_millis, position }
    }
}

/// Deeds of one commit.
pub(crate) struct Told {
    pub(super) hints: Vec<Arc<Hint>>,
    /// The session that did it, which knows.
    pub(super) session: SessionId,
}

/// Hints of one session, by number.
struct Ring {
    waiting: VecDeque<(u64, Arc<Hint>)>,
    /// Number of the next hint.
    next: u64,
    /// Hints before this number may have been let go.
    floor: u64,
    /// When it was last asked for.
    asked: Duration,
    waiters: u32,
}

/// What a reader finds.
pub(super) struct Batch {
    pub(super) hints: Vec<(u64, Arc<Hint>)>,
    /// Where the reader is when none of the hints is taken.
    pub(super) at: u64,
    pub(super) lost: bool,
}

/// The hints of one session.
pub(super) struct Subscription {
    session: SessionId,
    ring: Mutex<Ring>,
    news: Notify,
}

impl Subscription {
    fn new(session: SessionId, first: u64, now: Duration) -> Self {
        let waiting = VecDeque::new();
        let ring = Ring { waiting, next: first, floor: first, asked: now, waiters: 0 };
        Self { session, ring: Mutex::new(ring), news: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, hint: &Arc<Hint>) {
        {
            let mut ring = self.lock();
            if ring.waiting.len() >= MAX_WAITING_EVENTS {
                ring.waiting.clear();
                ring.floor = ring.next;
                metrics::counter!("coffer_hint_overflows_total", "at" => "session").increment(1);
            }
            let number = ring.next;
            ring.next += 1;
            ring.waiting.push_back((number, Arc::clone(hint)));
        }
        self.news.notify_waiters();
    }

    /// Something was missed.
    fn refresh(&self) {
        {
            let mut ring = self.lock();
            ring.waiting.clear();
            ring.next += 1;
            ring.floor = ring.next;
        }
        self.news.notify_waiters();
    }

    /// Number of the next hint.
    pub(super) fn next(&self) -> u64 {
        self.lock().next
    }

    /// Hints from this number on; those before were seen.
    pub(super) fn read(&self, after: u64) -> Batch {
        let mut ring = self.lock();
        let lost = after < ring.floor || after > ring.next;
        let at = if lost { ring.floor } else { after };
        while ring.waiting.front().is_some_and(|(number, _)| *number < at) {
            ring.waiting.pop_front();
        }
        ring.floor = at;
        Batch { hints: ring.waiting.iter().cloned().collect(), at, lost }
    }

    /// Fires at the next hint.
    pub(super) fn news(&self) -> &Notify {
        &self.news
    }
}

/// A request that waits.
pub(super) struct Waiter {
    pub(super) subscription: Arc<Subscription>,
    hub: Arc<Hub>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let now = self.hub.now();
        let mut ring = self.subscription.lock();
        ring.waiters -= 1;
        ring.asked = now;
    }
}

#[derive(Default)]
struct State {
    subscriptions: HashMap<UserId, Vec<Arc<Subscription>>>,
    /// Subscriptions so far.
    count: u64,
    told: VecDeque<Told>,
    /// Deeds in `told`.
    deeds: usize,
    /// A task is passing them on.
    running: bool,
}

/// All sessions that wait for hints, and what is to be passed on to them.
pub(crate) struct Hub {
    state: Mutex<State>,
    clock: crate::time::Ticks,
}

impl Hub {
    pub(crate) fn new(clock: &crate::time::Ticks) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), clock: clock.clone() })
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody but one session is interested.
    pub(super) fn has_others(&self, session: SessionId) -> bool {
        let state = self.lock();
        state.subscriptions.values().flatten().any(|other| other.session != session)
    }

    /// The subscription of a session for one request, and whether it has just begun.
    pub(super) fn wait(self: &Arc<Self>, session: &Session) -> Outcome<(Waiter, bool)> {
        let now = self.now();
        let mut state = self.lock();
        let first = (state.count + 1) << 32;
        let of_user = state.subscriptions.entry(session.user).or_default();
        let known = of_user.iter().find(|known| known.session == session.id).cloned();
        let begins = known.is_none();
        let subscription = known.unwrap_or_else(|| {
            let new = Arc::new(Subscription::new(session.id, first, now));
            of_user.push(Arc::clone(&new));
            new
        });
        state.count += u64::from(begins);
        {
            let mut ring = subscription.lock();
            if ring.waiters >= MAX_WAITERS {
                let text = format!("{MAX_WAITERS} requests of this session wait for hints already");
                return Err(because(ErrorCode::BUSY, text));
            }
            ring.waiters += 1;
            ring.asked = now;
        }
        drop(state);
        Ok((Waiter { subscription, hub: Arc::clone(self) }, begins))
    }

    /// Puts deeds into the queue; whether a task has to be started that passes
    /// them on. When the queue is full everybody has to look at everything.
    pub(super) fn add(&self, told: Told) -> bool {
        let mut state = self.lock();
        if state.deeds + told.hints.len() > MAX_TOLD {
            drop(state);
            metrics::counter!("coffer_hint_overflows_total", "at" => "server").increment(1);
            self.refresh_all();
            return false;
        }
        state.deeds += told.hints.len();
        state.told.push_back(told);
        !std::mem::replace(&mut state.running, true)
    }

    /// The next deeds to pass on; at the end the task has to stop.
    pub(crate) fn take(&self) -> Option<Told> {
        let mut state = self.lock();
        let told = state.told.pop_front();
        state.deeds -= told.as_ref().map_or(0, |told| told.hints.len());
        state.running = told.is_some();
        told
    }

    /// Gives a hint to all sessions of some users but one.
    pub(super) fn push(&self, hint: &Arc<Hint>, users: &HashSet<UserId>, except: SessionId) {
        let state = self.lock();
        let found = users.iter().filter_map(|user| state.subscriptions.get(user)).flatten();
        for subscription in found.filter(|subscription| subscription.session != except) {
            subscription.push(hint);
        }
    }

    /// Everybody has missed something.
    pub(crate) fn refresh_all(&self) {
        for subscription in self.lock().subscriptions.values().flatten() {
            subscription.refresh();
        }
    }

    /// Lets go of subscriptions of sessions that have ended, and of those that
    /// nobody asks for.
    pub(crate) fn sweep(&self, sessions: &HashSet<SessionId>) {
        let now = self.now();
        let mut state = self.lock();
        state.subscriptions.retain(|_, of_user| {
            of_user.retain(|subscription| {
                let ring = subscription.lock();
                let fresh = now.saturating_sub(ring.asked) < FORGOTTEN;
                ring.waiters > 0 || fresh && sessions.contains(&subscription.session)
            });
            !of_user.is_empty()
        });
        let count: usize = state.subscriptions.values().map(Vec::len).sum();
        metrics::gauge!("coffer_watching_sessions").set(count as f64);
    }
}
