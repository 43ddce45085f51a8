//! Rows for tests, made of small numbers.

use bytes::Bytes;
use coffer_protocol::{BlobId, NodeId, ShareId, UploadId, UserId};
use coffer_store::chunks::blob::blob_id;
use coffer_store::{
    ActivityRow, Change, Commit, ContactRow, DivergedKey, DivergedRow, DivergedState, GroupRow,
    InviteRow, KIND_DIRECTORY, KIND_FILE, MODE_READ, NodeRow, OpKey, Precondition, RECIPIENT_GROUP,
    RECIPIENT_USER, SegmentId, SegmentRow, ShareRow, USER_ACTIVE, UploadRow, UserRow, VersionRow,
};

/// Sixteen bytes with a number at the end.
pub(crate) fn id16(number: u64) -> [u8; 16] {
    let mut bytes = [0xa5; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Thirty-two bytes with a number at the end.
pub(crate) fn id32(number: u64) -> [u8; 32] {
    let mut bytes = [0x5a; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(crate) fn user_id(number: u64) -> UserId {
    UserId(id16(1_000_000 + number))
}

pub(crate) fn node_id(number: u64) -> NodeId {
    NodeId(id16(number))
}

pub(crate) fn segment_id(number: u64) -> SegmentId {
    id16(2_000_000 + number)
}

pub(crate) fn op_key(number: u64) -> OpKey {
    OpKey(id16(3_000_000 + number))
}

/// The home directory of the users of tests.
pub(crate) const HOME: u64 = 1;

pub(crate) fn user(number: u64) -> UserRow {
    UserRow {
        user: user_id(number),
        tag: id32(number),
        name_ct: vec![1; 48],
        contact_ct: Vec::new(),
        auth_password: vec![2; 80],
        auth_recovery: vec![3; 80],
        root_password: vec![4; 80],
        root_recovery: vec![5; 80],
        version: 1,
        identity_public: id32(number + 500),
        identity_ct: vec![6; 48],
        home: node_id(HOME),
        state: USER_ACTIVE,
        created_millis: 1_000,
    }
}

pub(crate) fn invite(number: u64, uses_left: u32) -> InviteRow {
    InviteRow { tag: id32(number), created_millis: 1_000, expires_millis: 2_000_000, uses_left }
}

/// A file in a directory, with a name that only this number has.
pub(crate) fn file(number: u64, parent: u64) -> NodeRow {
    NodeRow {
        node: node_id(number),
        owner: user_id(1),
        parent: node_id(parent),
        kind: KIND_FILE,
        key_epoch: 1,
        revision: 1,
        content_revision: 1,
        lookup_tag: Some(id32(number)),
        fold_tag: id32(number / 2),
        name_ct: vec![7; 64],
        key_ct: vec![8; 64],
        meta_ct: vec![9; 96],
        trashed_millis: None,
        created_millis: 1_000,
    }
}

pub(crate) fn directory(number: u64, parent: u64) -> NodeRow {
    NodeRow { kind: KIND_DIRECTORY, content_revision: 0, ..file(number, parent) }
}

/// A home directory: its own parent, without a name.
pub(crate) fn home() -> NodeRow {
    NodeRow { lookup_tag: None, ..directory(HOME, HOME) }
}

/// A node in the trash.
pub(crate) fn trashed(row: NodeRow, millis: i64) -> NodeRow {
    NodeRow { lookup_tag: None, trashed_millis: Some(millis), revision: row.revision + 1, ..row }
}

pub(crate) fn version(
    number: u64,
    revision: u64,
    refs: &[BlobId],
    segments: &[SegmentId],
) -> VersionRow {
    VersionRow {
        node: node_id(number),
        revision,
        owner: user_id(1),
        size: 1000 + revision,
        written_millis: 1_000,
        meta_ct: vec![10; 96],
        manifest_ct: vec![11; 128],
        refs: refs.to_vec(),
        segments: segments.to_vec(),
    }
}

pub(crate) fn segment(number: u64, refs: &[BlobId]) -> SegmentRow {
    SegmentRow {
        segment: segment_id(number),
        owner: user_id(1),
        refs: refs.to_vec(),
        created_millis: 1_000,
    }
}

/// Bytes that a sealed chunk could have, and their id.
pub(crate) fn chunk(number: u64, length: usize) -> (BlobId, Bytes) {
    let mut bytes = vec![0xee; length.max(48)];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    (blob_id(&bytes).unwrap(), Bytes::from(bytes))
}

pub(crate) fn share_id(number: u64) -> ShareId {
    ShareId(id16(4_000_000 + number))
}

pub(crate) fn group_id(number: u64) -> [u8; 16] {
    id16(5_000_000 + number)
}

/// A node of user 1, shared with another for reading.
pub(crate) fn share(number: u64, node: u64, recipient: u64) -> ShareRow {
    ShareRow {
        share: share_id(number),
        node: node_id(node),
        owner: user_id(1),
        recipient: user_id(recipient).0,
        recipient_kind: RECIPIENT_USER,
        via: [0; 16],
        mode: MODE_READ,
        key_epoch: 1,
        revision: 1,
        created_millis: 1_000,
        expires_millis: None,
        grant_ct: vec![12; 128],
    }
}

/// A node of user 1, shared with a group.
pub(crate) fn group_share(number: u64, node: u64, group: u64) -> ShareRow {
    let (recipient, recipient_kind) = (group_id(group), RECIPIENT_GROUP);
    ShareRow { recipient, recipient_kind, ..share(number, node, 0) }
}

/// What a member has through a group.
pub(crate) fn member_share(number: u64, node: u64, recipient: u64, group: u64) -> ShareRow {
    ShareRow { via: group_id(group), ..share(number, node, recipient) }
}

pub(crate) fn group(number: u64) -> GroupRow {
    GroupRow {
        group: group_id(number),
        owner: user_id(1),
        revision: 1,
        sealed: vec![13; 300],
        created_millis: 1_000,
    }
}

pub(crate) fn contact(number: u64) -> ContactRow {
    ContactRow { owner: user_id(1), tag: id32(number), sealed: vec![14; 80] }
}

/// A record of activity of a node of user 1.
pub(crate) fn activity(number: u64, millis: u64, node: u64) -> ActivityRow {
    let mut activity = id16(number);
    activity[..8].copy_from_slice(&millis.to_be_bytes());
    ActivityRow { activity, owner: user_id(1), node: node_id(node), sealed: vec![15; 200] }
}

/// The write of an earlier primary to a node of user 1.
pub(crate) fn diverged(blob: BlobId) -> DivergedRow {
    DivergedRow {
        key: DivergedKey::new(user_id(1), 1, 7, 0, &[0xd1; 32]),
        state: DivergedState::Waiting,
        kind: 7,
        object: node_id(10).0,
        became: Some(node_id(11)),
        written_millis: 1_000,
        change: vec![16; 40],
        refs: vec![blob],
    }
}

/// An upload of the first user.
pub(crate) fn upload(number: u64) -> UploadRow {
    UploadRow {
        owner: user_id(1),
        upload: UploadId(id16(5_000_000 + number)),
        note_ct: vec![17; 50],
        leases: 1,
        bytes: 70_000,
        created_millis: 1_000,
        touched_millis: 2_000,
    }
}

/// Another user, with a home directory.
pub(crate) fn other_user(number: u64) -> Vec<Change> {
    let home = node_id(900_000 + number);
    let node = NodeRow { node: home, parent: home, owner: user_id(number), ..self::home() };
    vec![Change::PutUser(UserRow { home, ..user(number) }), Change::PutNode(node)]
}

pub(crate) fn changes(changes: Vec<Change>) -> Commit {
    Commit { changes, ..Commit::default() }
}

pub(crate) fn when(preconditions: Vec<Precondition>, changes: Vec<Change>) -> Commit {
    Commit { preconditions, changes, ..Commit::default() }
}

/// A small file, as the service writes one: node, version and inline chunk.
pub(crate) fn small_file(
    number: u64,
    parent: u64,
    length: usize,
) -> (Vec<Change>, (BlobId, Bytes)) {
    let chunk = chunk(number, length);
    let changes = vec![
        Change::PutNode(file(number, parent)),
        Change::PutVersion(version(number, 1, &[chunk.0], &[])),
    ];
    (changes, chunk)
}

/// A batch of small files in the home directory.
pub(crate) fn batch(numbers: std::ops::Range<u64>, length: usize) -> Commit {
    let mut commit = Commit::default();
    for number in numbers {
        let (changes, chunk) = small_file(number, HOME, length);
        commit
            .preconditions
            .push(Precondition::NameFree { parent: node_id(HOME), lookup_tag: id32(number) });
        commit.changes.extend(changes);
        commit.inline.push(chunk);
    }
    commit
}

/// A user with a home directory.
pub(crate) fn first_user() -> Commit {
    changes(vec![Change::PutUser(user(1)), Change::PutNode(home())])
}
