//! Mixed load by a user who remembers what was acknowledged.

use crate::{Coffer, Rng, coffer::utf8, files};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

/// Rest of a writer after each command. Commands are processes: without a rest a few writers
/// take all cores to start them, and the machine under test waits for its turn.
const REST: Duration = Duration::from_millis(40);

/// What holds for the writers of a test together.
#[derive(Debug, Default)]
pub struct Control {
    stop: AtomicBool,
    /// Held for reading while a command runs.
    pause: RwLock<()>,
    mirrored: Mutex<Mirrored>,
}

/// Tells the writers to end when it is dropped: also when the test fails.
#[derive(Debug)]
pub struct Ending<'a>(&'a Control);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// What was acknowledged as being on two machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mirrored {
    /// Newest position.
    pub seq: u64,
    /// How many writes.
    pub count: u64,
}

impl Control {
    /// While this is kept, the writers go on.
    pub fn going_on(&self) -> Ending<'_> {
        Ending(self)
    }

    /// Does something while no command runs.
    pub fn paused<T>(&self, what: impl FnOnce() -> T) -> T {
        let _held = self.pause.write().expect("lock");
        what()
    }

    /// What was acknowledged as being on two machines until now.
    pub fn mirrored(&self) -> Mirrored {
        *self.mirrored.lock().expect("lock")
    }
}

/// What one writer knows: the acknowledged state of its files, and the paths of
/// which a command failed, so that either state is right.
#[derive(Debug, Default)]
pub struct Ledger {
    files: BTreeMap<String, Vec<u8>>,
    uncertain: BTreeMap<String, Vec<Option<Vec<u8>>>>,
    /// Commands that were acknowledged.
    pub acknowledged: u64,
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

    /// Asserts that a writer's directory holds what was acknowledged, and nothing
    /// that was never written.
    pub fn verify(&self, coffer: &Coffer, writer: u64) {
        let target = coffer.path("verify");
        coffer.ok(&["get", &directory(writer), utf8(&target)]);
        let stored = files::read_tree(&target);
        for (path, bytes) in &self.files {
            let name = path.rsplit('/').next().expect("a name");
            let found =
                stored.get(name).unwrap_or_else(|| panic!("{path}: acknowledged, but lost"));
            assert!(found.as_ref() == Some(bytes), "{path}: not what was acknowledged");
        }
        for (name, bytes) in &stored {
            let path = format!("{}/{name}", directory(writer));
            let possible = self.uncertain.get(&path);
            let right = self.files.get(&path) == bytes.as_ref()
                || possible.is_some_and(|states| states.contains(bytes));
            assert!(right, "{path}: there, but never written so");
        }
        std::fs::remove_dir_all(target).expect("removed");
    }
}

/// Where a writer writes.
pub fn directory(writer: u64) -> String {
    format!("/w{writer}")
}

/// One writer: random writes, moves and deletes among its own files, until it is
/// told to stop. Its directory has to be there.
pub fn run(coffer: &Coffer, writer: u64, mut rng: Rng, control: &Control) -> Ledger {
    let mut ledger = Ledger::default();
    let dir = directory(writer);
    let mut number = 0;
    while !control.stop.load(Ordering::Relaxed) {
        std::thread::sleep(REST);
        let _held = control.pause.read().expect("lock");
        number += 1;
        let some = ledger.files.keys().nth(rng.below(20) as usize).cloned();
        match (rng.below(10), some) {
            (0, Some(path)) => {
                let done = coffer.run(&["rm", &path]).code == 0;
                ledger.note(&path, None, done);
            }
            (1 | 2, Some(path)) => {
                let to = format!("{dir}/moved-{number}");
                let bytes = ledger.files[&path].clone();
                let done = coffer.run(&["mv", &path, &to]).code == 0;
                ledger.note(&path, None, done);
                ledger.note(&to, Some(bytes), done);
                // A move is one step: after a failure only one of both is there.
            }
            (what, some) => {
                let fresh = format!("{dir}/file-{number}");
                let path = some.filter(|_| what < 6).unwrap_or(fresh);
                let len = if what == 9 { 300_000 } else { 2_000 };
                let bytes = rng.bytes(len);
                let written = coffer.written(&path, &bytes).ok();
                if let Some(written) = written.filter(|written| written.machines > 1) {
                    let mut mirrored = control.mirrored.lock().expect("lock");
                    mirrored.seq = mirrored.seq.max(written.seq);
                    mirrored.count += 1;
                }
                ledger.note(&path, Some(bytes), written.is_some());
            }
        }
    }
    ledger
}
