//! Memory grows neither with the size of a file nor with their number.

use coffer_tests::coffer::utf8;
use coffer_tests::files::{assert_same_tree, write};
use coffer_tests::{Coffer, Engine, Rng, Server, rounds};
use std::io::Write as _;
use std::path::Path;

/// What is promised of either program.
const LIMIT_KIB: u64 = 100 << 10;
/// What a mixed tree may take while the rows are in another process. A tree three
/// times as large takes 10 MiB more, and the promise holds for that one too.
const MIXED_ON_MARIADB_KIB: u64 = 88 << 10;

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
    let mib = rounds("COFFER_BIG_FILE_MIB", 384);
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

#[test]
fn a_mixed_tree_needs_little_memory_on_sqlite() {
    a_mixed_tree_needs_little_memory(Engine::Sqlite);
}

#[test]
fn a_mixed_tree_needs_little_memory_on_mariadb() {
    a_mixed_tree_needs_little_memory(Engine::MariaDb);
}

/// Small files travel through SQL and bigger ones beside it, so a tree of both
/// fills every buffer of the server at the same time.
fn a_mixed_tree_needs_little_memory(engine: Engine) {
    let limit = if engine == Engine::MariaDb { MIXED_ON_MARIADB_KIB } else { LIMIT_KIB };
    let files = rounds("COFFER_MIXED_FILES", 8_000);
    let server = Server::start(engine);
    let coffer = Coffer::sign_up(&server, "ada");
    let source = coffer.path("source");
    make_mixed_tree(&source, files.into(), &mut Rng::new("mixed tree"));
    let up = peak_of(&coffer, &["--quiet", "put", utf8(&source), "/x"]);
    let after_put = server.peak_kib();
    let down = peak_of(&coffer, &["--quiet", "get", "/x", utf8(&coffer.path("target"))]);
    let at_server = server.peak_kib();
    eprintln!(
        "{engine:?}, {files} mixed files: client {up} KiB up, {down} KiB down, server {after_put} \
         KiB after the upload, {at_server} KiB in the end"
    );
    assert!(up < LIMIT_KIB && down < LIMIT_KIB, "the client: {up} KiB up, {down} KiB down");
    assert!(
        at_server < limit,
        "the server took {at_server} KiB on {engine:?}, not less than {limit}: it promises to \
         stay below {LIMIT_KIB} whatever is stored, so a buffer or a cache grows with what went \
         through it"
    );
    assert_same_tree(&source, &coffer.path("target"));
}

/// Files in the proportions of a source tree: most of them small, some of up to
/// 300 KB, a few of several MiB; about 25 to a directory.
fn make_mixed_tree(root: &Path, files: u64, rng: &mut Rng) {
    for number in 0..files {
        let largest = match number % 20 {
            0 => 300_000,
            1..=4 => 64 << 10,
            _ => 12 << 10,
        };
        let size = rng.below(largest) as usize;
        let dir = rng.below(files.div_ceil(25));
        write(&root.join(format!("{}/{dir}/{number}", dir % 16)), &rng.bytes(size));
    }
    write(&root.join("empty"), b"");
    for number in 0..4 {
        let size = (2 << 20) + rng.below(8 << 20) as usize;
        write(&root.join(format!("big/{number}")), &rng.bytes(size));
    }
}
