//! The form of every row in its table.

use super::access::Record;
use super::cells::{Cells, ids_to_bytes, optional};
use super::table::{Kind, Malformed, Table};
use super::types::{
    ChunkPlace, ChunkRow, ChunkState, InviteRow, NodeRow, SegmentRow, UserRow, VersionRow,
};
use crate::db::Value;
use coffer_protocol::{BlobId, NodeId, UserId};

/// Longest sealed name, key, metadata, contact, verifier or wrapped key.
const MAX_SEALED: usize = 4 << 10;
/// Longest sealed manifest of a version.
const MAX_MANIFEST: usize = 1 << 20;
/// Longest list of references.
const MAX_REFS: usize = 1 << 20;
/// Longest name of a setting.
const MAX_SETTING_NAME: usize = 64;
/// Longest value of a setting.
const MAX_SETTING: usize = 64 << 10;
/// Longest body of a journal entry.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;
/// Longest stored answer.
pub(crate) const MAX_RESULT_BYTES: usize = 1 << 20;

/// Every table whose rows are many; all but `cluster_state`.
pub(crate) const TABLES: &[&Table] = &[
    UserRow::TABLE,
    InviteRow::TABLE,
    NodeRow::TABLE,
    VersionRow::TABLE,
    SegmentRecord::TABLE,
    ChunkRow::TABLE,
    JournalRow::TABLE,
    SettingRow::TABLE,
    TotalsRow::TABLE,
];

/// The one row about the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterRow {
    pub(crate) server_id: [u8; 32],
    pub(crate) check_value: [u8; 32],
    pub(crate) role: u8,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) fenced: bool,
    /// Hash of the last journal entry.
    pub(crate) chain_hash: [u8; 32],
    /// The last journal entry that was pruned, and its hash.
    pub(crate) pruned_seq: u64,
    pub(crate) pruned_hash: [u8; 32],
    pub(crate) created_millis: i64,
}

impl Record for ClusterRow {
    const TABLE: &'static Table = &Table {
        name: "cluster_state",
        number: 1,
        keys: 1,
        columns: &[
            ("id", Kind::U64),
            ("server_id", Kind::Fixed(32)),
            ("check_value", Kind::Fixed(32)),
            ("role", Kind::U64),
            ("epoch", Kind::U64),
            ("seq", Kind::U64),
            ("fenced", Kind::U64),
            ("chain_hash", Kind::Fixed(32)),
            ("pruned_seq", Kind::U64),
            ("pruned_hash", Kind::Fixed(32)),
            ("created_millis", Kind::Int),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            Value::Int(1),
            (&self.server_id).into(),
            (&self.check_value).into(),
            u32::from(self.role).into(),
            self.epoch.into(),
            self.seq.into(),
            u32::from(self.fenced).into(),
            (&self.chain_hash).into(),
            self.pruned_seq.into(),
            (&self.pruned_hash).into(),
            self.created_millis.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        if cells.int()? != 1 {
            return Err(Malformed);
        }
        Ok(Self {
            server_id: cells.fixed()?,
            check_value: cells.fixed()?,
            role: cells.number()?,
            epoch: cells.number()?,
            seq: cells.number()?,
            fenced: match cells.int()? {
                0 => false,
                1 => true,
                _ => return Err(Malformed),
            },
            chain_hash: cells.fixed()?,
            pruned_seq: cells.number()?,
            pruned_hash: cells.fixed()?,
            created_millis: cells.int()?,
        })
    }
}

impl Record for UserRow {
    const TABLE: &'static Table = &Table {
        name: "users",
        number: 2,
        keys: 1,
        columns: &[
            ("user_id", Kind::Fixed(16)),
            ("tag", Kind::Fixed(32)),
            ("name_ct", Kind::Bytes(MAX_SEALED)),
            ("contact_ct", Kind::Bytes(MAX_SEALED)),
            ("auth_password", Kind::Bytes(MAX_SEALED)),
            ("auth_recovery", Kind::Bytes(MAX_SEALED)),
            ("root_password", Kind::Bytes(MAX_SEALED)),
            ("root_recovery", Kind::Bytes(MAX_SEALED)),
            ("version", Kind::U64),
            ("identity_public", Kind::Fixed(32)),
            ("identity_ct", Kind::Bytes(MAX_SEALED)),
            ("home", Kind::Fixed(16)),
            ("state", Kind::U64),
            ("created_millis", Kind::Int),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.user.0).into(),
            (&self.tag).into(),
            self.name_ct.as_slice().into(),
            self.contact_ct.as_slice().into(),
            self.auth_password.as_slice().into(),
            self.auth_recovery.as_slice().into(),
            self.root_password.as_slice().into(),
            self.root_recovery.as_slice().into(),
            self.version.into(),
            (&self.identity_public).into(),
            self.identity_ct.as_slice().into(),
            (&self.home.0).into(),
            u32::from(self.state).into(),
            self.created_millis.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            user: UserId(cells.fixed()?),
            tag: cells.fixed()?,
            name_ct: cells.bytes()?,
            contact_ct: cells.bytes()?,
            auth_password: cells.bytes()?,
            auth_recovery: cells.bytes()?,
            root_password: cells.bytes()?,
            root_recovery: cells.bytes()?,
            version: cells.number()?,
            identity_public: cells.fixed()?,
            identity_ct: cells.bytes()?,
            home: NodeId(cells.fixed()?),
            state: cells.number()?,
            created_millis: cells.int()?,
        })
    }
}

