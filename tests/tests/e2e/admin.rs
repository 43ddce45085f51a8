//! The administrator's commands and the server's refusals.

use coffer_tests::coffer::utf8;
use coffer_tests::files::{assert_same_tree, make_tree};
use coffer_tests::{Coffer, Engine, MariaDb, Rng, Server};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn init_twice_is_refused_and_touches_nothing() {
    let server = Server::init(Engine::Sqlite, &[]);
    let key = std::fs::read(server.data().join("master.key")).expect("master.key");
    let again = server.admin(&["init"]);
    assert!(!again.status.success());
    assert!(stderr(&again).contains("hint:"), "{}", stderr(&again));
    assert_eq!(std::fs::read(server.data().join("master.key")).expect("still there"), key);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start(Engine::Sqlite);
    let second = server.admin(&["run", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    assert!(stderr(&second).contains("error:"), "{}", stderr(&second));
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.write("/f", b"the first goes on");
}

#[test]
fn a_wrong_master_key_is_refused() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let mut server = Server::init(engine, &[]);
        let foreign = Server::init(Engine::Sqlite, &[]);
        let (right, wrong) = (server.data().join("master.key"), foreign.data().join("master.key"));
        let kept = std::fs::read(&right).expect("read");
        std::fs::copy(wrong, &right).expect("copy");
        assert!(!server.try_run());
        assert!(server.log().contains("master"), "{}", server.log());
        std::fs::write(&right, kept).expect("write");
        server.run();
    }
}

#[test]
fn a_server_stops_cleanly_and_users_go_on_after_a_restart() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let mut server = Server::start(engine);
        let coffer = Coffer::sign_up(&server, "ada");
        coffer.write("/f", b"kept");
        assert_eq!(server.stop(), Some(0), "{}", server.log());
        coffer.fails(6, &["cat", "/f"]);
        server.run();
        assert_eq!(coffer.cat("/f"), b"kept");
        server.assert_check_is_clean();
    }
}

#[test]
fn users_and_invitations_are_managed_beside_a_running_server() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let mut server = Server::init(engine, &["--signup", "invite"]);
        server.run();
        let ada = Coffer::sign_up(&server, "ada");
        let bob = Coffer::sign_up(&server, "bob");
        bob.write("/f", b"x");
        let users = server.admin_ok(&["users", "list"]);
        assert!(users.contains("ada") && users.contains("bob"), "{users}");
        server.admin_ok(&["users", "disable", "bob"]);
        bob.fails(5, &["ls"]);
        ada.ok(&["ls"]);
        server.admin_ok(&["users", "enable", "bob"]);
        assert_eq!(bob.cat("/f"), b"x");
        let status = server.admin_ok(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        assert_eq!(status["users"], 2, "{status}");
    }
}

#[test]
fn the_version_is_told() {
    let program = coffer_tests::program("coffer-server");
    let output = std::process::Command::new(program).arg("version").output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_installation_moves_from_sqlite_to_mysql() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let (source, target) = (coffer.path("source"), coffer.path("target"));
    make_tree(&source, &mut Rng::new("move"));
    coffer.ok(&["put", utf8(&source), "/source"]);
    assert_eq!(server.stop(), Some(0));
    let database = MariaDb::start();
    server.admin_ok(&["database", "copy", "--to", &database.url(), "--switch"]);
    // Nothing may still need the old file.
    std::fs::rename(server.data().join("coffer.db"), coffer.path("old.db")).expect("rename");
    server.run();
    coffer.ok(&["get", "/source", utf8(&target)]);
    assert_same_tree(&source, &target);
    server.assert_check_is_clean();
}

