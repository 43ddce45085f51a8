//! `run`: what it refuses without touching anything, and how it starts and ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use common::{Site, out, snapshot};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

type Spoil = fn(&Site);

fn write(site: &Site, name: &str, text: &str) {
    std::fs::write(site.file(name), text).unwrap();
}

/// What is wrong, how it comes about, exit status and code.
const REFUSED: &[(&str, Spoil, i32, &str)] = &[
    ("no marker", |s| std::fs::remove_file(s.file("coffer-data")).unwrap(), 3, "not-initialised"),
    ("newer marker", |s| write(s, "coffer-data", "coffer-data 9\n"), 1, "format-newer"),
    ("damaged marker", |s| write(s, "coffer-data", "coffer-data 1\n"), 7, "file-damaged"),
    ("no key", |s| std::fs::remove_file(s.file("master.key")).unwrap(), 3, "master-key-missing"),
    (
        "another key",
        |s| {
            let other = Site::new();
            std::fs::copy(other.file("master.key"), s.file("master.key")).unwrap();
        },
        7,
        "master-key-wrong",
    ),
    (
        "a typing error in the key",
        |s| {
            let text = std::fs::read_to_string(s.file("master.key")).unwrap();
            let last = text.trim().chars().last().unwrap();
            let other = if last == 'A' { 'B' } else { 'A' };
            let text = format!("{}{other}\n", &text.trim()[..text.trim().len() - 1]);
            write(s, "master.key", &text);
        },
        7,
        "master-key-wrong",
    ),
    (
        "a key for all to read",
        |s| {
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(s.file("master.key"), open).unwrap();
        },
        1,
        "master-key-exposed",
    ),
    (
        "no configuration",
        |s| std::fs::remove_file(s.file("coffer.toml")).unwrap(),
        3,
        "file-missing",
    ),
    ("an unknown key", |s| write(s, "coffer.toml", "a = 1\n"), 2, "config-invalid"),
    (
        "no certificate",
        |s| std::fs::remove_file(s.file("tls/server.pem")).unwrap(),
        3,
        "file-missing",
    ),
    ("a damaged certificate key", |s| write(s, "tls/server.key.sealed", "x"), 7, "file-damaged"),
    ("a damaged anchor", |s| write(s, "anchor", "coffer-anchor 1\n"), 7, "file-damaged"),
    ("no anchor", |s| std::fs::remove_file(s.file("anchor")).unwrap(), 7, "rolled-back"),
    (
        "another database",
        |s| {
            let other = Site::new();
            std::fs::copy(other.file("coffer.db"), s.file("coffer.db")).unwrap();
        },
        7,
        "database-foreign",
    ),
];

#[test]
fn what_is_not_right_is_refused_and_not_touched() {
    for (what, spoil, status, code) in REFUSED {
        let site = Site::new();
        spoil(&site);
        let before = snapshot(&site.data());
        eprintln!("{what}");
        site.run_refused(&[], *status, code);
        assert_eq!(snapshot(&site.data()), before, "{what}: something was touched");
    }
}

#[test]
fn without_its_database_it_does_not_make_a_new_one() {
    let site = Site::new();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(site.file(&format!("coffer.db{suffix}")));
    }
    site.run_refused(&[], 3, "file-missing");
    assert!(!site.file("coffer.db").exists());
}

#[test]
fn it_says_where_it_listens_and_stops_when_asked() {
    for signal in ["-TERM", "-INT"] {
        let site = Site::new();
        let mut server = site.start_with(&["--listen", "127.0.0.1:0"], |_| {});
        assert!(TcpStream::connect(&server.address).is_ok());
        assert!(site.file("running").exists());
        server.signal(signal);
        assert_eq!(server.wait(), (Some(0), String::new()), "{}", server.log());
        assert!(!site.file("running").exists());
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[test]
fn a_second_server_is_refused_and_the_first_goes_on() {
    let site = Site::new();
    let server = site.start();
    site.run_refused(&[], 4, "directory-in-use");
    site.run_refused(&["--listen", "127.0.0.1:0"], 4, "directory-in-use");
    assert!(TcpStream::connect(&server.address).is_ok());
    assert_eq!(server.stop().0, Some(0));
    assert_eq!(site.start().stop().0, Some(0), "the lock is free again");
}

#[test]
fn a_taken_port_is_named() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let before = snapshot(&site.data());
    site.run_refused(&["--listen", &address], 4, "address-in-use");
    let metrics = format!("metrics.listen={address}");
    site.run_refused(&["--listen", "192.0.2.1:7440"], 1, "address-unusable");
    assert_eq!(snapshot(&site.data()), before);
    site.run_refused(&["--set", &metrics], 4, "address-in-use");
}

#[test]
fn a_database_put_back_to_an_older_state_is_noticed() {
    let site = Site::new();
    let old = site.file("../old.db");
    std::fs::copy(site.file("coffer.db"), &old).unwrap();
    let server = site.start();
    for _ in 0..3 {
        site.ok(&["link", "--invite"]);
    }
    assert_eq!(server.stop().0, Some(0));
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(site.file(&format!("coffer.db{suffix}")));
    }
    std::fs::copy(&old, site.file("coffer.db")).unwrap();
    site.run_refused(&[], 7, "rolled-back");
    let server = site.start_with(&["--accept-rollback"], |_| {});
    assert_eq!(server.stop().0, Some(0));
    assert_eq!(site.start().stop().0, Some(0), "accepted once is accepted");
}

