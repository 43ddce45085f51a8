//! Writes of an earlier primary, and their form in their table.

use super::access::Record;
use super::cells::{Cells, ids_to_bytes, optional};
use super::limits::{MAX_CHANGE, MAX_REFS};
use super::table::{Kind, Malformed, Table};
use crate::db::Value;
use coffer_protocol::{BlobId, NodeId, UserId};

/// What becomes of the write of an earlier primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DivergedState {
    /// Its owner has not signed in since.
    Waiting,
    /// It was not done again; the owner is told of it.
    Listed,
    /// It came back.
    Returned,
    /// It cannot come back.
    Lost,
    /// Nothing is to be done with it; others need it to be opened.
    Support,
}

impl DivergedState {
    /// Its number in the table.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Waiting => 1,
            Self::Listed => 2,
            Self::Returned => 3,
            Self::Lost => 4,
            Self::Support => 5,
        }
    }

    fn from_number(number: i64) -> Result<Self, Malformed> {
        match number {
            1 => Ok(Self::Waiting),
            2 => Ok(Self::Listed),
            3 => Ok(Self::Returned),
            4 => Ok(Self::Lost),
            5 => Ok(Self::Support),
            _ => Err(Malformed),
        }
    }
}

/// Names a write of an earlier primary. In the order of the writes, for each owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DivergedKey {
    /// Whom it concerns; zeros for what belongs to nobody.
    pub owner: UserId,
    /// Epoch (8 bytes), number of the journal entry (8), number of the change in it
    /// (4), and the beginning of the entry's hash (12).
    pub place: [u8; 32],
}

impl DivergedKey {
    /// The key of one change of an entry.
    pub fn new(owner: UserId, epoch: u64, seq: u64, number: u32, hash: &[u8; 32]) -> Self {
        let mut place = [0; 32];
        place[..8].copy_from_slice(&epoch.to_be_bytes());
        place[8..16].copy_from_slice(&seq.to_be_bytes());
        place[16..20].copy_from_slice(&number.to_be_bytes());
        place[20..].copy_from_slice(&hash[..12]);
        Self { owner, place }
    }

    /// The values of the key columns.
    pub(crate) fn values(&self) -> Vec<Value> {
        vec![(&self.owner.0).into(), (&self.place).into()]
    }

    pub(crate) fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self { owner: UserId(cells.fixed()?), place: cells.fixed()? })
    }
}

/// One change that the primary of an earlier epoch had acknowledged, and that no
/// other machine had when another became the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivergedRow {
    /// Which.
    pub key: DivergedKey,
    /// What becomes of it.
    pub state: DivergedState,
    /// Number of the change's kind; see [`crate::kind_of`].
    pub kind: u8,
    /// The node, share, group, segment or user that it is about.
    pub object: [u8; 16],
    /// The node that it came back as.
    pub became: Option<NodeId>,
    /// When it was written by that primary's clock, milliseconds since 1970.
    pub written_millis: i64,
    /// The change, as a body of a journal entry with this change alone; empty once
    /// nobody needs it any more.
    pub change: Vec<u8>,
    /// The chunks that it names, each once; they are kept for as long as this is.
    pub refs: Vec<BlobId>,
}

impl Record for DivergedRow {
    const TABLE: &'static Table = &Table {
        name: "diverged",
        number: 15,
        keys: 2,
        columns: &[
            ("owner", Kind::Fixed(16)),
            ("place", Kind::Fixed(32)),
            ("state", Kind::U64),
            ("kind", Kind::U64),
            ("object", Kind::Fixed(16)),
            ("became", Kind::OptFixed(16)),
            ("written_millis", Kind::Int),
            ("change_image", Kind::Bytes(MAX_CHANGE)),
            ("refs", Kind::Bytes(MAX_REFS)),
        ],
    };

    fn values(&self) -> Vec<Value> {
        let mut values = self.key.values();
        values.extend([
            u32::from(self.state.number()).into(),
            u32::from(self.kind).into(),
            (&self.object).into(),
            optional(self.became.as_ref().map(|node| &node.0)),
            self.written_millis.into(),
            self.change.as_slice().into(),
            ids_to_bytes(self.refs.iter().map(BlobId::as_bytes)),
        ]);
        values
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            key: DivergedKey::from_cells(cells)?,
            state: DivergedState::from_number(cells.int()?)?,
            kind: cells.number()?,
            object: cells.fixed()?,
            became: cells.opt_fixed()?.map(NodeId),
            written_millis: cells.int()?,
            change: cells.bytes()?,
            refs: cells.ids(BlobId)?,
        })
    }
}
