//! Memory grows neither with the size of a file nor with their number.

use coffer_tests::coffer::utf8;
use coffer_tests::files::assert_same_tree;
use coffer_tests::{Coffer, Engine, Rng, Server, rounds};
use std::io::Write as _;

const LIMIT_KIB: u64 = 100 << 10;

/// Runs a command to its end and returns its peak memory in KiB, as the kernel
/// last showed it before the end.
fn peak_of(coffer: &Coffer, args: &[&str]) -> u64 {
    let mut child = coffer.command(args).spawn().expect("coffer");
    let mut peak = 0;
    loop {
        peak = peak.max(peak_kib(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("wait") {
            assert!(status.success(), "{args:?}: {status}");
            return peak;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_big_file_needs_little_memory_on_sqlite() {
    a_big_file_needs_little_memory(Engine::Sqlite);
}

#[test]
fn a_big_file_needs_little_memory_on_mariadb() {
    a_big_file_needs_little_memory(Engine::MariaDb);
}

fn a_big_file_needs_little_memory(engine: Engine) {
    let mib = rounds("COFFER_BIG_FILE_MIB", 1024);
    let server = Server::start(engine);
    let coffer = Coffer::sign_up(&server, "ada");
    let source = coffer.path("source");
    std::fs::create_dir(&source).expect("create");
    let mut rng = Rng::new("big file");
    let mut file = std::fs::File::create(source.join("big")).expect("create");
    for _ in 0..mib {
        file.write_all(&rng.bytes(1 << 20)).expect("write");
    }
    let up = peak_of(&coffer, &["--quiet", "put", utf8(&source), "/b"]);
    let down = peak_of(&coffer, &["--quiet", "get", "/b", utf8(&coffer.path("target"))]);
    let at_server = server.peak_kib();
    eprintln!("{engine:?}, {mib} MiB: client {up} KiB up, {down} KiB down, server {at_server} KiB");
    assert!(up < LIMIT_KIB && down < LIMIT_KIB && at_server < LIMIT_KIB);
    assert_same_tree(&source, &coffer.path("target"));
}

#[test]
fn many_files_need_little_memory() {
    let files = rounds("COFFER_MANY_FILES", 20_000);
    let server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let source = coffer.path("source");
    for number in 0..files {
        let dir = source.join(format!("{}", number / 1000));
        std::fs::create_dir_all(&dir).expect("create");
        std::fs::write(dir.join(format!("{number}")), number.to_string()).expect("write");
    }
    let up = peak_of(&coffer, &["--quiet", "put", utf8(&source), "/m"]);
    let down = peak_of(&coffer, &["--quiet", "get", "/m", utf8(&coffer.path("target"))]);
    let at_server = server.peak_kib();
    eprintln!("{files} files: client {up} KiB up, {down} KiB down, server {at_server} KiB");
    assert!(up < LIMIT_KIB && down < LIMIT_KIB && at_server < LIMIT_KIB);
    assert_same_tree(&source, &coffer.path("target"));
}
