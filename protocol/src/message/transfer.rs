//! Contents on their way in and out.
//!
//! A big file travels as chunks, cut by the client; a small one whole, many to
//! a frame. The server hashes everything itself before it stores it, and the
//! client hashes everything before it believes it.

use super::tree::{Entry, Expect};
use crate::error::WireError;
use crate::id::{Hash32, NodeId, OpId, Position, UploadId};
use crate::place::Place;
use bincode::{Decode, Encode};

/// One small file of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PutFile {
    /// The directory and the name in it.
    pub to: Place,
    /// Bytes of the payload that are this file's; below `limits::SMALL_FILE_BYTES`.
    pub len: u32,
    /// `crypto::chunk::plain_hash` of them.
    pub hash: Hash32,
    /// Modification time, milliseconds since 1970.
    pub modified_millis: i64,
    /// Whether the file is executable.
    pub executable: bool,
    /// What has to be there.
    pub expect: Expect,
}

/// Writes a batch of small files.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PutFiles {
    /// Makes the request repeatable.
    pub op: OpId,
    /// At most `limits::MAX_BATCH_FILES`.
    pub files: Vec<PutFile>,
}

/// A write that is durable.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Written {
    /// The node.
    pub node: NodeId,
    /// Its content revision after the write.
    pub revision: u64,
    /// Position of the write.
    pub position: Position,
    /// Machines that hold the write durably.
    pub machines: u8,
    /// Another name in the directory differs only in case or in the form of its
    /// letters: Windows and macOS cannot hold both.
    pub case_collision: bool,
}

/// Answer to `PutFiles`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BatchWritten {
    /// One outcome for each file, in order.
    pub files: Vec<Result<Written, WireError>>,
}

/// Asks which chunks of an upload have to be sent. The first offer, of the chunks
/// from 0 on, also asks whether the file can be written at all.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OfferContent {
    /// The upload; the first offer or chunk opens it.
    pub upload: UploadId,
    /// The directory and the name in it.
    pub to: Place,
    /// What has to be there.
    pub expect: Expect,
    /// Bytes of the whole file; `None`: not known yet.
    pub size: Option<u64>,
    /// Place of the first chunk in the file, from 0.
    pub first: u64,
    /// Consecutive chunks; at most `limits::MAX_OFFERED_CHUNKS`.
    pub chunks: Vec<PlanChunk>,
}

/// Answer to `OfferContent`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Needed {
    /// For each chunk, in order, whether it has to be sent. The others are part of
    /// the upload from now on.
    pub chunks: Vec<bool>,
}

/// Answer to `OfferContent`, to a client that can prove what it has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unproven {
    /// As in `Needed`.
    pub needed: Vec<bool>,
    /// Places in the file of those chunks, in order, that need not be sent if the client
    /// proves that it has all of them; `needed` holds for whoever does not.
    pub places: Vec<u64>,
    /// Random: makes the key of the proofs, together with the channel binding of this
    /// connection.
    pub nonce: [u8; 32],
}

/// Proof that the client has a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ContentProof {
    /// Place of the chunk in the file, from `Unproven::places`.
    pub place: u64,
    /// `crypto::ownership::prove` over all of it.
    pub proof: [u8; 32],
}

/// Proves chunks instead of sending them, within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProveContent {
    /// The upload.
    pub upload: UploadId,
    /// At most `limits::MAX_OFFERED_CHUNKS`, for the newest `Unproven`.
    pub proofs: Vec<ContentProof>,
}

/// Sends one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PutChunk {
    /// The upload; the first chunk opens it.
    pub upload: UploadId,
    /// Place of the chunk in the file, from 0; chunks may arrive in any order
    /// within the window.
    pub index: u64,
    /// `crypto::chunk::plain_hash` of the payload.
    pub hash: Hash32,
}

/// Makes an upload a file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CommitUpload {
    /// Makes the request repeatable.
    pub op: OpId,
    /// The upload.
    pub upload: UploadId,
    /// The directory and the name in it.
    pub to: Place,
    /// Bytes of all chunks.
    pub size: u64,
    /// Number of chunks.
    pub chunks: u64,
    /// `crypto::chunk::content_hash` over them: order and count are right.
    pub content_hash: Hash32,
    /// Modification time, milliseconds since 1970.
    pub modified_millis: i64,
    /// Whether the file is executable.
    pub executable: bool,
    /// What has to be there.
    pub expect: Expect,
}

/// Gives an upload up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AbortUpload {
    /// The upload.
    pub upload: UploadId,
}

/// Asks for one page of the user's uploads that are not finished.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListUploads {
    /// Go on after this one.
    pub after: Option<UploadId>,
    /// Most entries; at most `limits::MAX_PAGE_ENTRIES`.
    pub limit: u32,
}

/// An upload that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PendingUpload {
    /// Which.
    pub upload: UploadId,
    /// Name of the file, where it is known.
    pub name: Option<String>,
    /// Bytes that have arrived and are held.
    pub bytes: u64,
    /// When it began, milliseconds since 1970.
    pub created_millis: i64,
    /// When something of it arrived last, milliseconds since 1970.
    pub touched_millis: i64,
}

/// Answer to `ListUploads`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UploadPage {
    /// In the order of their ids.
    pub uploads: Vec<PendingUpload>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<UploadId>,
}

/// Opens a file for reading.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OpenFile {
    /// The file.
    pub place: Place,
    /// An old version; `None`: the current one.
    pub revision: Option<u64>,
}

/// A file opened for reading. `entry.revision` is the revision that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FileInfo {
    /// The file, with size and times of the opened revision.
    pub entry: Entry,
    /// Number of chunks.
    pub chunks: u64,
}

/// Asks for chunks of a file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReadPlan {
    /// The file.
    pub node: NodeId,
    /// The revision that was opened.
    pub revision: u64,
    /// First byte wanted: the answer begins with the chunk that holds it.
    pub offset: u64,
}

/// One chunk of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PlanChunk {
    /// `crypto::chunk::plain_hash`.
    pub hash: Hash32,
    /// Bytes.
    pub len: u32,
}

/// Consecutive chunks of a file, up to `limits::MAX_PLAN_CHUNKS`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Plan {
    /// Place of the first chunk in the file.
    pub first: u64,
    /// Offset of its first byte.
    pub offset: u64,
    /// The chunks; empty at the end of the file.
    pub chunks: Vec<PlanChunk>,
}

/// Asks for one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReadChunk {
    /// The file.
    pub node: NodeId,
    /// The revision that was opened.
    pub revision: u64,
    /// Place of the chunk in the file.
    pub index: u64,
}

/// Asks for a batch of small files.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReadFiles {
    /// At most `limits::MAX_BATCH_FILES`; those that do not fit the payload
    /// any more are answered with `ErrorCode::TOO_LARGE`.
    pub nodes: Vec<NodeId>,
}

/// One small file of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BatchFile {
    /// Bytes of the payload that are this file's.
    pub len: u32,
    /// `crypto::chunk::plain_hash` of them.
    pub hash: Hash32,
    /// Revision that was read.
    pub revision: u64,
    /// Modification time, milliseconds since 1970.
    pub modified_millis: i64,
    /// Whether the file is executable.
    pub executable: bool,
}

/// Answer to `ReadFiles`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BatchRead {
    /// One outcome for each file, in order.
    pub files: Vec<Result<BatchFile, WireError>>,
}
