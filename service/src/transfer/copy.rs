//! Copying files.
//!
//! Guarantees: a copy is a file of its own, with a key of its own; it shares
//! the stored chunks with its source, each counted; one that cannot be made
//! fails alone.

use super::content::{Content, FileWrite};
use crate::answer::{Answer, Stored};
use crate::cx::Cx;
use crate::fault::{Outcome, because, integrity, per_item, too_many};
use crate::op::{Draft, Mutation};
use crate::tree::versions::version_meta;
use coffer_protocol::OpId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::message::tree::{Copy, CopyItem};
use coffer_store::Precondition;
use std::collections::HashSet;

impl Mutation for Copy {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        if self.items.len() > MAX_BATCH_NODES {
            return Err(too_many("items", MAX_BATCH_NODES));
        }
        let mut draft = Draft::new(Answer::Items(Vec::new()));
        let mut outcomes = Vec::with_capacity(self.items.len());
        let mut seen = HashSet::new();
        for item in &self.items {
            let copied = per_item(cx.copy(&mut draft, item, &mut seen).await)?;
            outcomes.push(copied.map(|stored| stored.node));
        }
        draft.answer = Answer::Items(outcomes);
        Ok(draft)
    }
}

impl Cx {
    async fn copy(
        &self,
        draft: &mut Draft,
        item: &CopyItem,
        seen: &mut HashSet<(coffer_protocol::NodeId, [u8; 32])>,
    ) -> Outcome<Stored> {
        let source = self.node(&item.from).await?;
        source.require_file()?;
        let (id, revision) = (source.row.node, source.row.content_revision);
        let row = self.version(id, revision).await?;
        let meta = version_meta(&source, &row)?;
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
        self.check_quota(content.size).await?;
        let target = self.target(&item.to).await?;
        if !seen.insert((target.dir.id, target.dir.keys.lookup_tag(target.name))) {
            return Err(because(ErrorCode::EXISTS, "the batch names it twice"));
        }
        let there = self.child(&target.dir, target.name).await?;
        if there.as_ref().is_some_and(|there| there.row.node == id) {
            return Err(because(ErrorCode::EXISTS, "a file cannot be copied onto itself"));
        }
        let write = FileWrite {
            dir: &target.dir,
            name: target.name,
            there: there.as_ref(),
            expect: item.expect,
            content: &content,
            modified_millis: meta.modified_millis,
            executable: meta.executable,
            case_collision: self.collides(&target.dir, target.name).await?,
        };
        let stored = self.write_file(draft, &write).await?;
        draft.require(Precondition::VersionExists(id, revision));
        Ok(stored)
    }
}
