//! What all accounts add up to.

use crate::explain;
use crate::failure::Outcome;
use crate::output;
use coffer_service::admin;
use coffer_store::{Store, Stored};

const PAGE: u32 = 1000;

/// Counts over all accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) users: u64,
    pub(crate) nodes: u64,
    pub(crate) bytes: u64,
    pub(crate) stored: Stored,
}

impl Totals {
    /// Reads them; that takes a look at every row of accounts and chunks.
    pub(crate) async fn read(store: &Store) -> Outcome<Self> {
        let stored = store.stored().await.map_err(|error| explain::store(&error))?;
        let mut totals = Self { stored, ..Self::default() };
        let mut after = None;
        loop {
            let page = store.users(after, PAGE).await.map_err(|error| explain::store(&error))?;
            for user in &page {
                let usage = store.usage(user.user).await.map_err(|error| explain::store(&error))?;
                totals.users += u64::from(!admin::is_deleted(user));
                totals.nodes += usage.nodes;
                totals.bytes += usage.bytes;
            }
            after = page.last().map(|user| user.user);
            if page.len() < PAGE as usize {
                return Ok(totals);
            }
        }
    }

    /// Bytes as users see them, to one that is stored; `None`: nothing is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        ratio(self.bytes, self.stored.bytes)
    }

    pub(crate) fn text(&self) -> String {
        let (logical, stored) = (output::bytes(self.bytes), output::bytes(self.stored.bytes));
        let ratio = self.ratio().map(|ratio| format!(", {ratio:.2} to 1")).unwrap_or_default();
        format!("{logical} (all versions) in {stored}{ratio}")
    }
}

/// Logical bytes to one that is stored; `None`: nothing is.
pub(crate) fn ratio(logical: u64, stored: u64) -> Option<f64> {
    (stored > 0).then(|| logical as f64 / stored as f64)
}
