//! The record of a group: its name and its members, sealed.
//!
//! Guarantees: name and members open only for the group's owner, and only as
//! the owner left them last; names that differ in case are one name.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::rows::read_failed;
use coffer_crypto::{open_group, seal_group};
use coffer_protocol::UserId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_GROUP_MEMBERS, MAX_NAME_BYTES, MAX_USER_NAME_BYTES};
use coffer_store::{Change, GroupRow, Precondition};

/// Layout of a group: version, length of the name (2 bytes, big-endian), name,
/// number of members (2 bytes), and for each the user id, the length of the
/// name (1 byte) and the name.
const VERSION: u8 = 1;

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) user: UserId,
    /// Name as it was when they were taken in.
    pub(super) name: String,
}

/// One of the user's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    row: GroupRow,
    pub(super) name: String,
    pub(super) members: Vec<Member>,
}

impl Group {
    /// A group that does not exist yet.
    pub(super) fn new(id: [u8; 16], owner: UserId, name: String, created_millis: i64) -> Self {
        let row = GroupRow { group: id, owner, revision: 1, sealed: Vec::new(), created_millis };
        Self { row, name, members: Vec::new() }
    }

    pub(super) fn id(&self) -> [u8; 16] {
        self.row.group
    }

    pub(super) fn created_millis(&self) -> i64 {
        self.row.created_millis
    }

    /// Precondition: the group is still as it was read.
    pub(super) fn at(&self) -> Precondition {
        Precondition::GroupAt { group: self.row.group, revision: self.row.revision }
    }

    /// The group after a change.
    pub(super) fn raised(&self) -> Self {
        let row = GroupRow { revision: self.row.revision + 1, ..self.row.clone() };
        Self { row, ..self.clone() }
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        self.members.iter().any(|member| member.user == user)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&(self.name.len() as u16).to_be_bytes());
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&(self.members.len() as u16).to_be_bytes());
        for member in &self.members {
            out.extend_from_slice(&member.user.0);
            out.push(member.name.len() as u8);
            out.extend_from_slice(member.name.as_bytes());
        }
        out
    }
}

/// Name and members out of a sealed group.
fn decode(bytes: &[u8]) -> Option<(String, Vec<Member>)> {
    let (version, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (count, mut rest) = rest.split_first_chunk::<2>()?;
    let count = usize::from(u16::from_be_bytes(*count));
    if *version != VERSION || count > MAX_GROUP_MEMBERS || name.len() > MAX_NAME_BYTES {
        return None;
    }
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        let (user, after) = rest.split_first_chunk()?;
        let (length, after) = after.split_first()?;
        let (name, after) = after.split_at_checked((*length).into())?;
        if name.len() > MAX_USER_NAME_BYTES {
            return None;
        }
        members.push(Member { user: UserId(*user), name: text(name)? });
        rest = after;
    }
    rest.is_empty().then_some((text(name)?, members))
}

impl Cx {
    /// The name of a group of the user's; empty if it does not open.
    pub(crate) fn group_name(&self, row: &GroupRow) -> String {
        let opened = self.open_group(row.clone()).ok().flatten();
        opened.map(|group| group.name).unwrap_or_default()
    }

    /// All of the user's groups that open, and how many do not.
    pub(super) async fn groups(&self) -> Outcome<(Vec<Group>, u32)> {
        let page = self.store().groups(self.user()).await.map_err(|error| read_failed(&error))?;
        let mut damaged = page.damaged.len() as u32;
        let mut groups = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            match self.open_group(row)? {
                Some(group) => groups.push(group),
                None => damaged += 1,
            }
        }
        Ok((groups, damaged))
    }

    fn open_group(&self, row: GroupRow) -> Outcome<Option<Group>> {
        let (owner, group, revision) = (self.user().0, row.group, row.revision);
        let plain = self
            .session
            .with_root(|root| open_group(root, &owner, &group, revision, &row.sealed).ok())?;
        let Some((name, members)) = plain.and_then(|plain| decode(&plain)) else {
            tracing::error!(owner = %self.user(), "the record of a group does not open");
            return Ok(None);
        };
        Ok(Some(Group { row, name, members }))
    }

    /// One of the user's groups, by name.
    pub(super) async fn group_named(&self, name: &str) -> Outcome<Group> {
        let (groups, _) = self.groups().await?;
        let keys = self.home().await?.keys;
        let key = keys.fold_tag(name);
        let mut groups = groups.into_iter();
        let found = groups.find(|group| keys.fold_tag(&group.name) == key);
        found.ok_or_else(|| plain(ErrorCode::NO_SUCH_GROUP))
    }

    /// The change that makes a group what it is to be.
    pub(super) fn sealed_group(&self, group: &Group) -> Outcome<Change> {
        let (owner, id, revision) = (self.user().0, group.id(), group.row.revision);
        let plain = group.encode();
        let sealed =
            self.session.with_root(|root| seal_group(root, &owner, &id, revision, &plain))?;
        Ok(Change::PutGroup(GroupRow { sealed, ..group.row.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn groups_read_back_and_nothing_may_follow() {
        let mut group = Group::new([1; 16], UserId([2; 16]), "Büro".to_owned(), 3);
        for (byte, name) in [(4, "anna"), (5, "bert")] {
            group.members.push(Member { user: UserId([byte; 16]), name: name.to_owned() });
        }
        let mut bytes = group.encode();
        assert_eq!(decode(&bytes), Some((group.name, group.members)));
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None);
        }
        bytes.push(0);
        assert_eq!(decode(&bytes), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let _ = decode(&[&[VERSION], &bytes[..]].concat());
        }
    }
}
