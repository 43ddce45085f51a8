//! Rows of shares that somebody edited, with digests that fit: they do not open.

use super::harness::{Bench, answer, code, op, place};
use super::sharing::{share_request, with_user};
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{
    EditGroup, GroupChanged, GroupEdit, Mode, Recipient, ShareNode, WhichShares,
};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place, Request, ShareId, UserId};
use coffer_store::{Change, Commit, MODE_READ, MODE_WRITE, ShareRow};
use std::time::Duration;

impl Bench {
    pub(super) async fn put_row(&self, changes: Vec<Change>) {
        self.store.commit(Commit { changes, ..Commit::default() }).await.unwrap();
    }

    pub(super) async fn share_row(&self, share: ShareId) -> ShareRow {
        self.store.share(share).await.unwrap().unwrap()
    }

    pub(super) async fn id_of(&self, name: &str) -> UserId {
        let tag = self.secret().user_tag(name);
        self.store.user_by_tag(tag).await.unwrap().unwrap().user
    }
}

impl User {
    pub(super) async fn edit(&self, name: &str, edit: GroupEdit) -> Outcome<GroupChanged> {
        let request = EditGroup { op: op(), name: name.to_owned(), edit };
        answer!(self.ask(Request::EditGroup(request)).await, GroupChanged)
    }
}

struct Sample {
    anna: User,
    bert: User,
    cleo: User,
    row: ShareRow,
    other: ShareRow,
}

/// `/f` is shared with Bert until a day from now, and `/g` without an end.
async fn sample(bench: &Bench) -> Sample {
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let cleo = bench.user("cleo").await;
    for path in ["/f", "/g"] {
        anna.put(path, b"text", Expect::Absent).await.unwrap();
    }
    let end = Some(bench.millis() + 86_400_000);
    let request =
        ShareNode { expires_millis: end, ..share_request("/f", with_user("bert"), Mode::Read) };
    let first = anna.give(request).await.unwrap().share.share;
    let second = anna.share("/g", "bert", Mode::Read).await.unwrap().share.share;
    let (row, other) = (bench.share_row(first).await, bench.share_row(second).await);
    Sample { anna, bert, cleo, row, other }
}

/// The share gives nothing to this user, by node, by name or in a list, also
/// where it had been opened before it was edited.
async fn refused(bench: &Bench, user: &User, row: &ShareRow, what: &str) {
    let mut fresh = bench.stranger(&user.name);
    fresh.sign_in().await.unwrap();
    for user in [user, &fresh] {
        let read = user.read(Place::node(row.node), None).await;
        assert_eq!(code(read), ErrorCode::INTEGRITY, "{what}");
        let page = user.shares(WhichShares::WithMe).await.unwrap();
        assert_eq!(page.damaged, [row.share], "{what}");
        assert!(page.shares.iter().all(|entry| entry.share != row.share), "{what}");
        assert_eq!(code(user.find("anna", "f").await), ErrorCode::INTEGRITY, "{what}");
    }
}

#[tokio::test]
async fn an_edited_row_does_not_open() {
    let bench = Bench::new().await;
    let Sample { anna, bert, cleo, row, other } = sample(&bench).await;
    assert_eq!(bert.with_me().await.len(), 2);
    assert!(bert.sees(row.node).await);
    let group = anna.edit("g", GroupEdit::Create(Vec::new())).await;
    assert_eq!(group.unwrap().shares, 0);
    let group = bench.store.groups(row.owner).await.unwrap().rows[0].group;

    let edited = [
        ("mode", ShareRow { mode: MODE_WRITE, ..row.clone() }),
        ("no end", ShareRow { expires_millis: None, ..row.clone() }),
        ("another end", ShareRow { expires_millis: Some(i64::MAX), ..row.clone() }),
        ("via", ShareRow { via: group, ..row.clone() }),
        ("created", ShareRow { created_millis: row.created_millis - 1, ..row.clone() }),
        ("epoch", ShareRow { key_epoch: 2, ..row.clone() }),
        ("grant of another", ShareRow { grant_ct: other.grant_ct.clone(), ..row.clone() }),
        ("no grant", ShareRow { grant_ct: Vec::new(), ..row.clone() }),
    ];
    for (what, edited) in edited {
        bench.put_row(vec![Change::PutShare(edited)]).await;
        refused(&bench, &bert, &row, what).await;
        let seen = bert.shares(WhichShares::WithMe).await.unwrap().shares;
        assert_eq!(seen.len(), 1, "{what}: the other one is still there");
        bench.put_row(vec![Change::PutShare(row.clone())]).await;
        assert!(bert.sees(row.node).await, "{what}: as it was");
    }

    let cleo_id = bench.id_of("cleo").await;
    let edited = ShareRow { recipient: cleo_id.0, ..row.clone() };
    bench.put_row(vec![Change::PutShare(edited)]).await;
    refused(&bench, &cleo, &row, "recipient").await;
    assert!(!bert.sees(row.node).await);
    bench.put_row(vec![Change::PutShare(row.clone())]).await;

    // Sharing once more repairs the row.
    bench.put_row(vec![Change::PutShare(ShareRow { mode: MODE_WRITE, ..row.clone() })]).await;
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    assert!(bert.sees(row.node).await);
    assert_eq!(bench.share_row(row.share).await.mode, MODE_READ);
}

