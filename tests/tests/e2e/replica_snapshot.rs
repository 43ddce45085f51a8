//! A replica that begins long after the source has forgotten its first entries, or
//! comes back too late for the journal.

use coffer_protocol::{NodeId, Position, UserId};
use coffer_store::{Change, Commit, Environment, KIND_DIRECTORY, NodeRow, Store, StoreConfig};
use coffer_tests::coffer::utf8;
use coffer_tests::files::make_tree;
use coffer_tests::replica::server_seq;
use coffer_tests::{Coffer, Engine, MariaDb, Replica, Rng, Server, rounds};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs something on the store of a data directory, beside the program that has it.
fn beside<T>(data: &Path, database: Option<&MariaDb>, work: impl AsyncFnOnce(&Store) -> T) -> T {
    let mut config = StoreConfig::new(data);
    if let Some(database) = database {
        config.database = database.url().parse().expect("a URL");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let store = Store::open_admin(config, Environment::system()).await.expect("opens");
        let done = work(&store).await;
        store.shutdown().await.expect("closes");
        done
    })
}

/// Makes a server forget its journal but for the last entry.
fn forget(server: &Server) {
    beside(&server.data(), server.database.as_ref(), async |store| {
        while store.prune_journal(i64::MAX).await.expect("prunes") > 0 {}
    });
}

/// Where a machine stands and the hash of everything there; `None` while it is
/// loaded.
fn state(data: &Path, database: Option<&MariaDb>) -> Option<(Position, [u8; 32])> {
    beside(data, database, async |store| store.state_root().await.ok())
}

