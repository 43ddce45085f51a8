//! Damaged and altered records: refused and named, and their neighbours work.

use super::harness::{Bench, answer, code, place};
use super::user::User;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{
    Expect, List, ListPage, TrashList, TrashPage, Versions, Walk, WalkPage,
};
use coffer_protocol::{NodeId, Place, Request};
use coffer_store::{Change, Commit, NodeRow, VersionRow};
use rusqlite::params;
use std::fs;
use std::path::PathBuf;

/// Flips two bits in the middle of a column: a single one would be put right.
fn flip(bench: &Bench, table: &str, column: &str, key: &str, id: &[u8]) {
    let sql = bench.sql();
    let select = format!("SELECT {column} FROM {table} WHERE {key}=?");
    let mut value: Vec<u8> = sql.query_row(&select, params![id], |row| row.get(0)).unwrap();
    let middle = value.len() / 2;
    value[middle] ^= 1;
    value[middle - 1] ^= 1;
    let update = format!("UPDATE {table} SET {column}=? WHERE {key}=?");
    assert_eq!(sql.execute(&update, params![value, id]).unwrap(), 1);
}

/// A fresh session, which has no keys from before.
async fn fresh(bench: &Bench, name: &str) -> User {
    let mut user = bench.stranger(name);
    user.sign_in().await.unwrap();
    user
}

async fn list(user: &User, path: &str) -> ListPage {
    let request = List { place: place(path), cursor: None, limit: 100 };
    answer!(user.ask(Request::List(request)).await, List).unwrap()
}

async fn walk(user: &User) -> WalkPage {
    let request = Walk { place: Place::home(), pattern: None, cursor: Vec::new(), limit: 100 };
    answer!(user.ask(Request::Walk(request)).await, Walk).unwrap()
}

/// A directory with a file that is about to suffer, and two that are not.
async fn sample(bench: &Bench) -> NodeId {
    let anna = bench.user("anna").await;
    anna.mkdir("/d").await.unwrap();
    let bad = anna.put("/d/bad", b"bad text", Expect::Absent).await.unwrap().node;
    anna.put("/d/good", b"good text", Expect::Absent).await.unwrap();
    anna.put("/other", b"other text", Expect::Absent).await.unwrap();
    bad
}

/// The damaged node is refused by name, by id and in a batch, and named; its
/// neighbours are found, read and written.
async fn contained(bench: &Bench, bad: NodeId, what: &str) {
    let anna = fresh(bench, "anna").await;
    let refused = anna.stat("/d/bad").await.expect_err(what);
    assert_eq!(refused.code, ErrorCode::INTEGRITY, "{what}");
    assert_eq!(code(anna.cat("/d/bad").await), ErrorCode::INTEGRITY, "{what}");
    let by_id = anna.read(Place::node(bad), None).await.expect_err(what);
    assert_eq!(by_id.code, ErrorCode::INTEGRITY, "{what}");
    assert!(by_id.message.contains(&bad.to_string()), "{what}: {}", by_id.message);
    let page = list(&anna, "/d").await;
    assert_eq!(page.damaged, [bad], "{what}");
    assert_eq!(page.entries.len(), 1, "{what}");
    let page = walk(&anna).await;
    assert_eq!((page.damaged, page.entries.len()), (vec![bad], 3), "{what}");
    let good = page.entries.iter().find(|e| e.entry.name == "good").unwrap().entry.node;
    let (files, payload) = anna.read_batch(vec![bad, good]).await.unwrap();
    assert_eq!(code(files[0].clone()), ErrorCode::INTEGRITY, "{what}");
    assert!(files[1].is_ok(), "{what}");
    assert_eq!(payload, Bytes::from_static(b"good text"), "{what}");
    assert_eq!(anna.cat("/d/good").await.unwrap(), b"good text");
    anna.put("/d/new", b"new", Expect::Absent).await.unwrap();
    anna.rm("/d/new", false).await.unwrap();
    anna.mv("/d/good", "/d/better", false).await.unwrap();
}

#[tokio::test]
async fn a_flipped_bit_in_a_record_is_contained() {
    for column in ["name_ct", "key_ct", "meta_ct", "fold_tag", "digest"] {
        let bench = Bench::new().await;
        let bad = sample(&bench).await;
        flip(&bench, "nodes", column, "node", &bad.0);
        contained(&bench, bad, column).await;
    }
}

async fn put(bench: &Bench, changes: Vec<Change>) {
    bench.store.commit(Commit { changes, ..Commit::default() }).await.unwrap();
}

/// Alters a record and gives it a digest that fits, as somebody who knows the
/// format can.
async fn alter(bench: &Bench, node: NodeId, change: impl FnOnce(&mut NodeRow)) {
    let mut row = bench.store.node(node).await.unwrap().unwrap();
    change(&mut row);
    put(bench, vec![Change::PutNode(row)]).await;
}

