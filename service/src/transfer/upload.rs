//! Uploads in progress.
//!
//! Guarantees: an upload takes bounded memory whatever the size of the file:
//! when a full segment of the chunk list is complete it is sealed, stored and
//! forgotten here; chunks that were sent stay pinned until a record refers to
//! them; an upload that sees nothing for a while is given up.

use super::content::{Content, distinct};
use super::lease::Leases;
use super::offer::again;
use super::proof::Asked;
use super::reserve::Reserved;
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain};
use crate::tree::create::no_random;
use coffer_crypto::{ContentHasher, Manifest, ManifestEntry, SegmentRef, manifest};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_OPEN_UPLOADS, SEGMENT_CHUNKS};
use coffer_protocol::message::transfer::CommitUpload;
use coffer_protocol::{BlobId, ServerId, UploadId};
use coffer_store::{Change, ChunkPin, Commit, SegmentRow};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Files up to so many chunks have their chunk list in one piece.
pub(crate) const INLINE_CHUNKS: usize = 64;
/// How far ahead of the first missing chunk a chunk may be.
const MAX_AHEAD: u64 = 2 * SEGMENT_CHUNKS;

/// Uploads of one session.
#[derive(Default)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<UploadId, Arc<Upload>>>,
}

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Upload>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// An upload, which the first chunk opens.
    pub(crate) fn open(
        &self,
        id: UploadId,
        server_id: &ServerId,
        now: Duration,
    ) -> Outcome<Arc<Upload>> {
        let mut open = self.lock();
        let room = open.len() < MAX_OPEN_UPLOADS;
        if !room && !open.contains_key(&id) {
            let text = format!("more than {MAX_OPEN_UPLOADS} uploads are open");
            return Err(because(ErrorCode::BUSY, text));
        }
        let upload = open.entry(id).or_insert_with(|| Arc::new(Upload::new(server_id)));
        upload.touch(now);
        Ok(Arc::clone(upload))
    }

    /// An upload that is open.
    pub(crate) fn get(&self, id: UploadId, now: Duration) -> Option<Arc<Upload>> {
        let upload = self.lock().get(&id).cloned();
        upload.inspect(|upload| upload.touch(now))
    }

    /// All that are open.
    pub(crate) fn all(&self) -> Vec<(UploadId, Arc<Upload>)> {
        self.lock().iter().map(|(id, upload)| (*id, Arc::clone(upload))).collect()
    }

    /// Forgets an upload; what only it refers to may be collected.
    pub(crate) fn remove(&self, id: UploadId) -> Option<Arc<Upload>> {
        self.lock().remove(&id)
    }

    /// Forgets all uploads.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Takes out the upload that has seen nothing for longest, if it was at least `quiet`.
    pub(crate) fn take_quietest(
        &self,
        now: Duration,
        quiet: Duration,
    ) -> Option<(UploadId, Arc<Upload>)> {
        let mut open = self.lock();
        let (id, upload) = open.iter().min_by_key(|(_, upload)| upload.last_used())?;
        let (id, is_quiet) = (*id, now.saturating_sub(upload.last_used()) >= quiet);
        if is_quiet { open.remove(&id).map(|upload| (id, upload)) } else { None }
    }

    /// Takes out the uploads that have seen nothing for a while.
    pub(crate) fn take_idle(&self, now: Duration, idle: Duration) -> Vec<Arc<Upload>> {
        let is_idle = |upload: &mut Arc<Upload>| now.saturating_sub(upload.last_used()) >= idle;
        self.lock().extract_if(|_, upload| is_idle(upload)).map(|(_, upload)| upload).collect()
    }
}

/// One upload.
pub(crate) struct Upload {
    state: tokio::sync::Mutex<State>,
    leases: tokio::sync::Mutex<Leases>,
    /// Name of the file, once it was said.
    name: OnceLock<String>,
    /// Room that is set aside for it, where its account has an allowance.
    reserved: Mutex<Option<Reserved>>,
    /// What the user may prove instead of sending it.
    asked: Mutex<Option<Asked>>,
    last_used_millis: AtomicU64,
}

