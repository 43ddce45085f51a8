//! The way from a node up to the root of its tree, and what a user may do there.
//!
//! Guarantee: who asks before a commit and who asks inside its transaction is
//! answered by the same rule, [`Reach::mode`]. A way up costs one statement,
//! however long it is, so it is read as it was at one moment.

use crate::db::{Connection, Value, placeholders};
use crate::error::StoreError;
use crate::rows::{MODE_READ, NodeRow, RECIPIENT_USER, Record, ShareRow, decode};
use coffer_protocol::limits::MAX_PATH_DEPTH;
use coffer_protocol::{NodeId, UserId};
use std::collections::{HashMap, HashSet};

/// Most nodes from a node up to its root; what is deeper cannot be reached.
/// Moves can make trees deeper than any path. MySQL ends a recursion at 1000.
const MAX_CHAIN: usize = 3 * (MAX_PATH_DEPTH + 2);
/// Nodes whose ways up are read by one statement; a power of two.
const STARTS: usize = 128;

/// A node, what is above it, and how a user comes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The node first, then its parents up to the home directory. Of a node of
    /// the user's own only the node: nothing else has to be asked.
    pub chain: Vec<NodeRow>,
    /// The shares of these nodes with the user, ended ones included, those of
    /// lower nodes first.
    pub shares: Vec<ShareRow>,
}

impl Reach {
    /// What the shares allow at this time, milliseconds since 1970: the strongest
    /// mode of those that have not ended, and nothing when any node of the way up
    /// is in the trash.
    pub fn mode(&self, now_millis: i64) -> Option<u8> {
        if self.chain.iter().any(|row| row.trashed_millis.is_some()) {
            return None;
        }
        let live = self.shares.iter().filter(|share| share.is_live(now_millis));
        live.map(|share| share.mode).filter(|mode| *mode >= MODE_READ).max()
    }
}

/// Nodes with everything above them.
pub(crate) struct Ways(HashMap<NodeId, NodeRow>);

impl Ways {
    /// Reads the ways up from these nodes.
    pub(crate) fn read(
        conn: &mut dyn Connection,
        starts: impl IntoIterator<Item = NodeId>,
    ) -> Result<Self, StoreError> {
        let starts: Vec<NodeId> = starts.into_iter().collect();
        let mut rows = HashMap::new();
        for batch in starts.chunks(STARTS) {
            let size = batch.len().next_power_of_two();
            let padding = batch.last().into_iter().cycle().take(size - batch.len());
            let mut params: Vec<Value> =
                batch.iter().chain(padding).map(|node| (&node.0).into()).collect();
            params.push((MAX_CHAIN as u64).into());
            for row in conn.query(&climb(size), &params)? {
                let id = match row.first() {
                    Some(Value::Bytes(bytes)) => NodeId::from_slice(bytes),
                    _ => None,
                };
                // Ways that meet bring the nodes above once each.
                if id.is_none_or(|id| !rows.contains_key(&id)) {
                    let row: NodeRow = decode(row)?;
                    rows.insert(row.node, row);
                }
            }
        }
        Ok(Self(rows))
    }

    /// The way up from one of them: `None` if there is no such node or it is too
    /// deep. A parent that is missing is damage.
    pub(crate) fn chain(&self, node: NodeId) -> Result<Option<Vec<NodeRow>>, StoreError> {
        let mut chain = Vec::new();
        let mut at = node;
        while chain.len() < MAX_CHAIN {
            let Some(row) = self.0.get(&at) else {
                if chain.is_empty() {
                    return Ok(None);
                }
                let key = NodeRow::TABLE.key_text(&[(&at.0).into()]);
                return Err(StoreError::DamagedRow { table: NodeRow::TABLE.name, key });
            };
            chain.push(row.clone());
            if row.parent == at {
                return Ok(Some(chain));
            }
            at = row.parent;
        }
        Ok(None)
    }
}

/// The query for the ways up from a number of nodes. `UNION` without `ALL`: the
/// ways of nodes of one directory are followed once. The left join keeps the
/// engines from beginning with the whole table.
fn climb(starts: usize) -> String {
    let columns: Vec<String> =
        NodeRow::TABLE.names().iter().map(|name| format!("n.{name}")).collect();
    format!(
        "WITH RECURSIVE up (node,parent,depth) AS (\
         SELECT node,parent,1 FROM nodes WHERE node IN {} UNION \
         SELECT n.node,n.parent,u.depth+1 FROM up u JOIN nodes n ON n.node=u.parent \
         WHERE u.parent<>u.node AND u.depth<?) \
         SELECT {} FROM up u LEFT JOIN nodes n ON n.node=u.node",
        placeholders(starts),
        columns.join(",")
    )
}

