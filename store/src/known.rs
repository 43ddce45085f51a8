//! What is stored already, found by its content.
//!
//! Guarantees: what is asked for a user is found only among chunks that files or uploads
//! of that very user refer to; whether anybody else has a chunk makes no difference to
//! it. What anybody has is a question of its own.

use crate::apply::fingerprint_keys;
use crate::error::StoreError;
use crate::pins::ChunkPin;
use crate::reads::MAX_PAGE;
use crate::rows::{ChunkState, KnownRow, Record, decode};
use crate::store::Store;
use coffer_protocol::{BlobId, UserId};
use std::collections::HashMap;

impl Store {
    /// The chunks of a user that have these fingerprints, by fingerprint. At most
    /// [`MAX_PAGE`] fingerprints are looked up.
    pub async fn known_chunks(
        &self,
        owner: UserId,
        fingerprints: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], BlobId>, StoreError> {
        let wanted = &fingerprints[..fingerprints.len().min(MAX_PAGE as usize)];
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let keys = fingerprint_keys(owner, wanted);
        self.read(move |conn| {
            let columns = &["owner", "fingerprint"];
            let rows = conn.query_keys(&KnownRow::TABLE.select(), columns, &keys)?;
            let rows: Result<Vec<KnownRow>, _> = rows.into_iter().map(decode).collect();
            Ok(rows?.into_iter().map(|row| (row.fingerprint, row.blob)).collect())
        })
        .await
    }

    /// The chunks with these fingerprints that files or uploads of anybody refer to. At
    /// most [`MAX_PAGE`] fingerprints are looked up.
    pub async fn stored_chunks(
        &self,
        fingerprints: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], BlobId>, StoreError> {
        let wanted = fingerprints[..fingerprints.len().min(MAX_PAGE as usize)].to_vec();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        self.read(move |conn| {
            let sql = format!("{} WHERE fingerprint=? LIMIT 1", KnownRow::TABLE.select());
            let mut found = HashMap::new();
            for print in &wanted {
                // One of those who have it is enough, however many there are.
                if let Some(row) = conn.query(&sql, &[print.into()])?.into_iter().next() {
                    found.insert(*print, decode::<KnownRow>(row)?.blob);
                }
            }
            Ok(found)
        })
        .await
    }

    /// Pins a chunk that is stored; `None`: it is not there, or not whole as far as
    /// a look at its file's size can tell.
    pub async fn pin_chunk(&self, blob: BlobId) -> Result<Option<ChunkPin>, StoreError> {
        self.needs_lock()?;
        if self.is_poisoned() {
            return Err(StoreError::Stopped);
        }
        let putting = self.pins().put(blob).await;
        if let Some(pin) = putting.present() {
            return Ok(Some(pin));
        }
        let row = self.chunk(blob).await?;
        let row = row.filter(|row| row.state != ChunkState::Deleting);
        Ok(match row {
            Some(row) if !self.wants_chunk(blob) && self.has_bytes(&row).await? => {
                Some(putting.done(row.generation, row.size, None))
            }
            _ => None,
        })
    }
}
