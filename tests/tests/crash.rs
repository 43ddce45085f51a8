//! `kill -9` under mixed load: nothing acknowledged is lost, nothing happens
//! twice, and what is stored is consistent after every restart.

use coffer_tests::{Coffer, Engine, Rng, Server, rounds};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const WRITERS: u64 = 3;

/// What one writer knows: the acknowledged state of its files, and the paths
/// of which a command failed, so that either state is right.
#[derive(Default)]
struct Ledger {
    files: BTreeMap<String, Vec<u8>>,
    uncertain: BTreeMap<String, Vec<Option<Vec<u8>>>>,
    acknowledged: u64,
}

impl Ledger {
    /// Notes that `path` is now `state`, or, if the command failed, may be.
    fn note(&mut self, path: &str, state: Option<Vec<u8>>, done: bool) {
        if done {
            self.acknowledged += 1;
            self.uncertain.remove(path);
            match state {
                Some(bytes) => self.files.insert(path.to_owned(), bytes),
                None => self.files.remove(path),
            };
            return;
        }
        let before = self.files.remove(path);
        let possible = self.uncertain.entry(path.to_owned()).or_default();
        possible.extend([before, state]);
    }
}

/// One writer: random writes, moves and deletes among its own files.
fn load(coffer: &Coffer, writer: u64, mut rng: Rng, stop: &AtomicBool) -> Ledger {
    let mut ledger = Ledger::default();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let some = ledger.files.keys().nth(rng.below(20) as usize).cloned();
        match (rng.below(10), some) {
            (0, Some(path)) => {
                let done = coffer.run(&["rm", &path]).code == 0;
                ledger.note(&path, None, done);
            }
            (1 | 2, Some(path)) => {
                let to = format!("/w{writer}/moved-{number}");
                let bytes = ledger.files[&path].clone();
                let done = coffer.run(&["mv", &path, &to]).code == 0;
                ledger.note(&path, None, done);
                ledger.note(&to, Some(bytes), done);
                // A move is one step: after a failure only one of both is there.
            }
            (what, some) => {
                let fresh = format!("/w{writer}/file-{number}");
                let path = some.filter(|_| what < 6).unwrap_or(fresh);
                let len = if what == 9 { 300_000 } else { 2_000 };
                let bytes = rng.bytes(len);
                let done = coffer.run_with_input(&["write", &path], &bytes).code == 0;
                ledger.note(&path, Some(bytes), done);
            }
        }
    }
    ledger
}

fn verify(coffer: &Coffer, writer: u64, ledger: &Ledger) {
    let target = coffer.path("verify");
    coffer.ok(&["get", &format!("/w{writer}"), coffer_tests::coffer::utf8(&target)]);
    let stored = coffer_tests::files::read_tree(&target);
    for (path, bytes) in &ledger.files {
        let name = path.rsplit('/').next().expect("a name");
        let found = stored.get(name).unwrap_or_else(|| panic!("{path}: acknowledged, but lost"));
        assert!(found.as_ref() == Some(bytes), "{path}: not what was acknowledged");
    }
    for (name, bytes) in &stored {
        let path = format!("/w{writer}/{name}");
        let possible = ledger.uncertain.get(&path);
        let right = ledger.files.get(&path) == bytes.as_ref()
            || possible.is_some_and(|states| states.contains(bytes));
        assert!(right, "{path}: there, but never written so");
    }
}

fn survive(engine: Engine, default_rounds: u32) {
    let mut server = Server::start(engine);
    let coffer = Coffer::sign_up(&server, "ada");
    let mut rng = Rng::new("crash");
    for writer in 0..WRITERS {
        coffer.ok(&["mkdir", &format!("/w{writer}")]);
    }
    let stop = AtomicBool::new(false);
    let ledgers: Vec<Ledger> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (coffer, stop, rng) = (&coffer, &stop, Rng::new("writer"));
                scope.spawn(move || load(coffer, writer, rng, stop))
            })
            .collect();
        for _ in 0..rounds("COFFER_CRASH_ROUNDS", default_rounds) {
            std::thread::sleep(Duration::from_millis(100 + rng.below(700)));
            server.kill();
            server.run();
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("writer")).collect()
    });
    let acknowledged: u64 = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
    eprintln!("{engine:?}: {acknowledged} writes acknowledged");
    assert!(acknowledged > 20, "too little load to mean anything");
    for (writer, ledger) in (0..).zip(&ledgers) {
        verify(&coffer, writer, ledger);
        std::fs::remove_dir_all(coffer.path("verify")).expect("remove");
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
    coffer.ok(&["mkdir", "/w0"]);
    let mut rng = Rng::new("database");
    let stop = AtomicBool::new(false);
    let ledger = std::thread::scope(|scope| {
        let load_rng = Rng::new("writer");
        let thread = scope.spawn(|| load(&coffer, 0, load_rng, &stop));
        for _ in 0..rounds("COFFER_DATABASE_ROUNDS", 20) {
            std::thread::sleep(Duration::from_millis(200 + rng.below(500)));
            let database = server.database.as_mut().expect("a database");
            database.kill();
            database.run(&[]);
        }
        stop.store(true, Ordering::Relaxed);
        thread.join().expect("writer")
    });
    eprintln!("{} writes acknowledged", ledger.acknowledged);
    assert!(ledger.acknowledged > 10, "too little load to mean anything");
    assert!(server.is_running(), "the server outlives its database:\n{}", server.log());
    verify(&coffer, 0, &ledger);
    server.assert_check_is_clean();
}
