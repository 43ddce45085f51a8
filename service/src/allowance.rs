//! What a user may have, and what is refused beyond it.
//!
//! Guarantees: logical bytes of all versions and all files and directories
//! count, the trash included; what a recipient puts into a shared directory
//! counts for its owner; a commit that would exceed an allowance is refused
//! inside its transaction, so that requests at the same moment cannot exceed it
//! together; without an allowance nothing is counted.

use crate::cx::Cx;
use crate::fault::{Outcome, because, hinted};
use crate::op::Draft;
use crate::quota::{Quota, quota_key};
use crate::recent::Recent;
use crate::rows::read_failed;
use crate::service::Core;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{UserId, WireError};
use coffer_store::{Precondition, Usage};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long it may take until a changed allowance is respected.
const REMEMBERED: Duration = Duration::from_secs(1);
/// Users whose allowances are remembered.
const MOST_REMEMBERED: usize = 4096;

/// The most that a user may have; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Logical bytes of all versions, with the trash.
    pub bytes: Option<u64>,
    /// Files and directories, with the trash.
    pub nodes: Option<u64>,
}

impl Allowance {
    fn is_unlimited(&self) -> bool {
        self.bytes.is_none() && self.nodes.is_none()
    }
}

/// Allowances that were read a moment ago.
pub(crate) struct Allowances(Mutex<Recent<UserId, (Allowance, Duration)>>);

impl Default for Allowances {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MOST_REMEMBERED)))
    }
}

/// What one draft adds to what an owner has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    allowance: Allowance,
    used: Usage,
    more: Usage,
}

/// All owners that a draft adds something to, as far as they have limits.
pub(crate) type Accounts = BTreeMap<UserId, Account>;

impl Account {
    /// Adds to the account, or says which limit is in the way.
    fn add(&mut self, more: Usage) -> Result<(), Excess> {
        let bytes = self.more.bytes.saturating_add(more.bytes);
        let nodes = self.more.nodes.saturating_add(more.nodes);
        let fits = |used: u64, sum: u64, more: u64, most: Option<u64>| {
            more == 0 || most.is_none_or(|most| used.saturating_add(sum) <= most)
        };
        if !fits(self.used.bytes, bytes, more.bytes, self.allowance.bytes) {
            return Err(Excess::Bytes);
        }
        if !fits(self.used.nodes, nodes, more.nodes, self.allowance.nodes) {
            return Err(Excess::Nodes);
        }
        self.more = Usage { nodes, bytes };
        Ok(())
    }

    /// The sentence for whoever may know the numbers.
    fn refusal(&self, excess: Excess, more: Usage) -> WireError {
        let used = self.used.bytes.saturating_add(self.more.bytes);
        let nodes = self.used.nodes.saturating_add(self.more.nodes);
        let text = match excess {
            Excess::Bytes => format!(
                "the storage allowance is used up: {} of {} are in use, and this takes {}",
                size(used),
                size(self.allowance.bytes.unwrap_or(u64::MAX)),
                size(more.bytes)
            ),
            Excess::Nodes => format!(
                "the number of files is used up: there are {nodes} files and directories, and \
                 {} are allowed",
                self.allowance.nodes.unwrap_or(u64::MAX)
            ),
        };
        because(ErrorCode::QUOTA, text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    Bytes,
    Nodes,
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let power = (bytes.max(1).ilog2() / 10) as usize;
    if power == 0 {
        return format!("{bytes} bytes");
    }
    let power = power.min(UNITS.len());
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[power - 1])
}

/// The owner's numbers are the owner's business.
pub(crate) fn of_another() -> WireError {
    let message = "the storage allowance of the owner is used up".to_owned();
    let hint = "ask the owner to purge the trash or old versions";
    WireError { message, ..hinted(ErrorCode::QUOTA, hint) }
}

impl Core {
    /// What a user may have, as it was at most a second ago.
    pub(crate) async fn allowance(&self, user: UserId) -> Outcome<Allowance> {
        let now = self.ticks.now();
        let known = || self.allowances.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = known().get(&user).copied();
        if let Some((allowance, read)) = remembered
            && now.saturating_sub(read) < REMEMBERED
        {
            return Ok(allowance);
        }
        let set = self.store.setting(&quota_key(user)).await;
        let set = set.map_err(|error| read_failed(&error))?;
        let quota = set.as_deref().and_then(Quota::decode).unwrap_or_default();
        let allowance = quota.over(self.config.allowance);
        known().put(user, (allowance, now));
        Ok(allowance)
    }
}

impl Cx {
    /// Refuses what would exceed the allowance of an owner, with what the draft
    /// adds already; what is refused adds nothing.
    pub(crate) async fn charge(
        &self,
        draft: &mut Draft,
        owner: UserId,
        more: Usage,
    ) -> Outcome<()> {
        let allowance = self.core.allowance(owner).await?;
        if allowance.is_unlimited() {
            return Ok(());
        }
        let account = match draft.accounts.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let used = self.store().usage(owner).await.map_err(|error| read_failed(&error))?;
                new.insert(Account { allowance, used, more: Usage::default() })
            }
        };
        account.add(more).map_err(|excess| match owner == self.user() {
            true => account.refusal(excess, more),
            false => of_another(),
        })
    }
}

/// What has to hold at the moment of the commit.
pub(crate) fn conditions(accounts: &Accounts) -> impl Iterator<Item = Precondition> + '_ {
    accounts.iter().filter(|(_, account)| account.more != Usage::default()).map(
        |(owner, account)| Precondition::Room {
            owner: *owner,
            more: account.more,
            most_nodes: account.allowance.nodes,
            most_bytes: account.allowance.bytes,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(bytes: Option<u64>, nodes: Option<u64>) -> Account {
        let used = Usage { nodes: 2, bytes: 50 };
        Account { allowance: Allowance { bytes, nodes }, used, more: Usage::default() }
    }

    const fn of(nodes: u64, bytes: u64) -> Usage {
        Usage { nodes, bytes }
    }

    #[test]
    fn what_is_refused_adds_nothing_and_what_is_free_always_fits() {
        let mut account = account(Some(100), Some(4));
        assert_eq!(account.add(of(1, 51)), Err(Excess::Bytes));
        assert_eq!(account.add(of(1, 50)), Ok(()));
        assert_eq!(account.add(of(0, 1)), Err(Excess::Bytes));
        assert_eq!(account.add(of(2, 0)), Err(Excess::Nodes));
        assert_eq!(account.add(of(1, 0)), Ok(()));
        assert_eq!(account.more, of(2, 50));
        assert_eq!(account.add(of(0, u64::MAX)), Err(Excess::Bytes));
    }

    #[test]
    fn whoever_has_too_much_already_can_still_do_what_takes_no_room() {
        let mut account = account(Some(10), Some(1));
        assert_eq!(account.add(of(0, 0)), Ok(()));
        assert_eq!(account.add(of(0, 1)), Err(Excess::Bytes));
        assert_eq!(account.add(of(1, 0)), Err(Excess::Nodes));
    }

    #[test]
    fn a_refusal_says_the_limit_and_the_use() {
        let account = account(Some(100 << 20), Some(4));
        let text = account.refusal(Excess::Bytes, of(1, 3 << 30)).message;
        assert!(text.contains("50 bytes of 100.0 MiB") && text.contains("3.0 GiB"), "{text}");
        let text = account.refusal(Excess::Nodes, of(1, 0)).message;
        assert!(text.contains("2 files") && text.contains("4 are allowed"), "{text}");
        assert_eq!(size(u64::MAX), "16383.9 PiB");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(0), "0 bytes");
    }
}
