//! What the network between two machines does to them: it parts them, and it is slow.

use coffer_tests::cluster::wait_for_machines;
use coffer_tests::proxy::{Direction, Line};
use coffer_tests::{Cluster, Coffer, Engine, Rng};
use std::time::{Duration, Instant};

/// Bytes of the uploads whose speed is shown.
const UPLOAD: usize = 40_000_000;
/// Longest wait for something that takes seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// Writes a file; says how long it took, and on how many machines it is.
fn timed(coffer: &Coffer, path: &str, bytes: &[u8]) -> (Duration, u64) {
    let begun = Instant::now();
    let written = coffer.written(path, bytes).unwrap_or_else(|ran| panic!("{path}: {}", ran.err));
    (begun.elapsed(), written.machines)
}

/// How often the server's log says something.
fn said(cluster: &Cluster, what: &str) -> usize {
    cluster.server.log().matches(what).count()
}

/// A writer in a hurry does not wait for a slow replica for ever: the server stops
/// waiting, says so, and waits again as soon as the replica has caught up.
fn a_slow_replica_slows_nobody_for_long(source: Engine, target: Engine) {
    let cluster = Cluster::start(source, target);
    let coffer = cluster.sign_up("ada");
    cluster.wait_for_both(&coffer);
    let mut rng = Rng::new("slow");
    let (fast, _) = timed(&coffer, "/fast", &rng.bytes(UPLOAD));
    wait_for_machines(&coffer, 2);
    let alone = said(&cluster, "durable on this machine only");
    let line = Line { latency: Duration::from_millis(100), bytes_per_second: Some(5_000_000) };
    cluster.to_server.slow_one(Direction::Back, line);
    cluster.to_server.slow_one(Direction::Forth, Line { bytes_per_second: None, ..line });
    // The user is beside the server, the replica is far away.
    coffer.ok(&["login", &cluster.beside_server(), "--user", "ada", "--password-file", "password"]);
    let (waited, machines) = timed(&coffer, "/slow", &rng.bytes(UPLOAD));
    assert_eq!(machines, 1, "its contents cannot be there within two seconds: {waited:?}");
    assert_eq!(said(&cluster, "durable on this machine only"), alone + 1);
    let (degraded, machines) = timed(&coffer, "/degraded", &rng.bytes(UPLOAD));
    assert_eq!(machines, 1);
    assert_eq!(said(&cluster, "durable on this machine only"), alone + 1, "it is said once");
    // Far, but no longer behind: writes wait for it again.
    wait_for_machines(&coffer, 2);
    let (far, machines) = timed(&coffer, "/far", b"a few bytes");
    assert_eq!(machines, 2);
    assert!(far >= 2 * line.latency, "there and back: {far:?}");
    cluster.to_server.slow(Line::default());
    let (again, _) = timed(&coffer, "/again", &rng.bytes(UPLOAD));
    wait_for_machines(&coffer, 2);
    assert!(said(&cluster, "writes are mirrored again") > 0);
    eprintln!(
        "{source:?} -> {target:?}: 40 MB in {fast:?}; replica at 5 MB/s and 200 ms: {waited:?}, \
         then {degraded:?}, a small write {far:?}; line good again: {again:?}"
    );
    cluster.assert_in_step();
}

#[test]
fn a_slow_replica_slows_nobody_for_long_on_sqlite() {
    a_slow_replica_slows_nobody_for_long(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_slow_replica_slows_nobody_for_long_on_mariadb() {
    a_slow_replica_slows_nobody_for_long(Engine::MariaDb, Engine::MariaDb);
}

/// Parted machines go on where they were, whichever way the network went away.
#[test]
fn parted_machines_find_each_other_again() {
    let cluster = Cluster::start(Engine::Sqlite, Engine::Sqlite);
    let coffer = cluster.sign_up("ada");
    coffer.ok(&["login", &cluster.beside_server(), "--user", "ada", "--password-file", "password"]);
    cluster.wait_for_both(&coffer);
    let ways: [fn(&Cluster); 2] = [Cluster::part, |cluster| cluster.to_server.cut()];
    for (round, part) in ways.into_iter().enumerate() {
        part(&cluster);
        for number in 0..10 {
            let (_, machines) = timed(&coffer, &format!("/{round}-{number}"), b"alone");
            assert_eq!(machines, 1);
        }
        cluster.heal();
        let begun = Instant::now();
        cluster.assert_in_step();
        wait_for_machines(&coffer, 2);
        assert!(begun.elapsed() < PATIENCE);
    }
}
