//! The changes of a commit, reduced to one image per row.

use super::{ApplyError, insert_all};
use crate::changes::Change;
use crate::db::{Connection, Value};
use crate::rows::{
    ActivityRow, ChunkPlace, ChunkState, ContactRow, DivergedKey, DivergedRow, GroupRow, InviteRow,
    NodeRow, Record, SegmentId, SegmentRow, SettingRow, ShareRow, UploadRow, UserRow, VersionRow,
};
use coffer_protocol::{BlobId, NodeId, ShareId, UploadId, UserId};
use std::collections::BTreeMap;

/// What happens to the row of a chunk; in the order given.
#[derive(Clone, Copy, Debug)]
pub(super) enum ChunkStep {
    Put { generation: u32, place: ChunkPlace, size: u32 },
    State { generation: u32, state: ChunkState },
    Delete { generation: u32 },
}

/// One image per row; `None` is a row that is gone.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) users: BTreeMap<UserId, Option<&'a UserRow>>,
    invites: BTreeMap<[u8; 32], Option<&'a InviteRow>>,
    settings: BTreeMap<&'a str, Option<&'a [u8]>>,
    pub(super) nodes: BTreeMap<NodeId, Option<&'a NodeRow>>,
    pub(super) versions: BTreeMap<(NodeId, u64), Option<&'a VersionRow>>,
    pub(super) segments: BTreeMap<SegmentId, Option<&'a SegmentRow>>,
    pub(super) chunks: BTreeMap<BlobId, Vec<ChunkStep>>,
    pub(super) shares: BTreeMap<ShareId, Option<&'a ShareRow>>,
    pub(super) groups: BTreeMap<[u8; 16], Option<&'a GroupRow>>,
    pub(super) contacts: BTreeMap<(UserId, [u8; 32]), Option<&'a ContactRow>>,
    pub(super) activity: BTreeMap<[u8; 16], Option<&'a ActivityRow>>,
    pub(super) diverged: BTreeMap<DivergedKey, Option<&'a DivergedRow>>,
    /// Fingerprints of chunks, for the users who refer to them.
    pub(super) known: BTreeMap<(UserId, BlobId), [u8; 32]>,
    uploads: BTreeMap<(UserId, UploadId), Option<&'a UploadRow>>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(changes: &[&'a Change]) -> Self {
        let mut plan = Self::default();
        for change in changes {
            plan.add(change);
        }
        plan
    }

    fn add(&mut self, change: &'a Change) {
        match change {
            Change::PutUser(row) => drop(self.users.insert(row.user, Some(row))),
            Change::DeleteUser(user) => drop(self.users.insert(*user, None)),
            Change::PutInvite(row) => drop(self.invites.insert(row.tag, Some(row))),
            Change::DeleteInvite(tag) => drop(self.invites.insert(*tag, None)),
            Change::PutSetting { key, value } => drop(self.settings.insert(key, Some(value))),
            Change::DeleteSetting { key } => drop(self.settings.insert(key, None)),
            Change::PutNode(row) => drop(self.nodes.insert(row.node, Some(row))),
            Change::DeleteNode(node) => drop(self.nodes.insert(*node, None)),
            Change::PutVersion(row) => {
                self.versions.insert((row.node, row.revision), Some(row));
            }
            Change::DeleteVersion(node, revision) => {
                self.versions.insert((*node, *revision), None);
            }
            Change::PutSegment(row) => drop(self.segments.insert(row.segment, Some(row))),
            Change::DeleteSegment(segment) => drop(self.segments.insert(*segment, None)),
            Change::PutChunk { blob, generation, place, size } => self.step(
                *blob,
                ChunkStep::Put { generation: *generation, place: *place, size: *size },
            ),
            Change::SetChunkState { blob, generation, state } => {
                self.step(*blob, ChunkStep::State { generation: *generation, state: *state });
            }
            Change::DeleteChunk { blob, generation } => {
                self.step(*blob, ChunkStep::Delete { generation: *generation });
            }
            Change::PutShare(row) => drop(self.shares.insert(row.share, Some(row))),
            Change::DeleteShare(share) => drop(self.shares.insert(*share, None)),
            Change::PutGroup(row) => drop(self.groups.insert(row.group, Some(row))),
            Change::DeleteGroup(group) => drop(self.groups.insert(*group, None)),
            Change::PutContact(row) => {
                self.contacts.insert((row.owner, row.tag), Some(row));
            }
            Change::DeleteContact { owner, tag } => {
                self.contacts.insert((*owner, *tag), None);
            }
            Change::PutActivity(row) => drop(self.activity.insert(row.activity, Some(row))),
            Change::DeleteActivity(activity) => drop(self.activity.insert(*activity, None)),
            Change::PutDiverged(row) => drop(self.diverged.insert(row.key, Some(row))),
            Change::DeleteDiverged(key) => drop(self.diverged.insert(*key, None)),
            Change::PutKnown { owner, blob, fingerprint } => {
                self.known.insert((*owner, *blob), *fingerprint);
            }
            Change::PutUpload(row) => {
                self.uploads.insert((row.owner, row.upload), Some(row));
            }
            Change::DeleteUpload { owner, upload } => {
                self.uploads.insert((*owner, *upload), None);
            }
        }
    }

    fn step(&mut self, blob: BlobId, step: ChunkStep) {
        self.chunks.entry(blob).or_default().push(step);
    }

    /// Writes the tables that nothing is counted in.
    pub(super) fn write_accounts(&self, conn: &mut dyn Connection) -> Result<(), ApplyError> {
        let key = |user: &UserId| vec![Value::from(&user.0)];
        replace::<UserRow>(conn, &self.users.keys().map(key).collect::<Vec<_>>())?;
        insert_all(conn, self.users.values().copied().flatten())?;
        let key = |tag: &[u8; 32]| vec![Value::from(tag)];
        replace::<InviteRow>(conn, &self.invites.keys().map(key).collect::<Vec<_>>())?;
        insert_all(conn, self.invites.values().copied().flatten())?;
        let key = |name: &&str| vec![Value::from(name.as_bytes())];
        replace::<SettingRow>(conn, &self.settings.keys().map(key).collect::<Vec<_>>())?;
        let settings: Vec<SettingRow> = self
            .settings
            .iter()
            .filter_map(|(name, value)| {
                let value = (*value)?.to_vec();
                Some(SettingRow { name: name.as_bytes().to_vec(), value })
            })
            .collect();
        insert_all(conn, settings.iter())?;
        let key =
            |(owner, upload): &(UserId, UploadId)| vec![(&owner.0).into(), (&upload.0).into()];
        replace::<UploadRow>(conn, &self.uploads.keys().map(key).collect::<Vec<_>>())?;
        insert_all(conn, self.uploads.values().copied().flatten())
    }
}

/// Deletes rows that may be there, to make room for what comes in their place.
pub(super) fn replace<R: Record>(
    conn: &mut dyn Connection,
    keys: &[Vec<Value>],
) -> Result<(), ApplyError> {
    if keys.is_empty() {
        return Ok(());
    }
    Ok(conn.delete_keys(R::TABLE.name, &R::TABLE.key_names(), keys)?)
}
