//! The command line contract, command by command, on both engines.

use coffer_tests::coffer::{PASSWORD, utf8};
use coffer_tests::files::{assert_same_tree, make_tree, read_tree, write};
use coffer_tests::{Coffer, Engine, Rng, Server};
use serde_json::Value;

/// Runs a scenario on both engines.
fn on_both(scenario: fn(&Server)) {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        eprintln!("engine: {engine:?}");
        scenario(&Server::start(engine));
    }
}

fn names(listing: &Value) -> Vec<String> {
    let entries = listing["entries"].as_array().expect("entries");
    let name = |entry: &Value| entry["name"].as_str().expect("name").to_owned();
    let mut names: Vec<String> = entries.iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn trees_come_back_byte_for_byte() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let (source, target) = (coffer.path("source"), coffer.path("target"));
        make_tree(&source, &mut Rng::new("tree"));
        coffer.ok(&["put", utf8(&source), "/"]);
        coffer.ok(&["get", "/source", utf8(&target)]);
        assert_same_tree(&source, &target);
        // Again, into the directory that is there now: under its own name.
        coffer.ok(&["get", "/source", utf8(&target)]);
        assert_same_tree(&source, &target.join("source"));
        // A second upload goes into the existing directory, and changes nothing.
        coffer.ok(&["put", utf8(&source), "/"]);
        let again = coffer.path("again");
        coffer.ok(&["get", "/source", utf8(&again)]);
        assert_same_tree(&source, &again);
        server.assert_check_is_clean();
    });
}

#[test]
fn put_and_get_follow_the_habits_of_cp() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let file = coffer.path("a.txt");
        write(&file, b"one");
        coffer.ok(&["mkdir", "/dir"]);
        coffer.ok(&["put", utf8(&file), "/dir"]);
        assert_eq!(coffer.cat("/dir/a.txt"), b"one");
        coffer.ok(&["put", utf8(&file), "/dir/b.txt"]);
        assert_eq!(coffer.cat("/dir/b.txt"), b"one");
        coffer.ok(&["put", utf8(&file), utf8(&coffer.password_file()), "/dir"]);
        coffer.ok(&["get", "/dir/b.txt", utf8(&coffer.path("c.txt"))]);
        assert_eq!(std::fs::read(coffer.path("c.txt")).expect("read"), b"one");
        coffer.fails(3, &["get", "/nothing", utf8(&coffer.path("d"))]);
        assert!(!coffer.path("d").exists());
        let missing = coffer.fails(8, &["put", utf8(&file), "/no/such/here", "/dir"]);
        assert!(missing.contains("/no/such/here"), "{missing}");
        coffer.fails(3, &["put", utf8(&file), "/nowhere/x/y.txt"]);
    });
}

#[cfg(unix)]
#[test]
fn times_the_executable_bit_and_links_are_treated_as_stated() {
    use std::os::unix::fs::PermissionsExt as _;
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let source = coffer.path("s");
        for (name, mode) in [("run.sh", 0o755), ("big", 0o755), ("plain", 0o644)] {
            let bytes = vec![7; if name == "big" { 200_000 } else { 10 }];
            write(&source.join(name), &bytes);
            let file = std::fs::File::open(source.join(name)).expect("open");
            file.set_permissions(std::fs::Permissions::from_mode(mode)).expect("mode");
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_234_567_890_123);
            file.set_modified(time).expect("mtime");
        }
        std::os::unix::fs::symlink("/etc/passwd", source.join("link")).expect("symlink");
        let ran = coffer.run(&["put", utf8(&source), "/s"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("link") || ran.text().contains("link"), "the skip is named");
        coffer.ok(&["get", "/s", utf8(&coffer.path("t"))]);
        assert!(!coffer.path("t/link").exists());
        for (name, executable) in [("run.sh", true), ("big", true), ("plain", false)] {
            let metadata = std::fs::metadata(coffer.path("t").join(name)).expect("metadata");
            assert_eq!(metadata.permissions().mode() & 0o100 != 0, executable, "{name}");
            let time = metadata.modified().expect("mtime").duration_since(std::time::UNIX_EPOCH);
            assert_eq!(time.expect("after 1970").as_millis(), 1_234_567_890_123, "{name}");
        }
    });
}

