//! The service behind its transport: one short life over loopback and TLS.

use super::harness::{Bench, SERVER, hash, keys, op, place};
use bytes::Bytes;
use coffer_crypto::{AuthFields, KDF, SecretKind, scram};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::{LoginFinish, LoginStart, SecretKind as WireKind};
use coffer_protocol::message::cluster::ServerRole;
use coffer_protocol::message::transfer::{PutFile, PutFiles, ReadFiles};
use coffer_protocol::message::tree::{Expect, Stat};
use coffer_protocol::{Request, Response};
use coffer_transport::{
    Authority, CallError, Connection, Greeting, ServerConfig, ServerTransport, Target, Unchanging,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves connections until the test ends.
async fn listen(bench: &Bench) -> Target {
    let authority = Authority::generate().unwrap();
    let identity = authority.issue_server().unwrap();
    let standing = std::sync::Arc::new(Unchanging { epoch: 1, role: ServerRole::Primary });
    let greeting = Greeting { server_id: SERVER, agent: "test".to_owned(), standing };
    let transport = ServerTransport::new(&identity, greeting, ServerConfig::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = bench.service.clone();
    tokio::spawn(async move {
        while let Ok((socket, peer)) = listener.accept().await {
            let (transport, service) = (transport.clone(), service.clone());
            tokio::spawn(async move {
                if let Ok(connection) = transport.accept(socket, peer).await {
                    service.serve(connection, CancellationToken::new()).await;
                }
            });
        }
    });
    let pin = Some(authority.fingerprint().unwrap());
    Target { host: "127.0.0.1".to_owned(), port, pin }
}

async fn sign_in(connection: &Connection, name: &str) {
    let start = LoginStart {
        user_name: name.to_owned(),
        secret: WireKind::Password,
        client_nonce: [3; 32],
    };
    let (answer, _) = connection.call(Request::LoginStart(start), Bytes::new()).await.unwrap();
    let Response::LoginChallenge(challenge) = answer else { panic!("unexpected {answer:?}") };
    let auth = scram::auth_message(&AuthFields {
        server_id: &SERVER.0,
        user_name: name,
        secret_kind: SecretKind::Password,
        client_nonce: &[3; 32],
        salt: &challenge.salt,
        kdf: KDF,
        server_nonce: &challenge.server_nonce,
        exporter: connection.exporter(),
    });
    let finish = scram::client_finish(&keys(name, 1), &auth);
    let finish = LoginFinish { proof: finish.proof, unlock: finish.unlock };
    let (answer, _) = connection.call(Request::LoginFinish(finish), Bytes::new()).await.unwrap();
    let Response::LoginDone(done) = answer else { panic!("unexpected {answer:?}") };
    scram::verify_server(&keys(name, 1), &auth, &done.server_signature).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_over_the_wire() {
    let bench = Bench::new().await;
    bench.stranger("anna").sign_up(None).await.unwrap();
    let target = listen(&bench).await;
    let connection = Connection::open(&target, "test").await.unwrap();
    let stat = || Request::Stat(Stat { place: place("/f") });
    let refused = connection.call(stat(), Bytes::new()).await;
    assert!(matches!(refused, Err(CallError::Wire(e)) if e.code == ErrorCode::NOT_SIGNED_IN));
    sign_in(&connection, "anna").await;
    let data = Bytes::from(vec![7; 60_000]);
    let file = PutFile {
        to: place("/f"),
        len: data.len() as u32,
        hash: hash(&data),
        modified_millis: 1,
        executable: false,
        expect: Expect::Absent,
    };
    let put = PutFiles { op: op(), files: vec![file] };
    connection.call(Request::PutFiles(put), data.clone()).await.unwrap();
    let (answer, _) = connection.call(stat(), Bytes::new()).await.unwrap();
    let Response::Entry(entry) = answer else { panic!("unexpected {answer:?}") };
    let read = ReadFiles { nodes: vec![entry.node] };
    let (_, payload) = connection.call(Request::ReadFiles(read), Bytes::new()).await.unwrap();
    assert_eq!(payload, data);
    bench.service.shutdown().await;
    let stopped = connection.call(stat(), Bytes::new()).await;
    assert!(stopped.is_err());
    connection.ended().await;
    assert_eq!(bench.service.sessions(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_ends_its_session() {
    let bench = Bench::new().await;
    bench.stranger("anna").sign_up(None).await.unwrap();
    let target = listen(&bench).await;
    let connection = Connection::open(&target, "test").await.unwrap();
    sign_in(&connection, "anna").await;
    assert_eq!(bench.service.sessions(), 1);
    connection.close().await;
    while bench.service.sessions() > 0 {
        tokio::task::yield_now().await;
    }
}
