//! Harness of the end-to-end tests: real processes, real files, real TLS on
//! loopback, a private MariaDB. Every scenario runs on both engines.
//!
//! Everything a test starts is stopped when its handle is dropped, by process
//! id; everything it writes is in one temporary directory.

pub mod cluster;
pub mod coffer;
pub mod database;
pub mod files;
pub mod load;
pub mod panel;
pub mod person;
pub mod proxy;
pub mod relay;
pub mod replica;
pub mod rows;
pub mod server;
pub mod state;

pub use cluster::Cluster;
pub use coffer::Coffer;
pub use database::MariaDb;
pub use person::Person;
pub use proxy::Proxy;
pub use replica::Replica;
pub use server::{Engine, Server};

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Child;

/// Where the test (or benchmark) that runs was built: `target/debug`, say.
fn profile_dir() -> PathBuf {
    let own = std::env::current_exe().expect("the program's own path");
    let dir = own.parent().expect("a directory");
    // Tests lie one deeper than programs.
    let dir = if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir };
    dir.to_owned()
}

/// The build directory.
pub(crate) fn target_dir() -> PathBuf {
    profile_dir().parent().expect("a target directory").to_owned()
}

/// A program of the project, built beside the test that runs.
pub fn program(name: &str) -> PathBuf {
    let path = profile_dir().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is missing: `cargo xtask test` builds it, or `cargo build -p coffer-server -p coffer-replica -p coffer-cli`",
        path.display()
    );
    path
}

/// The first line that a program says on its piped standard output; empty when it ends first.
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let said = child.stdout.take().expect("piped");
    BufReader::new(said).read_line(&mut line).expect("readable");
    line.trim().to_owned()
}

/// A number from the environment, for tests whose length can be chosen.
pub fn rounds(variable: &str, default: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A small generator of test randomness from a printed seed (`SplitMix64`).
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    /// Seeds from `COFFER_SEED` or the operating system, and prints the seed.
    pub fn new(what: &str) -> Self {
        let seed = std::env::var("COFFER_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| getrandom::u64().expect("randomness"));
        eprintln!("{what}: COFFER_SEED={seed}");
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        let seed = self.number().to_le_bytes();
        // Unlike a loop of ours, it is optimised in the profile of the tests.
        blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut out);
        out
    }
}
