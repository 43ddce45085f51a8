//! Tells the other machines of the promotion that made this one the primary: those
//! that were the primary before, and the standbys.
//!
//! Guarantees: a machine is dialled until it has taken the proof once, with pauses
//! that grow to a limit, so that an old primary is fenced within seconds after it
//! comes back; only the authority that is known of it is spoken to; each is logged
//! once when it cannot be reached and once when it has been told.

use crate::feed::Feed;
use crate::{data_dir::DataDir, tls};
use bytes::Bytes;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::{Endpoint, EpochProof};
use coffer_protocol::{Request, Response};
use coffer_store::{Address, Promotion, Store};
use coffer_transport::{ClientConfig, Connection, Target};
use std::time::Duration;
use tokio::task::JoinSet;

/// First and longest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Longest attempt.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Pause when the database does not answer.
const LOOK: Duration = Duration::from_secs(1);
/// Machines that are told; those that were the primary last come first.
const MOST: usize = 48;
const AGENT: &str = concat!("coffer-server ", env!("CARGO_PKG_VERSION"));

/// Works until all have been told, and then waits for ever.
pub(super) async fn run(store: Store, data: DataDir, feed: Feed) {
    let (timeline, endpoints) = loop {
        match (store.timeline().await, feed.endpoints().await) {
            (Ok(timeline), Ok(endpoints)) => break (timeline, endpoints),
            (Err(error), _) => tracing::debug!(%error, "cannot read the promotions"),
            (_, Err(error)) => tracing::debug!(%error, "cannot read which machines there are"),
        }
        tokio::time::sleep(LOOK).await;
    };
    if let Some(last) = timeline.last() {
        let own = tls::fingerprint(&data).map(|pin| pin.0).ok();
        let mut telling = JoinSet::new();
        for target in targets(&timeline, endpoints, own) {
            telling.spawn(tell(target, last.proof.clone()));
        }
        while telling.join_next().await.is_some() {}
    }
    std::future::pending::<()>().await;
}

/// Whom to tell, without this machine, each once.
fn targets(
    timeline: &[Promotion],
    endpoints: Vec<Endpoint>,
    own: Option<[u8; 32]>,
) -> Vec<Address> {
    let former = timeline.iter().rev().filter_map(|promotion| promotion.former.clone());
    let standbys = endpoints.into_iter().map(|endpoint| Address {
        host: endpoint.host,
        port: endpoint.port,
        fingerprint: endpoint.fingerprint,
    });
    let mut targets: Vec<Address> = Vec::new();
    for one in former.chain(standbys) {
        let known = targets.iter().any(|other| other.fingerprint == one.fingerprint);
        if !known && own != Some(one.fingerprint) && targets.len() < MOST {
            targets.push(one);
        }
    }
    targets
}

/// Tells one machine.
async fn tell(address: Address, proof: EpochProof) {
    let Address { host, port, fingerprint } = address;
    let place = format!("{host}:{port}");
    let target = Target { host, port, pin: Some(Fingerprint(fingerprint)) };
    let (mut pause, mut said) = (FIRST_PAUSE, false);
    loop {
        let why = match tokio::time::timeout(ATTEMPT, show(&target, &proof)).await {
            Ok(Ok(())) => {
                tracing::info!(machine = place, epoch = proof.epoch, "it knows of the promotion");
                return;
            }
            Ok(Err(why)) => why,
            Err(_) => "it does not answer in time".to_owned(),
        };
        if !std::mem::replace(&mut said, true) {
            tracing::warn!(
                machine = place,
                reason = why,
                "it cannot be told of the promotion yet; this goes on until it has been"
            );
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One attempt.
async fn show(target: &Target, proof: &EpochProof) -> Result<(), String> {
    let opened = Connection::open_with(target, AGENT, ClientConfig::default()).await;
    let connection = opened.map_err(|error| error.to_string())?;
    let request = Request::ShowEpoch(Box::new(proof.clone()));
    let answered = connection.call(request, Bytes::new()).await;
    connection.close().await;
    match answered {
        Ok((Response::Done, _)) => Ok(()),
        Ok(_) => Err("it answers something else than was asked".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
