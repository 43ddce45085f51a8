//! Contents on their way to a name: the chunk list and what it refers to, and
//! the records that make them a file or a new revision of one.

use super::destination::Spot;
use crate::answer::Stored;
use crate::cx::Cx;
use crate::fault::{Outcome, hinted, plain};
use crate::op::Draft;
use crate::tree::create::{no_random, seal_meta};
use crate::tree::node::{Dir, Node};
use crate::tree::relocate::at;
use coffer_crypto::{ContentHasher, Manifest, ManifestEntry, Meta, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{BlobId, ServerId};
use coffer_store::{Change, NodeRow, Precondition, SegmentId, Usage, VersionRow};

/// The contents of a file, sealed and ready to be named.
pub(crate) struct Content {
    pub(crate) manifest: Manifest,
    /// Chunks that the manifest names itself.
    pub(crate) refs: Vec<BlobId>,
    /// Segments that the manifest names.
    pub(crate) segments: Vec<SegmentId>,
    pub(crate) size: u64,
    pub(crate) chunks: u64,
    /// Hash over the chunks, in order.
    pub(crate) hash: [u8; 32],
}

impl Content {
    /// Contents of few chunks.
    pub(crate) fn of_chunks(server_id: &ServerId, entries: Vec<ManifestEntry>) -> Self {
        let mut hasher = ContentHasher::new(&server_id.0);
        for entry in &entries {
            hasher.add(&entry.plain_hash, entry.len);
        }
        Self {
            refs: distinct(entries.iter().map(|entry| BlobId(entry.blob_id))),
            segments: Vec::new(),
            size: entries.iter().map(|entry| u64::from(entry.len)).sum(),
            chunks: entries.len() as u64,
            hash: hasher.finish(),
            manifest: Manifest::Chunks(entries),
        }
    }
}

/// Each chunk once: a chunk that a file repeats is referred to once.
pub(crate) fn distinct(blobs: impl Iterator<Item = BlobId>) -> Vec<BlobId> {
    let mut blobs: Vec<_> = blobs.collect();
    blobs.sort_unstable();
    blobs.dedup();
    blobs
}

/// A file to be written.
pub(crate) struct FileWrite<'a> {
    pub(crate) spot: Spot<'a>,
    pub(crate) expect: Expect,
    pub(crate) content: &'a Content,
    pub(crate) modified_millis: i64,
    pub(crate) executable: bool,
    pub(crate) case_collision: bool,
}

impl Cx {
    /// Adds the records of a file to a draft: a new file, or a new revision of
    /// the one that is there.
    pub(crate) async fn write_file(
        &self,
        draft: &mut Draft,
        write: &FileWrite<'_>,
    ) -> Outcome<Stored> {
        let stored = match write.spot {
            Spot::Taken(node) => {
                node.require_file()?;
                self.require_writable(draft, node).await?;
                self.check_expected(node, write.expect).await?;
                self.charge(draft, node.row.owner, Usage { nodes: 0, bytes: write.content.size })
                    .await?;
                draft.require_live(node.row.parent);
                self.new_revision(draft, write, node)?
            }
            Spot::Free(dir, name) => {
                let dir = self.writable(dir).await?;
                if let Expect::Revision(_) = write.expect {
                    let hint =
                        "somebody has moved or deleted it; write it as a new file to keep it";
                    return Err(hinted(ErrorCode::NOT_FOUND, hint));
                }
                self.charge(draft, dir.owner, Usage { nodes: 1, bytes: write.content.size })
                    .await?;
                draft.require_live(dir.id);
                draft.require_writable(self.user(), &dir);
                self.new_file(draft, write, &dir, name)?
            }
        };
        for segment in &write.content.segments {
            draft.require(Precondition::SegmentExists(*segment));
        }
        Ok(stored)
    }

    pub(crate) async fn check_expected(&self, node: &Node, expect: Expect) -> Outcome<()> {
        match expect {
            Expect::Absent => Err(plain(ErrorCode::EXISTS)),
            Expect::Revision(revision) if revision != node.row.content_revision => {
                Err(self.lost_to(node).await)
            }
            Expect::Revision(_) | Expect::Anything => Ok(()),
        }
    }

    fn new_file(
        &self,
        draft: &mut Draft,
        write: &FileWrite<'_>,
        dir: &Dir,
        name: &str,
    ) -> Outcome<Stored> {
        let mut new = self.new_node(dir, name, NodeKind::File)?;
        let lookup_tag = dir.keys.lookup_tag(name);
        draft.require(Precondition::NameFree { parent: dir.id, lookup_tag });
        let meta = self.meta_of(write, new.row.created_millis);
        seal_meta(&new.keys, &mut new.row, &meta)?;
        let done = dir.done(Deed::Created, new.row.node, &new.keys, name.to_owned());
        draft.deeds.push(done);
        self.put(draft, write, new.row, &new.keys)
    }

    fn new_revision(
        &self,
        draft: &mut Draft,
        write: &FileWrite<'_>,
        node: &Node,
    ) -> Outcome<Stored> {
        draft.require_once(at(node));
        draft.deeds.push(node.done(Deed::Written));
        let mut row = node.row.clone();
        row.revision += 1;
        row.content_revision += 1;
        let meta = self.meta_of(write, row.created_millis);
        seal_meta(&node.keys, &mut row, &meta)?;
        self.put(draft, write, row, &node.keys)
    }

    fn put(
        &self,
        draft: &mut Draft,
        write: &FileWrite<'_>,
        row: NodeRow,
        keys: &coffer_crypto::NodeKeys,
    ) -> Outcome<Stored> {
        let (node, revision) = (row.node, row.content_revision);
        let manifest_ct =
            keys.seal_manifest(&write.content.manifest, &node.0, revision).map_err(no_random)?;
        let version = VersionRow {
            node,
            revision,
            owner: row.owner,
            size: write.content.size,
            written_millis: self.millis(),
            meta_ct: row.meta_ct.clone(),
            manifest_ct,
            refs: write.content.refs.clone(),
            segments: write.content.segments.clone(),
        };
        if let Manifest::Chunks(entries) = &write.content.manifest {
            draft.changes.extend(self.core.learn(row.owner, entries));
        }
        draft.changes.push(Change::PutNode(row));
        draft.changes.push(Change::PutVersion(version));
        Ok(Stored { node, revision, case_collision: write.case_collision })
    }

    fn meta_of(&self, write: &FileWrite<'_>, created_millis: i64) -> Meta {
        Meta {
            size: write.content.size,
            modified_millis: write.modified_millis,
            created_millis,
            written_millis: self.millis(),
            executable: write.executable,
            author: self.user().0,
            content_hash: write.content.hash,
            chunks: write.content.chunks,
        }
    }
}
