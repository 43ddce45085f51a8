//! Shares that come and go with the members of a group.
//!
//! Guarantees: whoever is taken in gets everything that is shared with the
//! group, on the terms that its owner has sealed, and whoever is taken out
//! loses it, in the same commit.

use super::own::{OwnNode, raise};
use super::people::Person;
use super::roster::{Group, Member};
use super::rows::{Terms, full};
use super::shares::shared_deed;
use crate::answer::Answer;
use crate::cx::Cx;
use crate::deed;
use crate::fault::{Outcome, contended, integrity, plain};
use crate::op::Draft;
use crate::rows::{commit_failed, read_failed};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::event::Deed;
use coffer_protocol::message::share::EditGroup;
use coffer_protocol::{NodeId, ShareId, UserId};
use coffer_store::{Change, Commit, CommitError, MAX_PAGE, RECIPIENT_USER, ShareRow};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Most shares that one change of a group gives or takes.
const MAX_AT_ONCE: usize = 10_000;
/// How often the shares of a group are read before they are said to change too fast.
const MAX_READINGS: usize = 16;
/// Most commits that a large group is thinned out with before it is deleted.
const MAX_COMMITS: usize = 1024;

/// From whom shares are taken back.
struct From {
    /// A user, or the group.
    name: String,
    /// The user, if it is one.
    one: Option<UserId>,
    /// Otherwise those of the group whom it concerns.
    members: Vec<UserId>,
}

impl From {
    fn group(group: &Group, members: &[Member]) -> Self {
        let members = members.iter().map(|member| member.user).collect();
        Self { name: group.name.clone(), one: None, members }
    }
}

impl Cx {
    pub(super) async fn add_members(&self, name: &str, names: &[String]) -> Outcome<Draft> {
        for _ in 0..MAX_READINGS {
            if let Some(draft) = self.try_add_members(name, names).await? {
                return Ok(draft);
            }
        }
        Err(contended())
    }

    /// `None` when the shares of the group changed while they were read. One that is taken
    /// back raises its node, so what happens after the node was read fails the commit; but
    /// one that was gone before that would be given to the new members all the same.
    async fn try_add_members(&self, name: &str, names: &[String]) -> Outcome<Option<Draft>> {
        let group = self.group_named(name).await?;
        let of_group = self.shares_of_group(&group).await?;
        let people = self.people_named(names).await?;
        let mut draft = Draft::new(Answer::Changed);
        let mut changed = group.raised();
        let contacts = self.take_in(&mut changed, &people, &mut draft)?;
        let given = self.give_members(&group, &of_group, &people, &mut draft).await?;
        if self.shares_of_group(&group).await? != of_group {
            return Ok(None);
        }
        draft.answer = Answer::GroupChanged(given as u32, contacts);
        if given == 0 && changed.members == group.members {
            draft.changes.clear();
            return Ok(Some(draft));
        }
        draft.require(group.at());
        draft.changes.push(self.sealed_group(&changed)?);
        Ok(Some(draft))
    }

