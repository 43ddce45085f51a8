//! Work on the journal itself.

use super::Worker;
use crate::commit::{CommitError, Maintenance};
use crate::db::DbError;
use crate::error::StoreError;
use crate::journal;

impl Worker {
    pub(super) fn maintain(&mut self, work: Maintenance) -> Result<u64, StoreError> {
        if *self.poisoned.borrow() {
            return Err(CommitError::Poisoned.into());
        }
        let outcome = self.maintenance(work);
        match &outcome {
            Err(StoreError::Database(DbError::Io(text))) => drop(self.poison(text)),
            Err(_) => {
                if !self.roll_back() {
                    drop(self.poison("a transaction cannot be rolled back"));
                }
            }
            Ok(_) => self.counters.transactions(),
        }
        outcome
    }

    fn maintenance(&mut self, work: Maintenance) -> Result<u64, StoreError> {
        let Maintenance::Prune { before_millis, through } = work;
        let conn = self.conn.as_mut();
        conn.begin()?;
        let mut cluster = match journal::lock(conn, self.epoch, 0)? {
            Some(cluster) => cluster,
            None => journal::lock_as(conn, journal::ROLE_REPLICA)?.ok_or(CommitError::Fenced)?,
        };
        let pruned = journal::prune_page(conn, &mut cluster, before_millis, through)?;
        journal::unlock(conn, &cluster)?;
        conn.commit()?;
        Ok(pruned)
    }
}
