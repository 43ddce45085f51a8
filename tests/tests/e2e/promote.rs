//! Promotion and fencing over real processes: there is one primary at any time, and
//! what was acknowledged on two machines survives.

use coffer_protocol::link::Link;
use coffer_tests::coffer::{Written, utf8};
use coffer_tests::person::Person;
use coffer_tests::replica::server_seq;
use coffer_tests::{Coffer, Engine, Replica, Server, program};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest time that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A command of `coffer-server` on any directory.
fn server_admin(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program("coffer-server"));
    command.args(args).arg("--data").arg(data).output().expect("coffer-server")
}

fn link_of(data: &Path) -> String {
    let output = server_admin(data, &["link"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn standby_of(server: &Server, engine: Engine) -> Replica {
    let mut standby = Replica::join(server, engine, &["--standby"]);
    standby.run();
    standby.catch_up(server);
    standby
}

/// A user of the server who also signs in at another machine.
fn signed_in_at(link: &str, of: &Coffer) -> Coffer {
    let coffer = Coffer::new();
    std::fs::copy(of.password_file(), coffer.password_file()).expect("copied");
    let password = coffer.password_file();
    coffer.ok(&["login", link, "--user", "ada", "--password-file", utf8(&password)]);
    coffer
}

/// Promotes; returns what it says.
fn promote(standby: &Replica, options: &[&str]) -> Result<serde_json::Value, (i32, String)> {
    let output = standby.admin(&[&["promote", "--json"], options].concat());
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        false => Err((output.status.code().unwrap_or(-1), err)),
    }
}

/// Waits until the process of the standby serves as the primary.
fn wait_until_primary(standby: &Replica) {
    until("the new primary", || {
        let status = server_admin(&standby.data(), &["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        let log = standby.log();
        let again = log.rfind("starting again").map(|at| &log[at..]);
        status["role"] == "primary" && again.is_some_and(|log| log.contains("listening"))
    });
}

fn role(data: &Path) -> String {
    let status = server_admin(data, &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    status["role"].as_str().expect("a role").to_owned()
}

/// What was acknowledged, in the order of the acknowledgements.
#[derive(Default)]
struct Record(Mutex<Vec<(String, Written, Instant, Instant)>>);

impl Record {
    /// Writes until told to stop; notes what was acknowledged and when.
    fn write(&self, coffer: &Coffer, name: &str, stop: &AtomicBool) {
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let path = format!("/{name}-{number}");
            let begun = Instant::now();
            if let Ok(written) = coffer.written(&path, path.as_bytes()) {
                let mut all = self.0.lock().expect("lock");
                all.push((path, written, begun, Instant::now()));
            }
        }
    }

    /// No write of an epoch begins after one of a later epoch was acknowledged, and
    /// succeeds: there was never more than one primary.
    fn assert_one_primary_at_a_time(&self) {
        let all = self.0.lock().expect("lock");
        for (path, written, begun, _) in all.iter() {
            let later =
                all.iter().find(|(_, other, _, done)| other.epoch > written.epoch && done < begun);
            assert!(later.is_none(), "{path} of epoch {} came after {later:?}", written.epoch);
        }
    }

    fn of_epoch(&self, epoch: u64) -> usize {
        let all = self.0.lock().expect("lock");
        all.iter().filter(|(_, written, ..)| written.epoch == epoch).count()
    }
}

/// A planned switch under load: nothing that was acknowledged is lost.
fn planned(source: Engine, target: Engine) {
    let mut server = Server::start(source);
    let ada = Coffer::sign_up(&server, "ada");
    let standby = standby_of(&server, target);
    let ada2 = signed_in_at(&link_of(&standby.data()), &ada);
    let (record, stop) = (Record::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| record.write(&ada, "old", &stop));
        scope.spawn(|| record.write(&ada2, "new", &stop));
        until("load", || record.of_epoch(1) > 10);
        let said = promote(&standby, &[]).expect("promoted");
        assert_eq!((&said["planned"], &said["epoch"]), (&true.into(), &2.into()));
        assert_eq!(said["possibly_lost_entries"], 0);
        wait_until_primary(&standby);
        until("load in the new epoch", || record.of_epoch(2) > 5);
        stop.store(true, Ordering::Relaxed);
    });
    record.assert_one_primary_at_a_time();
    for (path, ..) in record.0.lock().expect("lock").iter() {
        assert_eq!(ada2.cat(path), path.as_bytes(), "{path}");
    }
    // Again: it has happened.
    assert_eq!(promote(&standby, &[]).expect("promoted")["before"], true);
    // The old primary knows by now, stays up to say so, and does not start again.
    until("the fence", || role(&server.data()) == "fenced");
    assert!(server.is_running());
    assert!(server.stop().is_some());
    assert!(!server.try_run(), "a fenced machine does not run");
    assert!(server.log().contains("coffer-server rejoin"), "{}", server.log());
    assert!(server_admin(&standby.data(), &["check"]).status.success());
}

#[test]
fn a_planned_switch_loses_nothing_on_sqlite() {
    planned(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_planned_switch_loses_nothing_from_mariadb_to_sqlite() {
    planned(Engine::MariaDb, Engine::Sqlite);
}

#[test]
fn a_planned_switch_loses_nothing_from_sqlite_to_mariadb() {
    planned(Engine::Sqlite, Engine::MariaDb);
}

#[test]
fn without_the_primary_a_promotion_tells_what_may_be_lost() {
    let mut server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let old_link = link_of(&server.data());
    let mut standby = standby_of(&server, Engine::Sqlite);
    until("mirroring", || ada.written("/both", b"1").is_ok_and(|written| written.machines == 2));
    // The replica hears of three entries and does not get them.
    assert_eq!(standby.stop(), Some(0));
    for number in 0..3 {
        let written = ada.written(&format!("/one-{number}"), b"1").expect("written");
        assert_eq!(written.machines, 1);
    }
    server.kill();
    let seq = standby.seq();
    let note = standby.data().join("status");
    let text = std::fs::read_to_string(&note).expect("a note");
    let mut noted: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    noted["head"] = (seq + 3).into();
    std::fs::write(&note, noted.to_string()).expect("written");
    let (code, said) = promote(&standby, &[]).expect_err("refused");
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("3 entries") && said.contains("loss-possible"), "{said}");
    std::fs::remove_file(&note).expect("removed");
    let (code, said) = promote(&standby, &[]).expect_err("refused");
    assert!(code == 5 && said.contains("not known"), "{said}");
    assert_eq!(role(&standby.data()), "replica");
    std::fs::write(&note, noted.to_string()).expect("written");
    let said = promote(&standby, &["--accept-loss"]).expect("promoted");
    assert_eq!((&said["possibly_lost_entries"], &said["planned"]), (&3.into(), &false.into()));
    standby.run();
    let ada2 = signed_in_at(&link_of(&standby.data()), &ada);
    assert_eq!(ada2.cat("/both"), b"1");
    assert_eq!(ada2.written("/new", b"2").expect("written").epoch, 2);
    // The old primary comes back and is told within seconds.
    server.run();
    let begun = Instant::now();
    until("the fence", || role(&server.data()) == "fenced");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // A client that has heard of both goes on at the new one; one that knows only the
    // old one is turned away. The fenced machine writes nothing for either.
    let stands = server_seq(&server);
    assert_eq!(ada.written("/late", b"3").expect("written").epoch, 2);
    assert_eq!(ada2.cat("/late"), b"3");
    let stranger = Coffer::new();
    std::fs::copy(ada.password_file(), stranger.password_file()).expect("copied");
    let password = stranger.password_file();
    let login = ["--retry-for", "0", "login", &old_link, "--user", "ada", "--password-file"];
    let refused = stranger.run(&[&login[..], &[utf8(&password)]].concat());
    assert!(refused.code != 0 && refused.err.contains("promoted"), "{refused:?}");
    assert_eq!(server_seq(&server), stands, "a fenced machine writes nothing");
}

#[test]
fn only_a_standby_that_is_whole_is_promoted() {
    let mut server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/big", &vec![7; 200_000]);
    let keyless = Replica::start(&server, Engine::Sqlite);
    let (code, said) = promote(&keyless, &[]).expect_err("refused");
    assert!(code != 0 && said.contains("unlock"), "{said}");
    let mut standby = standby_of(&server, Engine::Sqlite);
    // The primary answers, and the replica does not run to fetch what it lacks.
    assert_eq!(standby.stop(), Some(0));
    let (_, said) = promote(&standby, &["--accept-loss"]).expect_err("refused");
    assert!(said.contains("does not run"), "{said}");
    assert_eq!(role(&server.data()), "primary");
    server.kill();
    let chunks: Vec<_> = walk(&standby.data().join("chunks"));
    assert!(!chunks.is_empty());
    let away = standby.data().join("away");
    std::fs::rename(&chunks[0], &away).expect("moved");
    let (code, said) = promote(&standby, &["--accept-loss"]).expect_err("refused");
    assert!(code == 7 && said.contains("problems"), "{said}");
    std::fs::rename(&away, &chunks[0]).expect("moved back");
    assert!(promote(&standby, &[]).is_ok());
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory").flatten();
    entries
        .flat_map(|entry| match entry.path().is_dir() {
            true => walk(&entry.path()),
            false => vec![entry.path()],
        })
        .collect()
}

#[test]
fn a_switch_that_is_cut_short_is_repeated_or_given_up() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/before", b"1");
    let standby = standby_of(&server, Engine::Sqlite);
    // The command is killed at any moment: then the switch is done, or can be given
    // up, or is repeated.
    for round in 0..6_u64 {
        let mut command = Command::new(program("coffer-replica"));
        command.args(["promote", "--json", "--data"]).arg(standby.data());
        let mut child = command.spawn().expect("coffer-replica");
        std::thread::sleep(Duration::from_millis(30 + 40 * round));
        let _ = child.kill();
        child.wait().expect("ended");
        if role(&standby.data()) == "primary" {
            break;
        }
        if role(&server.data()) == "primary that has stepped down" {
            let put_back = server_admin(&server.data(), &["unfence"]);
            let said = String::from_utf8_lossy(&put_back.stderr);
            assert!(put_back.status.success(), "{said}");
        }
        until("writes", || ada.written(&format!("/round-{round}"), b"1").is_ok());
    }
    let said = promote(&standby, &[]).expect("promoted");
    assert_eq!(said["epoch"], 2);
    wait_until_primary(&standby);
    let ada2 = signed_in_at(&link_of(&standby.data()), &ada);
    assert_eq!(ada2.cat("/before"), b"1");
    assert_eq!(ada2.written("/after", b"2").expect("written").epoch, 2);
    until("the fence", || role(&server.data()) == "fenced");
    let refused = server_admin(&server.data(), &["unfence", "--none-promoted"]);
    assert!(!refused.status.success(), "a newer epoch closes the way back");
}

#[test]
fn of_two_standbys_the_one_with_more_is_promoted_and_the_other_follows() {
    let mut server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let one = standby_of(&server, Engine::Sqlite);
    let mut two = standby_of(&server, Engine::Sqlite);
    assert_eq!(two.stop(), Some(0));
    ada.write("/more", b"1");
    one.catch_up(&server);
    server.kill();
    two.run();
    let (code, said) = promote(&two, &[]).expect_err("refused");
    assert!(code == 5 && said.contains("entries more"), "{said}");
    assert!(promote(&one, &[]).is_ok());
    wait_until_primary(&one);
    let ada2 = signed_in_at(&link_of(&one.data()), &ada);
    assert_eq!(ada2.written("/new", b"2").expect("written").epoch, 2);
    let link: Link = link_of(&one.data()).parse().expect("a link");
    assert!(link.fingerprint.is_some());
}

#[tokio::test]
async fn a_standby_that_follows_into_a_new_epoch_lets_its_clients_connect_again() {
    let mut server = Server::start(Engine::Sqlite);
    let ada = Person::sign_up(&server.link().parse().expect("a link"), "ada").await;
    let one = standby_of(&server, Engine::Sqlite);
    let two = standby_of(&server, Engine::Sqlite);
    let link: Link = link_of(&two.data()).parse().expect("a link");
    let reader = ada.at(&link).await.expect("a session at the standby");
    assert_eq!(reader.epoch(), 1);
    one.catch_up(&server);
    two.catch_up(&server);
    server.kill();
    assert!(promote(&one, &["--accept-loss"]).is_ok());
    let begun = Instant::now();
    while reader.is_open() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the old connection stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ada.at(&link).await.expect("a session at the standby").epoch(), 2);
}
