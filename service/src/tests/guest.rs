//! What a user does with places that start elsewhere than at home.

use super::harness::{answer, op, put_files};
use super::user::User;
use crate::fault::Outcome;
use bytes::Bytes;
use coffer_protocol::message::share::TrashIn;
use coffer_protocol::message::transfer::{ReadChunk, Written};
use coffer_protocol::message::tree::{
    Copy, CopyItem, Delete, DeleteItem, Entry, Expect, List, MakeDirs, Move, NewDir, PurgeTrash,
    PurgeVersions, PurgeWhat, RestoreTrash, RestoreVersion, Stat, TrashPage, Walk, WalkPage,
};
use coffer_protocol::{Base, NodeId, Place, Request, Response};

/// A place below a node.
pub(super) fn below(node: NodeId, path: &str) -> Place {
    Place { base: Base::Node(node), ..Place::parse(path).unwrap() }
}

impl User {
    pub(super) async fn stat_at(&self, place: Place) -> Outcome<Entry> {
        answer!(self.ask(Request::Stat(Stat { place })).await, Entry)
    }

    pub(super) async fn names_at(&self, place: Place) -> Outcome<Vec<String>> {
        let list = List { place, cursor: None, limit: 1000 };
        let page = answer!(self.ask(Request::List(list)).await, List)?;
        assert_eq!(page.damaged, []);
        let mut names: Vec<_> = page.entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        Ok(names)
    }

    pub(super) async fn put_at(&self, to: Place, data: &[u8], expect: Expect) -> Outcome<Written> {
        let (request, payload) = put_files(op(), &[(to, data, expect)]);
        let (answer, _) = self.send(request, payload).await?;
        let Response::BatchWritten(mut written) = answer else { panic!("unexpected {answer:?}") };
        written.files.remove(0)
    }

    pub(super) async fn mkdir_at(&self, base: Place, names: &[&str]) -> Outcome<NodeId> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let dirs = vec![NewDir { names, modified_millis: None }];
        let make = MakeDirs { op: op(), base, dirs, adopt: false, parents: true };
        Ok(answer!(self.ask(Request::MakeDirs(make)).await, Made)?.nodes[0])
    }

    pub(super) async fn mv_at(&self, from: Place, to: Place) -> Outcome<Written> {
        let request = Move { op: op(), from, to, replace: true };
        answer!(self.ask(Request::Move(request)).await, Written)
    }

    pub(super) async fn rm_at(&self, place: Place) -> Outcome<NodeId> {
        let items = vec![DeleteItem { place, revision: None }];
        let request = Delete { op: op(), items, recursive: true };
        answer!(self.ask(Request::Delete(request)).await, Outcomes)?.items.remove(0)
    }

    pub(super) async fn cp_at(&self, from: Place, to: Place) -> Outcome<NodeId> {
        let items = vec![CopyItem { from, to, expect: Expect::Anything }];
        let request = Request::Copy(Copy { op: op(), items });
        answer!(self.ask(request).await, Outcomes)?.items.remove(0)
    }

    pub(super) async fn chunk(&self, node: NodeId, revision: u64) -> Outcome<Bytes> {
        let request = Request::ReadChunk(ReadChunk { node, revision, index: 0 });
        Ok(self.send(request, Bytes::new()).await?.1)
    }

    pub(super) async fn walk_at(&self, place: Place, cursor: Vec<u8>) -> Outcome<WalkPage> {
        let walk = Walk { place, pattern: None, cursor, limit: 2 };
        answer!(self.ask(Request::Walk(walk)).await, Walk)
    }

    pub(super) async fn restore_version(&self, place: Place, revision: u64) -> Outcome<Written> {
        let request = RestoreVersion { op: op(), place, revision };
        answer!(self.ask(Request::RestoreVersion(request)).await, Written)
    }

    pub(super) async fn purge_versions(&self, place: Place) -> Outcome<u64> {
        let request = PurgeVersions { op: op(), place, revisions: Vec::new() };
        Ok(answer!(self.ask(Request::PurgeVersions(request)).await, Purged)?.count)
    }

    pub(super) async fn trash_in(
        &self,
        place: Place,
        cursor: Option<(i64, NodeId)>,
        limit: u32,
    ) -> Outcome<TrashPage> {
        answer!(self.ask(Request::TrashIn(TrashIn { place, cursor, limit })).await, Trash)
    }

    pub(super) async fn restore(&self, node: NodeId, to: Option<Place>) -> Outcome<Written> {
        let request = RestoreTrash { op: op(), node, to };
        answer!(self.ask(Request::RestoreTrash(request)).await, Written)
    }

    pub(super) async fn purge(&self, node: NodeId) -> Outcome<u64> {
        let what = PurgeWhat::Nodes(vec![node]);
        let request = Request::PurgeTrash(PurgeTrash { op: op(), what });
        Ok(answer!(self.ask(request).await, Purged)?.count)
    }
}
