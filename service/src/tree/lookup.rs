//! Looking up many names of one directory at once, and names that Windows or
//! macOS could not hold beside them.

use super::node::{Dir, Node, open_name};
use crate::cx::Cx;
use crate::fault::{Outcome, integrity};
use crate::rows::node_failed;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::Base;
use coffer_store::NodeRow;
use std::collections::{HashMap, HashSet};

impl Cx {
    /// A directory that things may be put into.
    pub(crate) async fn live_directory(&self, base: Base, names: &[String]) -> Outcome<Dir> {
        let dir = self.directory(base, names).await?;
        self.require_live(base).await?;
        Ok(dir)
    }

    /// Trusts a record that was found by its tag, after a look at its name.
    pub(crate) fn found(&self, dir: &Dir, tag: [u8; 32], row: NodeRow) -> Outcome<Node> {
        if row.owner != self.user() || row.parent != dir.id || row.lookup_tag != Some(tag) {
            return Err(integrity(row.node));
        }
        if dir.keys.lookup_tag(&open_name(&dir.keys, &row)?) != tag {
            return Err(integrity(row.node));
        }
        let keys = self.keys_below(&dir.keys, &row)?;
        Ok(Node { row, keys, parent: Some(dir.clone()) })
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
        let find = |tag: [u8; 32]| {
            by_tag.remove(&tag).map(|row| self.found(dir, tag, row)).transpose()
        };
        Ok(tags.into_iter().map(find).collect())
    }

    /// Whether another name in the directory differs only in case or form.
    pub(crate) async fn collides(&self, dir: &Dir, name: &str) -> Outcome<bool> {
        let (tag, fold) = (dir.keys.lookup_tag(name), dir.keys.fold_tag(name));
        let found = self.store().fold_matches(dir.id, &fold, 2).await;
        let found = match found.map_err(|error| node_failed(dir.id, &error)) {
            Ok(found) => found,
            // A hint for the user is not worth an error.
            Err(error) if error.code == ErrorCode::INTEGRITY => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(found.iter().any(|row| row.lookup_tag != Some(tag)))
    }

    /// The same for many names, which are also compared with each other.
    pub(crate) async fn collisions(&self, dir: &Dir, names: &[&str]) -> Outcome<Vec<bool>> {
        let mut mine: HashMap<[u8; 32], HashSet<[u8; 32]>> = HashMap::new();
        let mut collide = Vec::with_capacity(names.len());
        for name in names {
            let (tag, fold) = (dir.keys.lookup_tag(name), dir.keys.fold_tag(name));
            let tags = mine.entry(fold).or_default();
            let among = tags.iter().any(|other| *other != tag);
            tags.insert(tag);
            collide.push(among || self.collides(dir, name).await?);
        }
        Ok(collide)
    }
}