/// The shares of nodes with users, each pair of which is asked for. In no order.
/// A damaged row gives no right and hides no other.
pub(crate) fn shares_on(
    conn: &mut dyn Connection,
    pairs: &HashSet<(NodeId, UserId)>,
) -> Result<Vec<ShareRow>, StoreError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Vec<Value>> =
        pairs.iter().map(|(node, user)| vec![(&node.0).into(), (&user.0).into()]).collect();
    let rows = conn.query_keys(&ShareRow::TABLE.select(), &["node", "recipient"], &keys)?;
    let shares = rows.into_iter().filter_map(|row| match decode::<ShareRow>(row) {
        Ok(share) => Some(share),
        Err(error) => {
            tracing::error!(%error, "a share is not counted");
            None
        }
    });
    Ok(shares.filter(|share| share.recipient_kind == RECIPIENT_USER).collect())
}

/// How a user comes to a node.
pub(crate) fn reach(
    conn: &mut dyn Connection,
    user: UserId,
    node: NodeId,
) -> Result<Option<Reach>, StoreError> {
    let Some(row) = crate::rows::fetch_one::<NodeRow>(conn, vec![(&node.0).into()])? else {
        return Ok(None);
    };
    if row.owner == user {
        return Ok(Some(Reach { chain: vec![row], shares: Vec::new() }));
    }
    let Some(chain) = Ways::read(conn, [node])?.chain(node)? else { return Ok(None) };
    let pairs = chain.iter().map(|row| (row.node, user)).collect();
    let shares = shares_on(conn, &pairs)?;
    Ok(Some(assemble(chain, shares)))
}

/// Those of some nodes that are not in the trash, nor below anything that is.
pub(crate) fn reachable(
    conn: &mut dyn Connection,
    nodes: &[NodeId],
) -> Result<HashSet<NodeId>, StoreError> {
    let is_live = |chain: &[NodeRow]| chain.iter().all(|row| row.trashed_millis.is_none());
    match Ways::read(conn, nodes.iter().copied()) {
        Ok(ways) => {
            let live = |node: &NodeId| matches!(ways.chain(*node), Ok(Some(way)) if is_live(&way));
            Ok(nodes.iter().copied().filter(live).collect())
        }
        // One of the ways is damaged: it must not hide the others.
        Err(StoreError::DamagedRow { .. }) if nodes.len() > 1 => {
            let (left, right) = nodes.split_at(nodes.len() / 2);
            let mut found = reachable(conn, left)?;
            found.extend(reachable(conn, right)?);
            Ok(found)
        }
        Err(StoreError::DamagedRow { .. }) => Ok(HashSet::new()),
        Err(error) => Err(error),
    }
}

/// Puts the shares into the order of the chain.
fn assemble(chain: Vec<NodeRow>, mut shares: Vec<ShareRow>) -> Reach {
    let height = |share: &ShareRow| chain.iter().position(|row| row.node == share.node);
    shares.sort_by_key(|share| (height(share), share.created_millis, share.share));
    Reach { chain, shares }
}

/// What users may do with nodes, for many pairs at once.
#[derive(Default)]
pub(crate) struct Rights(HashMap<(UserId, NodeId), u8>);

impl Rights {
    /// Looks up what users may do with nodes of others.
    pub(crate) fn read(
        conn: &mut dyn Connection,
        asked: &HashSet<(UserId, NodeId)>,
        now_millis: i64,
    ) -> Result<Self, StoreError> {
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let starts: HashSet<NodeId> = asked.iter().map(|(_, node)| *node).collect();
        let ways = Ways::read(conn, starts)?;
        let mut chains = Vec::with_capacity(asked.len());
        let mut pairs = HashSet::new();
        for (user, node) in asked {
            let Some(chain) = ways.chain(*node)? else { continue };
            pairs.extend(chain.iter().map(|row| (row.node, *user)));
            chains.push((*user, *node, chain));
        }
        let mut shares: HashMap<(NodeId, UserId), Vec<ShareRow>> = HashMap::new();
        for share in shares_on(conn, &pairs)? {
            shares.entry((share.node, UserId(share.recipient))).or_default().push(share);
        }
        let mut rights = HashMap::new();
        for (user, node, chain) in chains {
            let of = |row: &NodeRow| shares.get(&(row.node, user)).into_iter().flatten().cloned();
            let shares = chain.iter().flat_map(of).collect();
            if let Some(mode) = (Reach { chain, shares }).mode(now_millis) {
                rights.insert((user, node), mode);
            }
        }
        Ok(Self(rights))
    }

    /// Whether the user has at least this mode.
    pub(crate) fn allow(&self, user: UserId, node: NodeId, mode: u8) -> bool {
        self.0.get(&(user, node)).is_some_and(|found| *found >= mode)
    }
}
