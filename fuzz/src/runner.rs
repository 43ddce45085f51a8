//! The loop: choose an input, mutate it, run the target, keep what is new.

use crate::mutate::mutate;
use crate::random::Random;
use crate::targets::Target;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Inputs that are kept for further mutation.
const MAX_POOL: usize = 2048;
/// Outcomes that are told apart; texts that quote their input have no end.
const MAX_OUTCOMES: usize = 2048;
/// An input that takes longer than this never ends.
const HANG: Duration = Duration::from_mins(1);

/// How long to look: until the time or the number of executions is used up.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) time: Duration,
    pub(crate) executions: u64,
}

/// Why the loop ended.
pub(crate) enum Ending {
    Budget,
    /// The target panicked; its input is in this file.
    Panic(PathBuf),
}

/// What the loop did.
pub(crate) struct Report {
    pub(crate) executions: u64,
    pub(crate) accepted: u64,
    pub(crate) outcomes: usize,
    pub(crate) ending: Ending,
}

/// The input that is running, since when.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

pub(crate) struct Runner {
    target: &'static Target,
    random: Random,
    seed: u64,
    out: PathBuf,
    pool: Vec<Vec<u8>>,
    outcomes: HashSet<String>,
    executions: u64,
    accepted: u64,
    current: Current,
}

impl Runner {
    pub(crate) fn new(target: &'static Target, seed: u64, out: PathBuf) -> Self {
        Self {
            target,
            random: Random::new(seed),
            seed,
            out,
            pool: Vec::new(),
            outcomes: HashSet::new(),
            executions: 0,
            accepted: 0,
            current: Current::default(),
        }
    }

    /// Runs the corpus, then mutations of it, until the budget is spent.
    pub(crate) fn run(mut self, budget: Budget) -> Report {
        self.watch();
        let start = Instant::now();
        let corpus = (self.target.corpus)();
        for input in &corpus {
            if let Some(file) = self.execute(input) {
                return self.report(Ending::Panic(file));
            }
        }
        self.pool.extend(corpus);
        while start.elapsed() < budget.time && self.executions < budget.executions {
            let mut input = self.random.pick(&self.pool).cloned().unwrap_or_default();
            mutate(&mut input, &mut self.random, &self.pool, self.target.words);
            if let Some(file) = self.execute(&input) {
                return self.report(Ending::Panic(file));
            }
        }
        self.report(Ending::Budget)
    }

    /// Runs the target once; the file of the input if it panicked.
    fn execute(&mut self, input: &[u8]) -> Option<PathBuf> {
        self.executions += 1;
        let set = |now| *self.current.lock().unwrap_or_else(PoisonError::into_inner) = now;
        set(Some((Instant::now(), input.to_vec())));
        let result = catch_unwind(AssertUnwindSafe(|| (self.target.run)(input)));
        set(None);
        let Ok(outcome) = result else {
            return Some(write_input(&self.out, self.target.name, self.seed, "panic", input));
        };
        self.accepted += u64::from(outcome.is_ok());
        let text = outcome.err().as_deref().map(shape).unwrap_or_default();
        let new = self.outcomes.len() < MAX_OUTCOMES && self.outcomes.insert(text);
        if new && self.pool.len() < MAX_POOL {
            self.pool.push(input.to_vec());
        }
        None
    }

    /// A thread that ends the program when an input never ends.
    fn watch(&self) {
        let (current, target) = (Arc::downgrade(&self.current), self.target.name);
        let (out, seed) = (self.out.clone(), self.seed);
        std::thread::spawn(move || {
            while let Some(current) = current.upgrade() {
                let now = current.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, input)) = now.as_ref()
                    && since.elapsed() > HANG
                {
                    let file = write_input(&out, target, seed, "hang", input);
                    println!("{target}: does not end; the input is {}", file.display());
                    std::process::exit(1);
                }
                drop(now);
                drop(current);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
    }

    fn report(self, ending: Ending) -> Report {
        Report {
            executions: self.executions,
            accepted: self.accepted,
            outcomes: self.outcomes.len(),
            ending,
        }
    }
}

/// The text of an outcome without what it quotes from the input: "5 bytes left
/// over" and "6 bytes left over" are one outcome.
fn shape(text: &str) -> String {
    let mut quote = None;
    let mut shape = String::new();
    for c in text.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if matches!(c, '`' | '\'' | '"') => quote = Some(c),
            None if c.is_ascii_digit() => {}
            None => shape.push(c),
        }
    }
    shape
}

/// Writes an input where it can be found; where that fails, prints it.
fn write_input(out: &Path, target: &str, seed: u64, what: &str, input: &[u8]) -> PathBuf {
    let file = out.join(format!("{target}-{seed}-{what}.bin"));
    let written = std::fs::create_dir_all(out).and_then(|()| std::fs::write(&file, input));
    if let Err(error) = written {
        let input = data_encoding::HEXLOWER.encode(input);
        println!("{target}: cannot write {}: {error}; the input is {input}", file.display());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    fn executions(executions: u64) -> Budget {
        Budget { time: Duration::MAX, executions }
    }

    /// Panics on a nested condition that only kept inputs lead to.
    static TRAP: Target = Target {
        name: "trap",
        words: &[b"open"],
        corpus: || vec![b"a door".to_vec()],
        run: |input| match (input.contains(&b'!'), input.starts_with(b"open")) {
            (true, true) => panic!("found"),
            (true, false) => Err("a mark".to_owned()),
            (false, true) => Err("a word".to_owned()),
            (false, false) => Ok(()),
        },
    };

    #[test]
    fn a_panic_is_found_and_its_input_kept() {
        let dir = tempfile::tempdir().unwrap();
        let report = Runner::new(&TRAP, 7, dir.path().join("new")).run(executions(1_000_000));
        let Ending::Panic(file) = report.ending else { panic!("the panic was not found") };
        let input = std::fs::read(file).unwrap();
        assert!(input.starts_with(b"open") && input.contains(&b'!'));
    }

    #[test]
    fn outcomes_are_told_apart_by_their_words() {
        assert_eq!(shape("5 bytes left over"), shape("16 bytes left over"));
        assert_eq!(shape("line 3: unknown field `a b`"), shape("line 4: unknown field `'`"));
        assert_ne!(shape("unknown field `a`"), shape("missing field `a`"));
    }

    #[test]
    fn every_target_accepts_its_corpus() {
        for target in targets::ALL {
            for (index, input) in (target.corpus)().iter().enumerate() {
                assert_eq!((target.run)(input), Ok(()), "{} {index}", target.name);
            }
        }
    }

    #[test]
    fn every_target_survives_a_short_run() {
        let dir = tempfile::tempdir().unwrap();
        for target in targets::ALL {
            let runner = Runner::new(target, 1, dir.path().to_owned());
            let report = runner.run(executions(3_000));
            assert!(matches!(report.ending, Ending::Budget), "{} panicked", target.name);
            assert!(report.outcomes > 1, "{} refused nothing", target.name);
        }
    }
}
