//! Which replica holds what, and what follows from it: how long a commit waits for one
//! (`wait`, `pace`), and what has to be kept for them (`needs`).
//!
//! Guarantees: what is known of a replica is what it has said itself since this server
//! started; a replica has one connection at a time.

mod needs;
mod pace;
mod wait;

#[cfg(test)]
mod tests;

use crate::config::{Replication, ReplicationMode};
use coffer_protocol::ReplicaId;
use pace::Pace;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What is known of one replica.
struct Standing {
    received: u64,
    /// `None` until it has said so since this server started.
    flushed: Option<u64>,
    /// Where the snapshot stands that it is filled with.
    loads: Option<u64>,
    /// It is so far behind that the journal is not kept for it.
    dropped: bool,
    /// Ends the connection that it has.
    connection: Option<CancellationToken>,
    seen: Option<Instant>,
    /// When it last had everything.
    level: Instant,
}

/// The same for others to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) id: ReplicaId,
    pub(crate) connected: bool,
    pub(crate) received: u64,
    pub(crate) flushed: Option<u64>,
    /// Time since it was heard.
    pub(crate) silent: Option<Duration>,
    /// Time since it had everything; zero while it has.
    pub(crate) behind: Duration,
    /// It is too far behind for the journal: it will be resynchronised.
    pub(crate) dropped: bool,
}

#[derive(Default)]
struct State {
    replicas: HashMap<ReplicaId, Standing>,
    pace: Pace,
}

/// The table of replicas.
pub(crate) struct Mirrors {
    mode: ReplicationMode,
    wait: Duration,
    state: Mutex<State>,
    /// Changes whenever a waiting commit should look again.
    changed: watch::Sender<()>,
}

impl Mirrors {
    pub(crate) fn new(config: &Replication) -> Self {
        Self {
            mode: config.mode,
            wait: Duration::from_millis(config.wait_millis),
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements of its users.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over which replicas there are; connections of others end.
    pub(crate) fn registered(&self, ids: &[ReplicaId]) {
        let mut state = self.state();
        state.replicas.retain(|id, standing| {
            let stays = ids.contains(id);
            if let (false, Some(connection)) = (stays, &standing.connection) {
                connection.cancel();
            }
            stays
        });
        for id in ids {
            state.replicas.entry(*id).or_insert_with(|| Standing {
                received: 0,
                flushed: None,
                loads: None,
                dropped: false,
                connection: None,
                seen: None,
                level: Instant::now(),
            });
        }
        if state.replicas.is_empty() {
            state.pace.recover();
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// A replica has proved itself; a connection that it had before ends. Returns
    /// what ends this one; `None` if it was removed meanwhile.
    pub(crate) fn connected(&self, id: ReplicaId) -> Option<CancellationToken> {
        let connection = CancellationToken::new();
        let mut state = self.state();
        let standing = state.replicas.get_mut(&id)?;
        if let Some(before) = standing.connection.replace(connection.clone()) {
            before.cancel();
        }
        standing.seen = Some(Instant::now());
        Some(connection)
    }

    /// The connection with this end is over.
    pub(crate) fn disconnected(&self, id: ReplicaId, ended: &CancellationToken) {
        // Only the newest connection is still here uncancelled.
        if !ended.is_cancelled()
            && let Some(standing) = self.state().replicas.get_mut(&id)
        {
            standing.connection = None;
        }
    }

    /// Where a replica stands when it begins to follow.
    pub(crate) fn begins(&self, id: ReplicaId, position: u64) {
        if let Some(standing) = self.state().replicas.get_mut(&id) {
            standing.received = position;
            standing.flushed = Some(position);
            standing.loads = None;
        }
        self.progress(id, position, position);
    }

    /// A replica is filled with a snapshot of this moment, and will need what
    /// follows.
    pub(crate) fn loads(&self, id: ReplicaId, position: u64) {
        if let Some(standing) = self.state().replicas.get_mut(&id) {
            standing.loads = Some(position);
            standing.seen = Some(Instant::now());
        }
    }

    /// A replica is this far.
    pub(crate) fn progress(&self, id: ReplicaId, received: u64, flushed: u64) {
        let mut state = self.state();
        let newest = state.pace.newest;
        let Some(standing) = state.replicas.get_mut(&id) else { return };
        let now = Instant::now();
        standing.received = standing.received.max(received);
        let flushed = standing.flushed.map_or(flushed, |before| before.max(flushed));
        standing.flushed = Some(flushed);
        standing.seen = Some(now);
        if flushed >= newest {
            standing.level = now;
        }
        if state.pace.degraded && state.pace.keeps_up(flushed, now, self.wait / 2) {
            state.pace.recover();
            tracing::info!(replica = %id, flushed, "writes are mirrored again");
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// A replica was heard.
    pub(crate) fn heard(&self, id: ReplicaId) {
        if let Some(standing) = self.state().replicas.get_mut(&id) {
            standing.seen = Some(Instant::now());
        }
    }

    /// Whether commits are answered without waiting because no replica keeps up.
    #[cfg(test)]
    fn is_degraded(&self) -> bool {
        self.degraded().0
    }

    /// The same, and for how long that was so in all.
    pub(crate) fn degraded(&self) -> (bool, Duration) {
        self.state().pace.degraded()
    }

    /// All replicas, where `head` is the newest entry.
    pub(crate) fn seen(&self, head: u64) -> Vec<Seen> {
        let now = Instant::now();
        let mut state = self.state();
        let show = |(id, standing): (&ReplicaId, &mut Standing)| {
            if standing.flushed.is_some_and(|flushed| flushed >= head) {
                standing.level = now;
            }
            Seen {
                id: *id,
                connected: standing.connection.is_some(),
                received: standing.received,
                flushed: standing.flushed,
                silent: standing.seen.map(|seen| now.saturating_duration_since(seen)),
                behind: now.saturating_duration_since(standing.level),
                dropped: standing.dropped,
            }
        };
        state.replicas.iter_mut().map(show).collect()
    }
}
