//! Which machines others can connect to: the primary, and those that follow it
//! and have the master key.
//!
//! Guarantees: an address comes from a record that was sealed with the server's
//! key; the primary comes first; nothing is listed twice.

use super::records::Record;
use crate::config::split_host;
use crate::explain;
use crate::failure::Outcome;
use coffer_crypto::ServerSecret;
use coffer_protocol::message::cluster::{Endpoint, ServerRole};
use coffer_protocol::message::peer::ReplicaKind;
use coffer_store::{Change, Commit, CommitError, Store};
use std::borrow::Borrow;
use std::net::IpAddr;

/// Setting with the endpoint of the primary, which it keeps up to date.
const PRIMARY_KEY: &str = "primary-endpoint";
/// Label under which it is sealed.
const LABEL: &str = "primary-endpoint";
/// Version of its layout.
const VERSION: u8 = 1;
/// There is one of it in an installation.
const NO_ID: [u8; 16] = [0; 16];

fn seal(endpoint: &Endpoint, secret: &ServerSecret) -> Vec<u8> {
    let mut plain = Vec::with_capacity(64);
    plain.push(VERSION);
    plain.extend_from_slice(&endpoint.fingerprint);
    plain.extend_from_slice(&endpoint.port.to_be_bytes());
    plain.extend_from_slice(endpoint.host.as_bytes());
    secret.seal_text(LABEL, &plain, &NO_ID)
}

fn open(sealed: &[u8], secret: &ServerSecret) -> Option<Endpoint> {
    let plain = secret.open_text(LABEL, sealed, &NO_ID).ok()?;
    let (&[version], rest) = plain.split_first_chunk()?;
    let (fingerprint, rest) = rest.split_first_chunk()?;
    let (port, host) = rest.split_first_chunk()?;
    (version == VERSION).then_some(Endpoint {
        host: String::from_utf8(host.to_vec()).ok()?,
        port: u16::from_be_bytes(*port),
        fingerprint: *fingerprint,
        role: ServerRole::Primary,
    })
}

/// The primary, as it has said last.
pub(crate) async fn primary(store: &Store, secret: &ServerSecret) -> Outcome<Option<Endpoint>> {
    let sealed = store.setting(PRIMARY_KEY).await.map_err(|error| explain::store(&error))?;
    Ok(sealed.and_then(|sealed| open(&sealed, secret)))
}

/// The change that makes this the endpoint of the primary.
pub(crate) fn announcement(own: &Endpoint, secret: &ServerSecret) -> Change {
    Change::PutSetting { key: PRIMARY_KEY.to_owned(), value: seal(own, secret) }
}

/// Says where the primary is, if that is not known.
pub(super) async fn announce(store: &Store, secret: &ServerSecret, own: &Endpoint) -> Outcome {
    let own = Endpoint { role: ServerRole::Primary, ..own.clone() };
    if primary(store, secret).await?.as_ref() == Some(&own) {
        return Ok(());
    }
    let changes = vec![announcement(&own, secret)];
    match store.commit(Commit { changes, ..Commit::default() }).await {
        Ok(_) | Err(CommitError::Fenced) => Ok(()),
        Err(error) => Err(explain::commit(&error)),
    }
}

/// All of them. `own` is this machine, `records` are those of the replicas.
pub(crate) async fn known<R: Borrow<Record> + Sync>(
    store: &Store,
    secret: &ServerSecret,
    own: &Endpoint,
    records: &[R],
) -> Outcome<Vec<Endpoint>> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    match own.role {
        ServerRole::Primary => endpoints.push(own.clone()),
        _ => endpoints.extend(primary(store, secret).await?),
    }
    for record in records {
        let record: &Record = record.borrow();
        let known = endpoints.iter().any(|other| other.fingerprint == record.fingerprint);
        let place = split_host(&record.listen).and_then(|(host, port)| Some((host, port?)));
        if let (ReplicaKind::Standby, false, Some((host, port))) = (record.kind, known, place) {
            let fingerprint = record.fingerprint;
            endpoints.push(Endpoint { host, port, fingerprint, role: ServerRole::Standby });
        }
    }
    Ok(endpoints)
}

/// The address under which others reach a machine that says that it listens at
/// `listen` and is seen at `peer`; `None`: it says nothing of use.
pub(super) fn reachable(listen: &str, peer: IpAddr) -> Option<String> {
    let (host, port) = split_host(listen)?;
    let (port, peer) = (port?, peer.to_canonical());
    let address = host.parse::<IpAddr>().ok();
    let host = match address {
        Some(address) if address.is_unspecified() => peer.to_string(),
        _ => host,
    };
    Some(match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_crypto::MasterKey;

    #[test]
    fn the_endpoint_of_the_primary_opens_with_the_key_of_the_installation_only() {
        let secret = || ServerSecret::derive(&MasterKey::generate().unwrap(), &[1; 32]);
        let (own, other) = (secret(), secret());
        let endpoint = Endpoint {
            host: "files.example.org".to_owned(),
            port: 7440,
            fingerprint: [3; 32],
            role: ServerRole::Primary,
        };
        let sealed = seal(&endpoint, &own);
        assert_eq!(open(&sealed, &own), Some(endpoint));
        assert_eq!(open(&sealed, &other), None);
        assert_eq!(open(&sealed[1..], &own), None);
    }

    #[test]
    fn others_can_dial_what_is_recorded() {
        let seen: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        let six: IpAddr = "2001:db8::7".parse().unwrap();
        assert_eq!(reachable("0.0.0.0:7440", seen).as_deref(), Some("192.0.2.7:7440"));
        assert_eq!(reachable("[::]:7440", six).as_deref(), Some("[2001:db8::7]:7440"));
        assert_eq!(reachable("10.1.1.1:7440", seen).as_deref(), Some("10.1.1.1:7440"));
        assert_eq!(reachable("b.example.org:1", seen).as_deref(), Some("b.example.org:1"));
        for useless in ["", "b.example.org", "b:0", ":7440", "a b:1"] {
            assert_eq!(reachable(useless, seen), None, "{useless}");
        }
    }
}
