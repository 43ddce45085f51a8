//! Reading shares, groups, contacts and activity.
//!
//! Guarantees: every list is bounded; a damaged row is named beside the others
//! and hides none of them.

use crate::chain::{self, Ways};
use crate::db::{Connection, Row, Value};
use crate::error::StoreError;
use crate::pages::{Page, bytes, read_page, sorted};
use crate::reads::MAX_PAGE;
use crate::rows::{
    ActivityRow, ContactRow, GroupRow, NodeRow, RECIPIENT_GROUP, RECIPIENT_USER, Record, ShareRow,
    fetch_one,
};
use crate::store::Store;
use coffer_protocol::limits::{MAX_GROUPS, MAX_SHARES_OF_GROUP, MAX_SHARES_WITH_USER};
use coffer_protocol::{NodeId, ShareId, UserId};
use std::collections::HashSet;

pub use crate::chain::Reach;

/// Most owners whose activity is read together.
pub const MAX_ACTIVITY_OWNERS: usize = 64;

/// A page of shares.
type Shares = Page<ShareRow, ShareId, ShareId>;

/// [`ShareRow::via`] of a share that comes through no group.
const DIRECT: [u8; 16] = [0; 16];

impl Store {
    /// The node first, then its parents up to the home directory. `None` if there
    /// is no such node, or no home directory within reach.
    pub async fn chain(&self, node: NodeId) -> Result<Option<Vec<NodeRow>>, StoreError> {
        self.read(move |conn| Ways::read(conn, [node])?.chain(node)).await
    }

    /// Those of some nodes that can be reached: neither in the trash nor below
    /// anything that is. A way up that cannot be read hides no other.
    pub async fn reachable(&self, nodes: Vec<NodeId>) -> Result<HashSet<NodeId>, StoreError> {
        self.read(move |conn| chain::reachable(conn, &nodes)).await
    }

    /// How a user comes to a node; `None` as with [`Store::chain`].
    pub async fn reach(&self, user: UserId, node: NodeId) -> Result<Option<Reach>, StoreError> {
        self.read(move |conn| chain::reach(conn, user, node)).await
    }

    /// A share.
    pub async fn share(&self, share: ShareId) -> Result<Option<ShareRow>, StoreError> {
        self.read(move |conn| fetch_one(conn, vec![(&share.0).into()])).await
    }

    /// The shares of a node, members of groups included, in the order of their
    /// ids, after the given one.
    pub async fn shares_of(
        &self,
        node: NodeId,
        after: Option<ShareId>,
        limit: u32,
    ) -> Result<Shares, StoreError> {
        let params = vec![(&node.0).into(), after_id(after)];
        self.shares("node=? AND share>? ORDER BY share", params, page(limit)).await
    }

    /// The shares of many nodes, in no order. At most [`MAX_PAGE`] nodes are
    /// looked at; of each there are as many as one node may have.
    pub async fn shares_of_nodes(&self, nodes: &[NodeId]) -> Result<Shares, StoreError> {
        let wanted = &nodes[..nodes.len().min(MAX_PAGE as usize)];
        let keys: Vec<Vec<Value>> = wanted.iter().map(|node| vec![(&node.0).into()]).collect();
        self.read(move |conn| {
            let rows = match keys.is_empty() {
                true => Vec::new(),
                false => conn.query_keys(&ShareRow::TABLE.select(), &["node"], &keys)?,
            };
            sorted(rows, None, share_of, &mut Vec::new())
        })
        .await
    }

    /// What is shared with a user, in the order of the ids, after the given one.
    pub async fn shares_with(
        &self,
        user: UserId,
        after: Option<ShareId>,
        limit: u32,
    ) -> Result<Shares, StoreError> {
        let kind = u32::from(RECIPIENT_USER).into();
        let params = vec![(&user.0).into(), after_id(after), kind];
        let condition = "recipient=? AND share>? AND recipient_kind=? ORDER BY share";
        self.shares(condition, params, page(limit)).await
    }

    /// All that one user shares with another, in the order of the ids.
    pub async fn shares_with_from(
        &self,
        user: UserId,
        owner: UserId,
    ) -> Result<Shares, StoreError> {
        let kind = u32::from(RECIPIENT_USER).into();
        let params = vec![(&user.0).into(), (&owner.0).into(), kind];
        let condition = "recipient=? AND owner=? AND recipient_kind=? ORDER BY share";
        self.shares(condition, params, 2 * MAX_SHARES_WITH_USER).await
    }

    /// What a user shares, with users and with groups, in the order of the ids,
    /// after the given one. Rows of members of groups are left out.
    pub async fn shares_by(
        &self,
        owner: UserId,
        after: Option<ShareId>,
        limit: u32,
    ) -> Result<Shares, StoreError> {
        let params = vec![(&owner.0).into(), (&DIRECT).into(), after_id(after)];
        self.shares("owner=? AND via=? AND share>? ORDER BY share", params, page(limit)).await
    }

    /// The shares that members have through a group, in the order of the members
    /// and then of the ids, after the given one.
    pub async fn shares_via(
        &self,
        group: [u8; 16],
        after: Option<([u8; 16], ShareId)>,
        limit: u32,
    ) -> Result<Page<ShareRow, ShareId, ([u8; 16], ShareId)>, StoreError> {
        let (recipient, share) = after.unwrap_or(([0; 16], ShareId([0; 16])));
        let recipient = Value::from(&recipient);
        let params = vec![(&group).into(), recipient.clone(), recipient, (&share.0).into()];
        let condition = "via=? AND recipient>=? AND (recipient>? OR share>?) \
                         ORDER BY recipient,share";
        let limit = page(limit);
        let cursor = |row: &Row| Some((bytes(row.get(3)?)?, ShareId(bytes(row.first()?)?)));
        self.read(move |conn| read_page(conn, condition, &params, limit, share_of, cursor)).await
    }

