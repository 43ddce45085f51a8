//! What a reader sees of nodes that others have worked on: keys, access, and
//! names in the reader's own words.
//!
//! Guarantees: access is looked up when it is asked for, with the reader's own
//! keys, and kept for one answer only; of what the reader may not see nothing is
//! handed on; a place that does not verify is told from one that is hidden.

use crate::access::Access;
use crate::cx::Cx;
use crate::fault::{Outcome, per_item};
use crate::rows::node_failed;
use crate::tree::node::open_name;
use coffer_crypto::NodeKeys;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Location;
use coffer_protocol::{NodeId, UserId};
use coffer_store::{MODE_READ, MODE_WRITE, NodeRow, Reach, ShareRow};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Whether a node is in the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Live,
    /// It is, and the directory it was deleted from is not.
    Deleted,
    /// It is in a directory that is.
    Buried,
}

/// A node that the reader may see.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) owner: UserId,
    pub(super) access: Access,
    /// Since when the reader has had access, milliseconds since 1970.
    pub(super) since_millis: i64,
    pub(super) keys: Arc<NodeKeys>,
    pub(super) state: State,
    /// Names from the reader's home directory, or from the share.
    names: Vec<String>,
    /// The node and what the reader sees above it, from above.
    ids: Vec<NodeId>,
}

impl Seen {
    /// Whether the node is this one, or below it.
    pub(super) fn is_within(&self, above: NodeId) -> bool {
        self.ids.contains(&above)
    }

    /// The child of a directory.
    fn below(&self, cx: &Cx, row: &NodeRow) -> Outcome<Self> {
        let mut names = self.names.clone();
        names.push(open_name(&self.keys, row)?);
        let mut ids = self.ids.clone();
        ids.push(row.node);
        let state = match (self.state, row.trashed_millis) {
            (State::Live, None) => State::Live,
            (State::Live, Some(_)) => State::Deleted,
            _ => State::Buried,
        };
        let keys = cx.keys_below(&self.keys, row)?;
        Ok(Self { keys, state, names, ids, ..*self })
    }

    fn down(mut self, cx: &Cx, rows: &[NodeRow]) -> Outcome<Self> {
        for row in rows.iter().rev() {
            self = self.below(cx, row)?;
        }
        Ok(self)
    }
}

/// What there is to see of a node.
#[derive(Clone)]
pub(super) enum Sighting {
    Seen(Arc<Seen>),
    /// It is not there for the reader.
    Hidden,
    /// Something of it, or above it, does not verify.
    Broken,
}

/// The eyes of one reader, for one answer.
pub(super) struct Sight<'a> {
    cx: &'a Cx,
    nodes: HashMap<NodeId, Sighting>,
    users: HashMap<UserId, String>,
    /// Nodes that are shared with the reader, if they are known: no others of
    /// other users have to be asked about.
    shared: Option<HashSet<NodeId>>,
    /// What the reader calls the things that an owner shares with them.
    shown: HashMap<UserId, HashMap<NodeId, String>>,
    asked: usize,
}

impl<'a> Sight<'a> {
    pub(super) fn new(cx: &'a Cx) -> Self {
        let (nodes, users, shown) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { cx, nodes, users, shared: None, shown, asked: 0 }
    }

    /// The same for a reader of whom is known what is shared with them.
    pub(super) fn knowing(cx: &'a Cx, shared: HashSet<NodeId>) -> Self {
        Self { shared: Some(shared), ..Self::new(cx) }
    }

