//! What makes this device known to a server, so that a flood of strangers does not hold
//! it up. One line of text in the profile; it opens nothing.

use crate::error::ClientError;
use crate::home::{self, Home};
use coffer_protocol::message::work::DeviceToken;
use data_encoding::HEXLOWER;
use std::path::PathBuf;
use std::time::Duration;

const FILE: &str = "device";
const MAGIC: &str = "coffer-device-1";
/// After this time it is made anew.
const FRESH: Duration = Duration::from_hours(24 * 30);

fn path(home: &Home, profile: &str) -> Result<PathBuf, ClientError> {
    Ok(home.profile_dir(profile)?.join(FILE))
}

/// Saves it, in place of the one that was there.
pub(crate) fn save(home: &Home, profile: &str, token: &DeviceToken) -> Result<(), ClientError> {
    let line = format!("{MAGIC} {}\n", HEXLOWER.encode(&token.token));
    home::write_private(&path(home, profile)?, line.as_bytes())
}

/// Reads it. One that cannot be read is as good as none.
pub(crate) fn load(home: &Home, profile: &str) -> Option<DeviceToken> {
    let contents = home::read_small(&path(home, profile).ok()?).ok()??;
    let text = String::from_utf8(contents).ok()?;
    let token = text.trim_end().strip_prefix(MAGIC)?.trim_start();
    let token = HEXLOWER.decode(token.as_bytes()).ok()?;
    Some(DeviceToken { token: token.try_into().ok()? })
}

/// Whether there is none, or one that should be made anew.
pub(crate) fn is_due(home: &Home, profile: &str) -> bool {
    let age = || {
        let written = std::fs::metadata(path(home, profile).ok()?).ok()?.modified().ok()?;
        written.elapsed().ok()
    };
    load(home, profile).is_none() || age().is_some_and(|age| age > FRESH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(dir.path().join("coffer"));
        assert!(load(&home, "default").is_none() && is_due(&home, "default"));
        let token = DeviceToken { token: [0xA5; 89] };
        save(&home, "default", &token).expect("saved");
        assert_eq!(load(&home, "default"), Some(token));
        assert!(!is_due(&home, "default"));
        let path = path(&home, "default").expect("a path");
        for text in ["", "coffer-device-1", "coffer-device-1 00", "coffer-device-2 00", "\u{0}"] {
            home::write_private(&path, text.as_bytes()).expect("written");
            assert!(load(&home, "default").is_none() && is_due(&home, "default"), "{text:?}");
        }
    }
}
