//! What is stored already is not sent again. Bytes are counted on the wire.

use coffer_tests::coffer::utf8;
use coffer_tests::files::write;
use coffer_tests::proxy::{Direction, Proxy};
use coffer_tests::{Coffer, Engine, Rng, Server, rounds};
use serde_json::Value;

/// Bytes of the file: `COFFER_INSTANT_MIB`.
fn size() -> usize {
    (rounds("COFFER_INSTANT_MIB", 32) as usize) << 20
}

/// Bytes that may be sent or stored for content that is here: the list of its chunks, and
/// its last chunk if that happens to be below 64 KiB, because such ones have keys of their
/// own and are never found. 1 MiB of 1 GiB.
fn little() -> u64 {
    (size() as u64 / 1024).max(96 << 10)
}

fn engines() -> [Engine; 2] {
    [Engine::Sqlite, Engine::MariaDb]
}

/// A user who reaches the server through a proxy that counts.
fn sign_up(server: &Server, proxy: &Proxy, name: &str) -> Coffer {
    Coffer::sign_up_by(&proxy.link(&server.link()), name)
}

/// What a command sends.
fn sent(proxy: &Proxy, command: impl FnOnce()) -> u64 {
    let before = proxy.passed(Direction::Forth);
    command();
    proxy.passed(Direction::Forth) - before
}

fn status(server: &Server) -> Value {
    serde_json::from_str(&server.admin_ok(&["status", "--json"])).expect("JSON")
}

fn stored(server: &Server) -> u64 {
    status(server)["stored_bytes"].as_u64().expect("a number")
}

#[test]
fn the_same_file_under_another_name_is_not_sent() {
    for engine in engines() {
        let server = Server::start(engine);
        let proxy = Proxy::to(&server.address);
        let ada = sign_up(&server, &proxy, "ada");
        let (one, content) = (ada.path("one"), Rng::new("instant").bytes(size()));
        write(&one, &content);
        let first = sent(&proxy, || drop(ada.ok(&["put", utf8(&one), "/one"])));
        assert!(first > size() as u64, "{first}");
        let again = sent(&proxy, || drop(ada.ok(&["put", utf8(&one), "/two"])));
        eprintln!("{engine:?}: first {first}, again {again} of {} bytes", size());
        assert!(again < little(), "{again}");
        assert_eq!(ada.cat("/two"), content);
        let status = status(&server);
        assert_eq!(status["bytes"], 2 * size() as u64);
        let ratio = status["ratio"].as_f64().expect("a ratio");
        assert!((1.9..=2.0).contains(&ratio), "{ratio}");
        let page = server.admin_ok(&["status"]);
        let said = match (2 * size()) >> 20 {
            mebibytes @ ..1024 => format!("{mebibytes}.0 MiB (all versions) in "),
            mebibytes => format!("{}.0 GiB (all versions) in ", mebibytes >> 10),
        };
        assert!(page.contains(&said), "{page}");

        // What was deleted for good is not known any more, whoever else may have it.
        ada.ok(&["rm", "/one", "/two"]);
        ada.ok(&["trash", "purge", "--all", "--yes"]);
        let anew = sent(&proxy, || drop(ada.ok(&["put", utf8(&one), "/three"])));
        assert!(anew > size() as u64, "{anew}");
        server.assert_check_is_clean();
    }
}

#[test]
fn of_a_changed_file_only_the_change_is_sent_and_stored() {
    for engine in engines() {
        let server = Server::start(engine);
        let proxy = Proxy::to(&server.address);
        let ada = sign_up(&server, &proxy, "ada");
        let (file, mut rng) = (ada.path("file"), Rng::new("delta"));
        let mut content = rng.bytes(size());
        write(&file, &content);
        ada.ok(&["put", utf8(&file), "/file"]);
        let before = stored(&server);
        content.splice(size() / 2..size() / 2, rng.bytes(1024));
        write(&file, &content);
        let sent = sent(&proxy, || drop(ada.ok(&["put", utf8(&file), "/file"])));
        let more = stored(&server) - before;
        eprintln!("{engine:?}: sent {sent}, stored {more} for 1024 changed bytes of {}", size());
        assert!(sent <= 8 << 20 && more <= 8 << 20, "{sent} {more}");
        assert_eq!(ada.cat("/file"), content);
        let usage = ada.json(&["status"])["bytes"].as_u64();
        assert_eq!(usage, Some(2 * size() as u64 + 1024), "logical bytes of both versions");
        server.assert_check_is_clean();
    }
}

