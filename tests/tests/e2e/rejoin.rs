//! The old primary comes back: whatever it had acknowledged is at the new primary, or
//! comes back beside what is there.

use coffer_tests::coffer::{PASSWORD, utf8};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server, program};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Signs a user in at the new primary, on a device of its own.
fn sign_in(link: &str, user: &str) -> Coffer {
    let coffer = Coffer::new();
    let password = coffer.password_file();
    coffer.ok(&["login", link, "--user", user, "--password-file", utf8(&password)]);
    coffer
}

fn command(name: &str, data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command.args(args).arg("--data").arg(data).stdin(Stdio::null());
    command
}

fn succeeded(output: &Output, what: &str) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert!(output.status.success(), "{what}: {out}{err}");
    out.into_owned()
}

/// Kills a command after a while, as often as there are times; then lets it run to its
/// end.
fn interrupted(make: impl Fn() -> Command, after: &[u64]) -> String {
    for millis in after {
        let mut child = make()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("coffer-server rejoin");
        std::thread::sleep(Duration::from_millis(*millis));
        // It may have come to its end already.
        let _ = child.kill();
        child.wait().expect("wait for the command");
    }
    let output = make().output().expect("coffer-server rejoin");
    succeeded(&output, "rejoin")
}

/// The list of what came back and what did not: kinds with how many of each.
fn kinds(coffer: &Coffer) -> BTreeMap<String, u64> {
    let printed = coffer.ok(&["--json", "recovered"]);
    let mut kinds = BTreeMap::new();
    for line in printed.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let what = entry["what"].as_str().expect("a word").to_owned();
        *kinds.entry(what).or_default() += 1;
    }
    kinds
}

/// Every name below a directory that holds these bytes.
fn holders(coffer: &Coffer, bytes: &[u8]) -> Vec<String> {
    let printed = coffer.ok(&["find", "*"]);
    let files = printed.lines().filter(|line| !line.ends_with('/'));
    files.filter(|path| coffer.cat(path) == bytes).map(str::to_owned).collect()
}

/// What the old primary has acknowledged alone; returns the contents of files.
fn goes_on(ada: &Coffer) -> Vec<Vec<u8>> {
    let mut rng = Rng::new("rejoin");
    let mut written = vec![b"old side".to_vec()];
    ada.write("/docs/both.txt", b"old side");
    ada.ok(&["mkdir", "-p", "/tree/in"]);
    for (name, len) in [("/docs/new", 100), ("/docs/large", 3 << 20), ("/tree/in/leaf", 9_000)] {
        let bytes = rng.bytes(len);
        ada.write(name, &bytes);
        written.push(bytes);
    }
    ada.ok(&["rm", "/gone"]);
    ada.ok(&["mv", "/moved", "/elsewhere"]);
    ada.ok(&["share", "/shared", "bert", "read"]);
    ada.ok(&["unshare", "/given", "bert"]);
    written
}

/// Promotes a machine, and runs it; returns its link.
fn take_over(new: &mut Replica) -> String {
    let promoted = new.admin(&["promote", "--accept-loss"]);
    succeeded(&promoted, "promote");
    new.run();
    let link = command("coffer-server", &new.data(), &["link"]).output().expect("link");
    succeeded(&link, "link").trim().to_owned()
}

/// Everything that was acknowledged is there, byte for byte, beside what is new; nothing
/// of the rest was done, but is listed.
fn assert_all_is_there(link: &str, written: &[Vec<u8>]) {
    let ada = sign_in(link, "ada");
    let listed = kinds(&ada);
    for bytes in written {
        assert_eq!(holders(&ada, bytes).len(), 1, "{} bytes", bytes.len());
    }
    assert_eq!(ada.cat("/docs/both.txt"), b"new side");
    assert_eq!(ada.cat("/docs/kept"), b"new side too");
    let expected = [
        ("deleted", 1),
        ("directory-back", 2),
        ("file-back", 4),
        ("moved", 1),
        ("shared", 1),
        ("unshared", 1),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(what, n)| (what.to_owned(), n)).into();
    assert_eq!(listed, expected);
    assert_eq!(ada.cat("/gone"), b"/gone");
    assert_eq!(ada.cat("/moved"), b"/moved");
    let bert = sign_in(link, "bert");
    assert_eq!(bert.cat("@ada/given"), b"/given");
    bert.fails(3, &["cat", "@ada/shared"]);
    ada.ok(&["recovered", "--dismiss-all"]);
    assert_eq!(kinds(&ada), BTreeMap::new());
}

fn comes_back(old_engine: Engine, new_engine: Engine) {
    let mut old = Server::start(old_engine);
    let ada = Coffer::sign_up(&old, "ada");
    let _bert = Coffer::sign_up(&old, "bert");
    ada.ok(&["mkdir", "/docs"]);
    for name in ["/docs/both.txt", "/docs/kept", "/gone", "/moved", "/given", "/shared"] {
        ada.write(name, name.as_bytes());
    }
    ada.ok(&["share", "/given", "bert", "read"]);
    let mut new = Replica::join(&old, new_engine, &["--standby"]);
    new.run();
    new.catch_up(&old);
    // The two do not hear each other any more, and both go on.
    new.kill();
    let written = goes_on(&ada);
    old.kill();
    let link = take_over(&mut new);
    let ada = sign_in(&link, "ada");
    ada.write("/docs/both.txt", b"new side");
    ada.write("/docs/kept", b"new side too");

    // The old one comes back, killed in the middle, several times.
    let data = old.data();
    let make = || {
        let mut command = command("coffer-server", &data, &["rejoin"]);
        command.arg(&link);
        command
    };
    let said = interrupted(make, &[20, 80, 150, 250, 400, 600]);
    // The last of those that were killed may have come to its end.
    assert!(said.contains("coffer-replica run") || said.contains("standby already"), "{said}");
    let again = make().output().expect("coffer-server rejoin");
    assert!(succeeded(&again, "rejoin again").contains("standby already"));
    assert_all_is_there(&link, &written);

    // It follows, and has the same.
    let mut back = Replica::from_server(&mut old);
    back.run();
    ada.write("/after", b"after");
    back.assert_rows_as(&new);
    back.assert_check_is_clean();
    new.assert_check_is_clean();
}

#[test]
fn an_old_primary_comes_back_on_sqlite() {
    comes_back(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn an_old_primary_comes_back_on_mariadb() {
    comes_back(Engine::MariaDb, Engine::MariaDb);
}

#[test]
fn a_machine_that_was_not_left_stays_what_it_is() {
    let mut old = Server::start(Engine::Sqlite);
    let mut other = Server::start(Engine::Sqlite);
    let link = other.admin_ok(&["link"]);
    let rejoin = |server: &Server| {
        let output = server.admin(&["rejoin", link.trim()]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = rejoin(&old);
    assert_eq!(code, Some(4), "a server runs: {said}");
    old.stop();
    // Another installation, with another master key.
    let (code, said) = rejoin(&old);
    assert_eq!(code, Some(5), "{said}");
    other.stop();
    let begun = Instant::now();
    assert_eq!(rejoin(&old).0, Some(6));
    assert!(begun.elapsed() < Duration::from_mins(1));
    old.run();
    let ada = Coffer::sign_up(&old, "ada");
    ada.write("/f", PASSWORD.as_bytes());
    assert_eq!(ada.cat("/f"), PASSWORD.as_bytes());
}
