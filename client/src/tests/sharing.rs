//! What `@owner/name` means, and how long that is believed.

use crate::client::Client;
use crate::ops::share::ShareScope;
use crate::testing::{FakeServer, Step, client, keys};
use coffer_protocol::message::share::{
    Changed, ContactInfo, Mode, Recipient, ShareEntry, SharePage, Trust,
};
use coffer_protocol::message::tree::{Entry, Expect, Kind, Outcomes};
use coffer_protocol::{
    ErrorCode, Hash32, NodeId, Place, Position, Request, Response, ShareId, WireError,
};
use std::sync::Arc;

pub(super) const HERE: Position = Position { epoch: 3, seq: 101 };

pub(super) struct Setting {
    pub(super) server: Arc<FakeServer>,
    pub(super) client: Client,
    _dir: tempfile::TempDir,
}

pub(super) fn setting(steps: impl IntoIterator<Item = Step>) -> Setting {
    let server = FakeServer::new(&keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(&server, 1, &dir);
    server.script(steps);
    Setting { server, client, _dir: dir }
}

impl Setting {
    fn lookups(&self) -> usize {
        let is_lookup = |request: &Request| matches!(request, Request::FindShared(_));
        self.server.seen().iter().filter(|request| is_lookup(request)).count()
    }

    fn stats(&self) -> Vec<Place> {
        let place = |request| match request {
            Request::Stat(stat) => Some(stat.place),
            _ => None,
        };
        self.server.seen().into_iter().filter_map(place).collect()
    }

    pub(super) fn at_end(&self) {
        self.server.with(|nature| assert!(nature.script.is_empty(), "not all was asked for"));
    }
}

fn share(owner: &str, name: &str, node: u8) -> ShareEntry {
    ShareEntry {
        share: ShareId([node; 16]),
        node: NodeId([node; 16]),
        kind: Kind::Directory,
        names: vec![name.to_owned()],
        owner: owner.to_owned(),
        with: Recipient::User("me".to_owned()),
        mode: Mode::Write,
        created_millis: 0,
        expires_millis: None,
        key_changed: false,
    }
}

pub(super) fn found(node: u8) -> Step {
    Step::answer(Response::Share(Box::new(share("anna", "docs", node))))
}

pub(super) fn entry(node: u8, kind: Kind) -> Step {
    Step::answer(Response::Entry(Entry {
        node: NodeId([node; 16]),
        parent: NodeId([99; 16]),
        name: "name".to_owned(),
        kind,
        size: 10,
        modified_millis: 77,
        created_millis: 0,
        executable: false,
        revision: 5,
        content_hash: Hash32([0; 32]),
        machines: 1,
    }))
}

pub(super) fn refuse(code: ErrorCode) -> Step {
    Step::Refuse(WireError::new(code, "refused", ""))
}

pub(super) fn outcome(item: Result<NodeId, WireError>) -> Step {
    Step::answer(Response::Outcomes(Outcomes { items: vec![item], position: HERE, machines: 1 }))
}

pub(super) fn below(node: u8, names: &[&str]) -> Place {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Place { names, ..Place::node(NodeId([node; 16])) }
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_several_requests() {
    let setting = setting([found(7), entry(8, Kind::File), entry(7, Kind::Directory)]);
    setting.client.stat("@anna/docs/a/b").await.expect("there");
    setting.client.stat("@anna/docs").await.expect("there");
    assert_eq!(setting.lookups(), 1);
    assert_eq!(setting.stats(), [below(7, &["a", "b"]), below(7, &[])]);
}

#[tokio::test]
async fn a_name_that_means_something_else_now_is_looked_up_again() {
    let setting = setting([
        found(7),
        entry(8, Kind::File),
        refuse(ErrorCode::NOT_FOUND),
        found(17),
        entry(18, Kind::File),
    ]);
    setting.client.stat("@anna/docs/x").await.expect("there");
    let now = setting.client.stat("@anna/docs/x").await.expect("there again");
    assert_eq!(now.node, NodeId([18; 16]));
    assert_eq!(setting.stats(), [below(7, &["x"]), below(7, &["x"]), below(17, &["x"])]);
}

#[tokio::test]
async fn what_is_not_there_is_not_asked_for_twice() {
    // Nothing was remembered: the answer stands.
    let fresh = setting([found(7), refuse(ErrorCode::NOT_FOUND)]);
    let error = fresh.client.stat("@anna/docs/x").await.expect_err("not there");
    assert_eq!((error.code(), fresh.lookups(), fresh.stats().len()), ("not-found", 1, 1));

    // The name means what it meant: the answer stands, too.
    let same = setting([found(7), entry(8, Kind::File), refuse(ErrorCode::NOT_FOUND), found(7)]);
    same.client.stat("@anna/docs/x").await.expect("there");
    assert!(same.client.find("@anna/docs/y").await.expect("an answer").is_none());
    assert_eq!((same.lookups(), same.stats().len()), (2, 2));

    // The share is gone: that is what the user hears.
    let gone = setting([
        found(7),
        entry(8, Kind::File),
        refuse(ErrorCode::NOT_FOUND),
        refuse(ErrorCode::NO_SUCH_SHARE),
        refuse(ErrorCode::NO_SUCH_SHARE),
    ]);
    gone.client.stat("@anna/docs/x").await.expect("there");
    let error = gone.client.stat("@anna/docs/x").await.expect_err("gone");
    assert_eq!(error.code(), "no-such-share");
    let error = gone.client.stat("@anna/docs/x").await.expect_err("still gone");
    assert_eq!((error.code(), gone.lookups()), ("no-such-share", 3));
}

#[tokio::test]
async fn other_refusals_do_not_shake_what_is_remembered() {
    let setting = setting([found(7), refuse(ErrorCode::NOT_ALLOWED), entry(7, Kind::Directory)]);
    let error = setting.client.mkdir("@anna/docs/new", false).await.expect_err("READ only");
    assert_eq!(error.exit(), crate::Exit::NotAllowed);
    setting.client.stat("@anna/docs").await.expect("there");
    assert_eq!(setting.lookups(), 1);
}

#[tokio::test]
async fn several_things_are_not_one() {
    let setting = setting([]);
    for path in ["@", "@anna"] {
        let error = setting.client.stat(path).await.expect_err("several");
        assert_eq!(error.code(), "many-things");
    }
    assert!(setting.server.seen().is_empty());
}

#[tokio::test]
async fn what_was_left_is_forgotten() {
    let left = Response::Changed(Changed { position: HERE, machines: 1 });
    let setting = setting([found(7), Step::answer(left), refuse(ErrorCode::NO_SUCH_SHARE)]);
    setting.client.leave("anna", "docs").await.expect("left");
    assert_eq!(setting.client.profile().position, HERE);
    let error = setting.client.stat("@anna/docs").await.expect_err("left");
    assert_eq!(error.code(), "no-such-share");
}

fn page(shares: Vec<ShareEntry>, next: Option<u8>) -> Step {
    let next = next.map(|byte| ShareId([byte; 16]));
    Step::answer(Response::Shares(SharePage { shares, damaged: Vec::new(), next }))
}

#[tokio::test]
async fn what_one_user_shares_is_picked_from_all_pages() {
    let setting = setting([
        page(vec![share("ben", "b", 1), share("Anna", "z", 2)], Some(1)),
        page(vec![share("Anna", "a", 3)], None),
    ]);
    let found = setting.client.shared_with_me(Some("anna")).await.expect("listed");
    let names: Vec<_> = found.shares.iter().map(|share| share.names[0].as_str()).collect();
    assert_eq!(names, ["a", "z"]);
    setting.at_end();
}

#[tokio::test]
async fn a_user_who_shares_nothing_is_told_from_one_who_is_not_there() {
    let contact = ContactInfo {
        user_name: "anna".to_owned(),
        safety_number: String::new(),
        trust: Trust::New,
        since_millis: 0,
    };
    let setting = setting([
        page(Vec::new(), None),
        Step::answer(Response::Contact(contact)),
        page(Vec::new(), None),
        refuse(ErrorCode::NO_SUCH_USER),
    ]);
    assert!(setting.client.shared_with_me(Some("anna")).await.expect("none").shares.is_empty());
    let error = setting.client.shared_with_me(Some("nobody")).await.expect_err("nobody");
    assert_eq!(error.exit(), crate::Exit::NotFound);
}

#[tokio::test]
async fn a_list_that_goes_round_ends() {
    let setting = setting([page(Vec::new(), Some(1)), page(Vec::new(), Some(1))]);
    let mut pages = setting.client.shares(ShareScope::ByMe).expect("a list");
    pages.next_page().await.expect("a page");
    let error = pages.next_page().await.expect_err("the same again");
    assert_eq!(error.code(), "unexpected-answer");
}

/// A desktop program runs operations as tasks on several threads.
#[test]
fn operations_can_move_between_threads() {
    fn movable<T: Send>(_: &T) {}
    let Setting { client, _dir, .. } = setting([]);
    movable(&client.stat("/a"));
    movable(&client.mkdir("@anna/a", true));
    movable(&client.relocate("/a", "@anna/b", true));
    movable(&client.copy("/a", "/b", Expect::Anything));
    movable(&client.share("/a", Recipient::User(String::new()), Mode::Read, None));
    movable(&client.open_file("/a", None));
    movable(&client.watch().next());
    let mut shares = client.shares(ShareScope::ByMe).expect("a list");
    movable(&shares.next_page());
    let mut walk = client.walk("/a", None).expect("a walk");
    movable(&walk.next_page());
    let mut trash = client.trash_in("@anna/a").expect("a list");
    movable(&trash.next_page());
    let mut activity = client.activity(None, None).expect("a list");
    movable(&activity.next_page());
}
