//! OpenSSH's sftp, and rsync over ssh: a server of one's own on loopback with
//! keys made for the occasion.

use super::{Daemon, Peer, find, free_port, wait_for};
use crate::Work;
use crate::measure::{Sample, run};
use anyhow::{Context as _, Result, bail, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What runs over the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Sftp,
    Rsync,
}

pub(super) struct Ssh {
    server: Daemon,
    way: Way,
    dir: PathBuf,
    port: u16,
}

impl Ssh {
    pub(super) fn start(storage: &Path, way: Way) -> Result<Self> {
        let dir = storage.join(if way == Way::Sftp { "sftp" } else { "rsync" });
        std::fs::create_dir_all(dir.join("files"))?;
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(dir.join(key))
                .status()?;
            ensure!(made.success(), "ssh-keygen: {made}");
        }
        std::fs::copy(dir.join("user.pub"), dir.join("authorized"))?;
        let port = free_port()?;
        let at = dir.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\n\
             PidFile {at}/pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nLogLevel ERROR\n\
             Subsystem sftp internal-sftp\n"
        );
        std::fs::write(dir.join("sshd_config"), config)?;
        // The daemon wants this directory for privilege separation.
        let _ = std::fs::create_dir_all("/run/sshd");
        let child = Command::new(find("sshd").context("sshd")?)
            .arg("-D")
            .arg("-f")
            .arg(dir.join("sshd_config"))
            .stderr(Stdio::null())
            .spawn()?;
        let server = Daemon(child);
        wait_for(port)?;
        Ok(Self { server, way, dir, port })
    }

    fn options(&self) -> Vec<String> {
        let mut all = vec!["-i".to_owned(), self.dir.join("user").display().to_string()];
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "Ciphers=aes256-gcm@openssh.com",
        ] {
            all.extend(["-o".to_owned(), option.to_owned()]);
        }
        all
    }

    fn files(&self, remote: &str) -> String {
        self.dir.join("files").join(remote).display().to_string()
    }

    fn sftp(&self, batch: &str) -> Result<Command> {
        let file = self.dir.join("batch");
        std::fs::write(&file, batch)?;
        let mut command = Command::new("sftp");
        command.arg("-q").args(self.options()).arg("-P").arg(self.port.to_string());
        command.arg("-b").arg(file).arg("127.0.0.1");
        Ok(command)
    }

    fn rsync(&self, from: &str, to: &str) -> Command {
        let mut command = Command::new("rsync");
        let shell = format!("ssh -p {} {}", self.port, self.options().join(" "));
        command.args(["-a", "-e", &shell, from, to]);
        command
    }

    fn measure(&self, command: Command) -> Result<Sample> {
        run(self.name(), command, Some(self.server.0.id()))
    }
}

impl Peer for Ssh {
    fn name(&self) -> &'static str {
        match self.way {
            Way::Sftp => "sftp",
            Way::Rsync => "rsync",
        }
    }

    fn promise(&self) -> &'static str {
        match self.way {
            Way::Sftp => {
                "not flushed, in clear at rest; its stat is `ls -1` of one file, which asks more than once"
            }
            Way::Rsync => "not flushed, in clear at rest",
        }
    }

    fn upload(&mut self, source: &Path, remote: &str) -> Result<Sample> {
        let (from, to) = (source.display().to_string(), self.files(remote));
        match self.way {
            Way::Sftp => self.measure(self.sftp(&format!("mkdir {to}\nput -r {from}/* {to}/\n"))?),
            Way::Rsync => {
                self.measure(self.rsync(&format!("{from}/"), &format!("127.0.0.1:{to}/")))
            }
        }
    }

    fn download(&mut self, remote: &str, target: &Path) -> Result<Sample> {
        let (from, to) = (self.files(remote), target.display().to_string());
        std::fs::create_dir_all(target)?;
        match self.way {
            Way::Sftp => self.measure(self.sftp(&format!("get -r {from}/* {to}/\n"))?),
            Way::Rsync => {
                self.measure(self.rsync(&format!("127.0.0.1:{from}/"), &format!("{to}/")))
            }
        }
    }

    fn small_operations(&mut self, round: usize) -> Result<Vec<Sample>> {
        if self.way == Way::Rsync {
            return Ok(Vec::new());
        }
        let base = self.files(&format!("w7-{round}"));
        let mut samples = Vec::new();
        // What an empty session costs is taken off; it is not part of the work.
        let empty = self.measure(self.sftp("pwd\n")?)?.seconds;
        for part in ["mkdir", "stat"] {
            let mut batch = String::new();
            if part == "mkdir" {
                let _ =
                    writeln!(batch, "mkdir {base}\nput {}/authorized {base}/f", self.dir.display());
            }
            for number in 0..1000 {
                let _ = match part {
                    "mkdir" => writeln!(batch, "mkdir {base}/d{number}"),
                    // The client has no plain stat; this is the nearest.
                    _ => writeln!(batch, "ls -1 {base}/f"),
                };
            }
            let sample = self.measure(self.sftp(&batch)?)?;
            let seconds = sample.seconds - empty;
            if seconds <= 0.0 {
                bail!("an empty sftp session took longer than 1,000 operations");
            }
            samples.push(Sample { work: Work::W7, part, seconds, ..sample });
        }
        Ok(samples)
    }
}
