//! Requests about names.

use super::{Answer, Person, new_op};
use crate::expect_answer;
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Entry, Expect, List, ListPage, MakeDirs, Move, NewDir,
    PurgeTrash, PurgeVersions, PurgeWhat, RestoreTrash, RestoreVersion, Stat, TrashEntry,
    TrashList, TrashPage, Version, Versions, Walk, WalkEntry,
};
use coffer_protocol::{NodeId, Place, Request};

const PAGE: u32 = 1000;

/// A node by its id.
pub fn node_place(node: NodeId) -> Place {
    Place::node(node)
}

/// A path below a node, such as `d/f`; empty for the node itself.
pub fn inside(node: NodeId, path: &str) -> Place {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.fold(Place::node(node), |place, name| place.join(name))
}

impl Person {
    /// A place in the person's own tree.
    pub fn own(&self, path: &str) -> Place {
        inside(self.home, path)
    }

    /// All about one entry.
    pub async fn stat(&self, place: &Place) -> Answer<Entry> {
        let stat = Stat { place: place.clone() };
        expect_answer!(self.ask(Request::Stat(stat)).await, Entry)
    }

    /// One page of a directory.
    pub async fn list_page(&self, list: List) -> Answer<ListPage> {
        expect_answer!(self.ask(Request::List(list)).await, List)
    }

    /// The names in a directory, sorted.
    pub async fn list(&self, place: &Place) -> Answer<Vec<String>> {
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let list = List { place: place.clone(), cursor, limit: PAGE };
            let page = self.list_page(list).await?;
            names.extend(page.entries.into_iter().map(|entry| entry.name));
            cursor = page.next;
            if cursor.is_none() {
                names.sort();
                return Ok(names);
            }
        }
    }

    /// Everything below a directory, or what matches a pattern.
    pub async fn walk(&self, place: &Place, pattern: Option<&str>) -> Answer<Vec<WalkEntry>> {
        let (mut entries, mut cursor) = (Vec::new(), Vec::new());
        loop {
            let pattern = pattern.map(str::to_owned);
            let walk = Walk { place: place.clone(), pattern, cursor, limit: PAGE };
            let page = expect_answer!(self.ask(Request::Walk(walk)).await, Walk)?;
            entries.extend(page.entries);
            cursor = page.next;
            if cursor.is_empty() {
                return Ok(entries);
            }
        }
    }

    /// Makes directories below a place, each with those above it.
    pub async fn make_dirs(&self, base: &Place, paths: &[&str]) -> Answer<Vec<NodeId>> {
        let names = |path: &&str| path.split('/').map(str::to_owned).collect();
        let new = |path: &&str| NewDir { names: names(path), modified_millis: None };
        let dirs = paths.iter().map(new).collect();
        let (op, base) = (new_op(), base.clone());
        let make = MakeDirs { op, base, dirs, adopt: false, parents: false };
        Ok(expect_answer!(self.ask(Request::MakeDirs(make)).await, Made)?.nodes)
    }

    /// Makes one directory.
    pub async fn mkdir(&self, base: &Place, name: &str) -> Answer<NodeId> {
        Ok(self.make_dirs(base, &[name]).await?[0])
    }

    /// Renames or moves, never over anything.
    pub async fn mv(&self, from: &Place, to: &Place) -> Answer<Written> {
        let (op, from, to) = (new_op(), from.clone(), to.clone());
        let request = Request::Move(Move { op, from, to, replace: false });
        expect_answer!(self.ask(request).await, Written)
    }

    /// Copies a file to a name that is free.
    pub async fn cp(&self, from: &Place, to: &Place) -> Answer<NodeId> {
        let (from, to, expect) = (from.clone(), to.clone(), Expect::Absent);
        let items = vec![CopyItem { from, to, expect }];
        let request = Request::Copy(Copy { op: new_op(), items });
        expect_answer!(self.ask(request).await, Outcomes)?.items.remove(0)
    }

    /// Moves to the trash, with everything inside.
    pub async fn rm(&self, place: &Place) -> Answer<NodeId> {
        let items = vec![DeleteItem { place: place.clone(), revision: None }];
        let request = Request::Delete(Delete { op: new_op(), items, recursive: true });
        expect_answer!(self.ask(request).await, Outcomes)?.items.remove(0)
    }

    /// The whole of one's own trash.
    pub async fn trash(&self) -> Answer<Vec<TrashEntry>> {
        let (mut entries, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.trash_page(TrashList { cursor, limit: PAGE }).await?;
            entries.extend(page.entries);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(entries);
            }
        }
    }

    /// One page of one's own trash.
    pub async fn trash_page(&self, list: TrashList) -> Answer<TrashPage> {
        expect_answer!(self.ask(Request::TrashList(list)).await, Trash)
    }

    /// Puts something back from the trash.
    pub async fn restore(&self, node: NodeId, to: Option<Place>) -> Answer<Written> {
        let request = Request::RestoreTrash(RestoreTrash { op: new_op(), node, to });
        expect_answer!(self.ask(request).await, Written)
    }

    /// Deletes from the trash, for good. Returns how many nodes went at once.
    pub async fn purge(&self, nodes: &[NodeId]) -> Answer<u64> {
        let what = PurgeWhat::Nodes(nodes.to_vec());
        let request = Request::PurgeTrash(PurgeTrash { op: new_op(), what });
        Ok(expect_answer!(self.ask(request).await, Purged)?.count)
    }

    /// The versions of a file, newest first.
    pub async fn versions(&self, place: &Place) -> Answer<Vec<Version>> {
        let versions = Versions { place: place.clone(), before: None, limit: PAGE };
        Ok(expect_answer!(self.ask(Request::Versions(versions)).await, Versions)?.versions)
    }

    /// Makes an old version the current one.
    pub async fn restore_version(&self, place: &Place, revision: u64) -> Answer<Written> {
        let restore = RestoreVersion { op: new_op(), place: place.clone(), revision };
        expect_answer!(self.ask(Request::RestoreVersion(restore)).await, Written)
    }

    /// Deletes all versions but the current one.
    pub async fn purge_versions(&self, place: &Place) -> Answer<u64> {
        let revisions = Vec::new();
        let purge = PurgeVersions { op: new_op(), place: place.clone(), revisions };
        Ok(expect_answer!(self.ask(Request::PurgeVersions(purge)).await, Purged)?.count)
    }
}
