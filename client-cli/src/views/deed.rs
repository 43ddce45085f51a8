//! What somebody did, as a sentence and in JSON.

use crate::format;
use crate::views::share::mode;
use coffer_client::protocol::message::event::{ActivityRecord, Deed, Event, Location};
use coffer_client::{RemotePath, SharedPath};
use serde::Serialize;

/// The path of something, as the one who asks would type it.
pub(crate) fn path(location: &Location) -> String {
    let names = location.names.clone();
    let Some(owner) = location.owner.clone() else { return RemotePath::Own(names).to_string() };
    match names.split_first() {
        None => RemotePath::Owner(owner).to_string(),
        Some((name, rest)) => {
            let (name, rest) = (name.clone(), rest.to_vec());
            RemotePath::Shared(SharedPath { owner, name, rest }).to_string()
        }
    }
}

/// Who did what, in words.
pub(crate) fn sentence(by: &str, deed: &Deed, what: &str) -> String {
    let by = if by.is_empty() { "somebody whose account is gone" } else { by };
    match deed {
        Deed::Created => format!("{by} created {what}"),
        Deed::Written => format!("{by} wrote {what}"),
        Deed::Renamed(before) => format!("{by} renamed {before} to {what}"),
        Deed::Moved(before) => format!("{by} moved {before} to {what}"),
        Deed::Deleted => format!("{by} deleted {what}"),
        Deed::Restored => format!("{by} restored {what}"),
        Deed::VersionRestored(revision) => format!("{by} restored version {revision} of {what}"),
        Deed::Shared(share) => {
            let until = share.expires_millis.map(|end| format!(", until {}", format::time(end)));
            let until = until.unwrap_or_default();
            format!("{by} shared {what} with {} ({}{until})", other(&share.with), mode(share.mode))
        }
        Deed::Unshared(with) => format!("{by} took {what} back from {}", other(with)),
        Deed::Left => format!("{by} left {what}"),
        Deed::Downloaded => format!("{by} downloaded {what}"),
        Deed::SignedIn(from) => format!("{by} signed in from {from}"),
    }
}

/// The other side of a share. Names of groups are known to their owners alone.
fn other(with: &str) -> &str {
    if with.is_empty() { "a group" } else { with }
}

/// A line of `watch`.
pub(crate) fn event_line(event: &Event) -> String {
    let what = match &event.location {
        Some(location) => path(location),
        None => format!("something of {} that cannot be seen any more", event.owner),
    };
    format!("{}  {}", format::time(event.at_millis), sentence(&event.by, &event.deed, &what))
}

/// A line of `activity`.
pub(crate) fn activity_line(record: &ActivityRecord) -> String {
    let place = record.location.as_ref().map(path);
    let what = match (record.count, place) {
        (0, Some(path)) => path,
        (0, None) => match named(record) {
            Some(name) => format!("{name} (gone)"),
            None => "something that is gone".to_owned(),
        },
        (count, place) => {
            let place = place.unwrap_or_else(|| "a directory that is gone".to_owned());
            let things = format::count(count.into(), "thing", "things");
            let names = named(record).map(|names| format!(" ({names})")).unwrap_or_default();
            format!("{things} in {place}{names}")
        }
    };
    format!("{}  {}", format::time(record.at_millis), sentence(&record.by, &record.deed, &what))
}

/// The names a record has kept.
fn named(record: &ActivityRecord) -> Option<String> {
    if record.names.is_empty() {
        return None;
    }
    let more = if record.count as usize > record.names.len() { ", ..." } else { "" };
    Some(format!("{}{more}", record.names.join(", ")))
}

/// A deed in JSON, with what belongs to it.
#[derive(Debug, Default, Serialize)]
struct DeedView<'a> {
    deed: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_millis: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}

impl<'a> DeedView<'a> {
    fn new(deed: &'a Deed) -> Self {
        let plain = |deed| Self { deed, ..Self::default() };
        let known = |with: &'a String| Some(with.as_str()).filter(|with| !with.is_empty());
        match deed {
            Deed::Created => plain("created"),
            Deed::Written => plain("written"),
            Deed::Renamed(before) => Self { before: Some(before), ..plain("renamed") },
            Deed::Moved(before) => Self { before: Some(before), ..plain("moved") },
            Deed::Deleted => plain("deleted"),
            Deed::Restored => plain("restored"),
            Deed::VersionRestored(version) => {
                Self { version: Some(*version), ..plain("version-restored") }
            }
            Deed::Shared(share) => Self {
                with: known(&share.with),
                mode: Some(mode(share.mode)),
                until_millis: share.expires_millis,
                ..plain("shared")
            },
            Deed::Unshared(with) => Self { with: known(with), ..plain("unshared") },
            Deed::Left => plain("left"),
            Deed::Downloaded => plain("downloaded"),
            Deed::SignedIn(address) => Self { address: Some(address), ..plain("signed-in") },
        }
    }
}

