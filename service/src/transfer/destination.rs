//! Where a file is written to.

use crate::cx::Cx;
use crate::fault::Outcome;
use crate::tree::node::{Dir, Node};
use crate::tree::resolve::{Target, in_trash};
use coffer_protocol::{Base, NodeId, Place};

/// A name that nothing has, or the file that is there.
#[derive(Clone, Copy)]
pub(crate) enum Spot<'a> {
    /// A new file is made.
    Free(&'a Dir, &'a str),
    /// The file gets a new revision.
    Taken(&'a Node),
}

enum Found<'a> {
    Free(Target<'a>),
    Taken(Box<Node>),
}

/// Where a place leads that a file is to be written to.
pub(crate) struct Destination<'a> {
    found: Found<'a>,
    /// Another name in the directory differs only in case.
    pub(crate) case_collision: bool,
}

impl Destination<'_> {
    /// The same for every place that leads to the same file.
    pub(crate) fn key(&self) -> (NodeId, [u8; 32]) {
        match &self.found {
            Found::Free(target) => (target.dir.id, target.dir.keys.lookup_tag(target.name)),
            Found::Taken(node) => (node.row.node, [0; 32]),
        }
    }

    /// What is there.
    pub(crate) fn taken(&self) -> Option<&Node> {
        match &self.found {
            Found::Free(_) => None,
            Found::Taken(node) => Some(node),
        }
    }

    pub(crate) fn spot(&self) -> Spot<'_> {
        match &self.found {
            Found::Free(target) => Spot::Free(&target.dir, target.name),
            Found::Taken(node) => Spot::Taken(node),
        }
    }
}

impl Cx {
    /// Where a place leads: a place without names is the file itself, which need
    /// not be in a directory that the user may see.
    pub(crate) async fn destination<'a>(&self, place: &'a Place) -> Outcome<Destination<'a>> {
        if let (Base::Node(id), []) = (place.base, place.names.as_slice()) {
            let found = Found::Taken(Box::new(self.live_node(id).await?));
            return Ok(Destination { found, case_collision: false });
        }
        let target = self.target(place).await?;
        let case_collision = self.collides(&target.dir, target.name).await?;
        let found = match self.child(&target.dir, target.name).await? {
            Some(node) => Found::Taken(Box::new(node)),
            None => Found::Free(target),
        };
        Ok(Destination { found, case_collision })
    }

    /// A node by its id, which is not in the trash.
    pub(crate) async fn live_node(&self, id: NodeId) -> Outcome<Node> {
        let node = self.node_by_id(id).await?;
        if node.row.trashed_millis.is_some() {
            return Err(in_trash());
        }
        self.require_live(Base::Node(id), node.access).await?;
        Ok(node)
    }
}
