//! Files and directories on their way back.

use super::name::conflicted;
use super::old::Old;
use super::{MAX_COPIES, ROUNDS, Round, Verdict};
use crate::answer::Answer;
use crate::cx::Cx;
use crate::fault::{Outcome, contended, integrity};
use crate::op::Draft;
use crate::rows::{node_failed, read_failed};
use crate::transfer::content::{Content, FileWrite};
use crate::transfer::destination::Spot;
use crate::tree::create::{directory_meta, seal_meta};
use crate::tree::node::{Dir, Node, open_meta};
use coffer_crypto::{Meta, NodeKind, check_name};
use coffer_protocol::NodeId;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::Expect;
use coffer_store::{
    Change, Commit, DivergedRow, DivergedState, KIND_DIRECTORY, KIND_FILE, NodeRow, Precondition,
    SegmentRow, Usage, VersionRow,
};
use std::pin::Pin;

/// Where things come back whose directory is not here any more; in the home directory.
const RECOVERED: &str = "Recovered";
/// Names that are tried for one thing.
const NAMES: u32 = 1_000;
/// Most directories from one up to the home directory.
const MAX_DEPTH: usize = 1_024;

/// Where something comes back.
enum Way {
    /// As a new revision of what came back before.
    Again(Box<Node>),
    /// Under a name in a directory.
    New(Dir, String),
}

impl Cx {
    /// Brings a version of a file back. `None`: it is back.
    pub(super) async fn file_back(
        &self,
        round: &mut Round,
        row: &DivergedRow,
        version: &VersionRow,
    ) -> Outcome<Option<Verdict>> {
        let (old, id) = (self.old(version.node).await?, version.node);
        let epoch = old.row.key_epoch;
        let meta =
            old.keys.open_meta(&version.meta_ct, &id.0, NodeKind::File, epoch, version.revision);
        let meta = meta.map_err(|_| integrity(id))?;
        if self.same_is_here(&old, &meta).await? {
            return Ok(Some(Verdict::Drop));
        }
        let manifest = old.keys.open_manifest(&version.manifest_ct, &id.0, version.revision);
        let content = Content {
            manifest: manifest.map_err(|_| integrity(id))?,
            refs: version.refs.clone(),
            segments: version.segments.clone(),
            size: meta.size,
            chunks: meta.chunks,
            hash: meta.content_hash,
        };
        self.bring_segments(version).await?;
        for _ in 0..ROUNDS {
            if !self.still_waits(row).await? {
                return Ok(None);
            }
            let way = self.way_back(round, &old, row.written_millis).await?;
            if let Way::New(dir, name) = &way
                && self.has_content(dir, name, &meta).await?
            {
                return Ok(Some(Verdict::Drop));
            }
            let mut draft = Draft::new(Answer::Changed);
            let spot = match &way {
                Way::Again(node) => Spot::Taken(node),
                Way::New(dir, name) => Spot::Free(dir, name),
            };
            let write = FileWrite {
                spot,
                expect: Expect::Anything,
                content: &content,
                modified_millis: meta.modified_millis,
                executable: meta.executable,
                case_collision: false,
            };
            let stored = self.write_file(&mut draft, &write).await?;
            returned(&mut draft, row, stored.node, Vec::new());
            if self.commit_back(draft).await?.is_some() {
                round.returned += 1;
                if round.copies.len() < MAX_COPIES || round.copies.contains_key(&id) {
                    round.copies.insert(id, (stored.node, stored.revision));
                }
                return Ok(None);
            }
        }
        Err(contended())
    }

    /// Whether what the file holds here is the same.
    async fn same_is_here(&self, old: &Old, meta: &Meta) -> Outcome<bool> {
        if old.here {
            let here = open_meta(&old.keys, &old.row)?;
            return Ok(here.content_hash == meta.content_hash);
        }
        if !old.new {
            return Ok(false);
        }
        // The client may have written it again here, as another file.
        match self.live_dir(old.row.parent).await? {
            Some(dir) => self.has_content(&dir, &old.name, meta).await,
            None => Ok(false),
        }
    }

