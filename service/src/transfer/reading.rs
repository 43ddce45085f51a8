//! Reading files.
//!
//! Guarantees: nothing is delivered that was not verified: the record, the
//! chunk list, the chunk against its id, its tag, and only then decrypted; room
//! for an answer is reserved before the answer is made; chunk lists are read
//! segment by segment, a bounded number of them kept for the session.

use crate::cx::Cx;
use crate::fault::{Outcome, because, integrity, plain};
use crate::recent::Recent;
use crate::room::Room;
use crate::rows::node_failed;
use crate::tree::node::Node;
use crate::tree::versions::version_meta;
use bytes::{Bytes, BytesMut};
use coffer_crypto::{ChunkKey, Manifest, ManifestEntry, SegmentRef, chunk, manifest};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_PLAN_CHUNKS, SMALL_FILE_BYTES};
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::transfer::{
    FileInfo, OpenFile, Plan, PlanChunk, ReadChunk, ReadPlan,
};
use coffer_protocol::{BlobId, Hash32, NodeId};
use std::sync::{Arc, Mutex, PoisonError};

/// Chunk lists a session keeps open (up to 800 KiB each).
const MANIFESTS: usize = 16;
/// Segments of chunk lists a session keeps open (800 KiB each).
const SEGMENTS: usize = 4;

/// Chunk lists of a session, the latest used.
pub(crate) struct OpenManifests {
    lists: Mutex<Recent<(NodeId, u64), Arc<Manifest>>>,
    segments: Mutex<Recent<[u8; 16], Arc<Vec<ManifestEntry>>>>,
}

impl Default for OpenManifests {
    fn default() -> Self {
        Self {
            lists: Mutex::new(Recent::new(MANIFESTS)),
            segments: Mutex::new(Recent::new(SEGMENTS)),
        }
    }
}

impl OpenManifests {
    /// Forgets them all.
    pub(crate) fn clear(&self) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.segments.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn list(&self, key: (NodeId, u64)) -> Option<Arc<Manifest>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn keep_list(&self, key: (NodeId, u64), list: &Arc<Manifest>) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).put(key, Arc::clone(list));
    }

    fn segment(&self, id: &[u8; 16]) -> Option<Arc<Vec<ManifestEntry>>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn keep_segment(&self, id: [u8; 16], entries: &Arc<Vec<ManifestEntry>>) {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner).put(id, Arc::clone(entries));
    }
}

/// Consecutive chunks of a file.
struct Stretch {
    /// Place of the first chunk in the file.
    first: u64,
    /// Offset of its first byte.
    offset: u64,
    entries: Entries,
}

enum Entries {
    Whole(Arc<Manifest>),
    Segment(Arc<Vec<ManifestEntry>>),
    End,
}

impl Entries {
    fn as_slice(&self) -> &[ManifestEntry] {
        match self {
            Self::Whole(list) => match &**list {
                Manifest::Chunks(entries) => entries,
                Manifest::Segments(_) => &[],
            },
            Self::Segment(entries) => entries,
            Self::End => &[],
        }
    }
}

/// What a stretch is looked for by.
#[derive(Clone, Copy)]
enum Wanted {
    Byte(u64),
    Chunk(u64),
}

/// A sealed chunk and what opens it.
pub(crate) struct SealedPart {
    pub(crate) node: NodeId,
    pub(crate) blob: BlobId,
    pub(crate) key: ChunkKey,
}

impl Cx {
    /// Opens a file, or an old version of it.
    pub(crate) async fn open_file(&self, request: &OpenFile) -> Outcome<FileInfo> {
        let node = self.node(&request.place).await?;
        node.require_file()?;
        let mut entry = node.entry()?;
        let current = node.row.content_revision;
        let revision = request.revision.unwrap_or(current);
        let version = self.version(&node.row, revision).await?;
        let meta = version_meta(&node, &version)?;
        let list = self.open_list(&node, revision, &version.manifest_ct)?;
        if list.chunks() != meta.chunks || list.total_len().ok() != Some(meta.size) {
            return Err(integrity(node.row.node));
        }
        entry.revision = revision;
        entry.size = meta.size;
        entry.modified_millis = meta.modified_millis;
        entry.executable = meta.executable;
        entry.content_hash = Hash32(meta.content_hash);
        self.downloaded(vec![node.done(Deed::Downloaded)]);
        Ok(FileInfo { entry, chunks: meta.chunks })
    }

    pub(crate) fn open_list(
        &self,
        node: &Node,
        revision: u64,
        manifest_ct: &[u8],
    ) -> Outcome<Arc<Manifest>> {
        let id = node.row.node;
        let list = node.keys.open_manifest(manifest_ct, &id.0, revision);
        let list = Arc::new(list.map_err(|_| integrity(id))?);
        self.session.manifests.keep_list((id, revision), &list);
        Ok(list)
    }

