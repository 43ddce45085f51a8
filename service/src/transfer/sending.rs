//! The requests of an upload: chunks, their end, and giving up.
//!
//! Guarantees: a chunk is hashed here and stored only if it is what was
//! announced; a commit names a file only when all chunks are there, in order
//! and with the announced hash; a commit that lost a race can be repeated under
//! another name without sending anything again.

use super::content::{Content, FileWrite};
use super::upload::{Arrived, Complete, Upload};
use crate::answer::Answer;
use crate::config::InstantUpload;
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::op::{Done, Draft, Mutation};
use crate::rows::write_failed;
use crate::service::Core;
use crate::tree::create::no_random;
use bytes::Bytes;
use coffer_crypto::{ChunkKey, ManifestEntry, SealedChunk, chunk};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_CHUNK_BYTES, MAX_OPEN_UPLOADS, SMALL_FILE_BYTES};
use coffer_protocol::message::transfer::{CommitUpload, PutChunk};
use coffer_protocol::{BlobId, OpId, UploadId};
use coffer_store::{Change, Commit};
use std::sync::Arc;
use std::time::Duration;

/// An upload of which nothing was heard for so long gives way to another.
const QUIET: Duration = Duration::from_secs(10);

impl Cx {
    /// Takes one chunk of an upload.
    pub(crate) async fn put_chunk(&self, request: &PutChunk, payload: Bytes) -> Outcome<()> {
        if payload.is_empty() || payload.len() > MAX_CHUNK_BYTES {
            let text = format!("a chunk has 1 to {MAX_CHUNK_BYTES} bytes");
            return Err(because(ErrorCode::TOO_LARGE, text));
        }
        self.upload_arrived(payload.len())?;
        let upload = self.upload(request.upload).await?;
        if !upload.state().await.expects(request.index, &request.hash.0)? {
            return upload.state().await.seal_full(self).await;
        }
        self.reserve_chunk(request.upload, &upload, payload.len() as u64).await?;
        let len = payload.len() as u32;
        let core = Arc::clone(&self.core);
        let plain_hash = request.hash.0;
        let sealed =
            tokio::task::spawn_blocking(move || seal_chunk(&core, &plain_hash, &payload)).await;
        let (key, sealed) = sealed.map_err(|_| plain(ErrorCode::INTERNAL))??;
        let blob_id = sealed.blob_id;
        let (blob, bytes) = (BlobId(blob_id), sealed.bytes.into());
        let pin = match self.core.config.instant_upload {
            // Others may have it, which is not for this user to find out.
            InstantUpload::User => self.store().put_chunk_evenly(blob, bytes).await,
            InstantUpload::Server => self.store().put_chunk(blob, bytes).await,
        };
        let pin = pin.map_err(|error| write_failed(&error))?;
        let entry = ManifestEntry { blob_id, key, plain_hash, len };
        let mut state = upload.state().await;
        if state.expects(request.index, &plain_hash)? {
            state.arrive_fresh(request.index, Arrived { entry, pin });
        }
        state.seal_full(self).await?;
        drop(state);
        self.lease_when_due(request.upload, &upload).await;
        Ok(())
    }

    /// An upload, which is opened if the user may have one more.
    pub(crate) async fn upload(&self, upload: UploadId) -> Outcome<Arc<Upload>> {
        if let Some(open) = self.session.uploads.get(upload, self.core.ticks.now()) {
            return Ok(open);
        }
        let most = self.core.config.max_uploads_per_user;
        let open = || self.core.sessions.open_uploads(self.user());
        if self.session.uploads.len() >= MAX_OPEN_UPLOADS || open() >= most {
            self.close_quiet().await;
        }
        let open = open();
        if open >= most {
            let text = format!("{open} uploads are open, and one user may have {most}");
            return Err(because(ErrorCode::BUSY, text));
        }
        self.session.uploads.open(upload, &self.core.server_id, self.core.ticks.now())
    }

    /// Makes room for another upload: the one that has been quiet for longest is closed.
    /// What has arrived of it is held, so that it can be begun again.
    async fn close_quiet(&self) {
        let now = self.core.ticks.now();
        let Some((id, upload)) = self.session.uploads.take_quietest(now, QUIET) else { return };
        self.hold_upload(id, &upload).await;
        let changes = upload.state().await.give_up();
        if let Err(error) = self.core.drop_segments(changes).await {
            tracing::warn!(code = error.code.name(), "segments of a quiet upload stay behind");
        }
    }

