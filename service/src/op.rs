//! Carrying out a request that changes something: draft, commit, and again
//! when somebody else was quicker.
//!
//! Guarantees: a request is one commit, kept with its operation id, so that a
//! repeated request gets the first answer, also when in the meantime it could
//! not be carried out any more; a row race that the request can live with is
//! retried a bounded number of times.

use crate::allowance::{self, Accounts};
use crate::answer::{Answer, foreign};
use crate::cx::Cx;
use crate::deed;
use crate::fault::{Outcome, contended, per_item, plain, too_many};
use crate::rows::{commit_failed, read_failed};
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::limits::MAX_BATCH_NODES;
use coffer_protocol::{BlobId, NodeId, OpId, Position, WireError};
use coffer_store::{Change, ChunkPin, Commit, CommitError, OpKey, Precondition};
use std::collections::HashSet;

/// Most attempts before a request gives up on a place that others keep changing.
const ROUNDS: u32 = 8;

/// What a request would change, as the rows are now.
pub(crate) struct Draft {
    pub(crate) preconditions: Vec<Precondition>,
    pub(crate) changes: Vec<Change>,
    pub(crate) inline: Vec<(BlobId, Bytes)>,
    pub(crate) pins: Vec<ChunkPin>,
    /// What the changes do, for the record and for those who wait.
    pub(crate) deeds: Vec<deed::Done>,
    /// What the draft adds to what owners have.
    pub(crate) accounts: Accounts,
    pub(crate) answer: Answer,
}

impl Draft {
    /// A draft that changes nothing yet.
    pub(crate) fn new(answer: Answer) -> Self {
        Self {
            preconditions: Vec::new(),
            changes: Vec::new(),
            inline: Vec::new(),
            pins: Vec::new(),
            deeds: Vec::new(),
            accounts: Accounts::new(),
            answer,
        }
    }

    /// Adds a condition.
    pub(crate) fn require(&mut self, condition: Precondition) {
        self.preconditions.push(condition);
    }

    /// All conditions, with those of allowances.
    pub(crate) fn conditions(&mut self) -> Vec<Precondition> {
        let room = allowance::conditions(&self.accounts);
        self.preconditions.drain(..).chain(room).collect()
    }

    /// Things are put into a directory: it must be there, and not in the trash.
    pub(crate) fn require_live(&mut self, directory: NodeId) {
        self.require_once(Precondition::LiveDirectory(directory));
    }

    /// Adds a condition that may be there already.
    pub(crate) fn require_once(&mut self, condition: Precondition) {
        if !self.preconditions.contains(&condition) {
            self.preconditions.push(condition);
        }
    }
}

/// A request that changes many things, each by itself.
pub(crate) trait Items: Sync {
    /// One of them.
    type Item: Sync;

    /// All of them, in the order of the answer.
    fn items(&self) -> &[Self::Item];

    /// Adds one of them to the draft. `seen` holds what those before it were
    /// done to. Whoever fails has added nothing.
    fn add(
        &self,
        cx: &Cx,
        draft: &mut Draft,
        item: &Self::Item,
        seen: &mut HashSet<(NodeId, [u8; 32])>,
    ) -> impl Future<Output = Outcome<NodeId>> + Send;

    /// Works out all of them; one that fails, fails alone.
    fn draft_items(&self, cx: &Cx) -> impl Future<Output = Outcome<Draft>> + Send {
        async {
            if self.items().len() > MAX_BATCH_NODES {
                return Err(too_many("items", MAX_BATCH_NODES));
            }
            let mut draft = Draft::new(Answer::Items(Vec::new()));
            let mut outcomes = Vec::with_capacity(self.items().len());
            let mut seen = HashSet::new();
            for item in self.items() {
                outcomes.push(per_item(self.add(cx, &mut draft, item, &mut seen).await)?);
            }
            draft.answer = Answer::Items(outcomes);
            Ok(draft)
        }
    }
}

/// A request that changes something.
pub(crate) trait Mutation: Sync {
    /// The client's operation id.
    fn op(&self) -> OpId;

