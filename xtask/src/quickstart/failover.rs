//! The second half of the demo: a standby joins, the primary is killed in the middle of
//! a download, reading goes on, the primary comes back, both are in step.

use super::{Demo, Server, done, run_quietly, step, utf8};
use anyhow::{Context as _, Result, bail, ensure};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time for anything that is waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// The primary is killed when so much of the download is there.
const KILL_AT: u64 = 16 << 20;

impl Demo {
    /// A standby, joined and running.
    pub(super) fn start_standby(&self) -> Result<Server> {
        step("letting a second machine join as a standby: one token, one command");
        let token = self.admin(&["replica", "token"])?;
        let token = token.lines().last().context("no token")?.trim().to_owned();
        let link = self.admin(&["link"])?;
        let data = self.standby_data();
        let listen = format!("127.0.0.1:{}", super::free_port()?);
        let joined = Command::new(&self.replica)
            .args(["join", "--standby", "--listen", &listen, "--token", &token, "--data"])
            .arg(&data)
            .arg(link.lines().last().context("no link")?.trim())
            .output()?;
        let said = String::from_utf8_lossy(&joined.stderr);
        ensure!(joined.status.success(), "join failed: {said}");
        let (child, address) = self.run_daemon(&self.replica, &data, "standby")?;
        done(&format!("it listens on {address} and copies what is there"));
        wait_for("the standby to have everything", || self.are_in_step())?;
        done("it has everything");
        Ok(Server { child, stays: false })
    }

    /// The primary dies in the middle of a download.
    pub(super) fn kill_during_download(&self, server: &mut Server, sources: &Path) -> Result<()> {
        step("killing the primary in the middle of a download");
        let target = self.dir.join("during");
        std::fs::create_dir_all(&target)?;
        let mut download = Command::new(&self.coffer)
            .args(["get", "/demo/big-random-file.bin", utf8(&target)?])
            .env("COFFER_HOME", self.dir.join("client"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let begun = Instant::now();
        let arrived = loop {
            let bytes = super::measure(&target)?.1;
            if bytes >= KILL_AT || download.try_wait()?.is_some() {
                break bytes;
            }
            ensure!(begun.elapsed() < PATIENCE, "the download does not begin");
            std::thread::sleep(LOOK);
        };
        server.child.kill()?;
        server.child.wait()?;
        done(&format!("killed when {} MiB had arrived", arrived >> 20));
        let ended = download.wait()?;
        ensure!(ended.success(), "the download did not survive: {ended}");
        let big = "big-random-file.bin";
        run_quietly("cmp", &[utf8(&sources.join(big))?, utf8(&target.join(big))?])?;
        done("the download went on from the standby, and every byte is right");
        Ok(())
    }

    /// Reading goes on without the primary; writing does not, and says so.
    pub(super) fn read_on(&self, sources: &Path) -> Result<()> {
        step("reading on from the standby");
        let listed = self.coffer(&["ls", "-l", "/demo"])?;
        ensure!(listed.contains("big-random-file.bin"), "the list is not complete");
        let readme = self.coffer(&["cat", "/demo/sources/README.md"])?;
        let original = std::fs::read_to_string(sources.join("sources/README.md"))?;
        ensure!(readme == original, "the standby shows something else");
        done("the list and a file are there");
        let refused = Command::new(&self.coffer)
            .args(["--retry-for", "1", "mkdir", "/while-the-primary-is-away"])
            .env("COFFER_HOME", self.dir.join("client"))
            .stdin(Stdio::null())
            .output()?;
        ensure!(!refused.status.success(), "something was written without the primary");
        done("writing has to wait for the primary, and says so");
        Ok(())
    }

    /// The primary comes back, and takes writes for two machines.
    pub(super) fn come_back(&self) -> Result<Server> {
        step("bringing the primary back");
        let server = self.run_server()?;
        wait_for("a write to be on two machines", || {
            let made = self.coffer(&["--json", "cp", "/demo/sources/README.md", "/after.md"])?;
            Ok(made.contains("\"machines\":2"))
        })?;
        done("writes are durable on 2 machines again");
        wait_for("both to be in step", || self.are_in_step())?;
        let position = self.position()?;
        done(&format!("both machines are at entry {position}"));
        Ok(server)
    }

    fn position(&self) -> Result<u64> {
        number(&self.admin(&["status", "--json"])?, "seq")
    }

    fn are_in_step(&self) -> Result<bool> {
        let status = Command::new(&self.replica)
            .args(["status", "--json", "--data"])
            .arg(self.standby_data())
            .output()?;
        let standby = number(&String::from_utf8_lossy(&status.stdout), "seq");
        Ok(standby.is_ok_and(|standby| self.position().is_ok_and(|here| here == standby)))
    }
}

/// A number of a JSON document.
fn number(document: &str, key: &str) -> Result<u64> {
    let document: serde_json::Value = serde_json::from_str(document)?;
    document[key].as_u64().with_context(|| format!("no {key}"))
}

fn wait_for(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > PATIENCE {
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
