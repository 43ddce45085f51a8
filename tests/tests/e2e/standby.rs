//! A standby: it follows, and serves the people who have an account, read-only.

use coffer_protocol::link::{Fingerprint, Link};
use coffer_protocol::message::account::LoginFinish;
use coffer_protocol::message::cluster::{AwaitPosition, ClusterInfo, ServerRole};
use coffer_protocol::message::event::Watch;
use coffer_protocol::message::share::{GroupEdit, Mode, WhichShares};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{ErrorCode, NodeId, Position, Request, Response};
use coffer_tests::person::{
    Answer, Person, begin_sign_up, code, group, inside, new_upload, node_place, until, user,
};
use coffer_tests::replica::{Joining, server_seq};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server};
use std::time::Duration;

fn standby_of(server: &Server, engine: Engine) -> Replica {
    let mut standby = Replica::join(server, engine, &["--standby"]);
    standby.run();
    standby.catch_up(server);
    standby
}

async fn person(server: &Server, name: &str) -> Person {
    Person::sign_up(&server.link().parse().expect("a link"), name).await
}

async fn at(person: &Person, standby: &Replica) -> Person {
    let link = standby.link().parse().expect("a link");
    person.at(&link).await.expect("a session at the standby")
}

async fn cluster(person: &Person) -> ClusterInfo {
    match person.ask(Request::Cluster).await {
        Ok(Response::Cluster(info)) => *info,
        other => panic!("unexpected answer {other:?}"),
    }
}

async fn wait_for(person: &Person, position: Position) -> Answer<Response> {
    person.ask(Request::Await(AwaitPosition { position, wait_millis: 60_000 })).await
}

/// A directory with a small and a big file.
async fn contents(person: &Person) -> (NodeId, Vec<u8>) {
    let dir = person.mkdir(&person.own(""), "plans").await.expect("made");
    let big = Rng::new("standby").bytes(3_000_000);
    person.put(&inside(dir, "small"), b"small", Expect::Absent).await.expect("written");
    person.put(&inside(dir, "small"), b"smaller", Expect::Anything).await.expect("written");
    person.put_big(&inside(dir, "big"), &big, Expect::Absent).await.expect("written");
    person.put(&inside(dir, "gone"), b"gone", Expect::Absent).await.expect("written");
    person.rm(&inside(dir, "gone")).await.expect("deleted");
    (dir, big)
}

async fn reads(source: Engine, target: Engine) {
    let mut server = Server::start(source);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let (dir, big) = contents(&ada).await;
    ada.share(&node_place(dir), &user("bob"), Mode::Read).await.expect("shared");
    let mut standby = standby_of(&server, target);
    let (ada2, bob2) = (at(&ada, &standby).await, at(&bob, &standby).await);
    assert_eq!(ada2.home, ada.home);
    let everything = async |ada: &Person, bob: &Person| {
        assert_eq!(ada.list(&node_place(dir)).await.expect("names"), ["big", "small"]);
        assert_eq!(ada.read(&inside(dir, "small"), None).await.expect("bytes"), b"smaller");
        assert!(ada.read(&inside(dir, "big"), None).await.expect("bytes") == big);
        assert_eq!(ada.versions(&inside(dir, "small")).await.expect("versions").len(), 2);
        assert_eq!(ada.trash().await.expect("a trash").len(), 1);
        assert_eq!(ada.walk(&ada.own(""), None).await.expect("a tree").len(), 3);
        assert_eq!(ada.shares(WhichShares::ByMe).await.expect("shares").len(), 1);
        assert!(bob.read(&inside(dir, "big"), None).await.expect("bytes") == big);
        assert_eq!(bob.find_shared("ada", "plans").await.expect("there").node, dir);
        assert_eq!(ada.account().await.user_name, "ada");
    };
    everything(&ada, &bob).await;
    everything(&ada2, &bob2).await;
    // Nothing of this is different when the primary is gone, also after a restart.
    server.kill();
    everything(&ada2, &bob2).await;
    assert_eq!(standby.stop(), Some(0));
    standby.run();
    everything(&at(&ada, &standby).await, &at(&bob, &standby).await).await;
}

#[tokio::test]
async fn people_read_at_a_standby_on_sqlite() {
    reads(Engine::Sqlite, Engine::Sqlite).await;
}

#[tokio::test]
async fn people_read_at_a_standby_on_mariadb() {
    reads(Engine::Sqlite, Engine::MariaDb).await;
}

