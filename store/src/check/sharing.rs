//! Shares, groups, contacts and activity: every row against its digest, and
//! every user, group and node that one of them names.

use super::Checker;
use super::report::ProblemKind;
use super::tree::{distinct, hex};
use crate::db::Value;
use crate::error::StoreError;
use crate::rows::{ActivityRow, ContactRow, GroupRow, RECIPIENT_USER, ShareRow};
use coffer_protocol::{NodeId, UserId};
use std::collections::{HashMap, HashSet};

impl Checker<'_> {
    /// The tables of sharing.
    pub(super) fn check_sharing(&mut self) -> Result<(), StoreError> {
        self.check_shares()?;
        self.scan::<GroupRow>(|check, rows| {
            let object = |row: &GroupRow| format!("group {}", hex(&row.group));
            check.owned(rows.iter().map(|row| (row.owner, object(row))).collect())
        })?;
        self.scan::<ContactRow>(|check, rows| {
            let object = |row: &ContactRow| format!("contact {}", hex(&row.tag));
            check.owned(rows.iter().map(|row| (row.owner, object(row))).collect())
        })?;
        self.check_activity()
    }

    fn check_shares(&mut self) -> Result<(), StoreError> {
        self.scan::<ShareRow>(|check, shares| {
            let nodes = check.owners_of(shares.iter().map(|share| share.node))?;
            let is_user = |share: &&ShareRow| share.recipient_kind == RECIPIENT_USER;
            let recipients = shares.iter().filter(is_user).map(|share| UserId(share.recipient));
            let users = check.existing_users(recipients)?;
            let groups = check.existing_groups(shares.iter().filter_map(group_of))?;
            for share in shares {
                let (object, owner) = (format!("share {}", share.share), Some(share.owner));
                if nodes.get(&share.node) != Some(&share.owner) {
                    let detail = format!("the owner has no node {}", share.node);
                    let kind = ProblemKind::ShareWithoutNode;
                    check.findings.problem(kind, object.clone(), owner, detail);
                }
                let user = UserId(share.recipient);
                let missing = match group_of(&share) {
                    _ if is_user(&&share) && !users.contains(&user) => format!("user {user}"),
                    Some(group) if !groups.contains(&group) => format!("group {}", hex(&group)),
                    _ => continue,
                };
                let detail = format!("{missing} does not exist");
                check.findings.problem(ProblemKind::RecipientMissing, object, owner, detail);
            }
            Ok(())
        })
    }

    fn check_activity(&mut self) -> Result<(), StoreError> {
        self.scan::<ActivityRow>(|check, rows| {
            let nodes = check.owners_of(rows.iter().map(|row| row.node))?;
            for row in rows.iter().filter(|row| nodes.get(&row.node) != Some(&row.owner)) {
                let object = format!("activity {}", hex(&row.activity));
                let detail = format!("the owner has no node {}", row.node);
                let (kind, owner) = (ProblemKind::ActivityWithoutNode, Some(row.owner));
                check.findings.problem(kind, object, owner, detail);
            }
            Ok(())
        })
    }

    /// Reports those objects whose owners do not exist.
    fn owned(&mut self, objects: Vec<(UserId, String)>) -> Result<(), StoreError> {
        let users = self.existing_users(objects.iter().map(|(owner, _)| *owner))?;
        for (owner, object) in objects.into_iter().filter(|(owner, _)| !users.contains(owner)) {
            let detail = "the owner does not exist";
            self.findings.problem(ProblemKind::OwnerMissing, object, Some(owner), detail);
        }
        Ok(())
    }

    /// The owners of those nodes that exist.
    fn owners_of(
        &mut self,
        nodes: impl Iterator<Item = NodeId>,
    ) -> Result<HashMap<NodeId, UserId>, StoreError> {
        let keys = distinct(nodes.map(|node| vec![(&node.0).into()]));
        let rows = self.conn.query_keys("SELECT node,owner FROM nodes", &["node"], &keys)?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Bytes(node), Value::Bytes(owner)] => {
                Some((NodeId::from_slice(node)?, UserId::from_slice(owner)?))
            }
            _ => None,
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    fn existing_groups(
        &mut self,
        groups: impl Iterator<Item = [u8; 16]>,
    ) -> Result<HashSet<[u8; 16]>, StoreError> {
        let keys = distinct(groups.map(|group| vec![(&group).into()]));
        let head = "SELECT group_id FROM user_groups";
        let rows = self.conn.query_keys(head, &["group_id"], &keys)?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Bytes(group)] => group.as_slice().try_into().ok(),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

/// The group that a share is with or comes through.
fn group_of(share: &ShareRow) -> Option<[u8; 16]> {
    match share.recipient_kind {
        RECIPIENT_USER => (share.via != [0; 16]).then_some(share.via),
        _ => Some(share.recipient),
    }
}
