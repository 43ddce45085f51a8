//! Time, processor time and memory of a command and of the server it talks to.

use crate::Work;
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One measurement.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Who did it.
    pub(crate) peer: &'static str,
    /// What was done.
    pub(crate) work: Work,
    /// Which part of the work, where it has parts.
    pub(crate) part: &'static str,
    /// Wall-clock seconds.
    pub(crate) seconds: f64,
    /// Processor seconds of the client.
    pub(crate) client_cpu: f64,
    /// Processor seconds of the server.
    pub(crate) server_cpu: f64,
    /// Peak resident memory of the client, in MiB.
    pub(crate) client_mib: u64,
    /// Peak resident memory of the server so far, in MiB.
    pub(crate) server_mib: u64,
}

/// Runs a client to its end against a server process.
pub(crate) fn run(peer: &'static str, mut command: Command, server: Option<u32>) -> Result<Sample> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let server_before = server.map_or(0.0, |pid| cpu_seconds(pid).unwrap_or(0.0));
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let (seconds, client_cpu, client_mib) = watch(&mut child, start)?;
    let status = child.wait()?;
    ensure!(status.success(), "{command:?}: {status}");
    let server_after = server.map_or(0.0, |pid| cpu_seconds(pid).unwrap_or(0.0));
    Ok(Sample {
        peer,
        work: Work::W1,
        part: "",
        seconds,
        client_cpu,
        server_cpu: server_after - server_before,
        client_mib,
        server_mib: server.map_or(0, |pid| peak_mib(pid).unwrap_or(0)),
    })
}

/// Waits for the end without reaping, so that the accounts can still be read.
fn watch(child: &mut Child, start: Instant) -> Result<(f64, f64, u64)> {
    let pid = child.id();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let memory = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(peak_mib(pid).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(10));
            }
            peak
        });
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let waited = waitid(WaitId::Pid(Pid::from_child(child)), options);
        let seconds = start.elapsed().as_secs_f64();
        let cpu = cpu_seconds(pid).unwrap_or(0.0);
        ended.store(true, Ordering::Relaxed);
        waited.context("wait")?;
        let peak = memory.join().ok().context("the thread that watches memory")?;
        Ok((seconds, cpu, peak))
    })
}

/// Processor time of a process and of its children that have ended, in seconds.
fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; the fields behind it do not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Peak resident memory of a running process, in MiB.
pub(crate) fn peak_mib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib >> 10)
}
