//! Reading small files, many to an answer.
//!
//! Guarantees: a file that does not open fails alone; the answer never exceeds
//! a payload.

use super::reading::{SealedPart, open_sealed};
use crate::cx::Cx;
use crate::deed::Done;
use crate::fault::{Outcome, because, integrity, per_item, plain, too_many};
use crate::room::Room;
use crate::rows::{node_failed, read_failed};
use crate::tree::node::{Dir, Node};
use crate::tree::versions::version_meta;
use bytes::Bytes;
use coffer_crypto::{ChunkKey, Manifest, chunk};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_BATCH_FILES, MAX_PAYLOAD_BYTES, SMALL_FILE_BYTES};
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::transfer::{BatchFile, BatchRead, ReadFiles};
use coffer_protocol::{BlobId, Hash32, NodeId};
use coffer_store::{NodeRow, VersionRow};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A file that is about to be read.
struct Found {
    part: Option<SealedPart>,
    file: BatchFile,
    /// What is noted once it is read.
    deed: Done,
}

impl Cx {
    /// Reads a batch of small files.
    pub(crate) async fn read_files(
        &self,
        request: &ReadFiles,
        room: &mut Room<'_>,
    ) -> Outcome<(BatchRead, Vec<Bytes>)> {
        if request.nodes.len() > MAX_BATCH_FILES {
            return Err(too_many("files", MAX_BATCH_FILES));
        }
        let found = self.find_files(&request.nodes).await?;
        let found = within_payload(found);
        let total: usize = found.iter().flatten().map(|found| found.file.len as usize).sum();
        room.reserve(total).await?;
        let mut sealed = self.sealed_inline(&found).await?;
        let mut answer = BatchRead { files: Vec::with_capacity(found.len()) };
        let mut payload = Vec::new();
        let mut deeds = Vec::new();
        for outcome in found {
            let read = match outcome {
                Ok(found) => per_item(self.read_small(found, &mut sealed, &mut deeds).await)?,
                Err(error) => Err(error),
            };
            answer.files.push(read.map(|(file, bytes)| {
                payload.extend(bytes);
                file
            }));
        }
        self.downloaded(deeds);
        Ok((answer, payload))
    }

    /// Reads the chunks that are stored inline, in one query.
    async fn sealed_inline(&self, found: &[Outcome<Found>]) -> Outcome<HashMap<BlobId, Bytes>> {
        let parts = found.iter().flatten().filter_map(|found| found.part.as_ref());
        let blobs: Vec<_> = parts.map(|part| part.blob).collect();
        let read = self.store().read_inline_chunks(&blobs).await;
        let read = read.map_err(|error| read_failed(&error))?;
        // Those that are missing or damaged are read again, one by one.
        let whole = |(blob, bytes): (BlobId, Option<Result<Bytes, _>>)| Some((blob, bytes?.ok()?));
        Ok(blobs.into_iter().zip(read).filter_map(whole).collect())
    }

    async fn read_small(
        &self,
        found: Found,
        sealed: &mut HashMap<BlobId, Bytes>,
        deeds: &mut Vec<Done>,
    ) -> Outcome<(BatchFile, Option<Bytes>)> {
        let Some(part) = found.part else {
            deeds.push(found.deed);
            return Ok((found.file, None));
        };
        let node = part.node;
        let bytes = match sealed.remove(&part.blob) {
            Some(sealed) => open_sealed(&part, sealed)?,
            None => self.open_part(part).await?,
        };
        if bytes.len() != found.file.len as usize {
            return Err(integrity(node));
        }
        deeds.push(found.deed);
        Ok((found.file, Some(bytes)))
    }

    /// Finds the records of the files, many at a time.
    async fn find_files(&self, nodes: &[NodeId]) -> Outcome<Vec<Outcome<Found>>> {
        let Ok(rows) = self.store().nodes(nodes).await else {
            return self.find_one_by_one(nodes).await;
        };
        let wanted: Vec<_> = rows.iter().map(|row| (row.node, row.content_revision)).collect();
        let Ok(versions) = self.store().versions_of(&wanted).await else {
            return self.find_one_by_one(nodes).await;
        };
        let mut rows: HashMap<NodeId, NodeRow> =
            rows.into_iter().map(|row| (row.node, row)).collect();
        let mut versions: HashMap<NodeId, VersionRow> =
            versions.into_iter().map(|version| (version.node, version)).collect();
        let mut dirs = HashMap::new();
        let mut found = Vec::with_capacity(nodes.len());
        for node in nodes {
            let outcome = match (rows.remove(node), versions.remove(node)) {
                (Some(row), version) => self.find_file(row, version, &mut dirs).await,
                (None, _) => Err(plain(ErrorCode::NOT_FOUND)),
            };
            found.push(per_item(outcome)?);
        }
        Ok(found)
    }

