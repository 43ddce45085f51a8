//! `init`: what it makes, and what it refuses without touching anything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use coffer_protocol::link::Link;
use common::{Site, assert_refused, err, out, program, snapshot};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

fn init(data: &Path, args: &[&str]) -> Output {
    program().args(["init", "--data"]).arg(data).args(args).output().unwrap()
}

#[test]
fn it_makes_everything_and_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("deep/data");
    let args = ["--listen", "127.0.0.1:7441", "--public-host", "files.example.org"];
    let output = init(&data, &args);
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    for name in ["coffer.toml", "master.key", "coffer-data", "anchor", "tls/authority.pem"] {
        let mode = std::fs::metadata(data.join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let key = std::fs::read_to_string(data.join("master.key")).unwrap();
    assert_eq!(text.matches(key.trim()).count(), 1, "the sheet is printed once:\n{text}");
    assert!(text.contains("if it is lost, every file"), "{text}");
    let link: Link = text.lines().last().unwrap().parse().unwrap();
    assert_eq!((link.host.as_str(), link.port), ("files.example.org", 7441));
    assert!(link.invite.is_some() && link.fingerprint.is_some());
    let pem = std::fs::read(data.join("tls/server.key.sealed")).unwrap();
    assert!(!pem.windows(7).any(|window| window == b"PRIVATE"), "the key lies there in the clear");
}

#[test]
fn an_open_server_needs_no_invitation() {
    let dir = tempfile::tempdir().unwrap();
    let output = init(&dir.path().join("d"), &["--signup", "open", "--listen", "127.0.0.1:0"]);
    let link: Link = out(&output).lines().last().unwrap().parse().unwrap();
    assert_eq!(link.invite, None);
    assert_ne!(link.port, 0, "a free port was chosen for good");
}

#[test]
fn a_second_init_changes_nothing() {
    let site = Site::new();
    let before = snapshot(&site.data());
    assert_refused(&init(&site.data(), &["--signup", "open"]), 4, "already-initialised");
    assert_eq!(snapshot(&site.data()), before);
}

#[test]
fn a_directory_with_something_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("holiday.jpg"), "x").unwrap();
    let before = snapshot(dir.path());
    assert_refused(&init(dir.path(), &[]), 4, "directory-not-empty");
    assert_eq!(snapshot(dir.path()), before);
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert_refused(&init(&file.join("data"), &[]), 1, "directory-unwritable");
    assert_refused(&init(&file, &[]), 1, "directory-unwritable");
    assert_refused(&init(Path::new("/proc/coffer"), &[]), 1, "directory-unwritable");
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

#[test]
fn mistakes_in_the_command_make_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for (args, status, code) in [
        (&["--database", "postgres://h/x"][..], 2, "database-url"),
        (&["--database", "mysql://u:hunter2@h/x"], 2, "database-url"),
        (&["--listen", "nowhere"], 2, "config-invalid"),
        (&["--public-host", "a b"], 2, "config-invalid"),
        (&["--listen", "192.0.2.1:0"], 1, "address-unusable"),
        (
            &["--database", "mysql://u@127.0.0.1/x", "--database-password-file", "/none"],
            3,
            "file-missing",
        ),
    ] {
        let output = init(&data, args);
        assert_refused(&output, status, code);
        assert!(!err(&output).contains("hunter2"), "{}", err(&output));
        assert!(!data.exists(), "{args:?}");
    }
}

#[test]
fn a_failed_init_takes_back_what_it_made() {
    let dir = tempfile::tempdir().unwrap();
    let (absent, empty) = (dir.path().join("absent"), dir.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    // Nothing listens on port 1.
    let url = ["--database", "mysql://coffer@127.0.0.1:1/coffer"];
    assert_refused(&init(&absent, &url), 6, "database-unavailable");
    assert!(!absent.exists());
    assert_refused(&init(&empty, &url), 6, "database-unavailable");
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
}

#[test]
fn the_choices_end_up_in_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("d");
    let output = program()
        .args(["init", "--signup", "closed", "--data"])
        .arg(&data)
        .env("COFFER_LISTEN", "127.0.0.1:7449")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", err(&output));
    let text = std::fs::read_to_string(data.join("coffer.toml")).unwrap();
    for line in ["listen = \"127.0.0.1:7449\"", "sign_up = \"closed\"", "url = \"sqlite\""] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn of_two_at_the_same_moment_one_wins_and_the_other_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let start = || {
        let mut command = program();
        command.args(["init", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start(), start()];
    let outputs = both.map(|child| child.wait_with_output().unwrap());
    let won: Vec<_> = outputs.iter().filter(|output| output.status.success()).collect();
    assert_eq!(won.len(), 1, "{outputs:?}");
    let key = std::fs::read_to_string(data.join("master.key")).unwrap();
    assert!(out(won[0]).contains(key.trim()), "the key is the winner's");
    assert!(!data.join("init-in-progress").exists());
    for lost in outputs.iter().filter(|output| !output.status.success()) {
        assert_eq!(lost.status.code(), Some(4), "{}", err(lost));
    }
}
