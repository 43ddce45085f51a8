//! The bytes of changes in a journal entry. Big-endian, laid out by hand:
//!
//! ```text
//! body   = version (1 byte, 1) || count (4) || count x change
//! change = kind (1) || version of the kind (1, always 1 so far) || length (4) || image
//! ```
//!
//! The image is that of the row's table, or of the columns given below where a
//! change carries less than a row; [`crate::rows`] has its form. Decoding is
//! total: it returns what was encoded or an error, whatever the bytes, and
//! allocates no more than a small multiple of their length.

use super::Change;
use crate::db::Value;
use crate::rows::{
    ActivityRow, Cells, ChunkPlace, ChunkState, Column, ContactRow, DivergedKey, DivergedRow,
    GroupRow, InviteRow, Kind, MAX_REFS, MAX_SETTING_NAME, Malformed, NodeRow, Record, SettingRow,
    ShareRow, UploadRow, UserRow, VersionRow, check, read_image, segment_from_cells,
    segment_values, take, take_slice, write_image,
};
use coffer_protocol::{BlobId, NodeId, ShareId, UploadId, UserId};

/// Version of the body.
const BODY_VERSION: u8 = 1;
/// Version of every kind of change.
const CHANGE_VERSION: u8 = 1;
/// Most changes of one journal entry.
const MAX_CHANGES: usize = 1 << 16;

const ID16: &[Column] = &[("id", Kind::Fixed(16))];
const ID32: &[Column] = &[("id", Kind::Fixed(32))];
const VERSION_KEY: &[Column] = &[("node", Kind::Fixed(16)), ("revision", Kind::U64)];
const SETTING_KEY: &[Column] = &[("name", Kind::Bytes(MAX_SETTING_NAME))];
const SEGMENT: &[Column] = &[
    ("segment", Kind::Fixed(16)),
    ("owner", Kind::Fixed(16)),
    ("refs", Kind::Bytes(MAX_REFS)),
    ("created_millis", Kind::Int),
];
const CHUNK: &[Column] = &[
    ("blob_id", Kind::Fixed(32)),
    ("generation", Kind::U64),
    ("place", Kind::U64),
    ("size", Kind::U64),
];
const CHUNK_STATE: &[Column] =
    &[("blob_id", Kind::Fixed(32)), ("generation", Kind::U64), ("state", Kind::U64)];
const CHUNK_KEY: &[Column] = &[("blob_id", Kind::Fixed(32)), ("generation", Kind::U64)];
const DIVERGED_KEY: &[Column] = &[("owner", Kind::Fixed(16)), ("place", Kind::Fixed(32))];
const KNOWN: &[Column] =
    &[("owner", Kind::Fixed(16)), ("blob_id", Kind::Fixed(32)), ("fingerprint", Kind::Fixed(32))];
const UPLOAD_KEY: &[Column] = &[("owner", Kind::Fixed(16)), ("upload", Kind::Fixed(16))];
const CONTACT_KEY: &[Column] = &[("owner", Kind::Fixed(16)), ("tag", Kind::Fixed(32))];

/// Changes that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// From a newer version of Coffer.
    #[error("the body of the journal entry has version {0}, which is not known")]
    UnknownVersion(u8),
    /// From a newer version of Coffer.
    #[error("a change of kind {kind} and version {version} is not known")]
    UnknownChange {
        /// The kind.
        kind: u8,
        /// The version of the kind.
        version: u8,
    },
    /// Not a body at all.
    #[error("the body of the journal entry is damaged")]
    Malformed,
    /// A value that its column cannot hold.
    #[error("the value of `{0}` does not fit its column")]
    Misfit(&'static str),
    /// Too many changes for one entry.
    #[error("more changes than a journal entry takes")]
    TooMany,
}

impl From<Malformed> for ChangeError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Encoded changes, without the head of a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct EncodedChanges {
    count: u32,
    bytes: Vec<u8>,
}

impl EncodedChanges {
    /// Encodes changes, after a look at their bounds.
    pub(crate) fn new(changes: &[Change]) -> Result<Self, ChangeError> {
        if changes.len() > MAX_CHANGES {
            return Err(ChangeError::TooMany);
        }
        let mut bytes = Vec::with_capacity(changes.len() * 512);
        changes.iter().try_for_each(|change| write_change(change, &mut bytes))?;
        Ok(Self { count: changes.len() as u32, bytes })
    }

