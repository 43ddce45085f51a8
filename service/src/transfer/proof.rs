//! Content that only others have: taken without being sent, for a proof that the user
//! has all of it.
//!
//! Guarantees: nothing here happens unless the operator has switched it on and the
//! client can do it; a proof is a hash over the whole chunk, keyed with a nonce and the
//! exporter of the connection on which it was asked for, so that nobody can have it made
//! elsewhere; it is good for one answer and one minute; a wrong one is answered like
//! content that is not here, which has to be sent; how often a user may claim content
//! without proving it is bounded. What counts are the bytes that are stored, read and
//! verified here.

use super::offer::{again, is_shared};
use super::reading::{SealedPart, open_sealed};
use super::upload::{Arrived, Upload};
use crate::config::InstantUpload;
use crate::cx::Cx;
use crate::fault::{Outcome, plain, too_many};
use crate::link::Link;
use crate::recent::Recent;
use crate::rows::{read_failed, write_failed};
use coffer_crypto::{ChunkKey, ManifestEntry, ownership};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_OFFERED_CHUNKS;
use coffer_protocol::message::transfer::{
    ContentProof, Needed, OfferContent, PlanChunk, ProveContent, Unproven,
};
use coffer_protocol::version::Features;
use coffer_protocol::{BlobId, NodeId, UserId};
use coffer_store::ChunkPin;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a proof may take.
const PROOF_LIFE: Duration = Duration::from_mins(1);
/// Chunks that a user may claim, and not prove, at once; and the time in which one of
/// them is forgotten.
const MOST_CLAIMS: f64 = 1024.0;
const CLAIM_FORGOTTEN: Duration = Duration::from_secs(10);
/// Users whose claims are counted.
const MOST_USERS: usize = 4096;
/// Proofs that are checked at a time, for all users together: each reads a chunk.
pub(crate) const CHECKS: usize = 2;

/// What a user has to prove for an upload.
pub(crate) struct Asked {
    key: [u8; 32],
    at: Duration,
    /// By place in the file.
    claims: HashMap<u64, ManifestEntry>,
}

/// Claims of each user that were not proved.
pub(crate) struct Claims(Mutex<Recent<UserId, (f64, Duration)>>);

impl Default for Claims {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MOST_USERS)))
    }
}

impl Claims {
    /// Adds to what a user has claimed; what there is now.
    fn add(&self, user: UserId, more: f64, now: Duration) -> f64 {
        let mut levels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = levels.get(&user).map_or(0.0, |(level, at)| {
            let forgotten = now.saturating_sub(*at).as_secs_f64() / CLAIM_FORGOTTEN.as_secs_f64();
            (level - forgotten).max(0.0)
        });
        let level = (before + more).max(0.0);
        levels.put(user, (level, now));
        level
    }
}

impl Cx {
    /// Asks for proofs of those chunks of an offer that have to be sent although they are
    /// stored; `None`: there are none, or they are not to be looked for.
    pub(crate) async fn ask_proofs(
        &self,
        link: &Link,
        upload: &Upload,
        request: &OfferContent,
        needed: &Needed,
    ) -> Outcome<Option<Unproven>> {
        let (user, now) = (self.user(), self.core.ticks.now());
        let wanted = self.core.config.instant_upload == InstantUpload::Server
            && link.can(Features::PROOFS)
            && self.core.claims.add(user, 0.0, now) < MOST_CLAIMS;
        let missing = (request.first..).zip(&request.chunks).zip(&needed.chunks);
        let missing = missing.filter(|((_, chunk), needed)| **needed && is_shared(chunk.len));
        let missing: Vec<_> = missing.map(|((index, chunk), _)| (index, chunk)).collect();
        if !wanted || missing.is_empty() {
            return Ok(None);
        }
        let secret = &self.core.secret;
        let prints: Vec<[u8; 32]> = missing
            .iter()
            .map(|(_, chunk)| secret.dedup_fingerprint(chunk.len, &chunk.hash.0))
            .collect();
        let stored = self.store().stored_chunks(&prints).await;
        let stored = stored.map_err(|error| read_failed(&error))?;
        let claim = |(missing, print): (&(u64, &PlanChunk), &[u8; 32])| {
            let (index, chunk) = *missing;
            let blob_id = stored.get(print)?.0;
            let (plain_hash, len) = (chunk.hash.0, chunk.len);
            let key = secret.dedup_key(len, &plain_hash);
            Some((index, ManifestEntry { blob_id, key, plain_hash, len }))
        };
        let claims: HashMap<u64, ManifestEntry> =
            missing.iter().zip(&prints).filter_map(claim).collect();
        if claims.is_empty() {
            return Ok(None);
        }
        self.core.claims.add(user, claims.len() as f64, now);
        metrics::counter!("coffer_proofs_asked_total").increment(claims.len() as u64);
        let nonce = self.core.random()?;
        let mut places: Vec<u64> = claims.keys().copied().collect();
        places.sort_unstable();
        let key = ownership::proof_key(&nonce, link.exporter());
        upload.ask(Asked { key, at: now, claims });
        Ok(Some(Unproven { needed: needed.chunks.clone(), places, nonce }))
    }

