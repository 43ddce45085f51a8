//! Uploads that are not finished, and the chunks that users know, in their tables.

use super::access::Record;
use super::cells::Cells;
use super::limits::MAX_NOTE;
use super::table::{Kind, Malformed, Table};
use crate::db::Value;
use coffer_protocol::{BlobId, UploadId, UserId};

/// A chunk that files or uploads of a user refer to, with what it is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownRow {
    pub(crate) owner: UserId,
    pub(crate) blob: BlobId,
    /// Keyed hash of length and content.
    pub(crate) fingerprint: [u8; 32],
    /// Versions and segments of the owner that name it, of those that came after it
    /// was first known.
    pub(crate) refs: u64,
}

impl Record for KnownRow {
    const TABLE: &'static Table = &Table {
        name: "known_chunks",
        number: 16,
        keys: 2,
        columns: &[
            ("owner", Kind::Fixed(16)),
            ("blob_id", Kind::Fixed(32)),
            ("fingerprint", Kind::Fixed(32)),
            ("refs", Kind::U64),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.owner.0).into(),
            (&self.blob.0).into(),
            (&self.fingerprint).into(),
            self.refs.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            owner: UserId(cells.fixed()?),
            blob: BlobId(cells.fixed()?),
            fingerprint: cells.fixed()?,
            refs: cells.number()?,
        })
    }
}

/// An upload that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Who uploads.
    pub owner: UserId,
    /// Which.
    pub upload: UploadId,
    /// What it is and where it goes, sealed.
    pub note_ct: Vec<u8>,
    /// Segments that hold its chunks until a version does.
    pub leases: u64,
    /// Bytes of the content that have arrived.
    pub bytes: u64,
    /// When it began, milliseconds since 1970.
    pub created_millis: i64,
    /// When something of it arrived last, milliseconds since 1970.
    pub touched_millis: i64,
}

impl Record for UploadRow {
    const TABLE: &'static Table = &Table {
        name: "uploads",
        number: 17,
        keys: 2,
        columns: &[
            ("owner", Kind::Fixed(16)),
            ("upload", Kind::Fixed(16)),
            ("note_ct", Kind::Bytes(MAX_NOTE)),
            ("leases", Kind::U64),
            ("bytes", Kind::U64),
            ("created_millis", Kind::Int),
            ("touched_millis", Kind::Int),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.owner.0).into(),
            (&self.upload.0).into(),
            self.note_ct.as_slice().into(),
            self.leases.into(),
            self.bytes.into(),
            self.created_millis.into(),
            self.touched_millis.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            owner: UserId(cells.fixed()?),
            upload: UploadId(cells.fixed()?),
            note_ct: cells.bytes()?,
            leases: cells.number()?,
            bytes: cells.number()?,
            created_millis: cells.int()?,
            touched_millis: cells.int()?,
        })
    }
}
