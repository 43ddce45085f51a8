//! Who did what: what is recorded, and who can read it.

use super::guest::below;
use super::harness::{Bench, answer, code, op, place, put_files};
use super::sharing::with_user;
use super::user::User;
use crate::fault::Outcome;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::{
    ActivityPage, ActivityRecord, Deed, ListActivity, Location, SharedWith,
};
use coffer_protocol::message::share::Mode;
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place, Request};
use std::time::Duration;

pub(super) const EVERYTHING: ListActivity =
    ListActivity { place: None, since_millis: None, cursor: None, limit: 1000 };

impl User {
    pub(super) async fn activity_page(&self, request: ListActivity) -> Outcome<ActivityPage> {
        answer!(self.ask(Request::ListActivity(request)).await, Activity)
    }

    /// All records but sign-ins, the oldest first; none of them is damaged.
    pub(super) async fn deeds(&self, place: Option<Place>) -> Vec<ActivityRecord> {
        self.service.core.write_waiting().await;
        let mut records = self.every_record(place).await;
        records.retain(|record| !matches!(record.deed, Deed::SignedIn(_)));
        records.sort_by_key(|record| record.at_millis);
        records
    }

    pub(super) async fn every_record(&self, place: Option<Place>) -> Vec<ActivityRecord> {
        let (mut records, mut cursor) = (Vec::new(), None);
        loop {
            let request = ListActivity { place: place.clone(), cursor, ..EVERYTHING };
            let page = self.activity_page(request).await.unwrap();
            assert_eq!(page.damaged, 0);
            records.extend(page.records);
            cursor = page.next;
            if cursor.is_none() {
                return records;
            }
        }
    }
}

pub(super) fn located(owner: Option<&str>, names: &[&str]) -> Location {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Location { owner: owner.map(str::to_owned), names }
}

pub(super) fn kinds(records: &[ActivityRecord]) -> Vec<Deed> {
    records.iter().map(|record| record.deed.clone()).collect()
}

/// Something else happens at every tick, so that records have an order.
pub(super) fn tick(bench: &Bench) {
    bench.clock.advance(Duration::from_secs(1));
}

/// One deed of each kind, one second after the other: a directory, one in it, and
/// a file that ends up there.
async fn everything_happens(bench: &Bench, anna: &User, bert: &User) -> [NodeId; 3] {
    let dir = anna.mkdir("/d").await.unwrap();
    tick(bench);
    anna.share("/d", "bert", Mode::Write).await.unwrap();
    tick(bench);
    let node = bert.put_at(below(dir, "/f"), b"one", Expect::Absent).await.unwrap().node;
    tick(bench);
    anna.put("/d/f", b"two", Expect::Anything).await.unwrap();
    tick(bench);
    bert.restore_version(below(dir, "/f"), 1).await.unwrap();
    tick(bench);
    bert.mv_at(below(dir, "/f"), below(dir, "/g")).await.unwrap();
    tick(bench);
    let inner = anna.mkdir("/d/inner").await.unwrap();
    tick(bench);
    anna.mv("/d/g", "/d/inner/g", false).await.unwrap();
    tick(bench);
    assert_eq!(bert.read(Place::node(node), None).await.unwrap(), b"one");
    tick(bench);
    bert.rm_at(below(inner, "/g")).await.unwrap();
    tick(bench);
    let restore = coffer_protocol::message::tree::RestoreTrash { op: op(), node, to: None };
    answer!(anna.ask(Request::RestoreTrash(restore)).await, Written).unwrap();
    tick(bench);
    anna.share("/d/inner", "carl", Mode::Read).await.unwrap();
    tick(bench);
    anna.unshare("/d/inner", with_user("carl")).await.unwrap();
    [dir, inner, node]
}

#[tokio::test]
async fn what_is_done_is_read_by_owner_and_recipient_and_nobody_else() {
    let bench = Bench::new().await;
    let (anna, bert) = (bench.user("Anna").await, bench.user("Bert").await);
    let carl = bench.user("Carl").await;
    let [dir, inner, node] = everything_happens(&bench, &anna, &bert).await;
    let shared = |with: &str, mode| {
        Deed::Shared(SharedWith { with: with.to_owned(), mode, expires_millis: None })
    };
    let expected = [
        ("Anna", Deed::Created, "d"),
        ("Anna", shared("Bert", Mode::Write), "d"),
        ("Bert", Deed::Created, "f"),
        ("Anna", Deed::Written, "f"),
        ("Bert", Deed::VersionRestored(1), "f"),
        ("Bert", Deed::Renamed("f".to_owned()), "g"),
        ("Anna", Deed::Created, "inner"),
        ("Anna", Deed::Moved("g".to_owned()), "g"),
        ("Bert", Deed::Downloaded, "g"),
        ("Bert", Deed::Deleted, "g"),
        ("Anna", Deed::Restored, "g"),
        ("Anna", shared("Carl", Mode::Read), "inner"),
        ("Anna", Deed::Unshared("Carl".to_owned()), "inner"),
    ];
    for (reader, owner) in [(&anna, None), (&bert, Some("Anna"))] {
        let records = reader.deeds(None).await;
        let seen: Vec<_> = records
            .iter()
            .map(|record| (record.by.as_str(), record.deed.clone(), record.names[0].as_str()))
            .collect();
        assert_eq!(seen, expected);
        assert!(records.iter().all(|record| record.count == 0));
        let of_file = records.iter().filter(|record| record.node == node);
        for record in of_file {
            assert_eq!(record.location, Some(located(owner, &["d", "inner", "g"])));
        }
        let within = reader.deeds(Some(Place::node(inner))).await;
        assert_eq!(within.len(), 11, "the file is in it now");
    }
    assert_eq!(carl.deeds(None).await, []);
    assert_eq!(
        code(
            carl.activity_page(ListActivity { place: Some(Place::node(dir)), ..EVERYTHING }).await
        ),
        ErrorCode::NOT_FOUND
    );
    anna.unshare("/d", with_user("bert")).await.unwrap();
    assert_eq!(bert.deeds(None).await, [], "what is taken back takes its record along");
}

