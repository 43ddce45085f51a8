//! What is shared in a cell of the table, and what of it must not change.
//!
//! ```text
//! /scene-N/
//!   outer-N/
//!     inner-N/
//!       f         two versions
//!       d/f       two versions
//!       (gone)    in the trash
//!   file-N        two versions
//! ```

use super::table::{Subject, Way};
use coffer_protocol::message::share::{Mode, WhichShares};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place};
use coffer_tests::person::{Person, group, inside, node_place, user};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the first and second versions of every file say.
pub(crate) const OLD: &[u8] = b"the first version";
pub(crate) const NEW: &[u8] = b"the second version";

/// Who takes part.
pub(crate) struct Cast {
    pub(crate) owner: Person,
    pub(crate) recipient: Person,
    pub(crate) stranger: Person,
    number: AtomicU32,
}

/// The group of the owner in which the recipient is.
pub(crate) const TEAM: &str = "team";

impl Cast {
    pub(crate) fn new(owner: Person, recipient: Person, stranger: Person) -> Self {
        Self { owner, recipient, stranger, number: AtomicU32::new(0) }
    }

    pub(crate) fn next(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }
}

/// The nodes of one scene, and how it was shared.
pub(crate) struct Scene {
    pub(crate) number: u32,
    pub(crate) base: NodeId,
    pub(crate) outer: NodeId,
    pub(crate) inner: NodeId,
    pub(crate) directory: NodeId,
    /// The file that is shared itself.
    pub(crate) alone: NodeId,
    /// The file inside the inner directory.
    pub(crate) file: NodeId,
    pub(crate) gone: NodeId,
    pub(crate) subject: Subject,
    pub(crate) way: Way,
}

impl Scene {
    /// Makes it, shares it.
    pub(crate) async fn make(cast: &Cast, subject: Subject, way: Way, grouped: bool) -> Self {
        let (owner, number) = (&cast.owner, cast.next());
        let names = [
            format!("scene-{number}"),
            format!("scene-{number}/outer-{number}"),
            format!("scene-{number}/outer-{number}/inner-{number}"),
            format!("scene-{number}/outer-{number}/inner-{number}/d"),
        ];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let nodes = owner.make_dirs(&node_place(owner.home), &names).await.expect("directories");
        let [base, outer, inner, directory] = nodes[..] else { panic!("four directories") };
        let places = [
            inside(base, &format!("file-{number}")),
            inside(inner, "f"),
            inside(directory, "f"),
            inside(inner, "gone"),
        ];
        let mut files = Vec::new();
        for (data, expect) in [(OLD, Expect::Absent), (NEW, Expect::Anything)] {
            let batch: Vec<_> = places.iter().map(|to| (to.clone(), data, expect)).collect();
            files = owner.put_all(&batch).await.expect("files");
        }
        let node = |index: usize| files[index].as_ref().expect("a file").node;
        owner.rm(&node_place(node(3))).await.expect("deleted");
        let scene = Self {
            number,
            base,
            outer,
            inner,
            directory,
            alone: node(0),
            file: node(1),
            gone: node(3),
            subject,
            way,
        };
        scene.share(cast, grouped).await;
        scene
    }

    async fn share(&self, cast: &Cast, grouped: bool) {
        let with = if grouped { group(TEAM) } else { user(&cast.recipient.name) };
        let root = if self.subject == Subject::File { self.alone } else { self.inner };
        let grants: &[(NodeId, Mode)] = match self.way {
            Way::Nothing | Way::Own => &[],
            Way::Read => &[(root, Mode::Read)],
            Way::Write => &[(root, Mode::Write)],
            Way::WriteInRead => &[(self.outer, Mode::Read), (root, Mode::Write)],
            Way::ReadInWrite => &[(self.outer, Mode::Write), (root, Mode::Read)],
        };
        for (node, mode) in grants {
            cast.owner.share(&node_place(*node), &with, *mode).await.expect("shared");
        }
    }

    /// The person whose rights are tested.
    pub(crate) fn actor<'a>(&self, cast: &'a Cast) -> &'a Person {
        match self.way {
            Way::Nothing => &cast.stranger,
            Way::Own => &cast.owner,
            _ => &cast.recipient,
        }
    }

    /// The node that is looked at, renamed, moved and so on.
    pub(crate) fn target(&self) -> NodeId {
        match self.subject {
            Subject::File => self.alone,
            Subject::Directory => self.inner,
            Subject::Inside => self.file,
        }
    }

    /// The file that is read and written.
    pub(crate) fn file(&self) -> NodeId {
        if self.subject == Subject::File { self.alone } else { self.file }
    }

    /// The directory that things are put into.
    pub(crate) fn directory(&self) -> NodeId {
        if self.subject == Subject::Inside { self.directory } else { self.inner }
    }

    /// The directory that the target is in.
    pub(crate) fn parent(&self) -> NodeId {
        match self.subject {
            Subject::File => self.base,
            Subject::Directory => self.outer,
            Subject::Inside => self.inner,
        }
    }

    /// Everything of the scene that a request may change: names and contents,
    /// versions, the trash, shares.
    pub(crate) async fn state(&self, cast: &Cast) -> BTreeMap<String, String> {
        let owner = &cast.owner;
        let mut state = BTreeMap::new();
        for found in owner.walk(&node_place(self.base), None).await.expect("a tree") {
            let entry = found.entry;
            let path = [found.above.join("/"), entry.name.clone()].join("/");
            state.insert(path, format!("{entry:?}"));
        }
        // What is below a directory in the trash is not listed by itself.
        for place in [self.base, self.inner].map(node_place) {
            for trashed in owner.trash_in(&place).await.unwrap_or_default() {
                state.insert(format!("trash {}", trashed.entry.node), format!("{trashed:?}"));
            }
        }
        for file in [self.alone, self.file] {
            let versions = owner.versions(&node_place(file)).await;
            state.insert(format!("versions {file}"), format!("{versions:?}"));
        }
        for node in [self.outer, self.inner, self.alone, self.file] {
            let shares = owner.shares(WhichShares::Of(node_place(node))).await;
            state.insert(format!("shares {node}"), format!("{shares:?}"));
        }
        state
    }

    /// A new file of the actor's own, to bring in.
    pub(crate) async fn own_file(&self, cast: &Cast) -> (Place, NodeId) {
        let actor = self.actor(cast);
        let place = actor.own(&format!("mine-{}", cast.next()));
        let written = actor.put(&place, b"mine", Expect::Absent).await.expect("own file");
        (place, written.node)
    }
}