#[test]
fn directories_are_made_listed_moved_copied_and_found() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        coffer.ok(&["mkdir", "/a"]);
        coffer.fails(4, &["mkdir", "/a"]);
        coffer.fails(3, &["mkdir", "/x/y"]);
        coffer.ok(&["mkdir", "-p", "/x/y/z"]);
        coffer.ok(&["mkdir", "-p", "/x/y/z"]);
        coffer.write("/a/note.txt", b"hello");
        assert_eq!(names(&coffer.json(&["ls"])), ["a", "x"]);
        assert_eq!(names(&coffer.json(&["ls", "/a"])), ["note.txt"]);
        assert!(coffer.ok(&["ls", "-l", "/a"]).contains("note.txt"));
        assert!(coffer.ok(&["ls", "-R", "/"]).contains('z'));
        assert_eq!(coffer.json(&["stat", "/a/note.txt"])["size"], 5);
        coffer.ok(&["mv", "/a/note.txt", "/x/y"]);
        let gone = coffer.fails(3, &["stat", "/a/note.txt"]);
        assert!(gone.contains("/a/note.txt") && gone.contains("hint:"), "{gone}");
        coffer.ok(&["mv", "/x/y/note.txt", "/x/y/renamed.txt"]);
        assert_eq!(coffer.cat("/x/y/renamed.txt"), b"hello");
        coffer.fails(1, &["mv", "/x", "/x/y/z"]);
        coffer.ok(&["cp", "/x", "/copy"]);
        assert_eq!(coffer.cat("/copy/y/renamed.txt"), b"hello");
        coffer.write("/copy/y/renamed.txt", b"changed");
        assert_eq!(coffer.cat("/x/y/renamed.txt"), b"hello", "a copy is on its own");
        let found = coffer.ok(&["find", "RENAMED*"]);
        assert!(found.contains("/x/y/renamed.txt") && found.contains("/copy/y/renamed.txt"));
        assert!(!coffer.ok(&["find", "renamed*", "/copy"]).contains("/x/y"));
        coffer.fails(2, &["ls", "relative"]);
        coffer.fails(2, &["frobnicate"]);
    });
}

#[test]
fn names_that_cannot_be_stored_are_refused_and_forms_of_one_name_meet() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        for name in ["/a\u{202e}b", "/bell\u{7}", &format!("/{}", "n".repeat(256))] {
            let ran = coffer.run(&["mkdir", name]);
            assert!([1, 2].contains(&ran.code), "{name:?} gives {}", ran.code);
        }
        coffer.write("/caf\u{e9}", b"composed");
        assert_eq!(coffer.cat("/cafe\u{301}"), b"composed");
        coffer.write("/cafe\u{301}", b"the same file");
        assert_eq!(names(&coffer.json(&["ls"])).len(), 1);
        let ran = coffer.run_with_input(&["write", "/CAF\u{c9}"], b"other case");
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.to_lowercase().contains("case"), "a collision is reported: {}", ran.err);
    });
}

#[test]
fn nothing_is_lost_by_overwriting_or_deleting() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let big = Rng::new("versions").bytes(700_000);
        coffer.write("/f", b"first");
        coffer.write("/f", &big);
        coffer.write("/f", b"third");
        let versions = coffer.json(&["versions", "/f"]);
        let versions = versions["versions"].as_array().expect("versions");
        assert_eq!(versions.len(), 3);
        let revision = |index: usize| versions[index]["revision"].to_string();
        coffer.ok(&["restore", "/f", "--version", &revision(1)]);
        assert_eq!(coffer.cat("/f"), big);
        coffer.ok(&["restore", "/f", "--version", &revision(2)]);
        assert_eq!(coffer.cat("/f"), b"first");
        coffer.fails(3, &["restore", "/f", "--version", "4711"]);

        coffer.ok(&["mkdir", "-p", "/d/e"]);
        coffer.write("/d/e/g", b"deep");
        coffer.fails(1, &["rm", "/d"]);
        coffer.ok(&["rm", "-r", "/d", "/f"]);
        assert!(names(&coffer.json(&["ls"])).is_empty());
        let trash = coffer.json(&["trash", "ls"]);
        let trash = trash["entries"].as_array().expect("entries").clone();
        assert_eq!(trash.len(), 2);
        let id = |name: &str| {
            let entry = trash.iter().find(|entry| entry["name"] == name).expect("in the trash");
            entry["node"].as_str().expect("node").to_owned()
        };
        coffer.write("/f", b"in the way");
        coffer.fails(4, &["trash", "restore", &id("f")]);
        coffer.ok(&["trash", "restore", &id("f"), "--to", "/f-again"]);
        assert_eq!(coffer.cat("/f-again"), b"first");
        coffer.ok(&["trash", "restore", &id("d")]);
        assert_eq!(coffer.cat("/d/e/g"), b"deep");
        coffer.ok(&["rm", "-r", "/d"]);
        coffer.ok(&["trash", "purge", "--all", "--yes"]);
        assert!(coffer.json(&["trash", "ls"])["entries"].as_array().expect("list").is_empty());
        server.assert_check_is_clean();
    });
}

