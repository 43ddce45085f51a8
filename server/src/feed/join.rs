//! A machine becomes a replica.

use super::records::{self, Record};
use super::{Answer, Feed, endpoints, failed, over, refuse};
use crate::install::Installation;
use coffer_crypto::Key32;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::cluster::{Endpoint, ServerRole};
use coffer_protocol::message::peer::{Join, Joined, ReplicaKind};
use coffer_protocol::{ReplicaId, Response, WireError};
use coffer_store::{Clock, Random, SystemClock, SystemRandom};
use coffer_transport::{Payload, Replier, ServerConnection};
use std::net::IpAddr;

impl Feed {
    /// Answers a `Join`; returns what to say at the end.
    pub(super) async fn join(
        &self,
        connection: &ServerConnection,
        join: Join,
        reply: Replier,
    ) -> WireError {
        match self.admit(&join, connection.peer.ip()).await {
            Err(error) => {
                tracing::warn!(peer = %connection.peer, code = %error.code, "a join was refused");
                refuse(reply, error).await
            }
            Ok(joined) => {
                let replica = joined.replica;
                tracing::info!(%replica, peer = %connection.peer, kind = ?join.kind, "a replica joined");
                let sent = reply.send(Response::Joined(Box::new(joined)), Payload::Empty).await;
                if sent.is_err() {
                    tracing::warn!(%replica, "the replica had gone before it was told; remove it");
                }
                over()
            }
        }
    }

    async fn admit(&self, join: &Join, peer: IpAddr) -> Answer<Joined> {
        let Installation { data, config, marker, secret: server } = &*self.0.installation;
        if self.follows() {
            return Err(self.not_here().await);
        }
        let listen = endpoints::reachable(&join.listen, peer).filter(|at| records::is_address(at));
        let listen = listen.ok_or_else(|| {
            let message = "The address of the replica cannot be used.";
            WireError::new(ErrorCode::MALFORMED, message, "Give --listen HOST:PORT.")
        })?;
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        let drawn = SystemRandom.fill(&mut id).and_then(|()| SystemRandom.fill(&mut secret));
        drawn.map_err(|error| {
            tracing::error!(%error, "no random bytes");
            WireError::new(ErrorCode::INTERNAL, "The source has no random bytes.", "")
        })?;
        let master_key = match join.kind {
            ReplicaKind::Keyless => None,
            ReplicaKind::Standby => {
                let master = data.master_key(config).map_err(|failure| failed(&failure))?;
                Some(*master.expose())
            }
        };
        let record = Record {
            id: ReplicaId(id),
            kind: join.kind,
            listen,
            fingerprint: join.fingerprint,
            secret: Key32::from_bytes(secret),
            joined_millis: SystemClock.now_millis(),
        };
        let tag = server.replica_token_tag(&join.token);
        let joined = records::join(&self.0.store, server, tag, &record).await;
        if !joined.map_err(|failure| failed(&failure))? {
            return Err(WireError::new(
                ErrorCode::INVITE_INVALID,
                "The token is wrong, used up or expired.",
                "Make a new one on the source: coffer-server replica token.",
            ));
        }
        self.look_up_replicas().await;
        Ok(Joined {
            server_id: marker.server_id,
            replica: record.id,
            secret,
            check_value: marker.check_value,
            master_key,
        })
    }
    /// Sends a machine that wants to join to the primary.
    async fn not_here(&self) -> WireError {
        let endpoints = self.endpoints().await.unwrap_or_default();
        let primary = endpoints.iter().find(|endpoint| endpoint.role == ServerRole::Primary);
        let hint = match primary {
            Some(Endpoint { host, port, .. }) => format!(
                "The primary is at {host}:{port}: take the token and the link there. Once this \
                 machine has joined, `coffer-replica follow` can make it follow the standby."
            ),
            None => "Take the token and the link on the primary.".to_owned(),
        };
        let message = "This machine is a standby, and machines join the primary.";
        WireError::new(ErrorCode::READ_ONLY, message, hint)
    }
}
