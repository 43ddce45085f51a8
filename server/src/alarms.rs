//! Alarms about mirroring: said once in the log when a threshold is crossed, and once
//! when it is over.
//!
//! Guarantees: an alarm that stands is not said again; it is over only when the value
//! has come down to half of the threshold, so that one that moves around the threshold
//! does not fill the log. A threshold of 0 never raises an alarm.

use crate::config;
use metrics::gauge;
use std::collections::HashSet;
use std::time::Duration;

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// A replica has not had everything for long.
    Lag,
    /// Nothing was heard of a machine for long.
    Silent,
    /// A write waits for long to be on a second machine.
    Unmirrored,
    /// A replica is almost so far behind that what it needs is given up.
    RetentionNear,
    /// This machine cannot follow by itself any more.
    Stuck,
}

impl Alarm {
    /// The name in metrics and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lag => "lag",
            Self::Silent => "silent",
            Self::Unmirrored => "unmirrored",
            Self::RetentionNear => "retention-near",
            Self::Stuck => "stuck",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Lag => "a machine is far behind",
            Self::Silent => "nothing is heard of a machine",
            Self::Unmirrored => "writes are not getting to a second machine",
            Self::RetentionNear => {
                "a replica is so far behind that the journal will soon be given up that it needs"
            }
            Self::Stuck => "this replica cannot follow by itself any more",
        }
    }
}

/// A value that an alarm looks at.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it is about.
    pub alarm: Alarm,
    /// Which machine; empty where there is only one.
    pub machine: String,
    /// The value: seconds, or percent.
    pub value: f64,
}

impl Reading {
    /// A reading of a time.
    pub fn seconds(alarm: Alarm, machine: &str, value: Duration) -> Self {
        Self { alarm, machine: machine.to_owned(), value: value.as_secs_f64() }
    }
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// An alarm.
    Raised(Alarm, String),
    /// The end of one.
    Over(Alarm, String),
}

/// The alarms that stand.
#[derive(Debug)]
pub struct Alarms {
    thresholds: config::Alarms,
    standing: HashSet<(Alarm, String)>,
}

impl Alarms {
    /// Nothing stands yet.
    pub fn new(thresholds: &config::Alarms) -> Self {
        Self { thresholds: thresholds.clone(), standing: HashSet::new() }
    }

    fn threshold(&self, alarm: Alarm) -> f64 {
        match alarm {
            Alarm::Lag => self.thresholds.lag_seconds as f64,
            Alarm::Silent => self.thresholds.silent_seconds as f64,
            Alarm::Unmirrored => self.thresholds.unmirrored_seconds as f64,
            Alarm::RetentionNear => f64::from(self.thresholds.retain_percent),
            Alarm::Stuck => 1.0,
        }
    }

    /// Looks at all readings of this moment. An alarm about a machine of which there is
    /// no reading any more is over.
    pub fn look(&mut self, readings: &[Reading]) -> Vec<Said> {
        let mut said = Vec::new();
        for reading in readings {
            let Reading { alarm, machine, value } = reading;
            let threshold = self.threshold(*alarm);
            let key = (*alarm, machine.clone());
            let stands = self.standing.contains(&key);
            if !stands && threshold > 0.0 && *value >= threshold {
                let name = alarm.name();
                tracing::error!(alarm = name, machine, value, threshold, "{}", alarm.text());
                self.standing.insert(key);
                said.push(Said::Raised(*alarm, machine.clone()));
            } else if stands && *value <= threshold / 2.0 {
                tracing::info!(alarm = alarm.name(), machine, value, "the alarm is over");
                self.standing.remove(&key);
                said.push(Said::Over(*alarm, machine.clone()));
            }
        }
        self.standing.retain(|(alarm, machine)| {
            let stays = readings.iter().any(|one| one.alarm == *alarm && one.machine == *machine);
            if !stays {
                tracing::info!(alarm = alarm.name(), machine, "the alarm is over");
                said.push(Said::Over(*alarm, machine.clone()));
            }
            stays
        });
        self.count();
        said
    }

    fn count(&self) {
        for alarm in
            [Alarm::Lag, Alarm::Silent, Alarm::Unmirrored, Alarm::RetentionNear, Alarm::Stuck]
        {
            let stand = self.standing.iter().filter(|(one, _)| *one == alarm).count();
            gauge!("coffer_alarms", "alarm" => alarm.name()).set(stand as f64);
        }
    }

    /// The alarms that stand, by name and machine.
    pub fn standing(&self) -> Vec<String> {
        let name = |(alarm, machine): &(Alarm, String)| match machine.as_str() {
            "" => alarm.name().to_owned(),
            machine => format!("{} {machine}", alarm.name()),
        };
        let mut names: Vec<_> = self.standing.iter().map(name).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag(machine: &str, seconds: u64) -> Reading {
        Reading::seconds(Alarm::Lag, machine, Duration::from_secs(seconds))
    }

    fn alarms() -> Alarms {
        Alarms::new(&config::Alarms { lag_seconds: 60, ..config::Alarms::default() })
    }

    #[test]
    fn an_alarm_is_said_once_and_its_end_once() {
        let mut alarms = alarms();
        assert!(alarms.look(&[lag("a", 59)]).is_empty());
        let raised = vec![Said::Raised(Alarm::Lag, "a".to_owned())];
        assert_eq!(alarms.look(&[lag("a", 60), lag("b", 3)]), raised);
        assert_eq!(alarms.standing(), ["lag a"]);
        for seconds in [61, 59, 60, 45, 70, 31] {
            assert!(alarms.look(&[lag("a", seconds)]).is_empty(), "{seconds}");
        }
        assert_eq!(alarms.look(&[lag("a", 30)]), [Said::Over(Alarm::Lag, "a".to_owned())]);
        assert!(alarms.standing().is_empty());
        assert_eq!(alarms.look(&[lag("a", 60)]), raised);
    }

    #[test]
    fn a_machine_that_is_removed_has_no_alarm() {
        let mut alarms = alarms();
        alarms.look(&[lag("a", 100)]);
        assert_eq!(alarms.look(&[]), [Said::Over(Alarm::Lag, "a".to_owned())]);
    }

    #[test]
    fn a_threshold_of_nothing_is_no_alarm() {
        let none = config::Alarms { lag_seconds: 0, ..config::Alarms::default() };
        assert!(Alarms::new(&none).look(&[lag("a", u64::MAX)]).is_empty());
    }
}
