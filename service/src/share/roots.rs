//! What others share with the user: grants opened, shares of one node merged.
//!
//! Guarantees: a share that does not open is named and hides no other; nothing
//! of an owner whose key has changed is opened; owners are pinned at the first
//! sight.

use super::grant::Unopened;
use super::names::{Claim, could_mean, shown_names};
use super::people::{Person, Pin};
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::session::OpenedGrant;
use crate::tree::node::kind_of;
use coffer_crypto::NodeKind;
use coffer_protocol::{NodeId, ShareId, UserId};
use coffer_store::ShareRow;
use std::collections::{BTreeMap, HashMap};

/// A node that is shared with the user, by all of its shares that open.
pub(super) struct Root {
    pub(super) node: NodeId,
    pub(super) owner: UserId,
    pub(super) kind: NodeKind,
    /// The strongest share; of equal ones, the oldest.
    pub(super) best: ShareRow,
    /// All shares of the node with the user.
    pub(super) shares: Vec<ShareId>,
    /// The node's name; `None` while the owner's key is not the known one.
    pub(super) name: Option<String>,
}

impl Root {
    /// What it is told apart by.
    pub(super) fn claim(&self) -> Claim {
        let (name, share) = (self.name.clone(), self.best.share);
        Claim { name, created_millis: self.best.created_millis, share }
    }
}

/// Everything that is shared with the user by some owners.
pub(super) struct Roots {
    /// In the order of the strongest shares.
    pub(super) found: Vec<Root>,
    pub(super) damaged: Vec<ShareId>,
    pub(super) owners: HashMap<UserId, Person>,
}

fn is_better(one: &ShareRow, other: &ShareRow) -> bool {
    let rank = |row: &ShareRow| (std::cmp::Reverse(row.mode), row.created_millis, row.share);
    rank(one) < rank(other)
}

/// One share that has opened, or whose owner's key has changed.
struct Found {
    row: ShareRow,
    kind: NodeKind,
    name: Option<String>,
}

impl From<OpenedGrant> for Found {
    fn from(opened: OpenedGrant) -> Self {
        let name = Some(opened.name.as_ref().to_owned());
        Self { row: opened.row.as_ref().clone(), kind: opened.kind, name }
    }
}

impl Cx {
    /// Opens shares with the user and merges those of one node. What has ended
    /// by itself, and what belongs to accounts that are being deleted, is left
    /// out.
    pub(super) async fn roots(&self, rows: Vec<ShareRow>) -> Outcome<Roots> {
        let now = self.millis();
        let rows: Vec<ShareRow> = rows.into_iter().filter(|row| row.is_live(now)).collect();
        let owners = self.owners_of(&rows).await?;
        let (mut found, mut unknown, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let Some(owner) = owners.get(&row.owner) else { continue };
            let is_changed = matches!(owner.pin, Pin::Changed(_));
            let known = self
                .session
                .grant_of(&row)?
                .filter(|opened| !is_changed && opened.owner_public == owner.row.identity_public);
            match known {
                Some(opened) => found.push(opened.into()),
                None => unknown.push((row, is_changed)),
            }
        }
        let nodes: Vec<NodeId> = unknown.iter().map(|(row, _)| row.node).collect();
        let nodes = self.rows_of(&nodes).await?;
        let mut unopened = Vec::new();
        for (row, is_changed) in unknown {
            let node = nodes.get(&row.node).filter(|node| self.is_grant_of(node, &row));
            let Some(kind) = node.and_then(|node| kind_of(node).ok()) else {
                damaged.push(row.share);
                continue;
            };
            if is_changed {
                found.push(Found { row, kind, name: None });
            } else {
                let owner_public = owners[&row.owner].row.identity_public;
                unopened.push(Unopened { row, kind, owner_public });
            }
        }
        if !unopened.is_empty() {
            for (share, opened) in self.open_grants(unopened).await? {
                match opened {
                    Some(opened) => found.push(opened.into()),
                    None => damaged.push(share),
                }
            }
        }
        Ok(Roots { found: merged(found), damaged, owners })
    }

    /// The owners of some shares; those that are gone are left out, those seen
    /// for the first time are pinned.
    async fn owners_of(&self, rows: &[ShareRow]) -> Outcome<HashMap<UserId, Person>> {
        let (mut owners, mut new) = (HashMap::new(), Vec::new());
        for row in rows {
            if owners.contains_key(&row.owner) {
                continue;
            }
            let person = self.person_by_id(row.owner).await?;
            if let Some(person) = &person
                && person.pin == Pin::New
            {
                new.push(self.pin(person, false)?);
            }
            owners.insert(row.owner, person);
        }
        self.pin_first_seen(new).await;
        Ok(owners.into_iter().filter_map(|(id, person)| Some((id, person?))).collect())
    }
}

fn merged(found: Vec<Found>) -> Vec<Root> {
    let mut roots: BTreeMap<NodeId, Root> = BTreeMap::new();
    for Found { row, kind, name } in found {
        let (node, owner, share) = (row.node, row.owner, row.share);
        if let Some(root) = roots.get_mut(&node) {
            root.shares.push(share);
            if is_better(&row, &root.best) {
                (root.best, root.name) = (row, name);
            }
        } else {
            let shares = vec![share];
            roots.insert(node, Root { node, owner, kind, best: row, shares, name });
        }
    }
    let mut roots: Vec<Root> = roots.into_values().collect();
    roots.sort_by_key(|root| root.best.share);
    roots
}

/// The one of an owner's things that a name means, and what it is called.
pub(super) fn meant(roots: Vec<Root>, asked: &str) -> Option<(Root, String)> {
    let claims: Vec<Claim> = roots.iter().map(Root::claim).collect();
    let names = shown_names(&claims);
    let form = super::names::same_form(asked);
    let exact = names.iter().position(|name| super::names::same_form(name) == form);
    let at = exact.or_else(|| by_id(&roots, &form))?;
    let name = names.into_iter().nth(at)?;
    roots.into_iter().nth(at).map(|root| (root, name))
}

/// `name~` and the beginning of a share's id always works, also where the name
/// alone is enough; if it could mean two, it means neither.
fn by_id(roots: &[Root], asked: &str) -> Option<usize> {
    let (_, id) = super::names::parted(asked)?;
    let id = id.to_ascii_lowercase();
    let mut fitting = roots.iter().enumerate().filter(|(_, root)| {
        could_mean(root.name.as_deref(), asked)
            && root.shares.iter().any(|share| share.to_string().starts_with(&id))
    });
    match (fitting.next(), fitting.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    }
}
