//! The form of the journal, and of the row that says where it stands.

use super::access::Record;
use super::cells::{Cells, optional};
use super::limits::{MAX_BODY_BYTES, MAX_RESULT_BYTES};
use super::table::{Kind, Malformed, Table};
use crate::db::Value;
use crate::seat::Fence;

/// The one row about the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterRow {
    pub(crate) server_id: [u8; 32],
    pub(crate) check_value: [u8; 32],
    pub(crate) role: u8,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) fenced: Fence,
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
            u32::from(self.fenced.number()).into(),
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
            fenced: Fence::from_number(cells.number()?).ok_or(Malformed)?,
            chain_hash: cells.fixed()?,
            pruned_seq: cells.number()?,
            pruned_hash: cells.fixed()?,
            created_millis: cells.int()?,
        })
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
