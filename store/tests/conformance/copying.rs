//! From one engine to the other, and back.

use crate::mariadb::{self, Mariadb};
use crate::sample::{
    HOME, activity, batch, changes, chunk, contact, diverged, file, first_user, group, group_share,
    id32, invite, node_id, op_key, segment, segment_id, trashed, upload, user_id, version,
};
use crate::site::Site;
use coffer_store::{Change, Commit, DatabaseUrl, Password, Store, StoreError};

async fn furnish(store: &Store) {
    store.commit(Commit { op: Some(op_key(1)), ..first_user() }).await.unwrap();
    store.commit(batch(10..310, 1000)).await.unwrap();
    let (blob, bytes) = chunk(5, 70_000);
    let pins = vec![store.put_chunk(blob, bytes).await.unwrap()];
    let mut all = vec![
        Change::PutNode(trashed(file(500, HOME), 9_000)),
        Change::PutSegment(segment(1, &[blob])),
        Change::PutVersion(version(500, 1, &[], &[segment_id(1)])),
        Change::PutVersion(version(500, 2, &[blob], &[])),
        Change::PutInvite(invite(1, 3)),
        Change::PutSetting { key: "a".to_owned(), value: vec![0, 255, 39, 92] },
        Change::DeleteNode(node_id(10)),
        Change::PutGroup(group(1)),
        Change::PutShare(group_share(1, 11, 1)),
        Change::PutContact(contact(1)),
        Change::PutContact(contact(2)),
        Change::PutActivity(activity(1, 1_000, 11)),
        Change::PutDiverged(diverged(blob)),
        Change::PutKnown { owner: user_id(1), blob, fingerprint: id32(9) },
        Change::PutUpload(upload(1)),
    ];
    all.extend((1000..1010).map(|n| Change::PutNode(file(n, 500))));
    store.commit(Commit { pins, ..changes(all) }).await.unwrap();
}

fn password() -> Password {
    Password::new(mariadb::PASSWORD.to_owned())
}

#[tokio::test]
async fn a_copy_is_equal_and_so_is_the_copy_of_the_copy() {
    let server = Mariadb::start(&[]);
    let site = Site::sqlite();
    let store = site.fresh().await;
    furnish(&store).await;
    let position = store.position().await.unwrap();
    let usage = store.usage(user_id(1)).await.unwrap();

    let mysql: DatabaseUrl = server.database("moved").parse().unwrap();
    let there = store.copy_to(mysql.clone(), Some(password()), |_, _| {}).await.unwrap();
    let again = store.copy_to(mysql.clone(), Some(password()), |_, _| {}).await;
    assert!(matches!(again, Err(StoreError::AlreadyInitialised(_))), "{again:?}");
    store.shutdown().await.unwrap();
    drop(store);

    let mut config = site.config.clone();
    config.database = mysql;
    let moved = Store::open(config, site.environment()).await.unwrap();
    assert_eq!(moved.position().await.unwrap(), position);
    assert_eq!(moved.usage(user_id(1)).await.unwrap(), usage);
    assert_eq!(moved.verify_journal().await.unwrap(), 3);
    assert!(moved.op(op_key(1)).await.unwrap().is_some());
    for number in [11, 309] {
        let (blob, bytes) = chunk(number, 1000);
        assert_eq!(moved.read_chunk(&blob).await.unwrap(), bytes);
    }
    let (blob, bytes) = chunk(5, 70_000);
    assert_eq!(moved.read_chunk(&blob).await.unwrap(), bytes);

    let path = site.config.data_dir.join("back.db");
    let back =
        moved.copy_to(DatabaseUrl::Sqlite { path: Some(path) }, None, |_, _| {}).await.unwrap();
    assert_eq!(there, back);
    assert!(there.iter().all(|table| table.rows > 0), "{there:?}");
    assert_eq!(there.iter().find(|table| table.table == "nodes").unwrap().rows, 311);
    // Work goes on in the new place.
    let next = moved.commit(changes(vec![Change::PutNode(file(2000, HOME))])).await.unwrap();
    assert_eq!(next.position.seq, position.seq + 1);
}

#[tokio::test]
async fn a_copy_that_was_cut_short_is_begun_anew() {
    let server = Mariadb::start(&[]);
    let site = Site::sqlite();
    let store = site.fresh().await;
    furnish(&store).await;
    let mysql: DatabaseUrl = server.database("moved").parse().unwrap();
    store.copy_to(mysql.clone(), Some(password()), |_, _| {}).await.unwrap();
    // As if the end had not been reached: too many rows, and no last one.
    server.statement("DELETE FROM moved.cluster_state; DELETE FROM moved.nodes LIMIT 100;");
    let mut config = site.config.clone();
    config.database = mysql.clone();
    store.shutdown().await.unwrap();
    drop(store);
    let opened = Store::open(config, site.environment()).await;
    assert!(matches!(opened, Err(StoreError::NotInitialised(_))), "{opened:?}");
    let store = site.open().await;
    let copied = store.copy_to(mysql, Some(password()), |_, _| {}).await.unwrap();
    assert_eq!(copied.iter().find(|table| table.table == "nodes").unwrap().rows, 311);
}

#[tokio::test]
async fn damage_is_not_copied() {
    let server = Mariadb::start(&[]);
    let site = Site::sqlite();
    let store = site.fresh().await;
    furnish(&store).await;
    site.raw("UPDATE nodes SET revision=2 WHERE kind=2").await;
    let mysql: DatabaseUrl = server.database("moved").parse().unwrap();
    let outcome = store.copy_to(mysql, Some(password()), |_, _| {}).await;
    assert!(matches!(outcome, Err(StoreError::DamagedRow { table: "nodes", .. })), "{outcome:?}");
}