    /// Whether a directory has a file with this name and content.
    async fn has_content(&self, dir: &Dir, name: &str, meta: &Meta) -> Outcome<bool> {
        let Some(there) = self.child(dir, name).await? else { return Ok(false) };
        let is_file = there.row.kind == KIND_FILE;
        Ok(is_file && there.meta()?.content_hash == meta.content_hash)
    }

    async fn way_back(&self, round: &Round, old: &Old, millis: i64) -> Outcome<Way> {
        if let Some((copy, revision)) = round.copies.get(&old.row.node)
            && let Some(row) = self.own_row_if_any(*copy).await?
            && row.content_revision == *revision
            && row.trashed_millis.is_none()
            && self.require_own_live(*copy).await.is_ok()
        {
            return Ok(Way::Again(Box::new(self.node_of_row(row).await?)));
        }
        let dir = self.dir_for(old.row.parent, 0).await?;
        let name = self.free_name(&dir, old, millis).await?;
        Ok(Way::New(dir, name))
    }

    /// A name that is free: that of the thing itself if it is new, else one that says
    /// what it is.
    async fn free_name(&self, dir: &Dir, old: &Old, millis: i64) -> Outcome<String> {
        let is_file = old.row.kind == KIND_FILE;
        let name = if check_name(&old.name).is_ok() { old.name.as_str() } else { "recovered" };
        if old.new && self.child(dir, name).await?.is_none() {
            return Ok(name.to_owned());
        }
        for attempt in 1..=NAMES {
            let tried = conflicted(name, millis, attempt, is_file);
            if self.child(dir, &tried).await?.is_none() {
                return Ok(tried);
            }
        }
        Err(contended())
    }

