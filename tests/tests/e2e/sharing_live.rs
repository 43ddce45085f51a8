//! What reaches people while they watch, and what they can read about later:
//! hints in order, each within moments, and the record of who did what.

use coffer_protocol::NodeId;
use coffer_protocol::message::event::{ActivityRecord, Deed, Event, SharedWith};
use coffer_protocol::message::share::{GroupEdit, Mode};
use coffer_protocol::message::tree::Expect;
use coffer_tests::person::{
    Person, Watcher, deed_name, group, inside, millis_from_now, node_place, until, user,
};
use coffer_tests::{Engine, Server};
use std::time::Duration;

async fn people(server: &Server) -> [Person; 3] {
    let link = server.link().parse().expect("a link");
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        people.push(Person::sign_up(&link, name).await);
    }
    people.try_into().ok().expect("three")
}

/// What an event says, in one line: who, what, where.
fn line(event: &Event) -> String {
    let place = event.location.as_ref().map_or("?".to_owned(), |location| {
        let owner = location.owner.as_ref().map(|owner| format!("@{owner}"));
        format!("{}/{}", owner.unwrap_or_default(), location.names.join("/"))
    });
    format!("{} {} {place}", event.by, deed_name(&event.deed))
}

/// Waits for these hints, in this order, and none of the watched kind between.
async fn expect_in_order(watcher: &mut Watcher, lines: &[&str]) {
    let mut slowest = Duration::ZERO;
    for wanted in lines {
        let (event, took) = watcher.expect(wanted, |event| line(event) == **wanted).await;
        assert!(event.at_millis > 0 && event.position.seq > 0, "{event:?}");
        slowest = slowest.max(took);
    }
    eprintln!("{} hints, the slowest after {slowest:?}", lines.len());
}

