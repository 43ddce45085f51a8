//! A transfer that was interrupted goes on where it was, whoever died.

use coffer_tests::coffer::utf8;
use coffer_tests::files::write;
use coffer_tests::proxy::{Direction, Line, Proxy};
use coffer_tests::{Cluster, Coffer, Engine, Rng, Server, rounds};
use std::process::{Child, Stdio};
use std::time::Duration;

/// What one kill may cost: what was on its way.
const LOST: u64 = 5 << 20;
/// What one kill of a download may cost: what was asked for ahead, and that much more
/// in the buffers on the way.
const LOST_DOWN: u64 = 24 << 20;
/// How fast the line is, bytes in a second.
const RATE: u64 = 24 << 20;

fn start(coffer: &Coffer, args: &[&str]) -> Child {
    let mut command = coffer.command(args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("coffer")
}

/// Waits until so many bytes have passed, or the program has ended.
fn passed(proxy: &Proxy, direction: Direction, child: &mut Child, until: u64) {
    while proxy.passed(direction) < until && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until what was on its way has arrived: the proxy holds some megabytes.
fn settle(proxy: &Proxy) {
    let mut before = None;
    while before != Some(proxy.passed(Direction::Forth)) {
        before = Some(proxy.passed(Direction::Forth));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn uploads_that_are_not_finished_are_listed_and_cancelled() {
    let server = Server::start(Engine::Sqlite);
    let proxy = Proxy::to(&server.address);
    let ada = Coffer::sign_up_by(&proxy.link(&server.link()), "ada");
    let file = ada.path("film.mkv");
    write(&file, &Rng::new("pending").bytes(32 << 20));
    assert_eq!(ada.ok(&["uploads", "list"]), "");
    proxy.slow(Line { latency: Duration::ZERO, bytes_per_second: Some(RATE) });
    let mut put = start(&ada, &["put", utf8(&file), "/film.mkv"]);
    let half = proxy.passed(Direction::Forth) + (16 << 20);
    passed(&proxy, Direction::Forth, &mut put, half);
    put.kill().expect("it runs");
    put.wait().expect("a child");
    settle(&proxy);
    let listed = ada.json(&["uploads", "list"]);
    assert_eq!(listed["name"], "film.mkv", "{listed}");
    assert!(listed["bytes"].as_u64().expect("a number") > 8 << 20, "{listed}");
    assert!(ada.fails(3, &["uploads", "cancel", "nothing"]).contains("no-such-upload"));
    let id = listed["id"].as_str().expect("an id");
    ada.ok(&["uploads", "cancel", &id[..8]]);
    assert_eq!(ada.ok(&["uploads", "list"]), "");
    server.assert_check_is_clean();
}

/// Kills the client, or the server, at random places of one upload.
fn interrupted(engine: Engine) {
    let kills = u64::from(rounds("COFFER_RESUME_KILLS", 4));
    let size = (rounds("COFFER_RESUME_MIB", 64) as usize) << 20;
    let mut server = Server::init(engine, &["--signup", "open"]);
    let path = server.data().join("coffer.toml");
    let settings = std::fs::read_to_string(&path).expect("read");
    // Collection goes on all the while.
    let settings = format!("{settings}\n[maintenance]\njanitor_seconds = 1\n");
    std::fs::write(&path, settings).expect("write");
    server.run();
    let proxy = Proxy::to(&server.address);
    let ada = Coffer::sign_up_by(&proxy.link(&server.link()), "ada");
    let mut rng = Rng::new("resume");
    let (file, content) = (ada.path("file"), rng.bytes(size));
    write(&file, &content);
    let line = Line { latency: Duration::ZERO, bytes_per_second: Some(RATE) };
    proxy.slow(line);
    let begin = proxy.passed(Direction::Forth);
    for round in 0..kills {
        let mut put = start(&ada, &["put", utf8(&file), "/file"]);
        let share = size as u64 / (kills + 1);
        let next = begin + share * round + share / 2 + rng.below(share / 2);
        passed(&proxy, Direction::Forth, &mut put, next);
        if round % 2 == 1 {
            server.kill();
            put.kill().expect("it runs");
            server.run();
        } else {
            put.kill().expect("it runs");
        }
        put.wait().expect("a child");
        settle(&proxy);
    }
    ada.ok(&["put", utf8(&file), "/file"]);
    let sent = proxy.passed(Direction::Forth) - begin;
    let twice = sent.saturating_sub(size as u64);
    eprintln!("{engine:?}: {kills} kills, {sent} bytes for {size}, {twice} sent twice");
    assert!(twice < kills * LOST, "{twice} sent twice");
    assert_eq!(ada.cat("/file"), content);
    server.assert_check_is_clean();
}

#[test]
fn an_upload_goes_on_whoever_dies_on_sqlite() {
    interrupted(Engine::Sqlite);
}

#[test]
fn an_upload_goes_on_whoever_dies_on_mariadb() {
    interrupted(Engine::MariaDb);
}

/// Waits until the standby serves as the primary, and knows so much of the upload.
fn bytes_listed(ada: &Coffer) -> u64 {
    let begun = std::time::Instant::now();
    loop {
        let ran = ada.run(&["--json", "--retry-for", "5", "uploads", "list"]);
        if ran.code == 0 {
            let listed: serde_json::Value = serde_json::from_str(ran.text().trim()).expect("JSON");
            return listed["bytes"].as_u64().expect("a number");
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "no new primary: {}", ran.err);
    }
}

/// The primary dies in the middle of an upload. What was mirrored of it is not sent
/// again to the new one.
#[test]
fn an_upload_goes_on_at_the_new_primary() {
    let size = (rounds("COFFER_RESUME_MIB", 64) as usize) << 20;
    let mut cluster = Cluster::start(Engine::Sqlite, Engine::Sqlite);
    let ada = cluster.sign_up("ada");
    cluster.wait_for_both(&ada);
    // The client learns of the standby.
    ada.ok(&["status"]);
    let (file, content) = (ada.path("file"), Rng::new("takeover").bytes(size));
    write(&file, &content);
    let line = Line { latency: Duration::ZERO, bytes_per_second: Some(RATE) };
    cluster.to_server.slow_one(Direction::Forth, line);
    let begin = cluster.to_server.passed(Direction::Forth);
    let mut put = start(&ada, &["put", utf8(&file), "/file"]);
    passed(&cluster.to_server, Direction::Forth, &mut put, begin + size as u64 * 2 / 3);
    cluster.destroy_server();
    put.kill().expect("it runs");
    put.wait().expect("a child");
    let before = cluster.to_server.passed(Direction::Forth) - begin;
    let promoted = cluster.promote(&["--accept-loss"]);
    assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
    cluster.wait_until_promoted();
    let mirrored = bytes_listed(&ada);
    let begin = cluster.to_standby.passed(Direction::Forth);
    ada.ok(&["put", utf8(&file), "/file"]);
    let after = cluster.to_standby.passed(Direction::Forth) - begin;
    eprintln!(
        "{before} of {size} bytes sent to the old primary, {mirrored} mirrored, {after} sent to \
         the new one"
    );
    assert!(mirrored > before / 2, "the mirror follows the upload");
    let rest = size as u64 - mirrored;
    assert!((rest..rest + (4 << 20)).contains(&after), "{after} sent for {rest} missing");
    assert_eq!(ada.cat("/file"), content);
    cluster.standby.assert_check_is_clean();
}

/// Kills the client, or the server, at random places of one download.
#[test]
fn a_download_goes_on_whoever_dies() {
    let kills = u64::from(rounds("COFFER_RESUME_KILLS", 4));
    let size = (rounds("COFFER_RESUME_MIB", 64) as usize) << 20;
    let mut server = Server::start(Engine::Sqlite);
    let proxy = Proxy::to(&server.address);
    let ada = Coffer::sign_up_by(&proxy.link(&server.link()), "ada");
    let mut rng = Rng::new("download");
    let (file, content) = (ada.path("file"), rng.bytes(size));
    write(&file, &content);
    ada.ok(&["put", utf8(&file), "/file"]);
    let down = ada.path("down");
    std::fs::create_dir(&down).expect("a directory");
    let to = down.join("file");
    proxy.slow(Line { latency: Duration::ZERO, bytes_per_second: Some(RATE) });
    let begin = proxy.passed(Direction::Back);
    for round in 0..kills {
        // Nobody goes on trying without a server for long.
        let mut get = start(&ada, &["--retry-for", "1", "get", "/file", utf8(&to)]);
        let share = size as u64 / (kills + 1);
        let next = begin + share * round + share / 2 + rng.below(share / 2);
        passed(&proxy, Direction::Back, &mut get, next);
        if round % 2 == 1 {
            server.kill();
            // It ends by itself, and its error is that of the connection.
            assert_eq!(get.wait().expect("a child").code(), Some(6));
            server.run();
        } else {
            get.kill().expect("it runs");
            get.wait().expect("a child");
        }
        assert!(!to.exists(), "a part is not the file");
        assert_eq!(std::fs::read_dir(&down).expect("readable").count(), 1, "one part");
    }
    ada.ok(&["get", "/file", utf8(&to)]);
    let sent = proxy.passed(Direction::Back) - begin;
    let twice = sent.saturating_sub(size as u64);
    eprintln!("{kills} kills, {sent} bytes for {size}, {twice} sent twice");
    assert!(twice < kills * LOST_DOWN, "{twice} sent twice");
    assert!(std::fs::read(&to).expect("readable") == content, "contents differ");
    assert_eq!(std::fs::read_dir(&down).expect("readable").count(), 1, "no part is left");
}
