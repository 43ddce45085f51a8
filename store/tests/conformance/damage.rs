//! Damage in the database: found, and named.

use crate::sample::{
    HOME, activity, changes, chunk, contact, diverged, file, first_user, group, group_share, id32,
    invite, op_key, segment, segment_id, small_file, upload, user_id, version,
};
use crate::site::{Raw, Site, hex};
use coffer_protocol::{BlobId, NodeId, ShareId, UploadId, UserId};
use coffer_store::{Change, DivergedKey, OpKey, Store, StoreError};

/// The tables, their keys, and the kinds of their columns.
pub(crate) const TABLES: [(&str, usize, &str); 17] = [
    (
        "cluster_state",
        1,
        "id server_id check_value role epoch seq fenced chain_hash pruned_seq pruned_hash created_millis",
    ),
    (
        "users",
        1,
        "user_id tag name_ct contact_ct auth_password auth_recovery root_password root_recovery version identity_public identity_ct home state created_millis",
    ),
    ("invites", 1, "tag created_millis expires_millis uses_left"),
    (
        "nodes",
        1,
        "node owner parent kind key_epoch revision content_revision lookup_tag fold_tag name_ct key_ct meta_ct trashed_millis created_millis",
    ),
    ("versions", 2, "node revision owner size written_millis meta_ct manifest_ct refs segments"),
    ("segments", 1, "segment owner refs created_millis named"),
    ("chunks", 1, "blob_id generation state place size refs idle_millis"),
    ("journal", 1, "seq epoch op_key committed_millis body result hash"),
    ("settings", 1, "name value"),
    ("totals", 1, "owner nodes bytes"),
    (
        "shares",
        1,
        "share node owner recipient recipient_kind via mode key_epoch revision created_millis expires_millis grant_ct",
    ),
    ("user_groups", 1, "group_id owner revision sealed created_millis"),
    ("contacts", 2, "owner tag sealed"),
    ("activity", 1, "activity owner node sealed"),
    ("diverged", 2, "owner place state kind object became written_millis change_image refs"),
    ("known_chunks", 2, "owner blob_id fingerprint refs"),
    ("uploads", 2, "owner upload note_ct leases bytes created_millis touched_millis"),
];

pub(crate) async fn one_of_everything(site: &Site) -> Store {
    let store = site.fresh().await;
    store.commit(first_user()).await.unwrap();
    let (mut all, inline) = small_file(10, HOME, 200);
    all.extend([
        Change::PutInvite(invite(1, 2)),
        Change::PutSegment(segment(1, &[inline.0])),
        Change::PutVersion(version(10, 2, &[inline.0], &[segment_id(1)])),
        Change::PutSetting { key: "mode".to_owned(), value: b"on".to_vec() },
        Change::PutNode(file(14, HOME)),
        Change::PutGroup(group(1)),
        Change::PutShare(group_share(1, 10, 1)),
        Change::PutContact(contact(1)),
        Change::PutActivity(activity(1, 1_000, 10)),
        Change::PutDiverged(diverged(inline.0)),
        Change::PutKnown { owner: user_id(1), blob: inline.0, fingerprint: id32(9) },
        Change::PutUpload(upload(1)),
    ]);
    let mut commit = changes(all);
    commit.op = Some(op_key(1));
    commit.result = b"done".to_vec();
    commit.inline.push(inline);
    store.commit(commit).await.unwrap();
    store
}

