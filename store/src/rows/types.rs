//! The rows as the rest of Coffer sees them. Ciphertext, tags and numbers only.

use coffer_protocol::{BlobId, NodeId, UserId};

/// Identifies a manifest segment; random.
pub type SegmentId = [u8; 16];

/// [`NodeRow::kind`] of a file.
pub const KIND_FILE: u8 = 1;
/// [`NodeRow::kind`] of a directory.
pub const KIND_DIRECTORY: u8 = 2;
/// [`UserRow::state`] of a user who may sign in.
pub const USER_ACTIVE: u8 = 1;
/// [`UserRow::state`] of a user whom the operator has disabled.
pub const USER_DISABLED: u8 = 2;

/// A file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// The node.
    pub node: NodeId,
    /// Whose it is.
    pub owner: UserId,
    /// The directory it is in; a home directory names itself.
    pub parent: NodeId,
    /// [`KIND_FILE`] or [`KIND_DIRECTORY`].
    pub kind: u8,
    /// Raised when the node's key is changed.
    pub key_epoch: u32,
    /// Raised by every change of this row.
    pub revision: u64,
    /// Revision of the content; names a [`VersionRow`] of a file.
    pub content_revision: u64,
    /// Keyed hash of the name, unique in the directory; `None` in the trash and
    /// for a home directory.
    pub lookup_tag: Option<[u8; 32]>,
    /// Keyed hash of the name with case and form folded away.
    pub fold_tag: [u8; 32],
    /// The sealed name.
    pub name_ct: Vec<u8>,
    /// The wrapped key.
    pub key_ct: Vec<u8>,
    /// The sealed metadata.
    pub meta_ct: Vec<u8>,
    /// When it went to the trash, milliseconds since 1970.
    pub trashed_millis: Option<i64>,
    /// When it was created, milliseconds since 1970.
    pub created_millis: i64,
}

/// One version of a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRow {
    /// The file.
    pub node: NodeId,
    /// The content revision.
    pub revision: u64,
    /// Whose it is.
    pub owner: UserId,
    /// Bytes.
    pub size: u64,
    /// When it was written, milliseconds since 1970.
    pub written_millis: i64,
    /// The sealed metadata of the version.
    pub meta_ct: Vec<u8>,
    /// The sealed manifest.
    pub manifest_ct: Vec<u8>,
    /// The chunks that the manifest names itself; those of segments are counted
    /// by the segments.
    pub refs: Vec<BlobId>,
    /// The segments that the manifest names.
    pub segments: Vec<SegmentId>,
}

/// A segment of a big manifest: it keeps its chunks from being collected while
/// the upload goes on, and afterwards while a version names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// The segment.
    pub segment: SegmentId,
    /// Whose it is.
    pub owner: UserId,
    /// The chunks it names.
    pub refs: Vec<BlobId>,
    /// When it was written, milliseconds since 1970.
    pub created_millis: i64,
}

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub user: UserId,
    /// Keyed hash of the user name; unique.
    pub tag: [u8; 32],
    /// The sealed name.
    pub name_ct: Vec<u8>,
    /// The sealed contact; empty if none was given.
    pub contact_ct: Vec<u8>,
    /// The sealed verifier of the password.
    pub auth_password: Vec<u8>,
    /// The sealed verifier of the recovery key.
    pub auth_recovery: Vec<u8>,
    /// The root key, wrapped by the password.
    pub root_password: Vec<u8>,
    /// The root key, wrapped by the recovery key.
    pub root_recovery: Vec<u8>,
    /// Version of the credentials; raised by each change of them.
    pub version: u32,
    /// The public identity key.
    pub identity_public: [u8; 32],
    /// The sealed private identity key.
    pub identity_ct: Vec<u8>,
    /// The home directory.
    pub home: NodeId,
    /// [`USER_ACTIVE`] or [`USER_DISABLED`].
    pub state: u8,
    /// When the account was created, milliseconds since 1970.
    pub created_millis: i64,
}

/// An invitation to sign up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRow {
    /// Keyed hash of the code.
    pub tag: [u8; 32],
    /// When it was made, milliseconds since 1970.
    pub created_millis: i64,
    /// When it ends, milliseconds since 1970.
    pub expires_millis: i64,
    /// How many accounts it is still good for.
    pub uses_left: u32,
}

/// Where a chunk's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkPlace {
    /// In the `data` column of its row.
    Inline,
    /// In a file of its own.
    File,
}

/// What may happen to a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkState {
    /// Can be referred to.
    Live,
    /// Nothing refers to it; a new reference makes it live again.
    Condemned,
    /// Its bytes are going away; a new reference needs a new upload, which gets
    /// the next generation.
    Deleting,
}

/// A chunk, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRow {
    /// The chunk.
    pub blob: BlobId,
    /// Distinguishes the successive files of the same chunk.
    pub generation: u32,
    /// What may happen to it.
    pub state: ChunkState,
    /// Where the bytes are.
    pub place: ChunkPlace,
    /// Bytes of the sealed chunk.
    pub size: u32,
    /// Versions and segments that name it; each counts once.
    pub refs: u64,
    /// Since when nothing refers to it, milliseconds since 1970.
    pub idle_millis: Option<i64>,
}

/// What all chunks that something refers to add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many there are, each once.
    pub chunks: u64,
    /// Their sealed bytes.
    pub bytes: u64,
}

/// What a user's files add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files and directories, those in the trash included.
    pub nodes: u64,
    /// Bytes of all versions, before deduplication.
    pub bytes: u64,
}
