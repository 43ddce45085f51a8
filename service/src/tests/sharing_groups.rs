//! Sharing with groups, and the groups themselves.

use super::harness::{Bench, answer, code, op};
use super::sharing::{share_request, with_user};
use super::user::User;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{
    EditGroup, GroupEdit, GroupPage, ListGroups, Mode, Recipient, ShareEntry, ShareNode, Trust,
};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Request};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn group(name: &str) -> Recipient {
    Recipient::Group(name.to_owned())
}

impl User {
    async fn groups(&self, after: Option<&str>) -> GroupPage {
        let request = ListGroups { after: after.map(str::to_owned) };
        answer!(self.ask(Request::ListGroups(request)).await, Groups).unwrap()
    }

    async fn members(&self, group: &str) -> Vec<String> {
        let page = self.groups(None).await;
        let found = page.groups.into_iter().find(|found| found.name == group);
        let mut members = found.expect("the group").members;
        members.sort();
        members
    }

    async fn share_with_group(&self, path: &str, name: &str, mode: Mode) -> ShareEntry {
        self.give(share_request(path, group(name), mode)).await.unwrap().share
    }
}

/// Anna, Bert, Cleo and Dora, and a file of Anna's.
async fn people(bench: &Bench) -> ([User; 4], NodeId) {
    let people = [
        bench.user("anna").await,
        bench.user("bert").await,
        bench.user("cleo").await,
        bench.user("dora").await,
    ];
    let node = people[0].put("/f", b"text", Expect::Absent).await.unwrap().node;
    (people, node)
}

#[tokio::test]
async fn a_group_is_made_renamed_listed_and_deleted() {
    let bench = Bench::new().await;
    let ([anna, bert, ..], _) = people(&bench).await;
    let made = anna.edit("Team", GroupEdit::Create(names(&["BERT", "cleo", "bert"]))).await;
    let made = made.unwrap();
    assert_eq!((made.shares, made.new_contacts.len()), (0, 2));
    assert!(made.new_contacts.iter().all(|contact| contact.trust == Trust::Known));
    assert_eq!(anna.members("Team").await, ["bert", "cleo"]);
    assert_eq!(bert.groups(None).await.groups, []);

    let exists = ErrorCode::GROUP_EXISTS;
    assert_eq!(code(anna.edit("TEAM", GroupEdit::Create(Vec::new())).await), exists);
    anna.edit("other", GroupEdit::Create(Vec::new())).await.unwrap();
    let rename = GroupEdit::Rename("team".to_owned());
    assert_eq!(code(anna.edit("other", rename.clone()).await), exists);
    anna.edit("tEaM", rename).await.unwrap();
    assert_eq!(anna.members("team").await, ["bert", "cleo"]);
    anna.edit("team", GroupEdit::Rename("crew".to_owned())).await.unwrap();
    let made = anna.edit("Team", GroupEdit::Create(Vec::new())).await;
    assert_eq!(made.unwrap().new_contacts, [], "the name is free again");

    let page = anna.groups(None).await;
    let listed: Vec<_> = page.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!((listed, page.damaged, page.next), (vec!["crew", "other", "Team"], 0, None));
    assert_eq!(anna.groups(Some("other")).await.groups.len(), 1);

    let bad = ["", "a/b", "\n"];
    for bad in bad {
        let made = anna.edit(bad, GroupEdit::Create(Vec::new())).await;
        assert_eq!(code(made), ErrorCode::BAD_NAME);
    }
    let unknown = ErrorCode::NO_SUCH_USER;
    let create = GroupEdit::Create(names(&["bert", "nobody"]));
    assert_eq!(code(anna.edit("new", create).await), unknown);
    assert_eq!(code(anna.edit("crew", GroupEdit::Add(names(&["nobody"]))).await), unknown);
    assert_eq!(code(anna.edit("crew", GroupEdit::Remove(names(&["dora"]))).await), unknown);
    let itself = GroupEdit::Add(names(&["anna"]));
    assert_eq!(code(anna.edit("crew", itself).await), ErrorCode::NOT_ALLOWED);
    let missing = ErrorCode::NO_SUCH_GROUP;
    assert_eq!(code(anna.edit("new", GroupEdit::Delete).await), missing);
    assert_eq!(code(bert.edit("crew", GroupEdit::Delete).await), missing);
    anna.edit("crew", GroupEdit::Delete).await.unwrap();
    assert_eq!(anna.groups(None).await.groups.len(), 2);
}

