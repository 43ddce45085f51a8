//! Sharing a node, with a user or with a group.
//!
//! Guarantees: only the owner of a node shares it, and neither the home
//! directory nor what is in the trash; a share that is changed keeps its id and
//! the time it was made; a share with a group and those of its members are one
//! commit.

use super::grant::Unsealed;
use super::people::{Person, Pin};
use super::roster::Group;
use crate::answer::{Answer, Given, foreign};
use crate::cx::Cx;
use crate::deed;
use crate::fault::{Outcome, because, integrity, plain};
use crate::op::{Draft, Mutation};
use crate::rows::{node_failed, read_failed};
use crate::tree::create::raw_key;
use crate::tree::node::{Node, kind_of, open_name};
use crate::tree::resolve::in_trash;
use coffer_crypto::{NodeKey, NodeKind};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_SHARES_OF_GROUP, MAX_SHARES_OF_NODE, MAX_SHARES_WITH_USER};
use coffer_protocol::message::event::{Deed, SharedWith};
use coffer_protocol::message::share::{Mode, Recipient, ShareEntry, ShareNode, Shared};
use coffer_protocol::{NodeId, OpId, Place, ShareId, UserId, WireError};
use coffer_store::{
    Change, KIND_DIRECTORY, MAX_PAGE, MODE_READ, MODE_WRITE, NodeRow, RECIPIENT_GROUP,
    RECIPIENT_USER, ShareRow,
};
use std::sync::Arc;

/// [`ShareRow::via`] of a share that comes through no group.
pub(super) const DIRECT: [u8; 16] = [0; 16];

/// A mode, as it is stored.
pub(super) fn stored_mode(mode: Mode) -> u8 {
    match mode {
        Mode::Read => MODE_READ,
        Mode::Write => MODE_WRITE,
    }
}

/// A stored mode, as it is shown.
pub(super) fn shown_mode(mode: u8) -> Mode {
    if mode == MODE_WRITE { Mode::Write } else { Mode::Read }
}

/// One of the user's own nodes, with what grants of it need.
pub(super) struct OwnNode {
    pub(super) node: Node,
    pub(super) kind: NodeKind,
    pub(super) key: Arc<NodeKey>,
    pub(super) name: Arc<str>,
}

impl OwnNode {
    pub(super) fn new(node: Node) -> Outcome<Self> {
        let whole = "the home directory cannot be shared: share what is in it";
        let parent = node.parent.as_ref();
        let parent = parent.ok_or_else(|| because(ErrorCode::NOT_ALLOWED, whole))?;
        let name = Arc::from(open_name(&parent.keys, &node.row)?);
        let key = Arc::new(raw_key(parent, &node.row)?);
        Ok(Self { kind: kind_of(&node.row)?, key, name, node })
    }

    pub(super) fn id(&self) -> NodeId {
        self.node.row.node
    }

    /// Raises the row revision of the node: a commit about it that was drafted
    /// without a look at what this one changes fails.
    pub(super) fn raise(&self, draft: &mut Draft) {
        raise(&self.node.row, draft);
    }

    /// What is done, for the record.
    pub(super) fn deed(&self, deed: Deed, other: Option<UserId>) -> deed::Done {
        deed::Done { other, ..self.node.done(deed) }
    }

    pub(super) fn unsealed(&self, row: ShareRow, public: [u8; 32]) -> Unsealed {
        let (key, name) = (Arc::clone(&self.key), Arc::clone(&self.name));
        Unsealed { row, kind: self.kind, public, key, name }
    }
}

/// Raises the row revision of a node whose shares change.
pub(super) fn raise(row: &NodeRow, draft: &mut Draft) {
    let (node, revision) = (row.node, row.revision);
    draft.require(coffer_store::Precondition::NodeAt { node, revision });
    draft.changes.push(Change::PutNode(NodeRow { revision: revision + 1, ..row.clone() }));
}

/// What a share is to be.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) mode: u8,
    pub(super) expires_millis: Option<i64>,
}

impl Mutation for ShareNode {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        if self.expires_millis.is_some_and(|end| end <= cx.millis()) {
            return Err(because(ErrorCode::NOT_ALLOWED, "the end of the share has passed already"));
        }
        let shared = cx.own_live_node(&self.place).await?;
        let terms = Terms { mode: stored_mode(self.mode), expires_millis: self.expires_millis };
        match &self.with {
            Recipient::User(name) => cx.share_with_user(&shared, name, terms).await,
            Recipient::Group(name) => cx.share_with_group(&shared, name, terms).await,
        }
    }
}

impl Cx {
    /// Shares a node, or changes a share of it.
    pub(crate) async fn share(&self, request: &ShareNode) -> Outcome<Shared> {
        let done = self.carry_out(request).await?;
        let Answer::Shared(given) = done.answer else { return Err(foreign()) };
        Ok(Shared {
            share: self.entry_given(&given, request).await,
            new_contacts: self.infos_of(&given.contacts).await?,
            position: done.position,
            machines: done.machines,
        })
    }

