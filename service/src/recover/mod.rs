//! Writes that the primary of an earlier epoch had acknowledged and nobody else had,
//! given back to their owners.
//!
//! Guarantees:
//!
//! - It happens at the owner's sign-in, because only then the keys are there; in the
//!   background, one user at a time once, and one write after the other.
//! - What was written comes back as a file of its own, or as the directory that it was,
//!   in the commit that also notes it: once, whatever interrupts it. The chunks are
//!   named again, and not read.
//! - Nothing of what is here is changed: what was deleted, moved or shared at that
//!   primary is not done again, but listed.
//! - What cannot be given back now (because the allowance is used up, for instance)
//!   waits for the next sign-in; what cannot be opened is listed as lost.

mod back;
mod judge;
mod list;
mod name;
mod old;

use crate::cx::Cx;
use crate::fault::Outcome;
use crate::link::Link;
use crate::op::Draft;
use crate::rows::{commit_failed, read_failed};
use crate::service::Core;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, Position, UserId, WireError};
use coffer_store::{Change, Commit, CommitError, DivergedRow, DivergedState, Precondition, Role};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that came back in this round of which is remembered as what; of others, a
/// further version comes back as a further file.
const MAX_COPIES: usize = 4_096;
/// Attempts at one write, while others change the same place.
const ROUNDS: u32 = 8;

/// Whose writes are being given back at the moment.
#[derive(Default)]
pub(crate) struct Recovering(Mutex<HashSet<UserId>>);

impl Recovering {
    fn enter(&self, user: UserId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(user)
    }

    fn leave(&self, user: UserId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }
}

/// What a round remembers.
#[derive(Default)]
struct Round {
    /// Files as which others came back, and their revision then.
    copies: HashMap<NodeId, (NodeId, u64)>,
    /// Writes that have to wait for another round.
    left: u64,
    returned: u64,
}

/// What becomes of a write of which nothing comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Everything is here already.
    Drop,
    /// The owner is told.
    List,
    /// Others need it to be opened.
    Support,
    /// It cannot come back.
    Lost,
}

impl Core {
    /// Begins to give back what waits for the user who has just signed in.
    pub(crate) fn give_back(self: &Arc<Self>, link: &Link) {
        if self.store.role() != Role::Primary || self.store.is_fenced() {
            return;
        }
        let Ok(session) = link.session(self.ticks.now()) else { return };
        if session.is_recovery() {
            return;
        }
        let cx = Cx { core: Arc::clone(self), session };
        self.tasks.spawn(async move {
            let user = cx.user();
            if !cx.core.recovering.enter(user) {
                return;
            }
            let outcome = tokio::select! {
                outcome = cx.work_through() => outcome,
                () = cx.session.ended().cancelled() => Ok(()),
                () = cx.core.stopping.cancelled() => Ok(()),
            };
            cx.core.recovering.leave(user);
            if let Err(error) = outcome {
                let code = error.code.name();
                tracing::warn!(%user, code, "not everything of an earlier primary came back");
            }
        });
    }
}