#[tokio::test]
async fn what_is_shared_with_a_group_is_its_members_and_only_theirs() {
    let bench = Bench::new().await;
    let ([anna, bert, cleo, dora], node) = people(&bench).await;
    anna.edit("g", GroupEdit::Create(names(&["bert", "cleo"]))).await.unwrap();
    let given = anna.share_with_group("/f", "G", Mode::Read).await;
    assert_eq!(given.with, group("g"));
    assert!(bert.sees(node).await && cleo.sees(node).await && !dora.sees(node).await);
    assert_eq!(anna.by_me().await, std::slice::from_ref(&given));
    let seen = bert.with_me().await;
    assert_eq!((seen.len(), &seen[0].with), (1, &with_user("bert")));

    let added = anna.edit("g", GroupEdit::Add(names(&["dora", "bert"]))).await.unwrap();
    assert_eq!((added.shares, added.new_contacts.len()), (1, 1));
    assert!(dora.sees(node).await);
    let removed = anna.edit("g", GroupEdit::Remove(names(&["BERT"]))).await.unwrap();
    assert_eq!(removed.shares, 1);
    assert!(!bert.sees(node).await && cleo.sees(node).await);

    let changed = anna.share_with_group("/f", "g", Mode::Write).await;
    assert_eq!(changed, ShareEntry { mode: Mode::Write, ..given });
    assert_eq!(cleo.with_me().await[0].mode, Mode::Write);
    assert!(!bert.sees(node).await);

    anna.unshare("/f", group("g")).await.unwrap();
    assert!(!cleo.sees(node).await && !dora.sees(node).await);
    assert_eq!(code(anna.unshare("/f", group("g")).await), ErrorCode::NO_SUCH_SHARE);
    anna.share_with_group("/f", "g", Mode::Read).await;
    let deleted = anna.edit("g", GroupEdit::Delete).await.unwrap();
    assert_eq!(deleted.shares, 1);
    assert!(!cleo.sees(node).await && !dora.sees(node).await);
    assert!(anna.by_me().await.is_empty());
    let page = bench.store.shares_of(node, None, 100).await.unwrap();
    assert_eq!((page.rows.len(), page.damaged.len()), (0, 0));
}

#[tokio::test]
async fn the_strongest_of_several_ways_counts_and_each_is_taken_back_alone() {
    let bench = Bench::new().await;
    let ([anna, bert, ..], node) = people(&bench).await;
    anna.edit("g", GroupEdit::Create(names(&["bert"]))).await.unwrap();
    anna.edit("h", GroupEdit::Create(names(&["bert"]))).await.unwrap();
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    anna.share_with_group("/f", "g", Mode::Write).await;
    anna.share_with_group("/f", "h", Mode::Read).await;
    let seen = bert.with_me().await;
    assert_eq!((seen.len(), seen[0].mode), (1, Mode::Write));
    assert_eq!(anna.by_me().await.len(), 3);
    anna.edit("g", GroupEdit::Remove(names(&["bert"]))).await.unwrap();
    assert_eq!(bert.with_me().await[0].mode, Mode::Read);
    anna.unshare("/f", with_user("bert")).await.unwrap();
    assert!(bert.sees(node).await, "through the other group");
    bert.leave(node).await.unwrap();
    assert!(!bert.sees(node).await);

    // Whoever has left comes back when he is taken in again, and not before.
    anna.share_with_group("/f", "h", Mode::Write).await;
    assert!(!bert.sees(node).await);
    assert_eq!(anna.members("h").await, ["bert"]);
    assert_eq!(anna.edit("h", GroupEdit::Add(names(&["bert"]))).await.unwrap().shares, 1);
    assert_eq!(bert.with_me().await[0].mode, Mode::Write);
    assert_eq!(anna.edit("h", GroupEdit::Add(names(&["bert"]))).await.unwrap().shares, 0);
    bert.leave(node).await.unwrap();
    assert!(!bert.sees(node).await);
}

#[tokio::test]
async fn a_rename_reaches_the_members() {
    let bench = Bench::new().await;
    let ([anna, bert, cleo, _], node) = people(&bench).await;
    anna.edit("g", GroupEdit::Create(names(&["bert"]))).await.unwrap();
    anna.share_with_group("/f", "g", Mode::Read).await;
    anna.mv("/f", "/renamed", false).await.unwrap();
    assert_eq!(bert.find("anna", "renamed").await.unwrap().node, node);
    assert_eq!(code(bert.find("anna", "f").await), ErrorCode::NO_SUCH_SHARE);
    anna.edit("g", GroupEdit::Add(names(&["cleo"]))).await.unwrap();
    assert_eq!(cleo.find("anna", "renamed").await.unwrap().node, node);
    assert_eq!(anna.by_me().await[0].names, ["renamed"]);
}

