//! Healing: a transaction in which what is damaged is replaced. It changes no
//! position and writes no entry, and comes to the same when it is done twice.

use super::{Failure, Worker, failure};
use crate::commit::CommitError;
use crate::error::StoreError;
use crate::heal::{HealWork, Healed, heal};
use crate::journal;

impl Worker {
    pub(super) fn heal(&mut self, work: &HealWork) -> Result<Healed, StoreError> {
        if *self.poisoned.borrow() {
            return Err(CommitError::Poisoned.into());
        }
        let outcome: Result<Healed, CommitError> = self.retrying(|worker| worker.heal_once(work));
        Ok(outcome?)
    }

    fn heal_once(&mut self, work: &HealWork) -> Result<Healed, Failure> {
        self.conn.begin().map_err(|error| failure(error.into()))?;
        let healed = match self.heal_locked(work) {
            Ok(healed) => healed,
            Err(error) => return Err(self.undo(failure(error))),
        };
        if healed != Healed::Good {
            self.roll_back();
            return Ok(healed);
        }
        self.end()?;
        Ok(healed)
    }

    fn heal_locked(&mut self, work: &HealWork) -> Result<Healed, StoreError> {
        let conn = self.conn.as_mut();
        if work.is_of_the_lock() {
            return heal(conn, None, work);
        }
        let cluster = journal::lock_any(conn)?;
        heal(conn, Some(&cluster), work)
    }
}
