//! Uploads, deletions, collection and mirroring at the same time: nothing that was
//! acknowledged and not deleted is lost or altered, and both machines end up clean.
//!
//! `COFFER_STRESS_SECONDS` says for how long.

use coffer_client::protocol::Place;
use coffer_client::protocol::message::tree::{DeleteItem, Expect};
use coffer_client::transfer::{LocalSource, Tracker, Upload};
use coffer_client::{Client, ClientOptions, Home};
use coffer_tests::coffer::utf8;
use coffer_tests::files::write;
use coffer_tests::server::Server;
use coffer_tests::{Coffer, Engine, Replica, Rng, rounds};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Users, who share contents but nothing else.
const USERS: [&str; 2] = ["ada", "bob"];
/// What each of them does at the same time.
const STREAMS: u64 = 2;
/// Contents there are: few, so that what was just deleted comes again, and more than
/// are there at a time, so that some are in no file.
const CONTENTS: u64 = 48;
/// Files of one stream that are there at a time, at most.
const MOST_FILES: usize = 4;
/// Waits for what takes seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// What one stream knows to be there: contents by path.
type Ledger = BTreeMap<String, u64>;

/// What all streams have done.
#[derive(Default)]
struct Done {
    put: AtomicU64,
    removed: AtomicU64,
    given_up: AtomicU64,
    /// Times at which there were fewer chunk files than before.
    gone: AtomicU64,
}

impl Done {
    fn tell(&self, engine: Engine) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        eprintln!(
            "{engine:?}: {} put, {} removed, {} given up; chunk files went {} times",
            count(&self.put),
            count(&self.removed),
            count(&self.given_up),
            count(&self.gone)
        );
        assert!(self.is_enough(), "too little was done to mean anything");
    }

    fn is_enough(&self) -> bool {
        self.put.load(Ordering::Relaxed) > 10 && self.gone.load(Ordering::Relaxed) > 1
    }
}

/// A content: two pieces, of which others have one, so that files have chunks in common.
fn content(number: u64, pool: &[Vec<u8>]) -> Vec<u8> {
    let one = &pool[number as usize];
    let two = &pool[((5 * number + 3) % CONTENTS) as usize];
    [one.as_slice(), two.as_slice()].concat()
}

fn configure(server: &Server) {
    let path = server.data().join("coffer.toml");
    let settings = std::fs::read_to_string(&path).expect("read");
    let more = "[retention]\ngarbage_hours = 0\n[maintenance]\njanitor_seconds = 1\n";
    std::fs::write(&path, format!("{settings}\n{more}")).expect("write");
}

fn local(coffer: &Coffer, number: u64) -> std::path::PathBuf {
    coffer.path(&format!("content-{number}"))
}

/// One stream of work of one user, in a session of its own.
struct Stream<'a> {
    client: Client,
    user: &'a Coffer,
    dir: String,
    rng: Rng,
    ledger: Ledger,
    done: &'a Done,
}

impl Stream<'_> {
    /// Does one thing; nothing of it may fail.
    async fn step(&mut self, number: u64) {
        let which = self.rng.below(self.ledger.len() as u64) as usize;
        let some = self.ledger.keys().nth(which).cloned();
        let what = if self.ledger.len() >= MOST_FILES { 0 } else { self.rng.below(8) };
        match (what, some) {
            (0 | 1, Some(path)) => {
                let place = Place::parse(&path).expect("a path");
                let item = DeleteItem { place, revision: None };
                let outcome = self.client.delete(&[item], false).await.expect("deleted");
                outcome[0].as_ref().expect("deleted");
                self.ledger.remove(&path);
                self.done.removed.fetch_add(1, Ordering::Relaxed);
            }
            // Whatever is in the trash, also of the other stream.
            (2 | 3, _) => {
                self.client.purge_all_trash().await.expect("purged");
                self.cancel_given_up().await;
            }
            (4, _) => {
                // Given up in the middle, for good.
                let wait = Duration::from_millis(self.rng.below(200));
                let name = format!("{}-{number}", self.never());
                self.put(name, Some(wait)).await;
                self.done.given_up.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                self.put(format!("file-{number}"), None).await;
                self.done.put.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Beginning of the names of what this stream gives up.
    fn never(&self) -> String {
        format!("never{}", self.dir.replace('/', "-"))
    }

    /// Lets go of what unfinished uploads of this stream hold.
    async fn cancel_given_up(&self) {
        let own = self.never();
        for pending in self.client.pending_uploads().await.expect("listed") {
            if pending.name.is_some_and(|name| name.starts_with(&own)) {
                self.client.cancel_upload(pending.upload).await.expect("cancelled");
            }
        }
    }

    /// Puts some content; gives up after a while, if that is wanted.
    async fn put(&mut self, name: String, give_up: Option<Duration>) {
        let which = self.rng.below(CONTENTS);
        let path = format!("{}/{name}", self.dir);
        let source = LocalSource { path: local(self.user, which), name: Some(name) };
        let upload = Upload {
            base: Place::parse(&self.dir).expect("a path"),
            sources: vec![source],
            follow_links: false,
            expect: Expect::Absent,
        };
        let (tracker, cancel) = (Tracker::new(), CancellationToken::new());
        let work = self.client.upload(upload, &tracker, &cancel);
        let giving_up = async {
            match give_up {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
            cancel.cancel();
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = work => report,
            () = giving_up => unreachable!("it does not end"),
        };
        assert!(report.is_complete() || give_up.is_some(), "{path}: {report:?}");
        if report.files == 1 {
            self.ledger.insert(path, which);
        }
    }
}

/// Puts and deletes until told to stop.
fn work(user: &Coffer, stream: u64, stop: &AtomicBool, done: &Done) -> Ledger {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = ClientOptions::new(Home::at(user.home()), "default");
        let client = Client::resume(&options).await.expect("signed in");
        let (dir, rng, ledger) = (format!("/s{stream}"), Rng::new("stream"), Ledger::new());
        let mut stream = Stream { client, user, dir, rng, ledger, done };
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            stream.step(number).await;
        }
        stream.ledger
    })
}