    /// Works out what to change; called again when a commit lost a race.
    fn draft(&self, cx: &Cx) -> impl Future<Output = Outcome<Draft>> + Send;
}

/// A request that was carried out, now or before.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) position: Position,
    pub(crate) machines: u8,
}

impl Cx {
    /// The key under which an operation's answer is kept: users cannot meet
    /// each other's.
    fn op_key(&self, op: OpId) -> OpKey {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.user().0);
        hash.update(&op.0);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize().as_bytes()[..16]);
        OpKey(key)
    }

    /// The first answer, if the operation has been carried out before.
    pub(crate) async fn first_answer(&self, op: OpId) -> Outcome<Option<Done>> {
        let found = self.store().op(self.op_key(op)).await.map_err(|error| read_failed(&error))?;
        let Some((position, result)) = found else { return Ok(None) };
        let answer = Answer::decode(&result).ok_or_else(foreign)?;
        self.mirrored(Done { answer, position, machines: 1 }).await.map(Some)
    }

    /// Waits for other machines to hold it, as the configuration says, and counts
    /// them.
    async fn mirrored(&self, done: Done) -> Outcome<Done> {
        let machines = self.core.mirrored(done.position).await?;
        Ok(Done { machines, ..done })
    }

    /// An error of a request, unless the request had succeeded before.
    pub(crate) async fn unless_repeated(&self, op: OpId, error: WireError) -> Outcome<Done> {
        match self.first_answer(op).await? {
            Some(done) => Ok(done),
            None => Err(error),
        }
    }

    /// Carries a request out.
    pub(crate) async fn carry_out<M: Mutation>(&self, request: &M) -> Outcome<Done> {
        for _ in 0..ROUNDS {
            let mut draft = match request.draft(self).await {
                Ok(draft) => draft,
                Err(error) => return self.unless_repeated(request.op(), error).await,
            };
            if draft.changes.is_empty() {
                return self.nothing_to_do(request.op(), draft.answer).await;
            }
            self.record(&mut draft)?;
            match self.try_commit(request.op(), draft).await {
                Ok(done) => return self.mirrored(done).await,
                Err(CommitError::Precondition { precondition, .. }) => {
                    if let Some(done) = self.first_answer(request.op()).await? {
                        return Ok(done);
                    }
                    match precondition {
                        Precondition::NotInside { .. } => {
                            return Err(plain(ErrorCode::INTO_ITSELF));
                        }
                        // The upload waited for too long.
                        Precondition::SegmentExists(_) => {
                            return Err(plain(ErrorCode::NO_SUCH_UPLOAD));
                        }
                        _ => {}
                    }
                }
                Err(CommitError::Duplicate(_)) => {}
                Err(error) => return Err(commit_failed(&error)),
            }
        }
        Err(contended())
    }

    /// Nothing would change: because all was refused, or done already.
    async fn nothing_to_do(&self, op: OpId, answer: Answer) -> Outcome<Done> {
        if let Some(done) = self.first_answer(op).await? {
            return Ok(done);
        }
        let position = self.position().await?;
        self.mirrored(Done { answer, position, machines: 1 }).await
    }

    async fn try_commit(&self, op: OpId, mut draft: Draft) -> Result<Done, CommitError> {
        let preconditions = draft.conditions();
        let Draft { changes, inline, pins, deeds, answer, .. } = draft;
        let result = answer.encode();
        let op = Some(self.op_key(op));
        let commit = Commit { op, preconditions, changes, inline, pins, result };
        let committed = self.store().commit(commit).await?;
        let answer = if let Some(first) = committed.repeated {
            Answer::decode(&first).ok_or_else(|| {
                CommitError::Inconsistent("an answer kept with its operation is not one".into())
            })?
        } else {
            self.tell(deeds, committed.position);
            answer
        };
        Ok(Done { answer, position: committed.position, machines: committed.machines })
    }

    /// Commits something that is not a client's operation.
    pub(crate) async fn commit(&self, commit: Commit) -> Outcome<Position> {
        let committed = self.store().commit(commit).await.map_err(|error| commit_failed(&error))?;
        Ok(committed.position)
    }
}
