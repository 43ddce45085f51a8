//! `kill -9` of the primary and of its replica under mixed load: what was said to be
//! on two machines is, and after every death both are brought into step again.

use coffer_tests::load::{self, Control, Ledger};
use coffer_tests::replica::server_seq;
use coffer_tests::{Cluster, Engine, Rng, rounds};
use std::time::{Duration, Instant};

const WRITERS: u64 = 2;

/// Kills the primary, and looks whether the other machine has what was promised.
fn kill_primary(cluster: &mut Cluster, control: &Control, both: bool) {
    // Before the death: what is promised meanwhile is looked at the next time.
    let promised = control.mirrored().seq;
    cluster.server.kill();
    if both {
        cluster.standby.kill();
    }
    let there = cluster.standby.seq();
    assert!(there >= promised, "{promised} promised, {there} there");
    cluster.server.run();
    if both {
        cluster.standby.run();
    }
}

fn survive(source: Engine, target: Engine) {
    let mut cluster = Cluster::start(source, target);
    let coffer = cluster.sign_up("ada");
    for writer in 0..WRITERS {
        coffer.ok(&["mkdir", &load::directory(writer)]);
    }
    cluster.wait_for_both(&coffer);
    let mut rng = Rng::new("deaths");
    let control = Control::default();
    let rounds = rounds("COFFER_REPLICA_ROUNDS", 6);
    let (mut primary, mut replica, begun) = (0, 0, Instant::now());
    let ledgers: Vec<Ledger> = std::thread::scope(|scope| {
        let going_on = control.going_on();
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (coffer, control, rng) = (&coffer, &control, Rng::new("writer"));
                scope.spawn(move || load::run(coffer, writer, rng, control))
            })
            .collect();
        for _ in 0..rounds {
            std::thread::sleep(Duration::from_millis(300 + rng.below(1200)));
            let what = rng.below(5);
            primary += u32::from(what != 0 && what != 1);
            replica += u32::from(what < 3);
            match what {
                0 | 1 => {
                    cluster.standby.kill();
                    cluster.standby.run();
                }
                what => kill_primary(&mut cluster, &control, what == 2),
            }
            control.paused(|| cluster.assert_in_step());
        }
        drop(going_on);
        threads.into_iter().map(|thread| thread.join().expect("writer")).collect()
    });
    let mirrored = control.mirrored().count;
    let acknowledged: u64 = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
    eprintln!(
        "{source:?} -> {target:?}: {rounds} rounds in {:?}, primary killed {primary} times, replica \
         {replica} times; {acknowledged} commands acknowledged, {mirrored} writes on two machines, \
         {} journal entries; in step after every round",
        begun.elapsed(),
        server_seq(&cluster.server),
    );
    assert!(mirrored > 5, "too little load to mean anything");
    for (writer, ledger) in (0..).zip(&ledgers) {
        ledger.verify(&coffer, writer);
    }
    cluster.assert_in_step();
    cluster.standby.assert_check_is_clean();
    cluster.server.assert_check_is_clean();
}

#[test]
fn kill_9_of_either_side_loses_nothing_on_sqlite() {
    survive(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn kill_9_of_either_side_loses_nothing_on_mariadb() {
    survive(Engine::MariaDb, Engine::MariaDb);
}

#[test]
fn kill_9_of_either_side_loses_nothing_across_engines() {
    survive(Engine::MariaDb, Engine::Sqlite);
}

#[test]
fn kill_9_of_either_side_loses_nothing_from_sqlite_to_mariadb() {
    survive(Engine::Sqlite, Engine::MariaDb);
}