#[test]
fn accounts_are_made_used_and_changed() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let link = server.link();
        assert_eq!(coffer.json(&["whoami"])["user"], "ada");
        coffer.write("/kept", b"kept");
        coffer.ok(&["logout"]);
        coffer.fails(5, &["ls"]);
        let wrong = coffer.path("wrong");
        write(&wrong, b"not-the-Password-77");
        let as_ada = ["--user", "ada", "--password-file"];
        let login = |file: &str| [&["login", &link], &as_ada[..], &[file]].concat().join("\n");
        let run = |args: String| coffer.run(&args.split('\n').collect::<Vec<_>>());
        let refused = run(login(utf8(&wrong)));
        assert_eq!(refused.code, 5);
        let unknown =
            coffer.run(&["login", &link, "--user", "nobody", "--password-file", utf8(&wrong)]);
        assert_eq!((unknown.code, unknown.err), (refused.code, refused.err), "no hint who exists");
        assert_eq!(run(login(utf8(&coffer.password_file()))).code, 0);

        let new = coffer.path("new-password");
        write(&new, b"Copper-lantern-5-river");
        coffer.ok(&[
            "passwd",
            "--password-file",
            utf8(&coffer.password_file()),
            "--new-password-file",
            utf8(&new),
        ]);
        assert_eq!(coffer.cat("/kept"), b"kept");
        coffer.ok(&["logout"]);
        assert_eq!(run(login(utf8(&coffer.password_file()))).code, 5);
        assert_eq!(run(login(utf8(&new))).code, 0);
    });
}

#[test]
fn a_lost_password_is_recovered_and_an_account_deleted() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let link = server.link();
        coffer.write("/kept", b"kept");
        let other = Coffer::new();
        write(&other.password_file(), b"Walnut-orchard-31-breeze");
        let newer_key = other.path("newer-recovery");
        other.ok(&[
            "recover",
            &link,
            "--user",
            "ada",
            "--recovery-file",
            utf8(&coffer.recovery_file()),
            "--password-file",
            utf8(&other.password_file()),
            "--new-recovery-file",
            utf8(&newer_key),
        ]);
        assert_eq!(other.cat("/kept"), b"kept");
        let stale = Coffer::new();
        stale.fails(
            5,
            &[
                "recover",
                &link,
                "--user",
                "ada",
                "--recovery-file",
                utf8(&coffer.recovery_file()),
                "--password-file",
                utf8(&stale.password_file()),
                "--new-recovery-file",
                utf8(&stale.path("k")),
            ],
        );
        coffer.fails(5, &["ls"]);
        other.ok(&["account", "delete", "--yes", "--password-file", utf8(&other.password_file())]);
        other.fails(5, &["ls"]);
        let gone = ["login", &link, "--user", "ada", "--password-file"];
        let password = other.password_file();
        let gone = [&gone[..], &[utf8(&password)]].concat();
        other.fails(5, &gone);
        server.assert_check_is_clean();
    });
}

