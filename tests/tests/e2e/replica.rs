//! A replica of a running server: joining, mirroring, dying and coming back.

use coffer_tests::coffer::utf8;
use coffer_tests::files::make_tree;
use coffer_tests::replica::{server_seq, token, try_join};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server};
use std::time::{Duration, Instant};

/// Machines that a write says it is on.
fn machines(coffer: &Coffer, path: &str, bytes: &[u8]) -> u64 {
    let ran = coffer.run_with_input(&["--json", "write", path], bytes);
    assert_eq!(ran.code, 0, "write {path}: {}", ran.err);
    let written: serde_json::Value = serde_json::from_str(&ran.text()).expect("JSON");
    written["machines"].as_u64().expect("a number")
}

/// Waits until writes are on two machines.
fn wait_for_two(coffer: &Coffer) {
    let begun = Instant::now();
    while machines(coffer, "/two", b"two") < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "never on two machines");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_token_makes_one_replica() {
    let server = Server::start(Engine::Sqlite);
    let scratch = tempfile::tempdir().expect("tempdir");
    let data = |name: &str| scratch.path().join(name);
    let good = token(&server);
    let wrong: String = good.chars().rev().collect();
    let code = |name: &str, token: &str| try_join(&server, &data(name), token, &[]).status.code();
    assert_eq!(code("a", "nonsense"), Some(2));
    // Reversed, it is either another token or no token at all.
    assert!(matches!(code("a", &wrong), Some(2 | 5)));
    let other = token(&server);
    assert!(!data("a").exists(), "a join that fails leaves nothing");
    std::fs::create_dir(data("full")).expect("create");
    std::fs::write(data("full").join("mine"), "mine").expect("write");
    assert_eq!(code("full", &good), Some(4), "a directory with something in it");
    assert_eq!(std::fs::read(data("full").join("mine")).expect("untouched"), b"mine");
    let nowhere = ["--database", "mysql://nobody@127.0.0.1:9/nothing"];
    let refused = try_join(&server, &data("a"), &good, &nowhere);
    assert!(!refused.status.success(), "a database that does not answer");
    assert_eq!(code("a", &good), Some(0), "all of this used no token up");
    assert_eq!(code("b", &good), Some(5), "a token is used once");
    assert_eq!(code("b", &other), Some(0), "each token is its own");
    assert_eq!(code("a", &token(&server)), Some(4), "it is a replica already");
    let list = server.admin_ok(&["replica", "list", "--json"]);
    let ids: Vec<String> = list
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|one| one["replica"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    server.admin_ok(&["replica", "remove", &ids[0]]);
    assert_eq!(server.admin(&["replica", "remove", &ids[0]]).status.code(), Some(3));
    assert_eq!(server.admin_ok(&["replica", "list", "--json"]).lines().count(), 1);
}

fn everything_arrives(source: Engine, target: Engine) {
    let mut server = Server::start(source);
    let coffer = Coffer::sign_up(&server, "ada");
    let tree = coffer.path("tree");
    make_tree(&tree, &mut Rng::new("replica"));
    // The largest chunk there can be: contents that have no place to be cut.
    std::fs::write(tree.join("zeros"), vec![0; 9 << 20]).expect("write");
    coffer.ok(&["put", utf8(&tree), "/before"]);
    coffer.ok(&["rm", "-r", "/before/many/d1"]);
    let mut replica = Replica::start(&server, target);
    replica.assert_same_as(&server);
    coffer.ok(&["put", utf8(&tree), "/after"]);
    coffer.ok(&["mv", "/before/names", "/names"]);
    coffer.ok(&["trash", "purge", "--all", "--yes"]);
    replica.assert_same_as(&server);
    replica.assert_check_is_clean();
    assert_eq!(replica.stop(), Some(0));
    replica.assert_check_is_clean();
    assert_eq!(server.stop(), Some(0));
    server.assert_check_is_clean();
}

#[test]
fn everything_arrives_on_sqlite() {
    everything_arrives(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn everything_arrives_from_mariadb_on_sqlite() {
    everything_arrives(Engine::MariaDb, Engine::Sqlite);
}

#[test]
fn everything_arrives_from_sqlite_on_mariadb() {
    everything_arrives(Engine::Sqlite, Engine::MariaDb);
}

#[test]
fn a_write_says_truthfully_on_how_many_machines_it_is() {
    let server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let begun = Instant::now();
    assert_eq!(machines(&coffer, "/alone", b"1"), 1);
    assert!(begun.elapsed() < Duration::from_millis(1500), "nobody to wait for");
    let mut replica = Replica::start(&server, Engine::Sqlite);
    wait_for_two(&coffer);
    for number in 0..20 {
        assert_eq!(machines(&coffer, &format!("/both-{number}"), b"2"), 2);
    }
    assert_eq!(coffer.json(&["status"])["machines"], 2);
    assert_eq!(replica.stop(), Some(0));
    let begun = Instant::now();
    assert_eq!(machines(&coffer, "/one", b"1"), 1);
    let waited = begun.elapsed();
    assert!(waited > Duration::from_millis(1900), "it waited for the replica: {waited:?}");
    assert!(waited < Duration::from_secs(5), "but not for long: {waited:?}");
    let begun = Instant::now();
    assert_eq!(machines(&coffer, "/one-more", b"1"), 1);
    assert!(begun.elapsed() < Duration::from_millis(1500), "and only once");
    assert_eq!(coffer.json(&["status"])["machines"], 1);
    let said = |server: &Server| server.log().matches("durable on this machine only").count();
    assert_eq!(said(&server), 1, "it is said once");
    replica.run();
    wait_for_two(&coffer);
    assert!(server.log().contains("writes are mirrored again"));
    replica.assert_same_as(&server);
    // A replica that was removed gets nothing, and nothing waits for it.
    let id = replica.status()["replica"].as_str().expect("an id").to_owned();
    server.admin_ok(&["replica", "remove", &id]);
    std::thread::sleep(Duration::from_millis(2500));
    let begun = Instant::now();
    assert_eq!(machines(&coffer, "/removed", b"1"), 1);
    assert!(begun.elapsed() < Duration::from_millis(1500), "nobody to wait for");
    assert!(replica.seq() < server_seq(&server));
}

#[test]
fn a_replica_says_what_it_is_to_those_who_connect() {
    let server = Server::start(Engine::Sqlite);
    let replica = Replica::start(&server, Engine::Sqlite);
    let status = replica.status();
    assert_eq!(status["running"], true);
    assert_eq!(status["kind"], "keyless");
    assert!(std::net::TcpStream::connect(replica.address()).is_ok());
    let second = replica.admin(&["run"]);
    assert_eq!(second.status.code(), Some(4), "one at a time");
}

#[test]
fn a_standby_is_given_the_master_key_and_a_keyless_replica_is_not() {
    let server = Server::start(Engine::Sqlite);
    let key = |data: std::path::PathBuf| std::fs::read(data.join("master.key")).ok();
    let mut standby = Replica::join(&server, Engine::Sqlite, &["--standby"]);
    assert!(key(standby.data()).is_some());
    assert_eq!(key(standby.data()), key(server.data()));
    standby.run();
    standby.assert_same_as(&server);
    assert_eq!(standby.status()["kind"], "standby");
    let keyless = Replica::join(&server, Engine::Sqlite, &[]);
    assert_eq!(key(keyless.data()), None);
}