    /// The chunk list of a revision of a file that the user may see, at this moment.
    async fn list_of(&self, id: NodeId, revision: u64) -> Outcome<Arc<Manifest>> {
        if let Some(list) = self.session.manifests.list((id, revision)) {
            self.row(id).await?;
            return Ok(list);
        }
        let node = self.node_by_id(id).await?;
        node.require_file()?;
        let version = self.version(&node.row, revision).await?;
        let list = self.open_list(&node, revision, &version.manifest_ct)?;
        self.downloaded(vec![node.done(Deed::Downloaded)]);
        Ok(list)
    }

    /// Finds the stretch of the chunk list that holds a byte or a chunk.
    async fn stretch(&self, id: NodeId, revision: u64, wanted: Wanted) -> Outcome<Stretch> {
        let list = self.list_of(id, revision).await?;
        let Manifest::Segments(segments) = &*list else {
            return Ok(Stretch { first: 0, offset: 0, entries: Entries::Whole(list) });
        };
        let (mut first, mut offset) = (0, 0);
        for segment in segments {
            let (chunks, bytes) = (u64::from(segment.chunks), segment.bytes);
            let here = match wanted {
                Wanted::Byte(byte) => byte < offset + bytes,
                Wanted::Chunk(chunk) => chunk < first + chunks,
            };
            if here {
                let entries = Entries::Segment(self.segment(id, segment).await?);
                return Ok(Stretch { first, offset, entries });
            }
            first += chunks;
            offset += bytes;
        }
        Ok(Stretch { first, offset, entries: Entries::End })
    }

    pub(crate) async fn segment(
        &self,
        id: NodeId,
        segment: &SegmentRef,
    ) -> Outcome<Arc<Vec<ManifestEntry>>> {
        if let Some(entries) = self.session.manifests.segment(&segment.segment_id) {
            return Ok(entries);
        }
        let blob = self.store().read_chunk(&BlobId(segment.blob_id)).await;
        let blob = blob.map_err(|error| node_failed(id, &error))?;
        let entries = manifest::open_segment(segment, blob.into()).map_err(|_| integrity(id))?;
        let entries = Arc::new(entries);
        self.session.manifests.keep_segment(segment.segment_id, &entries);
        Ok(entries)
    }

    /// Lists chunks of a file.
    pub(crate) async fn read_plan(&self, request: &ReadPlan) -> Outcome<Plan> {
        let wanted = Wanted::Byte(request.offset);
        let stretch = self.stretch(request.node, request.revision, wanted).await?;
        let (mut first, mut offset) = (stretch.first, stretch.offset);
        let mut entries = stretch.entries.as_slice();
        while let Some((entry, rest)) = entries.split_first()
            && offset + u64::from(entry.len) <= request.offset
        {
            first += 1;
            offset += u64::from(entry.len);
            entries = rest;
        }
        let chunk =
            |entry: &ManifestEntry| PlanChunk { hash: Hash32(entry.plain_hash), len: entry.len };
        let chunks = entries.iter().take(MAX_PLAN_CHUNKS).map(chunk).collect();
        Ok(Plan { first, offset, chunks })
    }

    /// Reads one chunk.
    pub(crate) async fn read_chunk(
        &self,
        request: &ReadChunk,
        room: &mut Room<'_>,
    ) -> Outcome<Bytes> {
        let wanted = Wanted::Chunk(request.index);
        let stretch = self.stretch(request.node, request.revision, wanted).await?;
        let at = request.index.checked_sub(stretch.first).and_then(|at| usize::try_from(at).ok());
        let entry = at.and_then(|at| stretch.entries.as_slice().get(at));
        let entry = entry.ok_or_else(|| because(ErrorCode::NOT_FOUND, "the file ends before"))?;
        let len = entry.len;
        let part = SealedPart {
            node: request.node,
            blob: BlobId(entry.blob_id),
            key: ChunkKey::from_bytes(*entry.key.expose()),
        };
        drop(stretch);
        room.reserve(len as usize).await?;
        let opened = self.open_part(part).await?;
        if opened.len() == len as usize { Ok(opened) } else { Err(integrity(request.node)) }
    }

    /// Reads, verifies and opens a sealed chunk.
    pub(crate) async fn open_part(&self, part: SealedPart) -> Outcome<Bytes> {
        let sealed = self.store().read_chunk(&part.blob).await;
        let sealed = sealed.map_err(|error| node_failed(part.node, &error))?;
        if sealed.len() <= SMALL_FILE_BYTES {
            return open_sealed(&part, sealed);
        }
        tokio::task::spawn_blocking(move || open_sealed(&part, sealed))
            .await
            .map_err(|_| plain(ErrorCode::INTERNAL))?
    }
}

/// Verifies a chunk and decrypts it where it lies.
pub(crate) fn open_sealed(part: &SealedPart, sealed: Bytes) -> Outcome<Bytes> {
    let mut bytes = BytesMut::from(sealed);
    let range = chunk::open_in_place(&part.key, &part.blob.0, &mut bytes)
        .map_err(|_| integrity(part.node))?;
    Ok(bytes.freeze().slice(range))
}