    /// The directory in which something comes back that was in this one.
    fn dir_for(
        &self,
        parent: NodeId,
        depth: usize,
    ) -> Pin<Box<dyn Future<Output = Outcome<Dir>> + Send + '_>> {
        Box::pin(async move {
            if let Some(dir) = self.live_dir(parent).await? {
                return Ok(dir);
            }
            let first = self.image(parent, false).await?;
            if let Some((row, image)) = first
                && image.revision == 1
                && image.kind == KIND_DIRECTORY
                && depth < MAX_DEPTH
            {
                let became = match row.became {
                    Some(id) => self.live_dir(id).await?,
                    None => self.dir_back_of(&row, parent, depth).await?,
                };
                if let Some(dir) = became {
                    return Ok(dir);
                }
            }
            self.recovered_dir().await
        })
    }

    /// The directory for what has lost its own.
    async fn recovered_dir(&self) -> Outcome<Dir> {
        for _ in 0..ROUNDS {
            let home = self.home().await?;
            for number in 1..=NAMES {
                let name = match number {
                    1 => RECOVERED.to_owned(),
                    _ => format!("{RECOVERED} {number}"),
                };
                match self.child(&home, &name).await? {
                    Some(node) if node.row.kind == KIND_DIRECTORY => return node.into_dir(),
                    Some(_) => {}
                    None => {
                        let mut draft = Draft::new(Answer::Changed);
                        let now = self.millis();
                        let dir = self.draft_dir(&mut draft, &home, &name, now).await?;
                        if self.commit_back(draft).await?.is_some() {
                            return Ok(dir);
                        }
                        break;
                    }
                }
            }
        }
        Err(contended())
    }

    /// Makes a directory again that was made at the earlier primary, or adopts the one
    /// that has its name here. `None`: it was deleted there.
    pub(super) async fn dir_back_of(
        &self,
        first: &DivergedRow,
        id: NodeId,
        depth: usize,
    ) -> Outcome<Option<Dir>> {
        let old = self.old(id).await?;
        if old.row.trashed_millis.is_some() || first.state != DivergedState::Waiting {
            return Ok(None);
        }
        let modified = open_meta(&old.keys, &old.row)?.modified_millis;
        for _ in 0..ROUNDS {
            let above = self.dir_for(old.row.parent, depth + 1).await?;
            let mut draft = Draft::new(Answer::Changed);
            let adopted = match self.child(&above, &old.name).await? {
                Some(node) if node.row.kind == KIND_DIRECTORY => Some(node.into_dir()?),
                _ => None,
            };
            let dir = if let Some(dir) = adopted {
                draft.require_live(dir.id);
                dir
            } else {
                let name = self.free_name(&above, &old, first.written_millis).await?;
                self.draft_dir(&mut draft, &above, &name, modified).await?
            };
            returned(&mut draft, first, dir.id, first.change.clone());
            if self.commit_back(draft).await?.is_some() {
                return Ok(Some(dir));
            }
        }
        Err(contended())
    }

    async fn draft_dir(
        &self,
        draft: &mut Draft,
        above: &Dir,
        name: &str,
        modified: i64,
    ) -> Outcome<Dir> {
        self.charge(draft, above.owner, Usage { nodes: 1, bytes: 0 }).await?;
        let mut new = self.new_node(above, name, NodeKind::Directory)?;
        let meta = directory_meta(self.user().0, modified, new.row.created_millis);
        seal_meta(&new.keys, &mut new.row, &meta)?;
        draft.require_live(above.id);
        let lookup_tag = above.keys.lookup_tag(name);
        draft.require(Precondition::NameFree { parent: above.id, lookup_tag });
        let id = new.row.node;
        draft.deeds.push(above.done(Deed::Created, id, &new.keys, name.to_owned()));
        draft.changes.push(Change::PutNode(new.row));
        Ok(above.inner(id, new.keys))
    }

    /// Sees to it that the segments that a version names are here.
    async fn bring_segments(&self, version: &VersionRow) -> Outcome<()> {
        for id in &version.segments {
            let here = self.store().segment(*id).await.map_err(|error| read_failed(&error))?;
            if here.is_some() {
                continue;
            }
            let kept = self.store().diverged_segment(self.user(), *id).await;
            let kept = kept.map_err(|error| node_failed(version.node, &error))?;
            let kept = kept.ok_or_else(|| integrity(version.node))?;
            // It belongs to nothing for a moment, as that of an upload, and is new for
            // whoever looks for abandoned ones.
            let segment = SegmentRow { created_millis: self.millis(), ..kept };
            let changes = vec![Change::PutSegment(segment)];
            self.commit(Commit { changes, ..Commit::default() }).await?;
        }
        Ok(())
    }

    /// Judges a record of a node that came without content.
    pub(super) async fn judge_node(
        &self,
        round: &mut Round,
        row: &DivergedRow,
        image: &NodeRow,
    ) -> Outcome<Option<Verdict>> {
        let Some(here) = self.own_row_if_any(image.node).await? else {
            let first = self.image(image.node, false).await?;
            let made = first.filter(|(_, first)| first.revision == 1);
            if let Some((first, _)) = made
                && image.kind == KIND_DIRECTORY
                && first.became.is_none()
                && self.dir_back_of(&first, image.node, 0).await?.is_some()
            {
                round.returned += 1;
                if first.key == row.key {
                    return Ok(None);
                }
            }
            return Ok(Some(Verdict::Support));
        };
        let moved = here.parent != image.parent || here.lookup_tag != image.lookup_tag;
        let trashed = here.trashed_millis.is_some() != image.trashed_millis.is_some();
        Ok(Some(match moved || trashed {
            true => Verdict::List,
            false => Verdict::Support,
        }))
    }
}

/// Adds to a draft that it brings a write back.
fn returned(draft: &mut Draft, row: &DivergedRow, became: NodeId, change: Vec<u8>) {
    draft.require(Precondition::DivergedWaits(row.key));
    draft.changes.push(Change::PutDiverged(DivergedRow {
        state: DivergedState::Returned,
        became: Some(became),
        change,
        refs: Vec::new(),
        ..row.clone()
    }));
}
