//! The server's private certificate authority and the leaf it shows.
//!
//! Guarantees: ECDSA P-256 throughout; every leaf carries exactly one name,
//! the same on every installation, so that host names and addresses may change
//! without a new certificate; a leaf lives 397 days and says when to renew it.

use coffer_protocol::link::Fingerprint;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

/// The one name in every server certificate.
pub const SERVER_NAME: &str = "server.coffer.internal";

const DAY: Duration = Duration::from_hours(24);
const AUTHORITY_DAYS: u32 = 20 * 365;
const LEAF_DAYS: u32 = 397;
/// A leaf is renewed when fewer days than this are left.
const RENEW_DAYS: u32 = 60;
/// Certificates begin this long in the past: clocks of clients run behind.
const BACKDATE: Duration = DAY;

/// Why certificates could not be made or read.
#[derive(Debug, Error)]
pub enum TlsSetupError {
    /// A certificate could not be generated.
    #[error("cannot make a certificate: {0}")]
    Generate(#[from] rcgen::Error),
    /// The certificate or key is not accepted.
    #[error("cannot use the certificate or its key: {0}")]
    Refused(#[from] rustls::Error),
    /// A PEM text does not hold what it should.
    #[error("the {0} is not readable PEM")]
    Unreadable(&'static str),
}

/// The private certificate authority of an installation. Clients pin its key.
pub struct Authority {
    /// Its certificate.
    pub cert_pem: String,
    /// Its private key; kept sealed wherever it is stored.
    pub key_pem: Zeroizing<String>,
}

/// What a server shows: a leaf, the authority behind it, and the leaf's key.
pub struct ServerIdentity {
    /// Leaf first, then the authority.
    pub chain_pem: String,
    /// Private key of the leaf.
    pub key_pem: Zeroizing<String>,
}

fn params(name: &str, now: SystemTime, days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    let begin = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BACKDATE);
    params.not_before = date_time_ymd(1970, 1, 1) + begin;
    params.not_after = params.not_before + DAY * days;
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    /// Makes a new authority, valid for 20 years.
    pub fn generate() -> Result<Self, TlsSetupError> {
        Self::generate_at(SystemTime::now())
    }

    /// Makes a new authority that becomes valid a day before `now`.
    pub fn generate_at(now: SystemTime) -> Result<Self, TlsSetupError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = params("Coffer private authority", now, AUTHORITY_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key)?;
        Ok(Self { cert_pem: cert.pem(), key_pem: Zeroizing::new(key.serialize_pem()) })
    }

    /// Issues a leaf for the server, with a key of its own, valid for 397 days.
    pub fn issue_server(&self) -> Result<ServerIdentity, TlsSetupError> {
        self.issue_server_at(SystemTime::now())
    }

    /// Issues a leaf that becomes valid a day before `now`.
    pub fn issue_server_at(&self, now: SystemTime) -> Result<ServerIdentity, TlsSetupError> {
        let authority_key = KeyPair::from_pem(&self.key_pem)?;
        let issuer = Issuer::from_ca_cert_pem(&self.cert_pem, authority_key)?;
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = params("Coffer server", now, LEAF_DAYS);
        params.subject_alt_names = vec![rcgen::SanType::DnsName(SERVER_NAME.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &issuer)?;
        let chain_pem = format!("{}{}", leaf.pem(), self.cert_pem);
        Ok(ServerIdentity { chain_pem, key_pem: Zeroizing::new(key.serialize_pem()) })
    }

    /// What clients pin: SHA-256 of the authority's public key.
    pub fn fingerprint(&self) -> Result<Fingerprint, TlsSetupError> {
        let unreadable = TlsSetupError::Unreadable("authority certificate");
        let Ok(cert) = CertificateDer::from_pem_slice(self.cert_pem.as_bytes()) else {
            return Err(unreadable);
        };
        fingerprint(&cert).ok_or(unreadable)
    }
}

impl ServerIdentity {
    /// Whether the leaf should be issued again: it nears its end, is past it,
    /// or begins in the future (it was issued under a wrong clock).
    pub fn needs_renewal(&self, now: SystemTime) -> Result<bool, TlsSetupError> {
        let unreadable = || TlsSetupError::Unreadable("certificate chain");
        let leaf =
            CertificateDer::from_pem_slice(self.chain_pem.as_bytes()).map_err(|_| unreadable())?;
        let (_, leaf) = X509Certificate::from_der(&leaf).map_err(|_| unreadable())?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let margin = i64::from(RENEW_DAYS) * DAY.as_secs().cast_signed();
        let validity = leaf.validity();
        let end = validity.not_after.timestamp();
        Ok(now < validity.not_before.timestamp() || now.saturating_add(margin) > end)
    }
}

/// SHA-256 of a certificate's public key (SPKI, DER); `None` if it is no certificate.
pub fn fingerprint(cert: &CertificateDer<'_>) -> Option<Fingerprint> {
    let (_, parsed) = X509Certificate::from_der(cert).ok()?;
    Some(Fingerprint(Sha256::digest(parsed.tbs_certificate.subject_pki.raw).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_asks_for_renewal_near_its_end_and_under_a_wrong_clock() {
        let now = UNIX_EPOCH + DAY * 20_000;
        let authority = Authority::generate_at(now).expect("authority");
        let leaf = authority.issue_server_at(now).expect("leaf");
        let due = |day: i64| {
            let at = UNIX_EPOCH + DAY * u32::try_from(20_000 + day).expect("small");
            leaf.needs_renewal(at).expect("readable")
        };
        assert!(!due(0));
        assert!(!due(i64::from(LEAF_DAYS - RENEW_DAYS) - 2));
        assert!(due(i64::from(LEAF_DAYS - RENEW_DAYS)));
        assert!(due(i64::from(LEAF_DAYS) + 5));
        assert!(due(-2), "issued in the future");
    }

    #[test]
    fn the_fingerprint_stays_when_the_leaf_changes() {
        let authority = Authority::generate().expect("authority");
        let pin = authority.fingerprint().expect("pin");
        for _ in 0..2 {
            let identity = authority.issue_server().expect("leaf");
            let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes())
                .collect::<Result<_, _>>()
                .expect("chain");
            assert_eq!(chain.len(), 2);
            assert_eq!(fingerprint(&chain[1]), Some(pin));
            assert_ne!(fingerprint(&chain[0]), Some(pin));
        }
    }
}
