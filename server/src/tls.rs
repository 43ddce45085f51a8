//! Certificates of the server: made at `init`, renewed at start.
//!
//! Guarantees: private keys lie on disk only sealed with the server secret;
//! renewing the leaf never changes the fingerprint that clients pin.

use crate::data_dir::{self, DataDir};
use crate::failure::{Code, Failure, Outcome};
use coffer_crypto::ServerSecret;
use coffer_protocol::link::Fingerprint;
use coffer_transport::tls::{Authority, ServerIdentity, TlsSetupError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Labels that keep the two keys apart.
const AUTHORITY_LABEL: &str = "tls-authority";
const LEAF_LABEL: &str = "tls-leaf";
/// The keys belong to the installation, which the secret is derived for.
const NO_ID: [u8; 16] = [0; 16];

struct Files {
    authority: PathBuf,
    authority_key: PathBuf,
    chain: PathBuf,
    leaf_key: PathBuf,
}

impl Files {
    fn of(data: &DataDir) -> Self {
        let dir = data.tls();
        Self {
            authority: dir.join("authority.pem"),
            authority_key: dir.join("authority.key.sealed"),
            chain: dir.join("server.pem"),
            leaf_key: dir.join("server.key.sealed"),
        }
    }
}

fn setup(error: &TlsSetupError) -> Failure {
    Failure::new(Code::FileDamaged, format!("the files in tls/ cannot be used: {error}"))
        .hint("Restore the directory tls/ from a backup.")
}

/// Makes authority and leaf in an existing, empty `tls/`.
pub(crate) fn create(data: &DataDir, secret: &ServerSecret) -> Outcome<Fingerprint> {
    let authority = Authority::generate().map_err(|error| setup(&error))?;
    adopt(data, secret, &authority)?;
    authority.fingerprint().map_err(|error| setup(&error))
}

/// Makes an authority that others know already the one of this directory, and
/// issues a leaf.
pub fn adopt(data: &DataDir, secret: &ServerSecret, authority: &Authority) -> Outcome {
    let files = Files::of(data);
    let sealed = secret.seal_text(AUTHORITY_LABEL, authority.key_pem.as_bytes(), &NO_ID);
    data_dir::write(&files.authority, authority.cert_pem.as_bytes())?;
    data_dir::write(&files.authority_key, &sealed)?;
    issue(&files, authority, secret).map(drop)
}

/// Writes the key first: a crash between the two leaves a pair that does not
/// fit, which `load` notices and issues again.
fn issue(files: &Files, authority: &Authority, secret: &ServerSecret) -> Outcome<ServerIdentity> {
    let identity = authority.issue_server().map_err(|error| setup(&error))?;
    let sealed = secret.seal_text(LEAF_LABEL, identity.key_pem.as_bytes(), &NO_ID);
    data_dir::write(&files.leaf_key, &sealed)?;
    data_dir::write(&files.chain, identity.chain_pem.as_bytes())?;
    Ok(identity)
}

fn unseal(secret: &ServerSecret, label: &'static str, path: &Path) -> Outcome<Zeroizing<String>> {
    let sealed = data_dir::read_bytes(path)?;
    let damaged = || {
        Failure::new(Code::FileDamaged, format!("{} does not open", path.display()))
            .hint("Restore the directory tls/ from a backup.")
    };
    let plain = secret.open_text(label, &sealed, &NO_ID).map_err(|_| damaged())?;
    let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn authority(files: &Files, secret: &ServerSecret) -> Outcome<Authority> {
    let cert_pem = data_dir::read_text(&files.authority)?;
    let key_pem = unseal(secret, AUTHORITY_LABEL, &files.authority_key)?;
    Ok(Authority { cert_pem, key_pem })
}

/// The fingerprint for connection links; needs no key.
pub(crate) fn fingerprint(data: &DataDir) -> Outcome<Fingerprint> {
    let cert_pem = data_dir::read_text(&Files::of(data).authority)?;
    let authority = Authority { cert_pem, key_pem: Zeroizing::new(String::new()) };
    authority.fingerprint().map_err(|error| setup(&error))
}

/// What the server shows to clients, as it lies on disk; `None` if leaf and key do
/// not fit together (a crash between the two). Changes nothing.
pub(crate) fn read(data: &DataDir, secret: &ServerSecret) -> Outcome<Option<ServerIdentity>> {
    let files = Files::of(data);
    authority(&files, secret)?;
    let identity = ServerIdentity {
        chain_pem: data_dir::read_text(&files.chain)?,
        key_pem: unseal(secret, LEAF_LABEL, &files.leaf_key)?,
    };
    let fits = coffer_transport::tls::server_config(&identity).is_ok();
    Ok(fits.then_some(identity))
}

/// The same, and issues the leaf again when it is due.
pub(crate) fn load(
    data: &DataDir,
    secret: &ServerSecret,
    now: SystemTime,
) -> Outcome<ServerIdentity> {
    if let Some(identity) = read(data, secret)? {
        let due = identity.needs_renewal(now).map_err(|error| setup(&error))?;
        if !due {
            return Ok(identity);
        }
    }
    tracing::info!("issuing a new server certificate under the same authority");
    let files = Files::of(data);
    issue(&files, &authority(&files, secret)?, secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_crypto::MasterKey;
    use std::time::Duration;

    #[test]
    fn the_leaf_is_renewed_in_time_and_mended_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        std::fs::create_dir(data.tls()).unwrap();
        let secret = ServerSecret::derive(&MasterKey::generate().unwrap(), &[1; 32]);
        let pin = create(&data, &secret).unwrap();
        let now = SystemTime::now();
        let first = load(&data, &secret, now).unwrap();
        assert_eq!(load(&data, &secret, now).unwrap().chain_pem, first.chain_pem);
        let late = now + Duration::from_hours(24 * 380);
        let second = load(&data, &secret, late).unwrap();
        assert_ne!(second.chain_pem, first.chain_pem);
        // A crash between the two files: the old chain beside the new key.
        data_dir::write(&Files::of(&data).chain, first.chain_pem.as_bytes()).unwrap();
        assert!(read(&data, &secret).unwrap().is_none());
        let third = load(&data, &secret, now).unwrap();
        assert!(coffer_transport::tls::server_config(&third).is_ok());
        assert_eq!(fingerprint(&data).unwrap(), pin);
    }
}
