//! What has to hold at the moment of a commit, asked inside its transaction.
//!
//! Preconditions of one kind are asked together, so that a batch of many files
//! costs a few queries and not a few hundred.

use super::types::Precondition;
use crate::chain::Rights;
use crate::db::{Connection, Value};
use crate::error::StoreError;
use crate::rows::{
    DivergedRow, DivergedState, GroupRow, InviteRow, KIND_DIRECTORY, MODE_READ, MODE_WRITE,
    NodeRow, SettingRow, ShareRow, TotalsRow, UserRow, VersionRow, fetch_keys, fetch_one,
};
use coffer_protocol::limits::MAX_PATH_DEPTH;
use coffer_protocol::{NodeId, UserId};
use std::collections::{HashMap, HashSet};

/// Finds the first precondition that does not hold.
pub(super) fn first_broken(
    conn: &mut dyn Connection,
    preconditions: &[Precondition],
    now_millis: i64,
) -> Result<Option<usize>, StoreError> {
    if preconditions.is_empty() {
        return Ok(None);
    }
    let facts = Facts::gather(conn, preconditions, now_millis)?;
    for (index, precondition) in preconditions.iter().enumerate() {
        if !holds(conn, &facts, precondition, now_millis)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// What the frequent kinds ask for, read at once.
struct Facts {
    nodes: HashMap<NodeId, NodeRow>,
    taken: HashSet<(NodeId, [u8; 32])>,
    /// What users may do with nodes of others.
    rights: Rights,
}

impl Facts {
    fn gather(
        conn: &mut dyn Connection,
        preconditions: &[Precondition],
        now_millis: i64,
    ) -> Result<Self, StoreError> {
        let mut nodes = HashSet::new();
        let mut names = HashSet::new();
        let mut accesses = HashSet::new();
        for precondition in preconditions {
            match precondition {
                Precondition::NodeAt { node, .. } | Precondition::LiveDirectory(node) => {
                    nodes.insert(*node);
                }
                Precondition::Access { user, node, .. } => {
                    nodes.insert(*node);
                    accesses.insert((*user, *node));
                }
                Precondition::NameFree { parent, lookup_tag } => {
                    names.insert((*parent, *lookup_tag));
                }
                _ => {}
            }
        }
        let keys: Vec<_> = nodes.iter().map(|node| vec![Value::from(&node.0)]).collect();
        let rows: Vec<NodeRow> = fetch_keys(conn, &keys)?;
        let nodes: HashMap<NodeId, NodeRow> = rows.into_iter().map(|row| (row.node, row)).collect();
        // Of a node of his own nobody asks further, and of one that is not there.
        accesses.retain(|(user, node)| nodes.get(node).is_some_and(|row| row.owner != *user));
        let taken = taken_names(conn, &names)?;
        Ok(Self { nodes, taken, rights: Rights::read(conn, &accesses, now_millis)? })
    }

    fn access(&self, user: UserId, node: NodeId, write: bool) -> bool {
        let mode = if write { MODE_WRITE } else { MODE_READ };
        self.nodes
            .get(&node)
            .is_some_and(|row| row.owner == user || self.rights.allow(user, node, mode))
    }
}

/// Which of the names are taken.
fn taken_names(
    conn: &mut dyn Connection,
    names: &HashSet<(NodeId, [u8; 32])>,
) -> Result<HashSet<(NodeId, [u8; 32])>, StoreError> {
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let keys: Vec<_> =
        names.iter().map(|(parent, tag)| vec![(&parent.0).into(), tag.into()]).collect();
    let head = "SELECT parent,lookup_tag FROM nodes";
    let rows = conn.query_keys(head, &["parent", "lookup_tag"], &keys)?;
    let name = |row: &Vec<Value>| match row.as_slice() {
        [Value::Bytes(parent), Value::Bytes(tag)] => {
            Some((NodeId::from_slice(parent)?, <[u8; 32]>::try_from(tag.as_slice()).ok()?))
        }
        _ => None,
    };
    Ok(rows.iter().filter_map(name).collect())
}

fn holds(
    conn: &mut dyn Connection,
    facts: &Facts,
    precondition: &Precondition,
    now_millis: i64,
) -> Result<bool, StoreError> {
    Ok(match precondition {
        Precondition::NodeAt { node, revision } => {
            facts.nodes.get(node).is_some_and(|row| row.revision == *revision)
        }
        Precondition::LiveDirectory(node) => facts
            .nodes
            .get(node)
            .is_some_and(|row| row.kind == KIND_DIRECTORY && row.trashed_millis.is_none()),
        Precondition::NameFree { parent, lookup_tag } => {
            !facts.taken.contains(&(*parent, *lookup_tag))
        }
        Precondition::NotInside { node, ancestor } => !inside(conn, *node, *ancestor)?,
        Precondition::Empty(node) => {
            let sql = "SELECT 1 FROM nodes WHERE parent=? AND lookup_tag IS NOT NULL LIMIT 1";
            conn.query(sql, &[(&node.0).into()])?.is_empty()
        }
        Precondition::Childless(node) => {
            let sql = "SELECT 1 FROM nodes WHERE parent=? AND node<>? LIMIT 1";
            conn.query(sql, &[(&node.0).into(), (&node.0).into()])?.is_empty()
        }
        Precondition::UserTagFree(tag) => {
            conn.query("SELECT 1 FROM users WHERE tag=?", &[tag.into()])?.is_empty()
        }
        Precondition::UserAt { user, version } => {
            let row: Option<UserRow> = fetch_one(conn, vec![(&user.0).into()])?;
            row.is_some_and(|row| row.version == *version)
        }
        Precondition::InviteLive(tag) => {
            live_invite(conn, tag, now_millis)?.is_some_and(|row| row.uses_left > 0)
        }
        Precondition::InviteAt { tag, uses_left } => {
            live_invite(conn, tag, now_millis)?.is_some_and(|row| row.uses_left == *uses_left)
        }
        Precondition::VersionExists(node, revision) => {
            let key = vec![(&node.0).into(), (*revision).into()];
            fetch_one::<VersionRow>(conn, key)?.is_some()
        }
        Precondition::SegmentExists(segment) => {
            let sql = "SELECT 1 FROM segments WHERE segment=?";
            !conn.query(sql, &[segment.into()])?.is_empty()
        }
        Precondition::SettingIs { key, value } => {
            let row: Option<SettingRow> = fetch_one(conn, vec![key.as_bytes().into()])?;
            row.map(|row| row.value) == *value
        }
        Precondition::DivergedWaits(key) => {
            let row: Option<DivergedRow> = fetch_one(conn, key.values())?;
            row.is_some_and(|row| row.state == DivergedState::Waiting)
        }
        Precondition::Room { owner, more, most_nodes, most_bytes } => {
            let row: Option<TotalsRow> = fetch_one(conn, vec![(&owner.0).into()])?;
            let (nodes, bytes) = row.map_or((0, 0), |row| (row.nodes, row.bytes));
            fits(nodes, more.nodes, *most_nodes) && fits(bytes, more.bytes, *most_bytes)
        }
        Precondition::Access { user, node, write } => facts.access(*user, *node, *write),
        Precondition::ShareAt { share, revision } => {
            let row: Option<ShareRow> = fetch_one(conn, vec![(&share.0).into()])?;
            row.map_or(0, |row| row.revision) == *revision
        }
        Precondition::GroupAt { group, revision } => {
            let row: Option<GroupRow> = fetch_one(conn, vec![group.into()])?;
            row.map_or(0, |row| row.revision) == *revision
        }
    })
}

/// What takes no room fits even where there is too much already.
fn fits(used: u64, more: u64, most: Option<u64>) -> bool {
    more == 0 || most.is_none_or(|most| used.saturating_add(more) <= most)
}

fn live_invite(
    conn: &mut dyn Connection,
    tag: &[u8; 32],
    now_millis: i64,
) -> Result<Option<InviteRow>, StoreError> {
    let row: Option<InviteRow> = fetch_one(conn, vec![tag.into()])?;
    Ok(row.filter(|row| row.expires_millis > now_millis))
}

/// Whether `node` is `ancestor` or below it. A chain that is broken, or longer
/// than any path, counts as inside: better a refused move than a loop.
fn inside(conn: &mut dyn Connection, node: NodeId, ancestor: NodeId) -> Result<bool, StoreError> {
    let mut at = node;
    for _ in 0..=MAX_PATH_DEPTH + 1 {
        if at == ancestor {
            return Ok(true);
        }
        let Some(row) = fetch_one::<NodeRow>(conn, vec![(&at.0).into()])? else {
            return Ok(true);
        };
        if row.parent == at {
            return Ok(false);
        }
        at = row.parent;
    }
    Ok(true)
}
