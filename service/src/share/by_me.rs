//! What the user shares with others.
//!
//! Guarantees: one entry for each user or group, with the path of the node; a
//! record that cannot be shown is named and hides no other.

use super::grant::Unopened;
use super::list::Filling;
use super::people::Pin;
use super::rows::{DIRECT, shown_mode};
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::{node_failed, read_failed};
use crate::tree::node::{kind_of, open_name};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{Recipient, ShareEntry, SharePage};
use coffer_protocol::message::tree::Kind;
use coffer_protocol::{NodeId, Place, ShareId, UserId};
use coffer_store::{KIND_DIRECTORY, NodeRow, Page, RECIPIENT_GROUP, ShareRow};
use std::collections::HashMap;

/// A kind, as it is shown.
pub(super) fn shown_kind(directory: bool) -> Kind {
    if directory { Kind::Directory } else { Kind::File }
}

/// What is looked up once for a page.
#[derive(Default)]
struct Known {
    owner: String,
    groups: HashMap<[u8; 16], String>,
    /// Name, and whether the key has changed.
    users: HashMap<UserId, Option<(String, bool)>>,
    paths: HashMap<NodeId, Option<(Vec<String>, NodeRow)>>,
}

impl Cx {
    pub(super) async fn shares_by_me(
        &self,
        cursor: Option<ShareId>,
        limit: u32,
    ) -> Outcome<SharePage> {
        let page = self.store().shares_by(self.user(), cursor, limit).await;
        let page = page.map_err(|error| read_failed(&error))?;
        self.shown_by_me(page, true).await
    }

    pub(super) async fn shares_of_own(
        &self,
        place: &Place,
        cursor: Option<ShareId>,
        limit: u32,
    ) -> Outcome<SharePage> {
        let node = self.owned(place).await?.id();
        let page = self.store().shares_of(node, cursor, limit).await;
        self.shown_by_me(page.map_err(|error| node_failed(node, &error))?, false).await
    }

    async fn shown_by_me(
        &self,
        page: Page<ShareRow, ShareId, ShareId>,
        live_only: bool,
    ) -> Outcome<SharePage> {
        let (now, mut damaged, mut next) = (self.millis(), page.damaged, page.next);
        let (groups, _) = self.groups().await?;
        let mut known = Known {
            owner: self.name_of(self.user()).await,
            groups: groups.into_iter().map(|group| (group.id(), group.name)).collect(),
            ..Known::default()
        };
        let mut filling = Filling::default();
        for row in page.rows.into_iter().filter(|row| row.via == DIRECT && row.is_live(now)) {
            let share = row.share;
            let Some((names, node)) = self.known_path(row.node, &mut known).await? else {
                damaged.push(share);
                continue;
            };
            let in_trash = names.is_empty();
            if in_trash && live_only {
                continue;
            }
            match self.entry_by_me(row, names, &node, &mut known).await? {
                Shown::Entry(entry) => {
                    if !filling.add(*entry, usize::MAX) {
                        next = Some(share);
                        break;
                    }
                }
                Shown::Damaged => damaged.push(share),
                Shown::Gone => {}
            }
        }
        if let Some(next) = next {
            damaged.retain(|share| *share <= next);
        }
        Ok(SharePage { shares: filling.shares, damaged, next })
    }

    async fn entry_by_me(
        &self,
        row: ShareRow,
        names: Vec<String>,
        node: &NodeRow,
        known: &mut Known,
    ) -> Outcome<Shown> {
        let (with, key_changed) = match row.recipient_kind {
            RECIPIENT_GROUP => {
                let Some(name) = known.groups.get(&row.recipient) else {
                    return Ok(Shown::Damaged);
                };
                if !self.is_own_grant(&row, node).await? {
                    return Ok(Shown::Damaged);
                }
                (Recipient::Group(name.clone()), false)
            }
            _ => match self.known_user(UserId(row.recipient), known).await? {
                Some((name, changed)) => (Recipient::User(name), changed),
                None => return Ok(Shown::Gone),
            },
        };
        Ok(Shown::Entry(Box::new(ShareEntry {
            share: row.share,
            node: row.node,
            kind: shown_kind(node.kind == KIND_DIRECTORY),
            names,
            owner: known.owner.clone(),
            with,
            mode: shown_mode(row.mode),
            created_millis: row.created_millis,
            expires_millis: row.expires_millis,
            key_changed,
        })))
    }

    /// Whether the row of a share with a group is as the user has sealed it.
    pub(super) async fn is_own_grant(&self, row: &ShareRow, node: &NodeRow) -> Outcome<bool> {
        if self.session.grant_of(row)?.is_some() {
            return Ok(true);
        }
        let (kind, row) = (kind_of(node)?, row.clone());
        let owner_public = self.session.identity()?.public;
        let opened = self.open_grants(vec![Unopened { row, kind, owner_public }]).await?;
        Ok(opened.iter().all(|(_, opened)| opened.is_some()))
    }

    async fn known_user(&self, user: UserId, known: &mut Known) -> Outcome<Option<(String, bool)>> {
        if let Some(found) = known.users.get(&user) {
            return Ok(found.clone());
        }
        let person = self.person_by_id(user).await?;
        let found = person.map(|person| (person.name, matches!(person.pin, Pin::Changed(_))));
        known.users.insert(user, found.clone());
        Ok(found)
    }

    /// Path and record of one of the user's nodes; `None` when it does not open.
    async fn known_path(
        &self,
        node: NodeId,
        known: &mut Known,
    ) -> Outcome<Option<(Vec<String>, NodeRow)>> {
        if let Some(path) = known.paths.get(&node) {
            return Ok(path.clone());
        }
        let path = match self.path_to(node).await {
            Err(error) if error.code == ErrorCode::INTEGRITY => None,
            path => path?,
        };
        known.paths.insert(node, path.clone());
        Ok(path)
    }

    /// Names from the user's home directory down to one of the user's own nodes,
    /// and its record. No names when it, or something above it, is in the trash;
    /// `None` when there is no such node.
    pub(crate) async fn path_to(&self, node: NodeId) -> Outcome<Option<(Vec<String>, NodeRow)>> {
        let chain = self.store().chain(node).await.map_err(|error| node_failed(node, &error))?;
        let Some(mut chain) = chain.filter(|chain| chain.iter().all(|row| self.owns(row))) else {
            return Ok(None);
        };
        let Some(row) = chain.first().cloned() else { return Ok(None) };
        if chain.iter().any(|row| row.trashed_millis.is_some()) {
            return Ok(Some((Vec::new(), row)));
        }
        let Some(home) = chain.pop() else { return Ok(None) };
        let mut keys = self.session.open_home(&home)?;
        let mut names = Vec::with_capacity(chain.len());
        while let Some(below) = chain.pop() {
            names.push(open_name(&keys, &below)?);
            if !chain.is_empty() {
                keys = self.keys_below(&keys, &below)?;
            }
        }
        Ok(Some((names, row)))
    }

    fn owns(&self, row: &NodeRow) -> bool {
        row.owner == self.user()
    }
}

/// What becomes of a row.
enum Shown {
    Entry(Box<ShareEntry>),
    /// It does not open.
    Damaged,
    /// Its recipient is not there any more.
    Gone,
}
