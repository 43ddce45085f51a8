//! Pages of rows that people look at.
//!
//! Guarantees: a damaged row is reported and hides no other, and a page always
//! goes on behind the last row that it read, damaged or not.

use crate::db::{Connection, Row, Value};
use crate::error::StoreError;
use crate::reads::MAX_PAGE;
use crate::rows::{NodeRow, Record, VersionRow, decode};
use crate::store::Store;
use coffer_protocol::{NodeId, UserId};
use std::sync::Arc;

/// One page: the rows that are whole, the keys of those that are not, and where
/// the next page begins (`None` at the end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R, K, C> {
    /// Rows that match their digests.
    pub rows: Vec<R>,
    /// Keys of rows that do not.
    pub damaged: Vec<K>,
    /// Cursor of the next page.
    pub next: Option<C>,
}

impl Store {
    /// The entries of a directory in the order of their lookup tags, after the
    /// given one. Those in the trash are left out.
    pub async fn children_page(
        &self,
        parent: NodeId,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Result<Page<NodeRow, NodeId, [u8; 32]>, StoreError> {
        let after = after.map_or(Vec::new(), |tag| tag.to_vec());
        let params = vec![(&parent.0).into(), Value::Bytes(after)];
        let condition = "parent=? AND lookup_tag>? ORDER BY lookup_tag";
        let tag = column::<NodeRow>("lookup_tag");
        self.page(condition, params, limit, node_of, move |row| bytes(row.get(tag?)?)).await
    }

    /// What a user moved to the trash, newest first, after the given entry.
    pub async fn trash_page(
        &self,
        owner: UserId,
        after: Option<(i64, NodeId)>,
        limit: u32,
    ) -> Result<Page<NodeRow, NodeId, (i64, NodeId)>, StoreError> {
        let (millis, node) = after.unwrap_or((i64::MAX, NodeId([0xff; 16])));
        let (owner, node) = ((&owner.0).into(), (&node.0).into());
        let params = vec![owner, Value::Int(millis), Value::Int(millis), node];
        let condition = "owner=? AND trashed_millis<=? AND (trashed_millis<? OR node<?) \
                         ORDER BY trashed_millis DESC, node DESC";
        let trashed = column::<NodeRow>("trashed_millis");
        let cursor = move |row: &Row| match row.get(trashed?)? {
            Value::Int(millis) => Some((*millis, node_of(row))),
            _ => None,
        };
        self.page(condition, params, limit, node_of, cursor).await
    }

    /// The versions of a file, newest first, before the given revision.
    pub async fn versions_page(
        &self,
        node: NodeId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<VersionRow, u64, u64>, StoreError> {
        let before = before.map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
        let params = vec![(&node.0).into(), Value::Int(before)];
        let condition = "node=? AND revision<? ORDER BY revision DESC";
        let revision = |row: &Row| match row.get(1) {
            Some(Value::Int(revision)) => u64::try_from(*revision).unwrap_or_default(),
            _ => 0,
        };
        self.page(condition, params, limit, revision, move |row| Some(revision(row))).await
    }

    /// Of the entries of a directory whose folded names have one of these tags:
    /// fold tag and lookup tag. Those in the trash are left out. A hint about
    /// names that look alike, read without a look at the digests.
    pub async fn lookalikes(
        &self,
        parent: NodeId,
        fold_tags: &[[u8; 32]],
    ) -> Result<Vec<([u8; 32], [u8; 32])>, StoreError> {
        let wanted = &fold_tags[..fold_tags.len().min(MAX_PAGE as usize)];
        let keys: Vec<Vec<Value>> =
            wanted.iter().map(|tag| vec![(&parent.0).into(), tag.into()]).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.read(move |conn| {
            let head = "SELECT fold_tag,lookup_tag FROM nodes";
            let rows = conn.query_keys(head, &["parent", "fold_tag"], &keys)?;
            let tags = |row: &Row| Some((bytes(row.first()?)?, bytes(row.get(1)?)?));
            Ok(rows.iter().filter_map(tags).collect())
        })
        .await
    }

    async fn page<R: Record + Send + 'static, K: Send + 'static, C: Send + 'static>(
        &self,
        condition: &'static str,
        params: Vec<Value>,
        limit: u32,
        key: impl Fn(&Row) -> K + Send + Sync + 'static,
        cursor: impl Fn(&Row) -> Option<C> + Send + Sync + 'static,
    ) -> Result<Page<R, K, C>, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE) as usize;
        let read = Arc::new(move |conn: &mut dyn Connection| {
            let mut damage = Vec::new();
            let rows = rows_of_page::<R, C>(conn, condition, &params, limit, &cursor)?;
            let page: Page<R, K, C> = sorted(rows.0, rows.1, &key, &mut damage)?;
            Ok((page, damage))
        });
        let again = Arc::clone(&read);
        let (page, damage) = self.read(move |conn| again(conn)).await?;
        match self.notice_all(&damage).await {
            true => Ok(self.read(move |conn| read(conn)).await?.0),
            false => Ok(page),
        }
    }
}

/// Sorts stored rows into those that are whole and the keys of the others, and says
/// what is wrong with those.
pub(crate) fn sorted<R: Record, K, C>(
    found: Vec<Row>,
    next: Option<C>,
    key: impl Fn(&Row) -> K,
    damage: &mut Vec<StoreError>,
) -> Result<Page<R, K, C>, StoreError> {
    let mut page = Page { rows: Vec::with_capacity(found.len()), damaged: vec![], next };
    for row in found {
        let id = key(&row);
        match decode(row) {
            Ok(row) => page.rows.push(row),
            Err(error @ StoreError::DamagedRow { .. }) => {
                page.damaged.push(id);
                damage.push(error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

/// Reads one page of the rows of a condition, which is what follows `WHERE`, with
/// order and without limit.
pub(crate) fn read_page<R: Record, K, C>(
    conn: &mut dyn Connection,
    condition: &str,
    params: &[Value],
    limit: usize,
    key: impl Fn(&Row) -> K,
    cursor: impl Fn(&Row) -> Option<C>,
) -> Result<Page<R, K, C>, StoreError> {
    let (found, next) = rows_of_page::<R, C>(conn, condition, params, limit, cursor)?;
    // The scrub tells of those that are damaged.
    sorted(found, next, key, &mut Vec::new())
}

/// The stored rows of a page, and where the next begins.
fn rows_of_page<R: Record, C>(
    conn: &mut dyn Connection,
    condition: &str,
    params: &[Value],
    limit: usize,
    cursor: impl Fn(&Row) -> Option<C>,
) -> Result<(Vec<Row>, Option<C>), StoreError> {
    let sql = format!("{} WHERE {condition} LIMIT ?", R::TABLE.select());
    let params: Vec<Value> = params.iter().cloned().chain([Value::from(limit as u64)]).collect();
    let found = conn.query(&sql, &params)?;
    let next = found.last().filter(|_| found.len() >= limit).and_then(cursor);
    Ok((found, next))
}

/// The place of a column in a stored row.
fn column<R: Record>(name: &str) -> Option<usize> {
    R::TABLE.columns.iter().position(|(column, _)| *column == name)
}

/// Bytes of one length.
pub(crate) fn bytes<const N: usize>(value: &Value) -> Option<[u8; N]> {
    match value {
        Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    }
}

/// The node of a stored row, as far as it can be told.
fn node_of(row: &Row) -> NodeId {
    NodeId(row.first().and_then(bytes).unwrap_or_default())
}