#[test]
fn the_service_manager_is_told() {
    let site = Site::new();
    let path = site.file("../notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let server = site.start_with(&[], |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    });
    let mut heard = String::new();
    let mut listen_for = |text: &str| {
        while !heard.contains(text) {
            let mut buffer = [0; 1024];
            let count = socket.recv(&mut buffer).unwrap();
            heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
            heard.push('\n');
        }
    };
    listen_for("READY=1");
    listen_for("WATCHDOG=1");
    server.signal("-TERM");
    listen_for("STOPPING=1");
    assert_eq!(server.stop().0, Some(0));
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn metrics_and_health_are_there_when_wanted() {
    let site = Site::new();
    // Below the ports of outgoing connections, so that it stays free.
    let port = 10_000 + getrandom::u32().unwrap() % 22_000;
    let free = format!("127.0.0.1:{port}");
    let _server = site.start_with(&["--set", &format!("metrics.listen={free}")], |_| {});
    assert!(get(&free, "/health").starts_with("HTTP/1.1 200"));
    let page = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Some(get(&free, "/metrics")).filter(|page| page.contains("coffer_position"))
    });
    let page = page.expect("the first reading");
    assert!(page.contains("coffer_store_poisoned 0"), "{page}");
}

#[test]
fn strangers_cost_one_line_each_and_stop_nobody() {
    let site = Site::new();
    let server = site.start();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0; 64]] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(bytes).unwrap();
        drop(stream.shutdown(std::net::Shutdown::Write));
        let mut rest = Vec::new();
        // A reset is as good as an end.
        let _ = stream.read_to_end(&mut rest);
    }
    server.wait_for_log("connection failed");
    for _ in 0..200 {
        drop(TcpStream::connect(&server.address).unwrap());
    }
    assert!(TcpStream::connect(&server.address).is_ok());
    let log = server.log();
    assert!(log.matches("connection failed").count() < 60, "{log}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn one_address_cannot_take_all_connections() {
    let site = Site::new();
    let server = site.start_with(&["--set", "limits.connections_per_address=2"], |_| {});
    let _one = TcpStream::connect(&server.address).unwrap();
    let _two = TcpStream::connect(&server.address).unwrap();
    let mut three = TcpStream::connect(&server.address).unwrap();
    let mut byte = [0];
    assert!(matches!(three.read(&mut byte), Ok(0) | Err(_)), "the third is closed");
    server.wait_for_log("limits.connections_per_address is reached");
}

#[test]
fn the_log_is_json_when_asked() {
    let site = Site::new();
    let server = site.start_with(&["--set", "log.format=json"], |_| {});
    let log = server.log();
    let first = log.lines().next().expect("a line");
    assert!(first.starts_with('{') && first.contains("\"message\""), "{first}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn the_environment_is_a_layer_of_the_configuration() {
    let site = Site::new();
    let mut command = site.command(&["run"]);
    let output = command.env("COFFER_LIMITS_CONNECTIONS", "many").output().unwrap();
    common::assert_refused(&output, 2, "config-invalid");
    assert!(common::err(&output).contains("COFFER_LIMITS_CONNECTIONS"));
    assert_eq!(out(&output), "");
}

#[test]
fn a_failing_disk_ends_the_server_with_status_70() {
    let site = Site::new();
    let mut server = site.start_with(&["--set", "maintenance.anchor_seconds=1"], |_| {});
    // A directory in the place of the file: the rename that replaces it fails.
    // The server writes the anchor once at its start, perhaps in between.
    while std::fs::create_dir(site.file("anchor")).is_err() {
        let _ = std::fs::remove_file(site.file("anchor"));
    }
    std::fs::write(site.file("anchor/x"), "").unwrap();
    site.ok(&["invite", "create"]);
    assert_eq!(server.wait().0, Some(70), "{}", server.log());
    assert_eq!(server.log().matches("[flush-failed]").count(), 1, "{}", server.log());
}

#[test]
fn connections_leave_descriptors_for_the_store() {
    let site = Site::new();
    let server = site.start_with(&["--set", "database.connections=4"], |command| {
        // The same command under a shell that lowers the limit.
        let program = command.get_program().to_owned();
        let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "ulimit -n 270; exec \"$0\" \"$@\""]).arg(program).args(args);
        let log = std::fs::File::options().append(true).open(site.file("../log")).unwrap();
        limited.stdout(std::process::Stdio::piped()).stderr(log);
        *command = limited;
    });
    let held: Vec<_> = (0..60).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    server.wait_for_log("limits.connections is reached");
    site.ok(&["invite", "create"]);
    drop(held);
    assert!(!server.log().contains("cannot accept"), "{}", server.log());
    assert_eq!(server.stop().0, Some(0));
}