#[tokio::test]
async fn repeated_changes_of_groups_get_their_first_answer() {
    let bench = Bench::new().await;
    let ([anna, bert, ..], node) = people(&bench).await;
    let request =
        |name: &str, edit| Request::EditGroup(EditGroup { op: op(), name: name.to_owned(), edit });
    let share = |op| ShareNode { op, ..share_request("/f", group("g"), Mode::Read) };
    let twice = async |request: Request| {
        let first = anna.ask(request.clone()).await.unwrap();
        assert_eq!(anna.ask(request).await.unwrap(), first);
    };
    let create = request("g", GroupEdit::Create(names(&["bert"])));
    twice(create.clone()).await;
    twice(Request::Share(share(op()))).await;
    let remove = request("g", GroupEdit::Remove(names(&["bert"])));
    twice(remove.clone()).await;
    twice(request("g", GroupEdit::Add(names(&["bert"])))).await;
    twice(remove).await;
    assert!(bert.sees(node).await, "an old request takes nobody out again");
    twice(request("g", GroupEdit::Rename("h".to_owned()))).await;
    twice(create).await;
    assert_eq!(anna.groups(None).await.groups.len(), 1);
    twice(request("h", GroupEdit::Delete)).await;
    assert!(!bert.sees(node).await);
}

#[tokio::test]
async fn groups_made_at_the_same_moment_have_different_names() {
    let bench = Bench::new().await;
    let ([anna, ..], _) = people(&bench).await;
    anna.edit("a", GroupEdit::Create(Vec::new())).await.unwrap();
    anna.edit("b", GroupEdit::Create(Vec::new())).await.unwrap();
    for round in 0..5 {
        let name = format!("n{round}");
        let rename = || GroupEdit::Rename(name.clone());
        let (one, two, three, four) = tokio::join!(
            anna.edit(&name, GroupEdit::Create(Vec::new())),
            anna.edit(&name, GroupEdit::Create(Vec::new())),
            anna.edit("a", rename()),
            anna.edit("b", rename()),
        );
        let all = [one, two, three, four];
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1, "{all:?}");
        let page = anna.groups(None).await;
        let same = page.groups.iter().filter(|group| group.name == name).count();
        assert_eq!(same, 1);
        for (old, outcome) in [("a", &all[2]), ("b", &all[3])] {
            if outcome.is_ok() {
                anna.edit(&name, GroupEdit::Rename(old.to_owned())).await.unwrap();
            }
        }
    }
}

/// Whoever is in the group at the end has what is shared with it at the end,
/// and nobody else has anything.
#[tokio::test]
async fn members_and_shares_that_change_at_once_end_up_consistent() {
    let bench = Bench::new().await;
    let ([anna, bert, cleo, dora], node) = people(&bench).await;
    anna.edit("g", GroupEdit::Create(names(&["bert"]))).await.unwrap();
    for round in 0..6 {
        let (moved, old) = match round % 2 {
            0 => ("/renamed", "/f"),
            _ => ("/f", "/renamed"),
        };
        let (added, shared, renamed, removed) = tokio::join!(
            anna.edit("g", GroupEdit::Add(names(&["cleo", "dora"]))),
            anna.give(share_request(old, group("g"), Mode::Read)),
            anna.mv(old, moved, false),
            anna.edit("g", GroupEdit::Remove(names(&["bert"]))),
        );
        added.unwrap();
        renamed.unwrap();
        removed.unwrap();
        if let Err(error) = shared {
            assert_eq!(error.code, ErrorCode::NOT_FOUND, "renamed first: {error:?}");
            anna.share_with_group(moved, "g", Mode::Read).await;
        }
        assert!(!bert.sees(node).await && cleo.sees(node).await && dora.sees(node).await);
        for user in [&cleo, &dora] {
            assert_eq!(user.with_me().await[0].names, [&moved[1..]], "round {round}");
        }
        let (added, taken, removed) = tokio::join!(
            anna.edit("g", GroupEdit::Add(names(&["bert"]))),
            anna.unshare(moved, group("g")),
            anna.edit("g", GroupEdit::Remove(names(&["cleo", "dora"]))),
        );
        added.unwrap();
        taken.unwrap();
        removed.unwrap();
        assert!(!bert.sees(node).await && !cleo.sees(node).await && !dora.sees(node).await);
        let page = bench.store.shares_of(node, None, 100).await.unwrap();
        assert_eq!(page.rows, [], "round {round}");
    }
}