#[tokio::test]
async fn a_record_altered_on_purpose_is_contained() {
    type Alteration = (&'static str, fn(&mut NodeRow));
    let alterations: [Alteration; 6] = [
        ("name", |row| row.name_ct[20] ^= 1),
        ("key", |row| row.key_ct[20] ^= 1),
        ("metadata", |row| row.meta_ct[20] ^= 1),
        ("epoch", |row| row.key_epoch += 1),
        ("kind", |row| row.kind = 2),
        ("revision", |row| row.content_revision += 1),
    ];
    for (what, alteration) in alterations {
        let bench = Bench::new().await;
        let bad = sample(&bench).await;
        alter(&bench, bad, alteration).await;
        contained(&bench, bad, what).await;
    }
}

#[tokio::test]
async fn records_that_changed_places_do_not_open() {
    let bench = Bench::new().await;
    let bad = sample(&bench).await;
    let anna = fresh(&bench, "anna").await;
    let (d, good) = (anna.node("/d").await, anna.node("/d/good").await);
    let row = async |node| bench.store.node(node).await.unwrap().unwrap();
    let (one, two) = (row(bad).await, row(good).await);
    // The names of two siblings swapped.
    let swapped =
        |one: &NodeRow, two: &NodeRow| NodeRow { name_ct: two.name_ct.clone(), ..one.clone() };
    let changes = [swapped(&one, &two), swapped(&two, &one)].map(Change::PutNode);
    put(&bench, changes.into()).await;
    for user in [&anna, &fresh(&bench, "anna").await] {
        assert_eq!(code(user.stat("/d/bad").await), ErrorCode::INTEGRITY);
        assert_eq!(code(user.stat("/d/good").await), ErrorCode::INTEGRITY);
        assert_eq!(list(user, "/d").await.damaged.len(), 2);
    }
    // The tags of two siblings swapped: each is found by the other's name.
    let swapped =
        |one: &NodeRow, two: &NodeRow| NodeRow { lookup_tag: two.lookup_tag, ..one.clone() };
    let changes = [swapped(&one, &two), swapped(&two, &one)].map(Change::PutNode);
    put(&bench, changes.into()).await;
    assert_eq!(code(anna.stat("/d/bad").await), ErrorCode::INTEGRITY);
    assert_eq!(list(&anna, "/d").await.damaged.len(), 2);
    put(&bench, vec![Change::PutNode(one.clone()), Change::PutNode(two)]).await;
    assert!(anna.stat("/d/bad").await.is_ok());
    // A record under another directory.
    let home = row(d).await.parent;
    alter(&bench, bad, |row| row.parent = home).await;
    for user in [&anna, &fresh(&bench, "anna").await] {
        assert_eq!(list(user, "/").await.damaged, [bad]);
        assert_eq!(code(user.read(Place::node(bad), None).await), ErrorCode::INTEGRITY);
        assert!(user.cat("/d/good").await.is_ok());
    }
}

#[tokio::test]
async fn versions_suffer_alone() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    for text in ["one", "two", "three"] {
        anna.put("/f", text.as_bytes(), Expect::Anything).await.unwrap();
    }
    let node = anna.node("/f").await;
    let version = async |revision| bench.store.version(node, revision).await.unwrap().unwrap();
    // The chunk lists of two versions swapped.
    let (one, two) = (version(1).await, version(2).await);
    let swapped = |one: &VersionRow, two: &VersionRow| VersionRow {
        manifest_ct: two.manifest_ct.clone(),
        refs: two.refs.clone(),
        ..one.clone()
    };
    let changes = [swapped(&one, &two), swapped(&two, &one)].map(Change::PutVersion);
    put(&bench, changes.into()).await;
    let anna = fresh(&bench, "anna").await;
    for revision in [1, 2] {
        let read = anna.read(place("/f"), Some(revision)).await;
        assert_eq!(code(read), ErrorCode::INTEGRITY);
    }
    assert_eq!(anna.cat("/f").await.unwrap(), b"three");
    // The metadata of one version.
    put(&bench, vec![Change::PutVersion(one.clone()), Change::PutVersion(two)]).await;
    let mut bad = one;
    bad.meta_ct[20] ^= 1;
    put(&bench, vec![Change::PutVersion(bad)]).await;
    let request = Versions { place: place("/f"), before: None, limit: 10 };
    let page = answer!(anna.ask(Request::Versions(request)).await, Versions).unwrap();
    let seen: Vec<_> = page.versions.iter().map(|version| version.revision).collect();
    assert_eq!((seen, page.damaged), (vec![3, 2], vec![1]));
    // A bit flipped in the list of chunks of the present version.
    let sql = bench.sql();
    let flip = "UPDATE versions SET manifest_ct=zeroblob(length(manifest_ct)) WHERE revision=3";
    sql.execute(flip, []).unwrap();
    assert_eq!(code(anna.cat("/f").await), ErrorCode::INTEGRITY);
    assert_eq!(anna.read(place("/f"), Some(2)).await.unwrap(), b"two");
    anna.put("/f", b"four", Expect::Anything).await.unwrap();
    assert_eq!(anna.cat("/f").await.unwrap(), b"four");
}

