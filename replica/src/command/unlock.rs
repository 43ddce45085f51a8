//! `unlock`: gives a keyless replica the master key.
//!
//! Guarantees: nothing is changed before the key has proved to be the one of the
//! installation; a command that is cut short leaves a keyless replica, and can be
//! given again.

use crate::identity::{Identity, Replica};
use crate::{args, standby, tls};
use coffer_crypto::MasterKey;
use coffer_protocol::message::peer::ReplicaKind;
use coffer_server::data_dir;
use coffer_server::{Code, Failure, Outcome, host, output};
use zeroize::Zeroizing;

/// Makes the replica a standby.
pub(crate) fn run(args: &args::Unlock) -> Outcome {
    let root = &args.place.data;
    let Replica { data, config, identity } = Replica::load(root, &host::environment())?;
    if identity.kind == ReplicaKind::Standby {
        let message = format!("{} is a standby already", root.display());
        return Err(Failure::new(Code::AlreadyInitialised, message).hint("Nothing was changed."));
    }
    if host::is_held(&data) {
        return Err(Failure::new(Code::DirectoryInUse, "the replica runs")
            .hint("Stop it first, and start it again afterwards."));
    }
    let text = Zeroizing::new(data_dir::read_text(&args.master_key)?);
    let master = MasterKey::parse_file_text(&text).map_err(|error| {
        let message = format!("{} holds no master key: {error}", args.master_key.display());
        Failure::new(Code::MasterKeyWrong, message)
            .hint("Compare it with the recovery sheet; every group counts.")
    })?;
    standby::check(&master, &identity)?;
    standby::write_keys(&data, &config, &master, &tls::authority(&data)?, &identity)?;
    standby::write_marker(&data, &identity)?;
    // Last: from here on it is one.
    Identity { kind: ReplicaKind::Standby, ..identity }.write(root)?;
    tls::remove_key(&data);
    output::line(&format!("{} is a standby now", root.display()));
    output::line(&format!("Start it:  coffer-replica run --data {}", root.display()));
    Ok(())
}