#[tokio::test]
async fn many_at_once_are_one_record_of_their_directory() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let dir = anna.mkdir("/d").await.unwrap();
    tick(&bench);
    let paths: Vec<_> = (0..20).map(|number| format!("/d/{number:02}")).collect();
    let files: Vec<_> = paths.iter().map(|path| (place(path), &b"x"[..], Expect::Absent)).collect();
    let (request, payload) = put_files(op(), &files);
    anna.send(request, payload).await.unwrap();
    let records = anna.deeds(None).await;
    assert_eq!(records.len(), 2);
    let many = &records[1];
    assert_eq!((many.node, many.deed.clone(), many.count), (dir, Deed::Created, 20));
    assert_eq!(many.names, ["00", "01", "02", "03", "04", "05", "06", "07"]);
    assert_eq!(many.location, Some(located(None, &["d"])));

    let nodes = answer!(anna.ask(list("/d")).await, List).unwrap();
    let nodes: Vec<NodeId> = nodes.entries.iter().map(|entry| entry.node).collect();
    tick(&bench);
    anna.read_batch(nodes.clone()).await.unwrap();
    anna.read_batch(nodes[..9].to_vec()).await.unwrap();
    let records = anna.deeds(Some(place("/d"))).await;
    assert_eq!(records.len(), 3, "read again soon after is not recorded again");
    assert_eq!((records[2].deed.clone(), records[2].count), (Deed::Downloaded, 20));
    bench.clock.advance(Duration::from_mins(10));
    anna.read_batch(nodes[..8].to_vec()).await.unwrap();
    assert_eq!(anna.deeds(None).await.len(), 3 + 8, "eight are told one by one");
}

fn list(path: &str) -> Request {
    let list = coffer_protocol::message::tree::List { place: place(path), cursor: None, limit: 99 };
    Request::List(list)
}

#[tokio::test]
async fn a_download_is_recorded_once_in_a_while() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/f", b"text", Expect::Absent).await.unwrap();
    tick(&bench);
    for _ in 0..3 {
        anna.cat("/f").await.unwrap();
    }
    bench.clock.advance(Duration::from_mins(9));
    anna.cat("/f").await.unwrap();
    assert_eq!(kinds(&anna.deeds(None).await), [Deed::Created, Deed::Downloaded]);
    bench.clock.advance(Duration::from_mins(1));
    anna.cat("/f").await.unwrap();
    assert_eq!(anna.deeds(None).await.len(), 3);
}

#[tokio::test]
async fn records_are_written_by_themselves_and_at_the_end() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    anna.put("/f", b"text", Expect::Absent).await.unwrap();
    anna.cat("/f").await.unwrap();
    let written = || -> i64 {
        bench.sql().query_row("SELECT count(*) FROM activity", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(written(), 1, "what changes something is recorded with it");
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if written() == 3 {
            break;
        }
    }
    assert_eq!(written(), 3, "a download and a sign-in");
    bench.clock.advance(Duration::from_mins(11));
    anna.cat("/f").await.unwrap();
    bench.service.shutdown().await;
    assert_eq!(written(), 4);
}

#[tokio::test]
async fn sign_ins_are_recorded_with_their_address() {
    let bench = Bench::new().await;
    let (mut anna, bert) = (bench.user("anna").await, bench.user("bert").await);
    anna.link = bench.link("2001:db8::7");
    anna.sign_in().await.unwrap();
    anna.link = bench.link("::ffff:192.0.2.1");
    anna.sign_in().await.unwrap();
    let refused = {
        let mut thief = bench.stranger("anna");
        thief.link = bench.link("198.51.100.9");
        thief.password = super::harness::keys("wrong", 1);
        thief.sign_in().await
    };
    assert!(refused.is_err());
    bench.service.core.write_waiting().await;
    let mut records = anna.every_record(None).await;
    records.sort_by_key(|record| format!("{:?}", record.deed));
    let from = |address: &str| Deed::SignedIn(address.to_owned());
    assert_eq!(kinds(&records), [from("192.0.2.1"), from("2001:db8::7")]);
    assert_eq!(records[0].location, Some(located(None, &[])));
    assert_eq!((records[0].by.as_str(), records[0].count), ("anna", 0));
    let of_bert = bert.every_record(None).await;
    assert_eq!(kinds(&of_bert), [from("192.0.2.1")]);
    assert!(of_bert.iter().all(|record| record.by == "bert"));
}
