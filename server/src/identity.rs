//! The file `coffer-replica`: what this machine is, of which installation, and
//! what it proves itself with.
//!
//! Guarantees: a directory counts as a replica only when the file is there, which
//! `join` and `rejoin` write last; the secret in it is never shown or logged.

use crate::data_dir;
use crate::failure::{Code, Failure, Outcome};
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::peer::{Joined, ReplicaKind};
use coffer_protocol::{ReplicaId, ServerId};
use coffer_transport::Target;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

const FILE: &str = "coffer-replica";
/// Format of the directory that this build writes.
const FORMAT: u32 = 1;

/// What the file holds. Bytes are hexadecimal.
#[derive(Deserialize, Serialize)]
struct Text {
    format: u32,
    server: String,
    replica: String,
    kind: String,
    secret: String,
    check: String,
    source_host: String,
    source_port: u16,
    source_pin: String,
}

impl Drop for Text {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// What this machine is.
pub struct Identity {
    /// The installation.
    pub server_id: ServerId,
    /// What it is called.
    pub replica: ReplicaId,
    /// Whether it has the master key.
    pub kind: ReplicaKind,
    /// Proves it to its source.
    pub secret: Zeroizing<[u8; 32]>,
    /// Tells whether a master key is the one of the installation.
    pub check_value: [u8; 32],
    /// Whom it follows.
    pub source: Target,
}

fn path(root: &Path) -> PathBuf {
    root.join(FILE)
}

impl Identity {
    /// What a join has made.
    pub fn new(joined: &Joined, kind: ReplicaKind, source: Target) -> Self {
        Self {
            server_id: joined.server_id,
            replica: joined.replica,
            kind,
            secret: Zeroizing::new(joined.secret),
            check_value: joined.check_value,
            source,
        }
    }

    /// Whether the directory is a replica.
    pub fn exists(root: &Path) -> bool {
        path(root).exists()
    }

    /// Writes the file.
    pub fn write(&self, root: &Path) -> Outcome {
        let pin = self.source.pin.map(|pin| HEXLOWER.encode(&pin.0)).unwrap_or_default();
        let text = Text {
            format: FORMAT,
            server: self.server_id.to_string(),
            replica: self.replica.to_string(),
            kind: kind_name(self.kind).to_owned(),
            secret: HEXLOWER.encode(&*self.secret),
            check: HEXLOWER.encode(&self.check_value),
            source_host: self.source.host.clone(),
            source_port: self.source.port,
            source_pin: pin,
        };
        let bytes = Zeroizing::new(serde_json::to_vec_pretty(&text).unwrap_or_default());
        data_dir::write(&path(root), &bytes)
    }

    /// Reads the file.
    pub fn read(root: &Path) -> Outcome<Self> {
        if !Self::exists(root) {
            let message = format!("{} is not the directory of a replica", root.display());
            return Err(Failure::new(Code::NotInitialised, message)
                .hint("Make one with: coffer-replica join --data DIR ..."));
        }
        let bytes = Zeroizing::new(data_dir::read_bytes(&path(root))?);
        let damaged = || {
            Failure::new(Code::FileDamaged, format!("{} is damaged", path(root).display()))
                .hint("Restore the file from a backup, or join again with an empty directory.")
        };
        let text: Text = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if text.format != FORMAT {
            let message = format!("{} has format {}", root.display(), text.format);
            return Err(Failure::new(Code::FormatNewer, message)
                .hint("Install the newer coffer-replica that wrote it. Nothing was changed."));
        }
        Self::parse(&text).ok_or_else(damaged)
    }

    fn parse(text: &Text) -> Option<Self> {
        let kind = match text.kind.as_str() {
            "keyless" => ReplicaKind::Keyless,
            "standby" => ReplicaKind::Standby,
            _ => return None,
        };
        Some(Self {
            server_id: ServerId::parse_hex(&text.server)?,
            replica: ReplicaId::parse_hex(&text.replica)?,
            kind,
            secret: Zeroizing::new(bytes_of(&text.secret)?),
            check_value: bytes_of(&text.check)?,
            source: Target {
                host: text.source_host.clone(),
                port: text.source_port,
                pin: Some(Fingerprint(bytes_of(&text.source_pin)?)),
            },
        })
    }
}

fn bytes_of(text: &str) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(HEXLOWER.decode(text.as_bytes()).ok()?);
    bytes.as_slice().try_into().ok()
}

/// The kind, as it is shown and stored.
pub fn kind_name(kind: ReplicaKind) -> &'static str {
    match kind {
        ReplicaKind::Keyless => "keyless",
        ReplicaKind::Standby => "standby",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity {
            server_id: ServerId([1; 32]),
            replica: ReplicaId([2; 16]),
            kind: ReplicaKind::Standby,
            secret: Zeroizing::new([3; 32]),
            check_value: [4; 32],
            source: Target {
                host: "files.example.org".to_owned(),
                port: 7440,
                pin: Some(Fingerprint([5; 32])),
            },
        };
        let code = |root: &Path| Identity::read(root).err().map(|failure| failure.code);
        assert_eq!(code(dir.path()), Some(Code::NotInitialised));
        identity.write(dir.path()).unwrap();
        let read = Identity::read(dir.path()).unwrap();
        assert_eq!(
            (read.server_id, read.replica, read.kind),
            (identity.server_id, identity.replica, identity.kind)
        );
        assert_eq!((&*read.secret, read.check_value), (&[3; 32], [4; 32]));
        assert_eq!(read.source, identity.source);
        let text = std::fs::read_to_string(path(dir.path())).unwrap();
        std::fs::write(path(dir.path()), text.replace("standby", "other")).unwrap();
        assert_eq!(code(dir.path()), Some(Code::FileDamaged));
        std::fs::write(path(dir.path()), text.replace("\"format\": 1", "\"format\": 2")).unwrap();
        assert_eq!(code(dir.path()), Some(Code::FormatNewer));
    }
}
