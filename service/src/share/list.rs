//! Which shares there are, and what recipients call them.
//!
//! Guarantees: what has ended and what is in the trash is not listed; a share
//! that does not open is named and hides no other; a page fits an answer.

use super::by_me::shown_kind;
use super::names::{Claim, could_mean, same_form, shown_names};
use super::people::{Person, Pin, changed};
use super::roots::{Root, Roots, meant};
use super::rows::shown_mode;
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::rows::read_failed;
use coffer_crypto::NodeKind;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_BODY_BYTES, MAX_PAGE_ENTRIES, MAX_USER_NAME_BYTES};
use coffer_protocol::message::share::{
    FindShared, ListShares, Recipient, ShareEntry, SharePage, WhichShares,
};
use coffer_protocol::{NodeId, ShareId, UserId};
use coffer_store::{MAX_PAGE, ShareRow};
use std::collections::{HashMap, HashSet};

/// Most shares of one owner that are opened for the sake of their names.
const MOST_NAMED: usize = 2000;
/// Bytes of an entry beside its names.
const ENTRY_BYTES: usize = 128 + 2 * MAX_USER_NAME_BYTES;

/// One page of shares that is being filled.
#[derive(Default)]
pub(super) struct Filling {
    pub(super) shares: Vec<ShareEntry>,
    bytes: usize,
}

impl Filling {
    /// Adds an entry; whether there is room for more.
    pub(super) fn add(&mut self, entry: ShareEntry, limit: usize) -> bool {
        let names = entry.names.iter().map(|name| name.len() + 5).sum::<usize>();
        self.bytes += names + ENTRY_BYTES;
        self.shares.push(entry);
        self.shares.len() < limit && self.bytes < MAX_BODY_BYTES / 2
    }
}

