//! What is kept of an entry of an earlier primary: each change that concerns an
//! owner. Chunks, segments that were given up and records of activity follow from
//! others, or are no writes of anybody.

use super::Arrived;
use crate::changes::{Change, ChangeError, decode_body, encode_body, kind_of};
use crate::error::StoreError;
use crate::replica::JournalEntry;
use crate::rows::{DivergedKey, DivergedRow, DivergedState, KIND_FILE, NodeRow};
use crate::store::Store;
use coffer_protocol::{BlobId, NodeId, UserId};
use std::collections::{BTreeSet, HashSet};

/// Whose is what belongs to nobody.
const NOBODY: UserId = UserId([0; 16]);

/// Whom a change concerns, what it is about, and what becomes of it.
struct Concern {
    owner: UserId,
    object: [u8; 16],
    state: DivergedState,
    refs: Vec<BlobId>,
}

impl Concern {
    fn waits(owner: UserId, object: [u8; 16]) -> Self {
        Self { owner, object, state: DivergedState::Waiting, refs: Vec::new() }
    }
}

/// The chunks that an entry names.
pub(super) fn named(entry: &JournalEntry) -> Result<BTreeSet<BlobId>, ChangeError> {
    let mut blobs = BTreeSet::new();
    for change in decode_body(&entry.body)? {
        match change {
            Change::PutVersion(row) => blobs.extend(row.refs),
            Change::PutSegment(row) => blobs.extend(row.refs),
            _ => {}
        }
    }
    Ok(blobs)
}

impl Store {
    /// The rows that an entry is kept as, each with the number of its change.
    pub(super) async fn diverged_rows(
        &self,
        entry: &JournalEntry,
        arrived: &Arrived,
    ) -> Result<Vec<DivergedRow>, StoreError> {
        let seq = entry.seq;
        let reason = "an entry of the earlier primary cannot be read";
        let damaged = |_| StoreError::DamagedJournal { seq, reason };
        let changes = decode_body(&entry.body).map_err(damaged)?;
        let written: HashSet<NodeId> = changes
            .iter()
            .filter_map(|change| match change {
                Change::PutVersion(row) => Some(row.node),
                _ => None,
            })
            .collect();
        let mut rows = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            let Some(concern) = self.concern(change, seq == 0, &written).await? else { continue };
            let lost = concern.refs.iter().any(|blob| arrived.absent.contains(blob));
            rows.push(DivergedRow {
                key: DivergedKey::new(concern.owner, entry.epoch, seq, number as u32, &entry.hash),
                state: if lost { DivergedState::Lost } else { concern.state },
                kind: kind_of(change),
                object: concern.object,
                became: None,
                written_millis: entry.committed_millis,
                change: encode_body(std::slice::from_ref(change)).map_err(damaged)?,
                refs: if lost { Vec::new() } else { concern.refs },
            });
        }
        Ok(rows)
    }

    async fn concern(
        &self,
        change: &Change,
        supplement: bool,
        written: &HashSet<NodeId>,
    ) -> Result<Option<Concern>, StoreError> {
        let owner_of = |row: Option<NodeRow>| row.map(|row| row.owner);
        let concern = match change {
            Change::PutNode(row) => {
                let with_content = row.kind == KIND_FILE && written.contains(&row.node);
                let state = match supplement || with_content {
                    true => DivergedState::Support,
                    false => DivergedState::Waiting,
                };
                Some(Concern { state, ..Concern::waits(row.owner, row.node.0) })
            }
            Change::PutVersion(row) => {
                Some(Concern { refs: distinct(&row.refs), ..Concern::waits(row.owner, row.node.0) })
            }
            Change::PutSegment(row) => Some(Concern {
                refs: distinct(&row.refs),
                state: DivergedState::Support,
                ..Concern::waits(row.owner, row.segment)
            }),
            Change::DeleteNode(node) | Change::DeleteVersion(node, _) => {
                owner_of(self.node(*node).await?).map(|owner| Concern::waits(owner, node.0))
            }
            Change::PutShare(row) => Some(Concern::waits(row.owner, row.share.0)),
            Change::DeleteShare(share) => {
                let row = self.share(*share).await?;
                row.map(|row| Concern::waits(row.owner, share.0))
            }
            Change::PutGroup(row) => Some(Concern::waits(row.owner, row.group)),
            Change::DeleteGroup(group) => {
                let row = self.group(*group).await?;
                row.map(|row| Concern::waits(row.owner, *group))
            }
            Change::PutContact(row) => Some(Concern::waits(row.owner, first16(&row.tag))),
            Change::DeleteContact { owner, tag } => Some(Concern::waits(*owner, first16(tag))),
            Change::PutUser(row) => Some(Concern::waits(row.user, row.user.0)),
            Change::DeleteUser(user) => Some(Concern::waits(*user, user.0)),
            Change::PutInvite(row) => Some(of_nobody(&row.tag)),
            Change::DeleteInvite(tag) => Some(of_nobody(tag)),
            Change::PutSetting { key, .. } | Change::DeleteSetting { key } => {
                Some(of_nobody(blake3::hash(key.as_bytes()).as_bytes()))
            }
            Change::DeleteSegment(_)
            | Change::PutChunk { .. }
            | Change::SetChunkState { .. }
            | Change::DeleteChunk { .. }
            | Change::PutActivity(_)
            | Change::DeleteActivity(_)
            | Change::PutDiverged(_)
            | Change::DeleteDiverged(_)
            | Change::PutKnown { .. }
            | Change::PutUpload(_)
            | Change::DeleteUpload { .. } => None,
        };
        Ok(concern)
    }
}

fn of_nobody(about: &[u8; 32]) -> Concern {
    Concern { state: DivergedState::Listed, ..Concern::waits(NOBODY, first16(about)) }
}

fn first16(bytes: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|index| bytes[index])
}

/// Each chunk once.
fn distinct(refs: &[BlobId]) -> Vec<BlobId> {
    refs.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}