/// An event in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct EventView<'a> {
    at: Option<String>,
    at_millis: i64,
    by: &'a str,
    owner: &'a str,
    #[serde(flatten)]
    deed: DeedView<'a>,
    path: Option<String>,
    node: String,
    position: String,
}

impl<'a> EventView<'a> {
    pub(crate) fn new(event: &'a Event) -> Self {
        Self {
            at: format::timestamp(event.at_millis),
            at_millis: event.at_millis,
            by: &event.by,
            owner: &event.owner,
            deed: DeedView::new(&event.deed),
            path: event.location.as_ref().map(path),
            node: event.node.to_string(),
            position: event.position.to_string(),
        }
    }
}

/// A record of activity in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct ActivityView<'a> {
    at: Option<String>,
    at_millis: i64,
    by: &'a str,
    #[serde(flatten)]
    deed: DeedView<'a>,
    path: Option<String>,
    node: String,
    count: u32,
    names: &'a [String],
}

impl<'a> ActivityView<'a> {
    pub(crate) fn new(record: &'a ActivityRecord) -> Self {
        Self {
            at: format::timestamp(record.at_millis),
            at_millis: record.at_millis,
            by: &record.by,
            deed: DeedView::new(&record.deed),
            path: record.location.as_ref().map(path),
            node: record.node.to_string(),
            count: record.count,
            names: &record.names,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::message::event::SharedWith;
    use coffer_client::protocol::message::share::Mode;
    use coffer_client::protocol::{NodeId, Position};

    fn location(owner: Option<&str>, names: &[&str]) -> Location {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Location { owner: owner.map(str::to_owned), names }
    }

    fn event(deed: Deed, location: Option<Location>) -> Event {
        Event {
            deed,
            node: NodeId([1; 16]),
            location,
            by: "anna".to_owned(),
            owner: "ben".to_owned(),
            at_millis: 0,
            position: Position::default(),
        }
    }

    #[test]
    fn paths_are_those_that_can_be_typed() {
        assert_eq!(path(&location(None, &["a", "b.txt"])), "/a/b.txt");
        assert_eq!(path(&location(None, &[])), "/");
        assert_eq!(path(&location(Some("anna"), &["docs", "x"])), "@anna/docs/x");
    }

    #[test]
    fn deeds_are_told_in_words() {
        let with = SharedWith { with: "ben".into(), mode: Mode::Read, expires_millis: None };
        for (deed, words) in [
            (Deed::Downloaded, "anna downloaded /a/b.txt"),
            (Deed::Renamed("c".to_owned()), "anna renamed c to /a/b.txt"),
            (Deed::VersionRestored(3), "anna restored version 3 of /a/b.txt"),
            (Deed::Shared(with), "anna shared /a/b.txt with ben (read)"),
            (Deed::Unshared("ben".to_owned()), "anna took /a/b.txt back from ben"),
            (Deed::Unshared(String::new()), "anna took /a/b.txt back from a group"),
            (Deed::SignedIn("192.0.2.1".to_owned()), "anna signed in from 192.0.2.1"),
        ] {
            assert_eq!(sentence("anna", &deed, "/a/b.txt"), words);
        }
        assert!(sentence("", &Deed::Left, "/a").starts_with("somebody whose account is gone"));
        let gone = event_line(&event(Deed::Deleted, None));
        assert!(gone.ends_with("anna deleted something of ben that cannot be seen any more"));
    }

    #[test]
    fn many_things_in_a_directory_are_one_line() {
        let mut record = ActivityRecord {
            at_millis: 0,
            by: "anna".to_owned(),
            deed: Deed::Created,
            node: NodeId([1; 16]),
            location: Some(location(None, &["a"])),
            count: 3,
            names: vec!["x".to_owned(), "y".to_owned()],
        };
        let line = activity_line(&record);
        assert!(line.ends_with("anna created 3 things in /a (x, y, ...)"), "{line}");
        (record.count, record.location) = (0, None);
        assert!(activity_line(&record).ends_with("anna created x, y (gone)"));
        record.names.clear();
        assert!(activity_line(&record).ends_with("anna created something that is gone"));
    }

    #[test]
    fn the_json_form_has_what_belongs_to_the_deed() {
        let event = event(Deed::Moved("old".to_owned()), Some(location(Some("ben"), &["d"])));
        let json = serde_json::to_value(EventView::new(&event)).expect("JSON");
        assert_eq!((&json["deed"], &json["before"]), (&"moved".into(), &"old".into()));
        assert_eq!(json["path"], "@ben/d");
        assert!(json.get("version").is_none());
    }
}
