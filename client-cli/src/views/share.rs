//! Shares, groups and contacts: the JSON forms, tables and sentences.

use crate::format;
use crate::views::kind;
use coffer_client::path_of_share;
use coffer_client::protocol::message::share::{
    ContactInfo, GroupInfo, Mode, Recipient, ShareEntry, Trust,
};
use coffer_client::protocol::message::tree::Kind;
use serde::Serialize;

/// Who gives and who takes, as the user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The user shares it.
    ByMe,
    /// It is shared with the user.
    WithMe,
}

/// The word for a mode.
pub(crate) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Read => "read",
        Mode::Write => "write",
    }
}

/// A recipient as a person names it.
pub(crate) fn recipient(with: &Recipient) -> String {
    match with {
        Recipient::User(name) => name.clone(),
        Recipient::Group(name) => format!("{name} (group)"),
    }
}

/// The path under which the user finds what is shared.
pub(crate) fn share_path(share: &ShareEntry, side: Side) -> String {
    match side {
        Side::ByMe => format!("/{}", share.names.join("/")),
        Side::WithMe => match path_of_share(share) {
            Some(path) => path.to_string(),
            // It does not open before the owner's key is confirmed.
            None => format!("@{}/?", share.owner),
        },
    }
}

/// The path with a slash behind a directory.
pub(crate) fn marked_path(share: &ShareEntry, side: Side) -> String {
    marked(share.kind, share_path(share, side))
}

fn marked(kind: Kind, mut path: String) -> String {
    if kind == Kind::Directory && !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// A share in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct ShareView<'a> {
    direction: &'static str,
    name: Option<&'a str>,
    path: String,
    kind: &'static str,
    owner: &'a str,
    /// The user or group.
    with: &'a str,
    group: bool,
    mode: &'static str,
    since: Option<String>,
    since_millis: i64,
    until: Option<String>,
    until_millis: Option<i64>,
    key_changed: bool,
    share: String,
    node: String,
}

impl<'a> ShareView<'a> {
    pub(crate) fn new(share: &'a ShareEntry, side: Side) -> Self {
        let (with, group) = match &share.with {
            Recipient::User(name) => (name, false),
            Recipient::Group(name) => (name, true),
        };
        Self {
            direction: if side == Side::ByMe { "by-me" } else { "with-me" },
            name: share.names.last().map(String::as_str),
            path: share_path(share, side),
            kind: kind(share.kind),
            owner: &share.owner,
            with,
            group,
            mode: mode(share.mode),
            since: format::timestamp(share.created_millis),
            since_millis: share.created_millis,
            until: share.expires_millis.and_then(format::timestamp),
            until_millis: share.expires_millis,
            key_changed: share.key_changed,
            share: share.share.to_string(),
            node: share.node.to_string(),
        }
    }
}

/// The columns of `shares`: what, with or from whom, mode, since, until.
pub(crate) fn share_row(share: &ShareEntry, side: Side) -> [String; 5] {
    let who = match (side, share.key_changed) {
        (Side::ByMe, false) => format!("with {}", recipient(&share.with)),
        (Side::ByMe, true) => format!("with {} (key changed!)", recipient(&share.with)),
        (Side::WithMe, false) => format!("from {}", share.owner),
        (Side::WithMe, true) => format!("from {} (key changed!)", share.owner),
    };
    let until = share.expires_millis.map_or_else(|| "-".to_owned(), format::time);
    let since = format::time(share.created_millis);
    [marked_path(share, side), who, mode(share.mode).to_owned(), since, until]
}

/// Rows as lines, in columns.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A line of `ls @` or `ls @owner`: the mode, and the name.
pub(crate) fn shared_line(share: &ShareEntry, name: &str, long: bool) -> String {
    let name = marked(share.kind, name.to_owned());
    let mode = mode(share.mode);
    if !long {
        return format!("{mode:<5}  {name}");
    }
    let mark = if share.kind == Kind::Directory { "d" } else { "-" };
    let since = format::time(share.created_millis);
    match share.expires_millis {
        None => format!("{mark} {mode:<5}  {since}  {name}"),
        Some(until) => {
            format!("{mark} {mode:<5}  {since}  {name}  (until {})", format::time(until))
        }
    }
}

