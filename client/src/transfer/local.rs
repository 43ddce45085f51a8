//! Facts about local files, and the translation of local names and times to
//! remote ones. What differs between systems is here and in `target`.

use crate::error::ClientError;
use coffer_protocol::{ErrorCode, WireError};
use filetime::FileTime;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Modification time in milliseconds since 1970; 0 where there is none.
pub(crate) fn modified_millis(metadata: &Metadata) -> i64 {
    metadata.modified().map_or(0, to_millis)
}

/// Milliseconds since 1970, negative before.
pub(crate) fn to_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let millis = before.as_millis() + u128::from(before.subsec_nanos() % 1_000_000 != 0);
            i64::try_from(millis).map_or(i64::MIN, |millis| -millis)
        }
    }
}

/// The time that `to_millis` made the number of, where the system can hold it.
pub(crate) fn from_millis(millis: i64) -> Option<SystemTime> {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

/// The same as a time of a file.
pub(crate) fn file_time(millis: i64) -> Option<FileTime> {
    from_millis(millis).map(FileTime::from_system_time)
}

/// Whether the owner may execute the file.
#[cfg(unix)]
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

/// Whether the owner may execute the file: not a property of files here.
#[cfg(not(unix))]
pub(crate) fn is_executable(_metadata: &Metadata) -> bool {
    false
}

/// The error for a local name that is not Unicode: names on the server are.
pub(crate) fn not_unicode(path: &Path) -> ClientError {
    let cause = io::Error::new(io::ErrorKind::InvalidData, "its name is not valid Unicode");
    ClientError::io("cannot upload", path, cause)
}

/// Refuses a name that the server would refuse, before anything is sent.
pub(crate) fn check_remote_name(name: &str) -> Result<(), ClientError> {
    coffer_crypto::check_name(name).map_err(|reason| {
        let message = format!("the name cannot be stored: {reason}");
        WireError::new(ErrorCode::BAD_NAME, message, "Rename it, then upload it again.").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_way_there_and_back() {
        for millis in [0, 1, -1, 1_234_567_890_123, -62_135_596_800_000] {
            let time = from_millis(millis).expect("in range");
            assert_eq!(to_millis(time), millis);
        }
        let just_before = UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(to_millis(just_before), -1);
    }

    #[test]
    fn names_that_cannot_be_stored_are_refused_here() {
        assert!(check_remote_name("a b.txt").is_ok());
        for bad in ["", ".", "..", "a/b", "a\0b", &"x".repeat(256)] {
            assert!(check_remote_name(bad).is_err(), "{bad:?}");
        }
    }
}
