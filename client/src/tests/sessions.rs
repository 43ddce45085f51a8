//! Retries, operation ids, reconnection, and what a server is refused for.

use crate::ClientError;
use crate::ids::new_op;
use crate::retry::Policy;
use crate::testing::{FakeServer, Step, client, keys};
use bytes::Bytes;
use coffer_protocol::message::account::AccountInfo;
use coffer_protocol::message::transfer::{AbortUpload, Written};
use coffer_protocol::message::tree::{Delete, Outcomes};
use coffer_protocol::{
    ErrorCode, NodeId, OpId, Position, Request, Response, ServerId, UploadId, WireError,
};
use std::sync::Arc;

fn setting() -> (Arc<FakeServer>, tempfile::TempDir) {
    (FakeServer::new(&keys(1)), tempfile::tempdir().expect("a directory"))
}

fn delete(op: OpId) -> Request {
    Request::Delete(Delete { op, items: Vec::new(), recursive: false })
}

fn outcomes(seq: u64) -> Response {
    let position = Position { epoch: 3, seq };
    Response::Outcomes(Outcomes { items: Vec::new(), position, machines: 1 })
}

fn op_of(request: &Request) -> OpId {
    match request {
        Request::Delete(delete) => delete.op,
        other => panic!("not a delete: {other:?}"),
    }
}

#[tokio::test]
async fn a_lost_write_is_repeated_under_the_same_op_id_on_a_new_session() {
    let (server, dir) = setting();
    let busy = WireError::new(ErrorCode::BUSY, "busy", "").retry_after(1);
    let uncertain = WireError::new(ErrorCode::UNCERTAIN, "who knows", "");
    server.script([
        Step::Break,
        Step::Refuse(busy),
        Step::Refuse(uncertain),
        Step::Break,
        Step::answer(outcomes(101)),
    ]);
    let client = client(&server, 1, &dir);
    let op = new_op().expect("randomness");
    client.ask(delete(op)).await.expect("in the end");
    let ops: Vec<OpId> = server.seen().iter().map(op_of).collect();
    assert_eq!(ops, vec![op; 5]);
    assert_eq!(server.with(|nature| (nature.dials, nature.sign_ins)), (3, 3));
    assert_eq!(client.profile().position, Position { epoch: 3, seq: 101 });
}

#[tokio::test]
async fn every_wish_has_an_op_id_of_its_own() {
    let (server, dir) = setting();
    server.script((0..2).map(|_| Step::answer(outcomes(101))));
    let client = client(&server, 1, &dir);
    let item = coffer_protocol::message::tree::DeleteItem {
        place: coffer_protocol::Place::home(),
        revision: None,
    };
    for _ in 0..2 {
        // The scripted answer is for no items: the mismatch is noticed.
        let error =
            client.delete(std::slice::from_ref(&item), false).await.expect_err("one is missing");
        assert_eq!(error.code(), "unexpected-answer");
    }
    let seen = server.seen();
    assert_ne!(op_of(&seen[0]), op_of(&seen[1]));
}

