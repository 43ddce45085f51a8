//! Looking up many names of one directory at once, and names that Windows or
//! macOS could not hold beside them.

use super::node::{Dir, Node, open_name};
use crate::cx::Cx;
use crate::fault::{Outcome, integrity};
use crate::rows::node_failed;
use coffer_protocol::Base;
use coffer_protocol::error::ErrorCode;
use coffer_store::NodeRow;
use std::collections::{HashMap, HashSet};

impl Cx {
    /// A directory that things may be put into.
    pub(crate) async fn live_directory(&self, base: Base, names: &[String]) -> Outcome<Dir> {
        let dir = self.directory(base, names).await?;
        self.require_live(base, dir.access).await?;
        Ok(dir)
    }

    /// Trusts a record that was found by its tag, after a look at its name.
    pub(crate) fn found(&self, dir: &Dir, tag: [u8; 32], row: NodeRow) -> Outcome<Node> {
        if row.owner != dir.owner || row.parent != dir.id || row.lookup_tag != Some(tag) {
            return Err(integrity(row.node));
        }
        if dir.keys.lookup_tag(&open_name(&dir.keys, &row)?) != tag {
            return Err(integrity(row.node));
        }
        let keys = self.keys_below(&dir.keys, &row)?;
        Ok(Node { row, keys, parent: Some(dir.clone()), access: dir.access, shared_as: None })
    }

    /// What has these names in a directory, in the order of the names.
    pub(crate) async fn children_named(
        &self,
        dir: &Dir,
        names: &[&str],
    ) -> Outcome<Vec<Outcome<Option<Node>>>> {
        let tags: Vec<_> = names.iter().map(|name| dir.keys.lookup_tag(name)).collect();
        let rows = match self.store().children_by_tags(dir.id, &tags).await {
            Ok(rows) => rows,
            Err(error) => {
                let error = node_failed(dir.id, &error);
                if error.code != ErrorCode::INTEGRITY {
                    return Err(error);
                }
                // One of them is damaged: find out which.
                let mut found = Vec::with_capacity(names.len());
                for name in names {
                    found.push(crate::fault::per_item(self.child(dir, name).await)?);
                }
                return Ok(found);
            }
        };
        let mut by_tag: HashMap<_, _> =
            rows.into_iter().filter_map(|row| Some((row.lookup_tag?, row))).collect();
        let find =
            |tag: [u8; 32]| by_tag.remove(&tag).map(|row| self.found(dir, tag, row)).transpose();
        Ok(tags.into_iter().map(find).collect())
    }

    /// Whether another name in the directory differs only in case or form.
    pub(crate) async fn collides(&self, dir: &Dir, name: &str) -> Outcome<bool> {
        Ok(self.collisions(dir, &[name]).await?.contains(&true))
    }

    /// The same for many names, which are also compared with each other.
    pub(crate) async fn collisions(&self, dir: &Dir, names: &[&str]) -> Outcome<Vec<bool>> {
        let tag = |name: &&str| (dir.keys.fold_tag(name), dir.keys.lookup_tag(name));
        let tags: Vec<_> = names.iter().map(tag).collect();
        let folds: Vec<_> = tags.iter().map(|(fold, _)| *fold).collect();
        let there = self.store().lookalikes(dir.id, &folds).await;
        let there = there.map_err(|error| node_failed(dir.id, &error))?;
        let mut alike: HashMap<[u8; 32], HashSet<[u8; 32]>> = HashMap::new();
        for (fold, lookup) in there.into_iter().chain(tags.iter().copied()) {
            alike.entry(fold).or_default().insert(lookup);
        }
        let collides = |(fold, _): &([u8; 32], _)| alike.get(fold).is_some_and(|set| set.len() > 1);
        Ok(tags.iter().map(collides).collect())
    }
}