    /// One of the records is damaged, or the database is not there: find out.
    async fn find_one_by_one(&self, nodes: &[NodeId]) -> Outcome<Vec<Outcome<Found>>> {
        let mut dirs = HashMap::new();
        let mut found = Vec::with_capacity(nodes.len());
        for node in nodes {
            let row = self.store().node(*node).await.map_err(|error| node_failed(*node, &error));
            let outcome = match row.and_then(|row| row.ok_or_else(|| plain(ErrorCode::NOT_FOUND))) {
                Ok(row) => self.find_file(row, None, &mut dirs).await,
                Err(error) => Err(error),
            };
            found.push(per_item(outcome)?);
        }
        Ok(found)
    }

    /// A file whose record is at hand. Files of one directory are looked up by
    /// their directory; one of another user may be shared without it.
    async fn file_of_row(
        &self,
        row: NodeRow,
        dirs: &mut HashMap<NodeId, Option<Dir>>,
    ) -> Outcome<Node> {
        let own = row.owner == self.user();
        let dir = match dirs.entry(row.parent) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let dir = self.node_by_id(row.parent).await.and_then(Node::into_dir);
                let dir = if own { Some(dir?) } else { per_item(dir)?.ok() };
                new.insert(dir).clone()
            }
        };
        let belongs = |dir: &Dir| dir.owner == row.owner && (own || row.trashed_millis.is_none());
        match dir.filter(belongs) {
            Some(dir) => {
                let (keys, access) = (self.keys_below(&dir.keys, &row)?, dir.access);
                Ok(Node { row, keys, parent: Some(dir), access, shared_as: None })
            }
            None => self.node_by_id(row.node).await,
        }
    }

    async fn find_file(
        &self,
        row: NodeRow,
        version: Option<VersionRow>,
        dirs: &mut HashMap<NodeId, Option<Dir>>,
    ) -> Outcome<Found> {
        let node = self.file_of_row(row, dirs).await?;
        node.require_file()?;
        // Name and metadata are looked at, too: a record that was altered in any
        // part is not read from.
        node.entry()?;
        let (id, revision) = (node.row.node, node.row.content_revision);
        let version = match version {
            Some(version) if version.owner == node.row.owner => version,
            _ => self.version(&node.row, revision).await?,
        };
        let meta = version_meta(&node, &version)?;
        let list = node.keys.open_manifest(&version.manifest_ct, &id.0, revision);
        let (part, hash, len) = match list.map_err(|_| integrity(id))? {
            Manifest::Chunks(mut entries) if entries.len() <= 1 => match entries.pop() {
                None => (None, chunk::plain_hash(&self.core.server_id.0, &[]), 0),
                Some(entry) => {
                    let key = ChunkKey::from_bytes(*entry.key.expose());
                    let part = SealedPart { node: id, blob: BlobId(entry.blob_id), key };
                    (Some(part), entry.plain_hash, entry.len)
                }
            },
            _ => return Err(not_small()),
        };
        let file = BatchFile {
            len,
            hash: Hash32(hash),
            revision,
            modified_millis: meta.modified_millis,
            executable: meta.executable,
        };
        Ok(Found { part, file, deed: node.done(Deed::Downloaded) })
    }
}

fn not_small() -> coffer_protocol::WireError {
    because(ErrorCode::TOO_LARGE, "the file is not a small one: read it by its chunks")
}

/// Leaves out what does not fit any more.
fn within_payload(found: Vec<Outcome<Found>>) -> Vec<Outcome<Found>> {
    let mut room = MAX_PAYLOAD_BYTES;
    let fit = |outcome: Outcome<Found>| {
        let found = outcome?;
        let len = found.file.len as usize;
        if len > room.min(MAX_PAYLOAD_BYTES) {
            return Err(match len < SMALL_FILE_BYTES {
                true => because(ErrorCode::TOO_LARGE, "the answer is full: ask for it again"),
                false => not_small(),
            });
        }
        room -= len;
        Ok(found)
    };
    found.into_iter().map(fit).collect()
}