impl Record for InviteRow {
    const TABLE: &'static Table = &Table {
        name: "invites",
        number: 3,
        keys: 1,
        columns: &[
            ("tag", Kind::Fixed(32)),
            ("created_millis", Kind::Int),
            ("expires_millis", Kind::Int),
            ("uses_left", Kind::U64),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.tag).into(),
            self.created_millis.into(),
            self.expires_millis.into(),
            self.uses_left.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            tag: cells.fixed()?,
            created_millis: cells.int()?,
            expires_millis: cells.int()?,
            uses_left: cells.number()?,
        })
    }
}

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

impl Record for ChunkRow {
    /// The `data` column is not covered: the chunk's id is.
    const TABLE: &'static Table = &Table {
        name: "chunks",
        number: 7,
        keys: 1,
        columns: &[
            ("blob_id", Kind::Fixed(32)),
            ("generation", Kind::U64),
            ("state", Kind::U64),
            ("place", Kind::U64),
            ("size", Kind::U64),
            ("refs", Kind::U64),
            ("idle_millis", Kind::OptInt),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.blob.0).into(),
            self.generation.into(),
            u32::from(self.state.number()).into(),
            u32::from(self.place.number()).into(),
            self.size.into(),
            self.refs.into(),
            optional(self.idle_millis),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            blob: BlobId(cells.fixed()?),
            generation: cells.number()?,
            state: ChunkState::from_number(cells.int()?)?,
            place: ChunkPlace::from_number(cells.int()?)?,
            size: cells.number()?,
            refs: cells.number()?,
            idle_millis: cells.opt_int()?,
        })
    }
}

impl ChunkState {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Live => 1,
            Self::Condemned => 2,
            Self::Deleting => 3,
        }
    }

    pub(crate) fn from_number(number: i64) -> Result<Self, Malformed> {
        match number {
            1 => Ok(Self::Live),
            2 => Ok(Self::Condemned),
            3 => Ok(Self::Deleting),
            _ => Err(Malformed),
        }
    }
}

impl ChunkPlace {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Inline => 1,
            Self::File => 2,
        }
    }

    pub(crate) fn from_number(number: i64) -> Result<Self, Malformed> {
        match number {
            1 => Ok(Self::Inline),
            2 => Ok(Self::File),
            _ => Err(Malformed),
        }
    }
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JournalRow {
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) op_key: Option<[u8; 16]>,
    pub(crate) committed_millis: i64,
    pub(crate) body: Vec<u8>,
    pub(crate) result: Vec<u8>,
    pub(crate) hash: [u8; 32],
}

impl Record for JournalRow {
    const TABLE: &'static Table = &Table {
        name: "journal",
        number: 8,
        keys: 1,
        columns: &[
            ("seq", Kind::U64),
            ("epoch", Kind::U64),
            ("op_key", Kind::OptFixed(16)),
            ("committed_millis", Kind::Int),
            ("body", Kind::Bytes(MAX_BODY_BYTES)),
            ("result", Kind::Bytes(MAX_RESULT_BYTES)),
            ("hash", Kind::Fixed(32)),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            self.seq.into(),
            self.epoch.into(),
            optional(self.op_key.as_ref()),
            self.committed_millis.into(),
            self.body.as_slice().into(),
            self.result.as_slice().into(),
            (&self.hash).into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            seq: cells.number()?,
            epoch: cells.number()?,
            op_key: cells.opt_fixed()?,
            committed_millis: cells.int()?,
            body: cells.bytes()?,
            result: cells.bytes()?,
            hash: cells.fixed()?,
        })
    }
}

/// A setting of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettingRow {
    pub(crate) name: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Record for SettingRow {
    const TABLE: &'static Table = &Table {
        name: "settings",
        number: 9,
        keys: 1,
        columns: &[("name", Kind::Bytes(MAX_SETTING_NAME)), ("value", Kind::Bytes(MAX_SETTING))],
    };

    fn values(&self) -> Vec<Value> {
        vec![self.name.as_slice().into(), self.value.as_slice().into()]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self { name: cells.bytes()?, value: cells.bytes()? })
    }
}

/// What a user's rows add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TotalsRow {
    pub(crate) owner: UserId,
    pub(crate) nodes: u64,
    pub(crate) bytes: u64,
}

impl Record for TotalsRow {
    const TABLE: &'static Table = &Table {
        name: "totals",
        number: 10,
        keys: 1,
        columns: &[("owner", Kind::Fixed(16)), ("nodes", Kind::U64), ("bytes", Kind::U64)],
    };

    fn values(&self) -> Vec<Value> {
        vec![(&self.owner.0).into(), self.nodes.into(), self.bytes.into()]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            owner: UserId(cells.fixed()?),
            nodes: cells.number()?,
            bytes: cells.number()?,
        })
    }
}
