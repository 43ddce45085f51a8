//! Looks at the lock of the data directory, and at the disk below it.
//!
//! The lock itself is taken by the store; here it is only asked for.

use crate::data_dir::DataDir;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;

/// Whether a server (or another command) has the data directory to itself.
pub fn is_held(data: &DataDir) -> bool {
    let Ok(file) = File::open(data.lock_path()) else { return false };
    // Shared, so that two who ask do not see each other; given back at once.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => false,
        Err(error) => error == rustix::io::Errno::WOULDBLOCK,
    }
}

/// Room on the file system, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    pub(crate) total: u64,
    pub(crate) free: u64,
}

/// Asks the file system of the data directory.
pub(crate) fn space(data: &DataDir) -> Option<Space> {
    let stat = rustix::fs::statvfs(data.root()).ok()?;
    Some(Space {
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
    })
}
