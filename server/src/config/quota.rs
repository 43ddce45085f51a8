//! What the configuration allows a user to whom nothing else was given.

use super::Config;
use coffer_service::Allowance;

impl Config {
    /// The allowance of everybody.
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance {
            bytes: crate::size::parse_limit(&self.quota.bytes).ok().flatten(),
            nodes: Some(self.quota.files).filter(|files| *files > 0),
        }
    }
}
