//! The standby takes over: the primary is destroyed, or the network parts both.

use coffer_tests::coffer::utf8;
use coffer_tests::proxy::{Direction, Line};
use coffer_tests::server::link_at;
use coffer_tests::{Cluster, Coffer, Engine, Replica, Rng, program, rounds};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for something that takes seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// An acknowledged write.
struct Write {
    path: String,
    bytes: Vec<u8>,
    machines: u64,
}

fn status_of(cluster: &Cluster, data: &Path) -> serde_json::Value {
    let mut command = Command::new(program("coffer-server"));
    let output = command.args(["status", "--json", "--data"]).arg(data).output();
    let output = output.expect("coffer-server");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}", cluster.standby.log()))
}

/// Waits until the standby serves as the primary.
fn wait_until_it_serves(cluster: &Cluster) {
    cluster.wait_until_promoted();
    assert_eq!(status_of(cluster, &cluster.standby.data())["role"], "primary");
}

/// Signs ada in on a device of its own.
fn sign_in(link: &str) -> Coffer {
    let coffer = Coffer::new();
    let password = coffer.password_file();
    coffer.ok(&["login", link, "--user", "ada", "--password-file", utf8(&password)]);
    coffer
}

/// Writes one new file after the other until told to stop; failures are left out. The
/// last one, which nobody answers, is soon given up.
fn keep_writing(coffer: &Coffer, name: &str, stop: &AtomicBool, done: &Mutex<Vec<Write>>) {
    let mut rng = Rng::new(name);
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (path, bytes) = (format!("/{name}-{number}"), rng.bytes(200_000));
        if let Ok(written) = coffer.written_with(&["--retry-for", "5"], &path, &bytes) {
            let write = Write { path, bytes, machines: written.machines };
            done.lock().expect("lock").push(write);
        }
    }
}

/// Waits until enough of what was written is on so many machines.
fn wait_for_writes(done: &Mutex<Vec<Write>>, machines: u64, count: usize) {
    let begun = Instant::now();
    let enough = || {
        let done = done.lock().expect("lock");
        done.iter().filter(|write| write.machines == machines).count() >= count
    };
    while !enough() {
        assert!(begun.elapsed() < PATIENCE, "no {count} writes on {machines} machines");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Parts the machines at a moment when the standby has heard of entries that it has not
/// got: what it has not even heard of nobody is told of.
fn part_while_it_lacks_something(cluster: &Cluster) {
    let begun = Instant::now();
    loop {
        cluster.part();
        // It notes each second where it stands.
        std::thread::sleep(Duration::from_millis(2500));
        if cluster.standby.status()["lag_entries"].as_u64() > Some(0) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the standby lacks nothing that it has heard of");
        cluster.heal();
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// The server's disk is gone, in the middle of writes of which the last are on one
/// machine only, because the line to the standby is slow.
fn destroyed_under_load(source: Engine, target: Engine) {
    let mut cluster = Cluster::start(source, target);
    let ada = cluster.sign_up("ada");
    ada.ok(&["login", &cluster.beside_server(), "--user", "ada", "--password-file", "password"]);
    cluster.wait_for_both(&ada);
    let (stop, done) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let (ada, stop, done) = (&ada, &stop, &done);
            scope.spawn(move || keep_writing(ada, name, stop, done));
        }
        let ends = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for_writes(&done, 2, 20);
            let line = Line { latency: Duration::ZERO, bytes_per_second: Some(100_000) };
            cluster.to_server.slow_one(Direction::Back, line);
            wait_for_writes(&done, 1, 20);
            part_while_it_lacks_something(&cluster);
        }));
        stop.store(true, Ordering::Relaxed);
        cluster.destroy_server();
        // What is still on the line never arrives.
        cluster.to_server.cut();
        cluster.to_standby.heal();
        ends.expect("enough writes");
    });
    let refused = cluster.promote(&[]);
    assert_eq!(refused.status.code(), Some(5), "it may lose something");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("are not here"), "{said}");
    let promoted = cluster.promote(&["--accept-loss", "--json"]);
    assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
    let told: serde_json::Value = serde_json::from_slice(&promoted.stdout).expect("JSON");
    let told = told["possibly_lost_entries"].as_u64().expect("a number");
    wait_until_it_serves(&cluster);
    let ada = sign_in(&cluster.link_of_standby());
    let (mut kept, mut lost) = (0, 0);
    for write in done.into_inner().expect("lock") {
        let ran = ada.run(&["cat", &write.path]);
        if write.machines > 1 {
            assert_eq!(ran.code, 0, "{}: on two machines, but lost", write.path);
        }
        match ran.code {
            0 => assert!(ran.out == write.bytes, "{}: something else", write.path),
            _ => lost += 1,
        }
        kept += u32::from(write.machines > 1);
    }
    eprintln!(
        "{source:?} -> {target:?}: {kept} writes on two machines, all there; {lost} writes on one \
         machine are gone; {told} entries were reported as possibly lost"
    );
    assert!(told > 0 && lost > 0, "nothing could be lost: that is another test");
    ada.write("/after", b"the new primary takes writes");
    cluster.standby.assert_check_is_clean();
}

