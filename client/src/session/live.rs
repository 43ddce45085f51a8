//! A signed-in session on one machine: its connections, and how far that
//! machine has surely come.

use crate::cluster::Machine;
use crate::link::Link;
use crate::signin::SignedIn;
use coffer_protocol::Position;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections of one signed-in session.
pub(crate) struct Live {
    pub(crate) machine: Machine,
    pub(super) links: Vec<Arc<dyn Link>>,
    next: AtomicUsize,
    pub(super) signed_in: SignedIn,
    /// What the machine has said that it has.
    reached: Mutex<Position>,
}

impl Live {
    pub(crate) fn new(machine: Machine, link: Arc<dyn Link>, signed_in: SignedIn) -> Self {
        let reached = Mutex::new(signed_in.done.position);
        Self { machine, links: vec![link], next: AtomicUsize::new(0), signed_in, reached }
    }

    /// The same session with room for more connections.
    pub(super) fn copy(&self) -> Self {
        let mut copy =
            Self::new(self.machine.clone(), Arc::clone(self.first()), self.signed_in.clone());
        copy.links.clone_from(&self.links);
        copy
    }

    /// The connection that signed in.
    pub(crate) fn first(&self) -> &Arc<dyn Link> {
        &self.links[0]
    }

    pub(super) fn is_open(&self) -> bool {
        self.links.iter().all(|link| link.is_open())
    }

    pub(super) fn pick(&self) -> &Arc<dyn Link> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.links[next % self.links.len()]
    }

    /// The machine has everything up to here.
    pub(super) fn has_reached(&self, position: Position) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        *reached = (*reached).max(position);
    }

    /// A position that the machine has reached, by what it has said so far.
    pub(super) fn reached(&self) -> Position {
        let said = *self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        self.links.iter().filter_map(|link| shown(link.as_ref())).fold(said, Position::max)
    }
}

/// The newest position that answers on this connection may show.
pub(super) fn shown(link: &dyn Link) -> Option<Position> {
    let (epoch, seq) = (link.welcome().epoch, link.as_of());
    (seq > 0).then_some(Position { epoch, seq })
}