impl Cx {
    /// One page of shares.
    pub(crate) async fn list_shares(&self, request: &ListShares) -> Outcome<SharePage> {
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES);
        match &request.which {
            WhichShares::WithMe => self.shares_with_me(request.cursor, limit as usize).await,
            WhichShares::ByMe => self.shares_by_me(request.cursor, limit).await,
            WhichShares::Of(place) => self.shares_of_own(place, request.cursor, limit).await,
        }
    }

    async fn shares_with_me(&self, cursor: Option<ShareId>, limit: usize) -> Outcome<SharePage> {
        let (mut rows, mut damaged, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.store().shares_with(self.user(), after, MAX_PAGE).await;
            let page = page.map_err(|error| read_failed(&error))?;
            rows.extend(page.rows);
            damaged.extend(page.damaged);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let Roots { found: roots, damaged: unopened, owners } = self.roots(rows).await?;
        damaged.extend(unopened);
        let live = self.live_of(&roots).await?;
        let names = names_with_me(&roots, &live);
        let own_name = self.name_of(self.user()).await;
        let (mut filling, mut next) = (Filling::default(), None);
        let last = roots.last().map(|root| root.best.share);
        for (root, name) in roots.iter().zip(names) {
            let was_shown = cursor.is_some_and(|cursor| root.best.share <= cursor);
            if was_shown || !live.contains(&root.node) {
                continue;
            }
            let owner = &owners[&root.owner];
            let entry = entry_with_me(root, name, owner, own_name.clone());
            if !filling.add(entry, limit) {
                next = Some(root.best.share).filter(|share| Some(*share) != last);
                break;
            }
        }
        let is_here = |share: &ShareId| {
            cursor.is_none_or(|cursor| *share > cursor) && next.is_none_or(|next| *share <= next)
        };
        damaged.retain(is_here);
        damaged.truncate(MAX_PAGE_ENTRIES as usize);
        Ok(SharePage { shares: filling.shares, damaged, next })
    }

    /// Which of the things shared with the user are not in the trash.
    async fn live_of(&self, roots: &[Root]) -> Outcome<HashSet<NodeId>> {
        let nodes = roots.iter().map(|root| root.node).collect();
        self.store().reachable(nodes).await.map_err(|error| read_failed(&error))
    }

    /// What the user calls the things that one owner shares with them; nothing
    /// when there are so many that opening all of them would be too much.
    pub(crate) async fn names_from(&self, owner: UserId) -> Outcome<HashMap<NodeId, String>> {
        let page = self.store().shares_with_from(self.user(), owner).await;
        let rows = page.map_err(|error| read_failed(&error))?.rows;
        if rows.len() > MOST_NAMED {
            return Ok(HashMap::new());
        }
        let roots = self.roots(rows).await?.found;
        let names = names_with_me(&roots, &self.live_of(&roots).await?);
        let named = roots.iter().map(|root| root.node).zip(names);
        Ok(named.filter(|(_, name)| !name.is_empty()).collect())
    }

    /// What `@owner/name` means.
    pub(crate) async fn find_shared(&self, request: &FindShared) -> Outcome<ShareEntry> {
        let none = || plain(ErrorCode::NO_SUCH_SHARE);
        // Whether there is a user of the name is not said.
        let owner = self.user_named(&request.owner).await?.ok_or_else(none)?.user;
        let page = self.store().shares_with_from(self.user(), owner).await;
        let rows: Vec<ShareRow> = page.map_err(|error| read_failed(&error))?.rows;
        let Roots { found: roots, owners, damaged } = self.roots(rows).await?;
        let could_be =
            |root: &Root| root.name.is_none() || could_mean(root.name.as_deref(), &request.name);
        let mut live: Vec<Root> = roots.into_iter().filter(could_be).collect();
        let reachable = self.live_of(&live).await?;
        live.retain(|root| reachable.contains(&root.node));
        let Some(person) = owners.get(&owner) else { return Err(none()) };
        if matches!(person.pin, Pin::Changed(_)) && !live.is_empty() {
            return Err(changed(&person.name));
        }
        match meant(live, &request.name) {
            Some((root, name)) => {
                let own_name = self.name_of(self.user()).await;
                Ok(entry_with_me(&root, name, person, own_name))
            }
            // It may be one of those that do not open.
            None if !damaged.is_empty() => Err(plain(ErrorCode::INTEGRITY)),
            None => Err(none()),
        }
    }
}

/// What each of the things shared with the user is called. What is in the trash
/// claims no name that others have.
fn names_with_me(roots: &[Root], live: &HashSet<NodeId>) -> Vec<String> {
    let key = |root: &Root| (root.owner, root.name.as_deref().map(same_form));
    let mut of_name: HashMap<_, usize> = HashMap::new();
    for root in roots {
        *of_name.entry(key(root)).or_default() += 1;
    }
    let mut claims: HashMap<UserId, Vec<(usize, Claim)>> = HashMap::new();
    for (at, root) in roots.iter().enumerate() {
        if live.contains(&root.node) || of_name.get(&key(root)) == Some(&1) {
            claims.entry(root.owner).or_default().push((at, root.claim()));
        }
    }
    let mut names = vec![String::new(); roots.len()];
    for of_owner in claims.into_values() {
        let (at, claims): (Vec<usize>, Vec<Claim>) = of_owner.into_iter().unzip();
        for (at, name) in at.into_iter().zip(shown_names(&claims)) {
            names[at] = name;
        }
    }
    names
}

fn entry_with_me(root: &Root, name: String, owner: &Person, own_name: String) -> ShareEntry {
    ShareEntry {
        share: root.best.share,
        node: root.node,
        kind: shown_kind(root.kind == NodeKind::Directory),
        names: vec![name],
        owner: owner.name.clone(),
        // The name of a group is known to its owner alone.
        with: Recipient::User(own_name),
        mode: shown_mode(root.best.mode),
        created_millis: root.best.created_millis,
        expires_millis: root.best.expires_millis,
        key_changed: matches!(owner.pin, Pin::Changed(_)),
    }
}
