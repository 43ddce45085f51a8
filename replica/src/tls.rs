//! The certificate authority of a keyless replica, for those who connect to it.
//!
//! Guarantees: the key lies in a file for the owner alone; the leaf is made at
//! every start and kept in memory only.

use coffer_protocol::link::Fingerprint;
use coffer_server::data_dir::{self, DataDir};
use coffer_server::{Code, Failure, Outcome, output};
use coffer_transport::tls::{Authority, ServerIdentity, TlsSetupError};
use zeroize::Zeroizing;

const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority.key";

fn setup(error: &TlsSetupError) -> Failure {
    Failure::new(Code::FileDamaged, format!("the files in tls/ cannot be used: {error}"))
        .hint("Restore the directory tls/ from a backup.")
}

/// Makes an authority, in memory.
pub(crate) fn generate() -> Outcome<(Authority, Fingerprint)> {
    let authority = Authority::generate().map_err(|error| setup(&error))?;
    let fingerprint = authority.fingerprint().map_err(|error| setup(&error))?;
    Ok((authority, fingerprint))
}

/// Writes it into an existing `tls/`.
pub(crate) fn write(data: &DataDir, authority: &Authority) -> Outcome {
    data_dir::write(&data.tls().join(KEY), authority.key_pem.as_bytes())?;
    data_dir::write(&data.tls().join(CERTIFICATE), authority.cert_pem.as_bytes())
}

/// Reads it.
pub(crate) fn authority(data: &DataDir) -> Outcome<Authority> {
    let cert_pem = data_dir::read_text(&data.tls().join(CERTIFICATE))?;
    let key_pem = Zeroizing::new(data_dir::read_text(&data.tls().join(KEY))?);
    Ok(Authority { cert_pem, key_pem })
}

/// Reads it and issues a leaf.
pub(crate) fn load(data: &DataDir) -> Outcome<ServerIdentity> {
    authority(data)?.issue_server().map_err(|error| setup(&error))
}

/// Removes the key, which is kept sealed from now on.
pub(crate) fn remove_key(data: &DataDir) {
    let path = data.tls().join(KEY);
    if let Err(error) = std::fs::remove_file(&path) {
        output::note(&format!("note: {} can be removed: {error}", path.display()));
    }
}
