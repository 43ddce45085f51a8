//! Which chunks of an upload have to be sent.
//!
//! Guarantees: "have" is said only of chunks that this user's own files and
//! uploads refer to, or that the file to be written over holds, which the user
//! may read; what anybody else has makes no difference, neither to the answer
//! nor to the work behind it, unless the operator has switched on that it may (`proof`).
//! What is said to be here is pinned for the upload.
//! A file that cannot be written, or has no room, is refused before its bytes
//! are sent.

use super::destination::{Destination, Spot};
use super::upload::{Arrived, Upload};
use crate::answer::Answer;
use crate::cx::Cx;
use crate::fault::{Outcome, because, plain, too_many};
use crate::link::Link;
use crate::op::Draft;
use crate::rows::read_failed;
use crate::service::Core;
use crate::tree::node::Node;
use coffer_crypto::{Manifest, ManifestEntry};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::{MAX_CHUNK_BYTES, MAX_OFFERED_CHUNKS, SMALL_FILE_BYTES};
use coffer_protocol::message::transfer::{Needed, OfferContent, PlanChunk};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{BlobId, Response, UserId};
use coffer_store::{Change, ChunkPin, Usage};
use std::collections::{HashMap, HashSet};

/// Segments of the file to be written over that are looked through.
const MAX_BASIS_SEGMENTS: usize = 4;

/// What a chunk is: hash and length.
type Content = ([u8; 32], u32);

impl Cx {
    /// Says which of the offered chunks have to be sent.
    pub(crate) async fn offer_content(
        &self,
        link: &Link,
        request: &OfferContent,
    ) -> Outcome<Response> {
        check_chunks(&request.chunks)?;
        self.may_upload()?;
        let destination = self.destination(&request.to).await?;
        let mut payer = None;
        if request.first == 0 {
            payer = Some(self.require_possible(request, &destination).await?);
        }
        let upload = self.upload(request.upload).await?;
        if let Some(payer) = payer {
            self.reserve(request.upload, &upload, payer, request.size.unwrap_or(0)).await?;
        }
        if let Some(name) = request.to.names.last() {
            upload.named(name);
        }
        let mut here = self.known(&request.chunks).await?;
        if let Some(file) = destination.taken()
            && file.row.owner != self.user()
            && here.len() < request.chunks.len()
        {
            self.add_basis(file, &request.chunks, &mut here).await?;
        }
        let needed = self.take_over(&upload, request, &here).await?;
        Ok(match self.ask_proofs(link, &upload, request, &needed).await? {
            Some(unproven) => Response::Unproven(unproven),
            None => Response::Needed(needed),
        })
    }

    /// What would be refused at the end is refused at the beginning. Says who pays for
    /// the file.
    async fn require_possible(
        &self,
        request: &OfferContent,
        destination: &Destination<'_>,
    ) -> Outcome<UserId> {
        let mut draft = Draft::new(Answer::Changed);
        let bytes = request.size.unwrap_or(0);
        match destination.spot() {
            Spot::Taken(node) => {
                node.require_file()?;
                self.require_writable(&mut draft, node).await?;
                self.check_expected(node, request.expect).await?;
                self.charge(&mut draft, node.row.owner, Usage { nodes: 0, bytes }).await?;
                Ok(node.row.owner)
            }
            Spot::Free(_, _) if matches!(request.expect, Expect::Revision(_)) => {
                Err(plain(ErrorCode::NOT_FOUND))
            }
            Spot::Free(dir, _) => {
                let dir = self.writable(dir).await?;
                self.charge(&mut draft, dir.owner, Usage { nodes: 1, bytes }).await?;
                Ok(dir.owner)
            }
        }
    }

    /// The chunks that the user refers to already, ready to be referred to again.
    async fn known(&self, chunks: &[PlanChunk]) -> Outcome<HashMap<Content, ManifestEntry>> {
        let print =
            |chunk: &PlanChunk| self.core.secret.dedup_fingerprint(chunk.len, &chunk.hash.0);
        let wanted: Vec<_> = chunks.iter().filter(|chunk| is_shared(chunk.len)).collect();
        let prints: Vec<[u8; 32]> = wanted.iter().map(|chunk| print(chunk)).collect();
        let found = self.store().known_chunks(self.user(), &prints).await;
        let found = found.map_err(|error| read_failed(&error))?;
        let entry = |(chunk, print): (&&PlanChunk, &[u8; 32])| {
            let blob = found.get(print)?;
            let (plain_hash, len) = (chunk.hash.0, chunk.len);
            let key = self.core.secret.dedup_key(len, &plain_hash);
            Some(((plain_hash, len), ManifestEntry { blob_id: blob.0, key, plain_hash, len }))
        };
        Ok(wanted.iter().zip(&prints).filter_map(entry).collect())
    }

