//! Examples of the messages about the machines of an installation.

use super::{POSITION, variants};
use coffer_protocol::message::cluster::*;
use coffer_protocol::{Position, Request, Response};

variants!(role_name, ROLES, ServerRole: Primary Standby Keyless Fenced);

pub(crate) fn proof() -> EpochProof {
    EpochProof {
        epoch: 3,
        fork_seq: 70_000,
        fork_hash: [0x80; 32],
        host: "standby.example.org".to_owned(),
        port: 7440,
        fingerprint: [0x81; 32],
        mac: [0x82; 32],
    }
}

pub(crate) fn endpoint(role: ServerRole) -> Endpoint {
    Endpoint { host: "files.example.org".to_owned(), port: 7440, fingerprint: [0x83; 32], role }
}

pub(crate) fn requests() -> Vec<Request> {
    vec![
        Request::ShowEpoch(Box::new(proof())),
        Request::Cluster,
        Request::Await(AwaitPosition { position: POSITION, wait_millis: 500 }),
    ]
}

/// Responses with their payloads.
pub(crate) fn responses() -> Vec<(Response, &'static [u8])> {
    let info = ClusterInfo {
        role: ServerRole::Standby,
        position: POSITION,
        head: Position { epoch: 2, seq: 70_005 },
        behind_millis: 1200,
        machines: 2,
        endpoints: vec![
            endpoint(ServerRole::Primary),
            endpoint(ServerRole::Standby),
            endpoint(ServerRole::Keyless),
            endpoint(ServerRole::Fenced),
        ],
        proof: Some(proof()),
    };
    let alone = ClusterInfo { endpoints: Vec::new(), proof: None, ..info.clone() };
    vec![(Response::Cluster(Box::new(info)), b""), (Response::Cluster(Box::new(alone)), b"")]
}
