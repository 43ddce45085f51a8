//! Groups of users to share with.
//!
//! Guarantees: no two groups of a user have one name, also when they are made
//! at the same moment; a change of the members and the shares that come or go
//! with it are one commit; the number of groups, of members and of shares in
//! one commit is bounded.

use super::people::{Person, Pin};
use super::roster::{Group, Member};
use super::rows::full;
use crate::answer::{Answer, foreign};
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::op::{Draft, Mutation};
use crate::rows::read_failed;
use crate::tree::resolve::good_name;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_BODY_BYTES, MAX_GROUP_MEMBERS, MAX_GROUPS, MAX_USER_NAME_BYTES};
use coffer_protocol::message::share::{
    EditGroup, GroupChanged, GroupEdit, GroupInfo, GroupPage, ListGroups,
};
use coffer_protocol::{OpId, UserId};
use coffer_store::Precondition;
use std::collections::HashSet;

impl Mutation for EditGroup {
    fn op(&self) -> OpId {
        self.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        match &self.edit {
            GroupEdit::Create(members) => cx.create_group(&self.name, members).await,
            GroupEdit::Add(members) => cx.add_members(&self.name, members).await,
            GroupEdit::Remove(members) => cx.remove_members(&self.name, members).await,
            GroupEdit::Rename(name) => cx.rename_group(&self.name, name).await,
            GroupEdit::Delete => cx.delete_group(&self.name).await,
        }
    }
}

impl Cx {
    /// Makes, changes or deletes a group.
    pub(crate) async fn edit_group(&self, request: &EditGroup) -> Outcome<GroupChanged> {
        if request.edit == GroupEdit::Delete {
            self.thin_out(request).await?;
        }
        let done = self.carry_out(request).await?;
        let Answer::GroupChanged(shares, contacts) = done.answer else { return Err(foreign()) };
        Ok(GroupChanged {
            new_contacts: self.infos_of(&contacts).await?,
            shares,
            position: done.position,
            machines: done.machines,
        })
    }

    /// One page of the user's groups, by name.
    pub(crate) async fn list_groups(&self, request: &ListGroups) -> Outcome<GroupPage> {
        let (mut groups, damaged) = self.groups().await?;
        let key = |name: &str| (name.to_lowercase(), name.to_owned());
        groups.sort_by_cached_key(|group| key(&group.name));
        let after = request.after.as_deref().map(key);
        let (mut page, mut bytes, mut next) = (Vec::new(), 0, None);
        for group in groups {
            if after.as_ref().is_some_and(|after| key(&group.name) <= *after) {
                continue;
            }
            bytes += 64 + group.name.len() + group.members.len() * (MAX_USER_NAME_BYTES + 5);
            if bytes > MAX_BODY_BYTES / 2
                && let Some(last) = page.last()
            {
                let last: &GroupInfo = last;
                next = Some(last.name.clone());
                break;
            }
            let created_millis = group.created_millis();
            let members = group.members.into_iter().map(|member| member.name).collect();
            page.push(GroupInfo { name: group.name, members, created_millis });
        }
        Ok(GroupPage { groups: page, damaged, next })
    }

    async fn create_group(&self, name: &str, members: &[String]) -> Outcome<Draft> {
        good_name(name)?;
        let mut draft = Draft::new(Answer::Changed);
        let (count, id) = self.require_name_free(name, None, &mut draft).await?;
        if count >= MAX_GROUPS {
            return Err(full("groups of one user", MAX_GROUPS));
        }
        let mut group = Group::new(id, self.user(), name.to_owned(), self.millis());
        let people = self.people_named(members).await?;
        let contacts = self.take_in(&mut group, &people, &mut draft)?;
        draft.answer = Answer::GroupChanged(0, contacts);
        self.hold_own(&mut draft);
        draft.changes.push(self.sealed_group(&group)?);
        Ok(draft)
    }

    async fn rename_group(&self, name: &str, new: &str) -> Outcome<Draft> {
        good_name(new)?;
        let group = self.group_named(name).await?;
        let mut draft = Draft::new(Answer::GroupChanged(0, Vec::new()));
        if group.name == new {
            return Ok(draft);
        }
        self.require_name_free(new, Some(group.id()), &mut draft).await?;
        let mut changed = group.raised();
        new.clone_into(&mut changed.name);
        draft.changes.push(self.sealed_group(&changed)?);
        Ok(draft)
    }