/// A chunk that is stored and that no record refers to yet.
pub(crate) struct Arrived {
    pub(crate) entry: ManifestEntry,
    pub(crate) pin: ChunkPin,
}

/// Chunks that are to be held by a lease.
#[derive(Default)]
pub(crate) struct Fresh {
    indexes: Vec<u64>,
    pub(crate) entries: Vec<ManifestEntry>,
    pub(crate) pins: Vec<ChunkPin>,
}

/// What of a file has arrived.
pub(crate) struct State {
    /// Chunks in segments that are stored already.
    sealed_chunks: u64,
    sealed_bytes: u64,
    segments: Vec<SegmentRef>,
    hasher: ContentHasher,
    arrived: BTreeMap<u64, Arrived>,
    /// Places of chunks that were sent and that no lease holds.
    fresh: Vec<u64>,
    /// All of it, once the last chunk was counted.
    complete: Option<Complete>,
}

/// A complete upload that waits for a name.
pub(crate) struct Complete {
    pub(crate) content: Content,
    pub(crate) pins: Vec<ChunkPin>,
}

impl Upload {
    fn new(server_id: &ServerId) -> Self {
        let state = State {
            sealed_chunks: 0,
            sealed_bytes: 0,
            segments: Vec::new(),
            hasher: ContentHasher::new(&server_id.0),
            arrived: BTreeMap::new(),
            fresh: Vec::new(),
            complete: None,
        };
        let leases = tokio::sync::Mutex::default();
        let state = tokio::sync::Mutex::new(state);
        let (name, reserved, asked) = (OnceLock::new(), Mutex::default(), Mutex::default());
        Self { state, leases, name, reserved, asked, last_used_millis: AtomicU64::new(0) }
    }

    /// What has arrived, for one request at a time.
    pub(crate) async fn state(&self) -> tokio::sync::MutexGuard<'_, State> {
        self.state.lock().await
    }

    /// Takes note of the name of the file.
    pub(crate) fn named(&self, name: &str) {
        // The first one stays.
        self.name.get_or_init(|| name.to_owned());
    }

    /// Name of the file, if it was said.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get().map(String::as_str)
    }

    /// Keeps what was asked to be proved; what was asked before is void.
    pub(crate) fn ask(&self, asked: Asked) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }

    /// Takes what was asked to be proved.
    pub(crate) fn take_asked(&self) -> Option<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Has room set aside for it, if it has none yet.
    pub(crate) fn reserve(&self, reserved: impl FnOnce() -> Reserved) {
        let mut room = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        room.get_or_insert_with(reserved);
    }

    /// Needs no room of its own any more.
    pub(crate) fn release(&self) {
        drop(self.reserved.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// What holds it, unless somebody is at it.
    pub(crate) fn try_leases(&self) -> Option<tokio::sync::MutexGuard<'_, Leases>> {
        self.leases.try_lock().ok()
    }

    /// What holds it, once nobody else is at it.
    pub(crate) async fn leases(&self) -> tokio::sync::MutexGuard<'_, Leases> {
        self.leases.lock().await
    }

    fn touch(&self, now: Duration) {
        self.last_used_millis.store(now.as_millis() as u64, Ordering::Relaxed);
    }

    fn last_used(&self) -> Duration {
        Duration::from_millis(self.last_used_millis.load(Ordering::Relaxed))
    }
}

