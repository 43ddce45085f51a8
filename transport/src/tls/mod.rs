//! TLS configuration of both sides.
//!
//! Guarantees: TLS 1.3 only, one provider (aws-lc-rs) named explicitly, no
//! 0-RTT and no resumption (every connection proves the certificate afresh),
//! ALPN `coffer/1` on both sides.

mod authority;
mod verifier;

pub use authority::{Authority, SERVER_NAME, ServerIdentity, TlsSetupError, fingerprint};
pub use verifier::{PinMismatch, SeenAuthority};

use coffer_protocol::link::Fingerprint;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use verifier::PinnedVerifier;

/// Application protocol both sides insist on.
pub const ALPN: &[u8] = b"coffer/1";

/// Label and length of the channel binding (RFC 9266).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Configuration of a server that shows `identity`.
pub fn server_config(
    identity: &ServerIdentity,
) -> Result<Arc<rustls::ServerConfig>, TlsSetupError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| TlsSetupError::Unreadable("certificate chain"))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())
        .map_err(|_| TlsSetupError::Unreadable("private key"))?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// Configuration of a client that accepts only the authority with this `pin`.
///
/// Without a pin the handshake goes through for any authority, and `seen` says
/// which it was: good for asking the user, and for nothing else.
pub fn client_config(
    pin: Option<Fingerprint>,
    seen: SeenAuthority,
) -> Result<Arc<rustls::ClientConfig>, TlsSetupError> {
    let provider = provider();
    let verifier = Arc::new(PinnedVerifier::new(Arc::clone(&provider), pin, seen));
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// The channel binding of one TLS connection: the same 32 bytes on both ends,
/// different on every connection.
pub(crate) fn exporter<Data>(
    connection: &rustls::ConnectionCommon<Data>,
) -> Result<[u8; 32], rustls::Error> {
    connection.export_keying_material([0; 32], EXPORTER_LABEL, None)
}
