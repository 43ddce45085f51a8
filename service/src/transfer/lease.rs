//! What has arrived of an upload is held by records, so that it survives the
//! connection, the session and the process.
//!
//! Guarantees: chunks that a lease holds are not collected, and are found by
//! their content when the upload is begun again, so they are not sent again; a
//! commit takes over what the leases hold and ends them, in one transaction; an
//! upload that is given up ends them; what nobody comes back for goes after
//! `retention.upload_days`. An upload that is over in a moment costs no lease.

use super::upload::{Fresh, Upload};
use crate::cx::Cx;
use crate::fault::Outcome;
use crate::rows::read_failed;
use crate::service::Core;
use crate::session::Session;
use coffer_protocol::{BlobId, UploadId};
use coffer_store::{Change, Commit, SegmentId, SegmentRow, UploadRow};
use std::sync::Arc;
use std::time::Duration;

/// Shortest time from one lease to the next.
const OFTEN: Duration = Duration::from_millis(20);
/// The time from one lease to the next is this part of the upload's age, so that
/// an upload of any length has few, and loses little.
const PARTS: u32 = 1024;
/// Most leases of one upload that its commit ends; more end by their age.
const MOST_LEASES: u64 = 16_384;

/// The leases of one upload.
#[derive(Default)]
pub(crate) struct Leases {
    /// Its record, as it was written last or found.
    row: Option<UploadRow>,
    /// Whether the record was looked for.
    looked: bool,
    /// When the first chunk came, and when the last lease was made.
    times: Option<(Duration, Duration)>,
}

impl Leases {
    /// Whether it is time for one; the first comes a while after the first chunk.
    fn is_due(&mut self, now: Duration) -> bool {
        let (began, made) = *self.times.get_or_insert((now, now));
        let every = OFTEN.max(now.saturating_sub(began) / PARTS);
        now.saturating_sub(made) >= every
    }

    /// What ends them all.
    pub(crate) fn ending(&self) -> Vec<Change> {
        self.row.as_ref().map(ending).unwrap_or_default()
    }
}

/// The segment that is one lease of an upload. Ids of other segments are random.
fn lease_id(row: &UploadRow, number: u64) -> SegmentId {
    let mut hash = blake3::Hasher::new_derive_key("coffer/1/lease");
    hash.update(&row.owner.0).update(&row.upload.0).update(&number.to_be_bytes());
    std::array::from_fn(|at| hash.finalize().as_bytes()[at])
}

/// The changes that end an upload's leases and its record.
pub(crate) fn ending(row: &UploadRow) -> Vec<Change> {
    let numbers = 0..row.leases.min(MOST_LEASES);
    let leases = numbers.map(|number| Change::DeleteSegment(lease_id(row, number)));
    let upload = Change::DeleteUpload { owner: row.owner, upload: row.upload };
    leases.chain([upload]).collect()
}

impl Cx {
    /// Makes a lease of what is not held yet, when one is due and none is being
    /// made.
    pub(crate) async fn lease_when_due(&self, id: UploadId, upload: &Upload) {
        let Some(mut leases) = upload.try_leases() else { return };
        if leases.is_due(self.core.ticks.now()) {
            self.lease(id, upload, &mut leases).await;
        }
    }

    /// Holds what an upload has from before.
    pub(crate) async fn find_leases(&self, id: UploadId, leases: &mut Leases) -> Outcome<()> {
        if !leases.looked {
            let row = self.store().upload(self.user(), id).await;
            leases.row = row.map_err(|error| read_failed(&error))?;
            leases.looked = true;
        }
        Ok(())
    }

    /// A lease that cannot be made holds nobody up: the chunks are pinned all the
    /// same, and the next one takes them.
    async fn lease(&self, id: UploadId, upload: &Upload, leases: &mut Leases) {
        let now = self.core.ticks.now();
        leases.times = Some((leases.times.map_or(now, |(began, _)| began), now));
        let fresh = upload.state().await.take_fresh();
        if fresh.entries.is_empty() {
            return;
        }
        if let Err(error) = self.try_lease(id, upload, leases, &fresh).await {
            tracing::debug!(code = error.code.name(), "a lease of an upload was not made");
            upload.state().await.put_back(fresh);
        }
    }

    async fn try_lease(
        &self,
        id: UploadId,
        upload: &Upload,
        leases: &mut Leases,
        fresh: &Fresh,
    ) -> Outcome<()> {
        self.find_leases(id, leases).await?;
        let (now, owner) = (self.millis(), self.user());
        let mut row = leases.row.clone().unwrap_or(UploadRow {
            owner,
            upload: id,
            note_ct: Vec::new(),
            leases: 0,
            bytes: 0,
            created_millis: now,
            touched_millis: now,
        });
        if row.note_ct.is_empty() {
            row.note_ct = self.seal_upload_name(&row, upload).await?;
        }
        let segment = lease_id(&row, row.leases);
        row.leases += 1;
        row.bytes += fresh.entries.iter().map(|entry| u64::from(entry.len)).sum::<u64>();
        row.touched_millis = now;
        let blobs = fresh.entries.iter().map(|entry| BlobId(entry.blob_id));
        let refs = super::content::distinct(blobs);
        let held = SegmentRow { segment, owner, refs, created_millis: now };
        let mut changes = vec![Change::PutSegment(held), Change::PutUpload(row.clone())];
        changes.extend(self.core.learn(owner, &fresh.entries));
        let pins = fresh.pins.clone();
        self.commit(Commit { changes, pins, ..Commit::default() }).await?;
        leases.row = Some(row);
        Ok(())
    }

    /// Holds what has arrived of all uploads of a session whose connection has gone.
    async fn lease_all(&self) {
        for (id, upload) in self.session.uploads.all() {
            self.hold_upload(id, &upload).await;
        }
    }

    /// Holds what has arrived of an upload.
    pub(crate) async fn hold_upload(&self, id: UploadId, upload: &Upload) {
        if let Some(mut leases) = upload.try_leases() {
            self.lease(id, upload, &mut leases).await;
        }
    }
}

impl Core {
    /// Holds what has arrived of uploads before their session may end.
    pub(crate) async fn hold_uploads(self: &Arc<Self>, session: &Arc<Session>) {
        if self.is_primary() {
            let cx = Cx { core: Arc::clone(self), session: Arc::clone(session) };
            cx.lease_all().await;
        }
    }
}