#[test]
fn over_an_older_copy_only_the_change_is_fetched() {
    let server = Server::start(Engine::Sqlite);
    let proxy = Proxy::to(&server.address);
    let ada = sign_up(&server, &proxy, "ada");
    let (file, copy, mut rng) = (ada.path("file"), ada.path("copy"), Rng::new("down"));
    let mut content = rng.bytes(size());
    write(&copy, &content);
    content.splice(size() / 2..size() / 2, rng.bytes(1024));
    write(&file, &content);
    ada.ok(&["put", utf8(&file), "/file"]);
    let before = proxy.passed(Direction::Back);
    ada.ok(&["get", "/file", utf8(&copy)]);
    let fetched = proxy.passed(Direction::Back) - before;
    eprintln!("fetched {fetched} bytes for 1024 changed bytes of {}", size());
    assert!(fetched <= 8 << 20, "{fetched}");
    assert!(std::fs::read(&copy).expect("read") == content, "contents differ");
    // A copy that is not like it helps nothing and harms nothing.
    write(&copy, &rng.bytes(size()));
    ada.ok(&["get", "/file", utf8(&copy)]);
    assert!(std::fs::read(&copy).expect("read") == content, "contents differ");
}

#[test]
fn what_only_others_have_is_sent_and_stored_once() {
    for engine in engines() {
        let server = Server::start(engine);
        let proxy = Proxy::to(&server.address);
        let (ada, bob) = (sign_up(&server, &proxy, "ada"), sign_up(&server, &proxy, "bob"));
        let (file, content) = (ada.path("file"), Rng::new("others").bytes(size()));
        write(&file, &content);
        ada.ok(&["put", utf8(&file), "/file"]);
        let before = stored(&server);
        let by_bob = sent(&proxy, || drop(bob.ok(&["put", utf8(&file), "/mine"])));
        assert!(by_bob > size() as u64, "nothing tells bob that it is here: {by_bob}");
        let more = stored(&server) - before;
        assert!(more < little(), "stored twice: {more}");
        assert_eq!(bob.cat("/mine"), content);
        // Each goes on without the other.
        ada.ok(&["rm", "/file"]);
        ada.ok(&["trash", "purge", "--all", "--yes"]);
        assert_eq!(bob.cat("/mine"), content);
        server.assert_check_is_clean();
    }
}

/// `COFFER_INSTANT_MIB=1024` is the run that docs/security.md gives a figure of.
#[test]
fn what_only_others_have_is_proved_where_the_operator_allows_it() {
    for engine in engines() {
        let mut server = Server::init(engine, &["--signup", "open"]);
        let config = server.data().join("coffer.toml");
        let text = std::fs::read_to_string(&config).expect("read");
        write(&config, format!("instant_upload = \"server\"\n{text}").as_bytes());
        server.run();
        let proxy = Proxy::to(&server.address);
        let (ada, bob) = (sign_up(&server, &proxy, "ada"), sign_up(&server, &proxy, "bob"));
        let (file, content) = (ada.path("file"), Rng::new("proved").bytes(size()));
        write(&file, &content);
        ada.ok(&["put", utf8(&file), "/file"]);
        let before = stored(&server);
        let by_bob = sent(&proxy, || drop(bob.ok(&["put", utf8(&file), "/mine"])));
        let more = stored(&server) - before;
        eprintln!("{engine:?}: sent {by_bob}, stored {more} for {} bytes of others", size());
        assert!(by_bob < little() && more < little(), "sent {by_bob}, stored {more}");
        ada.ok(&["rm", "/file"]);
        ada.ok(&["trash", "purge", "--all", "--yes"]);
        assert!(bob.cat("/mine") == content, "contents differ");
        server.assert_check_is_clean();
    }
}

#[test]
fn of_a_shared_file_the_recipient_sends_the_change() {
    let server = Server::start(Engine::Sqlite);
    let proxy = Proxy::to(&server.address);
    let (ada, bob) = (sign_up(&server, &proxy, "ada"), sign_up(&server, &proxy, "bob"));
    let (file, mut content) = (ada.path("file"), Rng::new("shared").bytes(size()));
    write(&file, &content);
    ada.ok(&["mkdir", "/d"]);
    ada.ok(&["put", utf8(&file), "/d/file"]);
    ada.ok(&["share", "/d", "bob", "write"]);
    content[size() / 3] ^= 1;
    write(&file, &content);
    let by_bob = sent(&proxy, || drop(bob.ok(&["put", utf8(&file), "@ada/d/file"])));
    eprintln!("sent {by_bob} for one changed byte of {}", size());
    assert!(by_bob <= 8 << 20, "{by_bob}");
    assert_eq!(ada.cat("/d/file"), content);
    server.assert_check_is_clean();
}
