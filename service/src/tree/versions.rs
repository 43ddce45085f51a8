//! Versions of a file: looking at them, bringing one back.
//!
//! Guarantees: bringing a version back adds a revision and takes none away; a
//! version that does not open hides no other.

use super::create::{no_random, seal_meta};
use super::node::Node;
use super::relocate::at;
use super::resolve::in_trash;
use crate::answer::{Answer, Stored};
use crate::cx::Cx;
use crate::fault::{Outcome, integrity};
use crate::op::{Draft, Mutation};
use coffer_crypto::{Meta, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::{RestoreVersion, Version, VersionPage, Versions};
use coffer_protocol::{Hash32, OpId, UserId};
use coffer_store::{Change, Precondition, Usage, VersionRow};
use std::collections::HashMap;

/// Opens the metadata of one version of a file.
pub(crate) fn version_meta(node: &Node, row: &VersionRow) -> Outcome<Meta> {
    let kind = NodeKind::File;
    node.keys
        .open_meta(&row.meta_ct, &row.node.0, kind, node.row.key_epoch, row.revision)
        .map_err(|_| integrity(row.node))
}

impl Cx {
    /// One page of the versions of a file.
    pub(crate) async fn versions(&self, request: &Versions) -> Outcome<VersionPage> {
        let node = self.node(&request.place).await?;
        node.require_file()?;
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES);
        let page = self.versions_page(node.row.node, request.before, limit).await?;
        let mut answer =
            VersionPage { versions: Vec::new(), damaged: page.damaged, next: page.next };
        let mut names: HashMap<[u8; 16], String> = HashMap::new();
        for row in page.rows {
            let Ok(meta) = version_meta(&node, &row) else {
                answer.damaged.push(row.revision);
                continue;
            };
            let author = match names.get(&meta.author) {
                Some(name) => name.clone(),
                None => self.name_of(UserId(meta.author)).await,
            };
            names.entry(meta.author).or_insert_with(|| author.clone());
            answer.versions.push(Version {
                revision: row.revision,
                size: meta.size,
                modified_millis: meta.modified_millis,
                written_millis: meta.written_millis,
                author,
                content_hash: Hash32(meta.content_hash),
                current: row.revision == node.row.content_revision,
            });
        }
        Ok(answer)
    }
}

impl Mutation for RestoreVersion {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let node = cx.node(&self.place).await?;
        node.require_file()?;
        if node.row.trashed_millis.is_some() {
            return Err(in_trash());
        }
        cx.require_live(self.place.base, node.access).await?;
        let id = node.row.node;
        let old = cx.version(&node.row, self.revision).await?;
        let meta = version_meta(&node, &old)?;
        let is_current = self.revision == node.row.content_revision;
        let revision = node.row.content_revision + u64::from(!is_current);
        let stored = Stored { node: id, revision, case_collision: false };
        let mut draft = Draft::new(Answer::Written(stored));
        cx.require_writable(&mut draft, &node).await?;
        if is_current {
            return Ok(draft);
        }
        let manifest = node
            .keys
            .open_manifest(&old.manifest_ct, &id.0, self.revision)
            .map_err(|_| integrity(id))?;
        draft.deeds.push(node.done(Deed::VersionRestored(self.revision)));
        cx.charge(&mut draft, node.row.owner, Usage { nodes: 0, bytes: old.size }).await?;
        draft.require_once(at(&node));
        draft.require(Precondition::VersionExists(id, self.revision));
        let written_millis = cx.millis();
        let meta = Meta { written_millis, author: cx.user().0, ..meta };
        let mut row = node.row.clone();
        row.revision += 1;
        row.content_revision = revision;
        seal_meta(&node.keys, &mut row, &meta)?;
        let manifest_ct = node.keys.seal_manifest(&manifest, &id.0, revision).map_err(no_random)?;
        let meta_ct = row.meta_ct.clone();
        draft.changes.push(Change::PutNode(row));
        draft.changes.push(Change::PutVersion(VersionRow {
            revision,
            written_millis,
            meta_ct,
            manifest_ct,
            ..old
        }));
        Ok(draft)
    }
}

impl Cx {
    /// Somebody else changed the file first: another user, or the same one
    /// elsewhere.
    pub(crate) async fn lost_to(&self, node: &Node) -> coffer_protocol::WireError {
        let (author, written) = match node.meta() {
            Ok(meta) => (self.name_of(UserId(meta.author)).await, meta.written_millis),
            Err(error) if error.code == ErrorCode::INTEGRITY => (String::new(), 0),
            Err(error) => return error,
        };
        crate::fault::conflict(author, written, node.row.content_revision)
    }
}
