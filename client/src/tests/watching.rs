//! A watch goes on over lost connections, and says when hints were lost.

use crate::client::Client;
use crate::cluster::Cluster;
use crate::ops::events::Notice;
use crate::retry::Policy;
use crate::session::Session;
use crate::testing::{FakeDialer, FakeServer, SERVER, Step, client, keys, options, profile};
use coffer_protocol::message::event::{Deed, Event, Events};
use coffer_protocol::{ErrorCode, NodeId, Position, Request, Response, WireError};
use std::sync::Arc;

fn event(by: &str) -> Event {
    Event {
        deed: Deed::Written,
        node: NodeId([1; 16]),
        location: None,
        by: by.to_owned(),
        owner: "anna".to_owned(),
        at_millis: 0,
        position: Position::default(),
    }
}

fn events(by: &[&str], next: u64, refresh: bool) -> Step {
    let events = by.iter().map(|by| event(by)).collect();
    Step::answer(Response::Events(Events { events, next, refresh }))
}

fn setting(steps: impl IntoIterator<Item = Step>) -> (Arc<FakeServer>, Client, tempfile::TempDir) {
    let server = FakeServer::new(&keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(&server, 1, &dir);
    server.script(steps);
    (server, client, dir)
}

fn asked(server: &FakeServer) -> Vec<Option<u64>> {
    let after = |request| match request {
        Request::Watch(watch) => watch.after,
        other => panic!("not a watch: {other:?}"),
    };
    server.seen().into_iter().map(after).collect()
}

async fn notices(client: &Client, number: usize) -> Vec<String> {
    let mut watcher = client.watch();
    let mut seen = Vec::new();
    for _ in 0..number {
        seen.push(match watcher.next().await.expect("a notice") {
            Notice::Refresh => "refresh".to_owned(),
            Notice::Event(event) => event.by,
        });
    }
    seen
}

#[tokio::test]
async fn events_come_in_order_and_waits_without_any_are_not_seen() {
    let (server, client, _dir) = setting([
        events(&[], 1, false),
        events(&["a", "b"], 3, false),
        events(&[], 3, false),
        events(&["c"], 4, false),
    ]);
    assert_eq!(notices(&client, 4).await, ["refresh", "a", "b", "c"]);
    assert_eq!(asked(&server), [None, Some(1), Some(3), Some(3)]);
}

#[tokio::test]
async fn hints_that_were_lost_are_told_before_those_that_follow() {
    let (_server, client, _dir) =
        setting([events(&[], 1, false), events(&["late"], 900, true), events(&["x"], 901, false)]);
    assert_eq!(notices(&client, 4).await, ["refresh", "refresh", "late", "x"]);
}

#[tokio::test]
async fn a_lost_connection_begins_the_watch_again() {
    let refuse = |code| Step::Refuse(WireError::new(code, "", ""));
    for end in [Step::Break, refuse(ErrorCode::SESSION_EXPIRED), refuse(ErrorCode::BAD_CURSOR)] {
        let (server, client, _dir) = setting([
            events(&["a"], 5, false),
            end,
            events(&[], 1, false),
            events(&["b"], 2, false),
        ]);
        assert_eq!(notices(&client, 4).await, ["refresh", "a", "refresh", "b"]);
        assert_eq!(asked(&server), [None, Some(5), None, Some(1)]);
    }
}

#[tokio::test]
async fn a_refusal_ends_the_watch_and_so_does_the_end_of_patience() {
    let refused = WireError::new(ErrorCode::INTERNAL, "no", "");
    let (_server, client, _dir) = setting([events(&[], 1, false), Step::Refuse(refused)]);
    let mut watcher = client.watch();
    watcher.next().await.expect("it begins");
    assert_eq!(watcher.next().await.expect_err("refused").code(), "internal");

    let server = FakeServer::new(&keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(&dir);
    options.policy = Policy::NEVER;
    let dialer = Arc::new(FakeDialer(Arc::clone(&server)));
    let session = Session::new(dialer, Policy::NEVER, keys(1), profile(), Cluster::unknown(SERVER));
    let client = Client::of(session, &options);
    server.script([events(&[], 1, false), Step::Break, events(&[], 1, false)]);
    let mut watcher = client.watch();
    watcher.next().await.expect("it begins");
    assert_eq!(watcher.next().await.expect_err("lost").code(), "connection-lost");
    // Asking again begins again.
    assert_eq!(watcher.next().await.expect("it begins again"), Notice::Refresh);
}
