//! How much of the disk uploads may fill.
//!
//! A disk that is completely full cannot even delete: SQL and its journal need
//! room to write. Uploads therefore stop while a reserve is left, and deletes,
//! replication and garbage collection go on with it.

use super::ChunkStore;
use super::error::ChunkError;

/// The part of the disk that uploads leave free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// Hundredths of the size of the file system.
    Percent(u8),
    /// Bytes.
    Bytes(u64),
}

impl Default for Reserve {
    fn default() -> Self {
        Self::Percent(5)
    }
}

impl Reserve {
    /// The reserve in bytes on a file system of this size.
    fn bytes(self, total: u64) -> u64 {
        match self {
            Self::Percent(percent) => total / 100 * u64::from(percent.min(100)),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The room on the file system of the data directory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Size of the file system.
    pub total: u64,
    /// What this process may still use.
    pub free: u64,
    /// What uploads have to leave.
    pub reserve: u64,
}

impl ChunkStore {
    /// Asks the file system how much room there is.
    pub fn free_space(&self) -> Result<Space, ChunkError> {
        let data = self.layout.data();
        let stat = rustix::fs::statvfs(data)
            .map_err(|e| ChunkError::io("ask for the free space of", data, e.into()))?;
        let total = stat.f_blocks.saturating_mul(stat.f_frsize);
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        Ok(Space { total, free, reserve: self.reserve.bytes(total) })
    }

    /// Says whether an upload of this many bytes leaves the reserve untouched.
    /// To be asked for what users upload, inline chunks included, and not for
    /// replication, deletes and garbage collection.
    pub fn admit_upload(&self, bytes: u64) -> Result<(), ChunkError> {
        let space = self.free_space()?;
        if space.free < space.reserve.saturating_add(bytes) {
            return Err(ChunkError::DiskFull);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Reserve;

    #[test]
    fn the_reserve_is_a_share_or_a_number() {
        assert_eq!(Reserve::default().bytes(1000), 50);
        assert_eq!(Reserve::Percent(200).bytes(1000), 1000);
        assert_eq!(Reserve::Bytes(7).bytes(1000), 7);
    }
}
