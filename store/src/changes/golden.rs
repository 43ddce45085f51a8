//! Every kind of change against bytes that another program wrote, and the
//! decoder against bytes that nobody would write.

use super::{Change, ChangeError, EncodedChanges, decode_body};
use crate::rows::{
    ActivityRow, ChunkPlace, ChunkState, ContactRow, DivergedKey, DivergedRow, DivergedState,
    GroupRow, InviteRow, NodeRow, SegmentRow, ShareRow, UploadRow, UserRow, VersionRow,
};
use coffer_protocol::{BlobId, NodeId, ShareId, UploadId, UserId};
use proptest::prelude::*;

/// `store/golden/make_v1.py` wrote it.
const GOLDEN: &str = include_str!("../../golden/v1.txt");
/// `store/golden/make_v1_sharing.py` wrote it.
const GOLDEN_SHARING: &str = include_str!("../../golden/v1_sharing.txt");
/// `store/golden/make_v1_diverged.py` wrote it.
const GOLDEN_DIVERGED: &str = include_str!("../../golden/v1_diverged.txt");

/// `store/golden/make_v1_uploads.py` wrote it.
const GOLDEN_UPLOADS: &str = include_str!("../../golden/v1_uploads.txt");

fn run<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|index| first.wrapping_add(index as u8))
}

fn node() -> NodeRow {
    NodeRow {
        node: NodeId(run(0x10)),
        owner: UserId(run(0x30)),
        parent: NodeId(run(0x20)),
        kind: 1,
        key_epoch: 2,
        revision: 3,
        content_revision: 4,
        lookup_tag: Some(run(0xc0)),
        fold_tag: run(0x80),
        name_ct: vec![1, 2, 3],
        key_ct: vec![4],
        meta_ct: vec![5],
        trashed_millis: None,
        created_millis: 1_700_000_000_002,
    }
}

fn user() -> UserRow {
    UserRow {
        user: UserId(run(0x30)),
        tag: run(0xc0),
        name_ct: vec![1, 2],
        contact_ct: vec![],
        auth_password: vec![3],
        auth_recovery: vec![4],
        root_password: vec![5],
        root_recovery: vec![6],
        version: 7,
        identity_public: run(0x80),
        identity_ct: vec![8],
        home: NodeId(run(0x10)),
        state: 1,
        created_millis: 1_700_000_000_000,
    }
}

/// The changes of the golden file, in its order.
fn changes() -> Vec<Change> {
    let (blob, tag, segment) = (BlobId(run(0x80)), run(0xc0), run(0x40));
    let (node_id, owner) = (NodeId(run(0x10)), UserId(run(0x30)));
    let key = || "mode".to_owned();
    let trashed = NodeRow {
        kind: 2,
        revision: 4,
        content_revision: 0,
        lookup_tag: None,
        name_ct: vec![],
        key_ct: vec![],
        meta_ct: vec![],
        trashed_millis: Some(1_700_000_000_003),
        ..node()
    };
    let invite =
        InviteRow { tag, created_millis: -1, expires_millis: 1_700_000_000_001, uses_left: 9 };
    let version = VersionRow {
        node: node_id,
        revision: 5,
        owner,
        size: 1 << 40,
        written_millis: 1_700_000_000_004,
        meta_ct: vec![1],
        manifest_ct: vec![2],
        refs: vec![blob, BlobId(tag)],
        segments: vec![segment],
    };
    let put_segment =
        SegmentRow { segment, owner, refs: vec![blob], created_millis: 1_700_000_000_005 };
    vec![
        Change::PutUser(user()),
        Change::DeleteUser(owner),
        Change::PutInvite(invite),
        Change::DeleteInvite(tag),
        Change::PutNode(node()),
        Change::PutNode(trashed),
        Change::DeleteNode(node_id),
        Change::PutVersion(version),
        Change::DeleteVersion(node_id, 5),
        Change::PutSegment(put_segment),
        Change::DeleteSegment(segment),
        Change::PutSetting { key: key(), value: vec![0, 255] },
        Change::DeleteSetting { key: key() },
        Change::PutChunk { blob, generation: 1, place: ChunkPlace::Inline, size: 100 },
        Change::PutChunk { blob, generation: 2, place: ChunkPlace::File, size: 4_194_352 },
        Change::SetChunkState { blob, generation: 2, state: ChunkState::Deleting },
        Change::DeleteChunk { blob, generation: 2 },
    ]
}

/// The changes of the golden file of sharing, in its order.
fn sharing() -> Vec<Change> {
    let (share, group, activity) = (ShareId(run(0x50)), run(0x60), run(0x01));
    let (node, owner, tag) = (NodeId(run(0x10)), UserId(run(0x30)), run(0xc0));
    let with_user = ShareRow {
        share,
        node,
        owner,
        recipient: run(0x70),
        recipient_kind: 1,
        via: group,
        mode: 2,
        key_epoch: 3,
        revision: 4,
        created_millis: 1_700_000_000_006,
        expires_millis: Some(1_700_000_000_007),
        grant_ct: vec![1, 2],
    };
    let with_group = ShareRow {
        recipient: group,
        recipient_kind: 2,
        via: [0; 16],
        mode: 1,
        key_epoch: 0,
        revision: 1,
        created_millis: -1,
        expires_millis: None,
        grant_ct: vec![],
        ..with_user.clone()
    };
    let put_group =
        GroupRow { group, owner, revision: 5, sealed: vec![3], created_millis: 1_700_000_000_008 };
    vec![
        Change::PutShare(with_user),
        Change::PutShare(with_group),
        Change::DeleteShare(share),
        Change::PutGroup(put_group),
        Change::DeleteGroup(group),
        Change::PutContact(ContactRow { owner, tag, sealed: vec![4] }),
        Change::DeleteContact { owner, tag },
        Change::PutActivity(ActivityRow { activity, owner, node, sealed: vec![5, 6] }),
        Change::DeleteActivity(activity),
    ]
}

