//! What the tree should be: a map of nodes in memory, with the rules of the
//! tree and nothing else.

use super::harness::place;
use coffer_protocol::NodeId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::tree::Expect;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) parent: usize,
    pub(super) name: String,
    /// Content and revision; `None` for a directory.
    pub(super) file: Option<(u8, u64)>,
    pub(super) trashed: bool,
    pub(super) real: NodeId,
}

/// What the tree should be.
pub(super) struct Model {
    pub(super) items: BTreeMap<usize, Item>,
    pub(super) next: usize,
}

pub(super) const HOME: usize = 0;
pub(super) type Wanted<T> = Result<T, ErrorCode>;

impl Model {
    pub(super) fn new(home: NodeId) -> Self {
        let root =
            Item { parent: HOME, name: String::new(), file: None, trashed: false, real: home };
        Self { items: BTreeMap::from([(HOME, root)]), next: 1 }
    }

    pub(super) fn child(&self, dir: usize, name: &str) -> Option<usize> {
        let here = |(id, item): &(&usize, &Item)| {
            **id != HOME && item.parent == dir && item.name == name && !item.trashed
        };
        self.items.iter().find(here).map(|(id, _)| *id)
    }

    pub(super) fn walk(&self, names: &[String]) -> Wanted<usize> {
        let mut at = HOME;
        for name in names {
            if self.items[&at].file.is_some() {
                return Err(ErrorCode::NOT_A_DIRECTORY);
            }
            at = self.child(at, name).ok_or(ErrorCode::NOT_FOUND)?;
        }
        Ok(at)
    }

    pub(super) fn find(&self, path: &str) -> Wanted<usize> {
        self.walk(&place(path).names)
    }

    pub(super) fn target(&self, path: &str) -> Wanted<(usize, String)> {
        let names = place(path).names;
        let (name, above) = names.split_last().expect("not the root");
        let dir = self.walk(above)?;
        match self.items[&dir].file {
            Some(_) => Err(ErrorCode::NOT_A_DIRECTORY),
            None => Ok((dir, name.clone())),
        }
    }

    pub(super) fn add(&mut self, parent: usize, name: String, file: Option<(u8, u64)>) -> usize {
        let real = NodeId([0; 16]);
        self.items.insert(self.next, Item { parent, name, file, trashed: false, real });
        self.next += 1;
        self.next - 1
    }

    pub(super) fn inside(&self, node: usize, ancestor: usize) -> bool {
        node == ancestor || node != HOME && self.inside(self.items[&node].parent, ancestor)
    }

    pub(super) fn live(&self, node: usize) -> bool {
        node == HOME || !self.items[&node].trashed && self.live(self.items[&node].parent)
    }

    pub(super) fn write(
        &mut self,
        to: &str,
        data: u8,
        expect: Expect,
        not: Option<usize>,
    ) -> Wanted<usize> {
        let (dir, name) = self.target(to)?;
        let Some(there) = self.child(dir, &name) else {
            if let Expect::Revision(_) = expect {
                return Err(ErrorCode::NOT_FOUND);
            }
            return Ok(self.add(dir, name, Some((data, 1))));
        };
        if Some(there) == not {
            return Err(ErrorCode::EXISTS);
        }
        let item = self.items.get_mut(&there).expect("found");
        let Some((content, revision)) = &mut item.file else {
            return Err(ErrorCode::IS_A_DIRECTORY);
        };
        match expect {
            Expect::Absent => return Err(ErrorCode::EXISTS),
            Expect::Revision(wanted) if wanted != *revision => return Err(ErrorCode::CONFLICT),
            _ => {}
        }
        (*content, *revision) = (data, *revision + 1);
        Ok(there)
    }

    pub(super) fn mv(&mut self, from: &str, to: &str, replace: bool) -> Wanted<usize> {
        let node = self.find(from)?;
        let (dir, name) = self.target(to)?;
        let is_dir = self.items[&node].file.is_none();
        let there = self.child(dir, &name);
        if there == Some(node) {
            return Ok(node);
        }
        if there.is_some_and(|there| self.items[&there].file.is_none() || is_dir || !replace) {
            return Err(ErrorCode::EXISTS);
        }
        if is_dir && self.inside(dir, node) {
            return Err(ErrorCode::INTO_ITSELF);
        }
        if let Some(there) = there {
            self.items.get_mut(&there).expect("found").trashed = true;
        }
        let item = self.items.get_mut(&node).expect("found");
        (item.parent, item.name) = (dir, name);
        Ok(node)
    }

    pub(super) fn delete(&mut self, path: &str, recursive: bool) -> Wanted<usize> {
        let node = self.find(path)?;
        let filled = self.items.values().any(|item| item.parent == node && !item.trashed);
        if filled && !recursive {
            return Err(ErrorCode::NOT_EMPTY);
        }
        self.items.get_mut(&node).expect("found").trashed = true;
        Ok(node)
    }

    /// The n-th thing in the trash, if there is any.
    pub(super) fn trashed(&self, nth: usize) -> Option<usize> {
        let all: Vec<_> =
            self.items.iter().filter(|(_, item)| item.trashed).map(|(id, _)| *id).collect();
        (!all.is_empty()).then(|| all[nth % all.len()])
    }

    pub(super) fn restore(&mut self, node: usize) -> Wanted<usize> {
        let item = &self.items[&node];
        if !self.live(item.parent) {
            return Err(ErrorCode::NOT_FOUND);
        }
        if self.child(item.parent, &item.name).is_some() {
            return Err(ErrorCode::EXISTS);
        }
        self.items.get_mut(&node).expect("found").trashed = false;
        Ok(node)
    }

    pub(super) fn purge(&mut self, root: usize) {
        let gone: Vec<_> = self.items.keys().copied().filter(|id| self.inside(*id, root)).collect();
        for id in gone {
            self.items.remove(&id);
        }
    }

    pub(super) fn path(&self, node: usize) -> String {
        match node {
            HOME => String::new(),
            _ => format!("{}/{}", self.path(self.items[&node].parent), self.items[&node].name),
        }
    }

    /// Every live path with what is there.
    pub(super) fn tree(&self) -> BTreeMap<String, Option<u8>> {
        let live = self.items.iter().filter(|(id, _)| **id != HOME && self.live(**id));
        live.map(|(id, item)| (self.path(*id), item.file.map(|(data, _)| data))).collect()
    }
}
