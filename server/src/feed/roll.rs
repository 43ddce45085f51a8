//! Which replicas there are, and what is known of each, as it was read last.
//!
//! Guarantees: a replica that was known is one until a commit takes it off the list.
//! While the rows about it are damaged what was read before counts: it may be the
//! only machine that can heal them, and so must be let in.

use super::records::{self, Record};
use crate::failure::{Code, Outcome};
use coffer_crypto::ServerSecret;
use coffer_protocol::ReplicaId;
use coffer_store::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct State {
    ids: Vec<ReplicaId>,
    /// Of those whose record has been read.
    records: HashMap<ReplicaId, Arc<Record>>,
}

/// The replicas that there are, in the order in which they joined.
pub(super) struct Looked {
    pub(super) ids: Vec<ReplicaId>,
    /// Of those whose record has ever been read.
    pub(super) records: Vec<Arc<Record>>,
}

impl Looked {
    /// What is known of a replica.
    pub(super) fn record(&self, id: ReplicaId) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id).map(Arc::as_ref)
    }
}

/// The list, and the records on it.
#[derive(Default)]
pub(super) struct Roll(Mutex<State>);

impl Roll {
    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements of its users.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads everything anew.
    pub(super) async fn look(&self, store: &Store, secret: &ServerSecret) -> Outcome<Looked> {
        let known = self.state().ids.clone();
        let ids = match records::list(store).await {
            Ok(Some(ids)) => ids,
            // No commit takes the list away: a row of another name is what became of it.
            Ok(None) => known,
            Err(failure) if failure.code == Code::ProblemsFound && !known.is_empty() => known,
            Err(failure) => return Err(failure),
        };
        let mut read = HashMap::new();
        for id in &ids {
            match records::load(store, secret, *id).await {
                Ok(record) => drop(record.map(|record| read.insert(*id, Arc::new(record)))),
                Err(failure) if failure.code == Code::ProblemsFound => {
                    tracing::debug!(reason = %failure, "what was known of a replica counts");
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut state = self.state();
        let before = std::mem::replace(&mut state.records, read);
        for (id, record) in before.into_iter().filter(|(id, _)| ids.contains(id)) {
            state.records.entry(id).or_insert(record);
        }
        state.ids.clone_from(&ids);
        let records = ids.iter().filter_map(|id| state.records.get(id).cloned()).collect();
        Ok(Looked { ids, records })
    }
}
