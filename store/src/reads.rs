//! Reading rows. Every function is bounded: by a key, or by a limit that is
//! itself capped at [`MAX_PAGE`].

use crate::commit::OpKey;
use crate::db::Value;
use crate::error::StoreError;
use crate::journal;
use crate::rows::{
    ChunkRow, ClusterRow, InviteRow, JournalRow, NodeRow, Record, SegmentId, SegmentRecord,
    SegmentRow, SettingRow, Stored, TotalsRow, Usage, UserRow, VersionRow, fetch_keys, fetch_one,
    fetch_where,
};
use crate::store::Store;
use coffer_protocol::{BlobId, NodeId, Position, UserId};
use std::collections::HashMap;

/// Most rows of one answer.
pub const MAX_PAGE: u32 = 1000;

fn page(limit: u32) -> Value {
    Value::Int(i64::from(limit.min(MAX_PAGE)))
}

impl Store {
    pub(crate) async fn by_key<R: Record + Send + 'static>(
        &self,
        key: Vec<Value>,
    ) -> Result<Option<R>, StoreError> {
        self.read(move |conn| fetch_one(conn, key.clone())).await
    }

    async fn by_condition<R: Record + Send + 'static>(
        &self,
        condition: &'static str,
        params: Vec<Value>,
    ) -> Result<Vec<R>, StoreError> {
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }

    /// A user.
    pub async fn user(&self, user: UserId) -> Result<Option<UserRow>, StoreError> {
        self.by_key(vec![(&user.0).into()]).await
    }

    /// The user of this name.
    pub async fn user_by_tag(&self, tag: [u8; 32]) -> Result<Option<UserRow>, StoreError> {
        Ok(self.by_condition("tag=?", vec![(&tag).into()]).await?.pop())
    }

    /// Users in the order of their ids, after the given one.
    pub async fn users(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserRow>, StoreError> {
        let after = after.map_or(Vec::new(), |user| user.0.to_vec());
        let params = vec![Value::Bytes(after), page(limit)];
        self.by_condition("user_id>? ORDER BY user_id LIMIT ?", params).await
    }

    /// An invitation.
    pub async fn invite(&self, tag: [u8; 32]) -> Result<Option<InviteRow>, StoreError> {
        self.by_key(vec![(&tag).into()]).await
    }

    /// Invitations in the order of their tags, after the given one.
    pub async fn invites(
        &self,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Result<Vec<InviteRow>, StoreError> {
        let after = after.map_or(Vec::new(), |tag| tag.to_vec());
        let params = vec![Value::Bytes(after), page(limit)];
        self.by_condition("tag>? ORDER BY tag LIMIT ?", params).await
    }

    /// A node.
    pub async fn node(&self, node: NodeId) -> Result<Option<NodeRow>, StoreError> {
        self.by_key(vec![(&node.0).into()]).await
    }

    /// Nodes, in the order of the ids; those that do not exist are left out. At
    /// most [`MAX_PAGE`] ids are looked at.
    pub async fn nodes(&self, nodes: &[NodeId]) -> Result<Vec<NodeRow>, StoreError> {
        let wanted = &nodes[..nodes.len().min(MAX_PAGE as usize)];
        let keys: Vec<Vec<Value>> = wanted.iter().map(|node| vec![(&node.0).into()]).collect();
        let rows = self.read(move |conn| fetch_keys::<NodeRow>(conn, &keys)).await?;
        let found: HashMap<NodeId, NodeRow> = rows.into_iter().map(|row| (row.node, row)).collect();
        Ok(wanted.iter().filter_map(|node| found.get(node).cloned()).collect())
    }

    /// The entry of a directory with this name; never one in the trash.
    pub async fn child(
        &self,
        parent: NodeId,
        lookup_tag: &[u8; 32],
    ) -> Result<Option<NodeRow>, StoreError> {
        let params = vec![(&parent.0).into(), lookup_tag.into()];
        Ok(self.by_condition("parent=? AND lookup_tag=?", params).await?.pop())
    }

    /// The entries of a directory with these names, in no order. At most
    /// [`MAX_PAGE`] names are looked at.
    pub async fn children_by_tags(
        &self,
        parent: NodeId,
        lookup_tags: &[[u8; 32]],
    ) -> Result<Vec<NodeRow>, StoreError> {
        let wanted = &lookup_tags[..lookup_tags.len().min(MAX_PAGE as usize)];
        let keys: Vec<Vec<Value>> =
            wanted.iter().map(|tag| vec![(&parent.0).into(), tag.into()]).collect();
        self.read(move |conn| fetch_children(conn, &keys)).await
    }

    /// Entries of a directory whose names differ at most in case and form. Those
    /// in the trash are left out.
    pub async fn fold_matches(
        &self,
        parent: NodeId,
        fold_tag: &[u8; 32],
        limit: u32,
    ) -> Result<Vec<NodeRow>, StoreError> {
        let params = vec![(&parent.0).into(), fold_tag.into(), page(limit)];
        self.by_condition("parent=? AND fold_tag=? AND lookup_tag IS NOT NULL LIMIT ?", params)
            .await
    }

    /// The entries of a directory in the order of their lookup tags, after the
    /// given one. Those in the trash are left out.
    pub async fn children(
        &self,
        parent: NodeId,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Result<Vec<NodeRow>, StoreError> {
        let after = after.map_or(Vec::new(), |tag| tag.to_vec());
        let params = vec![(&parent.0).into(), Value::Bytes(after), page(limit)];
        self.by_condition("parent=? AND lookup_tag>? ORDER BY lookup_tag LIMIT ?", params).await
    }

    /// Whether a directory has entries, those in the trash left out.
    pub async fn has_children(&self, node: NodeId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM nodes WHERE parent=? AND lookup_tag IS NOT NULL LIMIT 1";
        let params = vec![Value::from(&node.0)];
        self.read(move |conn| Ok(!conn.query(sql, &params)?.is_empty())).await
    }

    /// Nodes that name this one as their parent, trash included, in the order of
    /// their ids, after the given one. Never the node itself.
    pub async fn descendants(
        &self,
        node: NodeId,
        after: Option<NodeId>,
        limit: u32,
    ) -> Result<Vec<NodeRow>, StoreError> {
        let after = after.map_or(Vec::new(), |id| id.0.to_vec());
        let params = vec![(&node.0).into(), (&node.0).into(), Value::Bytes(after), page(limit)];
        self.by_condition("parent=? AND node<>? AND node>? ORDER BY node LIMIT ?", params).await
    }

    /// What a user moved to the trash, newest first, after the given entry.
    pub async fn trash(
        &self,
        owner: UserId,
        cursor: Option<(i64, NodeId)>,
        limit: u32,
    ) -> Result<Vec<NodeRow>, StoreError> {
        let (millis, node) = cursor.unwrap_or((i64::MAX, NodeId([0xff; 16])));
        let params = vec![
            (&owner.0).into(),
            Value::Int(millis),
            Value::Int(millis),
            (&node.0).into(),
            page(limit),
        ];
        let condition = "owner=? AND trashed_millis<=? AND (trashed_millis<? OR node<?) \
                         ORDER BY trashed_millis DESC, node DESC LIMIT ?";
        self.by_condition(condition, params).await
    }

    /// A version of a file.
    pub async fn version(
        &self,
        node: NodeId,
        revision: u64,
    ) -> Result<Option<VersionRow>, StoreError> {
        self.by_key(vec![(&node.0).into(), revision.into()]).await
    }

    /// Versions of many files, in no order. At most [`MAX_PAGE`] are looked at.
    pub async fn versions_of(
        &self,
        versions: &[(NodeId, u64)],
    ) -> Result<Vec<VersionRow>, StoreError> {
        let wanted = &versions[..versions.len().min(MAX_PAGE as usize)];
        let keys: Vec<Vec<Value>> = wanted
            .iter()
            .map(|(node, revision)| vec![(&node.0).into(), (*revision).into()])
            .collect();
        self.read(move |conn| fetch_keys(conn, &keys)).await
    }

    /// The versions of a file, newest first, before the given revision.
    pub async fn versions(
        &self,
        node: NodeId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<VersionRow>, StoreError> {
        let before = before.map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
        let params = vec![(&node.0).into(), Value::Int(before), page(limit)];
        self.by_condition("node=? AND revision<? ORDER BY revision DESC LIMIT ?", params).await
    }

    /// A segment of a manifest.
    pub async fn segment(&self, segment: SegmentId) -> Result<Option<SegmentRow>, StoreError> {
        let record: Option<SegmentRecord> = self.by_key(vec![(&segment).into()]).await?;
        Ok(record.map(|record| record.row))
    }

    /// What a user's files add up to.
    pub async fn usage(&self, owner: UserId) -> Result<Usage, StoreError> {
        let totals: Option<TotalsRow> = self.by_key(vec![(&owner.0).into()]).await?;
        Ok(totals.map_or(Usage::default(), |t| Usage { nodes: t.nodes, bytes: t.bytes }))
    }

    /// What all chunks that something refers to add up to. Reads every row.
    pub async fn stored(&self) -> Result<Stored, StoreError> {
        let sql = "SELECT COUNT(*),CAST(SUM(size) AS SIGNED) FROM chunks WHERE refs>0";
        let rows = self.read(move |conn| Ok(conn.query(sql, &[])?)).await?;
        Ok(match rows.first().map(Vec::as_slice) {
            Some([Value::Int(chunks), Value::Int(bytes)]) => {
                Stored { chunks: chunks.unsigned_abs(), bytes: bytes.unsigned_abs() }
            }
            _ => Stored::default(),
        })
    }

    /// The answer of an operation that was committed, while the journal has it.
    pub async fn op(&self, op: OpKey) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
        let found = self.read(move |conn| journal::find_op(conn, op)).await?;
        Ok(found.map(|entry: JournalRow| {
            (Position { epoch: entry.epoch, seq: entry.seq }, entry.result)
        }))
    }

    /// A setting of the installation.
    pub async fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<SettingRow> = self.by_key(vec![key.as_bytes().into()]).await?;
        Ok(row.map(|row| row.value))
    }

    /// The position of the last commit.
    pub async fn position(&self) -> Result<Position, StoreError> {
        let row: ClusterRow = self.cluster().await?;
        Ok(Position { epoch: row.epoch, seq: row.seq })
    }

    pub(crate) async fn cluster(&self) -> Result<ClusterRow, StoreError> {
        self.read_anyway(journal::cluster).await
    }

    /// The row of a chunk.
    pub async fn chunk(&self, blob: BlobId) -> Result<Option<ChunkRow>, StoreError> {
        self.by_key(vec![(&blob.0).into()]).await
    }

    /// The rows of many chunks, in no order. At most [`MAX_PAGE`] are looked at.
    pub async fn chunk_rows(&self, blobs: &[BlobId]) -> Result<Vec<ChunkRow>, StoreError> {
        let wanted = &blobs[..blobs.len().min(MAX_PAGE as usize)];
        let keys: Vec<Vec<Value>> = wanted.iter().map(|blob| vec![(&blob.0).into()]).collect();
        self.read(move |conn| fetch_keys(conn, &keys)).await
    }

    /// Chunks that nothing has referred to since before this time, longest first.
    pub async fn idle_chunks(
        &self,
        before_millis: i64,
        limit: u32,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        let condition = "idle_millis<? ORDER BY idle_millis, blob_id LIMIT ?";
        self.by_condition(condition, vec![Value::Int(before_millis), page(limit)]).await
    }
}

/// A row of an audit: its key, and the row or what is wrong with it.
pub(crate) type Scanned<R> = (Vec<Value>, Result<R, StoreError>);

fn fetch_children(
    conn: &mut dyn crate::db::Connection,
    keys: &[Vec<Value>],
) -> Result<Vec<NodeRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = conn.query_keys(&NodeRow::TABLE.select(), &["parent", "lookup_tag"], keys)?;
    rows.into_iter().map(crate::rows::decode).collect()
}

/// Reads one page of a table in the order of its primary key.
pub(crate) fn scan_page<R: Record>(
    conn: &mut dyn crate::db::Connection,
    after: Option<&[Value]>,
    limit: u32,
) -> Result<Vec<Scanned<R>>, StoreError> {
    let table = R::TABLE;
    let keys = table.key_names();
    let order = keys.join(",");
    let (condition, mut params) = after_key(&keys, after);
    let sql = format!("{} WHERE {condition} ORDER BY {order} LIMIT ?", table.select());
    params.push(page(limit));
    let rows = conn.query(&sql, &params)?;
    Ok(rows.into_iter().map(|row| (row[..table.keys].to_vec(), crate::rows::decode(row))).collect())
}

/// `key > after`, for a key of one or two columns.
pub(crate) fn after_key(keys: &[&str], after: Option<&[Value]>) -> (String, Vec<Value>) {
    match (keys, after) {
        ([key], Some([value])) => (format!("{key}>?"), vec![value.clone()]),
        ([first, second], Some([one, two])) => (
            format!("{first}>=? AND ({first}>? OR {second}>?)"),
            vec![one.clone(), one.clone(), two.clone()],
        ),
        _ => ("1=1".to_owned(), Vec::new()),
    }
}
