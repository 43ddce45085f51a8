//! The same through the program that people use: paths of `@owner/name` in
//! every command, on a directory to read, one to write, and one that is not
//! shared, and what is told when something is refused.

use coffer_tests::coffer::utf8;
use coffer_tests::files::write;
use coffer_tests::{Coffer, Engine, Server};
use serde_json::Value;

/// Exit code of what is refused, and of what is not there.
const REFUSED: i32 = 9;
const NOT_FOUND: i32 = 3;

/// Ada's directories: `readable`, `writable`, `team` (through a group, READ),
/// `private`; each with `f` (two versions), `d/g` and a deleted `gone`.
fn stage(server: &Server) -> [Coffer; 3] {
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| Coffer::sign_up(server, name));
    for dir in ["readable", "writable", "team", "private"] {
        ada.ok(&["mkdir", "-p", &format!("/{dir}/d")]);
        for (path, text) in [("f", "old"), ("f", "new"), ("d/g", "deep"), ("gone", "gone")] {
            ada.write(&format!("/{dir}/{path}"), text.as_bytes());
        }
        ada.ok(&["rm", &format!("/{dir}/gone")]);
    }
    let first = ada.ok(&["share", "/readable", "bob", "read"]);
    let number = safety_number(&ada.ok(&["contact", "bob"]));
    assert!(first.contains(&number), "the first share shows the safety number: {first}");
    assert_eq!(safety_number(&bob.ok(&["contact", "ada"])), number, "both see the same");
    ada.ok(&["share", "/writable", "bob", "write"]);
    ada.ok(&["group", "create", "friends", "bob"]);
    ada.ok(&["share", "/team", "friends", "read", "--group"]);
    [ada, bob, eve]
}

