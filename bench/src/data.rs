//! Data of one round: random, in memory, gone afterwards.

use crate::Work;
use anyhow::{Context as _, Result, ensure};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The data of one round.
pub(crate) struct Data {
    dir: TempDir,
}

impl Data {
    /// Makes what the works need.
    pub(crate) fn make(mib: usize, files: usize, works: &[Work]) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("coffer-bench").tempdir_in(base)?;
        let data = Self { dir };
        std::fs::create_dir_all(data.big())?;
        std::fs::create_dir_all(data.small())?;
        let mut block = vec![0; 1 << 20];
        if works.iter().any(|work| [Work::W1, Work::W2].contains(work)) {
            let mut file = std::fs::File::create(data.big().join("big"))?;
            for _ in 0..mib {
                getrandom::fill(&mut block)?;
                file.write_all(&block)?;
            }
        }
        if works.iter().any(|work| [Work::W3, Work::W4].contains(work)) {
            for number in 0..files {
                if number % 256 == 0 {
                    getrandom::fill(&mut block)?;
                }
                let dir = data.small().join(format!("d{}", number / 100));
                std::fs::create_dir_all(&dir)?;
                let bytes = &block[number % 256 * 4096..][..4096];
                std::fs::write(dir.join(format!("f{number}")), bytes)?;
            }
        }
        Ok(data)
    }

    /// Directory with one big file.
    pub(crate) fn big(&self) -> PathBuf {
        self.dir.path().join("big")
    }

    /// Directory with many small files.
    pub(crate) fn small(&self) -> PathBuf {
        self.dir.path().join("small")
    }

    /// Where downloads go; not there yet.
    pub(crate) fn target(&self) -> PathBuf {
        self.dir.path().join("target")
    }
}

/// Fails unless both trees hold the same bytes.
pub(crate) fn assert_same(left: &Path, right: &Path, peer: &str) -> Result<()> {
    let status = Command::new("diff").arg("-rq").args([left, right]).status().context("diff")?;
    ensure!(status.success(), "{peer} did not bring back what it was given");
    Ok(())
}
