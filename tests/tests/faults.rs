//! Injected faults of the operating system: the n-th write, flush or rename of
//! the server fails. Nothing is acknowledged that is not durable, the server
//! stops or refuses with the reason, and a restart finds everything that was
//! acknowledged.

#![cfg(target_os = "linux")]

use coffer_tests::{Coffer, Engine, Rng, Server, rounds};
use std::time::Duration;

/// System calls that carry data to the disk, with the errors a disk gives.
const FAULTS: [(&str, &str); 7] = [
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("write", "ENOSPC"),
    ("fsync,fdatasync", "EIO"),
    ("syncfs", "EIO"),
    ("rename,renameat,renameat2", "EIO"),
    ("rename,renameat,renameat2", "ENOSPC"),
];

/// Runs the load against a server of which one system call fails.
fn one_fault(server: &mut Server, coffer: &Coffer, calls: &str, error: &str, when: u32, n: u32) {
    let inject = format!("inject={calls}:error={error}:when={when}");
    // Only calls on files of the data directory: sockets and the log are not disks.
    let data = server.data();
    let words = ["strace", "-f", "-q", "-o", "/dev/null", "-e", &inject, "-P"];
    server.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
    let mut watched = vec![data.join("coffer.db"), data.join("coffer.db-wal"), data.join("tmp")];
    watched.push(data.clone());
    let mut paths = watched.iter().map(|path| path.display().to_string());
    server.wrapper.push(paths.next().expect("a path"));
    for path in paths {
        server.wrapper.extend(["-P".to_owned(), path]);
    }
    if calls == "write" {
        // Chunk files have random names; take every write instead of a path.
        server.wrapper.truncate(7);
    }
    let mut acknowledged = Vec::new();
    if server.try_run() {
        for file in 0..6 {
            let path = format!("/f-{n}-{file}");
            let bytes = Rng::new(&path).bytes(if file % 2 == 0 { 1_000 } else { 200_000 });
            let ran = coffer.run_with_input(&["write", &path], &bytes);
            match ran.code {
                0 => acknowledged.push((path, bytes)),
                _ => assert!(ran.err.contains("error:"), "{}", ran.err),
            }
        }
    }
    // Stopping strace would leave the server running: end the server itself.
    end_children(server.pid());
    std::thread::sleep(Duration::from_millis(50));
    server.kill();
    server.wrapper.clear();
    server.run();
    for (path, bytes) in acknowledged {
        assert!(coffer.cat(&path) == bytes, "{calls} {error} when={when}: {path} is lost");
    }
    let check = server.admin(&["check"]);
    let report = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success(), "{calls} {error} when={when}: {report}");
    server.kill();
}

fn end_children(pid: u32) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        let _ = std::process::Command::new("kill").args(["-9", child]).status();
    }
}

#[test]
fn a_failing_disk_never_loses_what_was_acknowledged() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    server.stop();
    let mut rng = Rng::new("faults");
    // All of 1 to 50 for each fault when asked; a sample of them otherwise.
    let each = rounds("COFFER_FAULTS_EACH", 4);
    let mut n = 0;
    for (calls, error) in FAULTS {
        for round in 0..each {
            let when = if each >= 50 { round + 1 } else { 1 + rng.below(50) as u32 };
            n += 1;
            one_fault(&mut server, &coffer, calls, error, when, n);
        }
    }
}
