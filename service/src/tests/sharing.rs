//! Sharing with users: giving, changing, taking back, leaving, listing, finding.

use super::harness::{Bench, answer, code, op, place};
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{
    Changed, FindShared, LeaveShare, ListShares, Mode, Recipient, ShareEntry, ShareNode, SharePage,
    Shared, Trust, Unshare, WhichShares,
};
use coffer_protocol::message::tree::{Expect, Kind};
use coffer_protocol::{NodeId, Place, Request, Response};
use std::time::Duration;

pub(super) fn with_user(name: &str) -> Recipient {
    Recipient::User(name.to_owned())
}

pub(super) fn share_request(path: &str, with: Recipient, mode: Mode) -> ShareNode {
    ShareNode { op: op(), place: place(path), with, mode, expires_millis: None }
}

impl User {
    pub(super) async fn give(&self, request: ShareNode) -> Outcome<Shared> {
        answer!(self.ask(Request::Share(request)).await, Shared).map(|shared| *shared)
    }

    pub(super) async fn share(&self, path: &str, with: &str, mode: Mode) -> Outcome<Shared> {
        self.give(share_request(path, with_user(with), mode)).await
    }

    pub(super) async fn unshare(&self, path: &str, with: Recipient) -> Outcome<Changed> {
        let request = Unshare { op: op(), place: place(path), with };
        answer!(self.ask(Request::Unshare(request)).await, Changed)
    }

    pub(super) async fn leave(&self, node: NodeId) -> Outcome<Changed> {
        answer!(self.ask(Request::LeaveShare(LeaveShare { op: op(), node })).await, Changed)
    }

    pub(super) async fn shares(&self, which: WhichShares) -> Outcome<SharePage> {
        let request = ListShares { which, cursor: None, limit: 1000 };
        answer!(self.ask(Request::ListShares(request)).await, Shares)
    }

    pub(super) async fn with_me(&self) -> Vec<ShareEntry> {
        let page = self.shares(WhichShares::WithMe).await.unwrap();
        assert_eq!((page.next, page.damaged), (None, Vec::new()));
        page.shares
    }

    pub(super) async fn by_me(&self) -> Vec<ShareEntry> {
        let page = self.shares(WhichShares::ByMe).await.unwrap();
        assert_eq!((page.next, page.damaged), (None, Vec::new()));
        page.shares
    }

    pub(super) async fn find(&self, owner: &str, name: &str) -> Outcome<ShareEntry> {
        let request = FindShared { owner: owner.to_owned(), name: name.to_owned() };
        answer!(self.ask(Request::FindShared(request)).await, Share).map(|entry| *entry)
    }

    /// Whether the user can read a node by its id.
    pub(super) async fn sees(&self, node: NodeId) -> bool {
        self.read(Place::node(node), None).await.is_ok()
    }
}

#[tokio::test]
async fn what_is_shared_is_listed_found_and_read() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("Anna").await, bench.user("Bert").await);
    let dir = anna.mkdir("/docs").await.unwrap();
    let node = anna.put("/docs/f", b"text", Expect::Absent).await.unwrap().node;
    assert!(!bert.sees(node).await);

    let shared = anna.share("/docs/f", "bERT", Mode::Read).await.unwrap();
    let given = shared.share.clone();
    assert_eq!((given.node, given.kind, given.mode), (node, Kind::File, Mode::Read));
    assert_eq!(given.names, ["docs", "f"]);
    assert_eq!((given.owner.as_str(), &given.with), ("Anna", &with_user("Bert")));
    assert_eq!((given.expires_millis, given.key_changed), (None, false));
    assert_eq!(shared.new_contacts.len(), 1);
    assert_eq!(shared.new_contacts[0].user_name, "Bert");
    assert_eq!(shared.new_contacts[0].trust, Trust::Known);

    let seen = bert.with_me().await;
    let expected = ShareEntry { names: vec!["f".to_owned()], ..given.clone() };
    assert_eq!(seen, std::slice::from_ref(&expected));
    assert_eq!(bert.find("anna", "f").await.unwrap(), expected);
    assert_eq!(bert.read(Place::node(node), None).await.unwrap(), b"text");
    assert!(bert.by_me().await.is_empty());
    assert_eq!(anna.by_me().await, std::slice::from_ref(&given));
    let of = anna.shares(WhichShares::Of(place("/docs/f"))).await.unwrap();
    assert_eq!(of.shares, [given]);
    assert!(anna.with_me().await.is_empty());

    let second = anna.share("/docs", "bert", Mode::Write).await.unwrap();
    assert!(second.new_contacts.is_empty(), "known by now");
    assert_eq!(bert.with_me().await.len(), 2);
    assert_eq!(bert.find("Anna", "docs").await.unwrap().node, dir);
}

