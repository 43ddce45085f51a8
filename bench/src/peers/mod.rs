//! Who is measured: each starts its own server on loopback and stops it again.

mod coffer;
mod restic;
mod ssh;

use crate::measure::Sample;
use anyhow::{Result, bail};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// A file server and its client.
pub(crate) trait Peer {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// What is true when it says that an upload is done.
    fn promise(&self) -> &'static str;
    /// Uploads a directory under a new name.
    fn upload(&mut self, source: &Path, remote: &str) -> Result<Sample>;
    /// Downloads it into a directory that is not there yet.
    fn download(&mut self, remote: &str, target: &Path) -> Result<Sample>;
    /// 1,000 small operations of each kind on one connection.
    fn small_operations(&mut self, round: usize) -> Result<Vec<Sample>>;
}

/// Every peer that is installed; Coffer first.
pub(crate) fn all(storage: &Path) -> Result<Vec<Box<dyn Peer>>> {
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(coffer::Coffer::start(storage)?)];
    if find("sshd").is_some() && find("sftp").is_some() {
        peers.push(Box::new(ssh::Ssh::start(storage, ssh::Way::Sftp)?));
        if find("rsync").is_some() {
            peers.push(Box::new(ssh::Ssh::start(storage, ssh::Way::Rsync)?));
        }
    }
    if find("restic").is_some() {
        peers.push(Box::new(restic::Restic::start(storage)?));
    }
    Ok(peers)
}

/// Where a program is installed.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

/// A server process, ended when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until something listens.
fn wait_for(port: u16) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            bail!("nothing listens on port {port}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
