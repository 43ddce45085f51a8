//! Keys of other people, and people who go.

use super::harness::{Bench, answer, code, op, open_config};
use super::sharing::with_user;
use super::user::User;
use crate::fault::Outcome;
use crate::{Rate, Rates, ServiceConfig, admin};
use coffer_crypto::{Key32, identity};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::SecretKind;
use coffer_protocol::message::share::{
    Changed, ConfirmContact, ContactInfo, FindContact, GroupEdit, Mode, ShareNode, Trust,
    WhichShares,
};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place, Request};
use coffer_store::{Change, SystemRandom};
use std::time::Duration;

impl User {
    async fn contact(&self, name: &str) -> Outcome<ContactInfo> {
        let request = FindContact { user_name: name.to_owned() };
        answer!(self.ask(Request::FindContact(request)).await, Contact)
    }

    async fn confirm(&self, name: &str, safety_number: &str) -> Outcome<Changed> {
        let (user_name, safety_number) = (name.to_owned(), safety_number.to_owned());
        let request = ConfirmContact { op: op(), user_name, safety_number };
        answer!(self.ask(Request::ConfirmContact(request)).await, Changed)
    }
}

/// A thief with the database gives a user another key.
async fn swap_key(bench: &Bench, name: &str) {
    let id = bench.id_of(name).await;
    let mut row = bench.store.user(id).await.unwrap().unwrap();
    let (public, _) = identity::generate(&Key32::from_bytes([6; 32]), &id.0).unwrap();
    row.identity_public = public;
    bench.put_row(vec![Change::PutUser(row)]).await;
    bench.clock.advance(Duration::from_secs(6));
}

