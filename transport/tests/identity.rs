//! Who is accepted as the server, and who is not.

mod support;

use coffer_protocol::ErrorCode;
use coffer_protocol::version::CURRENT;
use coffer_transport::client::probe;
use coffer_transport::tls::{SERVER_NAME, server_config};
use coffer_transport::{
    AcceptError, Authority, ConnectError, Connection, ServerConfig, ServerIdentity,
    ServerTransport, Target,
};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use support::{Raw, Server, greeting};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_hours(24);

fn transport(identity: &ServerIdentity) -> ServerTransport {
    ServerTransport::new(identity, greeting(), ServerConfig::default()).expect("transport")
}

/// What a client that pins `pinned` says to a server that shows `identity`.
async fn dial(pinned: &Authority, identity: &ServerIdentity) -> Result<Connection, ConnectError> {
    let pin = pinned.fingerprint().expect("pin");
    let server = Server::with(transport(identity), pin).await;
    let target = server.target();
    tokio::join!(server.accept(), Connection::open(&target, "test")).1
}

fn refused(result: Result<Connection, ConnectError>) -> ConnectError {
    result.err().expect("must not connect")
}

/// The certificates of `pems`, one behind the other.
fn chain(pems: &[&str]) -> String {
    pems.concat()
}

fn leaf_pem(identity: &ServerIdentity) -> &str {
    let end = identity.chain_pem.find("-----END CERTIFICATE-----").expect("a certificate");
    &identity.chain_pem[..=end + "-----END CERTIFICATE-----".len()]
}

#[tokio::test]
async fn the_pinned_authority_is_accepted() {
    let authority = Authority::generate().expect("authority");
    let identity = authority.issue_server().expect("leaf");
    let connection = dial(&authority, &identity).await.expect("connects");
    assert_eq!(connection.seen_fingerprint(), authority.fingerprint().expect("pin"));
    assert_eq!(connection.welcome().epoch, 3);
}