impl State {
    /// Whether a chunk may come now: `true`, or `false` when it is here already.
    pub(crate) fn expects(&self, index: u64, plain_hash: &[u8; 32]) -> Outcome<bool> {
        if index < self.sealed_chunks {
            return Ok(false);
        }
        if let Some(arrived) = self.arrived.get(&index) {
            return match arrived.entry.plain_hash == *plain_hash {
                true => Ok(false),
                false => Err(because(
                    ErrorCode::OUT_OF_ORDER,
                    "another chunk was sent for this place in the file",
                )),
            };
        }
        if self.complete.is_some() {
            return Err(because(ErrorCode::OUT_OF_ORDER, "the upload is complete already"));
        }
        if index >= self.sealed_chunks + MAX_AHEAD {
            return Err(because(ErrorCode::OUT_OF_ORDER, "chunks before this one are missing"));
        }
        Ok(true)
    }

    /// Whether a chunk is here.
    pub(crate) fn has(&self, index: u64) -> bool {
        index < self.sealed_chunks || self.arrived.contains_key(&index)
    }

    /// Notes a chunk.
    pub(crate) fn arrive(&mut self, index: u64, arrived: Arrived) {
        self.arrived.entry(index).or_insert(arrived);
    }

    /// Notes a chunk that was sent just now.
    pub(crate) fn arrive_fresh(&mut self, index: u64, arrived: Arrived) {
        self.arrive(index, arrived);
        self.fresh.push(index);
    }

    /// Takes what no lease holds, and no segment.
    pub(crate) fn take_fresh(&mut self) -> Fresh {
        let mut fresh = Fresh::default();
        for index in std::mem::take(&mut self.fresh) {
            let Some(Arrived { entry, pin }) = self.arrived.get(&index) else { continue };
            fresh.indexes.push(index);
            fresh.entries.push(again(entry));
            fresh.pins.push(pin.clone());
        }
        fresh
    }

    /// Gives back what could not be held.
    pub(crate) fn put_back(&mut self, fresh: Fresh) {
        self.fresh.extend(fresh.indexes);
    }

    /// Chunks of a run without a gap, from the first that is not in a segment.
    fn run(&self) -> u64 {
        let expected = self.sealed_chunks..;
        let run = self.arrived.keys().zip(expected).take_while(|(index, at)| *index == at);
        run.take(SEGMENT_CHUNKS as usize).count() as u64
    }

    /// Seals a segment when it is full.
    pub(crate) async fn seal_full(&mut self, cx: &Cx) -> Outcome<()> {
        let last = self.sealed_chunks + SEGMENT_CHUNKS - 1;
        // Only a chunk beyond the first ones can complete a run of this length.
        if (self.arrived.len() as u64) < SEGMENT_CHUNKS || !self.arrived.contains_key(&last) {
            return Ok(());
        }
        if self.run() == SEGMENT_CHUNKS { self.seal_segment(cx).await } else { Ok(()) }
    }

    /// Seals what has arrived next as a segment, and forgets it.
    async fn seal_segment(&mut self, cx: &Cx) -> Outcome<()> {
        let count = self.run();
        let behind = self.arrived.split_off(&(self.sealed_chunks + count));
        let run = std::mem::replace(&mut self.arrived, behind);
        let (entries, pins): (Vec<_>, Vec<_>) =
            run.into_values().map(|arrived| (arrived.entry, arrived.pin)).unzip();
        match store_segment(cx, &entries, pins.clone()).await {
            Ok(segment) => {
                for entry in &entries {
                    self.hasher.add(&entry.plain_hash, entry.len);
                }
                self.sealed_chunks += count;
                self.sealed_bytes += segment.bytes;
                self.segments.push(segment);
                Ok(())
            }
            Err(error) => {
                let again = entries.into_iter().zip(pins);
                let again = again.map(|(entry, pin)| Arrived { entry, pin });
                self.arrived.extend((self.sealed_chunks..).zip(again));
                Err(error)
            }
        }
    }

