//! How a command beside a running server tells it that sessions must end: a
//! setting in the database, which the server looks at every second.
//!
//! Guarantees: a notice is made durable after the change it tells about, so a
//! server that sees it sees the change; the list is bounded, newest last.

use crate::explain;
use crate::failure::{Code, Failure, Outcome};
use coffer_protocol::UserId;
use coffer_store::{Change, Commit, CommitError, Precondition, Store, StoreError};

/// Name of the setting.
const KEY: &str = "ended-sessions";
/// Notices that are kept; a server that looks every second misses none.
const KEPT: usize = 256;
/// Number and user.
const ENTRY_BYTES: usize = 8 + 16;
/// Attempts against other commands that write at the same moment.
const ATTEMPTS: usize = 20;

/// One notice: the sessions of a user have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Consecutive.
    pub(crate) number: u64,
    /// Whose sessions.
    pub(crate) user: UserId,
}

fn encode(notices: &[Notice]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(notices.len() * ENTRY_BYTES);
    for notice in notices {
        bytes.extend_from_slice(&notice.number.to_be_bytes());
        bytes.extend_from_slice(notice.user.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Vec<Notice> {
    bytes
        .chunks_exact(ENTRY_BYTES)
        .take(KEPT)
        .filter_map(|entry| {
            let (number, user) = entry.split_at(8);
            let number = u64::from_be_bytes(number.try_into().ok()?);
            Some(Notice { number, user: UserId::from_slice(user)? })
        })
        .collect()
}

/// Adds a notice.
pub(crate) async fn post(store: &Store, user: UserId) -> Outcome {
    for _ in 0..ATTEMPTS {
        let old = store.setting(KEY).await.map_err(|error| explain::store(&error))?;
        let mut notices = decode(old.as_deref().unwrap_or_default());
        let number = notices.last().map_or(1, |notice| notice.number.saturating_add(1));
        notices.push(Notice { number, user });
        let first = notices.len().saturating_sub(KEPT);
        let commit = Commit {
            preconditions: vec![Precondition::SettingIs { key: KEY.to_owned(), value: old }],
            changes: vec![Change::PutSetting {
                key: KEY.to_owned(),
                value: encode(&notices[first..]),
            }],
            ..Commit::default()
        };
        match store.commit(commit).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Precondition { .. }) => {}
            Err(error) => return Err(explain::commit(&error)),
        }
    }
    Err(Failure::new(Code::WrongMoment, "too many commands change accounts at the same moment")
        .hint("Try again."))
}

/// Reads the notices after `seen`.
pub(crate) async fn after(store: &Store, seen: u64) -> Result<Vec<Notice>, StoreError> {
    let bytes = store.setting(KEY).await?.unwrap_or_default();
    Ok(decode(&bytes).into_iter().filter(|notice| notice.number > seen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_read_back_and_damage_is_bounded() {
        let notices: Vec<_> =
            (1..=3).map(|n| Notice { number: n, user: UserId([n as u8; 16]) }).collect();
        let bytes = encode(&notices);
        assert_eq!(bytes.len(), 3 * ENTRY_BYTES);
        assert_eq!(decode(&bytes), notices);
        assert_eq!(decode(&bytes[..30]).len(), 1);
        assert_eq!(decode(&vec![0; 10_000 * ENTRY_BYTES]).len(), KEPT);
    }
}
