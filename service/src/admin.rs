//! What an operator does beside the running server: invitations, a list of
//! users, disabling one. Nothing here reads a user's data; names are opened
//! with the server's own key.

use crate::account::{USER_DELETING, condemned, ending_of_shares};
use crate::quota::{Quota, quota_key};
use coffer_crypto::ServerSecret;
use coffer_protocol::UserId;
use coffer_store::{
    Change, Commit, CommitError, InviteRow, Precondition, Random, Store, StoreError, USER_ACTIVE,
    USER_DISABLED, UserRow,
};
use data_encoding::BASE32_NOPAD;
use std::time::Duration;
use thiserror::Error;

/// Random bytes of an invitation code: 16 letters and digits.
const CODE_BYTES: usize = 10;
/// Letters between two hyphens.
const GROUP: usize = 4;

/// An operator's command did not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change was not made.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// No randomness.
    #[error("the operating system gives no random bytes")]
    Random,
    /// No such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// The account changed at the same moment.
    #[error("the account was changed at the same moment; try again")]
    Contended,
    /// A record that does not open with this server's key.
    #[error("the record of user {0} does not open with this master key, or is damaged")]
    Damaged(UserId),
}

/// An account, as an operator may see it.
#[derive(Clone, Debug)]
pub struct UserSummary {
    /// The user.
    pub user: UserId,
    /// User name.
    pub name: String,
    /// Whether the user may sign in.
    pub active: bool,
    /// Sign-up time, milliseconds since 1970.
    pub created_millis: i64,
}

/// Makes an invitation for `uses` accounts; the code is not stored.
pub async fn create_invite(
    store: &Store,
    secret: &ServerSecret,
    rng: &dyn Random,
    now_millis: i64,
    uses: u32,
    lifetime: Duration,
) -> Result<String, AdminError> {
    let mut bytes = [0; CODE_BYTES];
    rng.fill(&mut bytes).map_err(|_| AdminError::Random)?;
    let letters = BASE32_NOPAD.encode(&bytes);
    let groups: Vec<&str> =
        (0..letters.len()).step_by(GROUP).map(|at| group(&letters, at)).collect();
    let code = groups.join("-");
    let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    let row = InviteRow {
        tag: secret.invite_tag(&code),
        created_millis: now_millis,
        expires_millis: now_millis.saturating_add(lifetime),
        uses_left: uses.max(1),
    };
    let changes = vec![Change::PutInvite(row)];
    store.commit(Commit { changes, ..Commit::default() }).await?;
    Ok(code)
}

fn group(letters: &str, at: usize) -> &str {
    &letters[at..letters.len().min(at + GROUP)]
}

/// One page of the users, in the order of their ids.
pub async fn users(
    store: &Store,
    secret: &ServerSecret,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserSummary>, AdminError> {
    let rows = store.users(after, limit).await?;
    let here = rows.iter().filter(|row| row.state != USER_DELETING);
    here.map(|row| summary(secret, row)).collect()
}

fn summary(secret: &ServerSecret, row: &UserRow) -> Result<UserSummary, AdminError> {
    let name = crate::account::open_user_name(secret, row).ok_or(AdminError::Damaged(row.user))?;
    let (user, created_millis) = (row.user, row.created_millis);
    Ok(UserSummary { user, name, active: row.state == USER_ACTIVE, created_millis })
}

/// The name of a user; `None` if it does not open with this server's key.
pub fn user_name(secret: &ServerSecret, row: &UserRow) -> Option<String> {
    crate::account::open_user_name(secret, row)
}

/// Whether the account was deleted and only waits for its records to go.
pub fn is_deleted(row: &UserRow) -> bool {
    row.state == USER_DELETING
}

/// Deletes an account: its keys are destroyed and its shares end at once, the
/// records are removed by the upkeep of the server (see
/// [`crate::Service::expect_erasures`]) or at its next start.
pub async fn delete_account(
    store: &Store,
    rng: &dyn Random,
    user: UserId,
) -> Result<(), AdminError> {
    let row = store.user(user).await?.ok_or(AdminError::NoSuchUser)?;
    let version = row.version;
    let mut tag = [0; 32];
    rng.fill(&mut tag).map_err(|_| AdminError::Random)?;
    let preconditions = vec![Precondition::UserAt { user, version }];
    let mut changes = ending_of_shares(store, user).await?;
    changes.push(Change::PutUser(condemned(&row, tag)));
    match store.commit(Commit { preconditions, changes, ..Commit::default() }).await {
        Ok(_) => Ok(()),
        Err(CommitError::Precondition { .. }) => Err(AdminError::Contended),
        Err(error) => Err(error.into()),
    }
}

/// What was set for a user, beyond the configuration.
pub async fn quota(store: &Store, user: UserId) -> Result<Quota, AdminError> {
    let value = store.setting(&quota_key(user)).await?;
    Ok(value.as_deref().and_then(Quota::decode).unwrap_or_default())
}

/// Changes what a user may have; a running server respects it within a second.
/// What the user has already stays.
pub async fn change_quota(
    store: &Store,
    user: UserId,
    change: impl Fn(Quota) -> Quota,
) -> Result<Quota, AdminError> {
    let key = quota_key(user);
    let value = store.setting(&key).await?;
    let old = value.as_deref().and_then(Quota::decode).unwrap_or_default();
    let new = change(old);
    let setting = match new.is_default() {
        true => Change::DeleteSetting { key: key.clone() },
        false => Change::PutSetting { key: key.clone(), value: new.encode() },
    };
    let preconditions = vec![Precondition::SettingIs { key, value }];
    match store.commit(Commit { preconditions, changes: vec![setting], ..Commit::default() }).await
    {
        Ok(_) => Ok(new),
        Err(CommitError::Precondition { .. }) => Err(AdminError::Contended),
        Err(error) => Err(error.into()),
    }
}

/// Lets a user sign in, or not. A running server ends the sessions of a user
/// who may not within its next round of upkeep.
pub async fn set_active(
    store: &Store,
    secret: &ServerSecret,
    user_name: &str,
    active: bool,
) -> Result<UserId, AdminError> {
    let row = store.user_by_tag(secret.user_tag(user_name)).await?;
    let row = row.filter(|row| row.state != USER_DELETING).ok_or(AdminError::NoSuchUser)?;
    let (user, version) = (row.user, row.version);
    let state = if active { USER_ACTIVE } else { USER_DISABLED };
    let preconditions = vec![Precondition::UserAt { user, version }];
    let changes = vec![Change::PutUser(UserRow { state, ..row })];
    match store.commit(Commit { preconditions, changes, ..Commit::default() }).await {
        Ok(_) => Ok(user),
        Err(CommitError::Precondition { .. }) => Err(AdminError::Contended),
        Err(error) => Err(error.into()),
    }
}
