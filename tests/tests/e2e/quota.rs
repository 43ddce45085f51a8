//! How much one user may store, from the command to the exit code.

use coffer_tests::coffer::utf8;
use coffer_tests::files::write;
use coffer_tests::proxy::{Direction, Line, Proxy};
use coffer_tests::{Coffer, Engine, Rng, Server};
use serde_json::Value;

fn engines() -> [Engine; 2] {
    [Engine::Sqlite, Engine::MariaDb]
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

/// Runs until the server has taken note of a changed allowance.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what}");
}

fn most_bytes(coffer: &Coffer) -> Value {
    coffer.json(&["status"])["most_bytes"].clone()
}

#[test]
fn what_fits_is_there_and_the_rest_is_listed() {
    for engine in engines() {
        let server = Server::start(engine);
        let coffer = Coffer::sign_up(&server, "ada");
        server.admin_ok(&["users", "quota", "ada", "1M"]);
        until("the quota is respected", || most_bytes(&coffer) == 1 << 20);
        let (tree, mut rng) = (coffer.path("tree"), Rng::new("quota"));
        for (name, len) in [("a", 10_000), ("b", 20_000), ("deep/c", 700_000), ("deep/d", 600_000)]
        {
            write(&tree.join(name), &rng.bytes(len));
        }
        write(&tree.join("e"), &rng.bytes(3_000_000));
        let err = coffer.fails(8, &["put", utf8(&tree), "/tree"]);
        assert!(err.contains("[quota]") && err.contains("1.0 MiB"), "{err}");
        assert!(err.contains("tree/e"), "every file that is left out has a name: {err}");
        let listed: Vec<&str> =
            ["deep/c", "deep/d"].into_iter().filter(|f| err.contains(f)).collect();
        assert_eq!(listed.len(), 1, "one of the two fits: {err}");
        for small in ["a", "b"] {
            let local = std::fs::read(tree.join(small)).expect("read");
            assert_eq!(coffer.cat(&format!("/tree/{small}")), local);
        }
        let status = coffer.ok(&["status"]);
        assert!(status.contains("of 1.0 MiB"), "{status}");

        // Room is made by what is gone for good, and by the operator.
        server.admin_ok(&["users", "quota", "ada", "none"]);
        until("the quota is gone", || most_bytes(&coffer).is_null());
        coffer.ok(&["put", utf8(&tree), "/again"]);
        server.assert_check_is_clean();
    }
}

#[test]
fn a_single_file_that_does_not_fit_says_the_limit_and_the_use() {
    let server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.write("/there", &[7; 1_000]);
    server.admin_ok(&["users", "quota", "ada", "1500"]);
    until("the quota is respected", || most_bytes(&coffer) == 1_500);
    let file = coffer.path("file");
    write(&file, &[8; 1_000]);
    let err = coffer.fails(1, &["put", utf8(&file), "/file"]);
    assert!(err.contains("1000 bytes of 1.4 KiB") && err.contains("hint:"), "{err}");
    server.admin_ok(&["users", "quota", "ada", "--files", "2"]);
    until("the number is respected", || coffer.json(&["status"])["most_nodes"] == 2);
    let err = coffer.fails(1, &["mkdir", "/d"]);
    assert!(err.contains("2 files and directories") && err.contains("2 are allowed"), "{err}");
}

#[test]
fn of_a_tree_with_too_many_directories_what_fits_is_made() {
    let server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    // The home directory is the first of them.
    server.admin_ok(&["users", "quota", "ada", "--files", "24"]);
    until("the number is respected", || coffer.json(&["status"])["most_nodes"] == 24);
    let tree = coffer.path("tree");
    for number in 0..40 {
        std::fs::create_dir_all(tree.join(format!("d{number}"))).expect("a directory");
    }
    let err = coffer.fails(8, &["put", utf8(&tree), "/tree"]);
    assert!(err.contains("[quota]") && err.contains("24 are allowed"), "{err}");
    let made: Vec<String> = coffer.ok(&["ls", "/tree"]).lines().map(str::to_owned).collect();
    assert_eq!(made.len(), 22, "all that fits: {made:?}");
    for number in 0..40 {
        let name = format!("d{number}");
        let is_there = made.iter().any(|made| made.trim_end_matches('/') == name);
        let is_listed = err.lines().any(|line| line.contains(&format!("tree/{name}:")));
        assert!(is_there != is_listed, "{name} is made or named: {err}");
    }
    server.assert_check_is_clean();
}