#[test]
fn mysql_without_durability_is_refused() {
    let mut server = Server::init(Engine::MariaDb, &[]);
    let database = server.database.as_mut().expect("a database");
    database.kill();
    database.run(&["--innodb-flush-log-at-trx-commit=2"]);
    assert!(!server.try_run());
    assert!(server.log().contains("innodb_flush_log_at_trx_commit"), "{}", server.log());
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("never: {what}");
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

#[test]
fn a_deleted_account_is_gone_with_its_shares_and_its_contents() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let server = Server::start(engine);
        let (ada, bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
        let file = ada.path("file");
        coffer_tests::files::write(&file, &Rng::new("common").bytes(3 << 20));
        for user in [&ada, &bob] {
            user.ok(&["mkdir", "/mine"]);
            user.ok(&["put", utf8(&file), "/mine/file"]);
        }
        bob.write("/mine/own", &Rng::new("own").bytes(500_000));
        ada.ok(&["share", "/mine", "bob", "write"]);
        bob.ok(&["share", "/mine", "ada", "read"]);
        assert!(ada.ok(&["ls", "@bob/mine"]).contains("own"));
        let status = || json(&server.admin_ok(&["status", "--json"]));
        let before = status();

        let refused = server.admin(&["users", "delete", "bob"]);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert!(stderr(&refused).contains("not confirmed"), "{}", stderr(&refused));
        assert_eq!(bob.cat("/mine/own").len(), 500_000, "nothing has happened");

        let said = json(&server.admin_ok(&["users", "delete", "bob", "--yes", "--json"]));
        assert_eq!((&said["user"], &said["deleted"]), (&"bob".into(), &true.into()));
        until("bob is out", || bob.run(&["ls"]).code == 5);
        let again = server.admin(&["users", "show", "bob"]);
        assert_eq!(again.status.code(), Some(3), "{}", stderr(&again));
        let users = server.admin_ok(&["users", "list"]);
        assert!(users.contains("ada") && !users.contains("bob"), "{users}");
        ada.fails(3, &["ls", "@bob/mine"]);
        assert_eq!(ada.ok(&["shares", "--with-me"]).matches("bob").count(), 0);
        assert_eq!(ada.ok(&["shares", "--by-me"]).matches("bob").count(), 0);

        // What only bob had goes, what ada has as well stays, and the name is free.
        until("the records are gone", || {
            let now = status();
            let fell = |key: &str| now[key].as_u64() < before[key].as_u64();
            fell("bytes") && fell("stored_bytes") && now["bytes"] == 3 << 20
        });
        assert_eq!(ada.cat("/mine/file"), std::fs::read(&file).expect("read"));
        let next = Coffer::sign_up(&server, "bob");
        assert_eq!(next.ok(&["ls"]), "");
        assert_eq!(next.ok(&["ls", "@"]), "");
        server.assert_check_is_clean();
    }
}

#[test]
fn what_was_stored_and_done_is_told_over_time() {
    let mut server = Server::init(Engine::Sqlite, &["--signup", "open"]);
    let path = server.data().join("coffer.toml");
    let settings = std::fs::read_to_string(&path).expect("read");
    let settings = format!("{settings}\n[maintenance]\nhistory_seconds = 1\n");
    std::fs::write(&path, settings).expect("write");
    server.run();
    let samples = |server: &Server| -> Vec<serde_json::Value> {
        server.admin_ok(&["history", "--json"]).lines().map(json).collect()
    };
    until("a first sample", || !samples(&server).is_empty());
    let ada = Coffer::sign_up(&server, "ada");
    let file = ada.path("file");
    coffer_tests::files::write(&file, &Rng::new("history").bytes(2 << 20));
    ada.ok(&["put", utf8(&file), "/one"]);
    ada.ok(&["put", utf8(&file), "/two"]);
    let last = |server: &Server| samples(server).pop().expect("a sample");
    until("a sample of it", || last(&server)["bytes"] == 4 << 20);
    let now = last(&server);
    assert_eq!((&now["users"], &now["nodes"]), (&1.into(), &3.into()));
    let ratio = now["ratio"].as_f64().expect("a ratio");
    assert!((1.9..=2.0).contains(&ratio), "{now}");
    let all = samples(&server);
    let sum = |key: &str| all.iter().filter_map(|sample| sample[key].as_u64()).sum::<u64>();
    assert!(sum("received_bytes") >= 2 << 20 && sum("received_bytes") < 3 << 20);
    assert!(sum("writes") >= 3 && sum("requests") > sum("writes"));
    assert_eq!(all[0]["users"], 0, "the first is older");

    // It is there after a restart, also while no server runs, and for people.
    server.kill();
    let kept = samples(&server);
    assert!(kept.len() >= all.len() && kept[..all.len()] == all[..]);
    server.run();
    until("it goes on", || samples(&server).len() > kept.len());
    let page = server.admin_ok(&["history", "--days", "1"]);
    assert!(page.contains("4.0 MiB") && page.lines().count() > kept.len(), "{page}");
}
