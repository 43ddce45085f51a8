//! The form of chunks in their table.

use super::access::Record;
use super::cells::{Cells, optional};
use super::table::{Kind, Malformed, Table};
use super::types::{ChunkPlace, ChunkRow, ChunkState};
use crate::db::Value;
use coffer_protocol::BlobId;

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