fn chunk_files(bench: &Bench) -> Vec<PathBuf> {
    let shards = fs::read_dir(bench.dir.path().join("data").join("chunks")).unwrap();
    let shards = shards.map(|shard| shard.unwrap().path());
    shards.flat_map(|shard| fs::read_dir(shard).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn a_flipped_bit_in_a_chunk_is_never_delivered() {
    let bench = Bench::new().await;
    let bad = sample(&bench).await;
    let anna = fresh(&bench, "anna").await;
    // Inline: the first version of the bad file is the only chunk it has.
    let blob = bench.store.version(bad, 1).await.unwrap().unwrap().refs[0];
    flip(&bench, "chunks", "data", "blob_id", &blob.0);
    let refused = anna.cat("/d/bad").await.expect_err("flipped");
    assert_eq!(refused.code, ErrorCode::INTEGRITY);
    assert!(refused.message.contains(&bad.to_string()));
    let good = anna.node("/d/good").await;
    let (files, payload) = anna.read_batch(vec![bad, good]).await.unwrap();
    assert_eq!(code(files[0].clone()), ErrorCode::INTEGRITY);
    assert_eq!(payload, Bytes::from_static(b"good text"));
    // In a file: every position from the header to the tag.
    let data = vec![5; 100_000];
    anna.upload("/big", &[&data]).await.unwrap();
    let file = chunk_files(&bench).pop().expect("a chunk file");
    let whole = fs::read(&file).unwrap();
    for at in [0, 4, 8, 16, 50_000, whole.len() - 33, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&file, flipped).unwrap();
        assert_eq!(code(anna.cat("/big").await), ErrorCode::INTEGRITY, "byte {at}");
    }
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(code(anna.cat("/big").await), ErrorCode::INTEGRITY, "cut short");
    fs::write(&file, whole).unwrap();
    assert_eq!(anna.cat("/big").await.unwrap(), data);
}

#[tokio::test]
async fn a_damaged_directory_does_not_hide_its_siblings() {
    let bench = Bench::new().await;
    sample(&bench).await;
    let anna = fresh(&bench, "anna").await;
    let dir = anna.node("/d").await;
    flip(&bench, "nodes", "key_ct", "node", &dir.0);
    let anna = fresh(&bench, "anna").await;
    let page = walk(&anna).await;
    assert_eq!((page.damaged.as_slice(), page.entries.len()), (&[dir][..], 1));
    assert_eq!(code(anna.cat("/d/good").await), ErrorCode::INTEGRITY);
    assert_eq!(anna.cat("/other").await.unwrap(), b"other text");
}

#[tokio::test]
async fn damage_in_the_trash_hides_nothing_else_there() {
    let bench = Bench::new().await;
    let bad = sample(&bench).await;
    let anna = fresh(&bench, "anna").await;
    anna.rm("/d/bad", false).await.unwrap();
    anna.rm("/d/good", false).await.unwrap();
    flip(&bench, "nodes", "name_ct", "node", &bad.0);
    let list = TrashList { cursor: None, limit: 10 };
    let page: TrashPage = answer!(anna.ask(Request::TrashList(list)).await, Trash).unwrap();
    assert_eq!((page.damaged, page.entries.len()), (vec![bad], 1));
    assert_eq!(page.entries[0].entry.name, "good");
}

#[tokio::test]
async fn a_damaged_account_says_so_and_others_sign_in() {
    for column in ["auth_password", "root_password", "identity_ct", "digest"] {
        let bench = Bench::new().await;
        let mut anna = bench.user("anna").await;
        let user = bench.store.node(anna.node("/").await).await.unwrap().unwrap().owner;
        flip(&bench, "users", column, "user_id", &user.0);
        assert_eq!(code(anna.sign_in().await), ErrorCode::INTEGRITY, "{column}");
        bench.user("bert").await;
    }
    let bench = Bench::new().await;
    let mut anna = bench.user("anna").await;
    let home = bench.store.node(anna.node("/").await).await.unwrap().unwrap();
    let row = bench.store.user(home.owner).await.unwrap().unwrap();
    for part in 0..4 {
        let mut row = row.clone();
        let columns = [&mut row.auth_password, &mut row.root_password, &mut row.identity_ct];
        match columns.into_iter().nth(part) {
            Some(column) => column[30] ^= 1,
            None => row.identity_public[0] ^= 1,
        }
        put(&bench, vec![Change::PutUser(row)]).await;
        assert_eq!(code(anna.sign_in().await), ErrorCode::INTEGRITY, "part {part}");
    }
    put(&bench, vec![Change::PutUser(row)]).await;
    anna.sign_in().await.unwrap();
}
