//! What the primary of an earlier epoch had acknowledged and nobody else had.
//!
//! Guarantees:
//!
//! - Such writes are put by commits, so they are mirrored like everything else; the
//!   chunks that they name are counted and stay.
//! - An entry of that primary is kept once, however often it comes: the commit that
//!   keeps it also notes how far its epoch has been kept. An operation that was made
//!   here as well, because its client has repeated it, is not kept.
//! - Only entries that follow from the point where the histories parted are kept.

mod convert;
mod keep;

pub use keep::{Arrived, KeepError};

use crate::changes::{Change, decode_body};
use crate::db::Value;
use crate::error::StoreError;
use crate::rows::{
    DivergedKey, DivergedRow, DivergedState, NodeRow, SegmentId, SegmentRow, ShareRow, fetch_one,
    fetch_where,
};
use crate::store::Store;
use coffer_protocol::{NodeId, ShareId, UserId};

/// Most writes of one answer: each may be some megabytes long.
pub const MAX_DIVERGED_PAGE: u32 = 16;

/// Number of the kind of `PutNode`.
const PUT_NODE: u8 = 5;
/// Number of the kind of `PutSegment`.
const PUT_SEGMENT: u8 = 9;
/// Number of the kind of `PutShare`.
const PUT_SHARE: u8 = 16;

/// How many writes of an earlier primary there are of an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DivergedCounts {
    /// The owner has not signed in since.
    pub waiting: u64,
    /// Not done again; the owner is told of them.
    pub listed: u64,
    /// Came back.
    pub returned: u64,
    /// Cannot come back.
    pub lost: u64,
    /// Needed to open others.
    pub support: u64,
}

impl DivergedRow {
    /// The change; `None` when nobody needs it any more, or it cannot be read.
    pub fn decoded(&self) -> Option<Change> {
        decode_body(&self.change).ok()?.pop()
    }
}

impl Store {
    /// Writes of an earlier primary in one state, in the order in which they were
    /// made, after a place.
    pub async fn diverged(
        &self,
        owner: UserId,
        state: DivergedState,
        after: Option<[u8; 32]>,
    ) -> Result<Vec<DivergedRow>, StoreError> {
        let state = u32::from(state.number()).into();
        let params = vec![(&owner.0).into(), state, after_place(after), page(MAX_DIVERGED_PAGE)];
        let condition = "owner=? AND state=? AND place>? ORDER BY place LIMIT ?";
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }

    /// Those that are done with and that the owner has not dismissed.
    pub async fn diverged_settled(
        &self,
        owner: UserId,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Result<Vec<DivergedRow>, StoreError> {
        let params = vec![(&owner.0).into(), after_place(after), page(limit)];
        let condition = "owner=? AND state>1 AND state<5 AND place>? ORDER BY place LIMIT ?";
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }

    /// All of an owner, a page of them.
    pub async fn diverged_any(&self, owner: UserId) -> Result<Vec<DivergedRow>, StoreError> {
        let params = vec![(&owner.0).into(), page(MAX_DIVERGED_PAGE)];
        let condition = "owner=? ORDER BY place LIMIT ?";
        self.read(move |conn| fetch_where(conn, condition, &params)).await
    }

    /// One of them.
    pub async fn diverged_row(&self, key: DivergedKey) -> Result<Option<DivergedRow>, StoreError> {
        self.read(move |conn| fetch_one(conn, key.values())).await
    }

    /// What a node was at that primary, first or last of all.
    pub async fn diverged_node(
        &self,
        owner: UserId,
        node: NodeId,
        last: bool,
    ) -> Result<Option<(DivergedRow, NodeRow)>, StoreError> {
        Ok(match self.diverged_of(owner, node.0, PUT_NODE, last).await? {
            Some(row) => match row.decoded() {
                Some(Change::PutNode(node)) => Some((row, node)),
                _ => None,
            },
            None => None,
        })
    }

    /// The segment of a manifest, as it was at that primary.
    pub async fn diverged_segment(
        &self,
        owner: UserId,
        segment: SegmentId,
    ) -> Result<Option<SegmentRow>, StoreError> {
        let row = self.diverged_of(owner, segment, PUT_SEGMENT, true).await?;
        Ok(row.and_then(|row| match row.decoded() {
            Some(Change::PutSegment(segment)) => Some(segment),
            _ => None,
        }))
    }

    /// A share, as it was at that primary.
    pub async fn diverged_share(
        &self,
        owner: UserId,
        share: ShareId,
    ) -> Result<Option<ShareRow>, StoreError> {
        let row = self.diverged_of(owner, share.0, PUT_SHARE, true).await?;
        Ok(row.and_then(|row| match row.decoded() {
            Some(Change::PutShare(share)) => Some(share),
            _ => None,
        }))
    }

    async fn diverged_of(
        &self,
        owner: UserId,
        object: [u8; 16],
        kind: u8,
        last: bool,
    ) -> Result<Option<DivergedRow>, StoreError> {
        let params = vec![(&owner.0).into(), (&object).into(), u32::from(kind).into()];
        let condition = match last {
            true => "owner=? AND object=? AND kind=? ORDER BY place DESC LIMIT 1",
            false => "owner=? AND object=? AND kind=? ORDER BY place LIMIT 1",
        };
        Ok(self.read(move |conn| fetch_where(conn, condition, &params)).await?.pop())
    }

    /// How many there are of an owner.
    pub async fn diverged_counts(&self, owner: UserId) -> Result<DivergedCounts, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT state,COUNT(*) FROM diverged WHERE owner=? GROUP BY state";
            let mut counts = DivergedCounts::default();
            for row in conn.query(sql, &[(&owner.0).into()])? {
                let [Value::Int(state), Value::Int(count)] = row.as_slice() else { continue };
                let count = count.cast_unsigned();
                match state {
                    1 => counts.waiting = count,
                    2 => counts.listed = count,
                    3 => counts.returned = count,
                    4 => counts.lost = count,
                    _ => counts.support = count,
                }
            }
            Ok(counts)
        })
        .await
    }
}

fn page(limit: u32) -> Value {
    Value::Int(i64::from(limit.clamp(1, MAX_DIVERGED_PAGE)))
}

fn after_place(after: Option<[u8; 32]>) -> Value {
    Value::Bytes(after.map_or(Vec::new(), |place| place.to_vec()))
}