#[test]
fn weak_passwords_taken_names_and_missing_invitations_are_refused() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let mut server = Server::init(engine, &["--signup", "invite"]);
        server.run();
        let coffer = Coffer::sign_up(&server, "ada");
        let bare = server.admin_ok(&["link"]);
        let bare = bare.lines().last().expect("a link").trim().to_owned();
        let files = |user: &Coffer| {
            let (password, recovery) = (user.password_file(), user.path("r"));
            [utf8(&password).to_owned(), utf8(&recovery).to_owned()]
        };
        let sign_up = |user: &Coffer, link: &str, name: &str, password: &str| {
            let [_, recovery] = files(user);
            write(&user.path("p"), password.as_bytes());
            let file = user.path("p");
            let args = ["--password-file", utf8(&file), "--recovery-file", &recovery];
            user.run(&[&["signup", link, "--user", name], &args[..]].concat())
        };
        let new = Coffer::new();
        let weak = sign_up(&new, &server.link(), "bob", "password12345");
        assert_eq!(weak.code, 1, "{}", weak.err);
        assert!(weak.err.contains("hint:"), "a suggestion is made: {}", weak.err);
        assert_eq!(sign_up(&new, &bare, "bob", PASSWORD).code, 5, "an invitation is needed");
        let taken = sign_up(&new, &server.link(), "Ada", PASSWORD);
        assert_eq!(taken.code, 4, "{}", taken.err);
        assert_eq!(sign_up(&new, &server.link(), "bob", PASSWORD).code, 0);
        // Each sees only what is his own.
        coffer.write("/mine", b"ada's");
        new.fails(3, &["cat", "/mine"]);
    }
}

#[test]
fn a_wrong_server_is_noticed() {
    let server = Server::start(Engine::Sqlite);
    let other = Server::start(Engine::Sqlite);
    let coffer = Coffer::new();
    let (host, pin) = (server.link(), other.link());
    let host = host.split(['?', '#']).next().expect("host").to_owned();
    let pin = pin.rsplit('#').next().expect("pin");
    let forged = format!("{host}#{pin}");
    let (password, recovery) = (coffer.password_file(), coffer.recovery_file());
    let files = ["--password-file", utf8(&password), "--recovery-file", utf8(&recovery)];
    let refused = coffer.run(&[&["signup", &forged, "--user", "ada"], &files[..]].concat());
    assert_ne!(refused.code, 0);
    assert!(!coffer.recovery_file().exists(), "no account, no recovery key");
    let unpinned = coffer.run(&[&["signup", &host, "--user", "ada"], &files[..]].concat());
    assert_ne!(unpinned.code, 0, "an unknown server is not trusted without a question");
    drop(other);
    coffer.fails(
        6,
        &[
            "login",
            &format!("coffer://127.0.0.1:1/#{pin}"),
            "--user",
            "ada",
            "--password-file",
            utf8(&coffer.password_file()),
        ],
    );
}

#[test]
fn downloads_and_ranges_are_verified_and_leave_no_halves() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        let bytes = Rng::new("ranges").bytes(5_000_000);
        coffer.write("/big", &bytes);
        let range = coffer.run(&["cat", "/big", "--range", "1048000-2500000"]);
        assert_eq!(range.code, 0, "{}", range.err);
        assert!(range.out == bytes[1_048_000..=2_500_000], "the range is wrong");
        let target = coffer.path("out");
        std::fs::create_dir(&target).expect("create");
        coffer.ok(&["get", "/big", utf8(&target)]);
        assert_eq!(read_tree(&target).keys().collect::<Vec<_>>(), ["big"]);
        let status = coffer.json(&["status"]);
        assert_eq!(status["user"], "ada", "{status}");
        assert!(coffer.ok(&["completions", "bash"]).contains("coffer"));
    });
}

#[test]
fn two_writers_are_told_apart() {
    on_both(|server| {
        let coffer = Coffer::sign_up(server, "ada");
        coffer.write("/f", b"one");
        let revision = coffer.json(&["stat", "/f"])["revision"].to_string();
        let mine = ["write", "/f", "--if-revision", &revision];
        assert_eq!(coffer.run_with_input(&mine, b"two").code, 0);
        let lost = coffer.run_with_input(&mine, b"three");
        assert_eq!(lost.code, 4, "{}", lost.err);
        assert!(lost.err.contains("ada") && lost.err.contains("hint:"), "{}", lost.err);
        assert_eq!(coffer.cat("/f"), b"two");
    });
}
