//! restic on a repository of its own on the local disk: no network and no second
//! process, which is more than fair.

use super::Peer;
use crate::measure::{Sample, run};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) struct Restic {
    dir: PathBuf,
}

impl Restic {
    pub(super) fn start(storage: &Path) -> Result<Self> {
        let dir = storage.join("restic");
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    fn command(&self, remote: &str, args: &[&str]) -> Command {
        let mut command = Command::new("restic");
        command
            .arg("-q")
            .arg("-r")
            .arg(self.dir.join(remote))
            .args(args)
            .env("RESTIC_PASSWORD", "plum-Harbour-92-violet")
            .env("HOME", &self.dir);
        command
    }
}

impl Peer for Restic {
    fn name(&self) -> &'static str {
        "restic"
    }

    fn promise(&self) -> &'static str {
        "encrypted, on the local disk without a server; set-up of the repository is not counted"
    }

    fn upload(&mut self, source: &Path, remote: &str) -> Result<Sample> {
        let made = self.command(remote, &["init"]).stdout(Stdio::null()).status()?;
        ensure!(made.success(), "restic init: {made}");
        let mut command = self.command(remote, &["backup", "."]);
        command.current_dir(source);
        run("restic", command, None)
    }

    fn download(&mut self, remote: &str, target: &Path) -> Result<Sample> {
        std::fs::create_dir_all(target)?;
        let mut command = self.command(remote, &["restore", "latest", "--target"]);
        command.arg(target);
        run("restic", command, None)
    }

    fn small_operations(&mut self, _round: usize) -> Result<Vec<Sample>> {
        Ok(Vec::new())
    }
}