    /// Makes an upload a file.
    pub(crate) async fn commit_upload(&self, request: &CommitUpload) -> Outcome<Done> {
        let found = self.session.uploads.get(request.upload, self.core.ticks.now());
        let Some(upload) = found else {
            if request.chunks == 0 {
                return self.commit_empty(request).await;
            }
            return self.unless_repeated(request.op, plain(ErrorCode::NO_SUCH_UPLOAD)).await;
        };
        // No lease is made any more: what is held is handed over.
        let mut leases = upload.leases().await;
        self.find_leases(request.upload, &mut leases).await?;
        let mut state = upload.state().await;
        if let Some(done) = self.first_answer(request.op).await? {
            return Ok(done);
        }
        let complete = state.complete(self, request).await?;
        let ending = leases.ending();
        // From here on the commit itself asks for the room.
        upload.release();
        let done = self.carry_out(&CommitFile { request, complete, ending }).await?;
        self.session.uploads.remove(request.upload);
        Ok(done)
    }

    /// A file of no bytes needs no upload.
    async fn commit_empty(&self, request: &CommitUpload) -> Outcome<Done> {
        let content = Content::of_chunks(&self.core.server_id, Vec::new());
        if request.size != 0 || request.content_hash.0 != content.hash {
            return Err(plain(ErrorCode::HASH_MISMATCH));
        }
        let complete = Complete { content, pins: Vec::new() };
        self.carry_out(&CommitFile { request, complete: &complete, ending: Vec::new() }).await
    }

    /// Gives an upload up.
    pub(crate) async fn abort_upload(&self, upload: UploadId) -> Outcome<()> {
        let mut changes = Vec::new();
        if let Some(open) = self.session.uploads.remove(upload) {
            // A lease that is being made is one more to end.
            let _leases = open.leases().await;
            changes = open.state().await.give_up();
        }
        let held = self.store().upload(self.user(), upload).await;
        let held = held.map_err(|error| crate::rows::read_failed(&error))?;
        changes.extend(held.iter().flat_map(super::lease::ending));
        self.core.drop_segments(changes).await
    }
}

impl Core {
    /// Lets go of segments of an upload that was given up.
    pub(crate) async fn drop_segments(&self, changes: Vec<Change>) -> Outcome<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let commit = Commit { changes, ..Commit::default() };
        self.store.commit(commit).await.map_err(|error| crate::rows::commit_failed(&error))?;
        Ok(())
    }
}

fn seal_chunk(
    core: &Core,
    announced: &[u8; 32],
    payload: &[u8],
) -> Outcome<(ChunkKey, SealedChunk)> {
    if chunk::plain_hash(&core.server_id.0, payload) != *announced {
        return Err(plain(ErrorCode::HASH_MISMATCH));
    }
    let key = match payload.len() {
        0..SMALL_FILE_BYTES => ChunkKey::generate().map_err(no_random)?,
        len => core.secret.dedup_key(len as u32, announced),
    };
    let sealed = chunk::seal(&key, payload);
    Ok((key, sealed))
}

/// A complete upload on its way to a name.
struct CommitFile<'a> {
    request: &'a CommitUpload,
    complete: &'a Complete,
    /// Ends what has held it until now.
    ending: Vec<Change>,
}

impl Mutation for CommitFile<'_> {
    fn op(&self) -> OpId {
        self.request.op
    }

    async fn draft(&self, cx: &Cx) -> Outcome<Draft> {
        let destination = cx.destination(&self.request.to).await?;
        let mut draft = Draft::new(Answer::Purged(0, false));
        let write = FileWrite {
            spot: destination.spot(),
            expect: self.request.expect,
            content: &self.complete.content,
            modified_millis: self.request.modified_millis,
            executable: self.request.executable,
            case_collision: destination.case_collision,
        };
        let stored = cx.write_file(&mut draft, &write).await?;
        draft.answer = Answer::Written(stored);
        draft.pins.clone_from(&self.complete.pins);
        draft.changes.extend(self.ending.iter().cloned());
        Ok(draft)
    }
}
