//! The data directory: what lies where, and what a directory must hold before
//! anything in it is touched.
//!
//! Guarantees: a directory counts as initialised only when `coffer-data` is
//! there, which `init` writes last; a master key that belongs to another
//! installation is recognised before the database is opened.

use crate::config::Config;
use crate::failure::{Code, Failure, Outcome};
use coffer_crypto::{MasterKey, ServerSecret};
use coffer_protocol::ServerId;
use coffer_store::durable::{self, DurableError, WriteError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Format of the data directory that this build writes.
pub const FORMAT: u32 = 1;
/// Mode of files with secrets, and of everything else the server writes.
const FILE_MODE: u32 = 0o600;
const MARKER_FILE: &str = "coffer-data";
const MARKER_MAGIC: &str = "coffer-data";
const MASTER_KEY_FILE: &str = "master.key";
/// Longest file of this module that is read.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// What the marker file says about the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Which installation this is.
    pub server_id: ServerId,
    /// Tells the right master key from a wrong one.
    pub check_value: [u8; 32],
}

impl DataDir {
    /// Names a directory; nothing is looked at yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the marker is.
    pub fn marker_path(&self) -> PathBuf {
        self.root.join(MARKER_FILE)
    }

    /// Where the configuration is.
    pub fn config_path(&self) -> PathBuf {
        self.root.join(crate::config::CONFIG_FILE)
    }

    /// Where the master key is.
    pub fn master_key_path(&self, config: &Config) -> PathBuf {
        match &config.master_key_file {
            Some(path) => self.root.join(path),
            None => self.root.join(MASTER_KEY_FILE),
        }
    }

    /// Where certificates and their sealed keys are.
    pub fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// Where the anchor is.
    pub fn anchor_path(&self) -> PathBuf {
        self.root.join("anchor")
    }

    /// Where a running server says how it can be reached.
    pub fn running_path(&self) -> PathBuf {
        self.root.join("running")
    }

    /// Where a running server says how far its replicas are.
    pub fn replicas_path(&self) -> PathBuf {
        self.root.join("replicas")
    }

    /// Where a machine that follows another one says whom, and as whom.
    pub fn replica_path(&self) -> PathBuf {
        self.root.join("coffer-replica")
    }

    /// Where the scrub is.
    pub fn scrub_path(&self) -> PathBuf {
        self.root.join("scrub")
    }

    /// Where samples of what was stored and done are.
    pub fn history_path(&self) -> PathBuf {
        self.root.join("history")
    }

    /// The file that the store locks.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Reads the marker, or says why this is not a usable data directory.
    pub fn marker(&self) -> Outcome<Marker> {
        let path = self.marker_path();
        if !path.exists() {
            let message = format!("{} is not a Coffer data directory", self.root.display());
            return Err(Failure::new(Code::NotInitialised, message).hint(format!(
                "Make one with: coffer-server init --data {}",
                self.root.display()
            )));
        }
        let text = read_text(&path)?;
        Marker::parse(&text).map_err(|problem| match problem {
            MarkerProblem::Newer(version) => Failure::new(
                Code::FormatNewer,
                format!(
                    "{} has format {version}; this coffer-server knows formats up to {FORMAT}",
                    self.root.display()
                ),
            )
            .hint("Install the newer coffer-server that wrote it. Nothing was changed."),
            MarkerProblem::Damaged => {
                Failure::new(Code::FileDamaged, format!("{} is damaged", path.display()))
                    .hint("Restore the file from a backup.")
            }
        })
    }

    /// Reads the master key and proves that it belongs to this installation.
    pub fn secret(&self, config: &Config, marker: &Marker) -> Outcome<ServerSecret> {
        let master = self.master_key(config)?;
        let secret = ServerSecret::derive(&master, marker.server_id.as_bytes());
        if secret.check_value() != marker.check_value {
            let path = self.master_key_path(config);
            let message =
                format!("the master key in {} belongs to another installation", path.display());
            return Err(Failure::new(Code::MasterKeyWrong, message).hint(
                "Put the key of this installation there (from a backup or the recovery sheet). \
                 Nothing was changed.",
            ));
        }
        Ok(secret)
    }

    /// Reads the master key.
    pub fn master_key(&self, config: &Config) -> Outcome<MasterKey> {
        let path = self.master_key_path(config);
        let meta = std::fs::metadata(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::new(
                Code::MasterKeyMissing,
                format!("the master key {} is missing", path.display()),
            )
            .hint(
                "Bring it back from a backup, or type the text of the recovery sheet into this \
                 file (chmod 600). Without it nothing that is stored can be read.",
            ),
            _ => Failure::io("read", &path, &error),
        })?;
        let mode = meta.permissions().mode();
        if mode & 0o077 != 0 {
            let message = format!("others can read the master key {}", path.display());
            return Err(Failure::new(Code::MasterKeyExposed, message).hint(format!(
                "Run: chmod 600 {}, and think about who may have seen it.",
                path.display()
            )));
        }
        let text = Zeroizing::new(read_text(&path)?);
        MasterKey::parse_file_text(&text).map_err(|error| {
            let message = format!("{} does not hold a master key: {error}", path.display());
            Failure::new(Code::MasterKeyWrong, message)
                .hint("Compare it with the recovery sheet; every group counts.")
        })
    }
}