    /// All of the file, if it is what the client says it is.
    pub(crate) async fn complete(&mut self, cx: &Cx, request: &CommitUpload) -> Outcome<&Complete> {
        if self.complete.is_none() {
            let complete = self.finish(cx, request).await?;
            self.complete = Some(complete);
        }
        let complete = self.complete.as_ref().ok_or_else(|| plain(ErrorCode::INTERNAL))?;
        let content = &complete.content;
        if (content.size, content.chunks) != (request.size, request.chunks) {
            return Err(plain(ErrorCode::UPLOAD_INCOMPLETE));
        }
        if content.hash != request.content_hash.0 {
            return Err(plain(ErrorCode::HASH_MISMATCH));
        }
        Ok(complete)
    }

    async fn finish(&mut self, cx: &Cx, request: &CommitUpload) -> Outcome<Complete> {
        let here = self.sealed_chunks + self.run();
        let bytes = self.arrived.values().map(|arrived| u64::from(arrived.entry.len));
        let size = self.sealed_bytes + bytes.sum::<u64>();
        let whole = here == self.sealed_chunks + self.arrived.len() as u64;
        if !whole || here != request.chunks || size != request.size {
            return Err(plain(ErrorCode::UPLOAD_INCOMPLETE));
        }
        if self.content_hash() != request.content_hash.0 {
            return Err(plain(ErrorCode::HASH_MISMATCH));
        }
        if self.segments.is_empty() && self.arrived.len() <= INLINE_CHUNKS {
            let arrived = std::mem::take(&mut self.arrived).into_values();
            let (entries, pins) = arrived.map(|arrived| (arrived.entry, arrived.pin)).unzip();
            let content = Content::of_chunks(&cx.core.server_id, entries);
            return Ok(Complete { content, pins });
        }
        let hash = self.content_hash();
        while !self.arrived.is_empty() {
            self.seal_segment(cx).await?;
        }
        let list = std::mem::take(&mut self.segments);
        let content = Content {
            refs: Vec::new(),
            segments: list.iter().map(|segment| segment.segment_id).collect(),
            size,
            chunks: here,
            hash,
            manifest: Manifest::Segments(list),
        };
        Ok(Complete { content, pins: Vec::new() })
    }

    fn content_hash(&self) -> [u8; 32] {
        let mut hasher = self.hasher.clone();
        let entries = self.arrived.values().map(|arrived| &arrived.entry);
        entries.for_each(|entry| hasher.add(&entry.plain_hash, entry.len));
        hasher.finish()
    }

    /// Segments that no version names: they go with the upload.
    pub(crate) fn give_up(&mut self) -> Vec<Change> {
        self.arrived.clear();
        let complete = self.complete.take().map(|complete| complete.content.segments);
        let segments = std::mem::take(&mut self.segments);
        let ids = segments.into_iter().map(|segment| segment.segment_id);
        ids.chain(complete.unwrap_or_default()).map(Change::DeleteSegment).collect()
    }
}

/// Stores one segment of a chunk list, and the record that keeps its chunks.
async fn store_segment(
    cx: &Cx,
    entries: &[ManifestEntry],
    mut pins: Vec<ChunkPin>,
) -> Outcome<SegmentRef> {
    let (key, sealed) = manifest::seal_segment(entries).map_err(no_random)?;
    let blob = BlobId(sealed.blob_id);
    let pin = cx.store().put_chunk(blob, sealed.bytes.into()).await;
    pins.push(pin.map_err(|error| crate::rows::write_failed(&error))?);
    let segment_id = cx.core.random()?;
    let blobs = entries.iter().map(|entry| BlobId(entry.blob_id)).chain([blob]);
    let row = SegmentRow {
        segment: segment_id,
        owner: cx.user(),
        refs: distinct(blobs),
        created_millis: cx.millis(),
    };
    let learned = cx.core.learn(cx.user(), entries);
    let changes = [Change::PutSegment(row)].into_iter().chain(learned).collect();
    cx.commit(Commit { changes, pins, ..Commit::default() }).await?;
    let bytes = entries.iter().map(|entry| u64::from(entry.len)).sum();
    let (blob_id, chunks) = (sealed.blob_id, entries.len() as u32);
    Ok(SegmentRef { segment_id, blob_id, key, chunks, bytes })
}