    /// All shares that one member has through a group, in the order of the ids.
    pub async fn shares_via_of(
        &self,
        group: [u8; 16],
        member: UserId,
    ) -> Result<Shares, StoreError> {
        let params = vec![(&group).into(), (&member.0).into()];
        let condition = "via=? AND recipient=? ORDER BY share";
        self.shares(condition, params, 2 * MAX_SHARES_OF_GROUP).await
    }

    /// All shares with a group itself, in the order of the ids.
    pub async fn shares_with_group(&self, group: [u8; 16]) -> Result<Shares, StoreError> {
        let params = vec![(&group).into(), u32::from(RECIPIENT_GROUP).into()];
        let condition = "recipient=? AND recipient_kind=? ORDER BY share";
        self.shares(condition, params, 2 * MAX_SHARES_OF_GROUP).await
    }

    /// All groups of a user, in the order of their ids.
    pub async fn groups(
        &self,
        owner: UserId,
    ) -> Result<Page<GroupRow, [u8; 16], [u8; 16]>, StoreError> {
        let params = vec![(&owner.0).into()];
        let condition = "owner=? ORDER BY group_id";
        self.read(move |conn| read_page(conn, condition, &params, 2 * MAX_GROUPS, id_of, cursor))
            .await
    }

    /// A group.
    pub async fn group(&self, group: [u8; 16]) -> Result<Option<GroupRow>, StoreError> {
        self.read(move |conn| fetch_one(conn, vec![(&group).into()])).await
    }

    /// The person of this name, as a user has pinned them.
    pub async fn contact(
        &self,
        owner: UserId,
        tag: [u8; 32],
    ) -> Result<Option<ContactRow>, StoreError> {
        self.read(move |conn| fetch_one(conn, vec![(&owner.0).into(), (&tag).into()])).await
    }

    /// What happened to nodes of these owners, newest first, before the given
    /// record and not before the given time in milliseconds since 1970. At most
    /// [`MAX_ACTIVITY_OWNERS`] owners are looked at.
    pub async fn activity(
        &self,
        owners: &[UserId],
        before: Option<[u8; 16]>,
        not_before_millis: Option<i64>,
        limit: u32,
    ) -> Result<Page<ActivityRow, [u8; 16], [u8; 16]>, StoreError> {
        let owners = owners[..owners.len().min(MAX_ACTIVITY_OWNERS)].to_vec();
        let before = before.unwrap_or([0xff; 16]);
        let first = activity_id(not_before_millis.unwrap_or(0));
        let limit = page(limit);
        self.read(move |conn| {
            let rows = match owners.is_empty() {
                true => Vec::new(),
                false => newest(conn, &owners, (before, first), limit)?,
            };
            let next = rows.last().filter(|_| rows.len() >= limit).and_then(cursor);
            sorted(rows, next, id_of, &mut Vec::new())
        })
        .await
    }

    async fn shares(
        &self,
        condition: &'static str,
        params: Vec<Value>,
        limit: usize,
    ) -> Result<Shares, StoreError> {
        let cursor = |row: &Row| Some(ShareId(bytes(row.first()?)?));
        self.read(move |conn| read_page(conn, condition, &params, limit, share_of, cursor)).await
    }
}

/// The smallest id of a record of this time.
pub(crate) fn activity_id(millis: i64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&millis.max(0).to_be_bytes());
    id
}

/// The newest records of some owners between two ids. Of each owner only as many
/// keys are read, in the order of an index, as the page takes.
fn newest(
    conn: &mut dyn Connection,
    owners: &[UserId],
    (before, first): ([u8; 16], [u8; 16]),
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    const OF_ONE: &str = "SELECT activity FROM (SELECT activity FROM activity WHERE owner=? \
                          AND activity<? AND activity>=? ORDER BY activity DESC LIMIT ?) AS of_one";
    let size = owners.len().next_power_of_two();
    let padding = owners.last().into_iter().cycle().take(size - owners.len());
    let limit = Value::from(limit as u64);
    let mut params = Vec::with_capacity(4 * size + 1);
    for owner in owners.iter().chain(padding) {
        let bounds = [(&owner.0).into(), (&before).into(), (&first).into(), limit.clone()];
        params.extend(bounds);
    }
    params.push(limit);
    let columns: Vec<String> =
        ActivityRow::TABLE.names().iter().map(|name| format!("a.{name}")).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT activity FROM ({}) AS merged ORDER BY activity DESC LIMIT ?) AS \
         newest LEFT JOIN activity a ON a.activity=newest.activity ORDER BY newest.activity DESC",
        columns.join(","),
        vec![OF_ONE; size].join(" UNION ")
    );
    Ok(conn.query(&sql, &params)?)
}

fn page(limit: u32) -> usize {
    limit.clamp(1, MAX_PAGE) as usize
}

fn after_id(after: Option<ShareId>) -> Value {
    Value::Bytes(after.map_or(Vec::new(), |share| share.0.to_vec()))
}

/// The share of a stored row, as far as it can be told.
fn share_of(row: &Row) -> ShareId {
    ShareId(id_of(row))
}

/// The first column of a stored row, as far as it can be told.
fn id_of(row: &Row) -> [u8; 16] {
    row.first().and_then(bytes).unwrap_or_default()
}

fn cursor(row: &Row) -> Option<[u8; 16]> {
    bytes(row.first()?)
}