async fn two(bench: &Bench) -> (User, User, NodeId) {
    let (anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    let node = anna.put("/f", b"text", Expect::Absent).await.unwrap().node;
    (anna, bert, node)
}

#[tokio::test]
async fn both_sides_see_one_safety_number_and_can_confirm_it() {
    let bench = Bench::new().await;
    let (anna, bert, _) = two(&bench).await;
    let first = anna.contact("BERT").await.unwrap();
    assert_eq!((first.trust, first.since_millis), (Trust::New, 0));
    assert_eq!(first.user_name, "bert");
    assert_eq!(bert.contact("anna").await.unwrap().safety_number, first.safety_number);
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    let known = anna.contact("bert").await.unwrap();
    assert_eq!((known.trust, known.since_millis), (Trust::Known, bench.millis()));
    assert_eq!(bert.contact("anna").await.unwrap().trust, Trust::New);
    bert.with_me().await;
    assert_eq!(bert.contact("anna").await.unwrap().trust, Trust::Known, "seen");

    let wrong = known.safety_number.replace(|c: char| c.is_ascii_digit(), "0");
    for wrong in [wrong.as_str(), "", "0"] {
        assert_eq!(code(anna.confirm("bert", wrong).await), ErrorCode::CONTACT_CHANGED);
    }
    let typed = known.safety_number.replace(' ', "");
    assert_eq!(anna.confirm("bert", &typed).await.unwrap().machines, 1);
    assert_eq!(anna.contact("bert").await.unwrap().trust, Trust::Confirmed);
    assert_eq!(anna.contact("bert").await.unwrap().trust, Trust::Confirmed);
    anna.share("/f", "bert", Mode::Write).await.unwrap();
    assert_eq!(anna.contact("bert").await.unwrap().trust, Trust::Confirmed, "and stays so");
    assert_eq!(code(anna.contact("nobody").await), ErrorCode::NO_SUCH_USER);
    assert_eq!(code(anna.contact("anna").await), ErrorCode::NOT_ALLOWED);
}

#[tokio::test]
async fn nothing_is_shared_with_a_person_whose_key_has_changed() {
    let bench = Bench::new().await;
    let (anna, _bert, node) = two(&bench).await;
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    anna.edit("g", GroupEdit::Create(vec!["bert".to_owned()])).await.unwrap();
    swap_key(&bench, "bert").await;

    let changed = ErrorCode::CONTACT_CHANGED;
    assert_eq!(code(anna.share("/f", "bert", Mode::Write).await), changed);
    let with = coffer_protocol::message::share::Recipient::Group("g".to_owned());
    let request = super::sharing::share_request("/f", with, Mode::Read);
    assert_eq!(code(anna.give(request).await), changed);
    let add = GroupEdit::Add(vec!["bert".to_owned()]);
    assert_eq!(code(anna.edit("g", add).await), changed);
    let create = GroupEdit::Create(vec!["bert".to_owned()]);
    assert_eq!(code(anna.edit("h", create).await), changed);
    assert!(anna.by_me().await[0].key_changed);
    let info = anna.contact("bert").await.unwrap();
    assert_eq!((info.trust, info.since_millis), (Trust::Changed, 0));

    // What is there can be renamed and taken back all the same.
    let before = bench.store.shares_of(node, None, 10).await.unwrap().rows;
    anna.mv("/f", "/g", false).await.unwrap();
    assert_eq!(bench.store.shares_of(node, None, 10).await.unwrap().rows, before);
    anna.unshare("/g", with_user("bert")).await.unwrap();
    anna.confirm("bert", &info.safety_number).await.unwrap();
    assert_eq!(anna.contact("bert").await.unwrap().trust, Trust::Confirmed);
    anna.share("/g", "bert", Mode::Read).await.unwrap();
}

#[tokio::test]
async fn nothing_of_a_person_whose_key_has_changed_opens() {
    let bench = Bench::new().await;
    let (anna, bert, node) = two(&bench).await;
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    let seen = bert.with_me().await;
    assert!(bert.sees(node).await);
    swap_key(&bench, "anna").await;

    let changed = ErrorCode::CONTACT_CHANGED;
    assert_eq!(code(bert.read(Place::node(node), None).await), changed);
    assert_eq!(code(bert.find("anna", "f").await), changed);
    let shown = bert.with_me().await;
    assert_eq!(shown.len(), 1);
    assert!(shown[0].key_changed);
    assert_eq!(shown[0].names, [format!("~{}", &seen[0].share.to_string()[..4])]);
    let info = bert.contact("anna").await.unwrap();
    assert_eq!(info.trust, Trust::Changed);
    bert.confirm("anna", &info.safety_number).await.unwrap();
    let page = bert.shares(WhichShares::WithMe).await.unwrap();
    assert_eq!(page.damaged, [seen[0].share], "not sealed by the holder of this key");
    assert_eq!(code(bert.read(Place::node(node), None).await), ErrorCode::INTEGRITY);
    // Leaving needs no key.
    bert.leave(node).await.unwrap();
}

#[tokio::test]
async fn a_new_person_of_an_old_name_is_another_person() {
    let bench = Bench::new().await;
    let (anna, bert, _) = two(&bench).await;
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    anna.edit("g", GroupEdit::Create(vec!["bert".to_owned()])).await.unwrap();
    let proof = bert.prove_again(SecretKind::Password).await.unwrap();
    bert.ask(Request::DeleteAccount(proof)).await.unwrap();
    assert!(anna.by_me().await.is_empty());
    let page = bench.store.shares_by(bench.id_of("anna").await, None, 10).await.unwrap();
    assert_eq!(page.rows, []);

    let bert = bench.user("bert").await;
    assert_eq!(code(anna.share("/f", "bert", Mode::Read).await), ErrorCode::CONTACT_CHANGED);
    let node = bert.put("/b", b"text", Expect::Absent).await.unwrap().node;
    bert.share("/b", "anna", Mode::Read).await.unwrap();
    assert!(anna.with_me().await[0].key_changed);
    assert_eq!(code(anna.read(Place::node(node), None).await), ErrorCode::CONTACT_CHANGED);
    let number = anna.contact("bert").await.unwrap().safety_number;
    anna.confirm("bert", &number).await.unwrap();
    assert!(anna.sees(node).await);
    assert_eq!(anna.find("bert", "b").await.unwrap().node, node);

    // The old one is still in the group, and makes room for the new one.
    let with = coffer_protocol::message::share::Recipient::Group("g".to_owned());
    let request = ShareNode { op: op(), ..super::sharing::share_request("/f", with, Mode::Read) };
    anna.give(request).await.unwrap();
    assert!(bert.with_me().await.is_empty());
    anna.edit("g", GroupEdit::Add(vec!["bert".to_owned()])).await.unwrap();
    assert_eq!(bert.with_me().await.len(), 1);
}

#[tokio::test]
async fn an_account_that_goes_takes_its_shares_with_it_at_once() {
    for by_operator in [false, true] {
        let bench = Bench::new().await;
        let (anna, bert, node) = two(&bench).await;
        let cleo = bench.user("cleo").await;
        let dir = anna.mkdir("/d").await.unwrap();
        anna.put("/d/f", b"text", Expect::Absent).await.unwrap();
        anna.share("/f", "bert", Mode::Read).await.unwrap();
        anna.edit("g", GroupEdit::Create(vec!["bert".to_owned()])).await.unwrap();
        let with = coffer_protocol::message::share::Recipient::Group("g".to_owned());
        anna.give(super::sharing::share_request("/d", with, Mode::Write)).await.unwrap();
        cleo.put("/c", b"text", Expect::Absent).await.unwrap();
        cleo.share("/c", "anna", Mode::Read).await.unwrap();
        anna.with_me().await;
        assert_eq!(bert.with_me().await.len(), 2);

        let id = bench.id_of("anna").await;
        if by_operator {
            admin::delete_account(&bench.store, &SystemRandom, id).await.unwrap();
        } else {
            let proof = anna.prove_again(SecretKind::Password).await.unwrap();
            anna.ask(Request::DeleteAccount(proof)).await.unwrap();
        }
        for node in [node, dir] {
            assert_eq!(code(bert.read(Place::node(node), None).await), ErrorCode::NOT_FOUND);
        }
        assert!(bert.with_me().await.is_empty());
        assert!(cleo.by_me().await.is_empty());
        assert_eq!(code(bert.find("anna", "f").await), ErrorCode::NO_SUCH_SHARE);
        assert_eq!(code(cleo.share("/c", "anna", Mode::Read).await), ErrorCode::NO_SUCH_USER);
        bench.service.upkeep().await;
        assert_eq!(bench.store.user(id).await.unwrap(), None);
        assert_eq!(bench.store.groups(id).await.unwrap().rows, []);
        for table in ["shares", "user_groups"] {
            let count = format!("SELECT COUNT(*) FROM {table}");
            let left: i64 = bench.sql().query_row(&count, [], |row| row.get(0)).unwrap();
            assert_eq!(left, 0, "{table}");
        }
        let count = "SELECT COUNT(*) FROM contacts WHERE owner=?";
        let left: i64 = bench.sql().query_row(count, [&id.0[..]], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn names_cannot_be_guessed_quickly() {
    let rates =
        Rates { look_up_per_user: Rate::new(3, Duration::from_mins(1)), ..open_config().rates };
    let bench = Bench::with(ServiceConfig { rates, ..open_config() }).await;
    let (anna, bert, _) = two(&bench).await;
    bench.user("cleo").await;
    anna.share("/f", "bert", Mode::Read).await.unwrap();
    for guess in ["a1", "a2"] {
        assert_eq!(code(anna.contact(guess).await), ErrorCode::NO_SUCH_USER);
    }
    assert_eq!(code(anna.contact("a3").await), ErrorCode::RATE_LIMITED);
    assert_eq!(code(anna.contact("cleo").await), ErrorCode::RATE_LIMITED, "and so does a hit");
    assert_eq!(code(anna.share("/f", "cleo", Mode::Read).await), ErrorCode::RATE_LIMITED);
    anna.share("/f", "bert", Mode::Write).await.unwrap();
    assert!(bert.contact("cleo").await.is_ok(), "others are not held up");
    bench.clock.advance(Duration::from_mins(1));
    anna.share("/f", "cleo", Mode::Read).await.unwrap();
}