/// The changes of the golden file of diverged writes, in its order.
fn diverged() -> Vec<Change> {
    let key = DivergedKey::new(UserId(run(0x30)), 2, 7, 3, &run(0xc0));
    let waits = DivergedRow {
        key,
        state: DivergedState::Waiting,
        kind: 7,
        object: run(0x10),
        became: None,
        written_millis: 1_700_000_000_009,
        change: vec![1, 2],
        refs: vec![BlobId(run(0x80))],
    };
    let came_back = DivergedRow {
        state: DivergedState::Returned,
        became: Some(NodeId(run(0x20))),
        written_millis: -1,
        change: vec![],
        refs: vec![],
        ..waits.clone()
    };
    vec![Change::PutDiverged(waits), Change::PutDiverged(came_back), Change::DeleteDiverged(key)]
}

/// The changes of the golden file of uploads, in its order.
fn uploads() -> Vec<Change> {
    let (owner, upload) = (UserId(run(0x30)), UploadId(run(0x40)));
    let put = UploadRow {
        owner,
        upload,
        note_ct: vec![1, 2, 3],
        leases: 2,
        bytes: 1 << 33,
        created_millis: 1_700_000_000_010,
        touched_millis: -1,
    };
    vec![
        Change::PutKnown { owner, blob: BlobId(run(0x80)), fingerprint: run(0xc0) },
        Change::PutUpload(put),
        Change::DeleteUpload { owner, upload },
    ]
}

/// All kinds of changes.
fn every_change() -> Vec<Change> {
    [changes(), sharing(), diverged(), uploads()].concat()
}

fn encode(changes: &[Change]) -> Vec<u8> {
    EncodedChanges::default().body_with(&EncodedChanges::new(changes).unwrap())
}

/// The bytes of a golden file: the last word of each line with a field.
fn bytes_of(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
    let mut bytes = Vec::new();
    for line in lines {
        let (_, hex) = line.split_once(' ').unwrap();
        let digits = hex.as_bytes().chunks(2);
        bytes.extend(digits.map(|d| u8::from_str_radix(str::from_utf8(d).unwrap(), 16).unwrap()));
    }
    bytes
}

/// One body with all changes.
fn golden() -> Vec<u8> {
    encode(&every_change())
}

#[test]
fn every_change_has_the_bytes_of_version_1() {
    let files = [
        (GOLDEN, changes()),
        (GOLDEN_SHARING, sharing()),
        (GOLDEN_DIVERGED, diverged()),
        (GOLDEN_UPLOADS, uploads()),
    ];
    for (text, changes) in files {
        assert_eq!(encode(&changes), bytes_of(text));
        assert_eq!(decode_body(&bytes_of(text)).unwrap(), changes);
    }
}

#[test]
fn every_kind_is_in_a_golden_file() {
    let mut kinds: Vec<u8> =
        every_change().iter().map(|change| encode(std::slice::from_ref(change))[5]).collect();
    kinds.dedup();
    assert_eq!(kinds, (1..=28).collect::<Vec<u8>>());
}

#[test]
fn a_body_that_is_cut_or_longer_is_refused() {
    let body = golden();
    for length in 0..body.len() {
        assert!(decode_body(&body[..length]).is_err(), "{length}");
    }
    let longer = [&body[..], &[0]].concat();
    assert_eq!(decode_body(&longer), Err(ChangeError::Malformed));
}

#[test]
fn what_a_newer_version_wrote_is_named() {
    let mut body = encode(&[Change::DeleteNode(NodeId([1; 16]))]);
    body[0] = 2;
    assert_eq!(decode_body(&body), Err(ChangeError::UnknownVersion(2)));
    body[0] = 1;
    body[5] = 99;
    assert_eq!(decode_body(&body), Err(ChangeError::UnknownChange { kind: 99, version: 1 }));
    body[5] = 6;
    body[6] = 2;
    assert_eq!(decode_body(&body), Err(ChangeError::UnknownChange { kind: 6, version: 2 }));
}

#[test]
fn a_false_count_allocates_nothing() {
    let mut body = encode(&[]);
    body[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(decode_body(&body), Err(ChangeError::TooMany));
    body[1..5].copy_from_slice(&100_000_u32.to_be_bytes());
    assert_eq!(decode_body(&body), Err(ChangeError::Malformed));
}

#[test]
fn values_that_no_column_takes_are_not_written() {
    let long = Change::PutNode(NodeRow { name_ct: vec![0; 5000], ..node() });
    assert_eq!(EncodedChanges::new(&[long]).unwrap_err(), ChangeError::Misfit("name_ct"));
    let large = Change::PutNode(NodeRow { revision: u64::MAX, ..node() });
    assert_eq!(EncodedChanges::new(&[large]).unwrap_err(), ChangeError::Misfit("revision"));
    let long = Change::PutSetting { key: "k".repeat(65), value: vec![] };
    assert_eq!(EncodedChanges::new(&[long]).unwrap_err(), ChangeError::Misfit("name"));
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_body(&bytes);
    }

    #[test]
    fn a_changed_byte_is_refused_or_means_something_else(place in any::<prop::sample::Index>(), bit in 0..8) {
        let mut body = golden();
        let index = place.index(body.len());
        body[index] ^= 1_u8 << bit;
        if let Ok(decoded) = decode_body(&body) {
            prop_assert_ne!(&decoded, &every_change());
            prop_assert_eq!(encode(&decoded), body);
        }
    }
}
