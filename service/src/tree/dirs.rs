//! Creating directories.
//!
//! Guarantees: a request makes all of its directories or none; two clients who
//! create the same directory at the same time get the same one, when they adopt.

use super::create::directory_meta;
use super::node::Dir;
use super::resolve::good_name;
use crate::answer::Answer;
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain, too_many};
use crate::op::{Draft, Mutation};
use coffer_crypto::NodeKind;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_BATCH_DIRS, MAX_PATH_DEPTH};
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::tree::{MakeDirs, NewDir};
use coffer_protocol::{NodeId, OpId};
use coffer_store::{Change, Precondition, Usage};
use std::collections::HashMap;

/// A directory this request has found or drafted.
#[derive(Clone)]
struct Step {
    dir: Dir,
    drafted: bool,
}

struct Builder<'a> {
    cx: &'a Cx,
    request: &'a MakeDirs,
    known: HashMap<(NodeId, [u8; 32]), Step>,
    draft: Draft,
    now: i64,
}

impl Mutation for MakeDirs {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        if self.dirs.len() > MAX_BATCH_DIRS {
            return Err(too_many("directories", MAX_BATCH_DIRS));
        }
        let base = cx.node(&self.base).await?.into_dir()?;
        cx.require_live(self.base.base, base.access).await?;
        let draft = Draft::new(Answer::Made(base.id, Vec::new()));
        let known = HashMap::new();
        let mut builder = Builder { cx, request: self, known, draft, now: cx.millis() };
        let mut nodes = Vec::with_capacity(self.dirs.len());
        for wanted in &self.dirs {
            nodes.push(builder.make(&base, wanted).await?);
        }
        builder.draft.answer = Answer::Made(base.id, nodes);
        Ok(builder.draft)
    }
}

impl Builder<'_> {
    async fn make(&mut self, base: &Dir, wanted: &NewDir) -> Outcome<NodeId> {
        let depth = self.request.base.names.len() + wanted.names.len();
        if depth > MAX_PATH_DEPTH {
            let text = format!("the path is deeper than {MAX_PATH_DEPTH} names");
            return Err(because(ErrorCode::TOO_LARGE, text));
        }
        let Some((last, above)) = wanted.names.split_last() else {
            return if self.request.adopt { Ok(base.id) } else { Err(plain(ErrorCode::EXISTS)) };
        };
        let mut at = Step { dir: base.clone(), drafted: false };
        for name in above {
            at = match self.find(&at, name).await? {
                Some(step) => step,
                None if self.request.parents => self.create(&at, name, None).await?,
                None => return Err(plain(ErrorCode::NOT_FOUND)),
            };
        }
        let found = self.find(&at, last).await.map_err(|error| match error.code {
            // A file has the name.
            ErrorCode::NOT_A_DIRECTORY => plain(ErrorCode::EXISTS),
            _ => error,
        });
        match found? {
            Some(step) if self.request.adopt => Ok(step.dir.id),
            Some(_) => Err(plain(ErrorCode::EXISTS)),
            None => Ok(self.create(&at, last, wanted.modified_millis).await?.dir.id),
        }
    }

    async fn find(&mut self, at: &Step, name: &str) -> Outcome<Option<Step>> {
        good_name(name)?;
        let key = (at.dir.id, at.dir.keys.lookup_tag(name));
        if let Some(step) = self.known.get(&key) {
            return Ok(Some(step.clone()));
        }
        if at.drafted {
            return Ok(None);
        }
        let Some(node) = self.cx.child(&at.dir, name).await? else { return Ok(None) };
        let step = Step { dir: node.into_dir()?, drafted: false };
        self.known.insert(key, step.clone());
        Ok(Some(step))
    }

    async fn create(&mut self, at: &Step, name: &str, modified: Option<i64>) -> Outcome<Step> {
        if self.draft.changes.len() >= 2 * MAX_BATCH_DIRS {
            return Err(too_many("new directories", 2 * MAX_BATCH_DIRS));
        }
        let dir = self.cx.writable(&at.dir).await?;
        self.cx.charge(&mut self.draft, dir.owner, Usage { nodes: 1, bytes: 0 }).await?;
        let lookup_tag = dir.keys.lookup_tag(name);
        let mut new = self.cx.new_node(&dir, name, NodeKind::Directory)?;
        let meta = directory_meta(self.cx.user().0, modified.unwrap_or(self.now), self.now);
        super::create::seal_meta(&new.keys, &mut new.row, &meta)?;
        if !at.drafted {
            self.draft.require_live(dir.id);
            self.draft.require_writable(self.cx.user(), &dir);
            self.draft.require(Precondition::NameFree { parent: dir.id, lookup_tag });
        }
        let id = new.row.node;
        self.draft.deeds.push(dir.done(Deed::Created, id, &new.keys, name.to_owned()));
        let step = Step { dir: dir.inner(id, new.keys), drafted: true };
        self.known.insert((dir.id, lookup_tag), step.clone());
        self.draft.changes.push(Change::PutNode(new.row));
        Ok(step)
    }
}
