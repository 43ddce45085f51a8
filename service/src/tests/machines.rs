//! On how many machines a write is, and a node.

use super::harness::{Bench, answer, op, place, put_files};
use super::user::User;
use crate::{Mirror, Mirroring};
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::message::tree::{
    Delete, DeleteItem, Expect, List, MakeDirs, NewDir, PurgeTrash, PurgeWhat, TrashList, Walk,
};
use coffer_protocol::{Place, Position, Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One other machine, which has everything up to an entry.
#[derive(Default)]
struct Other(AtomicU64);

impl Mirror for Other {
    fn holders(&self, position: Position) -> u8 {
        1 + u8::from(self.0.load(Ordering::Relaxed) >= position.seq)
    }

    fn mirrored(&self, position: Position) -> Mirroring<'_> {
        Box::pin(async move { Ok(self.holders(position)) })
    }

    fn level(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

async fn mirrored() -> (Bench, User, Arc<Other>) {
    let bench = Bench::new().await;
    let other = Arc::new(Other::default());
    bench.service.set_mirror(Arc::clone(&other) as Arc<_>);
    let anna = bench.user("anna").await;
    (bench, anna, other)
}

async fn machines(user: &User, path: &str) -> u8 {
    user.stat(path).await.unwrap().machines
}

#[tokio::test]
async fn a_node_is_where_its_newest_change_is() {
    let (bench, anna, other) = mirrored().await;
    anna.put("/a", b"1", Expect::Absent).await.unwrap();
    anna.mkdir("/d").await.unwrap();
    assert_eq!((machines(&anna, "/a").await, machines(&anna, "/d").await), (1, 1));
    other.0.store(bench.store.newest().seq, Ordering::Relaxed);
    assert_eq!((machines(&anna, "/a").await, machines(&anna, "/d").await), (2, 2));
    anna.put("/a", b"2", Expect::Anything).await.unwrap();
    anna.mv("/a", "/d/b", false).await.unwrap();
    assert_eq!((machines(&anna, "/d/b").await, machines(&anna, "/d").await), (1, 2));
    let list = List { place: place("/d"), cursor: None, limit: 10 };
    let page = answer!(anna.ask(Request::List(list)).await, List).unwrap();
    assert_eq!(page.entries[0].machines, 1);
    let walk = Walk { place: Place::home(), pattern: None, cursor: Vec::new(), limit: 10 };
    let page = answer!(anna.ask(Request::Walk(walk)).await, Walk).unwrap();
    let counted: Vec<_> = page.entries.iter().map(|one| one.entry.machines).collect();
    assert_eq!(counted, [2, 1]);
    anna.rm("/d/b", false).await.unwrap();
    let trash = TrashList { cursor: None, limit: 10 };
    let page = answer!(anna.ask(Request::TrashList(trash)).await, Trash).unwrap();
    assert_eq!(page.entries[0].entry.machines, 1);
    other.0.store(bench.store.newest().seq, Ordering::Relaxed);
    let trash = TrashList { cursor: None, limit: 10 };
    let page = answer!(anna.ask(Request::TrashList(trash)).await, Trash).unwrap();
    assert_eq!(page.entries[0].entry.machines, 2);
}

#[tokio::test]
async fn every_acknowledged_write_says_on_how_many_machines_it_is() {
    for far in [0, u64::MAX] {
        let (_bench, anna, other) = mirrored().await;
        other.0.store(far, Ordering::Relaxed);
        let expected = if far == 0 { 1 } else { 2 };
        let dirs = vec![NewDir { names: place("/d").names, modified_millis: None }];
        let make = MakeDirs { op: op(), base: Place::home(), dirs, adopt: false, parents: false };
        let made = answer!(anna.ask(Request::MakeDirs(make.clone())).await, Made).unwrap();
        assert_eq!(made.machines, expected);
        // A repeated request is counted anew.
        other.0.store(u64::MAX, Ordering::Relaxed);
        let again = answer!(anna.ask(Request::MakeDirs(make)).await, Made).unwrap();
        assert_eq!((again.position, again.machines), (made.position, 2));
        other.0.store(far, Ordering::Relaxed);
        let put = put_files(op(), &[(place("/f"), b"x", Expect::Absent)]);
        let (response, _) = anna.send(put.0, put.1).await.unwrap();
        let Response::BatchWritten(written) = response else { panic!("unexpected") };
        assert_eq!(written.files[0].as_ref().unwrap().machines, expected);
        assert_eq!(anna.mv("/f", "/g", false).await.unwrap().machines, expected);
        let items = vec![DeleteItem { place: place("/g"), revision: None }];
        let delete = Delete { op: op(), items, recursive: false };
        let gone = answer!(anna.ask(Request::Delete(delete)).await, Outcomes).unwrap();
        assert_eq!(gone.machines, expected);
        let purge = PurgeTrash { op: op(), what: PurgeWhat::Everything };
        let purged = answer!(anna.ask(Request::PurgeTrash(purge)).await, Purged).unwrap();
        assert_eq!((purged.count, purged.machines), (1, expected));
        let proof = anna.prove_again(SecretKind::Password).await.unwrap();
        let ended = answer!(anna.ask(Request::DeleteAccount(proof)).await, Changed).unwrap();
        assert_eq!(ended.machines, expected);
    }
}

#[tokio::test]
async fn what_is_not_remembered_counts_as_later() {
    let (bench, anna, other) = mirrored().await;
    anna.put("/a", b"1", Expect::Absent).await.unwrap();
    let written = bench.store.newest().seq;
    anna.mkdir("/d").await.unwrap();
    other.0.store(written, Ordering::Relaxed);
    assert_eq!(machines(&anna, "/a").await, 2);
    let node = anna.node("/a").await;
    assert!(bench.store.changed_at(node).seq <= written);
    bench.store.settle_changes(bench.store.newest().seq);
    assert_eq!(machines(&anna, "/a").await, 1);
}
