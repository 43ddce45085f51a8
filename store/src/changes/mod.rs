//! The one vocabulary of state changes.
//!
//! A `Change` says what a row is afterwards, not what to do to it, so that
//! applying it twice, or on another engine, or on another machine, comes to the
//! same. It holds ciphertext, tags and numbers only. Its encoding is part of the
//! stored format: see [`codec`] and docs/formats.md.

mod codec;
#[cfg(test)]
mod golden;

pub(crate) use codec::EncodedChanges;
pub use codec::{ChangeError, decode_body, encode_body, kind_of};

use crate::rows::{
    ActivityRow, ChunkPlace, ChunkState, ContactRow, DivergedKey, DivergedRow, GroupRow, InviteRow,
    NodeRow, SegmentId, SegmentRow, ShareRow, UploadRow, UserRow, VersionRow,
};
use coffer_protocol::{BlobId, NodeId, ShareId, UploadId, UserId};

/// What a row is afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The user is this.
    PutUser(UserRow),
    /// The user is gone, and with him the shares by and with him, his groups,
    /// his contacts and his activity. Nodes are deleted by changes of their own.
    DeleteUser(UserId),
    /// The invitation is this.
    PutInvite(InviteRow),
    /// The invitation is gone.
    DeleteInvite([u8; 32]),
    /// The node is this.
    PutNode(NodeRow),
    /// The node is gone, and with it all its versions, shares and activity.
    DeleteNode(NodeId),
    /// The version is this. Its chunks and segments must exist.
    PutVersion(VersionRow),
    /// The version is gone. Segments that no other version names go with it.
    DeleteVersion(NodeId, u64),
    /// The segment is this. Its chunks must exist.
    PutSegment(SegmentRow),
    /// The upload gives the segment up: it is gone unless a version names it.
    DeleteSegment(SegmentId),
    /// The setting is this.
    PutSetting {
        /// Its name.
        key: String,
        /// Its value.
        value: Vec<u8>,
    },
    /// The setting is gone.
    DeleteSetting {
        /// Its name.
        key: String,
    },
    /// The chunk is stored and live. Written by the store itself for the chunks
    /// of a commit.
    PutChunk {
        /// The chunk.
        blob: BlobId,
        /// Which of its files.
        generation: u32,
        /// Where the bytes are.
        place: ChunkPlace,
        /// Bytes of the sealed chunk.
        size: u32,
    },
    /// The chunk is in this state, unless something refers to it or it has
    /// another generation: then nothing changes.
    SetChunkState {
        /// The chunk.
        blob: BlobId,
        /// Which of its files.
        generation: u32,
        /// The state.
        state: ChunkState,
    },
    /// The chunk is gone, unless something refers to it or it has another
    /// generation: then nothing changes.
    DeleteChunk {
        /// The chunk.
        blob: BlobId,
        /// Which of its files.
        generation: u32,
    },
    /// The share is this. Its node must exist and be the owner's, and its
    /// recipient and the group it comes through must exist.
    PutShare(ShareRow),
    /// The share is gone.
    DeleteShare(ShareId),
    /// The group is this.
    PutGroup(GroupRow),
    /// The group is gone, and with it the shares with it and through it.
    DeleteGroup([u8; 16]),
    /// The contact is this.
    PutContact(ContactRow),
    /// The contact is gone.
    DeleteContact {
        /// Who had pinned it.
        owner: UserId,
        /// Keyed hash of the person's name.
        tag: [u8; 32],
    },
    /// The record of activity is this, unless its node does not exist: then
    /// nothing changes.
    PutActivity(ActivityRow),
    /// The record of activity is gone.
    DeleteActivity([u8; 16]),
    /// The write of an earlier primary is kept like this. Its chunks must exist.
    PutDiverged(DivergedRow),
    /// The write of an earlier primary is not kept any more.
    DeleteDiverged(DivergedKey),
    /// The user's references to the chunk can be found by its content, from those of
    /// this commit on. Without any, nothing changes.
    PutKnown {
        /// The user.
        owner: UserId,
        /// The chunk.
        blob: BlobId,
        /// Keyed hash of length and content.
        fingerprint: [u8; 32],
    },
    /// The upload is this.
    PutUpload(UploadRow),
    /// The upload is finished, or given up; its segments go by changes of their own.
    DeleteUpload {
        /// Who uploads.
        owner: UserId,
        /// Which.
        upload: UploadId,
    },
}
