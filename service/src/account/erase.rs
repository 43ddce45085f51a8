//! The end of an account.
//!
//! Guarantees: the first commit destroys the wrapped keys and ends all shares,
//! so that nothing of the account can be read any more, by anybody, and gives
//! the user name free; the records follow in bounded commits; an erasure that
//! was interrupted is taken up again.

use super::unshare::{end_shares, ending_of_shares};
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::link::Link;
use crate::rows::{commit_failed, read_failed};
use crate::service::Core;
use crate::tree::purge::Leaves;
use coffer_protocol::UserId;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::LoginFinish;
use coffer_protocol::message::share::Changed;
use coffer_store::{Change, Commit, CommitError, Precondition, UserRow};
use std::sync::atomic::Ordering;

/// State of an account whose records are being deleted.
pub(crate) const USER_DELETING: u8 = 3;
/// Commits one request spends; what is left is the janitor's.
const INLINE_COMMITS: u32 = 64;
/// Users read at a time.
const BATCH: u32 = 250;

/// The record of an account that is to go: no name, no keys.
pub(crate) fn condemned(row: &UserRow, tag: [u8; 32]) -> UserRow {
    UserRow {
        tag,
        name_ct: Vec::new(),
        contact_ct: Vec::new(),
        auth_password: Vec::new(),
        auth_recovery: Vec::new(),
        root_password: Vec::new(),
        root_recovery: Vec::new(),
        identity_ct: Vec::new(),
        version: row.version.saturating_add(1),
        state: USER_DELETING,
        ..row.clone()
    }
}

impl Cx {
    /// Deletes the account and everything in it.
    pub(crate) async fn delete_account(
        &self,
        link: &Link,
        proof: &LoginFinish,
    ) -> Outcome<Changed> {
        let row = self.proved(link, proof).await?;
        let (user, version) = (row.user, row.version);
        let condemned = condemned(&row, self.core.random()?);
        let preconditions = vec![Precondition::UserAt { user, version }];
        let ending = ending_of_shares(self.store(), user).await;
        let mut changes = ending.map_err(|error| read_failed(&error))?;
        changes.push(Change::PutUser(condemned.clone()));
        let commit = Commit { preconditions, changes, ..Commit::default() };
        let position = self.commit(commit).await?;
        self.core.sessions.end_user(user, None);
        tracing::info!(%user, "account deleted; its records follow");
        match self.core.erase(&condemned, INLINE_COMMITS).await {
            Ok(true) => {}
            // The account is gone for its user; the janitor has the rest.
            Ok(false) | Err(_) => self.core.erasures.store(true, Ordering::Relaxed),
        }
        self.core.kept(position).await
    }
}

impl Core {
    /// Deletes records of a condemned account, at most so many commits;
    /// whether all are gone.
    async fn erase(&self, user: &UserRow, commits: u32) -> Outcome<bool> {
        for _ in 0..commits {
            // A request that was under way may have shared something since.
            end_shares(&self.store, user.user).await.map_err(|error| read_failed(&error))?;
            let home = self.store.node(user.home).await.map_err(|error| read_failed(&error))?;
            let Some(home) = home else {
                if self.erase_diverged(user.user).await? {
                    continue;
                }
                let key = crate::quota::quota_key(user.user);
                let changes = vec![Change::DeleteSetting { key }, Change::DeleteUser(user.user)];
                let commit = Commit { changes, ..Commit::default() };
                self.store.commit(commit).await.map_err(|error| commit_failed(&error))?;
                tracing::info!(user = %user.user, "account erased");
                return Ok(true);
            };
            let mut leaves = Leaves::default();
            self.leaves(home, &mut leaves).await?;
            match self.store.commit(leaves.into_commit()).await {
                // A request that was under way when the account was deleted.
                Ok(_) | Err(CommitError::Precondition { .. }) => {}
                Err(error) => return Err(commit_failed(&error)),
            }
        }
        Ok(false)
    }

    /// Deletes some of what an earlier primary had acknowledged to the user; `false`:
    /// there is nothing of it.
    async fn erase_diverged(&self, user: UserId) -> Outcome<bool> {
        let rows = self.store.diverged_any(user).await.map_err(|error| read_failed(&error))?;
        let changes: Vec<Change> = rows.iter().map(|row| Change::DeleteDiverged(row.key)).collect();
        if changes.is_empty() {
            return Ok(false);
        }
        let commit = Commit { changes, ..Commit::default() };
        self.store.commit(commit).await.map_err(|error| commit_failed(&error))?;
        Ok(true)
    }

    /// Takes up erasures that are not finished.
    pub(crate) async fn resume_erasures(&self) -> Outcome<()> {
        if !self.is_primary() || !self.erasures.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let resumed = self.erase_condemned().await;
        if !matches!(resumed, Ok(true)) {
            self.erasures.store(true, Ordering::Relaxed);
        }
        resumed.map(drop)
    }

    async fn erase_condemned(&self) -> Outcome<bool> {
        let (mut after, mut finished): (Option<UserId>, bool) = (None, true);
        loop {
            let users = self.store.users(after, BATCH).await;
            let users = users.map_err(|error| read_failed(&error))?;
            let Some(last) = users.last() else { return Ok(finished) };
            after = Some(last.user);
            for user in users.iter().filter(|user| user.state == USER_DELETING) {
                if self.stopping.is_cancelled() {
                    return Err(plain(ErrorCode::SHUTTING_DOWN));
                }
                finished &= self.erase(user, INLINE_COMMITS).await?;
            }
        }
    }
}
