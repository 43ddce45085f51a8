//! Certificates of the server: made at `init`, renewed at start.
//!
//! Guarantees: private keys lie on disk only sealed with the server secret;
//! renewing the leaf never changes the fingerprint that clients pin.

use crate::data_dir::{self, DataDir};
use crate::failure::{Code, Failure, Outcome};
use coffer_crypto::ServerSecret;
use coffer_protocol::link::Fingerprint;
use coffer_transport::tls::{Authority, ServerIdentity, TlsSetupError};
use std::path::PathBuf;
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
    let files = Files::of(data);
    let sealed = secret.seal_text(AUTHORITY_LABEL, authority.key_pem.as_bytes(), &NO_ID);
    data_dir::write(&files.authority, authority.cert_pem.as_bytes())?;
    data_dir::write(&files.authority_key, &sealed)?;
    issue(&files, &authority, secret)?;
    authority.fingerprint().map_err(|error| setup(&error))
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

fn unseal(
    secret: &ServerSecret,
    label: &'static str,
    path: &PathBuf,
) -> Outcome<Zeroizing<String>> {
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

/// What the server shows to clients; issues the leaf again when it is due.
pub(crate) fn load(
    data: &DataDir,
    secret: &ServerSecret,
    now: SystemTime,
) -> Outcome<ServerIdentity> {
    let files = Files::of(data);
    let identity = ServerIdentity {
        chain_pem: data_dir::read_text(&files.chain)?,
        key_pem: unseal(secret, LEAF_LABEL, &files.leaf_key)?,
    };
    let fits = coffer_transport::tls::server_config(&identity).is_ok();
    if fits && !identity.needs_renewal(now).map_err(|error| setup(&error))? {
        return Ok(identity);
    }
    tracing::info!("issuing a new server certificate under the same authority");
    issue(&files, &authority(&files, secret)?, secret)
}