#[tokio::test]
async fn people_read_at_a_standby_of_a_server_on_mariadb() {
    reads(Engine::MariaDb, Engine::Sqlite).await;
}

async fn writes(target: Engine) {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let (dir, _) = contents(&ada).await;
    ada.share(&node_place(dir), &user("bob"), Mode::Write).await.expect("shared");
    let standby = standby_of(&server, target);
    let before = standby.seq();
    let (ada2, bob2) = (at(&ada, &standby).await, at(&bob, &standby).await);
    let (place, small) = (node_place(dir), inside(dir, "small"));
    let gone = ada.trash().await.expect("a trash")[0].entry.node;
    let proof = LoginFinish { proof: [1; 32], unlock: [2; 48] };
    let upload = new_upload();
    let commit = ada2.commit_request(upload, &inside(dir, "up"), b"up", Expect::Anything);
    let refused = [
        code(ada2.mkdir(&place, "new").await),
        code(ada2.put(&small, b"new", Expect::Anything).await),
        code(ada2.put_chunk(upload, b"chunk").await),
        code(ada2.commit(commit).await),
        code(ada2.abort(upload).await),
        code(ada2.mv(&small, &inside(dir, "other")).await),
        code(ada2.cp(&small, &inside(dir, "other")).await),
        code(ada2.rm(&small).await),
        code(ada2.restore(gone, None).await),
        code(ada2.purge(&[gone]).await),
        code(ada2.share(&small, &user("bob"), Mode::Read).await),
        code(ada2.unshare(&place, &user("bob")).await),
        code(ada2.edit_group("friends", GroupEdit::Create(Vec::new())).await),
        code(ada2.confirm("bob", "1").await),
        code(ada2.ask(Request::DeleteAccount(proof)).await),
        code(bob2.leave(dir).await),
        code(bob2.put(&inside(dir, "bobs"), b"new", Expect::Absent).await),
        code(bob2.share(&small, &group("none"), Mode::Read).await),
    ];
    for (number, code) in refused.into_iter().enumerate() {
        assert_eq!(code, ErrorCode::READ_ONLY, "write {number}");
    }
    let link = standby.link().parse().expect("a link");
    assert_eq!(code(begin_sign_up(&link, "eve").await), ErrorCode::READ_ONLY);
    // Neither did it write something of its own: sign-ins, downloads.
    ada2.read(&small, None).await.expect("bytes");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    standby.assert_same_as(&server);
    assert!(standby.seq() >= before);
    standby.assert_check_is_clean();
}

