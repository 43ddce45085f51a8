//! What is shown of entries: the JSON form, which scripts rely on, and lines.

pub(crate) mod deed;
pub(crate) mod machine;
pub(crate) mod share;

use crate::format;
use coffer_client::protocol::message::tree::{Entry, Kind, TrashEntry, Version};
use serde::Serialize;

/// An entry in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    kind: &'static str,
    size: u64,
    modified: Option<String>,
    modified_millis: i64,
    created: Option<String>,
    created_millis: i64,
    executable: bool,
    revision: u64,
    node: String,
    parent: String,
    content_hash: String,
    /// Machines that surely hold its newest change.
    machines: u8,
}

impl<'a> EntryView<'a> {
    pub(crate) fn new(entry: &'a Entry, path: Option<String>) -> Self {
        Self {
            name: &entry.name,
            path,
            kind: kind(entry.kind),
            size: entry.size,
            modified: format::timestamp(entry.modified_millis),
            modified_millis: entry.modified_millis,
            created: format::timestamp(entry.created_millis),
            created_millis: entry.created_millis,
            executable: entry.executable,
            revision: entry.revision,
            node: entry.node.to_string(),
            parent: entry.parent.to_string(),
            content_hash: entry.content_hash.to_string(),
            machines: entry.machines,
        }
    }
}

/// The word for a kind.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
    }
}

/// A line of `ls`: the name, with a slash behind a directory.
pub(crate) fn short_line(entry: &Entry, name: &str) -> String {
    match entry.kind {
        Kind::Directory if !name.ends_with('/') => format!("{name}/"),
        _ => name.to_owned(),
    }
}

/// A line of `ls -l`. The number before the time says on how many machines its newest
/// change is.
pub(crate) fn long_line(entry: &Entry, name: &str) -> String {
    let (mark, size) = match entry.kind {
        Kind::Directory => ("d", "-".to_owned()),
        Kind::File if entry.executable => ("x", format::size(entry.size)),
        Kind::File => ("-", format::size(entry.size)),
    };
    let time = format::time(entry.modified_millis);
    let (machines, name) = (entry.machines, short_line(entry, name));
    format!("{mark} {size:>9}  {machines}x  {time}  {name}")
}

/// `/a/b` from names.
pub(crate) fn join(base: &str, above: &[String], name: &str) -> String {
    let mut path = base.trim_end_matches('/').to_owned();
    for part in above.iter().map(String::as_str).chain([name]) {
        path.push('/');
        path.push_str(part);
    }
    path
}

/// Something in the trash, in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct TrashView<'a> {
    #[serde(flatten)]
    entry: EntryView<'a>,
    deleted: Option<String>,
    deleted_millis: i64,
}

impl<'a> TrashView<'a> {
    /// `base`: the directory that was asked about.
    pub(crate) fn new(trashed: &'a TrashEntry, base: &str) -> Self {
        Self {
            entry: EntryView::new(&trashed.entry, Some(trash_path(trashed, base))),
            deleted: format::timestamp(trashed.deleted_millis),
            deleted_millis: trashed.deleted_millis,
        }
    }
}

/// Where it was, below the directory that was asked about.
pub(crate) fn trash_path(trashed: &TrashEntry, base: &str) -> String {
    join(base, &trashed.above, &trashed.entry.name)
}

/// A line of `trash ls`.
pub(crate) fn trash_line(trashed: &TrashEntry, base: &str) -> String {
    let path = trash_path(trashed, base);
    let time = format::time(trashed.deleted_millis);
    let path = short_line(&trashed.entry, &path);
    format!("{}  {:>9}  {time}  {path}", trashed.entry.node, format::size(trashed.entry.size))
}

/// A version in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView<'a> {
    revision: u64,
    current: bool,
    size: u64,
    modified_millis: i64,
    written: Option<String>,
    written_millis: i64,
    author: &'a str,
    content_hash: String,
}

impl<'a> VersionView<'a> {
    pub(crate) fn new(version: &'a Version) -> Self {
        Self {
            revision: version.revision,
            current: version.current,
            size: version.size,
            modified_millis: version.modified_millis,
            written: format::timestamp(version.written_millis),
            written_millis: version.written_millis,
            author: &version.author,
            content_hash: version.content_hash.to_string(),
        }
    }
}

/// A line of `versions`.
pub(crate) fn version_line(version: &Version) -> String {
    let mark = if version.current { "*" } else { " " };
    let (size, time) = (format::size(version.size), format::time(version.written_millis));
    format!("{mark} {:>6}  {size:>9}  {time}  {}", version.revision, version.author)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::{Hash32, NodeId};

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry {
            node: NodeId([1; 16]),
            parent: NodeId([2; 16]),
            name: name.to_owned(),
            kind,
            size: 1536,
            modified_millis: 0,
            created_millis: 0,
            executable: true,
            revision: 3,
            content_hash: Hash32([0; 32]),
            machines: 1,
        }
    }

    #[test]
    fn lines_have_fixed_columns() {
        let file = long_line(&entry("run.sh", Kind::File), "run.sh");
        assert!(file.starts_with("x   1.5 KiB  1x  ") && file.ends_with("  run.sh"), "{file}");
        let dir = long_line(&entry("d", Kind::Directory), "d");
        assert!(dir.starts_with("d         -  1x  ") && dir.ends_with("  d/"), "{dir}");
        assert_eq!(short_line(&entry("d", Kind::Directory), "/a/d"), "/a/d/");
    }

    #[test]
    fn the_json_form_has_exact_figures() {
        let entry = entry("a", Kind::File);
        let view = EntryView::new(&entry, Some("/x/a".to_owned()));
        let json = serde_json::to_value(view).expect("JSON");
        assert_eq!(json["name"], "a");
        assert_eq!(json["path"], "/x/a");
        assert_eq!(json["kind"], "file");
        assert_eq!(json["size"], 1536);
        assert_eq!((&json["revision"], &json["machines"]), (&3.into(), &1.into()));
        assert_eq!(json["modified"], "1970-01-01T00:00:00Z");
        assert_eq!(json["node"], "01".repeat(16));
    }

    #[test]
    fn what_was_deleted_has_the_path_that_it_can_be_restored_by() {
        let (entry, above) = (entry("a", Kind::File), vec!["sub".to_owned()]);
        let trashed = TrashEntry { entry, above, deleted_millis: 0 };
        assert_eq!(trash_path(&trashed, "/"), "/sub/a");
        assert!(trash_line(&trashed, "@anna/docs").ends_with("  @anna/docs/sub/a"));
        let json = serde_json::to_value(TrashView::new(&trashed, "@anna/docs")).expect("JSON");
        assert_eq!(json["path"], "@anna/docs/sub/a");
    }

    #[test]
    fn paths_join_without_double_slashes() {
        assert_eq!(join("/", &[], "a"), "/a");
        assert_eq!(join("/x/", &["y".to_owned()], "z"), "/x/y/z");
    }
}