    /// The share that was given, also when something has happened to it since.
    async fn entry_given(&self, given: &Given, request: &ShareNode) -> ShareEntry {
        let path = self.path_to(given.node).await.ok().flatten();
        let names = path.map(|(names, _)| names).filter(|names| !names.is_empty());
        ShareEntry {
            share: given.share,
            node: given.node,
            kind: super::by_me::shown_kind(given.directory),
            names: names.unwrap_or_else(|| request.place.names.clone()),
            owner: self.name_of(self.user()).await,
            with: self.as_named(&request.with).await,
            mode: request.mode,
            created_millis: given.created_millis,
            expires_millis: request.expires_millis,
            key_changed: false,
        }
    }

    /// A recipient by the name it was given, and not as it was typed.
    async fn as_named(&self, with: &Recipient) -> Recipient {
        let named = match with {
            Recipient::User(name) => {
                let row = self.user_named(name).await.ok().flatten();
                row.and_then(|row| self.core.user_name(&row).ok()).map(Recipient::User)
            }
            Recipient::Group(name) => {
                self.group_named(name).await.ok().map(|group| Recipient::Group(group.name))
            }
        };
        named.unwrap_or_else(|| with.clone())
    }

    /// One of the user's own nodes.
    pub(super) async fn owned(&self, place: &Place) -> Outcome<OwnNode> {
        let node = self.node(place).await?;
        if node.row.owner != self.user() {
            return Err(because(ErrorCode::NOT_ALLOWED, "only its owner can do this"));
        }
        OwnNode::new(node)
    }

    /// One of the user's own nodes, not in the trash.
    async fn own_live_node(&self, place: &Place) -> Outcome<OwnNode> {
        let shared = self.owned(place).await?;
        let id = shared.id();
        let chain = self.store().chain(id).await.map_err(|error| node_failed(id, &error))?;
        let chain = chain.ok_or_else(|| plain(ErrorCode::NOT_FOUND))?;
        if chain.iter().any(|row| row.trashed_millis.is_some()) {
            return Err(in_trash());
        }
        Ok(shared)
    }

    async fn share_with_user(&self, shared: &OwnNode, name: &str, terms: Terms) -> Outcome<Draft> {
        let person = self.person_named(name).await?;
        person.require_same()?;
        let present = self.share_with(shared.id(), person.id()).await?;
        if present.is_none() {
            self.require_room_at(shared.id()).await?;
            self.require_room_with(&person).await?;
        }
        let to = (person.id().0, RECIPIENT_USER, DIRECT);
        let row = self.share_row(shared, present, to, terms)?;
        let mut draft = Draft::new(Answer::Changed);
        self.hold(&person, &mut draft)?;
        let contacts = if person.pin == Pin::New { vec![person.id()] } else { Vec::new() };
        draft.answer = given(shared, &row, contacts);
        self.seal_into(vec![shared.unsealed(row, person.row.identity_public)], &mut draft).await?;
        shared.raise(&mut draft);
        let deed = shared_deed(person.name.clone(), terms);
        draft.deeds.push(shared.deed(deed, Some(person.id())));
        Ok(draft)
    }

    async fn share_with_group(&self, shared: &OwnNode, name: &str, terms: Terms) -> Outcome<Draft> {
        let group = self.group_named(name).await?;
        let mut draft = Draft::new(Answer::Changed);
        let of_group = self.shares_of_group(&group).await?;
        let present = of_group.iter().find(|row| row.node == shared.id()).cloned();
        let through: Vec<ShareRow> = match &present {
            // Members who have left stay away: only those who have it are changed.
            Some(_) => {
                let all = self.all_shares_of(shared.id()).await?;
                all.into_iter().filter(|row| row.via == group.id()).collect()
            }
            None => {
                if of_group.len() >= MAX_SHARES_OF_GROUP {
                    return Err(full("shares with one group", MAX_SHARES_OF_GROUP));
                }
                self.require_room_at(shared.id()).await?;
                Vec::new()
            }
        };
        let is_new = present.is_none();
        let to = (group.id(), RECIPIENT_GROUP, DIRECT);
        let row = self.share_row(shared, present, to, terms)?;
        let (mut unsealed, mut contacts, mut members) = (Vec::new(), Vec::new(), Vec::new());
        let answer = row.clone();
        unsealed.push(shared.unsealed(row, self.session.identity()?.public));
        for member in &group.members {
            let present = through.iter().find(|row| row.recipient == member.user.0).cloned();
            if present.is_none() && !is_new {
                continue;
            }
            // An account that was deleted: nobody is there to share with.
            let Some(person) = self.person_by_id(member.user).await? else { continue };
            person.require_same()?;
            if present.is_none() {
                self.require_room_with(&person).await?;
            }
            self.hold(&person, &mut draft)?;
            if person.pin == Pin::New {
                contacts.push(person.id());
            }
            let to = (person.id().0, RECIPIENT_USER, group.id());
            let row = self.share_row(shared, present, to, terms)?;
            unsealed.push(shared.unsealed(row, person.row.identity_public));
            members.push(person.id());
        }
        draft.answer = given(shared, &answer, contacts);
        self.seal_into(unsealed, &mut draft).await?;
        draft.require(group.at());
        draft.changes.push(self.sealed_group(&group.raised())?);
        shared.raise(&mut draft);
        let deed = shared.deed(shared_deed(group.name.clone(), terms), None);
        draft.deeds.push(deed::Done { members, ..deed });
        Ok(draft)
    }

