//! Shares, groups, contacts and activity. Nothing is counted in them; what is
//! kept is that no row names what is not there.

use super::plan::{Plan, replace};
use super::{ApplyError, insert_all};
use crate::commit::CommitError;
use crate::db::{Connection, Insert, Row, Value};
use crate::rows::{
    ActivityRow, ContactRow, GroupRow, MODE_READ, MODE_WRITE, RECIPIENT_GROUP, RECIPIENT_USER,
    Record, ShareRow, UploadRow, encode,
};
use coffer_protocol::{NodeId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Writes the tables, after those of users and nodes.
pub(super) fn write(conn: &mut dyn Connection, plan: &Plan<'_>) -> Result<(), ApplyError> {
    cascade(conn, plan)?;
    let key = |id: &[u8; 16]| vec![Value::from(id)];
    replace::<GroupRow>(conn, &plan.groups.keys().map(key).collect::<Vec<_>>())?;
    insert_all(conn, plan.groups.values().copied().flatten())?;
    let contacts = plan.contacts.keys().map(|(owner, tag)| vec![(&owner.0).into(), tag.into()]);
    replace::<ContactRow>(conn, &contacts.collect::<Vec<_>>())?;
    insert_all(conn, plan.contacts.values().copied().flatten())?;
    let owners = owners(conn, plan)?;
    let shares = plan.shares.keys().map(|share| vec![(&share.0).into()]);
    replace::<ShareRow>(conn, &shares.collect::<Vec<_>>())?;
    let put: Vec<&ShareRow> = plan.shares.values().copied().flatten().collect();
    check_shares(conn, &put, &owners)?;
    insert_all(conn, put.into_iter())?;
    write_activity(conn, plan, &owners)
}

/// Deletes what goes with the users, nodes and groups that go.
fn cascade(conn: &mut dyn Connection, plan: &Plan<'_>) -> Result<(), ApplyError> {
    let nodes = gone(&plan.nodes, |node| (&node.0).into());
    let users = gone(&plan.users, |user| (&user.0).into());
    let groups = gone(&plan.groups, |group| group.into());
    let of_kind = |keys: &[Vec<Value>], kind: u8| -> Vec<Vec<Value>> {
        keys.iter().map(|key| vec![key[0].clone(), u32::from(kind).into()]).collect()
    };
    let recipient = &["recipient", "recipient_kind"][..];
    for (table, columns, keys) in [
        (ShareRow::TABLE, &["node"][..], nodes.clone()),
        (ActivityRow::TABLE, &["node"], nodes),
        (ShareRow::TABLE, &["owner"], users.clone()),
        (ShareRow::TABLE, recipient, of_kind(&users, RECIPIENT_USER)),
        (GroupRow::TABLE, &["owner"], users.clone()),
        (ContactRow::TABLE, &["owner"], users.clone()),
        (ActivityRow::TABLE, &["owner"], users.clone()),
        (UploadRow::TABLE, &["owner"], users),
        (ShareRow::TABLE, recipient, of_kind(&groups, RECIPIENT_GROUP)),
        (ShareRow::TABLE, &["via"], groups),
    ] {
        if !keys.is_empty() {
            conn.delete_keys(table.name, columns, &keys)?;
        }
    }
    Ok(())
}

/// The keys of the rows that go.
fn gone<K, R>(images: &BTreeMap<K, Option<R>>, value: impl Fn(&K) -> Value) -> Vec<Vec<Value>> {
    let none = images.iter().filter(|(_, image)| image.is_none());
    none.map(|(key, _)| vec![value(key)]).collect()
}

/// The owners of the nodes that shares and activity are put for, as far as there
/// are such nodes.
fn owners(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
) -> Result<BTreeMap<NodeId, UserId>, ApplyError> {
    let shared = plan.shares.values().flatten().map(|row| row.node);
    let wanted: BTreeSet<NodeId> =
        shared.chain(plan.activity.values().flatten().map(|row| row.node)).collect();
    let mut owners = BTreeMap::new();
    let mut keys = Vec::new();
    for node in wanted {
        match plan.nodes.get(&node) {
            Some(Some(row)) => drop(owners.insert(node, row.owner)),
            Some(None) => {}
            None => keys.push(vec![Value::from(&node.0)]),
        }
    }
    if !keys.is_empty() {
        let rows = conn.query_keys("SELECT node,owner FROM nodes", &["node"], &keys)?;
        owners.extend(rows.iter().filter_map(|row| match row.as_slice() {
            [Value::Bytes(node), Value::Bytes(owner)] => {
                Some((NodeId::from_slice(node)?, UserId::from_slice(owner)?))
            }
            _ => None,
        }));
    }
    Ok(owners)
}

/// Refuses shares of, with or through what is not there.
fn check_shares(
    conn: &mut dyn Connection,
    shares: &[&ShareRow],
    owners: &BTreeMap<NodeId, UserId>,
) -> Result<(), ApplyError> {
    let refuse = |what: &str| Err(CommitError::Inconsistent(what.to_owned()).into());
    let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for share in shares {
        if owners.get(&share.node) != Some(&share.owner) {
            return refuse("a share of a node that is not there or belongs to another");
        }
        if ![MODE_READ, MODE_WRITE].contains(&share.mode) {
            return refuse("a share in a mode that is not known");
        }
        match (share.recipient_kind, share.via == [0; 16]) {
            (RECIPIENT_USER, direct) => {
                users.insert(share.recipient);
                groups.extend((!direct).then_some(share.via));
            }
            (RECIPIENT_GROUP, true) => drop(groups.insert(share.recipient)),
            _ => return refuse("a share with a recipient of no kind"),
        }
    }
    if !all_there(conn, "SELECT user_id FROM users", "user_id", &users)? {
        return refuse("a share with a user who is not there");
    }
    if !all_there(conn, "SELECT group_id FROM user_groups", "group_id", &groups)? {
        return refuse("a share with or through a group that is not there");
    }
    Ok(())
}

fn all_there(
    conn: &mut dyn Connection,
    head: &str,
    column: &str,
    ids: &BTreeSet<[u8; 16]>,
) -> Result<bool, ApplyError> {
    if ids.is_empty() {
        return Ok(true);
    }
    let keys: Vec<Vec<Value>> = ids.iter().map(|id| vec![id.into()]).collect();
    Ok(conn.query_keys(head, &[column], &keys)?.len() == ids.len())
}

/// Writes records of activity. They are many and nearly always new, so they
/// are not deleted first but overwritten; those of nodes that went are left out.
fn write_activity(
    conn: &mut dyn Connection,
    plan: &Plan<'_>,
    owners: &BTreeMap<NodeId, UserId>,
) -> Result<(), ApplyError> {
    replace::<ActivityRow>(conn, &gone(&plan.activity, |activity| activity.into()))?;
    let mut put: Vec<&ActivityRow> = plan.activity.values().copied().flatten().collect();
    put.retain(|row| owners.contains_key(&row.node));
    if put.iter().any(|row| owners.get(&row.node) != Some(&row.owner)) {
        let text = "activity of a node that belongs to another".to_owned();
        return Err(CommitError::Inconsistent(text).into());
    }
    let rows: Result<Vec<Row>, _> = put.into_iter().map(encode).collect();
    let rows = rows.map_err(CommitError::TooLarge)?;
    if rows.is_empty() {
        return Ok(());
    }
    let table = ActivityRow::TABLE;
    let columns = table.names();
    let overwrite = Some(("activity", &columns[1..]));
    Ok(conn.insert(Insert { table: table.name, columns: &columns, overwrite }, &rows)?)
}