impl Cx {
    /// Works through everything that waits.
    async fn work_through(&self) -> Outcome<()> {
        let counts = self.store().diverged_counts(self.user()).await;
        let counts = counts.map_err(|error| read_failed(&error))?;
        if counts.waiting + counts.support == 0 {
            return Ok(());
        }
        let mut round = Round::default();
        let mut after = None;
        loop {
            let page = self.store().diverged(self.user(), DivergedState::Waiting, after).await;
            let page = page.map_err(|error| read_failed(&error))?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.place);
            for row in &page {
                self.settle(&mut round, row).await?;
            }
        }
        let (user, returned, left) = (self.user(), round.returned, round.left);
        tracing::info!(%user, returned, left, "writes of an earlier primary were given back");
        match left {
            0 => self.drop_support().await,
            _ => Ok(()),
        }
    }

    /// Gives one write back, or decides what becomes of it. One that cannot be given
    /// back now stays; an error is one that concerns all of them.
    async fn settle(&self, round: &mut Round, row: &DivergedRow) -> Outcome<()> {
        let settled = match row.decoded() {
            Some(Change::PutVersion(version)) => self.file_back(round, row, &version).await,
            Some(change) => self.judge(round, row, &change).await,
            None => Ok(Some(Verdict::Lost)),
        };
        match settled {
            Ok(Some(verdict)) => self.put_verdict(row, verdict).await,
            Ok(None) => Ok(()),
            Err(error) => match error.code {
                ErrorCode::INTEGRITY | ErrorCode::NOT_FOUND | ErrorCode::NO_SUCH_VERSION => {
                    tracing::error!(user = %self.user(), "a write of an earlier primary does not open");
                    self.put_verdict(row, Verdict::Lost).await
                }
                code if concerns_all(code) => Err(error),
                _ => {
                    round.left += 1;
                    Ok(())
                }
            },
        }
    }

    /// Notes what becomes of a write.
    async fn put_verdict(&self, row: &DivergedRow, verdict: Verdict) -> Outcome<()> {
        let state = match verdict {
            Verdict::Drop => {
                return self.commit_waiting(row, Change::DeleteDiverged(row.key)).await;
            }
            Verdict::List => DivergedState::Listed,
            Verdict::Support => DivergedState::Support,
            Verdict::Lost => DivergedState::Lost,
        };
        let refs = Vec::new();
        let noted = DivergedRow { state, refs, ..row.clone() };
        self.commit_waiting(row, Change::PutDiverged(noted)).await
    }

    async fn commit_waiting(&self, row: &DivergedRow, change: Change) -> Outcome<()> {
        let preconditions = vec![Precondition::DivergedWaits(row.key)];
        let commit = Commit { preconditions, changes: vec![change], ..Commit::default() };
        match self.store().commit(commit).await {
            // Somebody else has settled it.
            Ok(_) | Err(CommitError::Precondition { .. }) => Ok(()),
            Err(error) => Err(commit_failed(&error)),
        }
    }

    /// Commits what brings a write back; `None`: a place has changed, draft it anew.
    async fn commit_back(&self, mut draft: Draft) -> Outcome<Option<Position>> {
        self.record(&mut draft)?;
        let preconditions = draft.conditions();
        let Draft { changes, deeds, .. } = draft;
        let commit = Commit { preconditions, changes, ..Commit::default() };
        match self.store().commit(commit).await {
            Ok(committed) => {
                self.tell(deeds, committed.position);
                Ok(Some(committed.position))
            }
            Err(CommitError::Precondition { .. } | CommitError::Duplicate(_)) => Ok(None),
            Err(error) => Err(commit_failed(&error)),
        }
    }

    /// Drops what was only needed to open others.
    async fn drop_support(&self) -> Outcome<()> {
        loop {
            let page = self.store().diverged(self.user(), DivergedState::Support, None).await;
            let page = page.map_err(|error| read_failed(&error))?;
            if page.is_empty() {
                return Ok(());
            }
            let changes = page.iter().map(|row| Change::DeleteDiverged(row.key)).collect();
            self.commit(Commit { changes, ..Commit::default() }).await?;
        }
    }

    /// Whether a write still waits: another session may have been quicker.
    async fn still_waits(&self, row: &DivergedRow) -> Outcome<bool> {
        let found = self.store().diverged_row(row.key).await;
        let found = found.map_err(|error| read_failed(&error))?;
        Ok(found.is_some_and(|row| row.state == DivergedState::Waiting))
    }
}

/// Whether an error would meet every other write as well.
fn concerns_all(code: ErrorCode) -> bool {
    let of_one = [ErrorCode::QUOTA, ErrorCode::BUSY].contains(&code);
    code == ErrorCode::SESSION_EXPIRED || code.0 >= 500 && !of_one
}

/// An error that says that something is not there.
fn is_absent(error: &WireError) -> bool {
    error.code == ErrorCode::NOT_FOUND
}
