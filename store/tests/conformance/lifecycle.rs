//! Made, opened, closed.

use crate::sample::{
    HOME, changes, chunk, file, first_user, group, group_id, group_share, id32, invite, node_id,
    version,
};
use crate::site::{SERVER, Site};
use coffer_protocol::ServerId;
use coffer_store::{
    Change, CheckOptions, ClusterInit, Commit, CommitError, Engine, Health, Store, StoreError,
};

pub(crate) async fn a_store_is_made_once(site: Site) {
    let missing = Store::open(site.config.clone(), site.environment()).await;
    assert!(matches!(missing, Err(StoreError::NotInitialised(_))));
    site.create().await;
    let again = Store::create(&site.config, Site::init()).await;
    assert!(matches!(again, Err(StoreError::AlreadyInitialised(_))), "{again:?}");
    let store = site.open().await;
    assert_eq!((store.server_id(), store.check_value()), (SERVER, [0xc4; 32]));
    let second = Store::open(site.config.clone(), site.environment()).await;
    assert!(matches!(second, Err(StoreError::Locked(_))), "{second:?}");
    let engine = match site.config.database {
        coffer_store::DatabaseUrl::Sqlite { .. } => Engine::Sqlite,
        coffer_store::DatabaseUrl::Mysql { .. } => Engine::Mysql,
    };
    // Another directory with the same MySQL database is refused as well.
    if engine == Engine::Mysql {
        let mut other = site.config.clone();
        other.data_dir = site.config.data_dir.join("other");
        let outcome = Store::create(&other, Site::init()).await;
        assert!(matches!(outcome, Err(StoreError::AlreadyInitialised(_))), "{outcome:?}");
        assert!(!other.data_dir.join("format").exists());
    }
    assert_eq!(store.health().await, Health::Good);
    let text = format!("{:?}", site.config);
    assert!(!text.contains(crate::mariadb::PASSWORD), "{text}");
}

pub(crate) async fn what_was_committed_is_there_after_a_restart(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (blob, bytes) = chunk(1, 70_000);
    let pins = vec![store.put_chunk(blob, bytes.clone()).await.unwrap()];
    let all =
        vec![Change::PutNode(file(10, HOME)), Change::PutVersion(version(10, 1, &[blob], &[]))];
    let written = store.commit(Commit { pins, ..changes(all) }).await.unwrap();
    store.shutdown().await.unwrap();
    drop(store);
    let store = site.open().await;
    assert_eq!(store.position().await.unwrap(), written.position);
    assert_eq!(store.node(node_id(10)).await.unwrap(), Some(file(10, HOME)));
    assert_eq!(store.read_chunk(&blob).await.unwrap(), bytes);
    let next = store.commit(changes(vec![Change::PutNode(file(11, HOME))])).await.unwrap();
    assert_eq!(next.position.seq, written.position.seq + 1);
}

pub(crate) async fn an_admin_commits_beside_the_server(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let admin = Store::open_admin(site.config.clone(), site.environment()).await.unwrap();
    let invites = async {
        for number in 0..20 {
            let change = Change::PutInvite(invite(number, 1));
            admin.commit(changes(vec![change])).await.unwrap();
        }
    };
    let files = async {
        for number in 10..30 {
            let change = Change::PutNode(file(number, HOME));
            store.commit(changes(vec![change])).await.unwrap();
        }
    };
    tokio::join!(invites, files);
    assert!(store.invite(id32(19)).await.unwrap().is_some());
    assert_eq!(admin.position().await.unwrap().seq, 41);
    assert_eq!(store.verify_journal().await.unwrap(), 41);
    let (blob, bytes) = chunk(1, 70_000);
    assert!(matches!(admin.put_chunk(blob, bytes).await, Err(StoreError::AdminOnly)));
    admin.shutdown().await.unwrap();
}

pub(crate) async fn an_older_schema_is_brought_up(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    store.shutdown().await.unwrap();
    drop(store);
    // As the version before sharing has left it; on MySQL with a table that was
    // made before a migration was cut short.
    let mut tables = vec!["user_groups", "contacts", "activity", "diverged", "known_chunks"];
    if matches!(site.config.database, coffer_store::DatabaseUrl::Sqlite { .. }) {
        tables.extend(["shares", "uploads"]);
    }
    for table in tables {
        site.raw(&format!("DROP TABLE {table}")).await;
    }
    site.raw("DELETE FROM schema_version WHERE number>=2").await;
    let store = site.open().await;
    assert_eq!(site.count("SELECT MAX(number) FROM schema_version").await, 5);
    let all = vec![Change::PutGroup(group(1)), Change::PutShare(group_share(1, HOME, 1))];
    store.commit(changes(all)).await.unwrap();
    assert_eq!(store.shares_with_group(group_id(1)).await.unwrap().rows.len(), 1);
    assert!(store.check(CheckOptions::default(), |_| ()).await.unwrap().is_clean());
}

pub(crate) async fn a_newer_schema_is_refused(site: Site) {
    site.create().await;
    site.raw("INSERT INTO schema_version VALUES (99,0)").await;
    let outcome = Store::open(site.config.clone(), site.environment()).await;
    assert!(matches!(outcome, Err(StoreError::NewerFormat { found: 99, .. })), "{outcome:?}");
}

pub(crate) async fn a_foreign_database_is_refused(site: Site) {
    site.create().await;
    let format = site.config.data_dir.join("format");
    let text = std::fs::read_to_string(&format).unwrap();
    let other = ServerId([1; 32]).to_string();
    std::fs::write(&format, text.replace(&SERVER.to_string(), &other)).unwrap();
    let outcome = Store::open(site.config.clone(), site.environment()).await;
    assert!(matches!(outcome, Err(StoreError::ForeignDatabase)), "{outcome:?}");
    std::fs::write(&format, "something else").unwrap();
    let outcome = Store::open(site.config.clone(), site.environment()).await;
    assert!(matches!(outcome, Err(StoreError::BadFormatFile(_))), "{outcome:?}");
    let again = ClusterInit { server_id: ServerId([9; 32]), ..Site::init() };
    assert!(Store::create(&site.config, again).await.is_err());
}

pub(crate) async fn after_the_end_nothing_is_done(site: Site) {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    store.shutdown().await.unwrap();
    let outcome = store.commit(changes(vec![Change::PutNode(file(10, HOME))])).await;
    assert_eq!(outcome, Err(CommitError::Closed));
    assert!(matches!(store.node(node_id(1)).await, Err(StoreError::Stopped)));
    assert!(matches!(store.health().await, Health::DatabaseUnavailable(_)));
}
