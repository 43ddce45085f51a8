//! Reading elsewhere while the primary is gone, going back to it, and never back
//! in time.

use crate::error::Exit;
use crate::ids::new_op;
use crate::retry::Policy;
use crate::session::Reach;
use crate::testing::{IMPATIENT, Presence, Step, Trio};
use bytes::Bytes;
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::transfer::ReadChunk;
use coffer_protocol::message::tree::Delete;
use coffer_protocol::{ErrorCode, NodeId, Position, Request, Response, WireError};
use std::time::Duration;

/// Gives up soon: for what is bound to fail.
const HASTY: Policy = Policy { total: Duration::from_millis(50), ..IMPATIENT };

fn delete() -> Request {
    let op = new_op().expect("randomness");
    Request::Delete(Delete { op, items: Vec::new(), recursive: false })
}

fn read_chunk() -> Request {
    Request::ReadChunk(ReadChunk { node: NodeId([3; 16]), revision: 1, index: 0 })
}

#[tokio::test]
async fn reads_go_to_a_standby_and_return_by_themselves() {
    let trio = Trio::new(IMPATIENT);
    let mut reach = trio.client.reach();
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    assert_eq!(*reach.borrow(), Reach::Primary);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    for _ in 0..3 {
        trio.client.ask(Request::WhoAmI).await.expect("from the standby");
    }
    assert_eq!(trio.standby.seen().len(), 3);
    assert_eq!(trio.standby.with(|nature| nature.sign_ins), 1);
    match reach.borrow_and_update().clone() {
        Reach::Standby { machine, behind, .. } => {
            assert_eq!(machine.to_string(), "other:1");
            assert_eq!(behind, Duration::from_secs(4));
        }
        other => panic!("{other:?}"),
    }
    trio.primary.with(|nature| nature.presence = Presence::There);
    // Nothing is asked: the primary is tried in the background.
    reach.wait_for(|reach| *reach == Reach::Primary).await.expect("it came back");
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    assert_eq!((trio.primary.seen().len(), trio.standby.seen().len()), (2, 3));
}

#[tokio::test]
async fn a_session_begins_on_a_standby_when_the_primary_is_away() {
    let trio = Trio::new(Policy::NEVER);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    trio.client.ask(Request::WhoAmI).await.expect("from the standby");
    assert_eq!(trio.standby.seen().len(), 1);
}

#[tokio::test]
async fn a_primary_that_is_silent_is_not_waited_for() {
    let trio = Trio::new(Policy::NEVER);
    trio.primary.with(|nature| nature.presence = Presence::Silent);
    trio.client.ask(Request::WhoAmI).await.expect("from the standby");
    assert_eq!(trio.standby.seen().len(), 1);
}

#[tokio::test]
async fn many_calls_share_one_fail_over() {
    let trio = Trio::new(IMPATIENT);
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    let calls = (0..32).map(|_| trio.client.ask(Request::WhoAmI));
    for answer in futures_util::future::join_all(calls).await {
        answer.expect("answered");
    }
    assert_eq!(trio.standby.with(|nature| nature.sign_ins), 1);
    assert_eq!(trio.standby.seen().len(), 32);
}

#[tokio::test]
async fn what_changes_something_never_goes_to_a_standby() {
    let trio = Trio::new(HASTY);
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    trio.client.ask(Request::WhoAmI).await.expect("from the standby");
    let error = trio.client.ask(delete()).await.expect_err("nothing can be changed");
    assert_eq!((error.code(), error.exit()), ("read-only", Exit::Unreachable));
    let text = error.to_string();
    assert!(text.contains("fake:1") && text.contains("other:1"), "{text}");
    assert!(!error.hint().is_empty());
    assert!(trio.standby.seen().iter().all(|request| *request == Request::WhoAmI));
    // It is carried out when the primary is back, without a new session.
    trio.primary.with(|nature| nature.presence = Presence::There);
    trio.client.ask(delete()).await.expect("changed");
    assert_eq!(*trio.client.reach().borrow(), Reach::Primary);
}

#[tokio::test]
async fn a_write_waits_for_the_primary_within_the_policy() {
    let trio = Trio::new(IMPATIENT);
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    let (written, ()) = tokio::join!(trio.client.ask(delete()), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        trio.primary.with(|nature| nature.presence = Presence::There);
    });
    written.expect("in the end");
    assert!(trio.standby.seen().is_empty());
}

