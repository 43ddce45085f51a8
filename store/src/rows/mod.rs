//! Rows: their types, their form in the tables, and reading them with proof.
//!
//! Guarantee: no row leaves this module whose digest does not match its values.

mod access;
mod accounts;
mod blobs;
mod cells;
mod diverged;
mod history;
mod limits;
mod nodes;
mod shares;
mod table;
mod types;
mod uploads;

pub(crate) use access::{
    Record, decode, encode, fetch_keys, fetch_one, fetch_where, insert_records, verify,
};
pub(crate) use accounts::{SettingRow, TotalsRow};
pub(crate) use cells::Cells;
pub use diverged::{DivergedKey, DivergedRow, DivergedState};
pub(crate) use history::{ClusterRow, JournalRow};
pub(crate) use limits::{MAX_BODY_BYTES, MAX_REFS, MAX_RESULT_BYTES, MAX_SETTING_NAME};
pub(crate) use nodes::{SegmentRecord, segment_from_cells, segment_values};
pub use shares::{
    ActivityRow, ContactRow, GroupRow, MODE_READ, MODE_WRITE, RECIPIENT_GROUP, RECIPIENT_USER,
    ShareRow,
};
pub use table::Malformed;
pub(crate) use table::{
    Column, DIGEST_BYTES, Kind, Table, check, read_image, take, take_slice, write_image,
};
pub use types::{
    ChunkPlace, ChunkRow, ChunkState, InviteRow, KIND_DIRECTORY, KIND_FILE, NodeRow, SegmentId,
    SegmentRow, Stored, USER_ACTIVE, USER_DISABLED, Usage, UserRow, VersionRow,
};
pub(crate) use uploads::KnownRow;
pub use uploads::UploadRow;

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
    ShareRow::TABLE,
    GroupRow::TABLE,
    ContactRow::TABLE,
    ActivityRow::TABLE,
    DivergedRow::TABLE,
    KnownRow::TABLE,
    UploadRow::TABLE,
];
