//! The two small files of the data directory: its format and its lock.
//!
//! ```text
//! coffer-data-directory 1
//! server <server id, 64 hexadecimal digits>
//! ```

use crate::config::StoreConfig;
use crate::durable;
use crate::error::StoreError;
use coffer_protocol::ServerId;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// First word of the format file.
const NAME: &str = "coffer-data-directory";
/// The format that this build writes and reads.
const VERSION: u64 = 1;
/// The format file is smaller than this.
const MAX_BYTES: u64 = 4096;

/// What the format file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataFormat {
    pub(crate) server_id: ServerId,
}

/// Writes the format file.
pub(crate) fn write(path: &Path, server_id: ServerId) -> Result<(), StoreError> {
    let text = format!("{NAME} {VERSION}\nserver {server_id}\n");
    Ok(durable::write_atomic(path, text.as_bytes(), 0o600)?)
}

/// Reads the format file of a data directory.
pub(crate) fn read(config: &StoreConfig) -> Result<DataFormat, StoreError> {
    let path = config.format_file();
    let mut text = String::new();
    let outcome = File::open(&path).and_then(|f| f.take(MAX_BYTES).read_to_string(&mut text));
    match outcome {
        Ok(_) => parse(&text, &path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::NotInitialised(config.data_dir.display().to_string()))
        }
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(StoreError::BadFormatFile(path)),
        Err(source) => Err(StoreError::Io { action: "read", path, source }),
    }
}

fn parse(text: &str, path: &Path) -> Result<DataFormat, StoreError> {
    let bad = || StoreError::BadFormatFile(path.to_owned());
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix(NAME)).ok_or_else(bad)?;
    let version: u64 = version.trim().parse().map_err(|_| bad())?;
    if version > VERSION {
        let what = "the data directory";
        return Err(StoreError::NewerFormat { what, found: version, known: VERSION });
    }
    let server = lines.next().and_then(|line| line.strip_prefix("server ")).ok_or_else(bad)?;
    match (version, ServerId::parse_hex(server), lines.next()) {
        (VERSION, Some(server_id), None) => Ok(DataFormat { server_id }),
        _ => Err(bad()),
    }
}

/// Takes the lock of a data directory; it is given back when the file is closed,
/// also by the end of the process.
pub(crate) fn lock(path: &Path) -> Result<File, StoreError> {
    let io = |action| move |source| StoreError::Io { action, path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(io("open"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::Locked(path.parent().unwrap_or(path).to_owned()))
        }
        Err(TryLockError::Error(source)) => Err(io("lock")(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ServerId = ServerId([0xab; 32]);

    #[test]
    fn the_format_file_has_known_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig::new(dir.path());
        assert!(matches!(read(&config), Err(StoreError::NotInitialised(_))));
        write(&config.format_file(), ID).unwrap();
        let text = std::fs::read_to_string(config.format_file()).unwrap();
        assert_eq!(text, format!("coffer-data-directory 1\nserver {}\n", "ab".repeat(32)));
        assert_eq!(read(&config).unwrap(), DataFormat { server_id: ID });
    }

    #[test]
    fn other_texts_are_refused() {
        let good = format!("coffer-data-directory 1\nserver {ID}\n");
        let path = Path::new("format");
        assert!(parse(&good, path).is_ok());
        let newer = good.replace(" 1\n", " 2\n");
        assert!(matches!(parse(&newer, path), Err(StoreError::NewerFormat { found: 2, .. })));
        for bad in ["", "x", &good[..80], &format!("{good}more\n"), &good.replace(" 1\n", " 0\n")] {
            assert!(matches!(parse(bad, path), Err(StoreError::BadFormatFile(_))), "{bad}");
        }
    }

    #[test]
    fn a_lock_is_exclusive_and_ends_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(StoreError::Locked(_))));
        drop(held);
        lock(&path).unwrap();
    }
}
