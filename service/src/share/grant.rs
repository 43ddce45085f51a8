//! Sealing and opening what a share gives.
//!
//! Guarantees: a grant opens with the very row it was sealed for, by the key
//! its owner is known by; what was opened is kept for the session only beside
//! the row it came from, and the owner's key is looked at again every few
//! seconds; many grants are sealed and opened away from the request threads.

use super::people::{Pin, changed};
use crate::cx::Cx;
use crate::fault::{Outcome, integrity, plain};
use crate::rows::{node_failed, read_failed};
use crate::session::OpenedGrant;
use crate::tree::create::no_random;
use crate::tree::node::kind_of;
use coffer_crypto::{
    CryptoError, GrantBody, Identity, NodeKey, NodeKeys, NodeKind, open_grant, seal_grant,
};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, ShareId, UserId};
use coffer_store::{Change, Commit, MAX_PAGE, NodeRow, RECIPIENT_USER, ShareRow};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

/// How long an owner's key counts as looked at.
const FRESH: Duration = Duration::from_secs(5);

/// What a grant is bound to: everything that the row of the share says.
fn body(row: &ShareRow, kind: NodeKind) -> GrantBody {
    GrantBody {
        share: row.share.0,
        node: row.node.0,
        kind,
        owner: row.owner.0,
        recipient: row.recipient,
        recipient_kind: row.recipient_kind,
        via: row.via,
        mode: row.mode,
        key_epoch: row.key_epoch,
        created_millis: row.created_millis,
        expires_millis: row.expires_millis,
    }
}

/// A grant to open.
pub(super) struct Unopened {
    pub(super) row: ShareRow,
    pub(super) kind: NodeKind,
    /// Key by which the owner is known.
    pub(super) owner_public: [u8; 32],
}

impl Unopened {
    fn open(self, identity: &Identity, checked: Duration) -> Option<OpenedGrant> {
        let Self { row, kind, owner_public } = self;
        let opened = open_grant(identity, &owner_public, &body(&row, kind), &row.grant_ct);
        let (key, name) = opened
            .inspect_err(|_| tracing::error!(share = %row.share, "a grant does not open"))
            .ok()?;
        let keys = Arc::new(NodeKeys::derive(&key, &row.node.0, row.key_epoch));
        let (row, name) = (Arc::new(row), name.into());
        Some(OpenedGrant { row, kind, owner_public, keys, name, checked })
    }
}

/// A grant to seal: a row whose last column is empty.
pub(super) struct Unsealed {
    pub(super) row: ShareRow,
    pub(super) kind: NodeKind,
    /// Key of the recipient; of a group, the owner's own.
    pub(super) public: [u8; 32],
    pub(super) key: Arc<NodeKey>,
    pub(super) name: Arc<str>,
}

impl Unsealed {
    fn seal(self, identity: &Identity) -> Result<ShareRow, CryptoError> {
        let Self { row, kind, public, key, name } = self;
        let grant_ct = seal_grant(identity, &public, &body(&row, kind), &key, &name)?;
        Ok(ShareRow { grant_ct, ..row })
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| plain(ErrorCode::INTERNAL))
}

impl Cx {
    /// Keys and name of a shared node, from the grant of a share with the user.
    pub(crate) async fn shared_keys(
        &self,
        row: &NodeRow,
        share: &ShareRow,
    ) -> Outcome<(Arc<NodeKeys>, String)> {
        let kind = kind_of(row)?;
        if !self.is_grant_of(row, share) {
            return Err(integrity(row.node));
        }
        let now = self.core.ticks.now();
        let known = self.session.grant_of(share)?.filter(|opened| opened.kind == kind);
        if let Some(opened) = &known
            && now.saturating_sub(opened.checked) < FRESH
        {
            return Ok((Arc::clone(&opened.keys), opened.name.as_ref().to_owned()));
        }
        let owner_public = self.owner_key(row.owner).await?;
        let known = known.filter(|opened| opened.owner_public == owner_public);
        let opened = if let Some(opened) = known {
            OpenedGrant { checked: now, ..opened }
        } else {
            let unopened = Unopened { row: share.clone(), kind, owner_public };
            let identity = self.session.identity()?;
            unopened.open(&identity, now).ok_or_else(|| integrity(row.node))?
        };
        let found = (Arc::clone(&opened.keys), opened.name.as_ref().to_owned());
        self.session.remember_grant(opened)?;
        Ok(found)
    }

    /// Whether a share is one of this node with this user.
    pub(super) fn is_grant_of(&self, row: &NodeRow, share: &ShareRow) -> bool {
        share.node == row.node
            && share.owner == row.owner
            && share.key_epoch == row.key_epoch
            && share.recipient_kind == RECIPIENT_USER
            && share.recipient == self.user().0
    }

    /// The key by which the owner of something shared is known; pinned when it
    /// is seen for the first time.
    async fn owner_key(&self, owner: UserId) -> Outcome<[u8; 32]> {
        let person = self.person_by_id(owner).await?;
        let person = person.ok_or_else(|| plain(ErrorCode::NOT_FOUND))?;
        match &person.pin {
            Pin::New => self.pin_first_seen(vec![self.pin(&person, false)?]).await,
            Pin::Known(_) => {}
            Pin::Changed(_) => return Err(changed(&person.name)),
        }
        Ok(person.row.identity_public)
    }