#[tokio::test]
async fn a_share_that_is_changed_stays_the_same_share() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let node = anna.put("/f", b"text", Expect::Absent).await.unwrap().node;
    let first = anna.share("/f", "bert", Mode::Read).await.unwrap().share;
    bench.clock.advance(Duration::from_mins(1));
    let end = bench.millis() + 1000;
    let request = ShareNode {
        expires_millis: Some(end),
        ..share_request("/f", with_user("bert"), Mode::Write)
    };
    let second = anna.give(request).await.unwrap().share;
    let expected = ShareEntry { mode: Mode::Write, expires_millis: Some(end), ..first };
    assert_eq!(second, expected);
    assert_eq!(bert.with_me().await, std::slice::from_ref(&expected));
    assert_eq!(anna.by_me().await, [expected]);
    assert!(bert.sees(node).await);

    bench.clock.advance(Duration::from_millis(1001));
    assert!(!bert.sees(node).await, "it has ended");
    assert!(bert.with_me().await.is_empty());
    assert!(anna.by_me().await.is_empty());
    assert_eq!(code(bert.find("anna", "f").await), ErrorCode::NO_SUCH_SHARE);
    let again = anna.share("/f", "bert", Mode::Read).await.unwrap().share;
    assert_eq!(again.expires_millis, None);
    assert!(bert.sees(node).await);
    let past = ShareNode {
        expires_millis: Some(bench.millis()),
        ..share_request("/f", with_user("bert"), Mode::Read)
    };
    assert_eq!(code(anna.give(past).await), ErrorCode::NOT_ALLOWED);
}

#[tokio::test]
async fn what_is_taken_back_or_given_up_is_gone() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let node = anna.put("/f", b"text", Expect::Absent).await.unwrap().node;
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    assert!(bert.sees(node).await);
    anna.unshare("/f", with_user("bert")).await.unwrap();
    assert!(!bert.sees(node).await);
    assert!(bert.with_me().await.is_empty());
    let gone = ErrorCode::NO_SUCH_SHARE;
    assert_eq!(code(bert.find("anna", "f").await), gone);
    assert_eq!(code(anna.unshare("/f", with_user("bert")).await), gone);
    assert_eq!(code(anna.unshare("/f", with_user("nobody")).await), gone);
    assert_eq!(code(bert.leave(node).await), gone);

    anna.share("/f", "bert", Mode::Read).await.unwrap();
    bert.leave(node).await.unwrap();
    assert!(!bert.sees(node).await);
    assert!(anna.by_me().await.is_empty());
    assert_eq!(code(bert.leave(node).await), gone);
    assert_eq!(code(bert.leave(NodeId([7; 16])).await), gone);
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    assert!(bert.sees(node).await, "shared again");
}

