//! restic, with `rclone serve restic` on loopback as its server (plain HTTP).

use super::{Daemon, Peer, free_port, wait_for};
use crate::measure::{Sample, run};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) struct Restic {
    server: Daemon,
    dir: PathBuf,
    port: u16,
}

impl Restic {
    pub(super) fn start(storage: &Path) -> Result<Self> {
        let dir = storage.join("restic");
        std::fs::create_dir_all(dir.join("files"))?;
        let port = free_port()?;
        let child = Command::new("rclone")
            .args(["serve", "restic", "--addr", &format!("127.0.0.1:{port}")])
            .arg(dir.join("files"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Daemon(child);
        wait_for(port)?;
        Ok(Self { server, dir, port })
    }

    fn command(&self, remote: &str, args: &[&str]) -> Command {
        let mut command = Command::new("restic");
        command
            .args([
                "--no-cache",
                "-q",
                "-r",
                &format!("rest:http://127.0.0.1:{}/{remote}", self.port),
            ])
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
        "not flushed by this server, encrypted by the client, plain HTTP; set-up of the repository is not counted"
    }

    fn upload(&mut self, source: &Path, remote: &str) -> Result<Sample> {
        let made = self.command(remote, &["init"]).stdout(Stdio::null()).status()?;
        ensure!(made.success(), "restic init: {made}");
        let mut command = self.command(remote, &["backup", "."]);
        command.current_dir(source);
        run("restic", command, Some(self.server.0.id()))
    }

    fn download(&mut self, remote: &str, target: &Path) -> Result<Sample> {
        std::fs::create_dir_all(target)?;
        let mut command = self.command(remote, &["restore", "latest", "--target"]);
        command.arg(target);
        run("restic", command, Some(self.server.0.id()))
    }

    fn small_operations(&mut self, _round: usize) -> Result<Vec<Sample>> {
        Ok(Vec::new())
    }
}