/// Everything that is known to be there is, and is right.
fn verify(coffer: &Coffer, stream: u64, ledger: &Ledger, pool: &[Vec<u8>]) {
    let target = coffer.path(&format!("verify-{stream}"));
    coffer.ok(&["-q", "get", &format!("/s{stream}"), utf8(&target)]);
    for (path, which) in ledger {
        let name = path.rsplit('/').next().expect("a name");
        let found = std::fs::read(target.join(name)).unwrap_or_else(|_| panic!("{path} is lost"));
        assert!(found == content(*which, pool), "{path} is not what was put");
    }
    std::fs::remove_dir_all(target).expect("removed");
}

fn chunk_files(data: &Path) -> usize {
    let shards = std::fs::read_dir(data.join("chunks")).expect("chunks").flatten();
    shards.map(|shard| std::fs::read_dir(shard.path()).into_iter().flatten().count()).sum()
}

/// Counts the chunk files until told to stop.
fn watch(data: &Path, stop: &AtomicBool, done: &Done) {
    let mut before = 0;
    while !stop.load(Ordering::Relaxed) {
        let now = chunk_files(data);
        done.gone.fetch_add(u64::from(now < before), Ordering::Relaxed);
        before = now;
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn stress(engine: Engine) {
    let time = Duration::from_secs(rounds("COFFER_STRESS_SECONDS", 8).into());
    let mut server = Server::init(engine, &["--signup", "open"]);
    configure(&server);
    server.run();
    let replica = Replica::start(&server, Engine::Sqlite);
    let mut rng = Rng::new("stress");
    let mut piece = || {
        let len = 300_000 + rng.below(900_000) as usize;
        rng.bytes(len)
    };
    let pool: Vec<Vec<u8>> = (0..CONTENTS).map(|_| piece()).collect();
    let users = USERS.map(|name| Coffer::sign_up(&server, name));
    for user in &users {
        for number in 0..CONTENTS {
            write(&local(user, number), &content(number, &pool));
        }
        for stream in 0..STREAMS {
            user.ok(&["mkdir", &format!("/s{stream}")]);
        }
    }
    let (stop, done) = (AtomicBool::new(false), Done::default());
    let ledgers = std::thread::scope(|scope| {
        let (stop, done, data) = (&stop, &done, server.data());
        scope.spawn(move || watch(&data, stop, done));
        let mut streams = Vec::new();
        for user in &users {
            for stream in 0..STREAMS {
                streams.push(scope.spawn(move || work(user, stream, stop, done)));
            }
        }
        let begun = Instant::now();
        // A stream that ends early has failed.
        let has_failed = || streams.iter().any(ScopedJoinHandle::is_finished);
        while begun.elapsed() < time || !done.is_enough() && begun.elapsed() < PATIENCE {
            if has_failed() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        let ledgers = streams.into_iter().map(|stream| stream.join().expect("a stream"));
        ledgers.collect::<Vec<_>>()
    });
    done.tell(engine);
    for (at, ledger) in ledgers.iter().enumerate() {
        let (user, stream) = (&users[at / STREAMS as usize], at as u64 % STREAMS);
        verify(user, stream, ledger, &pool);
    }
    replica.assert_same_as(&server);
    server.assert_check_is_clean();
    replica.assert_check_is_clean();

    // When nobody has anything, nothing is left.
    for user in &users {
        for stream in 0..STREAMS {
            user.ok(&["rm", "-r", &format!("/s{stream}")]);
        }
        user.ok(&["trash", "purge", "--all", "--yes"]);
        user.ok(&["uploads", "cancel", "--all"]);
    }
    let begun = Instant::now();
    while chunk_files(&server.data()) > 0 {
        assert!(begun.elapsed() < PATIENCE, "{} are left", chunk_files(&server.data()));
        std::thread::sleep(Duration::from_millis(100));
    }
    replica.assert_same_as(&server);
    server.assert_check_is_clean();
    replica.assert_check_is_clean();
}

#[test]
fn everything_at_once_loses_nothing_on_sqlite() {
    stress(Engine::Sqlite);
}

#[test]
fn everything_at_once_loses_nothing_on_mariadb() {
    stress(Engine::MariaDb);
}
