//! Filling a replica. Every step comes to the same when it is done twice, so it
//! is simply tried again after a lost connection.

use super::{Failure, Worker, failure};
use crate::commit::CommitError;
use crate::copy::{clear, columns};
use crate::db::{Insert, Row};
use crate::error::StoreError;
use crate::journal::{self, ROLE_LOADING, ROLE_REPLICA};
use crate::replica::Load;
use crate::rows::{ClusterRow, TABLES, Table};
use coffer_protocol::Position;

impl Worker {
    pub(super) fn load(&mut self, work: &Load) -> Result<(), StoreError> {
        if *self.poisoned.borrow() {
            return Err(CommitError::Poisoned.into());
        }
        if let Load::Replace(work) = work {
            return self.replace(work);
        }
        let outcome: Result<(), CommitError> = self.retrying(|worker| worker.load_once(work));
        Ok(outcome?)
    }

    fn load_once(&mut self, work: &Load) -> Result<(), Failure> {
        match work {
            Load::Begin => {
                self.settle(&[ROLE_REPLICA, ROLE_LOADING], ROLE_LOADING, 1, (0, [0; 32]))?;
                for table in TABLES {
                    let cleared = clear(self.conn.as_mut(), table);
                    cleared.map_err(|error| self.undo(failure(error)))?;
                }
                Ok(())
            }
            Load::Rows(table, rows) => self.load_rows(table, rows),
            // Has a way of its own.
            Load::Replace(_) => Ok(()),
            Load::Finish(Position { epoch, seq }, hash) => {
                // The second time it is a replica already.
                let roles = [ROLE_LOADING, ROLE_REPLICA];
                self.settle(&roles, ROLE_REPLICA, *epoch, (*seq, *hash))
            }
        }
    }

    /// Writes a role and the base of the journal.
    fn settle(
        &mut self,
        from: &[u8],
        role: u8,
        epoch: u64,
        (seq, hash): (u64, [u8; 32]),
    ) -> Result<(), Failure> {
        self.in_transaction(from, |_, cluster| {
            (cluster.role, cluster.epoch) = (role, epoch);
            (cluster.seq, cluster.chain_hash) = (seq, hash);
            (cluster.pruned_seq, cluster.pruned_hash) = (seq, hash);
            Ok(())
        })?;
        self.recent.reset(seq);
        self.committed.send_replace(Position { epoch, seq });
        Ok(())
    }

    fn load_rows(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), Failure> {
        let (columns, key) = (columns(table), table.key_names().join(","));
        let overwrite = Some((key.as_str(), &columns[table.keys..]));
        let insert = Insert { table: table.name, columns: &columns, overwrite };
        self.in_transaction(&[ROLE_LOADING], |worker, _| Ok(worker.conn.insert(insert, rows)?))
    }

    /// Runs something in a transaction of a machine that has one of these roles.
    fn in_transaction(
        &mut self,
        roles: &[u8],
        work: impl FnOnce(&mut Self, &mut ClusterRow) -> Result<(), StoreError>,
    ) -> Result<(), Failure> {
        self.conn.begin().map_err(|error| failure(error.into()))?;
        let mut locked = None;
        for role in roles {
            match journal::lock_as(self.conn.as_mut(), *role) {
                Ok(Some(cluster)) => locked = Some(cluster),
                Ok(None) => {}
                Err(error) => return Err(self.undo(failure(error))),
            }
        }
        let Some(mut cluster) = locked else {
            return Err(self.undo(Failure::Refused(CommitError::Fenced)));
        };
        let done =
            work(self, &mut cluster).and_then(|()| journal::unlock(self.conn.as_mut(), &cluster));
        match done {
            Ok(()) => self.end(),
            Err(error) => Err(self.undo(failure(error))),
        }
    }
}