enum MarkerProblem {
    Newer(u32),
    Damaged,
}

impl Marker {
    /// The text of the marker file.
    pub fn to_text(&self) -> String {
        let hex = data_encoding::HEXLOWER;
        let check = hex.encode(&self.check_value);
        format!("{MARKER_MAGIC} {FORMAT}\nserver {}\ncheck {check}\n", self.server_id)
    }

    fn parse(text: &str) -> Result<Self, MarkerProblem> {
        let mut lines = text.lines();
        let mut value = |key: &str| {
            let (name, value) = lines.next()?.split_once(' ')?;
            (name == key).then_some(value)
        };
        let format: u32 = value(MARKER_MAGIC)
            .and_then(|number| number.parse().ok())
            .ok_or(MarkerProblem::Damaged)?;
        if format > FORMAT {
            return Err(MarkerProblem::Newer(format));
        }
        let server_id = value("server").and_then(ServerId::parse_hex);
        let check = value("check")
            .and_then(|text| data_encoding::HEXLOWER.decode(text.as_bytes()).ok())
            .and_then(|bytes| bytes.try_into().ok());
        match (format, server_id, check) {
            (FORMAT, Some(server_id), Some(check_value)) => Ok(Self { server_id, check_value }),
            _ => Err(MarkerProblem::Damaged),
        }
    }
}

/// Reads a small text file of the data directory.
pub fn read_text(path: &Path) -> Outcome<String> {
    let damaged = |why: &str| {
        Failure::new(Code::FileDamaged, format!("{} is damaged: {why}", path.display()))
            .hint("Restore the file from a backup.")
    };
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|_| damaged("it is not text"))
}

/// Reads a small file of the data directory.
pub fn read_bytes(path: &Path) -> Outcome<Vec<u8>> {
    let meta = std::fs::metadata(path).map_err(|error| missing(path, &error))?;
    if meta.len() > MAX_FILE_BYTES {
        let message = format!("{} is damaged: it is far too long", path.display());
        return Err(
            Failure::new(Code::FileDamaged, message).hint("Restore the file from a backup.")
        );
    }
    std::fs::read(path).map_err(|error| missing(path, &error))
}

fn missing(path: &Path, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(Code::FileMissing, format!("{} is missing", path.display()))
                .hint("Restore it from a backup of the data directory.")
        }
        _ => Failure::io("read", path, error),
    }
}

/// Writes a file so that a crash leaves the old or the new one, never half.
pub fn write(path: &Path, bytes: &[u8]) -> Outcome {
    durable::write_atomic(path, bytes, FILE_MODE).map_err(|error| write_failure(path, &error))
}

/// Explains a failed durable write.
pub fn write_failure(path: &Path, error: &DurableError) -> Failure {
    match error {
        DurableError::Write(WriteError::DiskFull) => Failure::new(
            Code::DiskFull,
            format!("cannot write {}: the disk is full", path.display()),
        )
        .hint("Make room on the file system and try again."),
        DurableError::Write(_) => Failure::new(Code::DirectoryUnwritable, error.to_string())
            .hint("Check owner and rights of the data directory."),
        _ => Failure::new(Code::Poisoned, error.to_string())
            .hint("The disk reports an error; look at the kernel log before you go on."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker { server_id: ServerId([7; 32]), check_value: [9; 32] }
    }

    fn code_of(text: &str) -> Code {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        std::fs::write(data.marker_path(), text).unwrap();
        data.marker().unwrap_err().code
    }

    #[test]
    fn the_marker_reads_back_and_its_text_is_fixed() {
        let text = marker().to_text();
        assert_eq!(
            text,
            format!("coffer-data 1\nserver {}\ncheck {}\n", "07".repeat(32), "09".repeat(32))
        );
        assert_eq!(Marker::parse(&text).ok(), Some(marker()));
    }

    #[test]
    fn a_bad_marker_is_told_from_a_newer_one() {
        assert_eq!(code_of("coffer-data 2\nwhatever"), Code::FormatNewer);
        assert_eq!(code_of("coffer-data 0\n"), Code::FileDamaged);
        assert_eq!(code_of("coffer-data 1\nserver 00\n"), Code::FileDamaged);
        assert_eq!(code_of(""), Code::FileDamaged);
        assert_eq!(code_of(&"x".repeat(1 << 20)), Code::FileDamaged);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(DataDir::new(dir.path()).marker().unwrap_err().code, Code::NotInitialised);
    }
}