    /// Takes the chunks that are proved; says which have to be sent after all.
    pub(crate) async fn prove_content(&self, request: &ProveContent) -> Outcome<Needed> {
        if request.proofs.len() > MAX_OFFERED_CHUNKS {
            return Err(too_many("proofs", MAX_OFFERED_CHUNKS));
        }
        let upload = self.upload(request.upload).await?;
        let now = self.core.ticks.now();
        let asked = upload.take_asked().filter(|asked| now.saturating_sub(asked.at) < PROOF_LIFE);
        let Some(Asked { key, mut claims, .. }) = asked else {
            // The same answer once more, where the first one was lost.
            let state = upload.state().await;
            let chunks = request.proofs.iter().map(|proof| !state.has(proof.place)).collect();
            return Ok(Needed { chunks });
        };
        let mut chunks = Vec::with_capacity(request.proofs.len());
        for proof in &request.proofs {
            let claim = claims.remove(&proof.place);
            let proved = match claim {
                Some(entry) => self.check_proof_of(&upload, &key, entry, proof).await?,
                None => false,
            };
            let outcome = if proved { "proved" } else { "wrong" };
            metrics::counter!("coffer_proofs_total", "outcome" => outcome).increment(1);
            chunks.push(!proved);
        }
        upload.state().await.seal_full(self).await?;
        Ok(Needed { chunks })
    }

    async fn check_proof_of(
        &self,
        upload: &Upload,
        key: &[u8; 32],
        entry: ManifestEntry,
        proof: &ContentProof,
    ) -> Outcome<bool> {
        let Some(pin) = self.pin_proved(&entry, key, proof).await? else { return Ok(false) };
        self.core.claims.add(self.user(), -1.0, self.core.ticks.now());
        metrics::counter!("coffer_chunks_not_sent_total").increment(1);
        let mut state = upload.state().await;
        if state.expects(proof.place, &entry.plain_hash)? {
            state.arrive(proof.place, Arrived { entry: again(&entry), pin });
        }
        Ok(true)
    }

    /// Pins a chunk and reads it; `None` if it is not there, or the proof is wrong.
    async fn pin_proved(
        &self,
        entry: &ManifestEntry,
        key: &[u8; 32],
        proof: &ContentProof,
    ) -> Outcome<Option<ChunkPin>> {
        let blob = BlobId(entry.blob_id);
        let Ok(_turn) = self.core.checks.acquire().await else {
            return Err(plain(ErrorCode::SHUTTING_DOWN));
        };
        let pin = self.store().pin_chunk(blob).await.map_err(|error| write_failed(&error))?;
        let Some(pin) = pin else { return Ok(None) };
        // One that cannot be read is sent once more.
        let Ok(sealed) = self.store().read_chunk(&blob).await else { return Ok(None) };
        let chunk_key = ChunkKey::from_bytes(*entry.key.expose());
        let part = SealedPart { node: NodeId([0; 16]), blob, key: chunk_key };
        let (key, proof, len) = (*key, proof.proof, entry.len as usize);
        let check = move || {
            let plain = open_sealed(&part, sealed)?;
            Ok(plain.len() == len && ownership::is_proof(&key, &plain, &proof))
        };
        let checked = tokio::task::spawn_blocking(check).await;
        let checked: Outcome<bool> = checked.map_err(|_| plain(ErrorCode::INTERNAL))?;
        Ok(checked.unwrap_or(false).then_some(pin))
    }
}