#[tokio::test]
async fn what_must_not_be_repeated_is_sent_once() {
    let (server, dir) = setting();
    server.script([Step::Break, Step::done()]);
    let client = client(&server, 1, &dir);
    let error = client.ask(Request::Logout).await.expect_err("not repeated");
    assert_eq!(error.code(), "connection-lost");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_refusal_that_no_retry_mends_is_final() {
    let (server, dir) = setting();
    server.script([Step::Refuse(WireError::new(ErrorCode::NOT_FOUND, "gone", ""))]);
    let client = client(&server, 1, &dir);
    let error = client.stat("/x").await.expect_err("not there");
    assert_eq!(error.wire_code(), Some(ErrorCode::NOT_FOUND));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_expired_session_is_opened_again() {
    let (server, dir) = setting();
    server.script([
        Step::Refuse(WireError::new(ErrorCode::SESSION_EXPIRED, "idle", "")),
        Step::done(),
    ]);
    let client = client(&server, 1, &dir);
    let abort = Request::AbortUpload(AbortUpload { upload: UploadId([1; 16]) });
    client.ask(abort).await.expect("repeated");
    assert_eq!(server.with(|nature| nature.sign_ins), 2);
}

#[tokio::test]
async fn a_server_that_restarts_is_waited_for_and_one_that_stays_away_is_not() {
    let (server, dir) = setting();
    let client = client(&server, 1, &dir);
    client.ask(Request::WhoAmI).await.expect("signed in");
    server.script([Step::Break]);
    server.with(|nature| nature.refuse_dials = 5);
    client.ask(Request::WhoAmI).await.expect("it came back");
    assert_eq!(server.with(|nature| nature.dials), 7);

    let dir = tempfile::tempdir().expect("a directory");
    let mut options = crate::testing::options(&dir);
    options.policy = Policy::NEVER;
    let dialer = Arc::new(crate::testing::FakeDialer(Arc::clone(&server)));
    let session = crate::session::Session::new(
        dialer,
        options.policy,
        keys(1),
        crate::testing::profile(),
        crate::cluster::Cluster::unknown(crate::testing::SERVER),
    );
    let client = crate::client::Client::of(session, &options);
    server.with(|nature| nature.refuse_dials = usize::MAX);
    let error = client.ask(Request::WhoAmI).await.expect_err("gone");
    assert_eq!(error.exit(), crate::error::Exit::Unreachable);
}

#[tokio::test]
async fn many_calls_share_one_sign_in() {
    let (server, dir) = setting();
    let client = client(&server, 1, &dir);
    let calls = (0..32).map(|_| client.ask(Request::WhoAmI));
    for answer in futures_util::future::join_all(calls).await {
        answer.expect("answered");
    }
    assert_eq!(server.with(|nature| (nature.dials, nature.sign_ins)), (1, 1));
}

#[tokio::test]
async fn further_connections_attach_and_share_the_calls() {
    let (server, dir) = setting();
    let client = client(&server, 1, &dir);
    client.ask(Request::WhoAmI).await.expect("signed in");
    client.set_connections(3).await.expect("attached");
    for _ in 0..6 {
        client.ask(Request::WhoAmI).await.expect("answered");
    }
    let links: Vec<usize> =
        server.with(|nature| nature.seen.iter().map(|(link, _)| *link).collect());
    assert_eq!(links, [1, 1, 2, 3, 1, 2, 3]);
    // One of them breaks: all are made again.
    server.script([Step::Break]);
    client.ask(Request::WhoAmI).await.expect("answered");
    assert_eq!(server.with(|nature| (nature.dials, nature.sign_ins)), (6, 2));
}

#[tokio::test]
async fn other_servers_older_servers_and_impostors_are_refused() {
    type Turn = fn(&mut crate::testing::Nature);
    let cases: [(Turn, &str); 8] = [
        (|nature| nature.server_id = ServerId([1; 32]), "server-replaced"),
        (|nature| nature.epoch = 2, "epoch-went-back"),
        (|nature| nature.position.seq = 99, "state-went-back"),
        (|nature| nature.position = Position { epoch: 2, seq: 500 }, "state-went-back"),
        (|nature| nature.salt = [6; 32], "account-changed"),
        (|nature| nature.kdf.iterations = 700_000, "account-changed"),
        (|nature| nature.kdf.iterations = 599_999, "kdf-refused"),
        (|nature| nature.impostor = true, "server-not-proven"),
    ];
    for (turn, code) in cases {
        let (server, dir) = setting();
        server.with(turn);
        let client = client(&server, 1, &dir);
        let error = client.ask(Request::WhoAmI).await.expect_err(code);
        assert_eq!(error.code(), code);
        assert_eq!(error.exit(), crate::error::Exit::Integrity, "{code}");
        assert!(server.seen().is_empty(), "nothing is asked of it: {code}");
    }
}

#[tokio::test]
async fn a_newer_epoch_may_begin_below_the_old_positions() {
    let (server, dir) = setting();
    server.with(|nature| {
        nature.epoch = 4;
        nature.position = Position { epoch: 4, seq: 90 };
    });
    let client = client(&server, 1, &dir);
    client.ask(Request::WhoAmI).await.expect("a promoted replica");
    assert_eq!(client.profile().epoch, 4);
}

#[tokio::test]
async fn wrong_keys_are_refused_by_the_server() {
    let (server, dir) = setting();
    let client = client(&server, 2, &dir);
    let error = client.ask(Request::WhoAmI).await.expect_err("refused");
    assert!(matches!(error, ClientError::KeysRefused), "{error}");
    assert_eq!(error.exit(), crate::error::Exit::SignIn);
}

#[tokio::test]
async fn what_was_confirmed_is_remembered_for_the_next_time() {
    let (server, dir) = setting();
    let written = Written {
        node: NodeId([3; 16]),
        revision: 2,
        position: Position { epoch: 3, seq: 150 },
        machines: 1,
        case_collision: false,
    };
    server.script([Step::answer(Response::Written(written))]);
    let client = client(&server, 1, &dir);
    let options = client.options().clone();
    crate::testing::profile().save(&options.home, &options.profile).expect("saved");
    client.rename("/a", "/b", false).await.expect("renamed");
    client.remember().await.expect("saved");
    let stored = crate::profile::Profile::load(&options.home, &options.profile)
        .expect("readable")
        .expect("there");
    assert_eq!(stored.position.seq, 150);

    // An older position in memory does not take back what another process saw.
    let mut newer = stored.clone();
    newer.position.seq = 200;
    newer.save(&options.home, &options.profile).expect("saved");
    client.remember().await.expect("saved");
    let stored = crate::profile::Profile::load(&options.home, &options.profile);
    assert_eq!(stored.expect("readable").expect("there").position.seq, 200);
}

#[tokio::test]
async fn an_answer_to_another_question_is_not_taken() {
    let (server, dir) = setting();
    server.script([Step::Answer(Response::Done, Bytes::from_static(b"x"))]);
    let error = client(&server, 1, &dir).who_am_i().await.map(|_: AccountInfo| ());
    assert_eq!(error.expect_err("not an account").code(), "unexpected-answer");
}
