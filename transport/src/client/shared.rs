//! What the calls, the reader task and the writer task of one connection share.
//!
//! Guarantees: an entry leaves the table exactly once, with its answer or with
//! the end of the connection, and only then gives its place in the window back.

use super::error::{CallError, Closed};
use crate::budget::{Budget, Held};
use crate::link::Outbox;
use bytes::Bytes;
use coffer_protocol::message::Window;
use coffer_protocol::{Response, WireError};
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

/// An answer, or why there is none.
pub(super) type Answer = Result<(Response, Bytes), CallError>;

/// A place in the server's window.
pub(super) struct Place {
    _slot: OwnedSemaphorePermit,
    _bytes: Held,
}

/// A request without an answer.
struct Open {
    waiter: oneshot::Sender<Answer>,
    _place: Place,
}

#[derive(Default)]
struct Table {
    open: HashMap<u32, Open>,
    last_id: u32,
    ended: Option<Closed>,
}

/// Shared state of one connection.
pub(super) struct Shared {
    pub(super) outbox: Outbox<()>,
    table: Mutex<Table>,
    slots: Arc<Semaphore>,
    bytes: Budget,
    goaway: OnceLock<WireError>,
    /// Newest journal entry that an answer may show.
    pub(super) as_of: AtomicU64,
    /// Fires when the connection has ended.
    pub(super) ended: CancellationToken,
    /// Fires when this side wants it to end.
    pub(super) stop: CancellationToken,
    /// Stops the writer at once.
    pub(super) abort: CancellationToken,
    /// Fires when nothing is left to do.
    pub(super) finished: CancellationToken,
}

impl Shared {
    pub(super) fn new(window: Window, outbox: Outbox<()>) -> Self {
        Self {
            outbox,
            table: Mutex::default(),
            slots: Arc::new(Semaphore::new(window.requests as usize)),
            bytes: Budget::new(window.bytes as usize),
            goaway: OnceLock::new(),
            as_of: AtomicU64::new(0),
            ended: CancellationToken::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            finished: CancellationToken::new(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is consistent between any two statements of its users.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place for a request with `bytes` of payload.
    pub(super) async fn place(&self, bytes: usize) -> Result<Place, Closed> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let Ok(slot) = slot else { return Err(self.why()) };
        let Some(held) = self.bytes.take(bytes).await else { return Err(self.why()) };
        Ok(Place { _slot: slot, _bytes: held })
    }

    /// Enters a request: its id, and where its answer will arrive.
    pub(super) fn enter(&self, place: Place) -> Result<(u32, oneshot::Receiver<Answer>), Closed> {
        let mut table = self.table();
        if let Some(reason) = &table.ended {
            return Err(reason.clone());
        }
        let id = loop {
            // 0 is the connection itself; after 2^32 requests ids come round again.
            table.last_id = table.last_id.wrapping_add(1);
            if table.last_id != 0 && !table.open.contains_key(&table.last_id) {
                break table.last_id;
            }
        };
        let (waiter, answer) = oneshot::channel();
        table.open.insert(id, Open { waiter, _place: place });
        Ok((id, answer))
    }

    /// Hands an answer over. False if nothing was asked under this id.
    pub(super) fn answer(&self, id: u32, answer: Answer) -> bool {
        let open = self.table().open.remove(&id);
        match open {
            Some(open) => {
                // Nobody waits any more: the call was dropped.
                let _ = open.waiter.send(answer);
                true
            }
            None => false,
        }
    }

    /// The server said goodbye: what is in flight goes on, nothing new begins.
    pub(super) fn going_away(&self, error: WireError) {
        // A second goodbye changes nothing.
        let _ = self.goaway.set(error);
        self.close_window();
    }

    pub(super) fn goaway(&self) -> Option<Closed> {
        self.goaway.get().cloned().map(Closed::Goaway)
    }

    /// Ends the connection; the first reason stays. Wakes every call.
    pub(super) fn end(&self, reason: &Closed) {
        let open = {
            let mut table = self.table();
            if table.ended.is_some() {
                return;
            }
            table.ended = Some(reason.clone());
            std::mem::take(&mut table.open)
        };
        self.close_window();
        for open in open.into_values() {
            // Nobody waits any more: the call was dropped.
            let _ = open.waiter.send(Err(reason.clone().into()));
        }
        self.ended.cancel();
        self.stop.cancel();
    }

    fn close_window(&self) {
        self.slots.close();
        self.bytes.close();
    }

    /// Why the connection ended, or is about to.
    pub(super) fn why(&self) -> Closed {
        self.closed().or_else(|| self.goaway()).unwrap_or(Closed::Local)
    }

    pub(super) fn closed(&self) -> Option<Closed> {
        self.table().ended.clone()
    }

    /// Requests without an answer.
    pub(super) fn open_requests(&self) -> usize {
        self.table().open.len()
    }

    /// Payload bytes of requests without an answer.
    pub(super) fn request_bytes(&self) -> usize {
        self.bytes.in_use()
    }
}
