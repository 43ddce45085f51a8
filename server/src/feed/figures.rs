//! What is shown of mirroring, once a second: in metrics, in the note for commands, and
//! as alarms.

use super::mirror::Seen;
use super::{Feed, Inner, Report};
use crate::alarms::{Alarm, Alarms, Reading};
use coffer_protocol::Position;
use coffer_store::{Backlog, Clock, SystemClock};
use metrics::{counter, gauge};
use std::time::Duration;

/// What is known of one replica.
pub(crate) struct Figure {
    pub(crate) seen: Seen,
    /// Entries that are not durable there.
    pub(crate) lag_entries: u64,
    /// How much that is.
    pub(crate) backlog: Backlog,
    /// Age of the oldest of them.
    pub(crate) oldest: Duration,
}

/// Everything that is known.
pub(crate) struct Figures {
    pub(crate) millis: i64,
    pub(crate) head: Position,
    pub(crate) mode: &'static str,
    pub(crate) degraded: bool,
    /// Time spent without waiting for a replica, since the start.
    pub(crate) degraded_for: Duration,
    /// Age of the oldest write that no other machine has; zero if there is none.
    pub(crate) unmirrored: Duration,
    /// Things that are damaged or missing here.
    pub(crate) unhealed: u64,
    pub(crate) replicas: Vec<Figure>,
}

/// Age of what was committed then; clocks may disagree.
fn age(now_millis: i64, since_millis: Option<i64>) -> Duration {
    let age = since_millis.map_or(0, |since| now_millis.saturating_sub(since).max(0));
    Duration::from_millis(age.cast_unsigned())
}

impl Feed {
    /// Gathers everything; `None` if the database does not answer.
    async fn figures(&self) -> Option<Figures> {
        let Inner { store, mirrors, installation, .. } = &*self.0;
        let head = store.position().await.ok()?;
        let millis = SystemClock.now_millis();
        let mut replicas = Vec::new();
        for seen in mirrors.seen(head.seq) {
            // Those that follow another machine are for that one to show.
            if self.follows() && seen.silent.is_none() {
                continue;
            }
            let flushed = seen.flushed.unwrap_or(0);
            let lag_entries = head.seq.saturating_sub(flushed);
            let backlog = match lag_entries {
                0 => Backlog::default(),
                _ => store.backlog(flushed).await.ok()?,
            };
            let oldest = age(millis, backlog.since_millis);
            replicas.push(Figure { seen, lag_entries, backlog, oldest });
        }
        let (degraded, degraded_for) = mirrors.degraded();
        // What the one that is farthest does not have, nobody has.
        let unmirrored = replicas.iter().map(|one| one.oldest).min();
        // What a machine that follows has, its source has as well.
        let unmirrored = unmirrored.filter(|_| !self.follows()).unwrap_or_default();
        let mode = installation.config.replication.mode.name();
        let unhealed = store.unhealed().total() as u64;
        Some(Figures { millis, head, mode, degraded, degraded_for, unmirrored, unhealed, replicas })
    }

    /// Shows everything.
    pub(super) async fn show(&self, alarms: &mut Alarms) {
        let Some(figures) = self.figures().await else { return };
        let installation = &self.0.installation;
        figures.measure();
        let most = installation.config.replication.retain_entries;
        alarms.look(&figures.readings(most));
        if !figures.replicas.is_empty() {
            Report::new(&figures, alarms.standing()).write(&installation.data);
        }
    }
}

impl Figures {
    fn measure(&self) {
        gauge!("coffer_mirror_degraded").set(f64::from(u8::from(self.degraded)));
        counter!("coffer_mirror_degraded_seconds_total").absolute(self.degraded_for.as_secs());
        gauge!("coffer_mirror_mode", "mode" => self.mode).set(1.0);
        gauge!("coffer_oldest_unmirrored_seconds").set(self.unmirrored.as_secs_f64());
        gauge!("coffer_replicas").set(self.replicas.len() as f64);
        for Figure { seen, lag_entries, backlog, oldest } in &self.replicas {
            let id = seen.id.to_string();
            let set = |name: &'static str, value: f64| {
                gauge!(name, "replica" => id.clone()).set(value);
            };
            set("coffer_replica_connected", f64::from(u8::from(seen.connected)));
            set("coffer_replica_lag_entries", *lag_entries as f64);
            set("coffer_replica_lag_seconds", seen.behind.as_secs_f64());
            set("coffer_replica_lag_journal_bytes", backlog.journal_bytes as f64);
            set("coffer_replica_lag_chunk_bytes", backlog.chunk_bytes as f64);
            set("coffer_replica_oldest_missing_seconds", oldest.as_secs_f64());
            set("coffer_replica_too_far_behind", f64::from(u8::from(seen.dropped)));
        }
    }

    /// What the alarms look at, where `most` entries are kept for a replica.
    fn readings(&self, most: u64) -> Vec<Reading> {
        let mut readings = Vec::new();
        for Figure { seen, lag_entries, .. } in &self.replicas {
            let id = seen.id.to_string();
            readings.push(Reading::seconds(Alarm::Lag, &id, seen.behind));
            let silent = seen.silent.unwrap_or(seen.behind);
            readings.push(Reading::seconds(Alarm::Silent, &id, silent));
            let value = *lag_entries as f64 * 100.0 / most.max(1) as f64;
            readings.push(Reading { alarm: Alarm::RetentionNear, machine: id, value });
        }
        if !self.replicas.is_empty() {
            readings.push(Reading::seconds(Alarm::Unmirrored, "", self.unmirrored));
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use coffer_protocol::ReplicaId;

    fn figures(behind: u64, lag_entries: u64) -> Figures {
        let seen = Seen {
            id: ReplicaId([7; 16]),
            connected: true,
            received: 0,
            flushed: Some(0),
            silent: Some(Duration::ZERO),
            behind: Duration::from_secs(behind),
            dropped: false,
        };
        let oldest = Duration::from_secs(behind);
        let replicas = vec![Figure { seen, lag_entries, backlog: Backlog::default(), oldest }];
        Figures {
            millis: 0,
            head: Position { epoch: 1, seq: 9 },
            mode: "semi-sync",
            degraded: false,
            degraded_for: Duration::ZERO,
            unmirrored: oldest,
            unhealed: 0,
            replicas,
        }
    }

    #[test]
    fn a_replica_far_behind_raises_what_it_should() {
        let mut alarms = Alarms::new(&config::Alarms::default());
        assert!(alarms.look(&figures(59, 79).readings(100)).is_empty());
        alarms.look(&figures(60, 80).readings(100));
        let id = "07".repeat(16);
        let expected = [format!("lag {id}"), format!("retention-near {id}"), "unmirrored".into()];
        assert_eq!(alarms.standing(), expected);
        alarms.look(&figures(0, 0).readings(100));
        assert!(alarms.standing().is_empty());
    }

    #[test]
    fn clocks_that_disagree_make_no_age() {
        assert_eq!(age(5, Some(9)), Duration::ZERO);
        assert_eq!(age(2_500, Some(500)), Duration::from_secs(2));
        assert_eq!(age(5, None), Duration::ZERO);
    }
}
