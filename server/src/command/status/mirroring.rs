//! The part of the status page that is about mirroring.

use crate::feed::Report;
use crate::feed::records::Record;
use crate::output::{self, Page};
use coffer_protocol::message::peer::ReplicaKind;
use serde_json::{Value, json};

/// What is known of the replicas.
pub(super) struct Mirroring {
    /// What the configuration says that a write waits for.
    pub(super) mode: &'static str,
    /// What the running server has noted; `None` while none runs.
    pub(super) report: Option<Report>,
    /// The replicas that there are.
    pub(super) replicas: Vec<Record>,
}

/// The kind, as it is shown.
fn kind(kind: ReplicaKind) -> &'static str {
    match kind {
        ReplicaKind::Keyless => "keyless",
        ReplicaKind::Standby => "standby",
    }
}

impl Mirroring {
    /// Adds its lines.
    pub(super) fn show(&self, page: &mut Page) {
        if self.replicas.is_empty() {
            page.add("mirroring", "none: there is no replica");
            return;
        }
        page.add("mirroring", self.summary());
        if let Some(report) = &self.report {
            if report.degraded_seconds >= 1.0 {
                let time = output::duration(report.degraded_seconds);
                page.add("", format!("degraded for {time} since the start"));
            }
            page.add("unmirrored", unmirrored(report));
        }
        for record in &self.replicas {
            let kind = kind(record.kind);
            page.add("replica", format!("{} {kind} at {}", record.id, record.listen));
            page.add("", self.state(record));
        }
        if let Some(report) = &self.report {
            let alarms = match report.alarms.as_slice() {
                [] => "none".to_owned(),
                some => some.join(", "),
            };
            page.add("alarms", alarms);
        }
    }

    fn summary(&self) -> String {
        let Some(report) = &self.report else { return self.mode.to_owned() };
        let connected = report.replicas.iter().filter(|one| one.connected).count();
        let mut text = format!("{}, {connected} of {} connected", report.mode, self.replicas.len());
        if report.degraded {
            text.push_str("; degraded: writes are on this machine only");
        }
        text
    }

    fn state(&self, record: &Record) -> String {
        let seen = self.report.as_ref().and_then(|report| report.of(record.id));
        let Some(seen) = seen else { return "not known".to_owned() };
        let state = match (seen.connected, seen.silent_seconds) {
            (true, _) => "connected".to_owned(),
            (false, Some(silent)) => format!("away for {}", output::duration(silent)),
            (false, None) => "not seen since the start".to_owned(),
        };
        match seen.lag_entries {
            _ if seen.dropped => format!("{state}; too far behind, to be resynchronised"),
            None => format!("{state}; how far it is, is not known"),
            Some(0) => format!("{state}; has everything"),
            Some(entries) => format!(
                "{state}; behind by {entries} {}, {} of journal and {} of chunks, for {}",
                if entries == 1 { "entry" } else { "entries" },
                output::bytes(seen.lag_journal_bytes),
                output::bytes(seen.lag_chunk_bytes),
                output::duration(seen.lag_seconds)
            ),
        }
    }

    /// Adds its keys to a document.
    pub(super) fn document(&self, document: &mut Value) {
        let report = self.report.as_ref();
        document["mode"] = self.mode.into();
        document["degraded"] = json!(report.map(|report| report.degraded));
        document["degraded_seconds"] = json!(report.map(|report| report.degraded_seconds));
        document["unmirrored_seconds"] = json!(report.map(|report| report.unmirrored_seconds));
        document["alarms"] = json!(report.map(|report| &report.alarms));
        let replicas = self.replicas.iter().map(|record| {
            json!({
                "replica": record.id.to_string(),
                "kind": kind(record.kind),
                "listen": record.listen,
                "joined_millis": record.joined_millis,
                "seen": report.and_then(|report| report.of(record.id)),
            })
        });
        document["replicas"] = replicas.collect();
    }
}

fn unmirrored(report: &Report) -> String {
    match report.unmirrored_seconds {
        0.0 => "nothing".to_owned(),
        seconds => format!("writes of the last {}", output::duration(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::One;
    use coffer_crypto::Key32;
    use coffer_protocol::ReplicaId;

    fn record(byte: u8, kind: ReplicaKind) -> Record {
        Record {
            id: ReplicaId([byte; 16]),
            kind,
            listen: format!("mirror-{byte}:7440"),
            fingerprint: [0; 32],
            secret: Key32::from_bytes([0; 32]),
            joined_millis: 0,
        }
    }

    fn text(mirroring: &Mirroring) -> String {
        let mut page = Page::default();
        mirroring.show(&mut page);
        page.text()
    }

    #[test]
    fn the_page_without_replicas() {
        let alone = Mirroring { mode: "semi-sync", report: None, replicas: Vec::new() };
        assert_eq!(text(&alone), "mirroring  none: there is no replica");
    }

    #[test]
    fn the_page_with_one_replica_in_step_and_one_away() {
        let id = |byte: u8| ReplicaId([byte; 16]).to_string();
        let level = One {
            id: id(1),
            connected: true,
            flushed: Some(9),
            lag_entries: Some(0),
            ..One::default()
        };
        let away = One {
            id: id(2),
            flushed: Some(5),
            lag_entries: Some(4),
            lag_journal_bytes: 2048,
            lag_chunk_bytes: 3 << 20,
            lag_seconds: 200.0,
            silent_seconds: Some(190.0),
            ..One::default()
        };
        let report = Report {
            mode: "semi-sync".to_owned(),
            degraded_seconds: 12.0,
            alarms: vec![format!("lag {}", id(2))],
            replicas: vec![level, away],
            ..Report::default()
        };
        let replicas = vec![record(1, ReplicaKind::Standby), record(2, ReplicaKind::Keyless)];
        let mut mirroring = Mirroring { mode: "semi-sync", report: Some(report), replicas };
        let expected = "\
mirroring   semi-sync, 1 of 2 connected
            degraded for 12 s since the start
unmirrored  nothing
replica     01010101010101010101010101010101 standby at mirror-1:7440
            connected; has everything
replica     02020202020202020202020202020202 keyless at mirror-2:7440
            away for 3 min; behind by 4 entries, 2.0 KiB of journal and 3.0 MiB of chunks, for 3 min
alarms      lag 02020202020202020202020202020202";
        assert_eq!(text(&mirroring), expected);
        let mut document = json!({});
        mirroring.document(&mut document);
        assert_eq!(document["replicas"][1]["seen"]["lag_chunk_bytes"], 3 << 20);
        assert_eq!(
            (&document["degraded"], &document["mode"]),
            (&json!(false), &json!("semi-sync"))
        );
        mirroring.report = None;
        let stopped = text(&mirroring);
        assert!(stopped.starts_with("mirroring  semi-sync\nreplica    0101"), "{stopped}");
        assert!(stopped.contains("not known"));
    }
}
