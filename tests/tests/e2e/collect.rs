//! What nobody needs any more is deleted for good only when every replica knows that.

use coffer_store::{Clock, Environment, Retention, Store, StoreConfig, SystemClock, SystemRandom};
use coffer_tests::{Coffer, Engine, Replica, Rng, Server};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// A clock that is three hours slow.
struct Slow;

impl Clock for Slow {
    fn now_millis(&self) -> i64 {
        SystemClock.now_millis() - 3 * HOUR_MILLIS
    }
}

/// Empties the trash of a server that does not run, as it would have been three hours ago.
async fn empty_the_trash(data: &Path) {
    let environment = Environment { clock: Arc::new(Slow), rng: Arc::new(SystemRandom) };
    let store = Store::open(StoreConfig::new(data), environment).await.expect("opened");
    let everything = Retention {
        trash_millis: Some(-6 * HOUR_MILLIS),
        versions: None,
        version_millis: None,
        upload_millis: HOUR_MILLIS,
        activity_millis: None,
    };
    assert_eq!(store.expire(&everything).await.expect("expired").nodes, 1);
    store.shutdown().await.expect("closed");
}

fn chunk_files(data: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for shard in std::fs::read_dir(data.join("chunks")).expect("chunks").flatten() {
        let inside = std::fs::read_dir(shard.path()).into_iter().flatten().flatten();
        files.extend(inside.map(|file| file.path()));
    }
    files
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test]
async fn collection_waits_for_a_replica_that_is_away() {
    let mut server = Server::start(Engine::Sqlite);
    let coffer = Coffer::sign_up(&server, "ada");
    let mut rng = Rng::new("collect");
    coffer.write("/kept", &rng.bytes(150_000));
    coffer.write("/doomed", &rng.bytes(200_000));
    coffer.ok(&["rm", "/doomed"]);
    let mut replica = Replica::start(&server, Engine::Sqlite);
    replica.assert_same_as(&server);
    assert_eq!((replica.stop(), server.stop()), (Some(0), Some(0)));
    empty_the_trash(&server.data()).await;
    let config = server.data().join("coffer.toml");
    let mut text = std::fs::read_to_string(&config).expect("read");
    text.push_str("\n[retention]\ngarbage_hours = 1\n[maintenance]\njanitor_seconds = 1\n");
    std::fs::write(&config, text).expect("written");
    server.run();
    // The hour is long over, but the replica has not heard of it.
    wait_until("held", || server.log().contains("nothing is deleted for good"));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(chunk_files(&server.data()).len(), 2);
    assert!(!server.log().contains("garbage is collected again"));
    replica.run();
    wait_until("collected", || chunk_files(&server.data()).len() == 1);
    replica.assert_same_as(&server);
    // A replica sweeps up files without a row when it starts, and every hour.
    assert_eq!(replica.stop(), Some(0));
    replica.run();
    wait_until("collected there", || chunk_files(&replica.data()).len() == 1);
    server.assert_check_is_clean();
    replica.assert_check_is_clean();
    assert_eq!(coffer.cat("/kept").len(), 150_000);
}
