//! Which replica holds what, and how long a commit waits for one.
//!
//! Guarantees: a replica counts for a commit only after it has said that the
//! commit is durable there; without replicas nothing waits; in semi-synchronous
//! mode a commit waits for `wait` at most, and while the mirror is known to be
//! behind it does not wait at all. It is waited for again when it has everything,
//! or when it got within half of that time to what had been the newest position:
//! then it keeps up, however much or little one entry brings with it.

use crate::config::{Replication, ReplicationMode};
use coffer_protocol::{Position, ReplicaId};
use coffer_service::{Mirror, Mirroring, NotMirrored};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Machines, this one included, that the modes with a wait ask for.
const WANTED: u8 = 2;
/// In synchronous mode a request that has waited for so long is answered with
/// "uncertain"; the client asks again.
const SYNC_WAIT: Duration = Duration::from_mins(1);
/// A replica that has not been heard for so long since the start has no known place.
const UNKNOWN: Duration = Duration::from_mins(10);

/// Longest wait of the collector for replicas.
const APPLY_WAIT: Duration = Duration::from_secs(2);

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
    degraded: bool,
    /// While nothing is waited for: what was the newest position at some moment.
    /// A replica that gets there soon enough keeps up.
    mark: Option<(u64, Instant)>,
    /// Since when, and how long before that.
    degraded_since: Option<Instant>,
    degraded_before: Duration,
    /// Newest position that a commit asked for.
    newest: u64,
}

impl State {
    /// Whether a replica that has flushed so much can be waited for.
    fn keeps_up(&mut self, flushed: u64, now: Instant, soon: Duration) -> bool {
        if flushed >= self.newest {
            return true;
        }
        match self.mark {
            Some((position, _)) if flushed < position => return false,
            Some((_, set)) if now.saturating_duration_since(set) <= soon => return true,
            _ => {}
        }
        self.mark = Some((self.newest, now));
        false
    }

    /// Writes are waited for again.
    fn recover(&mut self) {
        self.degraded = false;
        let since = self.degraded_since.take();
        self.degraded_before += since.map_or(Duration::ZERO, |since| since.elapsed());
    }
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
            state.recover();
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
        let newest = state.newest;
        let Some(standing) = state.replicas.get_mut(&id) else { return };
        let now = Instant::now();
        standing.received = standing.received.max(received);
        let flushed = standing.flushed.map_or(flushed, |before| before.max(flushed));
        standing.flushed = Some(flushed);
        standing.seen = Some(now);
        if flushed >= newest {
            standing.level = now;
        }
        if state.degraded && state.keeps_up(flushed, now, self.wait / 2) {
            state.recover();
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
        let state = self.state();
        let now = state.degraded_since.map_or(Duration::ZERO, |since| since.elapsed());
        (state.degraded, state.degraded_before + now)
    }

    /// The last journal entry that no replica needs any more, where `head` is the
    /// newest one. One that is more than `most` entries behind is not waited for,
    /// which is said once.
    pub(crate) fn needless(&self, head: u64, most: u64) -> u64 {
        let floor = head.saturating_sub(most);
        let mut state = self.state();
        let mut least = u64::MAX;
        for (id, standing) in &mut state.replicas {
            let needs = standing.loads.or(standing.flushed);
            let known = needs.is_some() || standing.level.elapsed() > UNKNOWN;
            let needs = needs.unwrap_or(0);
            let dropped = known && needs < floor;
            if dropped && !standing.dropped {
                metrics::counter!("coffer_replicas_dropped_total").increment(1);
                tracing::error!(
                    replica = %id,
                    behind = head - needs,
                    "a replica is so far behind that the journal is not kept for it any more: it \
                     will be resynchronised when it comes back; remove it if it will not"
                );
            }
            standing.dropped = dropped;
            least = least.min(needs.max(floor));
        }
        least
    }

