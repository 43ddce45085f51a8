//! What is remembered of a server and an account between runs: enough to
//! notice another server, an older server, or a changed account. No secret.

use crate::cluster::Machine;
use crate::error::ClientError;
use crate::home::{self, Home};
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::Welcome;
use coffer_protocol::message::account::KdfParams;
use coffer_protocol::{Position, ServerId};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "profile.toml";
const FORMAT: u32 = 1;

/// A remembered account on a remembered server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Pin of the server's CA.
    pub fingerprint: Fingerprint,
    /// The installation.
    pub server_id: ServerId,
    /// Highest epoch seen.
    pub epoch: u64,
    /// Highest position seen.
    pub position: Position,
    /// User name, normalised.
    pub user_name: String,
    /// Salt of the account.
    pub salt: [u8; 32],
    /// Key derivation of the account.
    pub kdf: KdfParams,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    host: String,
    port: u16,
    fingerprint: String,
    server_id: String,
    epoch: u64,
    position_epoch: u64,
    position_seq: u64,
    user: String,
    salt: String,
    kdf_id: u8,
    kdf_iterations: u32,
}

impl Profile {
    /// Host and port, as shown to people.
    pub fn target(&self) -> String {
        target(&self.host, self.port)
    }

    /// The primary, as far as is known.
    pub fn machine(&self) -> Machine {
        Machine { host: self.host.clone(), port: self.port, pin: self.fingerprint }
    }

    /// Another machine is the primary.
    pub(crate) fn set_machine(&mut self, machine: Machine) {
        (self.host, self.port, self.fingerprint) = (machine.host, machine.port, machine.pin);
    }

    /// Reads a profile; `None` if there is none of this name.
    pub fn load(home: &Home, name: &str) -> Result<Option<Self>, ClientError> {
        let path = path(home, name)?;
        let Some(contents) = home::read_small(&path)? else { return Ok(None) };
        let text = String::from_utf8(contents).map_err(|_| damaged(&path, "it is not text"))?;
        let stored: Stored =
            toml::from_str(&text).map_err(|error| damaged(&path, error.message()))?;
        if stored.format != FORMAT {
            return Err(damaged(&path, "it was written by another version of Coffer"));
        }
        stored.read().map(Some).ok_or_else(|| damaged(&path, "a value in it is not readable"))
    }

    /// Writes the profile.
    pub fn save(&self, home: &Home, name: &str) -> Result<(), ClientError> {
        let path = path(home, name)?;
        let text = toml::to_string(&Stored::of(self))
            .map_err(|error| damaged(&path, &error.to_string()))?;
        home::write_private(&path, text.as_bytes())
    }

    /// Removes the profile and whatever else is in its directory.
    pub fn remove(home: &Home, name: &str) -> Result<(), ClientError> {
        let dir = home.profile_dir(name)?;
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ClientError::io("cannot remove", &dir, error))
            }
            _ => Ok(()),
        }
    }

    /// Compares a server with the one that is remembered: another installation
    /// is a full stop, and so is one that has been replaced by a promotion.
    pub(crate) fn check_server(&self, welcome: &Welcome) -> Result<(), ClientError> {
        if welcome.server_id != self.server_id {
            return Err(ClientError::ServerReplaced {
                known: self.server_id,
                seen: welcome.server_id,
            });
        }
        if welcome.epoch < self.epoch {
            return Err(ClientError::EpochWentBack { known: self.epoch, seen: welcome.epoch });
        }
        Ok(())
    }

    /// Refuses a server that lacks writes it has confirmed before. A new epoch
    /// may start below the old one's last, never confirmed, positions.
    pub(crate) fn check_position(&self, seen: Position) -> Result<(), ClientError> {
        if seen.epoch <= self.position.epoch && seen < self.position {
            return Err(ClientError::StateWentBack { known: self.position, seen });
        }
        Ok(())
    }

    /// Whether both remember the same account of the same server.
    pub(crate) fn same_account(&self, other: &Self) -> bool {
        self.server_id == other.server_id && self.user_name == other.user_name
    }

    /// Remembers what is newer than what is remembered.
    pub(crate) fn raise(&mut self, epoch: u64, position: Position) {
        self.epoch = self.epoch.max(epoch).max(position.epoch);
        self.position = self.position.max(position);
    }
}