/// Twelve groups of five digits.
fn safety_number(text: &str) -> String {
    let groups: Vec<&str> = text
        .split_whitespace()
        .filter(|word| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert_eq!(groups.len(), 12, "{text}");
    groups.join(" ")
}

fn words(texts: &[&str], at: &str) -> Vec<String> {
    texts.iter().map(|text| text.replace('@', at)).collect()
}

/// Runs a command in which `@` stands for a place.
fn run(coffer: &Coffer, at: &str, texts: &[&str]) -> (i32, String) {
    let words = words(texts, at);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ran = coffer.run_with_input(&words, b"from bob");
    (ran.code, ran.err)
}

/// Commands that read, and commands that change.
fn commands(coffer: &Coffer) -> [Vec<Vec<String>>; 2] {
    let local = coffer.path("local");
    write(&local, b"from bob");
    coffer.write("/mine", b"from bob");
    let (local, out) = (utf8(&local).to_owned(), coffer.path("out"));
    std::fs::create_dir_all(&out).expect("create");
    let out = utf8(&out).to_owned();
    let split = |texts: &[&str]| -> Vec<Vec<String>> {
        let word = |word: &str| word.replace("LOCAL", &local).replace("OUT", &out);
        texts.iter().map(|text| text.split(' ').map(word).collect()).collect()
    };
    let reading = split(&[
        "ls @",
        "ls -l @",
        "ls -R @",
        "stat @",
        "stat @/f",
        "cat @/f",
        "cat @/d/g --range 0-1",
        "find f @",
        "versions @/f",
        "get @ OUT",
        "get @/f OUT",
        "cp @/f /copied",
        "cp @ /copied-tree",
        "activity @",
    ]);
    let changing = split(&[
        "mkdir @/new",
        "mkdir -p @/new/er",
        "put LOCAL @",
        "write @/f",
        "write @/written",
        "cp /mine @/copy",
        "cp @/f @/f2",
        "mv @/f2 @/f3",
        "mv @/f3 @/d",
        "mv /mine @/mine",
        "trash ls @",
        "trash restore @/gone",
        "rm @/gone",
        "rm -r @/d",
        "mv @/written /taken",
    ]);
    [reading, changing]
}

fn every_command(server: &Server) {
    let [ada, bob, eve] = stage(server);
    let [reading, changing] = commands(&bob);
    let run_all = |who: &Coffer, at: &str, commands: &[Vec<String>], code: i32| {
        for command in commands {
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let (ended, err) = run(who, at, &command);
            assert_eq!(ended, code, "{command:?} on {at}: {err}");
            assert!(code == 0 || err.contains("error: "), "{command:?} on {at}: {err}");
            if code != 0 {
                // What cannot be read is not left behind either.
                for left in ["/copied", "/copied-tree", "/taken"] {
                    assert_ne!(who.run(&["stat", left]).code, 0, "{command:?} left {left}");
                }
            } else if command[0] == "cp" {
                let _ = who.run(&["rm", "-r", command[2]]);
            }
        }
    };
    for at in ["@ada/readable", "@ada/team"] {
        run_all(&bob, at, &reading, 0);
        run_all(&bob, at, &changing, REFUSED);
    }
    for at in ["@ada/private", "@nobody/thing"] {
        run_all(&bob, at, &reading, NOT_FOUND);
    }
    run_all(&eve, "@ada/writable", &reading, NOT_FOUND);
    assert_eq!(bob.cat("@ada/writable/f"), b"new");
    run_all(&bob, "@ada/writable", &reading, 0);
    run_all(&bob, "@ada/writable", &changing[..changing.len() - 5], 0);
    assert_eq!(ada.cat("/writable/f"), b"from bob");
    assert_eq!(bob.run(&["stat", "/mine"]).code, NOT_FOUND, "moved to Ada's tree");
    run_all(&bob, "@ada/writable", &changing[changing.len() - 5..], 0);
    assert_eq!(bob.cat("/taken"), b"from bob");
    let trash = ada.ok(&["trash", "ls"]);
    for name in ["/writable/written", "/writable/d", "/writable/gone"] {
        assert!(trash.contains(name), "{name} is in Ada's trash: {trash}");
    }
    let revision = |index: usize| -> String {
        let versions = bob.json(&["versions", "@ada/writable/f"]);
        versions["versions"][index]["revision"].to_string()
    };
    bob.ok(&["restore", "@ada/writable/f", "--version", &revision(1)]);
    assert_eq!(ada.cat("/writable/f"), b"new");
    // What only the owner can do, and what is not for the root itself.
    for command in [
        "share @ada/writable eve read",
        "unshare @ada/writable bob",
        "versions @ada/writable/f --purge-all --yes",
        "mv @ada/writable /mine",
        "mv @ada/writable @ada/other",
        "rm -r @ada/writable",
    ] {
        let ran = bob.run(&command.split(' ').collect::<Vec<_>>());
        assert_ne!(ran.code, 0, "{command}");
        assert!(ran.err.contains("error: "), "{command}: {}", ran.err);
    }
    assert_eq!(ada.cat("/writable/f"), b"new");
}

fn lists(server: &Server) {
    let [ada, bob, eve] = stage(server);
    let paths = |listing: &Value| -> Vec<String> {
        let shares = listing["shares"].as_array().expect("shares").iter();
        let mut paths: Vec<String> = shares
            .map(|share| format!("{} {}", share["path"].as_str().expect("a path"), share["mode"]))
            .collect();
        paths.sort();
        paths
    };
    assert_eq!(
        paths(&bob.json(&["shares", "--with-me"])),
        ["@ada/readable \"read\"", "@ada/team \"read\"", "@ada/writable \"write\""]
    );
    let by_me = ["/readable \"read\"", "/team \"read\"", "/writable \"write\""];
    assert_eq!(paths(&ada.json(&["shares", "--by-me"])), by_me);
    assert_eq!(paths(&ada.json(&["shares", "/team"])), [by_me[1]]);
    assert!(paths(&eve.json(&["shares"])).is_empty());
    for list in ["@", "@ada"] {
        let listed = bob.ok(&["ls", list]);
        assert!(["readable", "writable", "team"].iter().all(|name| listed.contains(name)));
    }
    assert_eq!(bob.ok(&["find", "g", "@"]).lines().count(), 3);
    bob.ok(&["leave", "@ada/readable"]);
    bob.fails(NOT_FOUND, &["ls", "@ada/readable"]);
    ada.ok(&["unshare", "/writable", "bob"]);
    bob.fails(NOT_FOUND, &["cat", "@ada/writable/f"]);
    ada.ok(&["group", "remove", "friends", "bob"]);
    bob.fails(NOT_FOUND, &["cat", "@ada/team/f"]);
    assert!(paths(&bob.json(&["shares"])).is_empty());
    ada.ok(&["group", "add", "friends", "eve"]);
    assert_eq!(eve.cat("@ada/team/f"), b"new");
    ada.ok(&["group", "delete", "friends"]);
    eve.fails(NOT_FOUND, &["cat", "@ada/team/f"]);
    // An end that is a span from now.
    ada.ok(&["share", "/readable/f", "eve", "read", "--expires", "1h"]);
    assert_eq!(eve.cat("@ada/f"), b"new");
    server.assert_check_is_clean();
}

#[test]
fn every_command_takes_shared_paths_on_sqlite() {
    every_command(&Server::start(Engine::Sqlite));
}

#[test]
fn every_command_takes_shared_paths_on_mariadb() {
    every_command(&Server::start(Engine::MariaDb));
}

#[test]
fn shares_are_listed_left_and_taken_back() {
    lists(&Server::start(Engine::Sqlite));
}