fn bytes16(raw: &Raw) -> [u8; 16] {
    match raw {
        Raw::Bytes(bytes) => bytes.as_slice().try_into().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn bytes32(raw: &Raw) -> [u8; 32] {
    match raw {
        Raw::Bytes(bytes) => bytes.as_slice().try_into().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Reads the row of a table that has this key, through the store.
async fn probe(store: &Store, table: &str, row: &[Raw]) -> Result<bool, StoreError> {
    Ok(match table {
        "cluster_state" => store.position().await.map(|_| true)?,
        "users" => store.user(UserId(bytes16(&row[0]))).await?.is_some(),
        "invites" => store.invite(bytes32(&row[0])).await?.is_some(),
        "nodes" => store.node(NodeId(bytes16(&row[0]))).await?.is_some(),
        "versions" => {
            let Raw::Int(revision) = row[1] else { panic!("{row:?}") };
            let node = NodeId(bytes16(&row[0]));
            store.version(node, revision.cast_unsigned()).await?.is_some()
        }
        "segments" => store.segment(bytes16(&row[0])).await?.is_some(),
        "chunks" => store.chunk(BlobId(bytes32(&row[0]))).await?.is_some(),
        "journal" => store.op(OpKey(bytes16(&row[2]))).await?.is_some(),
        "settings" => {
            let Raw::Bytes(name) = &row[0] else { panic!("{row:?}") };
            store.setting(std::str::from_utf8(name).unwrap()).await?.is_some()
        }
        "shares" => store.share(ShareId(bytes16(&row[0]))).await?.is_some(),
        "user_groups" => store.group(bytes16(&row[0])).await?.is_some(),
        "contacts" => store.contact(UserId(bytes16(&row[0])), bytes32(&row[1])).await?.is_some(),
        "diverged" => {
            let key = DivergedKey { owner: UserId(bytes16(&row[0])), place: bytes32(&row[1]) };
            store.diverged_row(key).await?.is_some()
        }
        "activity" => return activity_is_there(store, bytes16(&row[0]), &row[1]).await,
        "known_chunks" => {
            let (owner, print) = (UserId(bytes16(&row[0])), bytes32(&row[2]));
            !store.known_chunks(owner, &[print]).await?.is_empty()
        }
        "uploads" => {
            let (owner, upload) = (UserId(bytes16(&row[0])), UploadId(bytes16(&row[1])));
            store.upload(owner, upload).await?.is_some()
        }
        "totals" => store.usage(UserId(bytes16(&row[0]))).await?.nodes > 0,
        other => panic!("{other}"),
    })
}

/// Looks for a record of activity, which is read in lists only.
async fn activity_is_there(store: &Store, id: [u8; 16], owner: &Raw) -> Result<bool, StoreError> {
    let page = store.activity(&[UserId(bytes16(owner))], None, None, 10).await?;
    match page.damaged.as_slice() {
        [] => Ok(page.rows.iter().any(|row| row.activity == id)),
        [damaged, ..] => Err(StoreError::DamagedRow { table: "activity", key: hex(damaged) }),
    }
}

/// Another value that the column could hold, so far off that no digest tells what it
/// was.
pub(crate) fn altered(column: &str, value: &Raw) -> Raw {
    match value {
        Raw::Int(number) => Raw::Int(number + 0x0303),
        Raw::Bytes(bytes) if bytes.is_empty() => Raw::Bytes(vec![0]),
        Raw::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            bytes[0] ^= 2;
            Raw::Bytes(bytes)
        }
        Raw::Null if column.ends_with("_millis") => Raw::Int(0),
        Raw::Null => Raw::Bytes(vec![0; if column == "op_key" { 16 } else { 32 }]),
    }
}

pub(crate) async fn every_column_is_covered(site: Site) {
    let store = one_of_everything(&site).await;
    for (table, keys, names) in TABLES {
        let columns: Vec<&str> = names.split(' ').collect();
        let list = format!("{},digest", columns.join(","));
        let rows = site.raw(&format!("SELECT {list} FROM {table}")).await;
        // The last row has values in more of its columns.
        let row =
            rows.into_iter().rev().find(|row| table != "journal" || row[2] != Raw::Null).unwrap();
        assert!(probe(&store, table, &row).await.unwrap(), "{table}");
        for (index, column) in columns.iter().chain(&["digest"]).enumerate() {
            if (table, *column) == ("cluster_state", "id") {
                continue;
            }
            let mut damaged = row.clone();
            damaged[index] = altered(column, &row[index]);
            let set = |from: &[Raw], to: &[Raw]| {
                let mut place: Vec<String> = (0..keys)
                    .map(|key| format!("{}={}", columns[key], from[key].literal()))
                    .collect();
                place.push("1=1".to_owned());
                let (value, place) = (to[index].literal(), place.join(" AND "));
                format!("UPDATE {table} SET {column}={value} WHERE {place}")
            };
            site.raw(&set(&row, &damaged)).await;
            let error =
                probe(&store, table, &damaged).await.expect_err(&format!("{table}.{column}"));
            let StoreError::DamagedRow { table: named, key } = &error else {
                panic!("{table}.{column}: {error}");
            };
            assert_eq!(*named, table, "{column}");
            let first = match &damaged[0] {
                Raw::Bytes(bytes) => hex(bytes),
                Raw::Int(number) => number.to_string(),
                Raw::Null => panic!(),
            };
            assert!(key.starts_with(&first), "{key} {first}");
            site.raw(&set(&damaged, &row)).await;
            assert!(probe(&store, table, &row).await.unwrap(), "{table}.{column} repaired");
        }
    }
    assert_eq!(store.user(user_id(1)).await.unwrap().unwrap().tag, id32(1));
}

pub(crate) async fn damaged_bytes_of_inline_chunks_are_found(site: Site) {
    let store = one_of_everything(&site).await;
    let (blob, good) = chunk(10, 200);
    for index in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[index] ^= 0x80;
        let value = Raw::Bytes(bytes).literal();
        site.raw(&format!("UPDATE chunks SET data={value}")).await;
        let outcome = store.read_chunk(&blob).await;
        assert!(matches!(outcome, Err(StoreError::Corrupt { blob: named }) if named == blob));
    }
    site.raw("UPDATE chunks SET data=NULL").await;
    assert!(matches!(store.read_chunk(&blob).await, Err(StoreError::Corrupt { .. })));
    site.raw(&format!("UPDATE chunks SET data={}", Raw::Bytes(good.to_vec()).literal())).await;
    assert_eq!(store.read_chunk(&blob).await.unwrap(), good);
}
