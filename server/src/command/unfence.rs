//! `unfence`: lets a primary go on that had stepped down for a switch which was then
//! given up.
//!
//! Guarantees: a machine that was shown a newer epoch stays fenced, whatever is asked;
//! so does one whose standbys cannot all be asked, unless the operator answers for
//! them; nothing else is changed.

use crate::args;
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close};
use crate::{explain, output, promotion};
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::{Endpoint, ServerRole};
use coffer_store::{Fence, Role, Store};
use coffer_transport::{Connection, Target};
use std::time::Duration;

/// Longest time that a standby is given to answer.
const ANSWER: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("coffer-server ", env!("CARGO_PKG_VERSION"));

/// Puts the machine back.
pub(crate) fn run(args: &args::Unfence) -> Outcome {
    let installation = Installation::load(&args.place)?;
    block_on(async {
        let store = installation.open_admin().await?;
        let outcome = put_back(args, &installation, &store).await;
        close(&store).await;
        outcome
    })
}

async fn put_back(args: &args::Unfence, installation: &Installation, store: &Store) -> Outcome {
    let seat = store.look_again().await.map_err(|error| explain::store(&error))?;
    if seat.role != Role::Primary {
        return Err(Failure::new(Code::NotPrimary, "this machine is not the primary"));
    }
    if seat.fence == Fence::Open {
        output::line(&"this machine may write already; nothing was changed");
        return Ok(());
    }
    if seat.fence == Fence::SteppedDown {
        for standby in promotion::others(store, installation).await? {
            look_at(&standby, seat.position.epoch, args.none_promoted).await?;
        }
    }
    let seat = store.step_back().await.map_err(|error| explain::seat(&error))?;
    output::line(&format!("this machine is the primary again, {}", seat.position));
    output::line(&"A server that runs here goes on by itself.");
    Ok(())
}

/// Refuses if the standby is the primary now, or cannot be asked.
async fn look_at(standby: &Endpoint, epoch: u64, trusted: bool) -> Outcome {
    let Endpoint { host, port, fingerprint, .. } = standby;
    let place = format!("{host}:{port}");
    let target = Target { host: host.clone(), port: *port, pin: Some(Fingerprint(*fingerprint)) };
    let why = match tokio::time::timeout(ANSWER, Connection::open(&target, AGENT)).await {
        Ok(Ok(connection)) => {
            let welcome = connection.welcome();
            let (role, newer) = (welcome.role, welcome.epoch > epoch);
            connection.close().await;
            if role != ServerRole::Primary && !newer {
                return Ok(());
            }
            let message = format!("{place} has been promoted: this machine stays fenced");
            return Err(Failure::new(Code::Fenced, message)
                .hint("Make this machine a standby of it: coffer-server rejoin"));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it does not answer in time".to_owned(),
    };
    if trusted {
        return Ok(());
    }
    Err(Failure::new(Code::WrongMoment, format!("the standby {place} cannot be asked: {why}"))
        .hint(
            "Start it. If you know that no standby has been promoted and that none will be, add \
             --none-promoted. Nothing was changed.",
        ))
}
