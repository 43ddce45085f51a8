//! The form of nodes, versions and segments in their tables.

use super::access::Record;
use super::cells::{Cells, ids_to_bytes, optional};
use super::limits::{MAX_MANIFEST, MAX_REFS, MAX_SEALED};
use super::table::{Kind, Malformed, Table};
use super::types::{NodeRow, SegmentRow, VersionRow};
use crate::db::Value;
use coffer_protocol::{BlobId, NodeId, UserId};

impl Record for NodeRow {
    const TABLE: &'static Table = &Table {
        name: "nodes",
        number: 4,
        keys: 1,
        columns: &[
            ("node", Kind::Fixed(16)),
            ("owner", Kind::Fixed(16)),
            ("parent", Kind::Fixed(16)),
            ("kind", Kind::U64),
            ("key_epoch", Kind::U64),
            ("revision", Kind::U64),
            ("content_revision", Kind::U64),
            ("lookup_tag", Kind::OptFixed(32)),
            ("fold_tag", Kind::Fixed(32)),
            ("name_ct", Kind::Bytes(MAX_SEALED)),
            ("key_ct", Kind::Bytes(MAX_SEALED)),
            ("meta_ct", Kind::Bytes(MAX_SEALED)),
            ("trashed_millis", Kind::OptInt),
            ("created_millis", Kind::Int),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.node.0).into(),
            (&self.owner.0).into(),
            (&self.parent.0).into(),
            u32::from(self.kind).into(),
            self.key_epoch.into(),
            self.revision.into(),
            self.content_revision.into(),
            optional(self.lookup_tag.as_ref()),
            (&self.fold_tag).into(),
            self.name_ct.as_slice().into(),
            self.key_ct.as_slice().into(),
            self.meta_ct.as_slice().into(),
            optional(self.trashed_millis),
            self.created_millis.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            node: NodeId(cells.fixed()?),
            owner: UserId(cells.fixed()?),
            parent: NodeId(cells.fixed()?),
            kind: cells.number()?,
            key_epoch: cells.number()?,
            revision: cells.number()?,
            content_revision: cells.number()?,
            lookup_tag: cells.opt_fixed()?,
            fold_tag: cells.fixed()?,
            name_ct: cells.bytes()?,
            key_ct: cells.bytes()?,
            meta_ct: cells.bytes()?,
            trashed_millis: cells.opt_int()?,
            created_millis: cells.int()?,
        })
    }
}

impl Record for VersionRow {
    const TABLE: &'static Table = &Table {
        name: "versions",
        number: 5,
        keys: 2,
        columns: &[
            ("node", Kind::Fixed(16)),
            ("revision", Kind::U64),
            ("owner", Kind::Fixed(16)),
            ("size", Kind::U64),
            ("written_millis", Kind::Int),
            ("meta_ct", Kind::Bytes(MAX_SEALED)),
            ("manifest_ct", Kind::Bytes(MAX_MANIFEST)),
            ("refs", Kind::Bytes(MAX_REFS)),
            ("segments", Kind::Bytes(MAX_REFS)),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.node.0).into(),
            self.revision.into(),
            (&self.owner.0).into(),
            self.size.into(),
            self.written_millis.into(),
            self.meta_ct.as_slice().into(),
            self.manifest_ct.as_slice().into(),
            ids_to_bytes(self.refs.iter().map(BlobId::as_bytes)),
            ids_to_bytes(self.segments.iter()),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            node: NodeId(cells.fixed()?),
            revision: cells.number()?,
            owner: UserId(cells.fixed()?),
            size: cells.number()?,
            written_millis: cells.int()?,
            meta_ct: cells.bytes()?,
            manifest_ct: cells.bytes()?,
            refs: cells.ids(BlobId)?,
            segments: cells.ids(|id| id)?,
        })
    }
}

/// A segment and how many versions name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRecord {
    pub(crate) row: SegmentRow,
    /// Versions that name it; 0 while it belongs to an upload.
    pub(crate) named: u64,
}

impl Record for SegmentRecord {
    const TABLE: &'static Table = &Table {
        name: "segments",
        number: 6,
        keys: 1,
        columns: &[
            ("segment", Kind::Fixed(16)),
            ("owner", Kind::Fixed(16)),
            ("refs", Kind::Bytes(MAX_REFS)),
            ("created_millis", Kind::Int),
            ("named", Kind::U64),
        ],
    };

    fn values(&self) -> Vec<Value> {
        let mut values = segment_values(&self.row);
        values.push(self.named.into());
        values
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self { row: segment_from_cells(cells)?, named: cells.number()? })
    }
}

/// The columns of a segment that a change carries.
pub(crate) fn segment_values(row: &SegmentRow) -> Vec<Value> {
    vec![
        (&row.segment).into(),
        (&row.owner.0).into(),
        ids_to_bytes(row.refs.iter().map(BlobId::as_bytes)),
        row.created_millis.into(),
    ]
}

/// The inverse of [`segment_values`].
pub(crate) fn segment_from_cells(cells: &mut Cells) -> Result<SegmentRow, Malformed> {
    Ok(SegmentRow {
        segment: cells.fixed()?,
        owner: UserId(cells.fixed()?),
        refs: cells.ids(BlobId)?,
        created_millis: cells.int()?,
    })
}
