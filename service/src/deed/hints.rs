//! Hints for sessions that wait.
//!
//! Guarantees: where something is, and whether it is there at all, is looked up
//! with the reader's own keys when a hint is delivered; of what the reader may
//! not see nothing is said, but that it is not shared any more; a request that
//! waits holds nothing that others need, and ends with its session and with the
//! service.

use super::activity::{nameless, size_of_location};
use super::hub::{Hint, Told, Waiter};
use super::sight::{Sight, Sighting};
use super::{Done, sight::State};
use crate::access::Access;
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_protocol::Position;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_WATCH_MILLIS;
use coffer_protocol::message::event::{Deed, Event, Events, Location, Watch};
use coffer_store::NodeRow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most bytes of one answer, roughly; what is left comes with the next.
const ANSWER_BYTES: usize = 256 << 10;

impl Cx {
    /// Passes on what a durable commit has done.
    pub(crate) fn tell(&self, deeds: Vec<Done>, position: Position) {
        let (hub, session) = (&self.core.hub, self.session.id);
        if deeds.is_empty() || !hub.has_others(session) {
            return;
        }
        let (by, at_millis) = (self.user(), self.millis());
        let hint = |done| Arc::new(Hint::of(done, by, at_millis, position));
        let hints = deeds.into_iter().map(hint).collect();
        if hub.add(Told { hints, session }) {
            let core = Arc::clone(&self.core);
            self.core.tasks.spawn(async move { core.pass_on().await });
        }
    }

    /// Waits for hints.
    pub(crate) async fn watch(&self, request: &Watch) -> Outcome<Events> {
        let (waiter, begins) = self.core.hub.wait(&self.session)?;
        let Some(after) = request.after.filter(|_| !begins) else {
            let next = waiter.subscription.next();
            return Ok(Events { events: Vec::new(), next, refresh: request.after.is_some() });
        };
        let wait = Duration::from_millis(request.wait_millis.min(MAX_WATCH_MILLIS).into());
        tokio::select! {
            biased;
            () = self.core.stopping.cancelled() => Err(plain(ErrorCode::SHUTTING_DOWN)),
            () = self.core.fenced.cancelled() => Err(self.core.fenced_error()),
            events = self.next_events(&waiter, after, Instant::now() + wait) => events,
        }
    }

    async fn next_events(&self, waiter: &Waiter, after: u64, deadline: Instant) -> Outcome<Events> {
        let mut after = after;
        loop {
            let mut news = std::pin::pin!(waiter.subscription.news().notified());
            news.as_mut().enable();
            let batch = waiter.subscription.read(after);
            let mut events = Events { events: Vec::new(), next: batch.at, refresh: batch.lost };
            let nodes = self.nodes_found(batch.hints.iter().map(|(_, hint)| hint.node)).await?;
            let (mut sight, mut bytes) = (Sight::new(self), 0);
            for (number, hint) in batch.hints {
                if bytes >= ANSWER_BYTES {
                    break;
                }
                if let Some(event) = sight.event(&hint, nodes.get(&hint.node)).await? {
                    bytes += event.location.as_ref().map_or(0, size_of_location) + 256;
                    events.events.push(event);
                }
                events.next = number + 1;
            }
            if events.refresh || !events.events.is_empty() {
                return Ok(events);
            }
            after = events.next;
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                return Ok(events);
            }
        }
    }
}

impl Sight<'_> {
    /// A hint as its reader sees it; `None`: it is not for the reader (any more).
    async fn event(&mut self, hint: &Hint, node: Option<&NodeRow>) -> Outcome<Option<Event>> {
        let Some(location) = self.place_of(hint, node).await? else { return Ok(None) };
        let deed = match hint.with_group && hint.owner != self.cx().user() {
            true => nameless(hint.deed.clone()),
            false => hint.deed.clone(),
        };
        Ok(Some(Event {
            deed,
            node: hint.node,
            location,
            by: self.user(hint.by).await,
            owner: self.user(hint.owner).await,
            at_millis: hint.at_millis,
            position: hint.position,
        }))
    }

    /// Where the node of a hint is, if the reader may know that something has
    /// happened to it.
    async fn place_of(
        &mut self,
        hint: &Hint,
        node: Option<&NodeRow>,
    ) -> Outcome<Option<Option<Location>>> {
        let sighting = match node {
            Some(row) if row.owner == hint.owner => self.node(row).await?,
            _ => Sighting::Hidden,
        };
        let Sighting::Seen(seen) = sighting else { return self.gone(hint).await };
        if seen.access != Access::Owner && seen.state != State::Live && hint.deed != Deed::Deleted {
            return Ok(None);
        }
        match seen.is_there(&hint.deed) {
            true => Ok(Some(Some(self.location(&seen).await))),
            false => Ok(Some(None)),
        }
    }

    /// A hint about what the reader does not see any more: a share that has
    /// ended, which was of this name, and what has left a directory.
    async fn gone(&mut self, hint: &Hint) -> Outcome<Option<Option<Location>>> {
        let reader = self.cx().user();
        let was_shared = hint.is_of_share() && hint.others.contains(&reader);
        if was_shared && !hint.name.is_empty() {
            let (owner, names) = (Some(self.user(hint.owner).await), vec![hint.name.clone()]);
            return Ok(Some(Some(Location { owner, names })));
        }
        let Some(from) = hint.from else { return Ok(None) };
        match self.by_id(hint.owner, from).await? {
            Sighting::Seen(from) if from.state == State::Live => Ok(Some(None)),
            _ => Ok(None),
        }
    }
}
