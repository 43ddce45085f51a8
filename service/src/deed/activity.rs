//! Reading the record of who did what.
//!
//! Guarantees: a record is handed on only where the reader's access reaches its
//! node at this moment; a page is bounded in records, in work and in bytes, and
//! may be empty without being the last; a record that does not open is counted
//! and hides no other.

use super::layout::Body;
use super::record::millis_of;
use super::sight::{Seen, Sight, Sighting, State};
use crate::access::Access;
use crate::cx::Cx;
use crate::fault::{Outcome, per_item};
use crate::rows::{node_failed, read_failed};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::event::{
    ActivityPage, ActivityRecord, Deed, ListActivity, Location, SharedWith,
};
use coffer_protocol::{NodeId, UserId};
use coffer_store::{ActivityRow, MAX_ACTIVITY_OWNERS, MAX_PAGE, NodeRow};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Most records that are read for one page.
const SCANNED: u32 = 1000;
/// Most ways up to a home directory that are looked up for one page.
const WAYS: usize = 250;
/// Most bytes of one page, roughly.
const PAGE_BYTES: usize = 512 << 10;
/// Shares read at a time.
const SHARES: u32 = 1000;

type ActivityId = [u8; 16];

/// Records of a page, the newest first. `None`: the row is damaged.
type Rows = Vec<(ActivityId, Option<ActivityRow>)>;

impl Cx {
    /// One page of who did what.
    pub(crate) async fn list_activity(&self, request: &ListActivity) -> Outcome<ActivityPage> {
        let limit = request.limit.clamp(1, MAX_PAGE_ENTRIES) as usize;
        let (owners, mut sight, within) = if let Some(place) = &request.place {
            let node = self.node(place).await?;
            (vec![node.row.owner], Sight::new(self), Some(node.row.node))
        } else {
            let (owners, shared) = self.activity_owners().await?;
            (owners, Sight::knowing(self, shared), None)
        };
        // Where nothing is left out, no more is read than is wanted.
        let scanned = match (&owners[..], within) {
            ([own], None) if *own == self.user() => limit as u32,
            _ => SCANNED,
        };
        let (rows, more) = self.activity_rows(&owners, request, scanned).await?;
        let nodes = rows.iter().filter_map(|(_, row)| Some(row.as_ref()?.node));
        let nodes = self.nodes_found(nodes).await?;
        let mut page = ActivityPage { records: Vec::new(), damaged: 0, next: None };
        let (mut last, mut bytes) = (None, 0);
        for (id, row) in rows {
            let full = page.records.len() >= limit || sight.asked() >= WAYS || bytes >= PAGE_BYTES;
            if full && last.is_some() {
                page.next = last;
                return Ok(page);
            }
            last = Some(id);
            let found = match row {
                Some(row) => sight.record(&row, nodes.get(&row.node), within).await?,
                None => Found::Damaged,
            };
            match found {
                Found::Record(record) => {
                    bytes += size_of(&record);
                    page.records.push(*record);
                }
                Found::Damaged => page.damaged += 1,
                Found::Nothing => {}
            }
        }
        page.next = last.filter(|_| more);
        Ok(page)
    }

    /// Whose records the user may find something in, and what is shared with the
    /// user.
    async fn activity_owners(&self) -> Outcome<(Vec<UserId>, HashSet<NodeId>)> {
        let (mut owners, mut shared) = (BTreeSet::new(), HashSet::new());
        let mut after = None;
        loop {
            let page = self.store().shares_with(self.user(), after, SHARES).await;
            let page = page.map_err(|error| read_failed(&error))?;
            for share in page.rows.iter().filter(|share| share.is_live(self.millis())) {
                owners.insert(share.owner);
                shared.insert(share.node);
            }
            after = page.next;
            if after.is_none() {
                owners.insert(self.user());
                return Ok((owners.into_iter().collect(), shared));
            }
        }
    }

    /// The newest records of some owners, and whether there are more.
    async fn activity_rows(
        &self,
        owners: &[UserId],
        request: &ListActivity,
        scanned: u32,
    ) -> Outcome<(Rows, bool)> {
        let (mut rows, mut more) = (Rows::new(), false);
        for owners in owners.chunks(MAX_ACTIVITY_OWNERS) {
            let (before, since) = (request.cursor, request.since_millis);
            let page = self.store().activity(owners, before, since, scanned).await;
            let page = page.map_err(|error| read_failed(&error))?;
            rows.extend(page.rows.into_iter().map(|row| (row.activity, Some(row))));
            rows.extend(page.damaged.into_iter().map(|id| (id, None)));
            more |= page.next.is_some();
        }
        rows.sort_by(|(one, _), (other, _)| other.cmp(one));
        // What is cut off here comes with the next page.
        more |= rows.len() > scanned as usize;
        rows.truncate(scanned as usize);
        Ok((rows, more))
    }

