//! Copying files.
//!
//! Guarantees: a copy is a file of its own, with a key of its own; it shares
//! the stored chunks with its source, each counted; it belongs to the owner of
//! the directory it is in; one that cannot be made fails alone.

use super::content::{Content, FileWrite};
use crate::cx::Cx;
use crate::fault::{Outcome, because, integrity};
use crate::op::{Draft, Items, Mutation};
use crate::tree::node::Node;
use crate::tree::versions::version_meta;
use coffer_crypto::Meta;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::{Copy, CopyItem};
use coffer_protocol::{NodeId, OpId};
use coffer_store::Precondition;
use std::collections::HashSet;

impl Mutation for Copy {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        self.draft_items(cx).await
    }
}

impl Items for Copy {
    type Item = CopyItem;

    fn items(&self) -> &[CopyItem] {
        &self.items
    }

    async fn add(
        &self,
        cx: &Cx,
        draft: &mut Draft,
        item: &CopyItem,
        seen: &mut HashSet<(NodeId, [u8; 32])>,
    ) -> Outcome<NodeId> {
        let source = cx.node(&item.from).await?;
        let (content, meta) = cx.content_of(&source).await?;
        let destination = cx.destination(&item.to).await?;
        if !seen.insert(destination.key()) {
            return Err(because(ErrorCode::EXISTS, "the batch names it twice"));
        }
        let id = source.row.node;
        if destination.taken().is_some_and(|there| there.row.node == id) {
            return Err(because(ErrorCode::EXISTS, "a file cannot be copied onto itself"));
        }
        let write = FileWrite {
            spot: destination.spot(),
            expect: item.expect,
            content: &content,
            modified_millis: meta.modified_millis,
            executable: meta.executable,
            case_collision: destination.case_collision,
        };
        let stored = cx.write_file(draft, &write).await?;
        draft.require(Precondition::VersionExists(id, source.row.content_revision));
        draft.require_access(cx.user(), &source, false);
        Ok(stored.node)
    }
}

impl Cx {
    /// What a file holds now, to be named again.
    async fn content_of(&self, source: &Node) -> Outcome<(Content, Meta)> {
        source.require_file()?;
        let (id, revision) = (source.row.node, source.row.content_revision);
        let row = self.version(&source.row, revision).await?;
        let meta = version_meta(source, &row)?;
        let manifest = source
            .keys
            .open_manifest(&row.manifest_ct, &id.0, revision)
            .map_err(|_| integrity(id))?;
        let content = Content {
            manifest,
            refs: row.refs,
            segments: row.segments,
            size: meta.size,
            chunks: meta.chunks,
            hash: meta.content_hash,
        };
        Ok((content, meta))
    }
}
