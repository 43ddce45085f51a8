//! What the parts of one connection share: the reader (`ServerConnection`),
//! the answers (`Replier`), the handles and the writer task.

use super::close::CloseReason;
use super::standing::Standing;
use crate::budget::{Budget, Held};
use crate::config::ServerConfig;
use crate::fair::{FairBudget, Share};
use crate::link::Outbox;
use coffer_protocol::WireError;
use coffer_protocol::frame::FrameLimits;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// What an answer may exceed its reservation by without waiting again: room is
/// reserved for a payload before the length of the body in front of it is known.
const SLACK_BYTES: usize = 64 << 10;

/// Numbers of connections.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What a request holds until its answer has left: its place, the room of its
/// own bytes, the room of its answer.
#[derive(Debug, Default)]
pub(super) struct Holds {
    pub(super) slot: Option<OwnedSemaphorePermit>,
    pub(super) request: Room,
    pub(super) response: Room,
}

/// Room in the connection's window and in the budget of all connections.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) bytes: usize,
    _held: (Option<Held>, Option<Share>),
}

/// The window of one direction.
pub(super) struct Flow {
    pub(super) window: Budget,
    global: Option<FairBudget>,
}

impl Flow {
    fn new(bytes: u32, global: Option<FairBudget>) -> Self {
        Self { window: Budget::new(bytes as usize), global }
    }

    /// Waits until `room` covers `bytes`. `None` when the connection has ended.
    ///
    /// A room that is too small is given back first: whoever waits for room
    /// holds none, so that waiters cannot block each other.
    /// It is taken on behalf of a user.
    pub(super) async fn cover(&self, user: u64, room: &mut Room, bytes: usize) -> Option<()> {
        if room.bytes >= bytes || room.bytes > 0 && bytes - room.bytes <= SLACK_BYTES {
            return Some(());
        }
        *room = Room::default();
        let own = self.window.take(bytes).await?;
        let global = match &self.global {
            Some(global) => Some(global.take(user, bytes).await),
            None => None,
        };
        *room = Room { bytes, _held: (Some(own), global) };
        Some(())
    }
}

/// Shared state of one connection.
pub(super) struct Shared {
    pub(super) outbox: Outbox<Holds>,
    pub(super) requests: Flow,
    pub(super) responses: Flow,
    pub(super) slots: Arc<Semaphore>,
    window_requests: u32,
    requests_before_sign_in: u32,
    raised: AtomicBool,
    /// On whose behalf room is taken: a number of the connection's own, until it is known.
    user: AtomicU64,
    /// Fires when the client has signed in.
    pub(super) signed_in: CancellationToken,
    in_flight: Mutex<HashMap<u32, CancellationToken>>,
    /// Parent of every request's token; fires when the connection ends.
    pub(super) ended: CancellationToken,
    /// Stops the writer at once.
    pub(super) abort: CancellationToken,
    /// Fires when the server says goodbye.
    pub(super) goodbye: CancellationToken,
    /// What the machine is and has.
    pub(super) standing: Arc<dyn Standing>,
    farewell: OnceLock<WireError>,
    reason: OnceLock<CloseReason>,
}

impl Shared {
    pub(super) fn new(
        config: &ServerConfig,
        outbox: Outbox<Holds>,
        standing: Arc<dyn Standing>,
    ) -> Self {
        let window = config.window;
        let before = config.requests_before_sign_in.clamp(1, window.requests.max(1));
        Self {
            outbox,
            standing,
            requests: Flow::new(window.bytes, config.request_budget.clone()),
            responses: Flow::new(window.bytes, config.response_budget.clone()),
            slots: Arc::new(Semaphore::new(before as usize)),
            window_requests: window.requests.max(1),
            requests_before_sign_in: before,
            raised: AtomicBool::new(false),
            user: AtomicU64::new(NEXT.fetch_add(1, Ordering::Relaxed)),
            signed_in: CancellationToken::new(),
            in_flight: Mutex::default(),
            ended: CancellationToken::new(),
            abort: CancellationToken::new(),
            goodbye: CancellationToken::new(),
            farewell: OnceLock::new(),
            reason: OnceLock::new(),
        }
    }

    pub(super) fn limits(&self) -> FrameLimits {
        match self.is_raised() {
            true => FrameLimits::SIGNED_IN,
            false => FrameLimits::BEFORE_SIGN_IN,
        }
    }

    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    pub(super) fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            let more = self.window_requests - self.requests_before_sign_in;
            self.slots.add_permits(more as usize);
            self.signed_in.cancel();
        }
    }

    /// On whose behalf room is taken.
    pub(super) fn user(&self) -> u64 {
        self.user.load(Ordering::Relaxed)
    }

    pub(super) fn set_user(&self, user: u64) {
        self.user.store(user, Ordering::Relaxed);
    }

    /// Places for requests, free or not.
    pub(super) fn all_slots(&self) -> u32 {
        if self.is_raised() { self.window_requests } else { self.requests_before_sign_in }
    }

    fn in_flight(&self) -> MutexGuard<'_, HashMap<u32, CancellationToken>> {
        // The table is consistent between any two statements of its users.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request; `None` if its id is in use.
    pub(super) fn enter(&self, id: u32) -> Option<CancellationToken> {
        let token = self.ended.child_token();
        match self.in_flight().entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => None,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(token.clone());
                Some(token)
            }
        }
    }

    /// The request has its answer: its id is free again.
    pub(super) fn leave(&self, id: u32) {
        self.in_flight().remove(&id);
    }

    /// The client no longer wants the answer. An id that is not in use was
    /// answered while the wish was on its way.
    pub(super) fn cancel(&self, id: u32) {
        let token = self.in_flight().get(&id).cloned();
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// Requests without an answer.
    pub(super) fn open_requests(&self) -> usize {
        self.in_flight().len()
    }

    /// Ends the connection; the first reason stays. True if this was the first.
    pub(super) fn end(&self, reason: CloseReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.ended.cancel();
        self.slots.close();
        self.requests.window.close();
        self.responses.window.close();
        first
    }

    pub(super) fn reason(&self) -> Option<&CloseReason> {
        self.reason.get()
    }

    /// Says goodbye; the first one stays.
    pub(super) fn say_goodbye(&self, error: WireError) {
        if self.farewell.set(error).is_ok() {
            self.goodbye.cancel();
        }
    }

    pub(super) fn farewell(&self) -> Option<&WireError> {
        self.farewell.get()
    }
}