    /// The row of a share: a new one, or the present one on other terms.
    pub(super) fn share_row(
        &self,
        shared: &OwnNode,
        present: Option<ShareRow>,
        (recipient, recipient_kind, via): ([u8; 16], u8, [u8; 16]),
        terms: Terms,
    ) -> Outcome<ShareRow> {
        let Terms { mode, expires_millis } = terms;
        let key_epoch = shared.node.row.key_epoch;
        let grant_ct = Vec::new();
        if let Some(row) = present {
            let revision = row.revision + 1;
            return Ok(ShareRow { mode, expires_millis, key_epoch, revision, grant_ct, ..row });
        }
        Ok(ShareRow {
            share: ShareId(self.core.random()?),
            node: shared.id(),
            owner: self.user(),
            recipient,
            recipient_kind,
            via,
            mode,
            key_epoch,
            revision: 1,
            created_millis: self.millis(),
            expires_millis,
            grant_ct,
        })
    }

    /// Seals grants and adds their rows to a draft.
    pub(super) async fn seal_into(
        &self,
        unsealed: Vec<Unsealed>,
        draft: &mut Draft,
    ) -> Outcome<()> {
        let sealed = self.seal_grants(unsealed).await?;
        draft.changes.extend(sealed.into_iter().map(Change::PutShare));
        Ok(())
    }

    /// A commit that shares with somebody holds on to both accounts, and pins
    /// the person at the first time.
    pub(super) fn hold(&self, person: &Person, draft: &mut Draft) -> Outcome<()> {
        draft.require(person.stays());
        self.hold_own(draft);
        if person.pin == Pin::New {
            draft.changes.push(self.pin(person, false)?);
        }
        Ok(())
    }

    /// The user's own account must still be there.
    pub(super) fn hold_own(&self, draft: &mut Draft) {
        let own = self.own_account_stays();
        if !draft.preconditions.contains(&own) {
            draft.require(own);
        }
    }

    /// The direct share of a node with a user.
    pub(super) async fn share_with(&self, node: NodeId, user: UserId) -> Outcome<Option<ShareRow>> {
        let reach = self.store().reach(user, node).await;
        let reach = reach.map_err(|error| node_failed(node, &error))?;
        let mut shares = reach.map(|reach| reach.shares).unwrap_or_default().into_iter();
        Ok(shares.find(|row| row.node == node && row.via == DIRECT))
    }

    /// All shares with a group itself. A damaged one would be shared a second
    /// time, or left behind: that is refused.
    pub(super) async fn shares_of_group(&self, group: &Group) -> Outcome<Vec<ShareRow>> {
        let page = self.store().shares_with_group(group.id()).await;
        let page = page.map_err(|error| read_failed(&error))?;
        match page.damaged.is_empty() {
            true => Ok(page.rows),
            false => Err(damaged_shares()),
        }
    }

    /// Refuses more shares of one node than there may be.
    async fn require_room_at(&self, node: NodeId) -> Outcome<()> {
        let shares = self.all_shares_of(node).await?;
        let count = shares.iter().filter(|row| row.via == DIRECT).count();
        match count < MAX_SHARES_OF_NODE {
            true => Ok(()),
            false => Err(full("shares of one file or directory", MAX_SHARES_OF_NODE)),
        }
    }

    /// Refuses more shares with one user than there may be.
    pub(super) async fn require_room_with(&self, person: &Person) -> Outcome<()> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.store().shares_with(person.id(), after, MAX_PAGE).await;
            let page = page.map_err(|error| read_failed(&error))?;
            count += page.rows.len();
            after = page.next;
            if count >= MAX_SHARES_WITH_USER {
                return Err(full("shares with one user", MAX_SHARES_WITH_USER));
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn given(shared: &OwnNode, row: &ShareRow, contacts: Vec<UserId>) -> Answer {
    Answer::Shared(Given {
        share: row.share,
        node: row.node,
        directory: shared.node.row.kind == KIND_DIRECTORY,
        created_millis: row.created_millis,
        contacts,
    })
}

pub(super) fn shared_deed(with: String, terms: Terms) -> Deed {
    let Terms { mode, expires_millis } = terms;
    Deed::Shared(SharedWith { with, mode: shown_mode(mode), expires_millis })
}

/// There are as many as there may be.
pub(super) fn full(what: &str, limit: usize) -> WireError {
    because(ErrorCode::TOO_LARGE, format!("there cannot be more than {limit} {what}"))
}

fn damaged_shares() -> WireError {
    WireError {
        message: "a record of a share with the group does not verify".to_owned(),
        ..integrity(NodeId([0; 16]))
    }
}
