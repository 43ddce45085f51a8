//! Coffer itself: the built programs, as a user runs them.

use super::{Daemon, Peer, free_port, wait_for};
use crate::Work;
use crate::measure::{Sample, peak_mib, run};
use anyhow::{Context as _, Result, ensure};
use coffer_client::{Client, ClientOptions, Home};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Operations of each kind in W7.
const OPERATIONS: usize = 1000;

pub(super) struct Coffer {
    server: Daemon,
    home: PathBuf,
    program: PathBuf,
}

impl Coffer {
    pub(super) fn start(storage: &Path) -> Result<Self> {
        let beside = std::env::current_exe()?;
        let beside = beside.parent().context("no directory")?;
        let (daemon, program) = (beside.join("coffer-server"), beside.join("coffer"));
        let dir = storage.join("coffer");
        std::fs::create_dir_all(&dir)?;
        let data = dir.join("data");
        let port = free_port()?;
        let admin = |args: &[&str]| -> Result<String> {
            let output = Command::new(&daemon).args(args).arg("--data").arg(&data).output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        admin(&["init", "--signup", "open", "--listen", &format!("127.0.0.1:{port}")])?;
        let child = Command::new(&daemon)
            .args(["run", "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.join("log"))?)
            .spawn()?;
        let server = Daemon(child);
        wait_for(port)?;
        let link = admin(&["link"])?;
        let link = link.lines().last().context("no link")?.trim().to_owned();
        std::fs::write(dir.join("password"), "plum-Harbour-92-violet")?;
        let coffer = Self { server, home: dir.join("home"), program };
        let status = coffer
            .command(&["signup", &link, "--user", "bench", "--password-file"])
            .arg(dir.join("password"))
            .arg("--recovery-file")
            .arg(dir.join("recovery"))
            .status()?;
        ensure!(status.success(), "signup: {status}");
        Ok(coffer)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--quiet").args(args).env("COFFER_HOME", &self.home);
        command
    }

    fn measure(&self, command: Command) -> Result<Sample> {
        run("coffer", command, Some(self.server.0.id()))
    }

    fn operations(&self, part: &'static str, seconds: f64) -> Sample {
        Sample {
            peer: "coffer",
            work: Work::W7,
            part,
            seconds,
            client_cpu: 0.0,
            server_cpu: 0.0,
            client_mib: 0,
            server_mib: peak_mib(self.server.0.id()).unwrap_or(0),
        }
    }
}

impl Peer for Coffer {
    fn name(&self) -> &'static str {
        "coffer"
    }

    fn promise(&self) -> &'static str {
        "flushed to the disk, encrypted at rest (names too), hashed by both sides"
    }

    fn upload(&mut self, source: &Path, remote: &str) -> Result<Sample> {
        let mut command = self.command(&["put"]);
        command.arg(source).arg(format!("/{remote}"));
        self.measure(command)
    }

    fn download(&mut self, remote: &str, target: &Path) -> Result<Sample> {
        let mut command = self.command(&["get", &format!("/{remote}")]);
        command.arg(target);
        self.measure(command)
    }

    fn small_operations(&mut self, round: usize) -> Result<Vec<Sample>> {
        let runtime = tokio::runtime::Runtime::new()?;
        let options = ClientOptions::new(Home::at(&self.home), "default");
        let (mkdir, stat) = runtime.block_on(async {
            let client = Client::resume(&options).await?;
            let base = format!("/w7-{round}");
            client.mkdir(base.as_str(), false).await?;
            let start = Instant::now();
            for number in 0..OPERATIONS {
                client.mkdir(format!("{base}/d{number}").as_str(), false).await?;
            }
            let mkdir = start.elapsed().as_secs_f64();
            let start = Instant::now();
            for number in 0..OPERATIONS {
                client.stat(format!("{base}/d{number}").as_str()).await?;
            }
            anyhow::Ok((mkdir, start.elapsed().as_secs_f64()))
        })?;
        Ok(vec![self.operations("mkdir", mkdir), self.operations("stat", stat)])
    }
}
