//! What a machine that follows has heard of the primary, shared by the one who
//! follows and those who serve.
//!
//! Guarantees: the age is never less than the truth: it counts from the last
//! moment at which the primary had nothing that is not here.

use coffer_protocol::Position;
use coffer_service::Hearing;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

struct State {
    head: Position,
    here: Position,
    /// When `head` was heard.
    heard: Option<Instant>,
    /// When everything was here, and how old it was then.
    level: (Instant, Duration),
    /// Everything was here once, since this process began or before.
    ready: bool,
}

/// What was heard.
pub(crate) struct Heard(Mutex<State>);

impl Heard {
    /// Begins with a store that ends at `here`, of this age. `ready`: it had
    /// everything before this process began.
    pub(crate) fn new(here: Position, age: Duration, ready: bool) -> Self {
        let level = (Instant::now(), age);
        Self(Mutex::new(State { head: here, here, heard: None, level, ready }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements of its users.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source stands here, as it has just said.
    pub(crate) fn head(&self, head: Position) {
        let mut state = self.state();
        state.head = head;
        state.heard = Some(Instant::now());
        state.compare();
    }

    /// This machine stands here.
    pub(crate) fn here(&self, here: Position) {
        let mut state = self.state();
        state.here = here;
        state.compare();
    }

    /// For those who ask.
    pub(crate) fn hearing(&self) -> Hearing {
        let state = self.state();
        let (since, age) = state.level;
        let behind = since.elapsed().saturating_add(age);
        Hearing { head: state.head, behind, ready: state.ready }
    }
}

impl State {
    fn compare(&mut self) {
        if let Some(heard) = self.heard
            && self.here >= self.head
        {
            self.level = (heard, Duration::ZERO);
            self.ready = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: u64) -> Position {
        Position { epoch: 1, seq }
    }

    #[test]
    fn a_machine_is_as_old_as_the_last_time_it_had_everything() {
        let hour = Duration::from_hours(1);
        let heard = Heard::new(at(0), hour, false);
        assert!(heard.hearing().behind >= hour && !heard.hearing().ready);
        heard.head(at(5));
        heard.here(at(4));
        assert!(heard.hearing().behind >= hour && !heard.hearing().ready);
        assert_eq!(heard.hearing().head, at(5));
        heard.here(at(5));
        assert!(heard.hearing().behind < hour && heard.hearing().ready);
        heard.head(at(9));
        assert!(heard.hearing().ready, "it stays so");
    }

    #[test]
    fn what_is_here_is_nothing_new_before_the_source_was_heard() {
        let hour = Duration::from_hours(1);
        let heard = Heard::new(at(3), hour, true);
        heard.here(at(3));
        assert!(heard.hearing().behind >= hour);
    }
}