#[test]
fn unfinished_uploads_count_until_they_are_cancelled() {
    let server = Server::start(Engine::Sqlite);
    let proxy = Proxy::to(&server.address);
    let ada = Coffer::sign_up_by(&proxy.link(&server.link()), "ada");
    server.admin_ok(&["users", "quota", "ada", "40M"]);
    until("the quota is respected", || most_bytes(&ada) == 40 << 20);
    let (big, other, mut rng) = (ada.path("big"), ada.path("other"), Rng::new("unfinished"));
    write(&big, &rng.bytes(32 << 20));
    write(&other, &rng.bytes(30 << 20));
    proxy.slow(Line { latency: std::time::Duration::ZERO, bytes_per_second: Some(16 << 20) });
    let before = proxy.passed(Direction::Forth);
    let mut put = ada.command(&["put", utf8(&big), "/big"]).spawn().expect("coffer");
    until("most of it was sent", || proxy.passed(Direction::Forth) - before > 20 << 20);
    put.kill().expect("it runs");
    put.wait().expect("a child");
    until("it is kept", || {
        ada.json(&["uploads", "list"])["bytes"].as_u64().is_some_and(|bytes| bytes > 15 << 20)
    });
    let before = proxy.passed(Direction::Forth);
    let err = ada.fails(1, &["put", utf8(&other), "/other"]);
    assert!(err.contains("[quota]") && err.contains("not finished"), "{err}");
    let sent = proxy.passed(Direction::Forth) - before;
    assert!(sent < 1 << 20, "refused before it is sent: {sent}");
    ada.ok(&["put", utf8(&big), "/big"]);
    assert_eq!(ada.json(&["status"])["bytes"], 32 << 20);
    server.assert_check_is_clean();
}

#[test]
fn operators_see_and_set_what_users_may_store() {
    for engine in engines() {
        let mut server = Server::init(engine, &["--signup", "open"]);
        let settings = std::fs::read_to_string(server.data().join("coffer.toml")).expect("read");
        let settings = format!("{settings}\n[quota]\nbytes = \"2G\"\nfiles = 1000\n");
        std::fs::write(server.data().join("coffer.toml"), settings).expect("write");
        server.run();
        let (ada, _bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
        assert_eq!(most_bytes(&ada), 2_u64 << 30);
        let said = server.admin_ok(&["users", "quota", "ada", "50G", "--files", "none"]);
        assert!(said.contains("50.0 GiB") && said.contains("set for this user"), "{said}");
        let shown = |name| json(&server.admin_ok(&["users", "show", name, "--json"]));
        let ada_is = shown("ada");
        assert_eq!(
            (&ada_is["most_bytes"], &ada_is["most_nodes"]),
            (&Value::from(50_u64 << 30), &Value::Null)
        );
        let bob_is = shown("bob");
        assert_eq!(
            (&bob_is["most_bytes"], &bob_is["most_nodes"]),
            (&Value::from(2_u64 << 30), &Value::from(1000))
        );
        let list = server.admin_ok(&["users", "list"]);
        assert!(list.contains("50.0 GiB") && list.contains("2.0 GiB"), "{list}");
        // It is a part of what is stored: it is there after a restart.
        assert_eq!(server.stop(), Some(0));
        server.run();
        assert_eq!(most_bytes(&ada), 50_u64 << 30);
        server.admin_ok(&["users", "quota", "ada", "default", "--files", "default"]);
        until("the default is back", || most_bytes(&ada) == 2_u64 << 30);
        let refused = server.admin(&["users", "quota", "ada", "much"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("hint:"), "{said}");
    }
}
