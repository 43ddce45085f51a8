//! The head of the history, for those who remember it outside of the database.

use crate::db::Value;
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ClusterRow, JournalRow, fetch_one};
use crate::store::Store;
use coffer_protocol::Position;

impl Store {
    /// The position of the last commit, and the chain hash of everything up to it.
    pub async fn head(&self) -> Result<(Position, [u8; 32]), StoreError> {
        let cluster = self.cluster().await?;
        Ok((Position { epoch: cluster.epoch, seq: cluster.seq }, cluster.chain_hash))
    }

    /// The chain hash of everything up to an entry; `None` if the entry was
    /// pruned, or has not been written.
    pub async fn chain_at(&self, seq: u64) -> Result<Option<[u8; 32]>, StoreError> {
        self.read(move |conn| {
            let cluster = journal::cluster(conn)?;
            let ClusterRow { pruned_seq, pruned_hash, chain_hash, .. } = cluster;
            if seq == pruned_seq {
                return Ok(Some(pruned_hash));
            }
            // Said twice, so that a damaged last entry keeps nobody from healing it.
            if seq == cluster.seq {
                return Ok(Some(chain_hash));
            }
            let entry: Option<JournalRow> = fetch_one(conn, vec![Value::from(seq)])?;
            Ok(entry.map(|entry| entry.hash))
        })
        .await
    }
}
