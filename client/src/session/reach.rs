//! What a session can do now, for programs that show it.

use crate::cluster::Machine;
use std::time::{Duration, SystemTime};

/// Which machine serves a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The primary answers, or has not been asked yet.
    Primary,
    /// The primary does not answer; a standby serves reads.
    Standby {
        /// Which.
        machine: Machine,
        /// Age of what it showed when it was reached.
        behind: Duration,
        /// Since when.
        since: SystemTime,
    },
    /// No machine answers.
    Unreachable {
        /// Since when.
        since: SystemTime,
    },
}

impl Reach {
    /// The standby that serves reads, if one does.
    pub fn standby(&self) -> Option<&Machine> {
        match self {
            Self::Standby { machine, .. } => Some(machine),
            _ => None,
        }
    }
}