async fn hints(engine: Engine) {
    let server = Server::start(engine);
    let [ada, bob, eve] = people(&server).await;
    let mut bobs = Watcher::begin(&bob).await;
    let mut adas = Watcher::begin(&ada).await;
    let mut eves = Watcher::begin(&eve).await;
    let dir = ada.mkdir(&ada.own(""), "plans").await.expect("made");
    let place = node_place(dir);
    ada.share(&place, &user("bob"), Mode::Read).await.expect("shared");
    expect_in_order(&mut bobs, &["ada shared @ada/plans"]).await;
    ada.share(&place, &user("bob"), Mode::Write).await.expect("changed");
    let stronger = |event: &Event| matches!(&event.deed, Deed::Shared(SharedWith { with, mode: Mode::Write, .. }) if with == "bob");
    bobs.expect("a stronger share", stronger).await;

    // Each sees what the other does.
    ada.put(&inside(dir, "f"), b"one", Expect::Absent).await.expect("written");
    expect_in_order(&mut bobs, &["ada created @ada/plans/f"]).await;
    bob.put(&inside(dir, "f"), b"two", Expect::Anything).await.expect("written");
    expect_in_order(&mut adas, &["bob written /plans/f"]).await;
    bob.mkdir(&place, "d").await.expect("made");
    bob.mv(&inside(dir, "f"), &inside(dir, "g")).await.expect("renamed");
    expect_in_order(&mut adas, &["bob created /plans/d", "bob renamed /plans/g"]).await;
    bob.mv(&inside(dir, "g"), &inside(dir, "d/g")).await.expect("moved");
    expect_in_order(&mut adas, &["bob moved /plans/d/g"]).await;
    bob.rm(&inside(dir, "d/g")).await.expect("deleted");
    adas.expect("the deletion", |event| event.by == "bob" && event.deed == Deed::Deleted).await;
    let node = ada.trash().await.expect("a trash")[0].entry.node;
    ada.restore(node, None).await.expect("restored");
    expect_in_order(&mut bobs, &["ada restored @ada/plans/d/g"]).await;

    // The owner renames what is shared: the recipient hears the new name.
    ada.mv(&place, &ada.own("projects")).await.expect("renamed");
    expect_in_order(&mut bobs, &["ada renamed @ada/projects"]).await;
    assert_eq!(bob.find_shared("ada", "projects").await.expect("there").node, dir);
    assert!(bob.find_shared("ada", "plans").await.is_err());

    ada.unshare(&place, &user("bob")).await.expect("taken back");
    let gone = |event: &Event| matches!(event.deed, Deed::Unshared(_)) && event.node == dir;
    let (event, _) = bobs.expect("the end", gone).await;
    assert_eq!((event.owner.as_str(), event.by.as_str()), ("ada", "ada"));
    // From then on, silence; and whoever was never asked heard nothing.
    ada.put(&inside(dir, "secret"), b"secret", Expect::Absent).await.expect("written");
    ada.mkdir(&place, "hidden").await.expect("made");
    let late = bobs.drain(Duration::from_millis(500)).await;
    assert!(late.is_empty(), "{late:#?}");
    let foreign = eves.drain(Duration::from_millis(200)).await;
    assert!(foreign.iter().all(|event| event.by == "eve"), "{foreign:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_come_in_order_on_sqlite() {
    hints(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_come_in_order_on_mariadb() {
    hints(Engine::MariaDb).await;
}

/// Two sessions on a shared directory see each other's changes within a second;
/// the time is measured and printed, and fails only beyond ten.
#[tokio::test(flavor = "multi_thread")]
async fn changes_are_seen_within_a_second() {
    let server = Server::start(Engine::Sqlite);
    let [ada, bob, _] = people(&server).await;
    let dir = ada.mkdir(&ada.own(""), "d").await.expect("made");
    ada.share(&node_place(dir), &user("bob"), Mode::Write).await.expect("shared");
    let mut bobs = Watcher::begin(&bob).await;
    let mut adas = Watcher::begin(&ada).await;
    let mut times = Vec::new();
    for number in 0..20 {
        let (writer, watcher) = match number % 2 {
            0 => (&ada, &mut bobs),
            _ => (&bob, &mut adas),
        };
        let name = format!("f{number}");
        let written = async {
            // The other is waiting by now.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let written = writer.put(&inside(dir, &name), b"x", Expect::Absent).await;
            written.expect("written");
            std::time::Instant::now()
        };
        let seen = async {
            let named = |event: &Event| {
                let names = event.location.as_ref().map(|location| &location.names);
                names.is_some_and(|names| names.last() == Some(&name))
            };
            watcher.expect(&name, named).await;
            std::time::Instant::now()
        };
        let (written, seen) = tokio::join!(written, seen);
        times.push(seen.saturating_duration_since(written));
    }
    times.sort();
    eprintln!("seen after: median {:?}, slowest {:?}", times[10], times[19]);
}

/// Too many hints for the queue: "look at everything again", and nothing else
/// gets stuck.
#[tokio::test(flavor = "multi_thread")]
async fn an_overflow_says_refresh() {
    let server = Server::start(Engine::Sqlite);
    let [ada, bob, _] = people(&server).await;
    let dir = ada.mkdir(&ada.own(""), "d").await.expect("made");
    ada.share(&node_place(dir), &user("bob"), Mode::Read).await.expect("shared");
    let begun = bob.watch(None, 0).await.expect("begins");
    for number in 0..coffer_protocol::limits::MAX_WAITING_EVENTS + 40 {
        let place = inside(dir, &format!("f{number}"));
        ada.put(&place, b"x", Expect::Absent).await.expect("written");
    }
    let refreshed = until("a refresh", async || {
        let events = bob.watch(Some(begun.next), 100).await.expect("hints");
        assert!(events.events.len() <= coffer_protocol::limits::MAX_WAITING_EVENTS);
        events.refresh.then_some(events.next)
    })
    .await;
    ada.put(&inside(dir, "last"), b"x", Expect::Absent).await.expect("written");
    let mut next = refreshed;
    until("a hint after it", async || {
        let events = bob.watch(Some(next), 100).await.expect("hints");
        events.events.iter().any(|event| line(event) == "ada created @ada/d/last").then_some(())
    })
    .await;
    next = 0;
    // A number that was never given: everything has to be looked at again.
    assert!(bob.watch(Some(u64::MAX - next), 0).await.map_or(true, |events| events.refresh));
}

/// The kinds of deeds recorded for a node, newest first.
fn kinds(records: &[ActivityRecord], node: NodeId) -> Vec<(String, &'static str)> {
    let of = records.iter().filter(|record| record.node == node);
    of.map(|record| (record.by.clone(), deed_name(&record.deed))).collect()
}

/// What Bob does to a file that Ada made, in this order.
const BY_BOB: [&str; 6] =
    ["written", "version restored", "renamed", "moved", "deleted", "restored"];

async fn record(engine: Engine) {
    let server = Server::start(engine);
    let [ada, bob, eve] = people(&server).await;
    let dir = ada.mkdir(&ada.own(""), "plans").await.expect("made");
    let (place, file) = (node_place(dir), inside(dir, "f"));
    let node = ada.put(&file, b"one", Expect::Absent).await.expect("written").node;
    ada.share(&place, &user("bob"), Mode::Write).await.expect("shared");
    bob.put(&file, b"two", Expect::Anything).await.expect("written");
    let versions = bob.versions(&file).await.expect("versions");
    bob.restore_version(&file, versions[1].revision).await.expect("restored");
    bob.read(&file, None).await.expect("read");
    bob.mv(&file, &inside(dir, "g")).await.expect("renamed");
    bob.mkdir(&place, "d").await.expect("made");
    bob.mv(&inside(dir, "g"), &inside(dir, "d/g")).await.expect("moved");
    bob.rm(&inside(dir, "d/g")).await.expect("deleted");
    bob.restore(node, None).await.expect("restored");
    for person in [&ada, &bob] {
        recorded(person, dir, node).await;
    }
    let later = ada.activity(Some(&place), Some(millis_from_now(60_000))).await.expect("none");
    assert!(later.is_empty());

    // The end is written down, and with it ends what can be read.
    bob.leave(dir).await.expect("left");
    assert!(bob.activity(Some(&place), None).await.is_err());
    let left = bob.activity(None, None).await.expect("his own");
    let of_ada = left.iter().filter(|record| record.by == "ada" && record.node != dir);
    assert_eq!(of_ada.count(), 0, "{left:#?}");
    let adas = ada.activity(Some(&place), None).await.expect("activity");
    assert!(kinds(&adas, dir).contains(&("bob".to_owned(), "left")), "{adas:#?}");
    ada.share(&place, &user("bob"), Mode::Read).await.expect("shared");
    ada.unshare(&place, &user("bob")).await.expect("taken back");
    let adas = ada.activity(Some(&place), None).await.expect("activity");
    assert_eq!(kinds(&adas, dir)[..2], [("ada".into(), "unshared"), ("ada".into(), "shared")]);
    let eves = eve.activity(None, None).await.expect("her own");
    assert!(eves.iter().all(|record| record.by == "eve"), "{eves:#?}");
}

/// What one of both can read about the file.
async fn recorded(person: &Person, dir: NodeId, node: NodeId) {
    let place = node_place(dir);
    // A download may be written down a moment later.
    let records = until("the record", async || {
        let records = person.activity(Some(&place), None).await.expect("activity");
        (kinds(&records, node).len() >= BY_BOB.len() + 2).then_some(records)
    })
    .await;
    let mut deeds = kinds(&records, node);
    assert_eq!(deeds.pop(), Some(("ada".to_owned(), "created")), "{}", person.name);
    assert!(deeds.iter().all(|(by, _)| by == "bob"), "{deeds:?}");
    let mut deeds: Vec<&str> = deeds.iter().rev().map(|(_, kind)| *kind).collect();
    assert!(deeds.contains(&"downloaded"), "{deeds:?}");
    // Only a download has no certain place in the order.
    deeds.retain(|kind| *kind != "downloaded");
    assert_eq!(deeds, BY_BOB, "{}", person.name);
    let owner = (person.name == "bob").then(|| "ada".to_owned());
    for record in records.iter().filter(|record| record.node == node) {
        let location = record.location.as_ref().expect("it is there");
        assert_eq!((&location.owner, location.names.join("/")), (&owner, "plans/d/g".into()));
    }
    assert!(records.windows(2).all(|pair| pair[0].at_millis >= pair[1].at_millis));
    let all = person.activity(None, None).await.expect("activity");
    let mut signed_in = 0;
    for record in &all {
        let Deed::SignedIn(from) = &record.deed else { continue };
        signed_in += 1;
        assert!(from.contains("127.0.0.1"), "{from}");
        assert_eq!(record.by, person.name, "one's own only");
    }
    assert!(signed_in > 0, "{all:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_read_who_did_what_on_sqlite() {
    record(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_read_who_did_what_on_mariadb() {
    record(Engine::MariaDb).await;
}

/// Members of a group hear of what they get and lose with it.
#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_are_told() {
    let server = Server::start(Engine::Sqlite);
    let [ada, bob, eve] = people(&server).await;
    let dir = ada.mkdir(&ada.own(""), "d").await.expect("made");
    ada.edit_group("team", GroupEdit::Create(vec!["bob".into()])).await.expect("made");
    let (mut bobs, mut eves) = (Watcher::begin(&bob).await, Watcher::begin(&eve).await);
    ada.share(&node_place(dir), &group("team"), Mode::Read).await.expect("shared");
    expect_in_order(&mut bobs, &["ada shared @ada/d"]).await;
    ada.edit_group("team", GroupEdit::Add(vec!["eve".into()])).await.expect("added");
    expect_in_order(&mut eves, &["ada shared @ada/d"]).await;
    ada.edit_group("team", GroupEdit::Remove(vec!["bob".into()])).await.expect("removed");
    let gone = |event: &Event| matches!(event.deed, Deed::Unshared(_)) && event.node == dir;
    bobs.expect("the end", gone).await;
    ada.edit_group("team", GroupEdit::Delete).await.expect("deleted");
    eves.expect("the end", gone).await;
}