#[tokio::test]
async fn a_share_moved_to_another_node_or_owner_does_not_open() {
    let bench = Bench::new().await;
    let Sample { anna, bert, cleo, row, other } = sample(&bench).await;
    let secret = anna.put("/secret", b"secret", Expect::Absent).await.unwrap().node;
    let moved = ShareRow { node: secret, ..row.clone() };
    bench.put_row(vec![Change::PutShare(moved)]).await;
    refused(&bench, &bert, &ShareRow { node: secret, ..row.clone() }, "node").await;
    bench.put_row(vec![Change::PutShare(row.clone())]).await;

    // Somebody makes a share of another's node out of one of his own.
    let own = cleo.put("/own", b"own", Expect::Absent).await.unwrap().node;
    let given = cleo.share("/own", "bert", Mode::Read).await.unwrap().share.share;
    let given = bench.share_row(given).await;
    assert_eq!(given.node, own);
    let forged = ShareRow { node: secret, owner: row.owner, ..given.clone() };
    bench.put_row(vec![Change::PutShare(forged)]).await;
    assert_eq!(code(bert.read(Place::node(secret), None).await), ErrorCode::INTEGRITY);

    // And gives the node to himself on top of it.
    let mut node = bench.store.node(other.node).await.unwrap().unwrap();
    node.owner = given.owner;
    let forged = ShareRow { owner: given.owner, ..other.clone() };
    bench.put_row(vec![Change::PutNode(node), Change::PutShare(forged)]).await;
    assert_eq!(code(bert.read(Place::node(other.node), None).await), ErrorCode::INTEGRITY);
    assert_eq!(code(cleo.read(Place::node(other.node), None).await), ErrorCode::INTEGRITY);
}

#[tokio::test]
async fn a_row_with_a_wrong_digest_is_named_and_hides_no_other() {
    let bench = Bench::new().await;
    let Sample { anna, bert, row, other, .. } = sample(&bench).await;
    let sql = bench.sql();
    let update = "UPDATE shares SET mode=2 WHERE share=?";
    assert_eq!(sql.execute(update, [&row.share.0[..]]).unwrap(), 1);
    for (user, which) in [(&bert, WhichShares::WithMe), (&anna, WhichShares::ByMe)] {
        let page = user.shares(which).await.unwrap();
        assert_eq!(page.damaged, [row.share]);
        assert_eq!(page.shares.len(), 1);
        assert_eq!(page.shares[0].share, other.share);
    }
    let of = anna.shares(WhichShares::Of(place("/f"))).await.unwrap();
    assert_eq!((of.damaged, of.shares.len()), (vec![row.share], 0));
    assert!(!bert.sees(row.node).await);
    assert!(bert.sees(other.node).await);
    assert_eq!(bert.find("anna", "g").await.unwrap().share, other.share);
}

#[tokio::test]
async fn an_edited_share_with_a_group_gives_nobody_anything() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    bench.user("cleo").await;
    anna.put("/f", b"text", Expect::Absent).await.unwrap();
    anna.edit("g", GroupEdit::Create(vec!["bert".to_owned()])).await.unwrap();
    let with = Recipient::Group("g".to_owned());
    let share = anna.give(share_request("/f", with, Mode::Read)).await.unwrap().share.share;
    let row = bench.share_row(share).await;
    assert!(bert.sees(row.node).await);

    let edited = ShareRow { mode: MODE_WRITE, ..row.clone() };
    bench.put_row(vec![Change::PutShare(edited)]).await;
    let page = anna.shares(WhichShares::ByMe).await.unwrap();
    assert_eq!((page.damaged, page.shares.len()), (vec![share], 0));
    let add = anna.edit("g", GroupEdit::Add(vec!["cleo".to_owned()])).await;
    assert_eq!(code(add), ErrorCode::INTEGRITY);
    bench.put_row(vec![Change::PutShare(row)]).await;
    assert_eq!(anna.edit("g", GroupEdit::Add(vec!["cleo".to_owned()])).await.unwrap().shares, 1);

    // The group's own record, put back from before.
    let groups = bench.store.groups(bench.id_of("anna").await).await.unwrap().rows;
    anna.edit("g", GroupEdit::Remove(vec!["cleo".to_owned()])).await.unwrap();
    let mut group = bench.store.group(groups[0].group).await.unwrap().unwrap();
    group.sealed.clone_from(&groups[0].sealed);
    bench.put_row(vec![Change::PutGroup(group)]).await;
    assert_eq!(code(anna.edit("g", GroupEdit::Delete).await), ErrorCode::NO_SUCH_GROUP);
}

#[tokio::test]
async fn an_end_cannot_be_outlived_by_what_was_opened_before() {
    let bench = Bench::new().await;
    let Sample { bert, row, other, .. } = sample(&bench).await;
    assert!(bert.sees(row.node).await);
    bench.clock.advance(Duration::from_hours(24));
    let mut bert = bert;
    bert.sign_in().await.unwrap();
    assert_eq!(code(bert.read(Place::node(row.node), None).await), ErrorCode::NOT_FOUND);
    assert!(bert.sees(other.node).await);
    assert!(!bert.sees(NodeId([7; 16])).await);
}
