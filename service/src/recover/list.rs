//! The list of what was written at an earlier primary.

use crate::cx::Cx;
use crate::fault::{Outcome, too_many};
use crate::rows::read_failed;
use coffer_crypto::NodeKind;
use coffer_protocol::limits::MAX_PAGE_ENTRIES;
use coffer_protocol::message::recovered::{
    DismissDiverged, Dismissed, DivergedEntry, DivergedPage, Happened, ListDiverged, MAX_DISMISSED,
};
use coffer_protocol::{NodeId, UserId};
use coffer_store::{
    Change, Commit, DivergedKey, DivergedRow, DivergedState, MAX_DIVERGED_PAGE, RECIPIENT_USER,
    ShareRow,
};

/// Writes that are taken off the list by one request.
const DISMISS_COMMITS: u32 = 64;

/// Where something is and what else is to be said of it.
#[derive(Default)]
struct Told {
    names: Vec<String>,
    other: String,
}

impl Cx {
    /// One page of the list, and how many of which kind there are.
    pub(crate) async fn list_diverged(&self, request: &ListDiverged) -> Outcome<DivergedPage> {
        let failed = |error| read_failed(&error);
        let counts = self.store().diverged_counts(self.user()).await.map_err(failed)?;
        let mut page = DivergedPage {
            entries: Vec::new(),
            next: None,
            returned: counts.returned,
            listed: counts.listed,
            waiting: counts.waiting,
            lost: counts.lost,
        };
        let mut after = request.after;
        let mut room = request.limit.min(MAX_PAGE_ENTRIES);
        while room > 0 {
            let limit = room.min(MAX_DIVERGED_PAGE);
            let rows = self.store().diverged_settled(self.user(), after, limit).await;
            let rows = rows.map_err(failed)?;
            let Some(last) = rows.last() else { return Ok(page) };
            after = Some(last.key.place);
            page.next = after;
            room -= rows.len() as u32;
            for row in &rows {
                page.entries.push(self.told(row).await?);
            }
            if (rows.len() as u32) < limit {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    async fn told(&self, row: &DivergedRow) -> Outcome<DivergedEntry> {
        let change = row.decoded();
        let happened = self.happened(row, change.as_ref()).await?;
        let Told { names, other } = match (&row.became, change) {
            (Some(node), _) => self.path_of(*node).await,
            (None, Some(change)) => self.told_of(row, &change).await?,
            (None, None) => self.path_of(NodeId(row.object)).await,
        };
        Ok(DivergedEntry {
            id: row.key.place,
            happened,
            written_millis: row.written_millis,
            names,
            node: row.became,
            other,
        })
    }

    async fn happened(&self, row: &DivergedRow, change: Option<&Change>) -> Outcome<Happened> {
        Ok(match (row.state, change) {
            (DivergedState::Returned, Some(Change::PutNode(_))) => Happened::DirectoryBack,
            (DivergedState::Returned, _) => Happened::FileBack,
            (DivergedState::Lost, _) => Happened::FileLost,
            (_, Some(Change::PutNode(image))) if image.trashed_millis.is_some() => {
                Happened::Deleted
            }
            (_, Some(Change::PutNode(image))) => {
                let here = self.own_row_if_any(image.node).await?;
                match here.is_some_and(|here| here.trashed_millis.is_some()) {
                    true => Happened::Restored,
                    false => Happened::Moved,
                }
            }
            (_, Some(Change::DeleteNode(_))) => Happened::Purged,
            (_, Some(Change::DeleteVersion(..))) => Happened::VersionPurged,
            (_, Some(Change::PutShare(_))) => Happened::Shared,
            (_, Some(Change::DeleteShare(_))) => Happened::Unshared,
            (_, Some(Change::PutGroup(_))) => Happened::GroupChanged,
            (_, Some(Change::DeleteGroup(_))) => Happened::GroupDeleted,
            (_, Some(Change::PutContact(_) | Change::DeleteContact { .. })) => {
                Happened::ContactChanged
            }
            _ => Happened::AccountChanged,
        })
    }

    async fn told_of(&self, row: &DivergedRow, change: &Change) -> Outcome<Told> {
        let failed = |error| read_failed(&error);
        Ok(match change {
            Change::PutNode(image) => {
                let mut told = self.path_of(image.node).await;
                if image.trashed_millis.is_none()
                    && let Ok(parent) = self.old(image.parent).await
                {
                    let (id, kind) = (&image.node.0, NodeKind::File);
                    let kind = if image.kind == 1 { kind } else { NodeKind::Directory };
                    let name = parent.keys.open_name(
                        &image.parent.0,
                        &image.name_ct,
                        id,
                        kind,
                        image.key_epoch,
                    );
                    told.other = name.unwrap_or_default();
                }
                told
            }
            Change::PutVersion(_) | Change::DeleteNode(_) | Change::DeleteVersion(..) => {
                self.path_of(NodeId(row.object)).await
            }
            Change::PutShare(share) => self.share_told(share).await,
            Change::DeleteShare(share) => {
                match self.store().share(*share).await.map_err(failed)? {
                    Some(share) => self.share_told(&share).await,
                    None => Told::default(),
                }
            }
            Change::PutGroup(group) => Told { other: self.group_name(group), ..Told::default() },
            Change::DeleteGroup(group) => {
                let group = self.store().group(*group).await.map_err(failed)?;
                let other = group.map(|group| self.group_name(&group)).unwrap_or_default();
                Told { other, ..Told::default() }
            }
            _ => Told::default(),
        })
    }

    async fn share_told(&self, share: &ShareRow) -> Told {
        let Told { names, .. } = self.path_of(share.node).await;
        let other = match share.recipient_kind {
            RECIPIENT_USER => self.name_of(UserId(share.recipient)).await,
            _ => match self.store().group(share.recipient).await {
                Ok(Some(group)) => self.group_name(&group),
                _ => String::new(),
            },
        };
        Told { names, other }
    }

    /// Where a node is, or was at the earlier primary; nothing if that cannot be told.
    async fn path_of(&self, node: NodeId) -> Told {
        if let Ok(Some((names, _))) = self.path_to(node).await {
            return Told { names, other: String::new() };
        }
        let mut names = Vec::new();
        let mut at = node;
        while let Ok(old) = self.old(at).await {
            names.insert(0, old.name);
            at = old.row.parent;
            if let Ok(Some((above, _))) = self.path_to(at).await {
                names.splice(0..0, above);
                break;
            }
            if names.len() > coffer_protocol::limits::MAX_PATH_DEPTH {
                break;
            }
        }
        Told { names, other: String::new() }
    }

    /// Takes writes off the list.
    pub(crate) async fn dismiss_diverged(&self, request: &DismissDiverged) -> Outcome<Dismissed> {
        if request.ids.len() > MAX_DISMISSED {
            return Err(too_many("entries", MAX_DISMISSED));
        }
        let failed = |error| read_failed(&error);
        let mut count = 0;
        if !request.all {
            for pages in request.ids.chunks(MAX_DIVERGED_PAGE as usize) {
                let mut found = Vec::new();
                for place in pages {
                    let key = DivergedKey { owner: self.user(), place: *place };
                    found.extend(self.store().diverged_row(key).await.map_err(failed)?);
                }
                count += self.take_off(found).await?;
            }
            return Ok(Dismissed { count, more: false });
        }
        for _ in 0..DISMISS_COMMITS {
            let rows = self.store().diverged_settled(self.user(), None, MAX_DIVERGED_PAGE).await;
            let rows = rows.map_err(failed)?;
            if rows.is_empty() {
                return Ok(Dismissed { count, more: false });
            }
            count += self.take_off(rows).await?;
        }
        Ok(Dismissed { count, more: true })
    }

    /// Deletes rows that nobody needs. A directory that came back is still needed while
    /// something waits that may belong into it.
    async fn take_off(&self, rows: Vec<DivergedRow>) -> Outcome<u32> {
        let counts = self.store().diverged_counts(self.user()).await;
        let waits = counts.map_err(|error| read_failed(&error))?.waiting > 0;
        let settled = rows
            .into_iter()
            .filter(|row| !matches!(row.state, DivergedState::Waiting | DivergedState::Support));
        let changes: Vec<Change> = settled
            .map(|row| {
                match waits && row.state == DivergedState::Returned && !row.change.is_empty() {
                    true => {
                        Change::PutDiverged(DivergedRow { state: DivergedState::Support, ..row })
                    }
                    false => Change::DeleteDiverged(row.key),
                }
            })
            .collect();
        let count = changes.len() as u32;
        if count > 0 {
            self.commit(Commit { changes, ..Commit::default() }).await?;
        }
        Ok(count)
    }
}
