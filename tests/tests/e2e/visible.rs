//! What people can see of mirroring: the state of a file, the status pages, the
//! metrics and the alarms.

use coffer_tests::cluster::wait_for_machines;
use coffer_tests::server::free_port;
use coffer_tests::{Coffer, Engine, Replica, Server};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The metrics page.
fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the page");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("answered");
    page
}

/// The value of a metric; the first of several with that beginning.
fn value(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn machines_of(coffer: &Coffer, path: &str) -> u64 {
    coffer.json(&["stat", path])["machines"].as_u64().expect("a number")
}

fn a_file_says_where_it_is(source: Engine, target: Engine) {
    let server = Server::start(source);
    let coffer = Coffer::sign_up(&server, "ada");
    let written = |path: &str| coffer.written(path, b"some").expect("written").machines;
    assert_eq!(written("/alone"), 1);
    assert_eq!(machines_of(&coffer, "/alone"), 1);
    let mut replica = Replica::start(&server, target);
    wait_for_machines(&coffer, 2);
    assert_eq!(machines_of(&coffer, "/alone"), 2, "what was there before is there as well");
    assert_eq!(written("/both"), 2);
    assert_eq!(replica.stop(), Some(0));
    assert_eq!(written("/new"), 1);
    coffer.ok(&["mv", "/both", "/moved"]);
    let counted = ["/alone", "/new", "/moved"].map(|path| machines_of(&coffer, path));
    assert_eq!(counted, [2, 1, 1]);
    let text = coffer.ok(&["stat", "/new"]);
    assert!(text.lines().any(|line| line.starts_with("durable ") && line.ends_with("1 machine")));
    let listed = coffer.ok(&["ls", "-l", "/"]);
    let mark = |name: &str| {
        let line = listed.lines().find(|line| line.ends_with(name)).expect("listed");
        line.split_whitespace()
            .find(|part| part.ends_with('x') && part.len() == 2)
            .map(str::to_owned)
    };
    assert_eq!((mark("  new").as_deref(), mark("  alone").as_deref()), (Some("1x"), Some("2x")));
    // Every command that writes says it.
    for args in [
        &["mkdir", "/d"][..],
        &["cp", "/new", "/copy"],
        &["rm", "/copy"],
        &["trash", "purge", "--all", "--yes"],
    ] {
        assert_eq!(coffer.json(args)["machines"], 1, "{args:?}");
    }
    replica.run();
    wait_for_machines(&coffer, 2);
    until("everything is on two machines", || {
        ["/new", "/moved", "/d"].iter().all(|path| machines_of(&coffer, path) == 2)
    });
    assert_eq!(coffer.json(&["mv", "/d", "/e"])["machines"], 2);
}

#[test]
fn a_file_says_where_it_is_on_sqlite() {
    a_file_says_where_it_is(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_file_says_where_it_is_on_mariadb() {
    a_file_says_where_it_is(Engine::MariaDb, Engine::Sqlite);
}

#[test]
fn after_a_restart_what_is_said_is_true_at_once_and_complete_soon() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let mut replica = Replica::start(&server, Engine::Sqlite);
    wait_for_machines(&coffer, 2);
    coffer.written("/before", b"some").expect("written");
    replica.kill();
    assert_eq!(coffer.written("/behind", b"some").expect("written").machines, 1);
    server.kill();
    server.run();
    // Nothing is remembered: the replica has not been heard, so it does not count.
    assert_eq!(machines_of(&coffer, "/behind"), 1);
    assert_eq!(machines_of(&coffer, "/before"), 1);
    replica.run();
    until("both are counted again", || {
        machines_of(&coffer, "/behind") == 2 && machines_of(&coffer, "/before") == 2
    });
}

#[test]
fn the_page_the_metrics_and_the_alarms_say_the_same() {
    let mut server = Server::init(Engine::Sqlite, &["--signup", "open"]);
    let page = format!("127.0.0.1:{}", free_port());
    let config = server.data().join("coffer.toml");
    let text = std::fs::read_to_string(&config).expect("readable");
    let mut table: toml::Table = text.parse().expect("TOML");
    let section = |text: &str| toml::Value::Table(text.parse().expect("TOML"));
    table.insert("metrics".to_owned(), section(&format!("listen = \"{page}\"")));
    table.insert(
        "alarms".to_owned(),
        section("lag_seconds = 1\nunmirrored_seconds = 1\nsilent_seconds = 2\nretain_percent = 80"),
    );
    std::fs::write(&config, table.to_string()).expect("written");
    server.run();
    let coffer = Coffer::sign_up(&server, "ada");
    let mut replica = Replica::start(&server, Engine::Sqlite);
    wait_for_machines(&coffer, 2);
    let status = || -> serde_json::Value {
        let text = server.admin_ok(&["status", "--json"]);
        serde_json::from_str(&text).expect("JSON")
    };
    until("the page shows the replica", || status()["replicas"][0]["seen"]["connected"] == true);
    assert_eq!((&status()["role"], &status()["mode"]), (&"primary".into(), &"semi-sync".into()));
    // It notes each second what it knows.
    until("the replica says that it follows", || replica.status()["state"] == "follows");
    assert_eq!(replica.stop(), Some(0));
    std::fs::write(coffer.path("big"), vec![7; 3 << 20]).expect("written");
    coffer.ok(&["put", "big", "/big"]);
    until("the lag is seen in bytes", || {
        let seen = &status()["replicas"][0]["seen"];
        seen["lag_entries"].as_u64() > Some(0)
            && seen["lag_chunk_bytes"].as_u64() > Some(1000)
            && seen["lag_journal_bytes"].as_u64() > Some(100)
    });
    until("the alarms stand", || {
        let alarms = status()["alarms"].to_string();
        ["lag", "silent", "unmirrored"].iter().all(|alarm| alarms.contains(alarm))
    });
    let raised = || {
        let log = server.log();
        let is_one = |line: &&str| line.contains("ERROR") && line.contains("alarm=");
        log.lines().filter(is_one).count()
    };
    let said = raised();
    assert!(said >= 3, "{}", server.log());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(raised(), said, "an alarm that stands is not said again");
    let seen = metrics(&page);
    assert_eq!(value(&seen, "coffer_mirror_degraded "), Some(1.0));
    assert!(value(&seen, "coffer_oldest_unmirrored_seconds") > Some(0.0));
    assert!(value(&seen, "coffer_replica_lag_chunk_bytes{") > Some(1000.0));
    assert!(value(&seen, "coffer_replica_oldest_missing_seconds{") > Some(0.0));
    assert_eq!(value(&seen, "coffer_alarms{alarm=\"lag\"}"), Some(1.0));
    let text = server.admin_ok(&["status"]);
    assert!(text.contains("degraded: writes are on this machine only"), "{text}");
    replica.run();
    wait_for_machines(&coffer, 2);
    until("the alarms are over", || status()["alarms"] == serde_json::json!([]));
    assert_eq!(status()["unmirrored_seconds"], 0.0);
    assert_eq!(status()["degraded"], false);
    assert!(status()["degraded_seconds"].as_f64() > Some(0.0));
    let log = server.log();
    assert!(log.contains("the alarm is over"));
}

#[test]
fn a_replica_has_a_page_of_its_own() {
    let server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let mut replica = Replica::join(&server, Engine::Sqlite, &[]);
    let page = format!("127.0.0.1:{}", free_port());
    let config = replica.data().join("coffer.toml");
    let text = std::fs::read_to_string(&config).expect("readable");
    let mut table: toml::Table = text.parse().expect("TOML");
    let section = format!("listen = \"{page}\"").parse().expect("TOML");
    table.insert("metrics".to_owned(), toml::Value::Table(section));
    std::fs::write(&config, table.to_string()).expect("written");
    replica.run();
    wait_for_machines(&coffer, 2);
    until("the page shows that it follows", || {
        let seen = metrics(&page);
        value(&seen, "coffer_source_connected ") == Some(1.0)
            && value(&seen, "coffer_lag_entries ") == Some(0.0)
            && value(&seen, "coffer_following ") == Some(1.0)
    });
    assert!(value(&metrics(&page), "coffer_position ") > Some(0.0));
}
