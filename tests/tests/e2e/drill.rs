//! The restore drill: what a replica holds is restored beside it and verified.

use coffer_tests::coffer::{PASSWORD, utf8};
use coffer_tests::files::{make_tree, read_tree};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server with some contents, and a replica that has them.
fn furnished(source: Engine, target: Engine, options: &[&str]) -> (Server, Coffer, Replica) {
    let server = Server::start(source);
    let coffer = Coffer::sign_up(&server, "ada");
    let tree = coffer.path("tree");
    make_tree(&tree, &mut Rng::new("drill"));
    coffer.ok(&["put", utf8(&tree), "/tree"]);
    let mut replica = Replica::join(&server, target, options);
    replica.run();
    replica.assert_same_as(&server);
    (server, coffer, replica)
}

fn drill(replica: &Replica, to: &Path, options: &[&str]) -> (Option<i32>, serde_json::Value) {
    let args = [&["drill", "--json", "--to", utf8(to)], options].concat();
    let ran = replica.admin(&args);
    let report = serde_json::from_slice(&ran.stdout).unwrap_or_default();
    (ran.status.code(), report)
}

fn chunk_files(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in std::fs::read_dir(data.join("chunks")).expect("chunks").flatten() {
        for file in std::fs::read_dir(shard.path()).into_iter().flatten().flatten() {
            found.push(file.path());
        }
    }
    found
}

fn everything_is_restored(source: Engine, target: Engine) {
    let (_server, _coffer, mut replica) = furnished(source, target, &[]);
    let scratch = tempfile::tempdir().expect("tempdir");
    let to = scratch.path().join("copy");
    // Beside the running replica.
    let (code, report) = drill(&replica, &to, &["--all"]);
    assert_eq!((code, &report["problem_count"]), (Some(0), &0.into()), "{report}");
    assert!(report["rows"].as_u64() > Some(10) && report["bytes"].as_u64() > Some(1 << 20));
    assert!(!to.exists(), "the copy is removed");
    let (code, report) = drill(&replica, &to, &["--sample", "5"]);
    assert_eq!((code, &report["versions"]), (Some(0), &5.into()), "{report}");
    // Without it, and the copy kept.
    assert_eq!(replica.stop(), Some(0));
    let (code, _) = drill(&replica, &to, &["--all", "--keep"]);
    assert_eq!(code, Some(0));
    let names = |files: Vec<PathBuf>| -> Vec<_> {
        let mut names: Vec<_> =
            files.iter().filter_map(|file| file.file_name()?.to_str().map(str::to_owned)).collect();
        names.sort();
        names
    };
    assert_eq!(names(chunk_files(&to)), names(chunk_files(&replica.data())));
    for secret in ["master.key", "coffer-replica", "coffer-data"] {
        assert!(!to.join(secret).exists(), "a keyless replica has nothing to give away");
    }
    let (code, _) = drill(&replica, &to, &["--all"]);
    assert_eq!(code, Some(4), "a directory with something in it");
    assert!(to.join("chunks").exists(), "and it is left alone");
}

#[test]
fn everything_is_restored_on_sqlite() {
    everything_is_restored(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn everything_is_restored_from_mariadb() {
    everything_is_restored(Engine::Sqlite, Engine::MariaDb);
}

#[test]
fn what_cannot_be_restored_is_named() {
    let (_server, _coffer, mut replica) = furnished(Engine::Sqlite, Engine::Sqlite, &[]);
    assert_eq!(replica.stop(), Some(0));
    let files = chunk_files(&replica.data());
    let (gone, damaged) = (&files[0], &files[1]);
    std::fs::remove_file(gone).expect("removed");
    let mut bytes = std::fs::read(damaged).expect("read");
    bytes[100] ^= 1;
    std::fs::write(damaged, bytes).expect("written");
    let scratch = tempfile::tempdir().expect("tempdir");
    for extent in [&["--all"][..], &["--sample", "100000"]] {
        let (code, report) = drill(&replica, &scratch.path().join("copy"), extent);
        assert_eq!(code, Some(7), "{report}");
        let problems = report["problems"].as_array().expect("problems");
        assert!(
            problems.iter().any(|one| {
                one["object"].to_string().contains("node") && one["owner"].is_string()
            }),
            "versions and owners are named: {report}"
        );
        for file in [gone, damaged] {
            let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
            let blob = name.split('.').next().expect("an id");
            assert!(report.to_string().contains(blob), "{blob} is named: {report}");
        }
    }
    assert_eq!(std::fs::read_dir(scratch.path()).expect("listed").count(), 0);
}

#[test]
fn a_kept_copy_of_a_standby_has_what_a_server_needs() {
    let (_server, _coffer, replica) = furnished(Engine::Sqlite, Engine::Sqlite, &["--standby"]);
    let scratch = tempfile::tempdir().expect("tempdir");
    let to = scratch.path().join("copy");
    let (code, report) = drill(&replica, &to, &["--all", "--keep"]);
    assert_eq!(code, Some(0), "{report}");
    for file in
        ["coffer.toml", "coffer.db", "chunks", "tls", "coffer-data", "coffer-replica", "master.key"]
    {
        assert!(to.join(file).exists(), "{file}");
    }
}

/// All machines are gone, and a server starts from the kept copy.
fn serves_from_the_kept_copy(source: Engine, target: Engine) {
    let (mut server, coffer, mut standby) = furnished(source, target, &["--standby"]);
    let scratch = tempfile::tempdir().expect("tempdir");
    let to = scratch.path().join("copy");
    let (code, report) = drill(&standby, &to, &["--all", "--keep"]);
    assert_eq!(code, Some(0), "{report}");
    server.kill();
    standby.kill();
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(coffer_tests::program(program));
        let ran = command.args(args).arg("--data").arg(&to).output().expect(program);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        (ran.status.code(), said, String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    };
    let (code, said, _) = run("coffer-server", &["run"]);
    assert!(code == Some(4) && said.contains("not-primary"), "not by accident: {said}");
    let (code, said, _) = run("coffer-replica", &["promote", "--accept-loss"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said, link) = run("coffer-server", &["link"]);
    assert_eq!(code, Some(0), "{said}");
    let mut child = Command::new(coffer_tests::program("coffer-server"))
        .args(["run", "--data"])
        .arg(&to)
        .stdout(Stdio::piped())
        .spawn()
        .expect("coffer-server");
    let stdout = child.stdout.take().expect("piped");
    let _stop = KillOnDrop(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("readable");
    assert!(line.starts_with("listening on "), "{line}");
    let there = Coffer::new();
    std::fs::write(there.password_file(), PASSWORD).expect("write");
    let password = there.password_file();
    there.ok(&["login", &link, "--user", "ada", "--password-file", utf8(&password)]);
    there.ok(&["get", "/tree", utf8(&there.path("back"))]);
    assert_eq!(read_tree(&there.path("back")), read_tree(&coffer.path("tree")));
    assert_eq!(there.written("/new", b"goes on here").expect("written").epoch, 2);
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_kept_copy_becomes_a_server() {
    serves_from_the_kept_copy(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_kept_copy_of_a_standby_on_mariadb_becomes_a_server() {
    serves_from_the_kept_copy(Engine::MariaDb, Engine::MariaDb);
}
