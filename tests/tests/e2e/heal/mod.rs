//! Damage on either of two machines: found, healed from the other, and never served.

mod rows;

use coffer_tests::coffer::utf8;
use coffer_tests::{Coffer, Engine, MariaDb, Replica, Rng, Server};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Exit status of `check` and `repair` when something is damaged.
const DAMAGED: i32 = 7;
/// Rest of the reader between two reads, each of which is a process: without one it
/// takes a core away from the healing that it looks at.
const REST: Duration = Duration::from_millis(40);

/// A server and a replica with files of all kinds.
struct Scene {
    server: Server,
    replica: Replica,
    coffer: Coffer,
    /// Contents of `/big` and `/small`.
    big: Vec<u8>,
    small: Vec<u8>,
}

/// Which machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Server,
    Replica,
}

const BOTH: [Side; 2] = [Side::Server, Side::Replica];

impl Scene {
    fn new(source: Engine, target: Engine) -> Self {
        let server = Server::start(source);
        let coffer = Coffer::sign_up(&server, "ada");
        let friend = Coffer::sign_up(&server, "grace");
        let mut rng = Rng::new("heal");
        let (big, small) = (rng.bytes(200_000), rng.bytes(3000));
        coffer.write("/big", &big);
        coffer.write("/small", b"an earlier version");
        coffer.write("/small", &small);
        coffer.ok(&["mkdir", "/dir"]);
        coffer.ok(&["group", "create", "friends", "grace"]);
        coffer.ok(&["share", "/small", "grace", "read"]);
        drop(friend);
        let replica = Replica::start(&server, target);
        let scene = Self { server, replica, coffer, big, small };
        scene.in_step();
        scene
    }

    fn in_step(&self) {
        self.replica.assert_same_as(&self.server);
    }

    fn data(&self, side: Side) -> PathBuf {
        match side {
            Side::Server => self.server.data(),
            Side::Replica => self.replica.data(),
        }
    }

    fn sql(&self, side: Side, statement: &str) -> Vec<Vec<String>> {
        match side {
            Side::Server => sql(&self.server.data(), self.server.database.as_ref(), statement),
            Side::Replica => sql(&self.replica.data(), self.replica.database.as_ref(), statement),
        }
    }

    fn repair(&self, side: Side, options: &[&str]) -> Output {
        let args = [&["repair"], options].concat();
        match side {
            Side::Server => self.server.admin(&args),
            Side::Replica => self.replica.admin(&args),
        }
    }

    fn assert_repaired(&self, side: Side, what: &str) {
        let output = self.repair(side, &[]);
        let said = said(&output);
        assert!(output.status.success(), "{side:?} {what}:\n{said}");
    }

    fn assert_clean(&self) {
        self.server.assert_check_is_clean();
        self.replica.assert_check_is_clean();
        self.in_step();
    }