    /// Records of nodes; those that are gone or damaged are left out.
    pub(super) async fn nodes_found(
        &self,
        ids: impl Iterator<Item = NodeId> + Send,
    ) -> Outcome<HashMap<NodeId, NodeRow>> {
        let ids: BTreeSet<NodeId> = ids.collect();
        let ids: Vec<NodeId> = ids.into_iter().collect();
        let mut found = HashMap::new();
        for batch in ids.chunks(MAX_PAGE as usize) {
            match self.store().nodes(batch).await.map_err(|error| read_failed(&error)) {
                Ok(rows) => found.extend(rows.into_iter().map(|row| (row.node, row))),
                // One of them is damaged: the others are still there.
                Err(error) if error.code == ErrorCode::INTEGRITY => {
                    for id in batch {
                        let row = self.store().node(*id).await;
                        let row = per_item(row.map_err(|error| node_failed(*id, &error)))?;
                        found.extend(row.ok().flatten().map(|row| (*id, row)));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// What became of a record on its way to a reader.
enum Found {
    Record(Box<ActivityRecord>),
    Damaged,
    /// Nothing for this reader.
    Nothing,
}

impl Sight<'_> {
    async fn record(
        &mut self,
        row: &ActivityRow,
        node: Option<&NodeRow>,
        within: Option<NodeId>,
    ) -> Outcome<Found> {
        let Some(node) = node else { return Ok(Found::Nothing) };
        if node.owner != row.owner {
            return Ok(Found::Damaged);
        }
        let seen = match self.node(node).await? {
            Sighting::Seen(seen) => seen,
            Sighting::Broken => return Ok(Found::Damaged),
            Sighting::Hidden => return Ok(Found::Nothing),
        };
        if within.is_some_and(|above| !seen.is_within(above)) {
            return Ok(Found::Nothing);
        }
        let body = seen.keys.open_activity(&row.activity, &row.node.0, &row.sealed);
        let Some(body) = body.ok().and_then(|plain| Body::decode(&plain)) else {
            return Ok(Found::Damaged);
        };
        let at_millis = millis_of(&row.activity);
        if !seen.shows(&body.deed, at_millis) {
            return Ok(Found::Nothing);
        }
        let location = match seen.is_there(&body.deed) {
            true => Some(self.location(&seen).await),
            false => None,
        };
        let by = self.user(body.by).await;
        let keeps_name = seen.access == Access::Owner || !body.with_group;
        let Body { deed, count, names, .. } = body;
        let deed = if keeps_name { deed } else { nameless(deed) };
        let node = row.node;
        let record = ActivityRecord { at_millis, by, deed, node, location, count, names };
        Ok(Found::Record(Box::new(record)))
    }
}

impl Seen {
    /// Whether the reader may learn of a deed. What is in the trash is its
    /// owner's and, as far as they may put it back, of those who may write; whoever
    /// may only read learns what was deleted while it was shared.
    pub(super) fn shows(&self, deed: &Deed, at_millis: i64) -> bool {
        match (self.access, self.state) {
            (Access::Owner, _) | (Access::Write, State::Live | State::Deleted) => true,
            (Access::Read, State::Live) if *deed != Deed::Deleted => true,
            (Access::Read, State::Live) => at_millis >= self.since_millis,
            (Access::Read, State::Deleted) => {
                *deed == Deed::Deleted && at_millis >= self.since_millis
            }
            (Access::Read | Access::Write, State::Buried) => false,
        }
    }

    /// Whether the names lead to the node, or to where it was when it was deleted.
    pub(super) fn is_there(&self, deed: &Deed) -> bool {
        match self.state {
            State::Live => true,
            State::Deleted => *deed == Deed::Deleted,
            State::Buried => false,
        }
    }
}

/// A deed without the name of a group, which is known to its owner alone.
pub(super) fn nameless(deed: Deed) -> Deed {
    match deed {
        Deed::Shared(share) => Deed::Shared(SharedWith { with: String::new(), ..share }),
        Deed::Unshared(_) => Deed::Unshared(String::new()),
        deed => deed,
    }
}

fn size_of(record: &ActivityRecord) -> usize {
    let texts: usize = record.names.iter().map(String::len).sum();
    record.location.as_ref().map_or(0, size_of_location) + texts + 128
}

/// Bytes that a location takes in an answer, roughly.
pub(super) fn size_of_location(location: &Location) -> usize {
    location.names.iter().map(|name| name.len() + 3).sum()
}
