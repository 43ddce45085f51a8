//! What this machine is: promoted, fenced, put back. One transaction each, which
//! can be made again after a lost connection and comes to the same.

use super::{Failure, Worker, failure, in_doubt};
use crate::apply::{ApplyError, ChunkBook, Inline, apply};
use crate::changes::{Change, EncodedChanges};
use crate::commit::CommitError;
use crate::db::Connection;
use crate::error::StoreError;
use crate::journal::{self, ROLE_LOADING, ROLE_PRIMARY};
use crate::rows::{ClusterRow, JournalRow, SettingRow, fetch_one};
use crate::seat::{Fence, Seat, SeatError, Sitting};
use crate::timeline::{self, Promotion, TIMELINE_KEY};
use coffer_protocol::Position;

/// Why a change of the seat was not made.
enum Unseated {
    Refused(SeatError),
    Store(StoreError),
}

impl From<SeatError> for Unseated {
    fn from(error: SeatError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Unseated {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ApplyError> for Unseated {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused(error) => Self::Refused(error.into()),
            ApplyError::Store(error) => Self::Store(error),
        }
    }
}

impl Worker {
    /// Changes what this machine is, or says why not.
    pub(super) fn sit(&mut self, work: &Sitting) -> Result<Seat, SeatError> {
        if *self.poisoned.borrow() {
            return Err(CommitError::Poisoned.into());
        }
        let mut sent = false;
        let outcome = self.retrying(|worker| worker.sit_once(work, &mut sent));
        // What an earlier attempt sent may have arrived.
        let seat = outcome.map_err(|error| match error {
            SeatError::Store(error) if sent => in_doubt(error).into(),
            other => other,
        })?;
        if matches!(work, Sitting::Promote(..)) {
            self.epoch = seat.position.epoch;
            self.committed.send_replace(seat.position);
        }
        Ok(seat)
    }

    /// One transaction.
    fn sit_once(&mut self, work: &Sitting, sent: &mut bool) -> Result<Seat, Failure<SeatError>> {
        let now_millis = self.environment.clock.now_millis();
        self.conn.begin().map_err(|error| failure(error.into()).widen())?;
        let mut cluster = match journal::lock_any(self.conn.as_mut()) {
            Ok(cluster) => cluster,
            Err(error) => return Err(self.undo(failure(error).widen())),
        };
        self.doubtful.clear();
        *sent = false;
        let conn = self.conn.as_mut();
        let changed = match work {
            Sitting::Promote(promotion, changes) => {
                promote(conn, &mut cluster, promotion, changes, now_millis)
            }
            other => fence(&mut cluster, other).map_err(Unseated::from),
        };
        let changed = changed.and_then(|changed| {
            if changed {
                journal::unlock(self.conn.as_mut(), &cluster)?;
            }
            Ok(changed)
        });
        match changed {
            Ok(true) => match self.end() {
                Ok(()) => Ok(Seat::from(&cluster)),
                Err(failure) => {
                    *sent = matches!(failure, Failure::Lost(_));
                    Err(failure)
                }
            },
            Ok(false) => {
                self.roll_back();
                Ok(Seat::from(&cluster))
            }
            Err(Unseated::Refused(error)) => Err(self.undo(Failure::Refused(error))),
            Err(Unseated::Store(error)) => Err(self.undo(failure(error).widen())),
        }
    }
}

/// Changes the fence; returns whether anything has to be written.
fn fence(cluster: &mut ClusterRow, work: &Sitting) -> Result<bool, SeatError> {
    let primary = cluster.role == ROLE_PRIMARY;
    let wanted = match (work, cluster.fenced) {
        // Nothing to fence: whoever follows, follows the newest epoch anyway.
        (Sitting::Fence(epoch), _) if !primary || *epoch <= cluster.epoch => return Ok(false),
        (Sitting::Fence(_), _) => Fence::NewerEpoch,
        _ if !primary => return Err(SeatError::NotPrimary),
        (_, Fence::NewerEpoch) => return Err(SeatError::NewerEpoch),
        (Sitting::Return, _) => Fence::Open,
        (Sitting::StepDown | Sitting::Promote(..), _) => Fence::SteppedDown,
    };
    let changes = wanted != cluster.fenced;
    cluster.fenced = wanted;
    Ok(changes)
}

/// Makes this machine the primary; returns whether anything has to be written.
fn promote(
    conn: &mut dyn Connection,
    cluster: &mut ClusterRow,
    promotion: &Promotion,
    changes: &[Change],
    now_millis: i64,
) -> Result<bool, Unseated> {
    let proof = &promotion.proof;
    let setting = fetch_one::<SettingRow>(conn, vec![TIMELINE_KEY.as_bytes().into()])?;
    let list = match setting {
        Some(row) => timeline::decode(&row.value).map_err(StoreError::from)?,
        None => Vec::new(),
    };
    match cluster.role {
        // It has happened already.
        ROLE_PRIMARY if list.last() == Some(promotion) => return Ok(false),
        ROLE_PRIMARY => return Err(SeatError::Primary(cluster.epoch).into()),
        ROLE_LOADING => return Err(SeatError::Loading.into()),
        _ => {}
    }
    if proof.epoch <= cluster.epoch {
        return Err(SeatError::StaleEpoch { own: cluster.epoch, shown: proof.epoch }.into());
    }
    if (proof.fork_seq, proof.fork_hash) != (cluster.seq, cluster.chain_hash) {
        let position = Position { epoch: cluster.epoch, seq: cluster.seq };
        return Err(SeatError::Moved(position).into());
    }
    let list = timeline::append(list, promotion.clone());
    let put = Change::PutSetting { key: TIMELINE_KEY.to_owned(), value: timeline::encode(&list) };
    let changes: Vec<Change> = changes.iter().cloned().chain([put]).collect();
    let refs: Vec<&Change> = changes.iter().collect();
    apply(conn, &refs, now_millis, &mut ChunkBook::default(), &Inline::default())?;
    let encoded = EncodedChanges::new(&changes)
        .map_err(|_| SeatError::Store(CommitError::TooLarge("changes")))?;
    let entry = JournalRow {
        seq: 0,
        epoch: 0,
        op_key: None,
        committed_millis: now_millis,
        body: EncodedChanges::default().body_with(&encoded),
        result: Vec::new(),
        hash: [0; 32],
    };
    (cluster.role, cluster.epoch, cluster.fenced) = (ROLE_PRIMARY, proof.epoch, Fence::Open);
    journal::append(conn, cluster, entry)?;
    Ok(true)
}