    pub(super) fn cx(&self) -> &'a Cx {
        self.cx
    }

    /// Ways up that were asked for so far.
    pub(super) fn asked(&self) -> usize {
        self.asked
    }

    /// The name of a user; empty when there is no such user any more.
    pub(super) async fn user(&mut self, user: UserId) -> String {
        if let Some(name) = self.users.get(&user) {
            return name.clone();
        }
        let name = self.cx.name_of(user).await;
        self.users.insert(user, name.clone());
        name
    }

    /// Where a node is, in the reader's words.
    pub(super) async fn location(&mut self, seen: &Seen) -> Location {
        let owner = match seen.owner == self.cx.user() {
            true => None,
            false => Some(self.user(seen.owner).await),
        };
        Location { owner, names: seen.names.clone() }
    }

    /// Looks at a node, by way of its directory: many of one directory cost one
    /// way up.
    pub(super) async fn node(&mut self, row: &NodeRow) -> Outcome<Sighting> {
        if row.parent == row.node {
            return self.by_id(row.owner, row.node).await;
        }
        match self.by_id(row.owner, row.parent).await? {
            Sighting::Seen(dir) => sorted(dir.below(self.cx, row).map(Some)),
            Sighting::Broken if row.owner == self.cx.user() => Ok(Sighting::Broken),
            Sighting::Broken | Sighting::Hidden if self.may_be_shared(row.node) => {
                self.by_id(row.owner, row.node).await
            }
            sighting => Ok(sighting),
        }
    }

    fn may_be_shared(&self, node: NodeId) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.contains(&node))
    }

    /// Looks at a node of which only the id is known.
    pub(super) async fn by_id(&mut self, owner: UserId, id: NodeId) -> Outcome<Sighting> {
        if let Some(known) = self.nodes.get(&id) {
            return Ok(known.clone());
        }
        self.asked += 1;
        let found = match owner == self.cx.user() {
            true => self.own(id).await,
            false => self.foreign(owner, id).await,
        };
        let found = sorted(found)?;
        self.nodes.insert(id, found.clone());
        Ok(found)
    }

    /// What the reader calls a node that is shared.
    async fn shown(&mut self, owner: UserId, node: NodeId) -> Outcome<Option<String>> {
        if !self.shown.contains_key(&owner) {
            let names = self.cx.names_from(owner).await?;
            self.shown.insert(owner, names);
        }
        Ok(self.shown.get(&owner).and_then(|names| names.get(&node)).cloned())
    }

    async fn own(&self, id: NodeId) -> Outcome<Option<Seen>> {
        let chain = self.cx.store().chain(id).await.map_err(|error| node_failed(id, &error))?;
        let Some((home, below)) = chain.as_ref().and_then(|chain| chain.split_last()) else {
            return Ok(None);
        };
        if home.node != self.cx.session.home || home.owner != self.cx.user() {
            return Ok(None);
        }
        let seen = Seen {
            owner: home.owner,
            access: Access::Owner,
            since_millis: i64::MIN,
            keys: self.cx.session.open_home(home)?,
            state: State::Live,
            names: Vec::new(),
            ids: vec![home.node],
        };
        seen.down(self.cx, below).map(Some)
    }

    /// A node of another user: seen through the topmost share, which shows most
    /// of where it is, with the rights of the strongest.
    async fn foreign(&mut self, owner: UserId, id: NodeId) -> Outcome<Option<Seen>> {
        if self.shared.as_ref().is_some_and(HashSet::is_empty) {
            return Ok(None);
        }
        let reach = self.cx.store().reach(self.cx.user(), id).await;
        let Some(reach) = reach.map_err(|error| node_failed(id, &error))? else { return Ok(None) };
        if reach.chain.iter().any(|row| row.owner != owner) || is_buried(&reach.chain) {
            return Ok(None);
        }
        let mut way = Way::default();
        let mut refused = None;
        for (height, share) in usable(&reach, self.cx.millis()) {
            match self.cx.shared_keys(&reach.chain[height], share).await {
                Ok((keys, name)) => way.open(share, (height, keys, name)),
                Err(error) => refused = per_item::<()>(Err(error))?.err(),
            }
        }
        let Some((height, keys, name)) = way.top else { return refused.map_or(Ok(None), Err) };
        let row = &reach.chain[height];
        // A share of what is in the trash says that it is there, and nothing else.
        let (access, state) = match row.trashed_millis {
            Some(_) => (Access::Read, State::Deleted),
            None => (way.access, State::Live),
        };
        let since_millis = way.since_millis;
        let names = vec![self.shown(owner, row.node).await?.unwrap_or(name)];
        let ids = vec![row.node];
        let seen = Seen { owner, access, since_millis, keys, state, names, ids };
        seen.down(self.cx, &reach.chain[..height]).map(Some)
    }
}

/// What the shares on the way up to a node give together. Only those count whose
/// grants have opened.
struct Way {
    access: Access,
    since_millis: i64,
    /// The topmost: its place in the chain, its keys, its name.
    top: Option<(usize, Arc<NodeKeys>, String)>,
}

impl Default for Way {
    fn default() -> Self {
        Self { access: Access::Read, since_millis: i64::MAX, top: None }
    }
}

impl Way {
    fn open(&mut self, share: &ShareRow, opened: (usize, Arc<NodeKeys>, String)) {
        if share.mode == MODE_WRITE {
            self.access = Access::Write;
        }
        self.since_millis = self.since_millis.min(share.created_millis);
        if self.top.as_ref().is_none_or(|(height, ..)| *height < opened.0) {
            self.top = Some(opened);
        }
    }
}

/// Whether something above the node is in the trash.
fn is_buried(chain: &[NodeRow]) -> bool {
    chain.iter().skip(1).any(|row| row.trashed_millis.is_some())
}

/// Shares that count at this moment, with the place of what they share in the
/// chain.
fn usable(reach: &Reach, now_millis: i64) -> impl Iterator<Item = (usize, &ShareRow)> {
    let live = reach.shares.iter().filter(move |share| share.is_live(now_millis));
    live.filter_map(|share| {
        let height = reach.chain.iter().position(|row| row.node == share.node)?;
        let known = matches!(share.mode, MODE_READ | MODE_WRITE);
        (known && share.owner == reach.chain[height].owner).then_some((height, share))
    })
}

/// What is not there and what does not verify concern the one node; any other
/// error concerns the whole answer.
fn sorted(found: Outcome<Option<Seen>>) -> Outcome<Sighting> {
    Ok(match per_item(found)? {
        Ok(Some(seen)) => Sighting::Seen(Arc::new(seen)),
        Err(error) if error.code == ErrorCode::INTEGRITY => Sighting::Broken,
        Ok(None) | Err(_) => Sighting::Hidden,
    })
}
