//! `kill -9` under mixed load: nothing acknowledged is lost, nothing happens
//! twice, and what is stored is consistent after every restart.

use coffer_tests::load::{self, Control, Ledger};
use coffer_tests::{Coffer, Engine, Rng, Server, rounds};
use std::time::Duration;

const WRITERS: u64 = 3;

fn survive(engine: Engine, default_rounds: u32) {
    let mut server = Server::start(engine);
    let coffer = Coffer::sign_up(&server, "ada");
    let mut rng = Rng::new("crash");
    for writer in 0..WRITERS {
        coffer.ok(&["mkdir", &load::directory(writer)]);
    }
    let control = Control::default();
    let ledgers: Vec<Ledger> = std::thread::scope(|scope| {
        let going_on = control.going_on();
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (coffer, control, rng) = (&coffer, &control, Rng::new("writer"));
                scope.spawn(move || load::run(coffer, writer, rng, control))
            })
            .collect();
        for _ in 0..rounds("COFFER_CRASH_ROUNDS", default_rounds) {
            std::thread::sleep(Duration::from_millis(100 + rng.below(700)));
            server.kill();
            server.run();
        }
        drop(going_on);
        threads.into_iter().map(|thread| thread.join().expect("writer")).collect()
    });
    let acknowledged: u64 = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
    eprintln!("{engine:?}: {acknowledged} writes acknowledged");
    assert!(acknowledged > 20, "too little load to mean anything");
    for (writer, ledger) in (0..).zip(&ledgers) {
        ledger.verify(&coffer, writer);
    }
    server.assert_check_is_clean();
    assert_eq!(server.stop(), Some(0));
    server.assert_check_is_clean();
}

#[test]
fn kill_9_loses_nothing_on_sqlite() {
    survive(Engine::Sqlite, 50);
}

#[test]
fn kill_9_loses_nothing_on_mariadb() {
    survive(Engine::MariaDb, 50);
}

#[test]
fn a_killed_database_loses_nothing_and_repeats_nothing() {
    let mut server = Server::start(Engine::MariaDb);
    let coffer = Coffer::sign_up(&server, "ada");
    coffer.ok(&["mkdir", &load::directory(0)]);
    let mut rng = Rng::new("database");
    let control = Control::default();
    let ledger = std::thread::scope(|scope| {
        let going_on = control.going_on();
        let load_rng = Rng::new("writer");
        let thread = scope.spawn(|| load::run(&coffer, 0, load_rng, &control));
        for _ in 0..rounds("COFFER_DATABASE_ROUNDS", 20) {
            std::thread::sleep(Duration::from_millis(200 + rng.below(500)));
            let database = server.database.as_mut().expect("a database");
            database.kill();
            database.run(&[]);
        }
        drop(going_on);
        thread.join().expect("writer")
    });
    eprintln!("{} writes acknowledged", ledger.acknowledged);
    assert!(ledger.acknowledged > 10, "too little load to mean anything");
    assert!(server.is_running(), "the server outlives its database:\n{}", server.log());
    ledger.verify(&coffer, 0);
    server.assert_check_is_clean();
}
