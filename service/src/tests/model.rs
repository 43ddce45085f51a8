//! The tree against a model: random requests, the same outcome in both, and at
//! the end the same tree.

use super::harness::{Bench, answer, op, place};
use super::tree_model::Model;
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{
    Copy, CopyItem, Expect, Kind, PurgeTrash, PurgeWhat, RestoreTrash, TrashList, Walk,
};
use coffer_protocol::{NodeId, Place, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Clone, Debug)]
enum Op {
    Mkdir(String),
    Put(String, u8, Expect),
    Move(String, String, bool),
    Copy(String, String, Expect),
    Delete(String, bool),
    Restore(usize),
    Purge(usize),
}

fn path() -> impl Strategy<Value = String> {
    vec(prop::sample::select(vec!["a", "b", "C"]), 1..4)
        .prop_map(|names| format!("/{}", names.join("/")))
}

fn expected() -> impl Strategy<Value = Expect> {
    prop_oneof![Just(Expect::Absent), Just(Expect::Anything), (1_u64..4).prop_map(Expect::Revision),]
}

fn operation() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => path().prop_map(Op::Mkdir),
        4 => (path(), any::<u8>(), expected()).prop_map(|(p, d, e)| Op::Put(p, d, e)),
        4 => (path(), path(), any::<bool>()).prop_map(|(a, b, r)| Op::Move(a, b, r)),
        2 => (path(), path(), expected()).prop_map(|(a, b, e)| Op::Copy(a, b, e)),
        3 => (path(), any::<bool>()).prop_map(|(p, r)| Op::Delete(p, r)),
        3 => (0_usize..4).prop_map(Op::Restore),
        1 => (0_usize..4).prop_map(Op::Purge),
    ]
}

/// Carries a request out in both, and compares.
async fn step(user: &User, model: &mut Model, operation: &Op) {
    let (real, wanted) = match operation {
        Op::Mkdir(path) => {
            let wanted = model.target(path).and_then(|(dir, name)| match model.child(dir, &name) {
                Some(_) => Err(ErrorCode::EXISTS),
                None => Ok(model.add(dir, name, None)),
            });
            (user.mkdir(path).await, wanted)
        }
        Op::Put(path, data, expect) => {
            let real = user.put(path, &[*data], *expect).await.map(|written| written.node);
            (real, model.write(path, *data, *expect, None))
        }
        Op::Move(from, to, replace) => {
            let real = user.mv(from, to, *replace).await.map(|written| written.node);
            (real, model.mv(from, to, *replace))
        }
        Op::Copy(from, to, expect) => {
            let wanted = model.find(from).and_then(|source| match model.items[&source].file {
                None => Err(ErrorCode::IS_A_DIRECTORY),
                Some((data, _)) => model.write(to, data, *expect, Some(source)),
            });
            (copy(user, from, to, *expect).await, wanted)
        }
        Op::Delete(path, recursive) => {
            (user.rm(path, *recursive).await, model.delete(path, *recursive))
        }
        Op::Restore(nth) => {
            let Some(node) = model.trashed(*nth) else { return };
            (restore(user, model.items[&node].real).await, model.restore(node))
        }
        Op::Purge(nth) => {
            let Some(node) = model.trashed(*nth) else { return };
            purge(user, model.items[&node].real).await;
            model.purge(node);
            return;
        }
    };
    match (real, wanted) {
        (Ok(real), Ok(id)) => model.items.get_mut(&id).expect("there").real = real,
        (Err(error), Err(code)) => assert_eq!(error.code, code, "{operation:?}"),
        (real, wanted) => panic!("{operation:?}: {real:?}, but {wanted:?}"),
    }
}

async fn copy(user: &User, from: &str, to: &str, expect: Expect) -> Outcome<NodeId> {
    let items = vec![CopyItem { from: place(from), to: place(to), expect }];
    let request = Request::Copy(Copy { op: op(), items });
    answer!(user.ask(request).await, Outcomes)?.items.remove(0)
}

async fn restore(user: &User, node: NodeId) -> Outcome<NodeId> {
    let request = Request::RestoreTrash(RestoreTrash { op: op(), node, to: None });
    Ok(answer!(user.ask(request).await, Written)?.node)
}

async fn purge(user: &User, node: NodeId) {
    let what = PurgeWhat::Nodes(vec![node]);
    let request = Request::PurgeTrash(PurgeTrash { op: op(), what });
    assert!(!answer!(user.ask(request).await, Purged).unwrap().more);
}

/// The tree as its user sees it is the model's.
async fn compare(user: &User, model: &Model) {
    let (place, cursor) = (Place::home(), Vec::new());
    let walk = Walk { place, pattern: None, cursor, limit: 1000 };
    let page = answer!(user.ask(Request::Walk(walk)).await, Walk).unwrap();
    assert!(page.damaged.is_empty() && page.next.is_empty());
    let mut seen = BTreeMap::new();
    for entry in page.entries {
        let names: Vec<_> = entry.above.iter().chain([&entry.entry.name]).cloned().collect();
        let path = format!("/{}", names.join("/"));
        let data = match entry.entry.kind {
            Kind::File => Some(user.cat(&path).await.unwrap()[0]),
            Kind::Directory => None,
        };
        seen.insert(path, data);
    }
    assert_eq!(seen, model.tree());
    let list = TrashList { cursor: None, limit: 1000 };
    let page = answer!(user.ask(Request::TrashList(list)).await, Trash).unwrap();
    let seen: BTreeSet<_> = page.entries.iter().map(|entry| entry.entry.node).collect();
    let trashed = model.items.values().filter(|item| item.trashed).map(|item| item.real);
    assert_eq!(seen, trashed.collect());
}

#[test]
fn the_tree_is_what_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = runtime.block_on(Bench::new());
    let users = AtomicU32::new(0);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let checked = runner.run(&vec(operation(), 1..60), |operations| {
        let name = format!("user{}", users.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let user = bench.user(&name).await;
            let mut model = Model::new(user.node("/").await);
            for operation in &operations {
                step(&user, &mut model, operation).await;
            }
            compare(&user, &model).await;
        });
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}
