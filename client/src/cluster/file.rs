//! The file in which the machines of an installation are remembered, in the
//! directory of the profile. It has a format of its own, so that a profile of an
//! earlier version is good without it.

use super::{Cluster, KnownMachine, MAX_MACHINES, Machine, is_usable};
use crate::error::ClientError;
use crate::home::{self, Home};
use coffer_protocol::message::cluster::{EpochProof, ServerRole};
use coffer_protocol::{Position, ServerId};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "machines.toml";
const FORMAT: u32 = 1;

/// The file as it is written.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    server_id: String,
    asked_epoch: u64,
    asked_seq: u64,
    #[serde(default, rename = "machine")]
    machines: Vec<StoredMachine>,
    proof: Option<StoredProof>,
}

#[derive(Serialize, Deserialize)]
struct StoredMachine {
    host: String,
    port: u16,
    fingerprint: String,
    role: String,
}

#[derive(Serialize, Deserialize)]
struct StoredProof {
    epoch: u64,
    fork_seq: u64,
    fork_hash: String,
    host: String,
    port: u16,
    fingerprint: String,
    mac: String,
}

impl Cluster {
    /// Reads what is remembered of this installation; what is remembered of
    /// another one counts as nothing.
    pub(crate) fn load(home: &Home, name: &str, server_id: ServerId) -> Result<Self, ClientError> {
        let path = path(home, name)?;
        let unknown = Self::unknown(server_id);
        let Some(contents) = home::read_small(&path)? else { return Ok(unknown) };
        let text = String::from_utf8(contents).map_err(|_| damaged(&path, "it is not text"))?;
        let stored: Stored =
            toml::from_str(&text).map_err(|error| damaged(&path, error.message()))?;
        if stored.format != FORMAT {
            return Err(damaged(&path, "it was written by another version of Coffer"));
        }
        let read = stored.read().ok_or_else(|| damaged(&path, "a value in it is not readable"))?;
        Ok(if read.server_id == server_id { read } else { unknown })
    }

    /// Writes it down.
    pub(crate) fn save(&self, home: &Home, name: &str) -> Result<(), ClientError> {
        let path = path(home, name)?;
        let text = toml::to_string(&Stored::of(self))
            .map_err(|error| damaged(&path, &error.to_string()))?;
        home::write_private(&path, text.as_bytes())
    }
}

fn path(home: &Home, name: &str) -> Result<PathBuf, ClientError> {
    Ok(home.profile_dir(name)?.join(FILE))
}

fn damaged(path: &Path, detail: &str) -> ClientError {
    ClientError::ProfileDamaged { path: path.to_owned(), detail: detail.to_owned() }
}

/// What a role is called.
fn name_of(role: ServerRole) -> &'static str {
    match role {
        ServerRole::Primary => "primary",
        ServerRole::Standby => "standby",
        ServerRole::Keyless => "keyless",
        ServerRole::Fenced => "fenced",
    }
}

fn role_of(name: &str) -> Option<ServerRole> {
    use ServerRole::{Fenced, Keyless, Primary, Standby};
    [Primary, Standby, Keyless, Fenced].into_iter().find(|role| name_of(*role) == name)
}

fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

impl Stored {
    fn of(cluster: &Cluster) -> Self {
        let machine = |known: &KnownMachine| StoredMachine {
            host: known.machine.host.clone(),
            port: known.machine.port,
            fingerprint: known.machine.pin.to_string(),
            role: name_of(known.role).to_owned(),
        };
        Self {
            format: FORMAT,
            server_id: cluster.server_id.to_string(),
            asked_epoch: cluster.asked_at.epoch,
            asked_seq: cluster.asked_at.seq,
            machines: cluster.machines.iter().map(machine).collect(),
            proof: cluster.proof.as_ref().map(StoredProof::of),
        }
    }

    fn read(self) -> Option<Cluster> {
        if self.machines.len() > MAX_MACHINES {
            return None;
        }
        Some(Cluster {
            server_id: ServerId::parse_hex(&self.server_id)?,
            machines: self.machines.into_iter().map(StoredMachine::read).collect::<Option<_>>()?,
            proof: match self.proof {
                Some(proof) => Some(proof.read()?),
                None => None,
            },
            asked_at: Position { epoch: self.asked_epoch, seq: self.asked_seq },
        })
    }
}

impl StoredMachine {
    fn read(self) -> Option<KnownMachine> {
        let (pin, role) = (self.fingerprint.parse().ok()?, role_of(&self.role)?);
        let machine = Machine { host: self.host, port: self.port, pin };
        is_usable(&machine).then_some(KnownMachine { machine, role })
    }
}

impl StoredProof {
    fn of(proof: &EpochProof) -> Self {
        Self {
            epoch: proof.epoch,
            fork_seq: proof.fork_seq,
            fork_hash: HEXLOWER.encode(&proof.fork_hash),
            host: proof.host.clone(),
            port: proof.port,
            fingerprint: HEXLOWER.encode(&proof.fingerprint),
            mac: HEXLOWER.encode(&proof.mac),
        }
    }

    fn read(self) -> Option<EpochProof> {
        Some(EpochProof {
            epoch: self.epoch,
            fork_seq: self.fork_seq,
            fork_hash: bytes_of(&self.fork_hash)?,
            host: self.host,
            port: self.port,
            fingerprint: bytes_of(&self.fingerprint)?,
            mac: bytes_of(&self.mac)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, info, proof};
    use super::*;

    const SERVER: ServerId = ServerId([7; 32]);

    fn saved() -> (tempfile::TempDir, Home, Cluster) {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(dir.path().join("coffer"));
        let mut cluster = Cluster::unknown(SERVER);
        let list = vec![endpoint(1, ServerRole::Primary), endpoint(2, ServerRole::Standby)];
        cluster.learn(&info(list, Some(proof(4, 1))), Position { epoch: 4, seq: 17 });
        cluster.save(&home, "p").expect("saved");
        (dir, home, cluster)
    }

    #[test]
    fn machines_read_back_as_written_and_for_their_installation_only() {
        let (_dir, home, cluster) = saved();
        assert_eq!(Cluster::load(&home, "p", SERVER).expect("readable"), cluster);
        let other = ServerId([8; 32]);
        let none = Cluster::unknown(other);
        assert_eq!(Cluster::load(&home, "p", other).expect("readable"), none);
        let none = Cluster::unknown(SERVER);
        assert_eq!(Cluster::load(&home, "q", SERVER).expect("not there"), none);
    }

    #[test]
    fn damaged_and_newer_files_are_named_not_overlooked() {
        let (_dir, home, _) = saved();
        let path = path(&home, "p").expect("a path");
        let good = std::fs::read_to_string(&path).expect("text");
        for (from, to) in [
            ("format = 1", "format = 2"),
            ("role = \"standby\"", "role = \"king\""),
            ("mac = \"02", "mac = \"zz"),
            ("host = \"host1\"", "host = \"\""),
            ("asked_seq", "asked"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from}");
            std::fs::write(&path, bad).expect("written");
            let error = Cluster::load(&home, "p", SERVER).expect_err(from);
            assert_eq!(error.code(), "profile-damaged", "{from}");
            assert!(error.to_string().contains("machines.toml"), "{error}");
        }
        std::fs::write(&path, vec![b'#'; 1 << 20]).expect("written");
        let error = Cluster::load(&home, "p", SERVER).expect_err("long");
        assert_eq!(error.code(), "profile-damaged");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, home, _) = saved();
        let path = path(&home, "p").expect("a path");
        let mode = std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
