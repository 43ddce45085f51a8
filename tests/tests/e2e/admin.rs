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
