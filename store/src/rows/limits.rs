//! How long the columns may be.

/// Longest sealed name, key, metadata, contact, verifier or wrapped key.
pub(super) const MAX_SEALED: usize = 4 << 10;
/// Longest sealed manifest of a version.
pub(super) const MAX_MANIFEST: usize = 1 << 20;
/// Longest list of references.
pub(crate) const MAX_REFS: usize = 1 << 20;
/// Longest name of a setting.
pub(crate) const MAX_SETTING_NAME: usize = 64;
/// Longest value of a setting.
pub(super) const MAX_SETTING: usize = 64 << 10;
/// Longest sealed name and members of a group.
pub(super) const MAX_GROUP: usize = 24 << 10;
/// Longest sealed record of activity.
pub(super) const MAX_ACTIVITY: usize = 8 << 10;
/// Longest sealed note of an upload.
pub(super) const MAX_NOTE: usize = 8 << 10;
/// Longest encoded change of a machine that was the primary: more than any row.
pub(super) const MAX_CHANGE: usize = 4 << 20;
/// Longest body of a journal entry.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;
/// Longest stored answer.
pub(crate) const MAX_RESULT_BYTES: usize = 1 << 20;