#[tokio::test]
async fn only_what_is_ones_own_and_live_is_shared_and_only_with_others() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    bench.user("cleo").await;
    let dir = anna.mkdir("/d").await.unwrap();
    let node = anna.put("/d/f", b"text", Expect::Absent).await.unwrap().node;
    let denied = ErrorCode::NOT_ALLOWED;
    assert_eq!(code(anna.share("/", "bert", Mode::Read).await), denied);
    assert_eq!(code(anna.share("/d", "ANNA", Mode::Read).await), denied);
    for nobody in ["nobody", "", "be", "bert*", "no/body", "\u{0}"] {
        assert_eq!(code(anna.share("/d", nobody, Mode::Read).await), ErrorCode::NO_SUCH_USER);
    }
    assert_eq!(code(anna.share("/x", "bert", Mode::Read).await), ErrorCode::NOT_FOUND);

    anna.share("/d", "bert", Mode::Write).await.unwrap();
    for node in [dir, node] {
        let place = Place::node(node);
        let request =
            ShareNode { place: place.clone(), ..share_request("/", with_user("cleo"), Mode::Read) };
        assert_eq!(code(bert.give(request).await), denied, "no sharing on");
        let request = Unshare { op: op(), place: place.clone(), with: with_user("bert") };
        assert_eq!(code(bert.ask(Request::Unshare(request)).await), denied);
        assert_eq!(code(bert.shares(WhichShares::Of(place)).await), denied);
    }

    anna.rm("/d", true).await.unwrap();
    for id in [dir, node] {
        let place = Place::node(id);
        let request = ShareNode { place, ..share_request("/", with_user("cleo"), Mode::Read) };
        assert_eq!(code(anna.give(request).await), ErrorCode::NOT_FOUND, "in the trash");
        assert!(!bert.sees(id).await);
    }
    assert!(bert.with_me().await.is_empty());
    assert!(anna.by_me().await.is_empty());
    let request = Unshare { op: op(), place: Place::node(dir), with: with_user("bert") };
    anna.ask(Request::Unshare(request)).await.unwrap();
}

#[tokio::test]
async fn repeated_requests_get_their_first_answer() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let node = anna.put("/f", b"text", Expect::Absent).await.unwrap().node;
    let share = share_request("/f", with_user("bert"), Mode::Read);
    let first = anna.give(share.clone()).await.unwrap();
    assert_eq!(anna.give(share.clone()).await.unwrap(), first);
    let unshare = Unshare { op: op(), place: place("/f"), with: with_user("bert") };
    let back = anna.ask(Request::Unshare(unshare.clone())).await.unwrap();
    assert_eq!(anna.ask(Request::Unshare(unshare.clone())).await.unwrap(), back);
    assert_eq!(anna.give(share.clone()).await.unwrap(), first, "also when it was taken back");
    assert!(!bert.sees(node).await, "and it is not given again");
    anna.share("/f", "bert", Mode::Write).await.unwrap();
    assert_eq!(anna.ask(Request::Unshare(unshare)).await.unwrap(), back);
    assert!(bert.sees(node).await);
    let leave = Request::LeaveShare(LeaveShare { op: op(), node });
    let left = bert.ask(leave.clone()).await.unwrap();
    assert!(matches!(left, Response::Changed(_)));
    assert_eq!(bert.ask(leave).await.unwrap(), left);
    anna.rm("/f", false).await.unwrap();
    assert_eq!(anna.give(share).await.unwrap(), first, "also when it is not there any more");
}

#[tokio::test]
async fn names_that_collide_are_told_apart() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let mut nodes = Vec::new();
    for dir in ["/a", "/b", "/c"] {
        anna.mkdir(dir).await.unwrap();
        let path = format!("{dir}/same");
        nodes.push(anna.put(&path, dir.as_bytes(), Expect::Absent).await.unwrap().node);
        anna.share(&path, "bert", Mode::Read).await.unwrap();
        bench.clock.advance(Duration::from_millis(5));
    }
    let mut seen = bert.with_me().await;
    seen.sort_by_key(|entry| entry.created_millis);
    assert_eq!(seen[0].names, ["same"]);
    for entry in &seen[1..] {
        let id = entry.share.to_string();
        assert_eq!(entry.names, [format!("same~{}", &id[..4])]);
        assert_eq!(bert.find("anna", &entry.names[0]).await.unwrap(), *entry);
        assert_eq!(bert.find("anna", &format!("same~{id}")).await.unwrap(), *entry);
    }
    let id = seen[0].share.to_string();
    assert_eq!(bert.find("anna", &format!("same~{id}")).await.unwrap(), seen[0]);
    assert_eq!(bert.find("anna", "same").await.unwrap().node, nodes[0]);

    anna.rm("/a", true).await.unwrap();
    assert_eq!(bert.find("anna", "same").await.unwrap().node, nodes[1], "the next has it");
    assert_eq!(bert.with_me().await.len(), 2);
    anna.mv("/b/same", "/b/other", false).await.unwrap();
    assert_eq!(bert.find("anna", "other").await.unwrap().node, nodes[1]);
    assert_eq!(bert.find("anna", "same").await.unwrap().node, nodes[2]);
}
