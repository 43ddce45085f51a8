//! Ids that were guessed, or seen elsewhere: nothing is there.

use super::stage::Stage;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{Mode, WhichShares};
use coffer_protocol::message::transfer::{OpenFile, ReadChunk, ReadFiles, ReadPlan};
use coffer_protocol::message::tree::{
    Expect, List, MakeDirs, Move, NewDir, PurgeVersions, RestoreTrash, RestoreVersion, Stat,
    Versions, Walk,
};
use coffer_protocol::{NodeId, Place, Request, Response};
use coffer_tests::Engine;
use coffer_tests::person::{Person, inside, new_op, node_place, user};

static BIG: [u8; 70_000] = [7; 70_000];

/// Requests that name a node, and that must all fail as a whole.
fn plain_requests(node: NodeId, own: &Place) -> Vec<Request> {
    let (place, below) = (node_place(node), inside(node, "f"));
    let (limit, revision, op) = (10, 1, new_op);
    let dirs = || vec![NewDir { names: vec!["x".to_owned()], modified_millis: None }];
    let make = |adopt, parents| {
        let (op, base, dirs) = (op(), place.clone(), dirs());
        Request::MakeDirs(MakeDirs { op, base, dirs, adopt, parents })
    };
    let mv = |from: &Place, to: &Place| {
        let (from, to) = (from.clone(), to.clone());
        Request::Move(Move { op: op(), from, to, replace: true })
    };
    let open = |revision| Request::OpenFile(OpenFile { place: place.clone(), revision });
    vec![
        Request::Stat(Stat { place: place.clone() }),
        Request::Stat(Stat { place: below.clone() }),
        Request::List(List { place: place.clone(), cursor: None, limit }),
        Request::Walk(Walk { place: place.clone(), pattern: None, cursor: Vec::new(), limit }),
        make(true, true),
        make(false, false),
        mv(&place, own),
        mv(own, &below),
        Request::RestoreTrash(RestoreTrash { op: op(), node, to: Some(own.clone()) }),
        Request::RestoreTrash(RestoreTrash { op: op(), node, to: None }),
        Request::Versions(Versions { place: place.clone(), before: None, limit }),
        Request::RestoreVersion(RestoreVersion { op: op(), place: place.clone(), revision }),
        Request::PurgeVersions(PurgeVersions { op: op(), place: place.clone(), revisions: vec![] }),
        open(None),
        open(Some(1)),
        Request::ReadPlan(ReadPlan { node, revision, offset: 0 }),
        Request::ReadChunk(ReadChunk { node, revision, index: 0 }),
    ]
}

pub(crate) fn refused_code(code: ErrorCode) -> bool {
    code == ErrorCode::NOT_FOUND || code == ErrorCode::NO_SUCH_VERSION
}

/// Every way to a node that is not for this person ends in "not found".
async fn nothing_there(person: &Person, node: NodeId, writable: NodeId) {
    let own = person.own("own");
    let target = inside(writable, "stolen");
    for own in [&own, &target] {
        for request in plain_requests(node, own) {
            let answer = person.call(request.clone(), Bytes::new()).await;
            let error = answer.expect_err(&format!("{request:?}"));
            let moved = matches!(request, Request::Move(_)) && error.code == ErrorCode::OTHER_OWNER;
            assert!(refused_code(error.code) && !moved, "{request:?}: {error:?}");
        }
    }
    let place = node_place(node);
    for to in [person.own("copy"), target.clone()] {
        assert!(refused_code(person.cp(&place, &to).await.expect_err("a copy").code));
    }
    for to in [inside(node, "planted"), inside(node, "d/planted")] {
        let put = person.put(&to, b"planted", Expect::Anything).await;
        assert!(refused_code(put.expect_err("planted").code));
        let big = person.put_big(&to, &BIG, Expect::Anything).await;
        assert!(refused_code(big.expect_err("planted").code));
        assert!(refused_code(person.cp(&own, &to).await.expect_err("planted").code));
    }
    assert!(refused_code(person.rm(&place).await.expect_err("deleted").code));
    assert!(refused_code(person.read_batch(node).await.expect_err("bytes").code));
    assert!(person.trash_in(&place).await.is_err());
    assert!(person.activity(Some(&place), None).await.is_err());
    assert!(person.shares(WhichShares::Of(place.clone())).await.is_err());
    assert!(person.share(&place, &user("eve"), Mode::Read).await.is_err());
    assert!(person.share(&place, &user("bob"), Mode::Read).await.is_err());
    assert!(person.unshare(&place, &user("bob")).await.is_err());
    assert!(person.leave(node).await.is_err());
    // A purge has no outcome for each node: it counts.
    assert!(person.purge(&[node]).await.map_or(true, |count| count == 0));
}

async fn guessed_ids(engine: Engine) {
    let stage = Stage::set(engine).await;
    let before = stage.state().await;
    for node in [stage.ada.home, stage.private, stage.secret, stage.gone] {
        nothing_there(&stage.bob, node, stage.shared).await;
    }
    for node in [stage.shared, stage.file, stage.deep, stage.gone_inside, stage.readable] {
        nothing_there(&stage.eve, node, stage.eve.home).await;
    }
    assert_eq!(stage.state().await, before);
    // Of a shared root, the directory above it stays unknown.
    let root = stage.bob.stat(&node_place(stage.shared)).await.expect("shared");
    assert_ne!(root.parent, stage.private);
    // A batch delivers what is allowed, and not a byte more.
    let nodes = vec![stage.file, stage.secret, stage.gone, stage.gone_inside];
    let request = Request::ReadFiles(ReadFiles { nodes });
    let (response, payload) = stage.bob.call(request, Bytes::new()).await.expect("an answer");
    let Response::BatchRead(read) = response else { panic!("{response:?}") };
    let readable: Vec<bool> = read.files.iter().map(Result::is_ok).collect();
    assert_eq!((readable, &payload[..]), (vec![true, false, false, false], &b"for bob"[..]));
    stage.server.assert_check_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn guessed_ids_lead_nowhere_on_sqlite() {
    guessed_ids(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessed_ids_lead_nowhere_on_mariadb() {
    guessed_ids(Engine::MariaDb).await;
}