#[test]
fn what_is_on_two_machines_outlives_the_primary_on_sqlite() {
    destroyed_under_load(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn what_is_on_two_machines_outlives_the_primary_on_mariadb() {
    destroyed_under_load(Engine::MariaDb, Engine::MariaDb);
}

/// Writes for a while, at least five times; what was written.
fn write_for(seconds: u32, old_side: &Coffer, rng: &mut Rng) -> Vec<Vec<u8>> {
    let (begun, mut written) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_secs(seconds.into()) || written.len() < 5 {
        let bytes = rng.bytes(10_000);
        let wrote = old_side.written(&format!("/old-{}", written.len()), &bytes);
        assert_eq!(wrote.expect("the old side is written to").machines, 1);
        written.push(bytes);
        if written.len() > 5 {
            // Each write signs in, and sign-ins of one address are limited.
            std::thread::sleep(Duration::from_secs(2));
        }
    }
    written
}

/// Parted machines are both written to; the old primary stops as soon as the network
/// is whole, and comes back without losing anything.
fn parted_and_both_written_to(source: Engine, target: Engine) {
    let mut cluster = Cluster::start(source, target);
    let old_side = cluster.sign_up("ada");
    let beside = cluster.beside_server();
    old_side.ok(&["login", &beside, "--user", "ada", "--password-file", "password"]);
    cluster.wait_for_both(&old_side);
    cluster.part();
    let mut rng = Rng::new("parted");
    let seconds = rounds("COFFER_PARTITION_SECONDS", 3);
    let mut written = write_for(seconds, &old_side, &mut rng);
    let promoted = cluster.promote(&["--accept-loss"]);
    assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
    wait_until_it_serves(&cluster);
    let address = cluster.standby.address().to_owned();
    let new_side = sign_in(&link_at(&cluster.link_of_standby(), &address));
    new_side.write("/new", b"the new side is written to");
    new_side.write("/old-0", b"the same name on both sides");

    cluster.heal();
    let healed = Instant::now();
    // What the old primary still takes counts; then the client goes on at the new one.
    loop {
        let bytes = rng.bytes(1000);
        let late = old_side.written(&format!("/late-{}", written.len()), &bytes);
        match late {
            Ok(late) if late.epoch == 1 => written.push(bytes),
            _ => break,
        }
        assert!(healed.elapsed() < PATIENCE, "the old primary is still written to");
    }
    while status_of(&cluster, &cluster.server.data())["role"] != "fenced" {
        assert!(healed.elapsed() < PATIENCE, "the old primary is not fenced");
        std::thread::sleep(Duration::from_millis(50));
    }
    let fenced_after = healed.elapsed();
    let moved = old_side.written("/moved", b"by the client that was on the old side");
    assert_eq!(moved.expect("the new primary is found").epoch, 2);
    cluster.server.stop();
    let link = link_at(&cluster.link_of_standby(), &address);
    cluster.server.admin_ok(&["rejoin", &link]);
    // The owner's sign-in lets it come back, soon after.
    let begun = Instant::now();
    loop {
        let names = new_side.ok(&["find", "*"]);
        let files = names.lines().filter(|name| !name.ends_with('/'));
        let contents: Vec<_> = files.map(|name| new_side.cat(name)).collect();
        let missing: Vec<_> =
            (0..written.len()).filter(|number| !contents.contains(&written[*number])).collect();
        if missing.is_empty() {
            break;
        }
        let listed = || new_side.ok(&["--json", "recovered"]);
        let late = begun.elapsed() > PATIENCE / 2;
        assert!(!late, "{missing:?}: acknowledged, but lost: {names}{}", listed());
    }
    assert_eq!(new_side.cat("/old-0"), b"the same name on both sides");
    eprintln!(
        "{source:?} -> {target:?}: {} writes on the old side in {seconds} s, fenced {fenced_after:?} \
         after the network was whole, all there after it came back",
        written.len()
    );
    let mut back = Replica::from_server(&mut cluster.server);
    back.run();
    new_side.write("/last", b"mirrored again");
    back.assert_rows_as(&cluster.standby);
    back.assert_check_is_clean();
    cluster.standby.assert_check_is_clean();
}

#[test]
fn a_parted_primary_is_fenced_and_comes_back_on_sqlite() {
    parted_and_both_written_to(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_parted_primary_is_fenced_and_comes_back_on_mariadb() {
    parted_and_both_written_to(Engine::MariaDb, Engine::MariaDb);
}
