//! What a replica follows: barrier, transaction, answer, as with commits.
//!
//! A connection that is lost while the transaction commits needs no memory of
//! what was sent: the next attempt finds the entries there, compares and skips
//! them, or finds them missing and applies them.

use super::{Failure, Worker, failure, in_doubt};
use crate::commit::CommitError;
use crate::journal;
use crate::replica::{Batch, FollowError, Unfollowed, run};
use coffer_protocol::Position;
use std::time::Instant;

impl Worker {
    /// Makes a batch durable, or says why it is not.
    pub(super) fn follow(&mut self, batch: &Batch) -> Result<Position, FollowError> {
        if *self.poisoned.borrow() {
            return Err(CommitError::Poisoned.into());
        }
        if let Err(error) = self.barrier(|| batch.pins.iter()) {
            self.doubtful.extend(batch.pins.iter().cloned());
            return Err(self.poison(&error.to_string()).into());
        }
        let started = Instant::now();
        let mut sent = false;
        let outcome = self.retrying(|worker| worker.follow_once(batch, &mut sent));
        metrics::histogram!("coffer_follow_seconds").record(started.elapsed().as_secs_f64());
        // What an earlier attempt sent may have arrived.
        let outcome = outcome.map_err(|error| match error {
            FollowError::Store(error) if sent => in_doubt(error).into(),
            other if sent => CommitError::Uncertain(other.to_string()).into(),
            other => other,
        });
        if matches!(outcome, Err(FollowError::Store(CommitError::Uncertain(_)))) {
            self.doubtful.extend(batch.pins.iter().cloned());
        }
        match outcome.is_ok() {
            true => self.counters.commits(),
            false => self.counters.refusals(),
        }
        outcome
    }

    /// One transaction.
    fn follow_once(
        &mut self,
        batch: &Batch,
        sent: &mut bool,
    ) -> Result<Position, Failure<FollowError>> {
        self.conn.begin().map_err(|error| failure(error.into()).widen())?;
        // Waits for whatever a lost transaction still does.
        let locked = match journal::lock_as(self.conn.as_mut(), journal::ROLE_REPLICA) {
            Ok(locked) => locked,
            Err(error) => return Err(self.undo(failure(error).widen())),
        };
        self.doubtful.clear();
        let Some(mut cluster) = locked else {
            return Err(self.undo(Failure::Refused(FollowError::NotReplica)));
        };
        // Whether it has arrived is seen from here on.
        *sent = false;
        let wrote = match run(self.conn.as_mut(), &mut cluster, batch) {
            Ok(wrote) => wrote,
            Err(Unfollowed::Refused(error)) => {
                return Err(self.undo(Failure::Refused(error)));
            }
            Err(Unfollowed::Store(error)) => return Err(self.undo(failure(error).widen())),
        };
        let position = Position { epoch: cluster.epoch, seq: cluster.seq };
        if wrote {
            self.recent.expect(batch.noted());
            if let Err(failure) = self.end() {
                *sent = matches!(failure, Failure::Lost(_));
                return Err(failure);
            }
        } else {
            self.roll_back();
        }
        self.recent.happened(batch.noted());
        self.committed.send_replace(position);
        Ok(position)
    }
}
