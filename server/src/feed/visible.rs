//! Which entries of the journal may be given to replicas: those that are durable
//! here.
//!
//! A database can show a commit to others a moment before it has flushed it
//! (InnoDB does). A replica that had it by then would hold an entry that a power
//! cut takes away here. What this process has written is durable once its writer
//! has answered; what a command has committed beside it counts when it has been
//! visible for [`SETTLED`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a commit of another process has to be visible.
const SETTLED: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    granted: u64,
    /// An entry that was seen, and since when.
    seen: Option<(u64, Instant)>,
}

/// What may be given.
#[derive(Default)]
pub(super) struct Visible(Mutex<State>);

impl Visible {
    /// The last entry that may be given, where `own` is the last that the writer of
    /// this process has answered for, and `head` the last that can be seen.
    pub(super) fn look(&self, own: u64, head: u64) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.granted = state.granted.max(own);
        let now = Instant::now();
        if let Some((seq, since)) = state.seen
            && now.saturating_duration_since(since) >= SETTLED
        {
            state.granted = state.granted.max(seq);
            state.seen = None;
        }
        if head > state.granted && state.seen.is_none_or(|(seq, _)| seq <= state.granted) {
            state.seen = Some((head, now));
        }
        state.granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_another_process_commits_is_given_when_it_has_settled() {
        let visible = Visible::default();
        assert_eq!(visible.look(5, 5), 5);
        assert_eq!(visible.look(5, 6), 5, "not answered for, and not settled");
        tokio::time::advance(SETTLED / 2).await;
        assert_eq!(visible.look(5, 8), 5);
        tokio::time::advance(SETTLED / 2).await;
        assert_eq!(visible.look(5, 8), 6, "8 is younger");
        tokio::time::advance(SETTLED).await;
        assert_eq!(visible.look(5, 8), 8);
        // What the own writer answers for is given at once, and what was before it.
        assert_eq!(visible.look(8, 9), 8);
        assert_eq!(visible.look(10, 10), 10);
        tokio::time::advance(SETTLED / 2).await;
        assert_eq!(visible.look(10, 11), 10, "its time begins when it is seen");
        tokio::time::advance(SETTLED / 2).await;
        assert_eq!(visible.look(10, 11), 10);
    }
}
