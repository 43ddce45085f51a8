//! A MySQL server that is wrong, goes away, or comes back.

use crate::mariadb::Mariadb;
use crate::sample::{HOME, changes, file, first_user, node_id, op_key};
use crate::site::Site;
use coffer_store::{Change, Commit, CommitError, Health, Password, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn settings_that_lose_commits_are_refused() {
    let server = Mariadb::start(&[]);
    let site = Site::on(&server);
    site.create().await;
    for (set, reset, named) in [
        (
            "SET GLOBAL innodb_flush_log_at_trx_commit=2",
            "SET GLOBAL innodb_flush_log_at_trx_commit=1",
            "innodb_flush_log_at_trx_commit",
        ),
        (
            "SET GLOBAL max_allowed_packet=1048576",
            "SET GLOBAL max_allowed_packet=16777216",
            "max_allowed_packet",
        ),
    ] {
        server.statement(set);
        let outcome = Store::open(site.config.clone(), site.environment()).await;
        let error = outcome.expect_err(named);
        assert!(matches!(&error, StoreError::DatabaseSetting { setting, .. } if *setting == named));
        assert!(error.to_string().contains(named), "{error}");
        server.statement(reset);
    }
    let store = site.open().await;
    assert_eq!(store.health().await, Health::Good);
}

#[tokio::test]
async fn a_table_of_another_storage_engine_is_refused() {
    let server = Mariadb::start(&[]);
    let site = Site::on(&server);
    site.create().await;
    site.raw("ALTER TABLE invites ENGINE=MyISAM").await;
    let outcome = Store::open(site.config.clone(), site.environment()).await;
    let error = outcome.expect_err("MyISAM");
    assert!(error.to_string().contains("invites"), "{error}");
    assert!(matches!(error, StoreError::DatabaseSetting { .. }));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let server = Mariadb::start(&[]);
    let mut site = Site::on(&server);
    site.config.database_password = Some(Password::new("not it at all".to_owned()));
    let error = Store::create(&site.config, Site::init()).await.unwrap_err();
    assert!(!error.to_string().contains("not it at all"), "{error}");
    assert!(!site.config.data_dir.join("format").exists());
}

/// Commits one file after the other until told to stop; every answer must be a
/// success. Returns how many there were.
async fn write_until(store: Store, stop: Arc<AtomicBool>, start: u64) -> u64 {
    let mut number = start;
    while !stop.load(Ordering::Relaxed) {
        let commit = Commit {
            op: Some(op_key(number)),
            changes: vec![Change::PutNode(file(number, HOME))],
            ..Commit::default()
        };
        let committed = store.commit(commit).await.unwrap();
        assert_eq!(committed.repeated, None, "applied twice");
        number += 1;
    }
    number - start
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_loses_nothing_and_repeats_nothing() {
    let mut server = Mariadb::start(&[]);
    let site = Site::on(&server);
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (1..4)
        .map(|n| tokio::spawn(write_until(store.clone(), Arc::clone(&stop), n * 1_000_000)))
        .collect();
    for round in 0..4 {
        let done = store.counters().commits;
        while store.counters().commits < done + 50 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        server = tokio::task::spawn_blocking(move || {
            match round % 2 {
                0 => server.kill(),
                _ => server.stop(),
            }
            server.resume();
            server
        })
        .await
        .unwrap();
        assert!(store.node(node_id(HOME)).await.unwrap().is_some());
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await.cast_unsigned(), written + 1);
    assert_eq!(store.verify_journal().await.unwrap(), written + 1);
    assert_eq!(store.position().await.unwrap().seq, written + 1);
    assert!(store.counters().reconnects > 0);
    store.shutdown().await.unwrap();
}

/// Kills the writer's connection while it commits, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_lose_nothing_and_repeat_nothing() {
    let server = Mariadb::start(&[]);
    let site = Site::on(&server);
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_until(store.clone(), Arc::clone(&stop), 1_000_000));
    for _ in 0..40 {
        let ids = site
            .raw("SELECT ID FROM information_schema.PROCESSLIST WHERE USER='coffer' AND ID<>CONNECTION_ID()")
            .await;
        for id in ids {
            server.try_statement(&format!("KILL {}", id[0].literal()));
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();
    assert_eq!(site.count("SELECT COUNT(*) FROM nodes").await.cast_unsigned(), written + 1);
    assert_eq!(store.verify_journal().await.unwrap(), written + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_said_to_be() {
    let mut server = Mariadb::start(&[]);
    let mut site = Site::on(&server);
    site.config.patience = std::time::Duration::from_secs(1);
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    tokio::task::block_in_place(|| server.stop());
    let (read, commit) = tokio::join!(
        store.node(node_id(HOME)),
        store.commit(changes(vec![Change::PutNode(file(10, HOME))])),
    );
    assert!(read.unwrap_err().is_retryable());
    assert!(matches!(commit, Err(CommitError::DatabaseUnavailable(_))), "{commit:?}");
    tokio::task::block_in_place(|| server.resume());
    let committed = store.commit(changes(vec![Change::PutNode(file(10, HOME))])).await.unwrap();
    assert_eq!(committed.position.seq, 2);
    assert_eq!(store.health().await, Health::Good);
}
