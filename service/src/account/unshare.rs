//! The shares of an account that is to go.
//!
//! Guarantees: they end with the commit that condemns the account; only what is
//! more than one commit takes ends right before it. What a request that was
//! under way has shared since ends before any record of the account is deleted.

use coffer_protocol::{ShareId, UserId};
use coffer_store::{Change, Commit, MAX_PAGE, Page, ShareRow, Store, StoreError};

/// Records that one commit deletes.
const MAX_CHANGES: usize = 8_000;

/// Collects deletions; commits them when they are many.
struct Ending<'a> {
    store: &'a Store,
    changes: Vec<Change>,
}

impl Ending<'_> {
    async fn page<C>(&mut self, page: Page<ShareRow, ShareId, C>) -> Result<Option<C>, StoreError> {
        let shares = page.rows.iter().map(|row| row.share).chain(page.damaged);
        self.changes.extend(shares.map(Change::DeleteShare));
        if self.changes.len() >= MAX_CHANGES {
            let changes = std::mem::take(&mut self.changes);
            commit(self.store, changes).await?;
        }
        Ok(page.next)
    }
}

async fn commit(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    let commit = Commit { changes, ..Commit::default() };
    store.commit(commit).await.map(drop).map_err(StoreError::Commit)
}

/// What ends all shares by and with a user, and the user's groups: changes for
/// the commit that condemns the account.
pub(crate) async fn ending_of_shares(
    store: &Store,
    user: UserId,
) -> Result<Vec<Change>, StoreError> {
    let mut ending = Ending { store, changes: Vec::new() };
    let groups = store.groups(user).await?;
    let groups: Vec<_> =
        groups.rows.iter().map(|row| row.group).chain(groups.damaged.iter().copied()).collect();
    for group in &groups {
        let mut after = None;
        loop {
            after = ending.page(store.shares_via(*group, after, MAX_PAGE).await?).await?;
            if after.is_none() {
                break;
            }
        }
    }
    let mut after = None;
    loop {
        after = ending.page(store.shares_by(user, after, MAX_PAGE).await?).await?;
        if after.is_none() {
            break;
        }
    }
    loop {
        after = ending.page(store.shares_with(user, after, MAX_PAGE).await?).await?;
        if after.is_none() {
            break;
        }
    }
    ending.changes.extend(groups.into_iter().map(Change::DeleteGroup));
    Ok(ending.changes)
}

/// Ends all shares by and with a user who is condemned already.
pub(crate) async fn end_shares(store: &Store, user: UserId) -> Result<(), StoreError> {
    let changes = ending_of_shares(store, user).await?;
    if changes.is_empty() { Ok(()) } else { commit(store, changes).await }
}
