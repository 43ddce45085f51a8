//! The saved keys of a signed-in account: what the password was turned into,
//! never the password. One line of text in a file that only its user can read.
//!
//! The file names the server the keys belong to; a file that others can read
//! is refused.

use crate::error::ClientError;
use crate::home::{self, Home};
use coffer_crypto::AccountKeys;
use coffer_protocol::ServerId;
use data_encoding::HEXLOWER;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FILE: &str = "keys";
const MAGIC: &str = "coffer-keys-1";

fn path(home: &Home, profile: &str) -> Result<PathBuf, ClientError> {
    Ok(home.profile_dir(profile)?.join(FILE))
}

/// Saves the keys, in place of those that were there.
pub(crate) fn save(
    home: &Home,
    profile: &str,
    server: ServerId,
    keys: &AccountKeys,
) -> Result<(), ClientError> {
    let saved = keys.to_saved();
    let keys = Zeroizing::new(HEXLOWER.encode(saved.as_slice()));
    let line = Zeroizing::new(format!("{MAGIC} {server} {}\n", keys.as_str()));
    home::write_private(&path(home, profile)?, line.as_bytes())
}

/// Whether keys are saved.
pub(crate) fn exist(home: &Home, profile: &str) -> Result<bool, ClientError> {
    Ok(path(home, profile)?.exists())
}

/// Reads the keys; `None` if there are none.
pub(crate) fn load(
    home: &Home,
    profile: &str,
    server: ServerId,
) -> Result<Option<AccountKeys>, ClientError> {
    let path = path(home, profile)?;
    let Some(contents) = home::read_small(&path)? else { return Ok(None) };
    let contents = Zeroizing::new(contents);
    refuse_shared(&path)?;
    let unreadable = || damaged(&path, "it does not hold saved keys");
    let text = std::str::from_utf8(&contents).map_err(|_| unreadable())?;
    let mut words = text.split_ascii_whitespace();
    let (magic, belongs, keys, rest) = (words.next(), words.next(), words.next(), words.next());
    let (Some(MAGIC), Some(belongs), Some(keys), None) = (magic, belongs, keys, rest) else {
        return Err(unreadable());
    };
    if ServerId::parse_hex(belongs) != Some(server) {
        return Err(damaged(&path, "its keys belong to another server"));
    }
    let keys = Zeroizing::new(HEXLOWER.decode(keys.as_bytes()).map_err(|_| unreadable())?);
    let keys: &[u8; 64] = keys.as_slice().try_into().map_err(|_| unreadable())?;
    Ok(Some(AccountKeys::from_saved(keys)))
}

/// Deletes the keys. Returns whether there were any.
pub(crate) fn delete(home: &Home, profile: &str) -> Result<bool, ClientError> {
    let there = exist(home, profile)?;
    home::remove(&path(home, profile)?)?;
    Ok(there)
}

fn damaged(path: &Path, detail: &str) -> ClientError {
    ClientError::ProfileDamaged { path: path.to_owned(), detail: detail.to_owned() }
}

#[cfg(unix)]
fn refuse_shared(path: &Path) -> Result<(), ClientError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata =
        std::fs::metadata(path).map_err(|error| ClientError::io("cannot read", path, error))?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(damaged(path, "other users may read it; make it yours alone (chmod 600)")),
    }
}

#[cfg(not(unix))]
fn refuse_shared(_path: &Path) -> Result<(), ClientError> {
    // The directory inherits the rights of the user's configuration directory.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerId = ServerId([3; 32]);

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(dir.path().join("coffer"));
        (dir, home)
    }

    fn keys(seed: u8) -> AccountKeys {
        AccountKeys::from_saved(&[seed; 64])
    }

    #[test]
    fn keys_read_back_for_their_server_only() {
        let (_dir, home) = home();
        assert!(load(&home, "default", SERVER).expect("readable").is_none());
        save(&home, "default", SERVER, &keys(1)).expect("saved");
        save(&home, "default", SERVER, &keys(2)).expect("replaced");
        let loaded = load(&home, "default", SERVER).expect("readable").expect("there");
        assert_eq!(*loaded.to_saved(), [2; 64]);
        let other = load(&home, "default", ServerId([4; 32])).err().expect("refused");
        assert_eq!(other.code(), "profile-damaged");
        assert!(delete(&home, "default").expect("deleted"));
        assert!(!delete(&home, "default").expect("gone already"));
        assert!(load(&home, "default", SERVER).expect("readable").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_for_their_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, home) = home();
        save(&home, "default", SERVER, &keys(1)).expect("saved");
        let path = path(&home, "default").expect("a path");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&path) & 0o777, 0o600);
        assert_eq!(mode(path.parent().expect("a directory")) & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("opened");
        let refused = load(&home, "default", SERVER).err().expect("refused");
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
    }

    #[test]
    fn a_damaged_file_is_named() {
        let (_dir, home) = home();
        for text in ["", "coffer-keys-1", "coffer-keys-2 00 00", "coffer-keys-1 zz zz", "\u{0}"] {
            home::write_private(&path(&home, "p").expect("a path"), text.as_bytes())
                .expect("written");
            let error = load(&home, "p", SERVER).err().expect("refused");
            assert_eq!(error.code(), "profile-damaged", "{text:?}");
        }
    }
}