    /// Refuses a name that another group has; the number of groups, and an id
    /// for a new group of the name. Two groups cannot take one name at once: the
    /// commit holds on to all that are there, so that none of them is renamed,
    /// and to the id that a new one of this name would take.
    async fn require_name_free(
        &self,
        name: &str,
        except: Option<[u8; 16]>,
        draft: &mut Draft,
    ) -> Outcome<(usize, [u8; 16])> {
        let (groups, damaged) = self.groups().await?;
        let keys = self.home().await?.keys;
        let key = keys.fold_tag(name);
        for group in &groups {
            if Some(group.id()) != except && keys.fold_tag(&group.name) == key {
                return Err(plain(ErrorCode::GROUP_EXISTS));
            }
            draft.require(group.at());
        }
        let id = self.free_group_id(name, &groups).await?;
        draft.require(Precondition::GroupAt { group: id, revision: 0 });
        Ok((groups.len() + damaged as usize, id))
    }

    /// The first id that stands for a name and that none of the groups has. If it
    /// was taken since they were read, it is so by a twin: the commit, which
    /// wants it free, fails and is drafted again. A name of a file cannot hold a
    /// slash, so no tag of a file is ever such an id.
    async fn free_group_id(&self, name: &str, groups: &[Group]) -> Outcome<[u8; 16]> {
        let keys = self.home().await?.keys;
        for attempt in 0..=2 * MAX_GROUPS {
            let tag = keys.fold_tag(&format!("/group/{attempt}/{name}"));
            let mut id = [0; 16];
            id.copy_from_slice(&tag[..16]);
            if groups.iter().any(|group| group.id() == id) {
                continue;
            }
            match self.store().group(id).await {
                Ok(_) => return Ok(id),
                // A damaged group has it.
                Err(error) => match read_failed(&error) {
                    error if error.code == ErrorCode::INTEGRITY => {}
                    error => return Err(error),
                },
            }
        }
        Err(plain(ErrorCode::GROUP_EXISTS))
    }

    /// People by name, each once. All of them can be shared with.
    pub(super) async fn people_named(&self, names: &[String]) -> Outcome<Vec<Person>> {
        if names.len() > MAX_GROUP_MEMBERS {
            return Err(full("members of one group", MAX_GROUP_MEMBERS));
        }
        let (mut people, mut seen) = (Vec::with_capacity(names.len()), HashSet::new());
        for name in names {
            let person = self.person_named(name).await?;
            person.require_same()?;
            if seen.insert(person.id()) {
                people.push(person);
            }
        }
        Ok(people)
    }

    /// Puts people into a group; those whom the user has not known before.
    pub(super) fn take_in(
        &self,
        group: &mut Group,
        people: &[Person],
        draft: &mut Draft,
    ) -> Outcome<Vec<UserId>> {
        let mut contacts = Vec::new();
        for person in people {
            self.hold(person, draft)?;
            if person.pin == Pin::New {
                contacts.push(person.id());
            }
            if !group.has(person.id()) {
                // Somebody else had the name before, and is gone.
                group.members.retain(|member| member.name != person.name);
                group.members.push(Member { user: person.id(), name: person.name.clone() });
            }
        }
        match group.members.len() <= MAX_GROUP_MEMBERS {
            true => Ok(contacts),
            false => Err(full("members of one group", MAX_GROUP_MEMBERS)),
        }
    }

    /// Members of a group by their names, which may be those of people who are
    /// gone.
    pub(super) fn members_named(&self, group: &Group, names: &[String]) -> Outcome<Vec<Member>> {
        let tag = |name: &str| self.core.secret.user_tag(name.trim());
        let mut found: Vec<Member> = Vec::new();
        for name in names {
            let wanted = tag(name);
            let member = group.members.iter().find(|member| tag(&member.name) == wanted);
            let Some(member) = member else {
                let text = format!("`{name}` is not in the group");
                return Err(because(ErrorCode::NO_SUCH_USER, text));
            };
            if !found.contains(member) {
                found.push(member.clone());
            }
        }
        Ok(found)
    }
}