#[tokio::test]
async fn another_authority_is_a_hard_stop_that_names_both() {
    let (ours, theirs) = (Authority::generate(), Authority::generate());
    let (ours, theirs) = (ours.expect("authority"), theirs.expect("authority"));
    let identity = theirs.issue_server().expect("leaf");
    match refused(dial(&ours, &identity).await) {
        ConnectError::WrongServer { expected, seen } => {
            assert_eq!(expected, ours.fingerprint().expect("pin"));
            assert_eq!(seen, Some(theirs.fingerprint().expect("pin")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_pinned_authority_behind_a_foreign_leaf_is_refused() {
    let (ours, theirs) = (Authority::generate(), Authority::generate());
    let (ours, theirs) = (ours.expect("authority"), theirs.expect("authority"));
    let foreign = theirs.issue_server().expect("leaf");
    for pems in [
        vec![leaf_pem(&foreign), &ours.cert_pem],
        vec![leaf_pem(&foreign), &theirs.cert_pem, &ours.cert_pem],
        vec![leaf_pem(&foreign), &ours.cert_pem, &theirs.cert_pem],
    ] {
        let key_pem = Zeroizing::new(foreign.key_pem.to_string());
        let identity = ServerIdentity { chain_pem: chain(&pems), key_pem };
        let error = refused(dial(&ours, &identity).await);
        assert!(matches!(error, ConnectError::BadCertificate(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_leaf_of_the_pinned_authority_for_another_name_is_refused() {
    let authority = Authority::generate().expect("authority");
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("key");
    let authority_key = KeyPair::from_pem(&authority.key_pem).expect("key");
    let issuer = Issuer::from_ca_cert_pem(&authority.cert_pem, authority_key).expect("issuer");
    let params = CertificateParams::new(vec!["replica.coffer.internal".to_owned()]);
    let leaf = params.expect("params").signed_by(&key, &issuer).expect("leaf");
    let chain_pem = chain(&[&leaf.pem(), &authority.cert_pem]);
    let identity = ServerIdentity { chain_pem, key_pem: Zeroizing::new(key.serialize_pem()) };
    match refused(dial(&authority, &identity).await) {
        ConnectError::BadCertificate(Error::InvalidCertificate(error)) => {
            assert!(matches!(error, CertificateError::NotValidForNameContext { .. }), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn dates_are_checked_and_the_clock_is_suspected() {
    let now = SystemTime::now();
    let authority = Authority::generate_at(now - DAY * 1000).expect("authority");
    for (issued, says) in [(now - DAY * 500, "expired"), (now + DAY * 10, "not valid yet")] {
        let identity = authority.issue_server_at(issued).expect("leaf");
        let error = refused(dial(&authority, &identity).await);
        assert!(matches!(error, ConnectError::Clock(text) if text == says), "{error:?}");
        assert!(error.to_string().contains("the clock may be wrong"), "{error}");
    }
}

/// Shows a certificate with a key that is not its own.
#[derive(Debug)]
struct Stolen(Arc<CertifiedKey>);

impl ResolvesServerCert for Stolen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn the_pinned_certificate_without_its_key_is_a_bad_signature() {
    let authority = Authority::generate().expect("authority");
    let real = authority.issue_server().expect("leaf");
    let other = authority.issue_server().expect("leaf");
    let certs: Vec<_> = CertificateDer::pem_slice_iter(real.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .expect("chain");
    let key = PrivateKeyDer::from_pem_slice(other.key_pem.as_bytes()).expect("key");
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).expect("key");
    let mut config = (*server_config(&real).expect("config")).clone();
    config.cert_resolver = Arc::new(Stolen(Arc::new(CertifiedKey::new(certs, key))));

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    let pin = Some(authority.fingerprint().expect("pin"));
    let target = Target { host: "127.0.0.1".to_owned(), port, pin };
    let impostor = async {
        let (socket, _) = listener.accept().await.expect("accept");
        // The client hangs up.
        let _ = TlsAcceptor::from(Arc::new(config)).accept(socket).await;
    };
    let (result, ()) = tokio::join!(Connection::open(&target, "test"), impostor);
    match refused(result) {
        ConnectError::BadCertificate(Error::InvalidCertificate(error)) => {
            assert_eq!(error, CertificateError::BadSignature);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_a_pin_nothing_is_said_and_the_fingerprint_is_shown() {
    let server = Server::start(ServerConfig::default()).await;
    let target = Target { pin: None, ..server.target() };
    let (accepted, result) = tokio::join!(server.accept(), Connection::open(&target, "test"));
    let error = refused(result);
    assert!(matches!(error, ConnectError::NotPinned { seen } if seen == server.pin), "{error:?}");
    assert!(accepted.is_err(), "no Hello was sent");
    let probed = tokio::join!(server.accept(), probe(&target.host, target.port)).1;
    assert_eq!(probed.expect("probed"), server.pin);
}

#[tokio::test]
async fn exporters_are_equal_at_both_ends_and_differ_between_connections() {
    let server = Server::start(ServerConfig::default()).await;
    let (a_server, a_client) = server.pair().await;
    let (b_server, b_client) = server.pair().await;
    assert_eq!(&a_server.exporter, a_client.exporter());
    assert_eq!(&b_server.exporter, b_client.exporter());
    assert_ne!(a_server.exporter, b_server.exporter);
}

#[tokio::test]
async fn another_protocol_over_tls_is_refused() {
    let server = Server::start(ServerConfig::default()).await;
    let target = server.target();
    let mut config = (*coffer_transport::tls::client_config(target.pin, Arc::default())
        .expect("config"))
    .clone();
    for alpn in [vec![b"http/1.1".to_vec()], vec![]] {
        config.alpn_protocols = alpn;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config.clone()));
        let client = async {
            let socket = tokio::net::TcpStream::connect(("127.0.0.1", target.port)).await;
            let name = SERVER_NAME.try_into().expect("name");
            connector.connect(name, socket.expect("tcp")).await
        };
        let (accepted, _client) = tokio::join!(server.accept(), client);
        let error = accepted.err().expect("must not be accepted");
        assert!(matches!(error, AcceptError::Handshake(_) | AcceptError::NoAlpn), "{error:?}");
    }
}

#[tokio::test]
async fn no_version_in_common_is_said_to_both_sides() {
    let server = Server::start(ServerConfig::default()).await;
    let target = server.target();
    let client = async {
        let mut raw = Raw::connect(&target).await;
        raw.say_hello(CURRENT + 1, CURRENT + 2).await;
        raw.read_error(0).await
    };
    let (accepted, error) = tokio::join!(server.accept(), client);
    assert_eq!(error.code, ErrorCode::UNSUPPORTED_VERSION);
    let accepted = accepted.err().expect("must not be accepted");
    assert!(matches!(accepted, AcceptError::Version { .. }), "{accepted:?}");
}