    /// Adds what the file holds that is to be written over, and that belongs to
    /// somebody else.
    async fn add_basis(
        &self,
        file: &Node,
        chunks: &[PlanChunk],
        here: &mut HashMap<Content, ManifestEntry>,
    ) -> Outcome<()> {
        let (id, revision) = (file.row.node, file.row.content_revision);
        let version = self.version(&file.row, revision).await?;
        let list = self.open_list(file, revision, &version.manifest_ct)?;
        let offered: HashSet<Content> =
            chunks.iter().map(|chunk| (chunk.hash.0, chunk.len)).collect();
        let mut add = |entries: &[ManifestEntry]| {
            for entry in entries.iter().filter(|entry| is_shared(entry.len)) {
                let content = (entry.plain_hash, entry.len);
                if offered.contains(&content) {
                    here.entry(content).or_insert_with(|| again(entry));
                }
            }
        };
        match &*list {
            Manifest::Chunks(entries) => add(entries),
            Manifest::Segments(segments) => {
                for segment in segments.iter().take(MAX_BASIS_SEGMENTS) {
                    add(&self.segment(id, segment).await?);
                }
            }
        }
        Ok(())
    }

    /// Notes the chunks that are here as arrived, and says which are not.
    async fn take_over(
        &self,
        upload: &Upload,
        request: &OfferContent,
        here: &HashMap<Content, ManifestEntry>,
    ) -> Outcome<Needed> {
        let pins = self.pin_all(here).await?;
        let mut needed = Vec::with_capacity(request.chunks.len());
        let mut state = upload.state().await;
        for (index, chunk) in (request.first..).zip(&request.chunks) {
            let content = (chunk.hash.0, chunk.len);
            let expected = state.expects(index, &chunk.hash.0)?;
            let found = here.get(&content).zip(pins.get(&content));
            if let (true, Some((entry, pin))) = (expected, found) {
                let pin = pin.clone();
                state.arrive(index, Arrived { entry: again(entry), pin });
                metrics::counter!("coffer_chunks_not_sent_total").increment(1);
            }
            needed.push(expected && found.is_none());
        }
        state.seal_full(self).await?;
        Ok(Needed { chunks: needed })
    }

    /// Pins what is still there.
    async fn pin_all(
        &self,
        here: &HashMap<Content, ManifestEntry>,
    ) -> Outcome<HashMap<Content, ChunkPin>> {
        let mut pins = HashMap::with_capacity(here.len());
        for (content, entry) in here {
            let pin = self.store().pin_chunk(BlobId(entry.blob_id)).await;
            let pin = pin.map_err(|error| crate::rows::write_failed(&error))?;
            pins.extend(pin.map(|pin| (*content, pin)));
        }
        Ok(pins)
    }
}

impl Core {
    /// What makes chunks of a user known by their content.
    pub(crate) fn learn<'a>(
        &'a self,
        owner: UserId,
        entries: &'a [ManifestEntry],
    ) -> impl Iterator<Item = Change> + 'a {
        entries.iter().filter(|entry| is_shared(entry.len)).map(move |entry| Change::PutKnown {
            owner,
            blob: BlobId(entry.blob_id),
            fingerprint: self.secret.dedup_fingerprint(entry.len, &entry.plain_hash),
        })
    }
}

/// Whether a chunk of this length has a key that its content decides.
pub(crate) fn is_shared(len: u32) -> bool {
    len as usize >= SMALL_FILE_BYTES
}

/// The same entry once more.
pub(crate) fn again(entry: &ManifestEntry) -> ManifestEntry {
    let key = coffer_crypto::ChunkKey::from_bytes(*entry.key.expose());
    let ManifestEntry { blob_id, plain_hash, len, .. } = *entry;
    ManifestEntry { blob_id, key, plain_hash, len }
}

fn check_chunks(chunks: &[PlanChunk]) -> Outcome<()> {
    if chunks.len() > MAX_OFFERED_CHUNKS {
        return Err(too_many("chunks", MAX_OFFERED_CHUNKS));
    }
    let is_one = |chunk: &PlanChunk| (1..=MAX_CHUNK_BYTES as u32).contains(&chunk.len);
    if chunks.iter().all(is_one) {
        return Ok(());
    }
    let text = format!("a chunk has 1 to {MAX_CHUNK_BYTES} bytes");
    Err(because(ErrorCode::TOO_LARGE, text))
}
