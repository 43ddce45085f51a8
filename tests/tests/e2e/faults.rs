//! Injected faults of the operating system: the n-th write, flush or rename of
//! the server fails. Nothing is acknowledged that is not durable, the server
//! stops or refuses with the reason, and a restart finds everything that was
//! acknowledged.

use coffer_tests::{Coffer, Engine, Rng, Server, rounds};

/// System calls that carry data to the disk, with the errors a disk gives, and
/// how many of them one thread makes at least (`strace` counts each by itself).
const FAULTS: [(&str, &str, u64); 7] = [
    ("pwrite64", "ENOSPC", 20),
    ("pwrite64", "EIO", 20),
    ("write", "ENOSPC", 20),
    ("fsync,fdatasync", "EIO", 20),
    ("syncfs", "EIO", 4),
    ("rename,renameat,renameat2", "EIO", 4),
    ("rename,renameat,renameat2", "ENOSPC", 4),
];

/// The same for a server whose rows are in another process, which is spared:
/// the calls that make chunk files durable.
const FAULTS_BESIDE_A_DATABASE: [(&str, &str, u64); 4] = [
    ("fsync,fdatasync", "EIO", 6),
    ("syncfs", "EIO", 4),
    ("rename,renameat,renameat2", "EIO", 4),
    ("rename,renameat,renameat2", "ENOSPC", 4),
];

/// One fault: these calls give this error, the `when`-th time.
#[derive(Debug)]
struct Fault {
    calls: &'static str,
    error: &'static str,
    when: u32,
}

/// Runs the load against a server of which one system call fails. Whether
/// anybody noticed: a load may end before the call comes.
fn one_fault(server: &mut Server, coffer: &Coffer, fault: &Fault, rng: &mut Rng) -> bool {
    let Fault { calls, error, when } = fault;
    let inject = format!("inject={calls}:error={error}:when={when}");
    let words = ["strace", "-f", "--seccomp-bpf", "-q", "-o", "/dev/null", "-e", &inject];
    server.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
    let mut acknowledged = Vec::new();
    let mut noticed = true;
    if server.try_run() {
        noticed = false;
        for len in [1_000, 200_000, 5_000_000].into_iter().cycle().take(15) {
            let path = format!("/f-{:x}", rng.number());
            let bytes = rng.bytes(len);
            let ran = coffer.run_with_input(&["--retry-for", "0", "write", &path], &bytes);
            if ran.code == 0 {
                acknowledged.push((path, bytes));
                continue;
            }
            noticed = true;
            assert!(ran.err.contains("error:"), "{}", ran.err);
        }
    }
    // Stopping strace would leave the server running: end the server itself. It may
    // be in the middle of a flush, which ends first; strace goes when it has gone.
    end_children(server.pid());
    server.wait();
    server.wrapper.clear();
    server.run();
    for (path, bytes) in acknowledged {
        assert!(coffer.cat(&path) == bytes, "{calls} {error} when={when}: {path} is lost");
    }
    let check = server.admin(&["check"]);
    let report = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success(), "{calls} {error} when={when}: {report}");
    server.kill();
    eprintln!("{calls} {error} when={when}: noticed: {noticed}");
    noticed
}

fn end_children(pid: u32) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        let _ = std::process::Command::new("kill").args(["-9", child]).status();
    }
}

#[test]
fn a_failing_disk_never_loses_what_was_acknowledged() {
    inject_all(Engine::Sqlite, &FAULTS, 4);
}

#[test]
fn a_failing_disk_never_loses_what_was_acknowledged_beside_a_database() {
    inject_all(Engine::MariaDb, &FAULTS_BESIDE_A_DATABASE, 3);
}

fn inject_all(engine: Engine, faults: &[(&'static str, &'static str, u64)], default: u32) {
    let mut server = Server::start(engine);
    let coffer = Coffer::sign_up(&server, "ada");
    server.stop();
    let mut rng = Rng::new("faults");
    // All of 1 to 50 for each fault when asked; a sample of them otherwise.
    let each = rounds("COFFER_FAULTS_EACH", default);
    for &(calls, error, made) in faults {
        let mut noticed = 0;
        for round in 0..each {
            // The very first call surely comes.
            let sample = if round == 0 { 1 } else { 1 + rng.below(made) as u32 };
            let when = if each >= 50 { round + 1 } else { sample };
            let fault = Fault { calls, error, when };
            noticed += u32::from(one_fault(&mut server, &coffer, &fault, &mut rng));
        }
        assert!(noticed > 0, "{calls} {error}: none of {each} faults was noticed");
    }
}
