//! What this machine says to those who connect to it: that it is a replica.
//!
//! Guarantees: few connections at a time, each for a short time.

use coffer_protocol::{ErrorCode, WireError};
use coffer_transport::{ServerConnection, ServerTransport};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at a time.
const CONNECTIONS: usize = 32;
/// Longest life of one.
const LIFE: Duration = Duration::from_secs(20);
/// Pause after a failure to accept.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers for ever.
pub(crate) async fn run(socket: TcpListener, transport: ServerTransport) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (socket, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection for now");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let transport = transport.clone();
        tokio::spawn(async move {
            let answered = timeout(LIFE, async {
                match transport.accept(socket, peer).await {
                    Ok(connection) => refuse(connection).await,
                    Err(error) => tracing::debug!(%peer, %error, "connection failed"),
                }
            });
            if answered.await.is_err() {
                tracing::debug!(%peer, "a connection was ended");
            }
            drop(place);
        });
    }
}

async fn refuse(mut connection: ServerConnection) {
    while let Some(incoming) = connection.next().await {
        let error = WireError::new(
            ErrorCode::FENCED,
            "This machine is a replica.",
            "Use the link of the server that it mirrors.",
        );
        // Whoever has gone needs no answer.
        let _ = incoming.reply.fail(error).await;
    }
}