    /// Waits a moment for every replica to have applied an entry; those that are too
    /// far behind for the journal are filled anew when they come back, and do not
    /// count.
    pub(crate) async fn all_have(&self, seq: u64) -> bool {
        let mut changed = self.changed.subscribe();
        let has = |standing: &Standing| {
            let at = standing.loads.or(standing.flushed).unwrap_or(0);
            standing.dropped || at >= seq
        };
        let all = async {
            loop {
                changed.mark_unchanged();
                if self.state().replicas.values().all(has) || changed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(APPLY_WAIT, all).await.is_ok()
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

    async fn wait_for(&self, position: Position) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if self.holders(position) >= WANTED || self.state().replicas.is_empty() {
                return;
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Begins to answer without waiting; says so once.
    fn degrade(&self) {
        let mut state = self.state();
        if !state.degraded && !state.replicas.is_empty() {
            state.degraded = true;
            state.mark = None;
            state.degraded_since = Some(Instant::now());
            drop(state);
            metrics::counter!("coffer_mirror_degraded_total").increment(1);
            tracing::error!(
                waited = ?self.wait,
                "no replica confirms what is written: until one has caught up, writes are durable \
                 on this machine only"
            );
        }
    }
}

impl Mirror for Mirrors {
    fn holders(&self, position: Position) -> u8 {
        let state = self.state();
        let holds = |standing: &&Standing| standing.flushed.is_some_and(|at| at >= position.seq);
        let others = state.replicas.values().filter(holds).count();
        u8::try_from(others).unwrap_or(u8::MAX).saturating_add(1)
    }

    fn level(&self) -> u64 {
        let state = self.state();
        let flushed = state.replicas.values().map(|standing| standing.flushed.unwrap_or(0));
        flushed.min().unwrap_or(u64::MAX)
    }

    fn mirrored(&self, position: Position) -> Mirroring<'_> {
        Box::pin(async move {
            let wait = {
                let mut state = self.state();
                state.newest = state.newest.max(position.seq);
                match self.mode {
                    _ if state.replicas.is_empty() => return Ok(1),
                    ReplicationMode::Async => Duration::ZERO,
                    ReplicationMode::SemiSync if state.degraded => Duration::ZERO,
                    ReplicationMode::SemiSync => self.wait,
                    ReplicationMode::Sync => SYNC_WAIT,
                }
            };
            let begun = Instant::now();
            if !wait.is_zero() {
                let waited = tokio::time::timeout(wait, self.wait_for(position)).await;
                metrics::histogram!("coffer_mirror_seconds").record(begun.elapsed().as_secs_f64());
                match (waited, self.mode) {
                    (Err(_), ReplicationMode::Sync) => return Err(NotMirrored),
                    (Err(_), _) => self.degrade(),
                    (Ok(()), _) => {}
                }
            }
            Ok(self.holders(position))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ReplicaId = ReplicaId([1; 16]);
    const TWO: ReplicaId = ReplicaId([2; 16]);

    fn mirrors(mode: ReplicationMode, ids: &[ReplicaId]) -> Mirrors {
        let mirrors = Mirrors::new(&Replication { mode, ..Replication::default() });
        mirrors.registered(ids);
        mirrors
    }

    fn dropped(mirrors: &Mirrors, id: ReplicaId) -> bool {
        mirrors.seen(0).iter().any(|seen| seen.id == id && seen.dropped)
    }

    fn at(seq: u64) -> Position {
        Position { epoch: 1, seq }
    }

    #[tokio::test(start_paused = true)]
    async fn without_replicas_nothing_waits() {
        for mode in [ReplicationMode::Async, ReplicationMode::SemiSync, ReplicationMode::Sync] {
            assert_eq!(mirrors(mode, &[]).mirrored(at(5)).await, Ok(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_waits_for_the_first_replica_that_has_it() {
        let mirrors = mirrors(ReplicationMode::SemiSync, &[ONE, TWO]);
        mirrors.begins(ONE, 4);
        let (machines, ()) = tokio::join!(mirrors.mirrored(at(5)), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            mirrors.progress(ONE, 5, 4);
            tokio::time::sleep(Duration::from_millis(10)).await;
            mirrors.progress(ONE, 5, 5);
        });
        assert_eq!(machines, Ok(2));
        mirrors.begins(TWO, 9);
        assert_eq!(mirrors.holders(at(5)), 3);
        assert_eq!(mirrors.holders(at(6)), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_long_wait_then_none_until_the_replica_is_back() {
        let mirrors = mirrors(ReplicationMode::SemiSync, &[ONE]);
        let begun = tokio::time::Instant::now();
        assert_eq!(mirrors.mirrored(at(500)).await, Ok(1));
        assert_eq!(begun.elapsed().as_millis(), 2000);
        assert!(mirrors.is_degraded());
        assert_eq!(mirrors.mirrored(at(501)).await, Ok(1));
        assert_eq!(begun.elapsed().as_millis(), 2000, "no second wait");
        mirrors.begins(ONE, 200);
        assert!(mirrors.is_degraded(), "still far behind");
        mirrors.progress(ONE, 500, 500);
        assert!(mirrors.is_degraded(), "one entry behind, and it may be a large one");
        mirrors.progress(ONE, 501, 501);
        assert!(!mirrors.is_degraded());
    }

    #[test]
    fn a_replica_keeps_up_if_it_soon_gets_to_what_was_newest() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let soon = Duration::from_secs(1);
        let mut state = State { degraded: true, newest: 10, ..State::default() };
        assert!(!state.keeps_up(5, at(0), soon), "from here on it is watched");
        state.newest = 20;
        assert!(!state.keeps_up(9, at(900), soon), "not yet where the newest was");
        assert!(!state.keeps_up(10, at(1100), soon), "there, but too late");
        state.newest = 30;
        assert!(state.keeps_up(20, at(2000), soon), "there in time, under load");
        assert!(state.keeps_up(30, at(9000), soon), "it has everything");
    }

    #[tokio::test(start_paused = true)]
    async fn other_modes_wait_always_or_never() {
        let never = mirrors(ReplicationMode::Async, &[ONE]);
        let begun = tokio::time::Instant::now();
        assert_eq!(never.mirrored(at(5)).await, Ok(1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let always = mirrors(ReplicationMode::Sync, &[ONE]);
        assert_eq!(always.mirrored(at(5)).await, Err(NotMirrored));
        always.begins(ONE, 5);
        assert_eq!(always.mirrored(at(5)).await, Ok(2));
    }

    #[test]
    fn the_journal_is_kept_for_replicas_up_to_a_cap() {
        let mirrors = mirrors(ReplicationMode::SemiSync, &[]);
        assert_eq!(mirrors.needless(1000, 100), u64::MAX);
        mirrors.registered(&[ONE, TWO]);
        assert_eq!(mirrors.needless(50, 100), 0, "nothing is known of them yet");
        mirrors.begins(ONE, 980);
        mirrors.begins(TWO, 990);
        assert_eq!(mirrors.needless(1000, 100), 980);
        assert_eq!(mirrors.needless(1000, 10), 990);
        assert!(dropped(&mirrors, ONE) && !dropped(&mirrors, TWO));
        // A look at the level changes nothing.
        assert_eq!(mirrors.level(), 980);
        assert!(dropped(&mirrors, ONE));
        // It is filled anew: from there on the journal is kept for it.
        mirrors.loads(ONE, 985);
        assert_eq!(mirrors.needless(1000, 100), 985);
        assert!(!dropped(&mirrors, ONE));
        mirrors.begins(ONE, 995);
        assert_eq!(mirrors.needless(1000, 100), 990);
    }

    #[tokio::test(start_paused = true)]
    async fn the_collector_waits_for_all_replicas_but_not_for_long() {
        let mirrors = mirrors(ReplicationMode::Async, &[]);
        assert!(mirrors.all_have(7).await);
        mirrors.registered(&[ONE, TWO]);
        assert!(!mirrors.all_have(7).await, "nothing is known of them yet");
        mirrors.begins(ONE, 9);
        mirrors.begins(TWO, 6);
        let (all, ()) = tokio::join!(mirrors.all_have(7), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            mirrors.progress(TWO, 7, 7);
        });
        assert!(all);
        assert!(!mirrors.all_have(8).await);
        // Far behind: it will be filled anew, and asks for nothing that is old.
        assert_eq!(mirrors.needless(1000, 992), 8);
        assert!(dropped(&mirrors, TWO) && mirrors.all_have(8).await);
    }

    #[test]
    fn a_removed_replica_loses_its_connection() {
        let mirrors = mirrors(ReplicationMode::SemiSync, &[ONE]);
        assert!(mirrors.connected(TWO).is_none());
        let first = mirrors.connected(ONE).unwrap();
        let second = mirrors.connected(ONE).unwrap();
        assert!(first.is_cancelled() && !second.is_cancelled(), "one connection each");
        mirrors.disconnected(ONE, &first);
        assert!(mirrors.seen(0)[0].connected);
        mirrors.registered(&[]);
        assert!(second.is_cancelled());
        assert!(mirrors.seen(0).is_empty());
    }
}
