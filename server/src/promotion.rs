//! A standby becomes the primary.
//!
//! Guarantees: the proof is made for the very end of what is here, and the store takes
//! it for that only; the machine is taken off the list of replicas in the same commit
//! that makes it the primary, so that it does not wait for itself.

use crate::explain;
use crate::failure::{Code, Failure, Outcome};
use crate::feed::{endpoints, records};
use crate::install::Installation;
use crate::links;
use crate::run::anchor::Anchor;
use coffer_protocol::ReplicaId;
use coffer_protocol::message::cluster::{Endpoint, EpochProof, ServerRole};
use coffer_store::{Address, Promotion, Seat, SeatError, Store};

/// Attempts while the history still moves.
const ATTEMPTS: usize = 20;

/// The primary, as the installation knows it.
pub async fn primary(store: &Store, installation: &Installation) -> Outcome<Option<Endpoint>> {
    endpoints::primary(store, &installation.secret).await
}

/// Machines that clients can connect to, but for this one.
pub async fn others(store: &Store, installation: &Installation) -> Outcome<Vec<Endpoint>> {
    let own = endpoint(installation)?;
    let records = records::all(store, &installation.secret).await?;
    let mut known = endpoints::known(store, &installation.secret, &own, &records).await?;
    known.retain(|other| other.fingerprint != own.fingerprint);
    Ok(known)
}

/// Where others reach this machine.
fn endpoint(installation: &Installation) -> Outcome<Endpoint> {
    let link = links::link(&installation.data, &installation.config, None)?;
    let fingerprint = link.fingerprint.map(|pin| pin.0).unwrap_or_default();
    Ok(Endpoint { host: link.host, port: link.port, fingerprint, role: ServerRole::Standby })
}

/// A proof for an epoch that was over before there were any: good to ask a machine
/// whether it can check proofs, and where it stands.
pub fn harmless(installation: &Installation) -> EpochProof {
    prove(installation, 0, (0, [0; 32]), ("localhost".to_owned(), 1, [0; 32]))
}

fn prove(
    installation: &Installation,
    epoch: u64,
    (fork_seq, fork_hash): (u64, [u8; 32]),
    (host, port, fingerprint): (String, u16, [u8; 32]),
) -> EpochProof {
    let primary = (host.as_str(), port, &fingerprint);
    let mac = installation.secret.epoch_mac(epoch, (fork_seq, &fork_hash), primary);
    EpochProof { epoch, fork_seq, fork_hash, host, port, fingerprint, mac }
}

/// Makes this machine the primary of a new epoch, newer than all that were heard of.
/// `replica` is what it was called as a replica.
pub async fn promote(
    store: &Store,
    installation: &Installation,
    replica: ReplicaId,
    newest_epoch: u64,
) -> Outcome<Seat> {
    let own = endpoint(installation)?;
    let former = primary(store, installation).await?;
    let former = former.filter(|former| former.fingerprint != own.fingerprint);
    let former = former.map(|former| Address {
        host: former.host,
        port: former.port,
        fingerprint: former.fingerprint,
    });
    for _ in 0..ATTEMPTS {
        let head = store.journal_head().await.map_err(|error| explain::store(&error))?;
        let epoch = head.position.epoch.max(newest_epoch).saturating_add(1);
        let fork = (head.position.seq, head.chain_hash);
        let place = (own.host.clone(), own.port, own.fingerprint);
        let proof = prove(installation, epoch, fork, place);
        let mut changes = records::without(store, replica).await?;
        changes.push(endpoints::announcement(&own, &installation.secret));
        let promotion = Promotion { proof, former: former.clone() };
        // Before the commit: whoever is the primary does not start without an anchor.
        let anchor = Anchor { position: head.position, chain: head.chain_hash };
        anchor.write(&installation.data, &installation.marker.server_id, &installation.secret)?;
        match store.promote(promotion, changes).await {
            Ok(seat) => return Ok(seat),
            Err(SeatError::Moved(_)) => {}
            Err(error) => return Err(explain::seat(&error)),
        }
    }
    Err(Failure::new(Code::WrongMoment, "the replica still follows, too fast to be promoted")
        .hint("Stop it, or what it follows, and try again."))
}
