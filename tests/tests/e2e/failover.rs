//! Clients of an installation with a standby: reading on while the primary is
//! gone, never back in time, returning, and large downloads that survive.

use coffer_tests::coffer::{PASSWORD, utf8};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server, rounds};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Longest time anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A primary, its standby, and a user who knows both.
struct Pair {
    server: Server,
    standby: Replica,
    coffer: Coffer,
}

impl Pair {
    fn start(source: Engine, target: Engine) -> Self {
        let server = Server::start(source);
        let coffer = Coffer::sign_up(&server, "ada");
        let mut standby = Replica::join(&server, target, &["--standby"]);
        standby.run();
        let pair = Self { server, standby, coffer };
        pair.wait_until(|status| roles(status).contains(&("standby", true)));
        pair
    }

    /// Waits until the client's view of the installation is as wanted. A command of
    /// its own each time, so what it has learned is written down.
    fn wait_until(&self, wanted: impl Fn(&serde_json::Value) -> bool) {
        let begun = Instant::now();
        loop {
            let ran = self.coffer.run(&["--json", "--retry-for", "1", "status"]);
            let status = serde_json::from_str(&ran.text()).unwrap_or_default();
            if wanted(&status) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{status:#}\n{}", ran.err);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the standby has all that the primary has.
    fn catch_up(&self) {
        self.standby.catch_up(&self.server);
    }

    /// The link of the standby.
    fn standby_link(&self) -> String {
        let status = self.coffer.json(&["status"]);
        let endpoints = status["cluster"]["endpoints"].as_array().expect("a list").clone();
        let standby = endpoints.iter().find(|one| one["role"] == "standby").expect("a standby");
        let text = |name: &str| standby[name].as_str().expect("text").to_owned();
        format!("coffer://{}/#{}", text("address"), text("fingerprint"))
    }
}

/// Role of each machine, and whether it answers.
fn roles(status: &serde_json::Value) -> Vec<(&str, bool)> {
    let endpoints = status["cluster"]["endpoints"].as_array();
    let all = endpoints.into_iter().flatten();
    all.map(|one| (one["role"].as_str().unwrap_or(""), one["answers"] == true)).collect()
}

const NOTICE: &str = "read only: the primary does not answer; reading from";

fn reading_goes_on(source: Engine, target: Engine) {
    let mut pair = Pair::start(source, target);
    let coffer = &pair.coffer;
    coffer.ok(&["mkdir", "/d"]);
    coffer.write("/d/file", b"as it was");
    let before = coffer.ok(&["ls", "-R", "/"]);
    // What was seen is never older afterwards: the standby has to have it, also what the
    // primary has written down meanwhile of those who signed in.
    pair.catch_up();
    pair.server.kill();

    for args in [&["ls", "-R", "/"][..], &["stat", "/d/file"], &["find", "f*"], &["whoami"]] {
        let ran = coffer.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert_eq!(ran.err.matches(NOTICE).count(), 1, "{args:?}: {}", ran.err);
    }
    assert_eq!(coffer.ok(&["ls", "-R", "/"]), before);
    assert_eq!(coffer.cat("/d/file"), b"as it was");
    let quiet = coffer.run(&["--quiet", "cat", "/d/file"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
    let status = coffer.json(&["status"]);
    assert_eq!(status["cluster"]["connected_to"], "standby");
    assert_eq!(roles(&status), [("primary", false), ("standby", true)]);
    assert!(coffer.ok(&["status"]).contains("read only"));

    // What changes something waits, and then says how things stand.
    let refused = coffer.fails(6, &["--retry-for", "1", "mkdir", "/new"]);
    assert!(refused.contains("[read-only]") && refused.contains("reading goes on"), "{refused}");

    pair.server.run();
    let coffer = &pair.coffer;
    coffer.write("/d/file", b"as it is");
    let ran = coffer.run(&["cat", "/d/file"]);
    assert_eq!((ran.out.as_slice(), ran.err.as_str()), (&b"as it is"[..], ""));
    assert_eq!(coffer.json(&["status"])["cluster"]["connected_to"], "primary");
}

#[test]
fn reading_goes_on_while_the_primary_is_gone() {
    reading_goes_on(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn reading_goes_on_from_another_engine() {
    reading_goes_on(Engine::MariaDb, Engine::Sqlite);
}

#[test]
fn nothing_older_is_shown_than_was_shown_before() {
    let mut pair = Pair::start(Engine::Sqlite, Engine::Sqlite);
    let other = Coffer::new();
    let link = pair.server.link();
    sign_in(&other, &link);
    pair.coffer.write("/f", b"old");
    pair.catch_up();
    assert_eq!(pair.standby.stop(), Some(0));
    // Only the primary has this; the other device only reads it.
    pair.coffer.write("/f", b"new");
    assert_eq!(other.cat("/f"), b"new");
    pair.server.kill();
    pair.standby.run();
    for coffer in [&pair.coffer, &other] {
        let error = coffer.fails(6, &["--retry-for", "1", "cat", "/f"]);
        assert!(error.contains("[unreachable]"), "{error}");
    }
    pair.server.run();
    pair.catch_up();
    pair.server.kill();
    assert_eq!(other.cat("/f"), b"new");
}

fn sign_in(coffer: &Coffer, link: &str) -> String {
    std::fs::write(coffer.password_file(), PASSWORD).expect("write");
    let password = coffer.password_file();
    let ran = coffer.run(&["login", link, "--user", "ada", "--password-file", utf8(&password)]);
    assert_eq!(ran.code, 0, "login: {}", ran.err);
    ran.err
}

#[test]
fn signing_in_at_the_link_of_a_standby_is_enough() {
    let mut pair = Pair::start(Engine::Sqlite, Engine::Sqlite);
    pair.coffer.write("/f", b"contents");
    pair.catch_up();
    let link = pair.standby_link();
    let both = Coffer::new();
    let said = sign_in(&both, &link);
    assert!(said.contains("is a standby; the primary is"), "{said}");
    both.write("/g", b"written to the primary");
    pair.catch_up();
    pair.server.kill();
    let reader = Coffer::new();
    let said = sign_in(&reader, &link);
    assert!(said.contains(NOTICE), "{said}");
    assert_eq!(reader.cat("/f"), b"contents");
    reader.fails(6, &["--retry-for", "1", "mkdir", "/new"]);
    pair.server.run();
    reader.ok(&["mkdir", "/new"]);
}

/// Names of the files of a download that hold something, and how much the largest holds.
/// A part is empty until it has the name under which it is found again.
fn parts(dir: &Path) -> (BTreeSet<std::ffi::OsString>, u64) {
    let mut names = BTreeSet::new();
    let mut most = 0;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let len = entry.metadata().map_or(0, |metadata| metadata.len());
        if len > 0 {
            names.insert(entry.file_name());
        }
        most = most.max(len);
    }
    (names, most)
}

/// Downloads a big file of `COFFER_FAILOVER_MIB`, and kills the primary when a part of it
/// is there.
fn survive(source: Engine, target: Engine) {
    let mebibytes = rounds("COFFER_FAILOVER_MIB", 96) as usize;
    let mut pair = Pair::start(source, target);
    let big = pair.coffer.path("big");
    std::fs::write(&big, Rng::new("failover").bytes(mebibytes << 20)).expect("write");
    pair.coffer.ok(&["put", utf8(&big), "/big"]);
    pair.catch_up();
    let dir = pair.coffer.path("down");
    std::fs::create_dir(&dir).expect("create");
    let to = dir.join("big");
    let mut command = pair.coffer.command(&["get", "/big", utf8(&to)]);
    command.env("COFFER_LOG", "coffer_client=debug");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("coffer");
    let begun = Instant::now();
    let mut seen = BTreeSet::new();
    while {
        let (names, most) = parts(&dir);
        seen.extend(names);
        most < (mebibytes as u64) << 18
    } {
        assert!(begun.elapsed() < PATIENCE, "the download does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    pair.server.kill();
    let killed = Instant::now();
    let at = parts(&dir).1;
    let output = child.wait_with_output().expect("coffer");
    seen.extend(parts(&dir).0);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(at < (mebibytes as u64) << 20, "it was killed in the middle");
    assert!(log.contains(NOTICE), "{log}");
    // One unfinished file, which became the file: nothing was begun again.
    assert!(seen.len() <= 2, "{seen:?}");
    assert!(
        std::fs::read(&big).expect("readable") == std::fs::read(&to).expect("readable"),
        "contents differ"
    );
    eprintln!(
        "killed at {} of {mebibytes} MiB; the rest took {:.2} s",
        at >> 20,
        killed.elapsed().as_secs_f64()
    );
}

#[test]
fn a_download_survives_the_primary() {
    survive(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_download_survives_with_another_engine() {
    survive(Engine::Sqlite, Engine::MariaDb);
}

#[test]
fn a_tree_of_small_files_survives_the_primary() {
    let mut pair = Pair::start(Engine::Sqlite, Engine::Sqlite);
    let tree = pair.coffer.path("tree");
    let mut rng = Rng::new("small");
    for dir in 0..20 {
        let dir = tree.join(format!("d{dir}"));
        std::fs::create_dir_all(&dir).expect("create");
        for file in 0..100 {
            let len = 1000 + rng.below(30_000) as usize;
            std::fs::write(dir.join(format!("f{file}")), rng.bytes(len)).expect("write");
        }
    }
    pair.coffer.ok(&["put", utf8(&tree), "/tree"]);
    pair.catch_up();
    let down = pair.coffer.path("down");
    let mut command = pair.coffer.command(&["get", "/tree", utf8(&down)]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("coffer");
    let begun = Instant::now();
    while !down.join("d3").exists() {
        assert!(begun.elapsed() < PATIENCE, "the download does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    pair.server.kill();
    let output = child.wait_with_output().expect("coffer");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    coffer_tests::files::assert_same_tree(&tree, &down);
}

#[test]
fn a_large_download_is_shared_with_the_standby() {
    let pair = Pair::start(Engine::Sqlite, Engine::Sqlite);
    let big = pair.coffer.path("big");
    std::fs::write(&big, Rng::new("spread").bytes(96 << 20)).expect("write");
    pair.coffer.ok(&["put", utf8(&big), "/big"]);
    pair.catch_up();
    let to = pair.coffer.path("to");
    let mut command = pair.coffer.command(&["get", "/big", utf8(&to)]);
    command.env("COFFER_LOG", "coffer_client=debug");
    let ran: coffer_tests::coffer::Ran = command.output().expect("coffer").into();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("the download is spread"), "{}", ran.err);
    assert!(!ran.err.contains("left out"), "{}", ran.err);
    assert!(std::fs::read(&big).expect("readable") == std::fs::read(&to).expect("readable"));
}
