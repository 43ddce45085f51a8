//! What a replica shows of itself: metrics, and alarms in the log.
//!
//! Guarantees: figures are taken from the note that the command `status` shows, so the
//! two never differ; an alarm is said once, and its end once.

use crate::note::Note;
use coffer_server::alarms::{Alarm, Alarms, Reading};
use coffer_server::config::Config;
use metrics::{describe_gauge, gauge};
use std::time::Duration;

/// Shows a note whenever it is asked to.
#[derive(Debug)]
pub(crate) struct Figures {
    alarms: Alarms,
}

impl Figures {
    /// With the thresholds of the configuration.
    pub(crate) fn new(config: &Config) -> Self {
        describe();
        Self { alarms: Alarms::new(&config.alarms) }
    }

    /// Shows what is known now.
    pub(crate) fn show(&mut self, note: &mut Note, now_millis: i64) {
        measure(note, now_millis);
        self.alarms.look(&readings(note, now_millis));
        note.alarms = self.alarms.standing();
    }
}

fn describe() {
    describe_gauge!("coffer_source_connected", "1 while the source answers");
    describe_gauge!("coffer_source_position", "Number of the newest entry of the source");
    describe_gauge!("coffer_source_silent_seconds", "Time since the source was heard");
    describe_gauge!("coffer_position", "Number of the newest entry here");
    describe_gauge!("coffer_lag_entries", "Entries that the source has and this machine not");
    describe_gauge!("coffer_lag_seconds", "Age of what is here, compared with the source");
    describe_gauge!("coffer_following", "1 while this machine follows");
    describe_gauge!("coffer_loading", "1 while this machine is filled from a snapshot");
}

fn measure(note: &Note, now_millis: i64) {
    let flag = |is: bool| f64::from(u8::from(is));
    gauge!("coffer_source_connected").set(flag(note.connected));
    gauge!("coffer_source_position").set(note.head as f64);
    gauge!("coffer_source_silent_seconds").set(silent(note, now_millis).as_secs_f64());
    gauge!("coffer_position").set(note.applied as f64);
    gauge!("coffer_lag_entries").set(note.lag_entries() as f64);
    gauge!("coffer_lag_seconds").set(note.lag_seconds());
    gauge!("coffer_following").set(flag(note.connected && note.filling.is_none()));
    gauge!("coffer_loading").set(flag(note.filling.is_some()));
}

/// Time since the source was heard, or since the start.
fn silent(note: &Note, now_millis: i64) -> Duration {
    let since = note.contact_millis.unwrap_or(note.since_millis);
    Duration::from_millis(now_millis.saturating_sub(since).max(0).cast_unsigned())
}

fn readings(note: &Note, now_millis: i64) -> Vec<Reading> {
    let lag = Duration::try_from_secs_f64(note.lag_seconds()).unwrap_or_default();
    let mut readings = vec![Reading::seconds(Alarm::Silent, "source", silent(note, now_millis))];
    // While it is filled the age of what is here says nothing.
    if note.filling.is_none() {
        readings.push(Reading::seconds(Alarm::Lag, "", lag));
    }
    let value = f64::from(u8::from(note.stuck && !note.connected));
    readings.push(Reading { alarm: Alarm::Stuck, machine: String::new(), value });
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_of_a_replica_come_and_go() {
        let mut figures = Figures::new(&Config::default());
        let mut note = Note { since_millis: 1_000, ..Note::default() };
        figures.show(&mut note, 2_000);
        assert!(note.alarms.is_empty());
        // Never heard since the start.
        figures.show(&mut note, 200_000);
        assert_eq!(note.alarms, ["silent source"]);
        note.contact_millis = Some(200_000);
        (note.connected, note.head, note.applied) = (true, 9, 5);
        (note.head_millis, note.applied_millis) = (200_000, 100_000);
        figures.show(&mut note, 200_500);
        assert_eq!(note.alarms, ["lag"]);
        note.applied = 9;
        (note.connected, note.stuck) = (false, true);
        figures.show(&mut note, 201_000);
        assert_eq!(note.alarms, ["stuck"]);
        note.connected = true;
        figures.show(&mut note, 201_500);
        assert!(note.alarms.is_empty());
    }

    #[test]
    fn a_replica_that_begins_is_not_as_old_as_the_clock() {
        let mut figures = Figures::new(&Config::default());
        let mut note = Note { since_millis: 900_000_000, ..Note::default() };
        note.contact_millis = Some(900_000_000);
        (note.connected, note.head, note.head_millis) = (true, 7, 899_000_000);
        figures.show(&mut note, 900_000_500);
        assert!(note.alarms.is_empty(), "{:?}", note.alarms);
        // What is written while it makes no headway counts.
        note.head_millis = 900_100_000;
        figures.show(&mut note, 900_100_000);
        assert_eq!(note.alarms, ["lag"]);
    }
}
