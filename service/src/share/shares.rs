//! Sharing a node, with a user or with a group.
//!
//! Guarantees: only the owner of a node shares it, and neither the home
//! directory nor what is in the trash; a share that is changed keeps its id and
//! the time it was made; a share with a group and those of its members are one
//! commit.

use super::own::OwnNode;
use super::people::Pin;
use super::rows::{DIRECT, Terms, full, shown_mode, stored_mode};
use crate::answer::{Answer, Given, foreign};
use crate::cx::Cx;
use crate::deed;
use crate::fault::{Outcome, because};
use crate::op::{Draft, Mutation};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_SHARES_OF_GROUP;
use coffer_protocol::message::event::{Deed, SharedWith};
use coffer_protocol::message::share::{Recipient, ShareEntry, ShareNode, Shared};
use coffer_protocol::{OpId, UserId};
use coffer_store::{KIND_DIRECTORY, RECIPIENT_GROUP, RECIPIENT_USER, ShareRow};

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
        let is_new = present.is_none();
        let through: Vec<ShareRow> = if is_new {
            if of_group.len() >= MAX_SHARES_OF_GROUP {
                return Err(full("shares with one group", MAX_SHARES_OF_GROUP));
            }
            self.require_room_at(shared.id()).await?;
            Vec::new()
        } else {
            // Members who have left stay away: only those who have it are changed.
            let all = self.all_shares_of(shared.id()).await?;
            all.into_iter().filter(|row| row.via == group.id()).collect()
        };
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