/// A group in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct GroupView<'a> {
    name: &'a str,
    members: &'a [String],
    created: Option<String>,
    created_millis: i64,
}

impl<'a> GroupView<'a> {
    pub(crate) fn new(group: &'a GroupInfo) -> Self {
        Self {
            name: &group.name,
            members: &group.members,
            created: format::timestamp(group.created_millis),
            created_millis: group.created_millis,
        }
    }
}

/// A contact in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct ContactView<'a> {
    user: &'a str,
    safety_number: &'a str,
    trust: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since_millis: Option<i64>,
}

impl<'a> ContactView<'a> {
    pub(crate) fn new(contact: &'a ContactInfo) -> Self {
        let since_millis = (contact.since_millis > 0).then_some(contact.since_millis);
        Self {
            user: &contact.user_name,
            safety_number: &contact.safety_number,
            trust: trust(contact.trust),
            since: since_millis.and_then(format::timestamp),
            since_millis,
        }
    }
}

/// The word for a trust.
pub(crate) fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::New => "new",
        Trust::Known => "known",
        Trust::Confirmed => "confirmed",
        Trust::Changed => "changed",
    }
}

/// A safety number in lines of four groups, as two people read them out.
pub(crate) fn safety_lines(number: &str) -> Vec<String> {
    let groups: Vec<&str> = number.split_whitespace().collect();
    groups.chunks(4).map(|line| format!("    {}", line.join(" "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::{NodeId, ShareId};

    fn share(names: &[&str]) -> ShareEntry {
        ShareEntry {
            share: ShareId([1; 16]),
            node: NodeId([2; 16]),
            kind: Kind::Directory,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            owner: "anna".to_owned(),
            with: Recipient::Group("friends".to_owned()),
            mode: Mode::Write,
            created_millis: 0,
            expires_millis: None,
            key_changed: false,
        }
    }

    #[test]
    fn each_side_sees_its_own_path() {
        assert_eq!(marked_path(&share(&["a", "docs"]), Side::ByMe), "/a/docs/");
        assert_eq!(marked_path(&share(&["docs"]), Side::WithMe), "@anna/docs/");
        assert_eq!(share_path(&share(&[]), Side::WithMe), "@anna/?");
        let row = share_row(&share(&["docs"]), Side::ByMe);
        assert_eq!(
            (row[1].as_str(), row[2].as_str(), row[4].as_str()),
            ("with friends (group)", "write", "-")
        );
        let mut odd = share(&["docs"]);
        odd.key_changed = true;
        assert_eq!(share_row(&odd, Side::WithMe)[1], "from anna (key changed!)");
    }

    #[test]
    fn tables_have_columns_and_no_trailing_space() {
        let rows = [["a", "bb", "c"], ["aaa", "b", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), ["a    bb  c", "aaa  b"]);
    }

    #[test]
    fn lines_of_shared_things_show_the_mode() {
        let mut entry = share(&["docs"]);
        assert_eq!(shared_line(&entry, "docs", false), "write  docs/");
        entry.expires_millis = Some(0);
        let long = shared_line(&entry, "docs", true);
        assert!(long.starts_with("d write  ") && long.contains("  docs/  (until "), "{long}");
    }

    #[test]
    fn the_json_form_says_who_gives_and_who_takes() {
        let entry = share(&["docs"]);
        let json = serde_json::to_value(ShareView::new(&entry, Side::WithMe)).expect("JSON");
        assert_eq!(json["direction"], "with-me");
        assert_eq!(json["path"], "@anna/docs");
        assert_eq!((&json["with"], &json["group"]), (&"friends".into(), &true.into()));
        assert_eq!(json["until"], serde_json::Value::Null);
        let contact = ContactInfo {
            user_name: "ben".to_owned(),
            safety_number: "12345 ".repeat(12).trim().to_owned(),
            trust: Trust::Changed,
            since_millis: 0,
        };
        let json = serde_json::to_value(ContactView::new(&contact)).expect("JSON");
        assert_eq!(json["trust"], "changed");
        assert!(json.get("since_millis").is_none());
        assert_eq!(safety_lines(&contact.safety_number).len(), 3);
    }
}