pub(crate) fn target(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

fn path(home: &Home, name: &str) -> Result<PathBuf, ClientError> {
    Ok(home.profile_dir(name)?.join(FILE))
}

fn damaged(path: &Path, detail: &str) -> ClientError {
    ClientError::ProfileDamaged { path: path.to_owned(), detail: detail.to_owned() }
}

impl Stored {
    fn of(profile: &Profile) -> Self {
        Self {
            format: FORMAT,
            host: profile.host.clone(),
            port: profile.port,
            fingerprint: profile.fingerprint.to_string(),
            server_id: profile.server_id.to_string(),
            epoch: profile.epoch,
            position_epoch: profile.position.epoch,
            position_seq: profile.position.seq,
            user: profile.user_name.clone(),
            salt: HEXLOWER.encode(&profile.salt),
            kdf_id: profile.kdf.id,
            kdf_iterations: profile.kdf.iterations,
        }
    }

    fn read(self) -> Option<Profile> {
        Some(Profile {
            host: self.host,
            port: self.port,
            fingerprint: self.fingerprint.parse().ok()?,
            server_id: ServerId::parse_hex(&self.server_id)?,
            epoch: self.epoch,
            position: Position { epoch: self.position_epoch, seq: self.position_seq },
            user_name: self.user,
            salt: HEXLOWER.decode(self.salt.as_bytes()).ok()?.try_into().ok()?,
            kdf: KdfParams { id: self.kdf_id, iterations: self.kdf_iterations },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::profile;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(dir.path().join("coffer"));
        (dir, home)
    }

    #[test]
    fn profiles_read_back_as_written() {
        let (_dir, home) = home();
        assert_eq!(Profile::load(&home, "work").expect("readable"), None);
        profile().save(&home, "work").expect("saved");
        let mut newer = profile();
        newer.raise(4, Position { epoch: 4, seq: 1 });
        newer.user_name = "J\u{fc}rgen \"x\" = 1".to_owned();
        newer.save(&home, "work").expect("replaced");
        assert_eq!(Profile::load(&home, "work").expect("readable"), Some(newer));
        assert_eq!(Profile::load(&home, "default").expect("readable"), None);
        assert_eq!(home.profiles().expect("listed"), ["work"]);
        Profile::remove(&home, "work").expect("removed");
        Profile::remove(&home, "work").expect("removed already");
        assert_eq!(Profile::load(&home, "work").expect("readable"), None);
    }

    #[test]
    fn damaged_and_newer_files_are_named_not_overlooked() {
        let (_dir, home) = home();
        profile().save(&home, "p").expect("saved");
        let path = path(&home, "p").expect("a path");
        let good = std::fs::read_to_string(&path).expect("text");
        for (from, to) in [
            ("format = 1", "format = 2"),
            ("salt = \"05", "salt = \"zz"),
            ("host", "hos"),
            ("port", "["),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from}");
            std::fs::write(&path, bad).expect("written");
            let error = Profile::load(&home, "p").expect_err(from);
            assert_eq!(error.code(), "profile-damaged", "{from}");
        }
        std::fs::write(&path, vec![b'#'; 1 << 20]).expect("written");
        assert_eq!(Profile::load(&home, "p").expect_err("long").code(), "profile-damaged");
    }

    #[test]
    fn memory_only_grows() {
        let mut memory = profile();
        memory.raise(1, Position { epoch: 3, seq: 5 });
        assert_eq!(memory, profile());
        memory.raise(3, Position { epoch: 5, seq: 1 });
        assert_eq!((memory.epoch, memory.position), (5, Position { epoch: 5, seq: 1 }));
    }
}