    /// Pins people whom the user sees for the first time. A read does not fail
    /// for it: the next one tries again.
    pub(super) async fn pin_first_seen(&self, changes: Vec<Change>) {
        if changes.is_empty() || !self.core.is_primary() {
            return;
        }
        let preconditions = vec![self.own_account_stays()];
        let commit = Commit { preconditions, changes, ..Commit::default() };
        if let Err(error) = self.store().commit(commit).await {
            tracing::warn!(%error, "people seen for the first time are not pinned yet");
        }
    }

    /// Opens many grants, those that were opened before from memory; `None` for
    /// one that does not open.
    pub(super) async fn open_grants(
        &self,
        unopened: Vec<Unopened>,
    ) -> Outcome<Vec<(ShareId, Option<OpenedGrant>)>> {
        let (identity, now) = (self.session.identity()?, self.core.ticks.now());
        let work = move || -> Vec<_> {
            let one = |unopened: Unopened| (unopened.row.share, unopened.open(&identity, now));
            unopened.into_iter().map(one).collect()
        };
        let opened = aside(work).await?;
        for (_, opened) in &opened {
            if let Some(opened) = opened {
                self.session.remember_grant(opened.clone())?;
            }
        }
        Ok(opened)
    }

    /// Seals grants of the user's own nodes.
    pub(super) async fn seal_grants(&self, unsealed: Vec<Unsealed>) -> Outcome<Vec<ShareRow>> {
        let identity = self.session.identity()?;
        let work = move || unsealed.into_iter().map(|one| one.seal(&identity)).collect();
        let sealed: Result<Vec<_>, _> = aside(work).await?;
        sealed.map_err(no_random)
    }

    /// All live shares of one of the user's nodes, sealed again with the name
    /// that the node is given. The caller's commit holds on to the row revision
    /// of the node, which every change of its shares raises.
    ///
    /// What somebody else renames keeps its old name for those it is shared
    /// with: only its owner can seal grants of it.
    pub(crate) async fn renewed_grants(
        &self,
        row: &NodeRow,
        name: &str,
        key: NodeKey,
    ) -> Outcome<Vec<Change>> {
        if row.owner != self.user() {
            return Ok(Vec::new());
        }
        let now = self.millis();
        let mut shares = self.all_shares_of(row.node).await?;
        shares.retain(|share| share.is_live(now));
        if shares.is_empty() {
            return Ok(Vec::new());
        }
        let (kind, name) = (kind_of(row)?, Arc::from(name));
        let key = Arc::new(key);
        let own = self.session.identity()?.public;
        let mut publics = HashMap::new();
        let mut unsealed = Vec::with_capacity(shares.len());
        for share in shares {
            let public = match share.recipient_kind {
                RECIPIENT_USER => {
                    let recipient = UserId(share.recipient);
                    match publics.entry(recipient) {
                        Entry::Occupied(known) => *known.get(),
                        Entry::Vacant(new) => *new.insert(self.pinned_key(recipient).await?),
                    }
                }
                _ => Some(own),
            };
            // Somebody whose key has changed opens nothing, renamed or not.
            let Some(public) = public else { continue };
            let (key_epoch, revision) = (row.key_epoch, share.revision + 1);
            let row = ShareRow { key_epoch, revision, grant_ct: Vec::new(), ..share };
            let (key, name) = (Arc::clone(&key), Arc::clone(&name));
            unsealed.push(Unsealed { row, kind, public, key, name });
        }
        let sealed = self.seal_grants(unsealed).await?;
        Ok(sealed.into_iter().map(Change::PutShare).collect())
    }

    /// The key of somebody with whom something is shared, if it is the known one.
    async fn pinned_key(&self, user: UserId) -> Outcome<Option<[u8; 32]>> {
        let person = self.person_by_id(user).await?;
        Ok(person.and_then(|person| match person.pin {
            Pin::Known(contact) => Some(contact.public),
            Pin::New | Pin::Changed(_) => None,
        }))
    }

    /// Every whole row of a share of a node, members of groups included.
    pub(super) async fn all_shares_of(&self, node: NodeId) -> Outcome<Vec<ShareRow>> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.store().shares_of(node, after, MAX_PAGE).await;
            let page = page.map_err(|error| node_failed(node, &error))?;
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Records of nodes by id; one that is damaged or gone is left out.
    pub(super) async fn rows_of(&self, nodes: &[NodeId]) -> Outcome<HashMap<NodeId, NodeRow>> {
        let mut found = HashMap::with_capacity(nodes.len());
        for some in nodes.chunks(MAX_PAGE as usize) {
            if let Ok(rows) = self.store().nodes(some).await {
                found.extend(rows.into_iter().map(|row| (row.node, row)));
                continue;
            }
            // One of them is damaged: it must not hide the others.
            for node in some {
                match self.store().node(*node).await {
                    Ok(row) => found.extend(row.map(|row| (row.node, row))),
                    Err(error) if read_failed(&error).code == ErrorCode::INTEGRITY => {}
                    Err(error) => return Err(read_failed(&error)),
                }
            }
        }
        Ok(found)
    }
}
