//! Groups, contacts and their keys, shares that end by themselves, names that
//! collide, two people who write the same file, and whose account is charged.

use coffer_protocol::ErrorCode;
use coffer_protocol::message::share::{GroupEdit, Mode, Recipient, ShareEntry, Trust, WhichShares};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, WireError};
use coffer_tests::person::{Person, code, group, inside, millis_from_now, node_place, until, user};
use coffer_tests::{Coffer, Engine, Server};

async fn person(server: &Server, name: &str) -> Person {
    Person::sign_up(&server.link().parse().expect("a link"), name).await
}

async fn dir(owner: &Person, name: &str) -> NodeId {
    let dir = owner.mkdir(&owner.own(""), name).await.expect("made");
    owner.put(&inside(dir, "f"), b"content", Expect::Absent).await.expect("written");
    dir
}

fn can_read(answer: &Result<Vec<u8>, WireError>) -> bool {
    match answer {
        Ok(bytes) => bytes == b"content",
        Err(error) if error.code == ErrorCode::NOT_FOUND => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn reads(person: &Person, dir: NodeId) -> bool {
    can_read(&person.read(&inside(dir, "f"), None).await)
}

async fn groups(engine: Engine) {
    let server = Server::start(engine);
    let ada = person(&server, "ada").await;
    let (bob, eve) = (person(&server, "bob").await, person(&server, "eve").await);
    let (one, two) = (dir(&ada, "one").await, dir(&ada, "two").await);
    let team = group("team");
    let both = vec!["bob".to_owned(), "eve".to_owned()];
    let made = ada.edit_group("team", GroupEdit::Create(both)).await.expect("made");
    assert_eq!(made.new_contacts.len(), 2);
    let again = ada.edit_group("team", GroupEdit::Create(Vec::new())).await;
    assert_eq!(code(again), ErrorCode::GROUP_EXISTS);
    let unknown = ada.edit_group("team", GroupEdit::Add(vec!["nobody".into()])).await;
    assert_eq!(code(unknown), ErrorCode::NO_SUCH_USER);
    ada.share(&node_place(one), &team, Mode::Read).await.expect("shared");
    ada.share(&node_place(two), &team, Mode::Write).await.expect("shared");
    // Directly and through a group: the stronger counts.
    ada.share(&node_place(one), &user("bob"), Mode::Write).await.expect("shared");
    let wrote = bob.put(&inside(one, "f"), b"content", Expect::Anything).await;
    wrote.expect("WRITE directly");
    let refused = eve.put(&inside(one, "f"), b"x", Expect::Anything).await;
    assert_eq!(code(refused), ErrorCode::NOT_ALLOWED);
    eve.put(&inside(two, "f"), b"content", Expect::Anything).await.expect("WRITE");
    let groups = ada.groups().await.expect("groups");
    assert_eq!((groups[0].name.as_str(), groups[0].members.len()), ("team", 2));
    assert!(eve.groups().await.expect("her own").is_empty());
    // What the owner sees: one entry for the group, one for the direct share.
    let by_me = ada.shares(WhichShares::Of(node_place(one))).await.expect("shares");
    let mut with: Vec<&Recipient> = by_me.iter().map(|share| &share.with).collect();
    with.sort();
    assert_eq!(with, [&user("bob"), &team]);
    // One who leaves loses what the group and the owner gave; the others do not.
    bob.leave(one).await.expect("left");
    assert!(!reads(&bob, one).await && reads(&bob, two).await && reads(&eve, one).await);
    // Taken in again, it is his again.
    let add = |name: &str| GroupEdit::Add(vec![name.to_owned()]);
    ada.edit_group("team", add("bob")).await.expect("added");
    assert!(reads(&bob, one).await);
    let carl = person(&server, "carl").await;
    assert!(!reads(&carl, one).await);
    ada.edit_group("team", add("carl")).await.expect("added");
    assert!(reads(&carl, one).await && reads(&carl, two).await);
    ada.edit_group("team", GroupEdit::Remove(vec!["eve".into()])).await.expect("removed");
    assert!(!reads(&eve, one).await && !reads(&eve, two).await);
    let renamed = GroupEdit::Rename("crew".into());
    ada.edit_group("team", renamed).await.expect("renamed");
    assert!(reads(&carl, one).await);
    assert_eq!(code(ada.edit_group("team", add("eve")).await), ErrorCode::NO_SUCH_GROUP);
    ada.unshare(&node_place(one), &group("crew")).await.expect("taken back");
    assert!(!reads(&carl, one).await && reads(&carl, two).await);
    ada.edit_group("crew", GroupEdit::Delete).await.expect("deleted");
    for person in [&bob, &carl] {
        assert!(!reads(person, two).await);
        assert!(person.shares(WhichShares::WithMe).await.expect("none").is_empty());
    }
    assert!(ada.shares(WhichShares::ByMe).await.expect("none").is_empty());
    server.assert_check_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_give_and_take_on_sqlite() {
    groups(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_give_and_take_on_mariadb() {
    groups(Engine::MariaDb).await;
}

/// The account is deleted, and somebody signs up under the same name.
async fn changed_keys(engine: Engine) {
    let server = Server::start(engine);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let (dir, bobs) = (dir(&ada, "d").await, dir(&bob, "from-bob").await);
    assert_eq!(ada.contact("bob").await.expect("bob").trust, Trust::New);
    let shared = ada.share(&node_place(dir), &user("bob"), Mode::Read).await.expect("shared");
    let number = shared.new_contacts[0].safety_number.clone();
    assert_eq!(number.split(' ').map(str::len).collect::<Vec<_>>(), [5; 12]);
    bob.share(&node_place(bobs), &user("ada"), Mode::Read).await.expect("shared");
    assert!(reads(&ada, bobs).await);
    let known = ada.contact("BOB").await.expect("case does not matter");
    assert_eq!((known.trust, &known.safety_number), (Trust::Known, &number));
    assert_eq!(bob.contact("ada").await.expect("ada").safety_number, number);
    // A number that is not the right one confirms nothing.
    let wrong =
        number.replace(&number[..5], if number.starts_with("00000") { "1" } else { "00000" });
    assert!(ada.confirm("bob", &wrong).await.is_err());
    ada.confirm("bob", &number).await.expect("confirmed");
    assert_eq!(ada.contact("bob").await.expect("a contact").trust, Trust::Confirmed);

    bob.delete_account().await;
    let left = until("the shares of the deleted user to go", async || {
        let shares = ada.shares(WhichShares::ByMe).await.expect("shares");
        shares.is_empty().then_some(ada.shares(WhichShares::WithMe).await.expect("shares"))
    })
    .await;
    assert!(left.is_empty(), "{left:?}");
    let other = person(&server, "bob").await;
    assert!(!reads(&other, dir).await, "the name alone gives nothing");
    let contact = ada.contact("bob").await.expect("the other");
    assert_eq!(contact.trust, Trust::Changed);
    assert_ne!(contact.safety_number, number);
    let refused = ada.share(&node_place(dir), &user("bob"), Mode::Read).await;
    assert_eq!(code(refused), ErrorCode::CONTACT_CHANGED);
    let grouped = ada.edit_group("team", GroupEdit::Create(vec!["bob".into()])).await;
    assert_eq!(code(grouped), ErrorCode::CONTACT_CHANGED);
    // Nor does what the other one gives open.
    let trap = self::dir(&other, "trap").await;
    other.share(&node_place(trap), &user("ada"), Mode::Write).await.expect("he knows no Ada yet");
    let listed = ada.shares(WhichShares::WithMe).await.expect("shares");
    assert!(listed.iter().all(|share| share.key_changed), "{listed:?}");
    assert_eq!(code(ada.find_shared("bob", "trap").await), ErrorCode::CONTACT_CHANGED);
    assert!(ada.read(&inside(trap, "f"), None).await.is_err());
    assert!(ada.put(&inside(trap, "mine"), b"x", Expect::Absent).await.is_err());
    // With the old number, nothing; with the new one, everything.
    assert!(ada.confirm("bob", &number).await.is_err());
    ada.confirm("bob", &contact.safety_number).await.expect("confirmed");
    ada.share(&node_place(dir), &user("bob"), Mode::Read).await.expect("shared");
    assert!(reads(&other, dir).await && reads(&ada, trap).await);
    assert_eq!(ada.find_shared("bob", "trap").await.expect("found").node, trap);
    server.assert_check_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_stops_everything_on_sqlite() {
    changed_keys(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_stops_everything_on_mariadb() {
    changed_keys(Engine::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_ends_by_itself() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let (short, long) = (dir(&ada, "short").await, dir(&ada, "long").await);
    let past = ada.share_until(&node_place(short), &user("bob"), Mode::Read, Some(1)).await;
    assert!(past.is_err(), "an end that has passed is a mistake");
    let end = millis_from_now(4000);
    let share = async |node, end| {
        let shared = ada.share_until(&node_place(node), &user("bob"), Mode::Write, end).await;
        shared.expect("shared").share
    };
    assert_eq!(share(short, Some(end)).await.expires_millis, Some(end));
    share(long, Some(millis_from_now(3_600_000))).await;
    let open = bob.open(&inside(short, "f"), None).await.expect("opened");
    assert!(reads(&bob, short).await && reads(&bob, long).await);
    wait_until_after(end).await;
    assert!(!reads(&bob, short).await && reads(&bob, long).await);
    let chunk = bob.read_chunk(open.entry.node, open.entry.revision, 0).await;
    assert_eq!(code(chunk), ErrorCode::NOT_FOUND);
    let put = bob.put(&inside(short, "f"), b"x", Expect::Anything).await;
    assert_eq!(code(put), ErrorCode::NOT_FOUND);
    assert!(bob.find_shared("ada", "short").await.is_err());
    let listed = bob.shares(WhichShares::WithMe).await.expect("shares");
    assert_eq!(listed.iter().map(|share| share.node).collect::<Vec<_>>(), [long]);
    // Another end for a share that is there, and none.
    let soon = millis_from_now(2000);
    share(long, Some(soon)).await;
    wait_until_after(soon).await;
    assert!(!reads(&bob, long).await);
    share(long, None).await;
    assert!(reads(&bob, long).await);
}

async fn wait_until_after(millis: i64) {
    while millis_from_now(0) <= millis {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Roots of one owner that have the same name.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_collide_are_told_apart() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let parents = ["a", "b", "c", "a/same", "b/same", "c/same"];
    let nodes = ada.make_dirs(&ada.own(""), &parents).await.expect("made");
    let mut shares: Vec<ShareEntry> = Vec::new();
    for node in &nodes[3..] {
        let shared = ada.share(&node_place(*node), &user("bob"), Mode::Read).await;
        shares.push(shared.expect("shared").share);
        // The order is by time first.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    let name_of = |node: NodeId, listed: &[ShareEntry]| {
        let share = listed.iter().find(|share| share.node == node).expect("listed");
        assert_eq!(share.names.len(), 1);
        share.names[0].clone()
    };
    let long = |index: usize| format!("same~{}", &shares[index].share.to_string()[..4]);
    let listed = bob.shares(WhichShares::WithMe).await.expect("shares");
    let names: Vec<String> = nodes[3..].iter().map(|node| name_of(*node, &listed)).collect();
    assert_eq!(names, ["same".to_owned(), long(1), long(2)]);
    for (index, node) in nodes[3..].iter().enumerate() {
        let whole = format!("same~{}", shares[index].share);
        for name in [&names[index], &long(index), &whole] {
            assert_eq!(bob.find_shared("ada", name).await.expect("found").node, *node, "{name}");
        }
    }
    // The first goes: the next takes the name.
    ada.unshare(&node_place(nodes[3]), &user("bob")).await.expect("taken back");
    let listed = bob.shares(WhichShares::WithMe).await.expect("shares");
    assert_eq!(name_of(nodes[4], &listed), "same");
    assert_eq!(bob.find_shared("ada", &long(1)).await.expect("found").node, nodes[4]);
    // A rename by the owner resolves it, and the old name is gone.
    ada.mv(&node_place(nodes[5]), &inside(nodes[2], "other")).await.expect("renamed");
    assert_eq!(bob.find_shared("ada", "other").await.expect("found").node, nodes[5]);
    let gone = bob.find_shared("ada", &long(2)).await;
    assert!([ErrorCode::NO_SUCH_SHARE, ErrorCode::NOT_FOUND].contains(&code(gone)));
    // The same name from another owner is no collision.
    let eve = person(&server, "eve").await;
    let eves = dir(&eve, "same").await;
    eve.share(&node_place(eves), &user("bob"), Mode::Read).await.expect("shared");
    assert_eq!(bob.find_shared("eve", "same").await.expect("found").node, eves);
    assert_eq!(bob.find_shared("ada", "same").await.expect("found").node, nodes[4]);
}

/// Bytes and files are the owner's, whoever put them there.
async fn charged(engine: Engine) {
    let server = Server::start(engine);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let dir = dir(&ada, "d").await;
    ada.share(&node_place(dir), &user("bob"), Mode::Write).await.expect("shared");
    let usage = async || {
        let (ada, bob) = (ada.account().await, bob.account().await);
        [(ada.nodes, ada.bytes), (bob.nodes, bob.bytes)]
    };
    let [adas, bobs] = usage().await;
    bob.put(&inside(dir, "small"), &[1; 1000], Expect::Absent).await.expect("written");
    bob.put_big(&inside(dir, "big"), &vec![2; 100_000], Expect::Absent).await.expect("written");
    let made = bob.mkdir(&node_place(dir), "e").await.expect("made");
    let own = bob.own("own");
    bob.put(&own, &[3; 500], Expect::Absent).await.expect("written");
    let copy = bob.cp(&own, &inside(made, "copy")).await.expect("copied in");
    assert_eq!(usage().await, [(adas.0 + 4, adas.1 + 101_500), (bobs.0 + 1, bobs.1 + 500)]);
    bob.cp(&node_place(copy), &bob.own("back")).await.expect("copied out");
    assert_eq!(usage().await[1], (bobs.0 + 2, bobs.1 + 1000));
    // The trash is the owner's; after a purge nothing of it is left.
    bob.rm(&node_place(made)).await.expect("deleted");
    assert_eq!(usage().await[0], (adas.0 + 4, adas.1 + 101_500));
    assert_eq!(ada.purge(&[made]).await.expect("purged"), 2);
    assert_eq!(usage().await[0], (adas.0 + 2, adas.1 + 101_000));
    let author = &ada.versions(&inside(dir, "big")).await.expect("versions")[0].author;
    assert_eq!(author, "bob");
    server.assert_check_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_charged_on_sqlite() {
    charged(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_charged_on_mariadb() {
    charged(Engine::MariaDb).await;
}

/// Two people write the same file: the second hears who was first, and both
/// can be kept.
#[test]
fn two_people_who_write_the_same_file_keep_both() {
    let server = Server::start(Engine::Sqlite);
    let [ada, bob] = ["ada", "bob"].map(|name| Coffer::sign_up(&server, name));
    ada.ok(&["mkdir", "/d"]);
    ada.write("/d/f", b"both saw this");
    ada.ok(&["share", "/d", "bob", "write"]);
    let revision = bob.json(&["stat", "@ada/d/f"])["revision"].to_string();
    ada.write("/d/f", b"ada's");
    let late = ["write", "@ada/d/f", "--if-revision", &revision];
    let lost = bob.run_with_input(&late, b"bob's");
    assert_eq!(lost.code, 4, "{}", lost.err);
    assert!(lost.err.contains("ada") && lost.err.contains("hint:"), "{}", lost.err);
    assert_eq!(bob.cat("@ada/d/f"), b"ada's");
    bob.write("@ada/d/f (bob)", b"bob's");
    assert_eq!((ada.cat("/d/f"), ada.cat("/d/f (bob)")), (b"ada's".to_vec(), b"bob's".to_vec()));
    // Over it, the other stays as an earlier version, by its author.
    bob.write("@ada/d/f", b"bob's");
    let versions = ada.json(&["versions", "/d/f"]);
    let authors: Vec<&str> = versions["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|version| version["author"].as_str().expect("an author"))
        .collect();
    assert_eq!(authors, ["bob", "ada", "ada"]);
}
