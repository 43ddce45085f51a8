//! File descriptors: how many there are, and how many connections that allows.
//!
//! Guarantees: connections never take the descriptors that the store needs.

use crate::config::Limits;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors for the store, the database, the log and the rest.
const RESERVE: u64 = 256;
/// Fewer connections than this make no server.
const LEAST: u32 = 8;

/// Raises the limit as far as the system lets us, and lowers the number of
/// connections if that is not enough.
pub(crate) fn fit(limits: &Limits) -> Limits {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
    let granted = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = allowed(limits.connections, granted);
    if connections < limits.connections {
        tracing::warn!(
            granted,
            connections,
            "fewer connections than limits.connections: raise the limit of open files"
        );
    }
    Limits { connections, ..limits.clone() }
}

fn allowed(wanted: u32, granted: u64) -> u32 {
    let room = u32::try_from(granted.saturating_sub(RESERVE)).unwrap_or(u32::MAX);
    wanted.min(room.max(LEAST))
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        assert_eq!(allowed(4096, 1_000_000), 4096);
        assert_eq!(allowed(4096, 1024), 768);
        assert_eq!(allowed(4096, 100), 8);
        assert_eq!(allowed(4, 1024), 4);
        assert_eq!(allowed(u32::MAX, u64::MAX), u32::MAX);
    }
}
