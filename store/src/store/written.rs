//! What was written lately, for those who count who has it.

use super::Store;
use crate::db::Value;
use crate::error::StoreError;
use crate::recent::Backlog;
use coffer_protocol::{NodeId, Position};

/// Entries whose bytes are added up, where they are older than this process.
const MAX_MEASURED: i64 = 100_000;

impl Store {
    /// The position with which a node last changed, or a later one where this
    /// process does not remember; costs nothing.
    pub fn changed_at(&self, node: NodeId) -> Position {
        Position { seq: self.0.recent.changed_at(node), ..self.newest() }
    }

    /// Every machine has everything up to this entry, so changes before it need not
    /// be told apart any more.
    pub fn settle_changes(&self, through: u64) {
        self.0.recent.settle(through);
    }

    /// How much follows an entry. What is older than this process is counted with
    /// its journal entries alone, and with no more than 100,000 of them.
    pub async fn backlog(&self, after: u64) -> Result<Backlog, StoreError> {
        let (known, from) = self.0.recent.written_after(after);
        self.read_anyway(move |conn| {
            let mut backlog = known;
            let sql = "SELECT committed_millis FROM journal WHERE seq>? ORDER BY seq LIMIT 1";
            let first = conn.query(sql, &[after.into()])?.pop();
            let Some([Value::Int(millis)]) = first.as_deref() else { return Ok(backlog) };
            backlog.since_millis = Some(*millis);
            if from > after {
                let sql = "SELECT LENGTH(body)+LENGTH(result) FROM journal \
                           WHERE seq>? AND seq<=? ORDER BY seq LIMIT ?";
                let params = [after.into(), from.into(), Value::Int(MAX_MEASURED)];
                for row in conn.query(sql, &params)? {
                    if let [Value::Int(bytes)] = row.as_slice() {
                        backlog.journal_bytes += bytes.cast_unsigned();
                    }
                }
            }
            Ok(backlog)
        })
        .await
    }
}