    /// The bytes of a body with these changes, then the others.
    pub(crate) fn body_with(&self, others: &Self) -> Vec<u8> {
        let mut body = Vec::with_capacity(5 + self.bytes.len() + others.bytes.len());
        body.push(BODY_VERSION);
        body.extend_from_slice(&(self.count + others.count).to_be_bytes());
        body.extend_from_slice(&self.bytes);
        body.extend_from_slice(&others.bytes);
        body
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Reads the body of a journal entry.
pub fn decode_body(body: &[u8]) -> Result<Vec<Change>, ChangeError> {
    let mut rest = body;
    let [version] = take::<1>(&mut rest)?;
    if version != BODY_VERSION {
        return Err(ChangeError::UnknownVersion(version));
    }
    let count = u32::from_be_bytes(take::<4>(&mut rest)?) as usize;
    if count > 2 * MAX_CHANGES {
        return Err(ChangeError::TooMany);
    }
    // The smallest change takes 22 bytes, so a false count allocates little.
    let mut changes = Vec::with_capacity(count.min(rest.len() / 22));
    for _ in 0..count {
        changes.push(read_change(&mut rest)?);
    }
    if rest.is_empty() { Ok(changes) } else { Err(ChangeError::Malformed) }
}

/// The body of a journal entry with these changes.
pub fn encode_body(changes: &[Change]) -> Result<Vec<u8>, ChangeError> {
    Ok(EncodedChanges::default().body_with(&EncodedChanges::new(changes)?))
}

/// The number of a change's kind, as it is written.
pub fn kind_of(change: &Change) -> u8 {
    parts(change).0
}

/// The kind, the columns and the values of a change.
fn parts(change: &Change) -> (u8, &'static [Column], Vec<Value>) {
    match change {
        Change::PutUser(row) => (1, UserRow::TABLE.columns, row.values()),
        Change::DeleteUser(user) => (2, ID16, vec![(&user.0).into()]),
        Change::PutInvite(row) => (3, InviteRow::TABLE.columns, row.values()),
        Change::DeleteInvite(tag) => (4, ID32, vec![tag.into()]),
        Change::PutNode(row) => (5, NodeRow::TABLE.columns, row.values()),
        Change::DeleteNode(node) => (6, ID16, vec![(&node.0).into()]),
        Change::PutVersion(row) => (7, VersionRow::TABLE.columns, row.values()),
        Change::DeleteVersion(node, revision) => {
            (8, VERSION_KEY, vec![(&node.0).into(), (*revision).into()])
        }
        Change::PutSegment(row) => (9, SEGMENT, segment_values(row)),
        Change::DeleteSegment(segment) => (10, ID16, vec![segment.into()]),
        Change::PutSetting { key, value } => {
            let values = vec![key.as_bytes().into(), value.as_slice().into()];
            (11, SettingRow::TABLE.columns, values)
        }
        Change::DeleteSetting { key } => (12, SETTING_KEY, vec![key.as_bytes().into()]),
        Change::PutChunk { blob, generation, place, size } => {
            let place = u32::from(place.number()).into();
            (13, CHUNK, vec![(&blob.0).into(), (*generation).into(), place, (*size).into()])
        }
        Change::SetChunkState { blob, generation, state } => {
            let state = u32::from(state.number()).into();
            (14, CHUNK_STATE, vec![(&blob.0).into(), (*generation).into(), state])
        }
        Change::DeleteChunk { blob, generation } => {
            (15, CHUNK_KEY, vec![(&blob.0).into(), (*generation).into()])
        }
        Change::PutShare(row) => (16, ShareRow::TABLE.columns, row.values()),
        Change::DeleteShare(share) => (17, ID16, vec![(&share.0).into()]),
        Change::PutGroup(row) => (18, GroupRow::TABLE.columns, row.values()),
        Change::DeleteGroup(group) => (19, ID16, vec![group.into()]),
        Change::PutContact(row) => (20, ContactRow::TABLE.columns, row.values()),
        Change::DeleteContact { owner, tag } => {
            (21, CONTACT_KEY, vec![(&owner.0).into(), tag.into()])
        }
        Change::PutActivity(row) => (22, ActivityRow::TABLE.columns, row.values()),
        Change::DeleteActivity(activity) => (23, ID16, vec![activity.into()]),
        Change::PutDiverged(row) => (24, DivergedRow::TABLE.columns, row.values()),
        Change::DeleteDiverged(key) => (25, DIVERGED_KEY, key.values()),
        Change::PutKnown { owner, blob, fingerprint } => {
            (26, KNOWN, vec![(&owner.0).into(), (&blob.0).into(), fingerprint.into()])
        }
        Change::PutUpload(row) => (27, UploadRow::TABLE.columns, row.values()),
        Change::DeleteUpload { owner, upload } => {
            (28, UPLOAD_KEY, vec![(&owner.0).into(), (&upload.0).into()])
        }
    }
}

fn write_change(change: &Change, out: &mut Vec<u8>) -> Result<(), ChangeError> {
    let (kind, columns, values) = parts(change);
    check(&values, columns).map_err(ChangeError::Misfit)?;
    out.extend_from_slice(&[kind, CHANGE_VERSION, 0, 0, 0, 0]);
    let start = out.len();
    write_image(&values, columns, out);
    let length = (out.len() - start) as u32;
    out[start - 4..start].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn read_change(rest: &mut &[u8]) -> Result<Change, ChangeError> {
    let [kind, version] = take::<2>(rest)?;
    let length = u32::from_be_bytes(take::<4>(rest)?) as usize;
    let image = take_slice(rest, length)?;
    let unknown = ChangeError::UnknownChange { kind, version };
    if version != CHANGE_VERSION {
        return Err(unknown);
    }
    let columns = match kind {
        1 => UserRow::TABLE.columns,
        2 | 6 | 10 | 17 | 19 | 23 => ID16,
        3 => InviteRow::TABLE.columns,
        4 => ID32,
        5 => NodeRow::TABLE.columns,
        7 => VersionRow::TABLE.columns,
        8 => VERSION_KEY,
        9 => SEGMENT,
        11 => SettingRow::TABLE.columns,
        12 => SETTING_KEY,
        13 => CHUNK,
        14 => CHUNK_STATE,
        15 => CHUNK_KEY,
        16 => ShareRow::TABLE.columns,
        18 => GroupRow::TABLE.columns,
        20 => ContactRow::TABLE.columns,
        21 => CONTACT_KEY,
        22 => ActivityRow::TABLE.columns,
        24 => DivergedRow::TABLE.columns,
        25 => DIVERGED_KEY,
        26 => KNOWN,
        27 => UploadRow::TABLE.columns,
        28 => UPLOAD_KEY,
        _ => return Err(unknown),
    };
    let mut cells = Cells::new(read_image(image, columns)?);
    Ok(assemble(kind, &mut cells)?)
}

/// Makes a change of the values of its columns.
fn assemble(kind: u8, cells: &mut Cells) -> Result<Change, Malformed> {
    Ok(match kind {
        1 => Change::PutUser(UserRow::from_cells(cells)?),
        2 => Change::DeleteUser(UserId(cells.fixed()?)),
        3 => Change::PutInvite(InviteRow::from_cells(cells)?),
        4 => Change::DeleteInvite(cells.fixed()?),
        5 => Change::PutNode(NodeRow::from_cells(cells)?),
        6 => Change::DeleteNode(NodeId(cells.fixed()?)),
        7 => Change::PutVersion(VersionRow::from_cells(cells)?),
        8 => Change::DeleteVersion(NodeId(cells.fixed()?), cells.number()?),
        9 => Change::PutSegment(segment_from_cells(cells)?),
        10 => Change::DeleteSegment(cells.fixed()?),
        11 => Change::PutSetting { key: text(cells)?, value: cells.bytes()? },
        12 => Change::DeleteSetting { key: text(cells)? },
        13 => Change::PutChunk {
            blob: BlobId(cells.fixed()?),
            generation: cells.number()?,
            place: ChunkPlace::from_number(cells.int()?)?,
            size: cells.number()?,
        },
        14 => Change::SetChunkState {
            blob: BlobId(cells.fixed()?),
            generation: cells.number()?,
            state: ChunkState::from_number(cells.int()?)?,
        },
        15 => Change::DeleteChunk { blob: BlobId(cells.fixed()?), generation: cells.number()? },
        16 => Change::PutShare(ShareRow::from_cells(cells)?),
        17 => Change::DeleteShare(ShareId(cells.fixed()?)),
        18 => Change::PutGroup(GroupRow::from_cells(cells)?),
        19 => Change::DeleteGroup(cells.fixed()?),
        20 => Change::PutContact(ContactRow::from_cells(cells)?),
        21 => Change::DeleteContact { owner: UserId(cells.fixed()?), tag: cells.fixed()? },
        22 => Change::PutActivity(ActivityRow::from_cells(cells)?),
        23 => Change::DeleteActivity(cells.fixed()?),
        24 => Change::PutDiverged(DivergedRow::from_cells(cells)?),
        25 => Change::DeleteDiverged(DivergedKey::from_cells(cells)?),
        26 => Change::PutKnown {
            owner: UserId(cells.fixed()?),
            blob: BlobId(cells.fixed()?),
            fingerprint: cells.fixed()?,
        },
        27 => Change::PutUpload(UploadRow::from_cells(cells)?),
        28 => {
            Change::DeleteUpload { owner: UserId(cells.fixed()?), upload: UploadId(cells.fixed()?) }
        }
        _ => return Err(Malformed),
    })
}

fn text(cells: &mut Cells) -> Result<String, Malformed> {
    String::from_utf8(cells.bytes()?).map_err(|_| Malformed)
}