#[tokio::test]
async fn a_standby_changes_nothing_on_sqlite() {
    writes(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_standby_changes_nothing_on_mariadb() {
    writes(Engine::MariaDb).await;
}

#[tokio::test]
async fn a_reader_waits_for_what_it_has_seen_or_is_told_to_go_elsewhere() {
    let mut server = Server::start(Engine::Sqlite);
    let ada = person(&server, "ada").await;
    let standby = standby_of(&server, Engine::Sqlite);
    let there = at(&ada, &standby).await;
    for number in 0..20 {
        let name = format!("f{number}");
        let written = ada.put(&ada.own(&name), b"new", Expect::Absent).await.expect("written");
        wait_for(&there, written.position).await.expect("it arrives");
        assert!(there.as_of() >= written.position.seq, "the answer says as of when it is");
        assert_eq!(there.read(&there.own(&name), None).await.expect("bytes"), b"new");
    }
    let here = cluster(&there).await;
    assert_eq!(here.role, ServerRole::Standby);
    assert!(here.behind_millis < 10_000, "{here:?}");
    let later = Position { epoch: here.position.epoch, seq: here.position.seq + 1000 };
    server.kill();
    assert_eq!(code(wait_for(&there, later).await), ErrorCode::BEHIND);
    wait_for(&there, here.position).await.expect("it has that");
    let epoch = Position { epoch: here.position.epoch + 1, seq: 1 };
    assert_eq!(code(wait_for(&there, epoch).await), ErrorCode::BEHIND, "a later epoch counts more");
    // The age grows while nobody is heard.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(cluster(&there).await.behind_millis >= 2500);
}

#[tokio::test]
async fn both_sides_name_the_primary_and_the_standbys() {
    let server = Server::start(Engine::Sqlite);
    let ada = person(&server, "ada").await;
    let mut standby = standby_of(&server, Engine::Sqlite);
    let _keyless = Replica::start(&server, Engine::Sqlite);
    let there = at(&ada, &standby).await;
    let places = |info: &ClusterInfo| -> Vec<_> {
        let place = |host: &str, port: u16| format!("{host}:{port}");
        info.endpoints.iter().map(|one| (place(&one.host, one.port), one.role)).collect()
    };
    let wanted = [
        (server.address.clone(), ServerRole::Primary),
        (standby.address().to_owned(), ServerRole::Standby),
    ];
    let known = async |person: &Person| {
        let known = cluster(person).await;
        (places(&known) == wanted).then_some(known)
    };
    let at_primary = until("the primary's list", || known(&ada)).await;
    let at_standby = until("the standby's list", || known(&there)).await;
    assert_eq!((at_primary.role, at_standby.role), (ServerRole::Primary, ServerRole::Standby));
    assert_eq!(at_primary.endpoints, at_standby.endpoints);
    assert_eq!(at_primary.behind_millis, 0);
    assert_eq!((&at_primary.proof, at_primary.head), (&None, at_primary.position));
    // They can be dialled, and are who they are said to be.
    for one in &at_standby.endpoints {
        let link = Link {
            host: one.host.clone(),
            port: one.port,
            invite: None,
            fingerprint: Some(Fingerprint(one.fingerprint)),
        };
        ada.at(&link).await.expect("a session there");
    }
    // A restart forgets nothing.
    assert_eq!(standby.stop(), Some(0));
    standby.run();
    let there = at(&ada, &standby).await;
    assert_eq!(places(&cluster(&there).await), wanted);
}

#[tokio::test]
async fn what_is_taken_away_at_the_primary_is_gone_at_the_standby() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (person(&server, "ada").await, person(&server, "bob").await);
    let (dir, _) = contents(&ada).await;
    ada.share(&node_place(dir), &user("bob"), Mode::Read).await.expect("shared");
    let standby = standby_of(&server, Engine::Sqlite);
    let (ada2, bob2) = (at(&ada, &standby).await, at(&bob, &standby).await);
    let small = inside(dir, "small");
    let entry = bob2.stat(&small).await.expect("there");
    bob2.read_chunk(entry.node, entry.revision, 0).await.expect("a chunk");
    // Whoever waits for hints is told to look again.
    let next = bob2.watch(None, 0).await.expect("begun").next;
    let looked = tokio::spawn(async move {
        let events = bob2.watch(Some(next), 30_000).await.expect("told");
        assert!(events.refresh, "{events:?}");
        bob2
    });
    ada.unshare(&node_place(dir), &user("bob")).await.expect("taken back");
    let bob2 = looked.await.expect("told");
    until("the end of the share", async || {
        (code(bob2.read(&small, None).await) == ErrorCode::NOT_FOUND).then_some(())
    })
    .await;
    let again = bob2.read_chunk(entry.node, entry.revision, 0).await;
    assert_eq!(code(again), ErrorCode::NOT_FOUND, "what was open is closed");
    // An account that is disabled, and one that is deleted.
    server.admin_ok(&["users", "disable", "bob"]);
    let ended = |code| matches!(code, ErrorCode::SESSION_EXPIRED | ErrorCode::NOT_SIGNED_IN);
    until("the end of the session", async || {
        let answer = bob2.ask(Request::WhoAmI).await;
        answer.err().is_some_and(|error| ended(error.code)).then_some(())
    })
    .await;
    let link = standby.link().parse().expect("a link");
    assert_eq!(code(bob.at(&link).await.map(drop)), ErrorCode::ACCOUNT_DISABLED);
    ada.delete_account().await;
    until("the end of the account", async || {
        let answer = ada2.ask(Request::WhoAmI).await;
        answer.err().is_some_and(|error| ended(error.code)).then_some(())
    })
    .await;
    // Waiting again says at once that there is nobody to wait for.
    let watch = Request::Watch(Watch { after: Some(1), wait_millis: 10_000 });
    assert!(ended(code(ada2.ask(watch).await)));
}

#[test]
fn one_program_runs_each_directory() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.write("/f", b"contents");
    let mut standby = standby_of(&server, Engine::Sqlite);
    // The command line speaks to it with the link that its own directory gives.
    let reader = Coffer::new();
    let password = reader.password_file();
    let password = coffer_tests::coffer::utf8(&password);
    reader.ok(&["login", &standby.link(), "--user", "ada", "--password-file", password]);
    assert_eq!(reader.cat("/f"), b"contents");
    // The server's program does not run what follows, and changes nothing there.
    standby.stop();
    let wrong = standby.server_admin(&["run"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(4), "{said}");
    assert!(said.contains("not-primary") && said.contains("coffer-replica run"), "{said}");
    let wrong = standby.server_admin(&["users", "disable", "ada"]);
    assert_eq!(wrong.status.code(), Some(4), "{}", String::from_utf8_lossy(&wrong.stderr));
    standby.run();
    standby.assert_same_as(&server);
    // The replica's program runs a primary.
    assert_eq!(server.stop(), Some(0));
    let replica = coffer_tests::program("coffer-replica");
    let script = format!("exec {} \"$@\"", replica.display());
    server.wrapper = vec!["sh".to_owned(), "-c".to_owned(), script];
    server.run();
    coffer.write("/g", b"more");
    assert_eq!(coffer.cat("/g"), b"more");
    standby.assert_same_as(&server);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test]
async fn a_keyless_replica_becomes_a_standby_with_the_key() {
    let server = Server::start(Engine::Sqlite);
    let ada = person(&server, "ada").await;
    let (dir, big) = contents(&ada).await;
    let mut replica = Replica::start(&server, Engine::Sqlite);
    replica.catch_up(&server);
    let fingerprint = std::fs::read(replica.data().join("tls/authority.pem")).expect("a file");
    let key = server.data().join("master.key");
    let key = coffer_tests::coffer::utf8(&key).to_owned();
    let unlock = |replica: &Replica, key: &str| {
        replica.admin(&["unlock", "--master-key", key]).status.code()
    };
    assert_eq!(unlock(&replica, &key), Some(4), "it runs");
    replica.stop();
    let other = Server::init(Engine::Sqlite, &[]);
    let wrong = other.data().join("master.key");
    assert_eq!(unlock(&replica, coffer_tests::coffer::utf8(&wrong)), Some(7));
    assert!(!replica.data().join("master.key").exists(), "nothing was changed");
    replica.run();
    assert_eq!(replica.status()["kind"], "keyless");
    replica.stop();
    assert_eq!(unlock(&replica, &key), Some(0));
    assert!(!replica.data().join("tls/authority.key").exists(), "it is sealed now");
    let now = std::fs::read(replica.data().join("tls/authority.pem")).expect("a file");
    assert_eq!(now, fingerprint, "others know it by that");
    replica.run();
    replica.catch_up(&server);
    let there = at(&ada, &replica).await;
    assert!(there.read(&inside(dir, "big"), None).await.expect("bytes") == big);
    // The primary has noticed.
    let listed = until("the new kind", async || {
        let info = cluster(&ada).await;
        (info.endpoints.len() == 2).then_some(info)
    })
    .await;
    assert_eq!(listed.endpoints[1].role, ServerRole::Standby);
    assert!(server.admin_ok(&["replica", "list"]).contains("standby"));
    assert_eq!(unlock(&replica, &key), Some(4), "it is one already");
}

fn chain(last: Engine) {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.write("/a", b"one");
    let mut standby = standby_of(&server, Engine::Sqlite);
    // Joining is for the primary to say.
    let scratch = tempfile::tempdir().expect("tempdir");
    let data = scratch.path().join("r");
    let refused = Joining { link: standby.link(), ..Joining::of(&server, &[]) }.run(&data);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(5), "{said}");
    assert!(said.contains(&server.address), "it says where: {said}");
    let mut replica = Replica::join(&server, last, &[]);
    replica.follow(&standby.link());
    replica.run();
    for number in 0..30 {
        coffer.write(&format!("/f{number}"), &Rng::new("chain").bytes(100_000));
    }
    standby.assert_same_as(&server);
    replica.assert_same_as(&server);
    assert_eq!(replica.status()["source"], standby.address());
    // It does so without the primary, too.
    server.kill();
    replica.stop();
    replica.run();
    replica.wait_until_following(standby.address());
    server.run();
    coffer.write("/b", b"two");
    replica.assert_same_as(&server);
    // When the one that it follows is gone it goes to the primary by itself.
    standby.kill();
    coffer.write("/c", b"three");
    replica.assert_same_as(&server);
    assert_eq!(replica.status()["source"], server.address);
    assert!(server_seq(&server) > 30);
    // A running replica does what it is told.
    standby.run();
    standby.catch_up(&server);
    replica.follow(&standby.link());
    replica.wait_until_following(standby.address());
    coffer.write("/d", b"four");
    replica.assert_same_as(&server);
    replica.assert_check_is_clean();
}

#[test]
fn a_replica_follows_a_standby_on_sqlite() {
    chain(Engine::Sqlite);
}

#[test]
fn a_replica_follows_a_standby_on_mariadb() {
    chain(Engine::MariaDb);
}
