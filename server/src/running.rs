//! The file `running`: how other commands find the running server.
//!
//! Guarantees: it is a hint. Whether a server runs is decided by the lock of
//! the data directory alone; a file left by a crash misleads nobody.

use crate::data_dir::{self, DataDir};
use crate::failure::Outcome;
use std::net::SocketAddr;

/// What a running server says about itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Running {
    /// Process id.
    pub pid: u32,
    /// Address with the real port.
    pub listen: SocketAddr,
    /// Start, in milliseconds since 1970.
    pub since_millis: i64,
    /// Program version.
    pub version: String,
}

impl Running {
    /// Leaves the note; for the server, once it listens.
    pub(crate) fn write(&self, data: &DataDir) -> Outcome {
        let text = serde_json::to_string(self).unwrap_or_default();
        data_dir::write(&data.running_path(), text.as_bytes())
    }

    /// Reads the note, if there is one that can be read.
    pub(crate) fn read(data: &DataDir) -> Option<Self> {
        let text = data_dir::read_text(&data.running_path()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Takes the note away; for the server, at the end.
    pub(crate) fn remove(data: &DataDir) {
        let path = data.running_path();
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "cannot remove {}", path.display());
        }
    }
}
