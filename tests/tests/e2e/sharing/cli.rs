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
/// `private`; each with `f` (two versions), `d/g`, a deleted `gone`, and files to
/// move and delete. Few commands: how often one address signs in is limited.
fn stage(server: &Server) -> [Coffer; 3] {
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| Coffer::sign_up(server, name));
    let dirs = ["readable", "writable", "team", "private"];
    for round in [&["f", "d/g", "gone", "renamed", "inside", "deleted", "taken"][..], &["f"]] {
        for dir in dirs {
            for file in round {
                let text = if round.len() > 1 { "old" } else { "new" };
                write(&ada.path(dir).join(file), text.as_bytes());
            }
        }
        let local = dirs.map(|dir| ada.path(dir));
        let mut put = vec!["put"];
        put.extend(local.iter().map(|path| utf8(path)));
        ada.ok(&[&put[..], &["/"]].concat());
    }
    let gone = dirs.map(|dir| format!("/{dir}/gone"));
    ada.ok(&[&["rm"], &gone.each_ref().map(String::as_str)[..]].concat());
    let first = ada.ok(&["share", "/readable", "bob", "read"]);
    let number = safety_number(&ada.ok(&["contact", "bob"]));
    assert_eq!(safety_number(&first), number, "the first share shows it");
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
    let name = at.rsplit('/').next().unwrap_or(at);
    texts.iter().map(|text| text.replace('@', at).replace("NAME", name)).collect()
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
        "cp @/f /copied-NAME",
        "cp @ /tree-NAME",
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
        "mv @/renamed @/named",
        "mv @/inside @/d",
        "mv /mine @/mine",
        "trash ls @",
        "trash restore @/gone",
        "rm @/deleted",
        "rm -r @/d",
        "mv @/taken /taken",
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
        }
    };
    run_all(&bob, "@ada/readable", &reading, 0);
    run_all(&bob, "@ada/readable", &changing, REFUSED);
    run_all(&bob, "@ada/team", &reading[4..8], 0);
    run_all(&bob, "@ada/team", &changing[2..5], REFUSED);
    for (who, at) in [(&bob, "@ada/private"), (&bob, "@nobody/thing"), (&eve, "@ada/writable")] {
        run_all(who, at, &reading[3..7], NOT_FOUND);
    }
    // What was refused has left nothing behind on his own side.
    let own = bob.ok(&["ls", "/"]);
    assert!(own.contains("mine") && !own.contains("taken"), "{own}");
    run_all(&bob, "@ada/writable", &reading, 0);
    run_all(&bob, "@ada/writable", &changing, 0);
    assert_eq!(ada.cat("/writable/f"), b"from bob");
    assert_eq!(bob.run(&["stat", "/mine"]).code, NOT_FOUND, "moved to Ada's tree");
    assert_eq!(bob.cat("/taken"), b"old");
    let trash = ada.ok(&["trash", "ls"]);
    for name in ["/writable/taken", "/writable/d", "/writable/deleted"] {
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