/// Asserts that both have the same rows, once the replica has caught up. What is kept
/// of the journal differs, and the server's upkeep may write.
fn assert_same_state(server: &Server, replica: &Replica) {
    for attempt in 0.. {
        replica.catch_up(server);
        let theirs = state(&server.data(), server.database.as_ref());
        let ours = state(&replica.data(), replica.database.as_ref());
        if theirs.is_some() && theirs == ours {
            return;
        }
        assert!(attempt < 20, "{theirs:?} {ours:?}\n{}", replica.log());
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// A server with a tree whose journal does not reach back to the beginning.
fn old_server(engine: Engine) -> (Server, Coffer) {
    let server = Server::start(engine);
    let coffer = Coffer::sign_up(&server, "ada");
    let tree = coffer.path("tree");
    make_tree(&tree, &mut Rng::new("snapshot"));
    coffer.ok(&["put", utf8(&tree), "/before"]);
    coffer.ok(&["rm", "-r", "/before/many/d1"]);
    forget(&server);
    (server, coffer)
}

fn join_late(source: Engine, target: Engine, options: &[&str]) {
    let (mut server, coffer) = old_server(source);
    let mut replica = Replica::join(&server, target, options);
    replica.run();
    assert_same_state(&server, &replica);
    assert!(replica.log().contains("loading"), "{}", replica.log());
    // The note that the status is read from may be a moment old.
    let begun = Instant::now();
    while !replica.status()["filling"].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", replica.status());
        std::thread::sleep(Duration::from_millis(50));
    }
    // From there on it follows.
    coffer.ok(&["mv", "/before/names", "/names"]);
    coffer.ok(&["trash", "purge", "--all", "--yes"]);
    coffer.write("/after", b"after");
    assert_same_state(&server, &replica);
    replica.assert_check_is_clean();
    assert_eq!(replica.stop(), Some(0));
    assert!(!replica.data().join("refill").exists());
    replica.assert_check_is_clean();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_replica_joins_long_after_the_journal_was_pruned_on_sqlite() {
    join_late(Engine::Sqlite, Engine::Sqlite, &["--standby"]);
}

#[test]
fn a_keyless_replica_joins_late_from_mariadb_on_sqlite() {
    join_late(Engine::MariaDb, Engine::Sqlite, &[]);
}

#[test]
fn a_replica_joins_late_from_sqlite_on_mariadb() {
    join_late(Engine::Sqlite, Engine::MariaDb, &[]);
}

/// Both sides die again and again while the replica is filled; in the end it has
/// everything.
fn die_while_filling(server: &mut Server, replica: &mut Replica, rng: &mut Rng) {
    let mut seen = 0;
    for _ in 0..rounds("COFFER_SNAPSHOT_ROUNDS", 8) {
        replica.run();
        let end = Instant::now() + Duration::from_millis(30 + rng.below(400));
        while Instant::now() < end {
            seen += u32::from(!replica.status()["filling"].is_null());
        }
        if rng.below(3) == 0 {
            server.kill();
            server.run();
        }
        replica.kill();
    }
    eprintln!("the filling was seen {seen} times");
    replica.run();
    assert_same_state(server, replica);
    replica.assert_check_is_clean();
    assert!(!replica.data().join("refill").exists());
}

#[test]
fn kill_9_of_either_side_while_loading_is_survived() {
    let mut rng = Rng::new("kill while loading");
    let (mut server, coffer) = old_server(Engine::Sqlite);
    let large = coffer.path("large");
    coffer_tests::files::write(&large, &rng.bytes(60 << 20));
    coffer.ok(&["put", utf8(&large), "/large"]);
    forget(&server);
    let mut replica = Replica::join(&server, Engine::Sqlite, &[]);
    die_while_filling(&mut server, &mut replica, &mut rng);
}

/// A replica that was away for so long that its entries are gone, and whose rows were
/// damaged besides.
fn come_back_late(source: Engine, target: Engine) {
    let mut rng = Rng::new("come back late");
    let mut server = Server::start(source);
    let coffer = Coffer::sign_up(&server, "ada");
    let tree = coffer.path("tree");
    make_tree(&tree, &mut rng);
    coffer.ok(&["put", utf8(&tree), "/first"]);
    let mut replica = Replica::start(&server, target);
    replica.assert_same_as(&server);
    assert_eq!(replica.stop(), Some(0));
    let before = state(&replica.data(), replica.database.as_ref()).expect("it has rows");
    coffer.ok(&["rm", "-r", "/first/many"]);
    coffer.ok(&["trash", "purge", "--all", "--yes"]);
    let large = coffer.path("large");
    coffer_tests::files::write(&large, &rng.bytes(30 << 20));
    coffer.ok(&["put", utf8(&large), "/large"]);
    coffer.ok(&["mv", "/first/names", "/names"]);
    forget(&server);
    // It keeps what it had until it has everything.
    let path = replica.data().join("coffer.db");
    if target == Engine::Sqlite {
        let database = rusqlite::Connection::open(path).expect("open");
        let damage =
            "UPDATE versions SET size=size+1 WHERE node IN (SELECT node FROM versions LIMIT 3)";
        assert!(database.execute(damage, []).expect("sql") > 0);
    }
    server.kill();
    replica.run();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(replica.seq(), before.0.seq);
    replica.kill();
    server.run();
    die_while_filling(&mut server, &mut replica, &mut rng);
    assert!(replica.log().contains("resynchronising"), "{}", replica.log());
    coffer.write("/after", b"after");
    assert_same_state(&server, &replica);
    let machines = coffer.json(&["status"])["machines"].as_u64();
    assert_eq!(machines, Some(2));
}

#[test]
fn a_replica_that_comes_back_late_is_resynchronised_on_sqlite() {
    come_back_late(Engine::Sqlite, Engine::Sqlite);
}

#[test]
fn a_replica_that_comes_back_late_is_resynchronised_across_engines() {
    come_back_late(Engine::Sqlite, Engine::MariaDb);
}

#[test]
fn what_a_command_commits_beside_a_mariadb_server_arrives() {
    let server = Server::start(Engine::MariaDb);
    let replica = Replica::start(&server, Engine::Sqlite);
    replica.catch_up(&server);
    // A token is a commit of a command, which no writer of the server answers for.
    server.admin_ok(&["replica", "token"]);
    replica.assert_same_as(&server);
}

/// Appends entries to a server that does not run: a directory each.
fn append(server: &Server, count: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let config = StoreConfig::new(server.data());
    runtime.expect("a runtime").block_on(async {
        let store = Store::open(config, Environment::system()).await.expect("opens");
        let mut tasks = tokio::task::JoinSet::new();
        for worker in 0..256_u64 {
            let store = store.clone();
            tasks.spawn(async move {
                for number in
                    (u64::from(count) * worker / 256)..(u64::from(count) * (worker + 1) / 256)
                {
                    let changes = vec![Change::PutNode(directory(number))];
                    store.commit(Commit { changes, ..Commit::default() }).await.expect("commits");
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
        store.shutdown().await.expect("closes");
    });
}

/// A directory with an id and a name that are as random as real ones.
fn directory(number: u64) -> NodeRow {
    let tag = *blake3::hash(&number.to_be_bytes()).as_bytes();
    let mut node = [0; 16];
    node.copy_from_slice(&tag[..16]);
    NodeRow {
        node: NodeId(node),
        owner: UserId([1; 16]),
        parent: NodeId([2; 16]),
        kind: KIND_DIRECTORY,
        key_epoch: 1,
        revision: 1,
        content_revision: 0,
        lookup_tag: Some(tag),
        fold_tag: tag,
        name_ct: vec![7; 64],
        key_ct: vec![8; 64],
        meta_ct: vec![9; 96],
        trashed_millis: None,
        created_millis: 1_000,
    }
}

/// Bytes of a file; 0 if there is none.
fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Waits until the replica has everything; returns the largest write-ahead log of the
/// source meanwhile.
fn watch(server: &Server, replica: &Replica, limit: Duration) -> u64 {
    let (wanted, begun, mut log) = (server_seq(server), Instant::now(), 0);
    while replica.seq() < wanted {
        log = log.max(bytes_of(&server.data().join("coffer.db-wal")));
        assert!(begun.elapsed() < limit, "{}\n{}", replica.status(), replica.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    log
}

/// How long it takes to make up for many entries, and what it costs the source.
/// `COFFER_REPLICA_ENTRIES=1000000` is the run that docs/replication.md gives figures of.
fn made_up_for(by_difference: bool) {
    let count = rounds("COFFER_REPLICA_ENTRIES", 3_000);
    let limit = Duration::from_secs(120 + u64::from(count) / 500);
    let mut server = Server::start(Engine::Sqlite);
    let _coffer = Coffer::sign_up(&server, "ada");
    let mut replica = Replica::start(&server, Engine::Sqlite);
    replica.catch_up(&server);
    assert_eq!(replica.stop(), Some(0));
    assert_eq!(server.stop(), Some(0));
    append(&server, count);
    server.run();
    if by_difference {
        forget(&server);
    }
    let idle = server.peak_kib();
    let begun = Instant::now();
    replica.run();
    let log = watch(&server, &replica, limit);
    let took = begun.elapsed();
    let what = if by_difference { "by difference" } else { "by the journal" };
    eprintln!(
        "{count} entries {what}: {took:.1?}, {:.0} a second; the source's peak memory {} MiB \
         ({} MiB before), its largest write-ahead log {} MiB",
        f64::from(count) / took.as_secs_f64(),
        server.peak_kib() >> 10,
        idle >> 10,
        log >> 20,
    );
    assert_eq!(replica.log().contains("resynchronising"), by_difference);
    assert_same_state(&server, &replica);
}

#[test]
fn many_entries_are_made_up_for_by_the_journal() {
    made_up_for(false);
}

#[test]
fn many_entries_are_made_up_for_by_difference() {
    made_up_for(true);
}
