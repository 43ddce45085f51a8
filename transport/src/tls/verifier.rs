//! The client's certificate verifier.
//!
//! Guarantees: the only root is the authority whose key has the pinned hash,
//! taken from the chain of this very handshake; chain, dates, purpose and name
//! are checked by the stock WebPKI verifier, and so is every signature: a
//! certificate shown without its key, or a foreign leaf with the pinned
//! authority behind it, is refused.

use super::authority::{SERVER_NAME, fingerprint};
use coffer_protocol::link::Fingerprint;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerIncompatible, RootCertStore,
    SignatureScheme,
};
use std::sync::{Arc, OnceLock};
use thiserror::Error;

/// Where the verifier leaves the fingerprint of the authority that was shown.
pub type SeenAuthority = Arc<OnceLock<Fingerprint>>;

/// The chain does not contain the pinned authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the server does not show the pinned authority")]
pub struct PinMismatch;

/// Verifies a chain against a pinned authority.
#[derive(Debug)]
pub(super) struct PinnedVerifier {
    provider: Arc<CryptoProvider>,
    pin: Option<Fingerprint>,
    seen: SeenAuthority,
}

impl PinnedVerifier {
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        pin: Option<Fingerprint>,
        seen: SeenAuthority,
    ) -> Self {
        Self { provider, pin, seen }
    }

    /// The certificate that becomes the root: the pinned one or, without a
    /// pin, the last of the chain.
    fn authority<'a>(
        &self,
        chain: &'a [CertificateDer<'a>],
    ) -> Result<&'a CertificateDer<'a>, Error> {
        let last = chain.last().and_then(|cert| Some((cert, fingerprint(cert)?)));
        let chosen = match self.pin {
            Some(pin) => {
                chain.iter().find(|cert| fingerprint(cert) == Some(pin)).map(|cert| (cert, pin))
            }
            None => last,
        };
        if let Some((_, shown)) = chosen.or(last) {
            // Set once per handshake; a second value cannot arise.
            let _ = self.seen.set(shown);
        }
        let mismatch = || CertificateError::Other(OtherError(Arc::new(PinMismatch)));
        Ok(chosen.ok_or_else(mismatch)?.0)
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority(intermediates)?.clone().into_owned())?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&self.provider))
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
        let name = ServerName::try_from(SERVER_NAME)
            .map_err(|_| Error::General("the server name is not a DNS name".to_owned()))?;
        // No intermediates: the leaf is signed by the pinned key itself.
        verifier.verify_server_cert(end_entity, &[], &name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
