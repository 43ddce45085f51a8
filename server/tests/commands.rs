//! The administrator's commands, with and without a running server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use coffer_protocol::link::Link;
use common::{Site, assert_refused, err, out, program};

fn link(text: &str) -> Link {
    text.trim().parse().expect(text)
}

#[test]
fn links_carry_an_invitation_when_asked() {
    let site = Site::with(&[]);
    let server = site.start_with(&["--listen", "127.0.0.1:0"], |_| {});
    let bare = link(&site.ok(&["link"]));
    assert_eq!(bare.invite, None);
    assert_eq!(format!("{}:{}", bare.host, bare.port), server.address);
    let invited = link(&site.ok(&["link", "--invite", "--uses", "3", "--expires", "2"]));
    assert!(invited.invite.is_some());
    assert_eq!(invited.fingerprint, bare.fingerprint);
    let json: serde_json::Value = serde_json::from_str(&site.ok(&["link", "--json"])).unwrap();
    assert_eq!(json["link"], bare.to_string());
}

#[test]
fn invitations_are_listed_and_revoked() {
    let site = Site::new();
    for running in [false, true] {
        let _server = running.then(|| site.start());
        let code = site.ok(&["invite", "create", "--uses", "5"]).trim().to_owned();
        let listed = site.ok(&["invite", "list", "--json"]);
        let one: serde_json::Value = serde_json::from_str(listed.trim()).expect(&listed);
        assert_eq!(one["uses_left"], 5);
        assert!(!listed.contains(&code), "the code is not stored");
        site.ok(&["invite", "revoke", &code]);
        assert_eq!(site.ok(&["invite", "list", "--json"]), "");
        assert_refused(&site.call(&["invite", "revoke", &code]), 3, "no-such");
    }
}

#[test]
fn an_unknown_user_is_an_error_of_its_own() {
    let site = Site::new();
    assert_eq!(site.ok(&["users", "list", "--json"]), "");
    for action in ["show", "disable", "enable"] {
        assert_refused(&site.call(&["users", action, "nobody"]), 3, "no-such");
    }
    assert_refused(&site.call(&["users", "delete", "nobody", "--yes"]), 3, "no-such");
}

#[test]
fn status_tells_whether_the_server_runs() {
    let site = Site::new();
    let output = site.call(&["status", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let json: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((&json["running"], &json["users"]), (&false.into(), &0.into()));
    let server = site.start();
    let json: serde_json::Value = serde_json::from_str(&site.ok(&["status", "--json"])).unwrap();
    assert_eq!((&json["running"], &json["listen"]), (&true.into(), &server.address.clone().into()));
    assert_eq!(json["engine"], "sqlite");
    assert!(site.ok(&["status"]).contains("running, process"));
}

#[test]
fn check_is_clean_beside_a_server_and_without_one() {
    let site = Site::new();
    for args in [&["check"][..], &["check", "--quick"], &["check", "--json"]] {
        site.ok(args);
    }
    let _server = site.start();
    let text = site.ok(&["check"]);
    assert!(text.contains("0 problems"), "{text}");
}

#[test]
fn check_names_what_is_wrong() {
    let site = Site::new();
    site.ok(&["invite", "create"]);
    let path = site.file("coffer.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // A row of the invitation: its tag is stored as it is, somewhere behind the schema.
    let listed = site.ok(&["invite", "list", "--json"]);
    let one: serde_json::Value = serde_json::from_str(listed.trim()).unwrap();
    let head = one["invite"].as_str().unwrap().to_owned();
    let head: Vec<u8> = (0..head.len() / 2)
        .map(|at| u8::from_str_radix(&head[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let mut changed = 0;
    for at in 0..bytes.len() - 40 {
        if bytes[at..].starts_with(&head) {
            bytes[at + 33] ^= 1;
            changed += 1;
        }
    }
    assert!(changed > 0, "the tag is in the file");
    std::fs::write(&path, bytes).unwrap();
    let output = site.call(&["check"]);
    assert_eq!(output.status.code(), Some(7), "{}{}", out(&output), err(&output));
    assert!(err(&output).contains("[problems-found]"), "{}", err(&output));
}

#[test]
fn the_recovery_sheet_can_be_printed_again() {
    let site = Site::new();
    let key = std::fs::read_to_string(site.file("master.key")).unwrap();
    assert!(site.ok(&["master-key", "show"]).contains(key.trim()));
    let other = Site::new();
    std::fs::copy(other.file("master.key"), site.file("master.key")).unwrap();
    assert_refused(&site.call(&["master-key", "show"]), 7, "master-key-wrong");
}

#[test]
fn version_and_completions_need_no_installation() {
    let version = program().arg("version").output().unwrap();
    assert!(out(&version).contains(env!("CARGO_PKG_VERSION")));
    let version = program().args(["version", "--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_str(&out(&version)).unwrap();
    assert_eq!(json["protocol"]["newest"], coffer_protocol::version::CURRENT);
    for shell in ["bash", "zsh", "fish"] {
        let script = program().args(["completions", shell]).output().unwrap();
        assert!(out(&script).contains("master-key"), "{shell}");
    }
}

#[test]
fn commands_on_a_wrong_directory_say_so() {
    let dir = tempfile::tempdir().unwrap();
    for args in
        [&["status"][..], &["link"], &["check"], &["users", "list"], &["master-key", "show"]]
    {
        let output = program().args(args).arg("--data").arg(dir.path()).output().unwrap();
        assert_refused(&output, 3, "not-initialised");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_database_is_copied_only_while_the_server_is_stopped() {
    let site = Site::new();
    let server = site.start();
    let copy = ["database", "copy", "--to", "mysql://coffer@127.0.0.1:1/coffer"];
    assert_refused(&site.call(&copy), 4, "directory-in-use");
    assert_eq!(server.stop().0, Some(0));
    assert_refused(&site.call(&copy), 6, "database-unavailable");
    let same = ["database", "copy", "--to", "sqlite"];
    assert_refused(&site.call(&same), 4, "database-not-empty");
}