    /// Files of chunks, in the order of their names.
    fn chunk_files(&self, side: Side) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for shard in std::fs::read_dir(self.data(side).join("chunks")).expect("chunks") {
            for file in std::fs::read_dir(shard.expect("a directory").path()).expect("a shard") {
                files.push(file.expect("a file").path());
            }
        }
        files.sort();
        files
    }

    /// Reads both files all the while; what comes is right, or nothing comes.
    fn read_on<T>(&self, work: impl FnOnce() -> T) -> T {
        let (stop, reads, failures) =
            (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for (path, contents) in [("/big", &self.big), ("/small", &self.small)] {
                        let ran = self.coffer.run(&["cat", path]);
                        std::thread::sleep(REST);
                        match ran.code {
                            0 => assert!(ran.out == *contents, "{path} is served wrong"),
                            _ => drop(failures.fetch_add(1, Ordering::Relaxed)),
                        }
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
            // Stops the reader also when the work fails.
            let _stop = StopOnDrop(&stop);
            work()
        });
        let (reads, failures) = (reads.into_inner(), failures.into_inner());
        eprintln!("{reads} reads, {failures} of them refused");
        assert!(reads > 4);
        done
    }
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn sql(data: &Path, database: Option<&MariaDb>, statement: &str) -> Vec<Vec<String>> {
    if let Some(database) = database {
        return database.rows(statement);
    }
    let database = rusqlite::Connection::open(data.join("coffer.db")).expect("open");
    database.busy_timeout(Duration::from_secs(10)).expect("a time-out");
    let mut prepared = database.prepare(statement).expect(statement);
    let count = prepared.column_count();
    let mut rows = prepared.query([]).expect(statement);
    let mut out = Vec::new();
    while let Some(row) = rows.next().expect(statement) {
        out.push((0..count).map(|column| row.get(column).expect("text")).collect());
    }
    out
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Every region of the format of a chunk, and files that are none of it.
fn chunk_damages(good: &[u8], other: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let end = good.len();
    let mut all = vec![
        ("missing".to_owned(), None),
        ("empty".to_owned(), Some(Vec::new())),
        ("shorter".to_owned(), Some(good[..end - 1].to_vec())),
        ("half".to_owned(), Some(good[..end / 2].to_vec())),
        ("longer".to_owned(), Some([good, &[0]].concat())),
        ("swapped".to_owned(), Some(other.to_vec())),
        ("zeros".to_owned(), Some(vec![0; end])),
    ];
    // Magic, version, suite, key epoch, rest of the header; contents; tag.
    for at in [0, 1, 2, 3, 4, 7, 15, 16, end / 2, end - 33, end - 32, end - 1] {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0x20;
        all.push((format!("byte {at}"), Some(bytes)));
    }
    all
}

fn chunks_heal(source: Engine, target: Engine) {
    let scene = Scene::new(source, target);
    scene.coffer.write("/other", &Rng::new("other").bytes(150_000));
    scene.in_step();
    scene.read_on(|| {
        for side in BOTH {
            let files = scene.chunk_files(side);
            let (file, good) = files
                .iter()
                .map(|file| (file, std::fs::read(file).expect("read")))
                .find(|(_, bytes)| bytes.len() > 190_000)
                .expect("the chunk of /big");
            let other = files.iter().find(|other| *other != file).expect("another");
            let other = std::fs::read(other).expect("read");
            for (what, damage) in chunk_damages(&good, &other) {
                match damage {
                    Some(bytes) => std::fs::write(file, bytes).expect("write"),
                    None => std::fs::remove_file(file).expect("remove"),
                }
                // Reading is enough to have it healed at the source.
                if side == Side::Server {
                    wait_until(&what, || scene.coffer.run(&["cat", "/big"]).code == 0);
                }
                scene.assert_repaired(side, &what);
                assert!(std::fs::read(file).expect("read") == good, "{side:?} {what}");
            }
        }
    });
    scene.assert_clean();
    let kept = std::fs::read_dir(scene.data(Side::Replica).join("quarantine")).expect("list");
    assert!(kept.count() > 3, "damaged files are kept");
}

#[test]
fn every_part_of_a_chunk_is_healed_on_sqlite() {
    chunks_heal(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn every_part_of_a_chunk_is_healed_across_engines() {
    chunks_heal(Engine::MariaDb, Engine::Sqlite);
}

#[test]
fn what_is_damaged_on_both_is_named_and_nothing_is_deleted() {
    let scene = Scene::new(Engine::Sqlite, Engine::Sqlite);
    let mut found = None;
    for side in BOTH {
        for file in scene.chunk_files(side) {
            let mut bytes = std::fs::read(&file).expect("read");
            if bytes.len() > 190_000 {
                bytes[1000] ^= 1;
                std::fs::write(&file, bytes).expect("write");
                found = file.file_name().map(|name| name.to_string_lossy().into_owned());
            }
        }
    }
    let name = found.expect("the chunk of /big");
    for side in BOTH {
        let output = scene.repair(side, &[]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(DAMAGED), "{side:?} {text}");
        let affected = text.lines().find(|line| line.starts_with("content-unreadable: version "));
        assert!(affected.is_some_and(|line| line.contains("(owner ")), "{side:?} {text}");
        let file = scene.data(side).join("chunks").join(&name[..2]).join(&name);
        assert!(file.exists(), "nothing is deleted");
        let kept = scene.data(side).join("quarantine").join(format!("{name}.0"));
        assert!(kept.exists(), "and it is kept as evidence");
    }
    // The owner is told which of the files it is.
    let target = scene.coffer.path("back");
    for args in [&["cat", "/big"][..], &["get", "/big", utf8(&target)]] {
        let refused = scene.coffer.run(args);
        assert_eq!(refused.code, 7, "{args:?}: {}", refused.err);
        assert!(refused.err.contains("/big"), "{args:?}: {}", refused.err);
        assert!(refused.err.contains("[integrity]"), "{args:?}: {}", refused.err);
    }
    assert!(!target.exists(), "nothing wrong is left behind");
    let stat = scene.coffer.json(&["stat", "/big"]);
    assert_eq!(stat["size"], scene.big.len(), "it is still there: {stat}");
    assert_eq!(scene.coffer.cat("/small"), scene.small, "its neighbours are served");
    // Who has the contents brings them again.
    let local = scene.coffer.path("big");
    std::fs::write(&local, &scene.big).expect("write");
    scene.coffer.ok(&["put", utf8(&local), "/again"]);
    for side in [Side::Server, Side::Replica] {
        scene.assert_repaired(side, "after the upload");
    }
    assert_eq!(scene.coffer.cat("/big"), scene.big);
    scene.assert_clean();
}

#[test]
fn very_much_damage_needs_the_operator() {
    let mut scene = Scene::new(Engine::Sqlite, Engine::Sqlite);
    let tree = scene.coffer.path("many");
    std::fs::create_dir(&tree).expect("create");
    let mut rng = Rng::new("many");
    for number in 0..130 {
        std::fs::write(tree.join(number.to_string()), rng.bytes(66_000)).expect("write");
    }
    scene.coffer.ok(&["put", utf8(&tree), "/many"]);
    scene.in_step();
    for file in scene.chunk_files(Side::Replica) {
        std::fs::write(file, b"lost").expect("write");
    }
    let output = scene.repair(Side::Replica, &[]);
    assert_eq!(output.status.code(), Some(DAMAGED), "{}", said(&output));
    assert!(said(&output).contains("--accept-many"), "{}", said(&output));
    // Also after a restart.
    scene.replica.kill();
    scene.replica.run();
    let output = scene.repair(Side::Replica, &["--quick"]);
    assert_eq!(output.status.code(), Some(DAMAGED), "{}", said(&output));
    let output = scene.repair(Side::Replica, &["--accept-many"]);
    assert!(output.status.success(), "{}", said(&output));
    scene.assert_clean();
}

/// The only machine that could heal them is one of which they speak.
#[test]
fn a_replica_is_let_in_while_the_rows_about_it_are_damaged() {
    let mut scene = Scene::new(Engine::Sqlite, Engine::Sqlite);
    // Its list is the setting `replicas`, its record `replica/ID`.
    let connected = |scene: &Scene| scene.replica.status()["connected"] == true;
    let damages = [
        "UPDATE settings SET name=X'FFFFFF' WHERE name=X'7265706C69636173'",
        "UPDATE settings SET name=X'7265706C69636173' WHERE name=X'FFFFFF'",
        "UPDATE settings SET value=X'010203' WHERE name=X'7265706C69636173'",
        "UPDATE settings SET value=X'010203' WHERE SUBSTR(name,1,8)=X'7265706C6963612F'",
    ];
    for damage in damages {
        scene.sql(Side::Server, damage);
        // The server looks every second whether a command has removed the replica.
        std::thread::sleep(Duration::from_millis(2500));
        assert!(connected(&scene), "{damage}");
        scene.replica.kill();
        scene.replica.run();
        wait_until(damage, || connected(&scene));
    }
    scene.assert_repaired(Side::Server, "all that was known of the replica");
    scene.assert_clean();
    // What a command removes is gone.
    let id = scene.replica.status()["replica"].as_str().expect("an id").to_owned();
    assert!(scene.server.admin(&["replica", "remove", &id]).status.success());
    wait_until("removed", || !connected(&scene));
    scene.replica.kill();
    scene.replica.run();
    std::thread::sleep(Duration::from_secs(1));
    assert!(!connected(&scene));
}

fn entries_heal(source: Engine, target: Engine) {
    let mut scene = Scene::new(source, target);
    for side in BOTH {
        scene.sql(side, "UPDATE journal SET body=X'00', hash=result WHERE seq=3");
        scene.sql(side, "DELETE FROM journal WHERE seq IN (5,6)");
        scene.assert_repaired(side, "entries");
    }
    scene.assert_clean();
    let not_running = scene.repair(Side::Server, &["--quick"]);
    assert!(not_running.status.success(), "{}", said(&not_running));
    // The replica is not there: it heals itself.
    scene.replica.kill();
    for file in scene.chunk_files(Side::Replica) {
        std::fs::write(file, b"lost").expect("write");
    }
    scene.sql(Side::Replica, "UPDATE nodes SET fold_tag=X'00', name_ct=X'01'");
    scene.assert_repaired(Side::Replica, "alone");
    scene.replica.run();
    scene.assert_clean();
    // The server is not there: nobody can help it, and it says so.
    scene.server.kill();
    let output = scene.repair(Side::Server, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let output = scene.repair(Side::Replica, &[]);
    assert!(output.status.success(), "nothing is damaged: {}", said(&output));
    scene.server.run();
    wait_until("following again", || scene.replica.status()["connected"] == true);
    scene.assert_clean();
}

#[test]
fn entries_are_healed_and_a_repair_works_without_the_daemon() {
    entries_heal(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn entries_are_healed_across_engines() {
    entries_heal(Engine::MariaDb, Engine::MariaDb);
}