#[tokio::test]
async fn a_standby_that_is_behind_is_passed_over() {
    let trio = Trio::new(HASTY);
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    trio.standby.with(|nature| nature.position.seq = 99);
    let error = trio.client.ask(Request::WhoAmI).await.expect_err("nobody has it");
    assert_eq!(error.exit(), Exit::Unreachable);
    assert!(matches!(*trio.client.reach().borrow(), Reach::Unreachable { .. }));
    trio.second.with(|nature| nature.presence = Presence::There);
    trio.client.ask(Request::WhoAmI).await.expect("from the other one");
    assert_eq!((trio.standby.seen().len(), trio.second.seen().len()), (0, 1));
}

#[tokio::test]
async fn an_older_state_than_an_answer_has_shown_is_never_shown() {
    let trio = Trio::new(HASTY);
    // The primary moves on by the work of others, and an answer shows it.
    trio.client.ask(Request::WhoAmI).await.expect("signed in");
    trio.primary.with(|nature| nature.as_of = 150);
    trio.client.ask(Request::WhoAmI).await.expect("from the primary");
    assert_eq!(trio.client.profile().position, Position { epoch: 3, seq: 150 });
    trio.standby.with(|nature| nature.position.seq = 149);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    trio.client.ask(Request::WhoAmI).await.expect_err("the standby lacks one entry");
    trio.standby.with(|nature| nature.position.seq = 150);
    trio.client.ask(Request::WhoAmI).await.expect("now it has it");
    // And it is written down for the next session.
    trio.client.remember().await.expect("saved");
    let options = trio.client.options();
    let stored = crate::profile::Profile::load(&options.home, &options.profile);
    let stored = stored.expect("readable").expect("there");
    assert_eq!(stored.position, Position { epoch: 3, seq: 150 });
    drop(trio.dir);
}

#[tokio::test]
async fn a_standby_that_is_lost_is_replaced_by_another() {
    let trio = Trio::new(IMPATIENT);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    trio.client.ask(Request::WhoAmI).await.expect("from the standby");
    trio.second.with(|nature| nature.presence = Presence::There);
    trio.standby.with(|nature| nature.presence = Presence::Gone);
    trio.client.ask(Request::WhoAmI).await.expect("from the other one");
    let reach = trio.client.reach().borrow().clone();
    assert_eq!(reach.standby().map(ToString::to_string).as_deref(), Some("third:1"));
}

#[tokio::test]
async fn a_standby_that_ends_the_session_is_signed_in_to_again() {
    let trio = Trio::new(IMPATIENT);
    trio.primary.with(|nature| nature.presence = Presence::Gone);
    let expired = WireError::new(ErrorCode::SESSION_EXPIRED, "idle", "");
    trio.standby.script([Step::Refuse(expired), Step::done()]);
    trio.client.ask(Request::WhoAmI).await.expect("answered");
    assert_eq!(trio.standby.with(|nature| nature.sign_ins), 2);
}

#[tokio::test]
async fn impostors_and_other_installations_serve_nothing() {
    type Turn = fn(&mut crate::testing::Nature);
    let turns: [Turn; 6] = [
        |nature| nature.server_id = coffer_protocol::ServerId([1; 32]),
        |nature| nature.impostor = true,
        |nature| nature.salt = [6; 32],
        |nature| nature.role = ServerRole::Fenced,
        |nature| nature.role = ServerRole::Keyless,
        |nature| nature.epoch = 2,
    ];
    for (number, turn) in turns.into_iter().enumerate() {
        let trio = Trio::new(Policy::NEVER);
        trio.primary.with(|nature| nature.presence = Presence::Gone);
        trio.standby.with(turn);
        if number == 5 {
            // It follows an older epoch, and cannot have what was seen.
            trio.standby.with(|nature| nature.position = Position { epoch: 2, seq: 500 });
        }
        let error = trio.client.ask(Request::WhoAmI).await.expect_err("nobody serves");
        assert_eq!(error.code(), "unreachable", "{number}");
        assert!(trio.standby.seen().is_empty(), "nothing is asked of it: {number}");
    }
}

#[tokio::test]
async fn what_is_damaged_on_the_primary_is_asked_of_a_standby() {
    let trio = Trio::new(Policy::NEVER);
    let damaged = || Step::Refuse(WireError::new(ErrorCode::INTEGRITY, "damaged", ""));
    trio.primary.script([damaged(), damaged()]);
    let good = Bytes::from_static(b"good");
    trio.standby.script([Step::Answer(Response::Chunk, good.clone()), damaged()]);
    let (_, chunk) = trio.client.call(read_chunk(), Bytes::new()).await.expect("a good copy");
    assert_eq!(chunk, good);
    let error = trio.client.call(read_chunk(), Bytes::new()).await.expect_err("both are bad");
    assert_eq!(error.wire_code(), Some(ErrorCode::INTEGRITY));
    assert_eq!(*trio.client.reach().borrow(), Reach::Primary);
}