    /// Gives people what is shared with a group and what they do not have
    /// through it; how many shares that are.
    async fn give_members(
        &self,
        group: &Group,
        of_group: &[ShareRow],
        people: &[Person],
        draft: &mut Draft,
    ) -> Outcome<usize> {
        let now = self.millis();
        let of_group: Vec<&ShareRow> = of_group.iter().filter(|row| row.is_live(now)).collect();
        let mut nodes: HashMap<NodeId, (Option<OwnNode>, Vec<UserId>)> = HashMap::new();
        let mut unsealed = Vec::new();
        for person in people {
            let present = self.store().shares_via_of(group.id(), person.id()).await;
            let present = present.map_err(|error| read_failed(&error))?;
            // A row that is damaged makes room for a whole one.
            draft.changes.extend(present.damaged.into_iter().map(Change::DeleteShare));
            let has: HashSet<NodeId> = present.rows.iter().map(|row| row.node).collect();
            if has.len() < of_group.len() {
                self.require_room_with(person).await?;
            }
            for row in &of_group {
                if has.contains(&row.node) {
                    continue;
                }
                if unsealed.len() >= MAX_AT_ONCE {
                    return Err(full("shares given at once", MAX_AT_ONCE));
                }
                let (shared, members) = match nodes.entry(row.node) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert((self.granted(row).await?, Vec::new())),
                };
                let Some(shared) = shared else { continue };
                members.push(person.id());
                let to = (person.id().0, RECIPIENT_USER, group.id());
                let terms = Terms { mode: row.mode, expires_millis: row.expires_millis };
                let share = self.share_row(shared, None, to, terms)?;
                unsealed.push(shared.unsealed(share, person.row.identity_public));
            }
        }
        let one = match people {
            [one] => Some(one),
            _ => None,
        };
        for row in &of_group {
            let Some((Some(shared), members)) = nodes.get(&row.node) else { continue };
            shared.raise(draft);
            let with = one.map_or(&group.name, |person| &person.name).clone();
            let terms = Terms { mode: row.mode, expires_millis: row.expires_millis };
            let deed = shared.deed(shared_deed(with, terms), one.map(Person::id));
            draft.deeds.push(deed::Done { members: members.clone(), ..deed });
        }
        let given = unsealed.len();
        self.seal_into(unsealed, draft).await?;
        Ok(given)
    }

    /// The node of a share with a group. Its terms count only as they were
    /// sealed; a node that is damaged keeps nobody from the others.
    async fn granted(&self, row: &ShareRow) -> Outcome<Option<OwnNode>> {
        match self.own_node(row.node).await? {
            Some(shared) if self.is_own_grant(row, &shared.node.row).await? => Ok(Some(shared)),
            Some(_) => Err(integrity(row.node)),
            None => Ok(None),
        }
    }

    /// One of the user's own nodes by id, live or in the trash; `None` for one
    /// that is gone or does not open.
    async fn own_node(&self, node: NodeId) -> Outcome<Option<OwnNode>> {
        match self.node_by_id(node).await.and_then(OwnNode::new) {
            Ok(shared) if shared.node.row.owner == self.user() => Ok(Some(shared)),
            Ok(_) => Ok(None),
            Err(error) => match error.code {
                ErrorCode::INTEGRITY | ErrorCode::NOT_FOUND => Ok(None),
                _ => Err(error),
            },
        }
    }

    pub(super) async fn remove_members(&self, name: &str, names: &[String]) -> Outcome<Draft> {
        let group = self.group_named(name).await?;
        let out = self.members_named(&group, names)?;
        let mut changed = group.raised();
        changed.members.retain(|member| !out.contains(member));
        let (mut taken, mut nodes) = (Vec::new(), HashSet::new());
        for member in &out {
            let rows = self.store().shares_via_of(group.id(), member.user).await;
            let rows = rows.map_err(|error| read_failed(&error))?;
            taken.extend(rows.damaged);
            taken.extend(rows.rows.iter().map(|row| row.share));
            nodes.extend(rows.rows.iter().map(|row| row.node));
        }
        if taken.len() > MAX_AT_ONCE {
            return Err(full("shares taken back at once", MAX_AT_ONCE));
        }
        let mut draft = Draft::new(Answer::GroupChanged(taken.len() as u32, Vec::new()));
        if changed.members == group.members {
            return Ok(draft);
        }
        let from = match out.as_slice() {
            [one] => From { name: one.name.clone(), one: Some(one.user), members: Vec::new() },
            _ => From::group(&group, &out),
        };
        self.take_back(taken, nodes, &from, &mut draft).await?;
        draft.require(group.at());
        draft.changes.push(self.sealed_group(&changed)?);
        Ok(draft)
    }

    pub(super) async fn delete_group(&self, name: &str) -> Outcome<Draft> {
        let group = self.group_named(name).await?;
        let page = self.store().shares_with_group(group.id()).await;
        let page = page.map_err(|error| read_failed(&error))?;
        let nodes: HashSet<NodeId> = page.rows.iter().map(|row| row.node).collect();
        let count = page.rows.len() + page.damaged.len();
        let mut draft = Draft::new(Answer::GroupChanged(count as u32, Vec::new()));
        let from = From::group(&group, &group.members);
        self.take_back(Vec::new(), nodes, &from, &mut draft).await?;
        draft.require(group.at());
        // Its shares go with it, those of the members, too.
        draft.changes.push(Change::DeleteGroup(group.id()));
        Ok(draft)
    }

    /// Takes shares of some nodes back.
    async fn take_back(
        &self,
        shares: Vec<ShareId>,
        nodes: HashSet<NodeId>,
        from: &From,
        draft: &mut Draft,
    ) -> Outcome<()> {
        draft.changes.extend(shares.into_iter().map(Change::DeleteShare));
        let nodes: Vec<NodeId> = nodes.into_iter().collect();
        let rows = self.rows_of(&nodes).await?;
        for node in nodes {
            // What does not open is taken back, too, without a record of it.
            match (self.own_node(node).await?, rows.get(&node)) {
                (Some(shared), _) => {
                    shared.raise(draft);
                    let deed = shared.deed(Deed::Unshared(from.name.clone()), from.one);
                    draft.deeds.push(deed::Done { members: from.members.clone(), ..deed });
                }
                (None, Some(row)) => raise(row, draft),
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Takes shares of the members of a group that is to be deleted back, page
    /// by page, as long as there are more than one commit takes. A deletion that
    /// is interrupted has taken back some of them; asked again, it goes on.
    pub(super) async fn thin_out(&self, request: &EditGroup) -> Outcome<()> {
        let Ok(group) = self.group_named(&request.name).await else { return Ok(()) };
        if self.first_answer(request.op).await?.is_some() {
            return Ok(());
        }
        for _ in 0..MAX_COMMITS {
            let page = self.store().shares_via(group.id(), None, MAX_PAGE).await;
            let page = page.map_err(|error| read_failed(&error))?;
            if page.next.is_none() {
                return Ok(());
            }
            let mut draft = Draft::new(Answer::Changed);
            let nodes: Vec<NodeId> = page.rows.iter().map(|row| row.node).collect();
            for row in self.rows_of(&nodes).await?.values() {
                raise(row, &mut draft);
            }
            let gone = page.rows.iter().map(|row| row.share).chain(page.damaged);
            draft.changes.extend(gone.map(Change::DeleteShare));
            let Draft { preconditions, changes, .. } = draft;
            let commit = Commit { preconditions, changes, ..Commit::default() };
            match self.store().commit(commit).await {
                Ok(_) | Err(CommitError::Precondition { .. }) => {}
                Err(error) => return Err(commit_failed(&error)),
            }
        }
        Err(plain(ErrorCode::BUSY))
    }
}
