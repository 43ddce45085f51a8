//! What makes a directory one of a standby: the key of the installation, and
//! everything that a server's directory has. So whatever works on such a directory
//! works on this one, and a promotion has nothing to convert.
//!
//! Guarantees: a key of another installation is refused before anything is written;
//! the authority, and so the fingerprint that others know, stays the same; the
//! marker is written after everything that it stands for.

use crate::identity::Identity;
use coffer_crypto::{MasterKey, ServerSecret};
use coffer_server::config::Config;
use coffer_server::data_dir::{self, DataDir, Marker};
use coffer_server::{Code, Failure, Outcome, host};
use coffer_transport::tls::Authority;

fn secret(master: &MasterKey, identity: &Identity) -> ServerSecret {
    ServerSecret::derive(master, identity.server_id.as_bytes())
}

/// Refuses the master key of another installation.
pub(crate) fn check(master: &MasterKey, identity: &Identity) -> Outcome {
    if secret(master, identity).check_value() == identity.check_value {
        return Ok(());
    }
    let message = "the master key belongs to another installation";
    Err(Failure::new(Code::MasterKeyWrong, message).hint(
        "Take the file `master.key` of the primary, or its recovery sheet. Nothing was changed.",
    ))
}

/// Writes the master key, and the files of the authority sealed with it.
pub(crate) fn write_keys(
    data: &DataDir,
    config: &Config,
    master: &MasterKey,
    authority: &Authority,
    identity: &Identity,
) -> Outcome {
    host::adopt_authority(data, &secret(master, identity), authority)?;
    data_dir::write(&data.master_key_path(config), master.to_file_text().as_bytes())
}

/// Makes the directory one of a server.
pub(crate) fn write_marker(data: &DataDir, identity: &Identity) -> Outcome {
    let marker = Marker { server_id: identity.server_id, check_value: identity.check_value };
    data_dir::write(&data.marker_path(), marker.to_text().as_bytes())
}
