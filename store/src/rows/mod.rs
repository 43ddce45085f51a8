//! Rows: their types, their form in the tables, and reading them with proof.
//!
//! Guarantee: no row leaves this module whose digest does not match its values.

mod access;
mod cells;
mod records;
mod table;
mod types;

pub(crate) use access::{
    Record, decode, encode, fetch_keys, fetch_one, fetch_where, insert_records, verify,
};
pub(crate) use cells::Cells;
pub(crate) use records::{ClusterRow, JournalRow, MAX_BODY_BYTES, MAX_RESULT_BYTES, SegmentRecord, SettingRow, TABLES, TotalsRow, segment_from_cells, segment_values};
pub use table::Malformed;
pub(crate) use table::{Column, Kind, Table, check, read_image, take, take_slice, write_image};
pub use types::{
    ChunkPlace, ChunkRow, ChunkState, InviteRow, KIND_DIRECTORY, KIND_FILE, NodeRow, SegmentId,
    SegmentRow, USER_ACTIVE, USER_DISABLED, Usage, UserRow, VersionRow,
};
