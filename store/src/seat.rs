//! What a machine is in its installation, and how that changes: promotion and
//! fencing.
//!
//! Guarantees:
//!
//! - The row of `cluster_state` decides. A change of it is one transaction, under the
//!   lock that every writing transaction takes first; whatever process wrote before
//!   finds itself fenced by its next one.
//! - A promotion is one transaction: role, epoch and the first entry of the epoch.
//!   It happens to the history that it was meant for, or not at all; of two at once
//!   one wins. Made again, it comes to the same.
//! - A machine that was fenced because of a newer epoch stays fenced. One that has
//!   only stepped down can be put back, while nobody has shown it a newer epoch.

use crate::changes::Change;
use crate::commit::CommitError;
use crate::error::StoreError;
use crate::replica::Role;
use crate::rows::ClusterRow;
use crate::store::Store;
use crate::timeline::{self, Promotion, TIMELINE_KEY};
use coffer_protocol::Position;

/// Whether a machine with the role of the primary may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fence {
    /// It may.
    #[default]
    Open,
    /// A newer epoch was shown to it.
    NewerEpoch,
    /// It was asked to stop, because another machine is being promoted.
    SteppedDown,
}

impl Fence {
    /// The number in `cluster_state.fenced`.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::NewerEpoch => 1,
            Self::SteppedDown => 2,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Open, Self::NewerEpoch, Self::SteppedDown]
            .into_iter()
            .find(|fence| fence.number() == number)
    }
}

/// What a machine is, and where its history stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its role.
    pub role: Role,
    /// Whether it may write, where it is the primary.
    pub fence: Fence,
    /// The last commit.
    pub position: Position,
    /// The chain's hash of everything up to it.
    pub chain_hash: [u8; 32],
}

impl Seat {
    /// Whether commits are made here.
    pub fn decides(&self) -> bool {
        self.role == Role::Primary && self.fence == Fence::Open
    }
}

impl From<&ClusterRow> for Seat {
    fn from(row: &ClusterRow) -> Self {
        Self {
            role: Role::from_number(row.role),
            fence: row.fenced,
            position: Position { epoch: row.epoch, seq: row.seq },
            chain_hash: row.chain_hash,
        }
    }
}

/// What a machine is did not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeatError {
    /// It is the primary already, so it cannot become it.
    #[error("this machine is the primary of epoch {0} already")]
    Primary(u64),
    /// Only the primary can do that.
    #[error("this machine is not the primary")]
    NotPrimary,
    /// There is nothing to promote yet.
    #[error("this replica is being loaded and cannot be promoted")]
    Loading,
    /// The history is not the one that was meant.
    #[error("the history stands at {0} and not where it was expected")]
    Moved(Position),
    /// The epoch is not newer than that of the history.
    #[error("epoch {shown} is not newer than epoch {own} of this machine")]
    StaleEpoch {
        /// Of the history here.
        own: u64,
        /// That was to begin.
        shown: u64,
    },
    /// A newer epoch was shown to this machine.
    #[error("this machine was the primary, and a newer epoch has begun elsewhere")]
    NewerEpoch,
    /// The store or its database failed, as it can with any commit.
    #[error(transparent)]
    Store(#[from] CommitError),
}

/// A change of the seat, for the writer.
pub(crate) enum Sitting {
    /// Become the primary of a new epoch.
    Promote(Box<Promotion>, Vec<Change>),
    /// A machine of this epoch is the primary.
    Fence(u64),
    /// Take no more commits.
    StepDown,
    /// Take commits again after having stepped down.
    Return,
}

impl Store {
    /// Makes this replica the primary. The proof names the epoch, which has to be
    /// newer, and the end of the history that it continues, which has to be the end
    /// of what is here at this moment; otherwise nothing happens. The first entry of
    /// the epoch carries the list of promotions, and `changes` (of settings only)
    /// beside it. Also beside a running replica, which finds itself out of its role.
    pub async fn promote(
        &self,
        promotion: Promotion,
        changes: Vec<Change>,
    ) -> Result<Seat, SeatError> {
        if !timeline::fits(&promotion) {
            return Err(CommitError::TooLarge("the name of a machine").into());
        }
        let is_setting = |change: &Change| {
            matches!(change, Change::PutSetting { key, .. } | Change::DeleteSetting { key }
                if key != TIMELINE_KEY)
        };
        if !changes.iter().all(is_setting) {
            let text = "a promotion changes settings only".to_owned();
            return Err(CommitError::Inconsistent(text).into());
        }
        self.sit(Sitting::Promote(Box::new(promotion), changes)).await
    }

    /// Says that another machine is the primary of this epoch: if that is newer than
    /// the epoch here, and this machine is the primary, it commits nothing from then
    /// on, durably. Reading goes on. The caller has checked the proof.
    pub async fn fence(&self, epoch: u64) -> Result<Seat, SeatError> {
        self.sit(Sitting::Fence(epoch)).await
    }

    /// Takes no more commits, durably: those that wait are made first. Returns where
    /// the history ends; asked again, it answers the same.
    pub async fn step_down(&self) -> Result<Seat, SeatError> {
        self.sit(Sitting::StepDown).await
    }

    /// Takes commits again after [`Store::step_down`]; refused once a newer epoch was
    /// shown to this machine.
    pub async fn step_back(&self) -> Result<Seat, SeatError> {
        self.sit(Sitting::Return).await
    }

    async fn sit(&self, work: Sitting) -> Result<Seat, SeatError> {
        if self.is_poisoned() {
            return Err(CommitError::Poisoned.into());
        }
        let promotes = matches!(work, Sitting::Promote(..));
        let outcome = self.write_seat(work).await;
        match &outcome {
            Ok(seat) => self.note_seat(seat, promotes),
            Err(error) => tracing::debug!(%error, "the seat did not change"),
        }
        outcome
    }

    /// Reads what this machine is now, whatever process changed it. This process takes
    /// over what it may not do any more; one that follows goes on in its role, finds
    /// itself refused, and has to begin anew to be the primary's.
    pub async fn look_again(&self) -> Result<Seat, StoreError> {
        let cluster = self.cluster().await?;
        let seat = Seat::from(&cluster);
        self.note_seat(&seat, false);
        Ok(seat)
    }

    /// The promotions so far, oldest first; the last one began the present epoch.
    pub async fn timeline(&self) -> Result<Vec<Promotion>, StoreError> {
        match self.setting(TIMELINE_KEY).await? {
            Some(bytes) => Ok(timeline::decode(&bytes)?),
            None => Ok(Vec::new()),
        }
    }
}
