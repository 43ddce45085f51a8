//! Accepts connections and hands them to the service.
//!
//! Guarantees: the number of connections is bounded (`admission`); running out
//! of descriptors slows accepting down and ends nothing; one refused or failed
//! connection is one log line at most, and a flood of them is counted instead.

use super::admission::{Admission, Refused, Ticket};
use super::log_budget::LogBudget;
use crate::failure::{Code, Failure, Outcome};
use crate::feed::Feed;
use coffer_service::{Served, Service};
use coffer_transport::{CloseReason, ServerTransport};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: u32 = 1024;
/// First and longest pause when the system is out of descriptors or memory.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What every connection needs.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) transport: ServerTransport,
    pub(crate) service: Service,
    pub(crate) feed: Feed,
    pub(crate) admission: Admission,
    pub(crate) tasks: TaskTracker,
}

/// Takes the address, or says why not.
pub fn bind(listen: &str) -> Outcome<TcpListener> {
    let failure = |error: &io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::new(Code::AddressInUse, format!("the address {listen} is in use"))
                .hint("Stop the other program, or choose another port with `listen` or --listen.")
        }
        _ => Failure::new(Code::AddressUnusable, format!("cannot listen on {listen}: {error}"))
            .hint("Use an address of this machine, or 0.0.0.0; ports below 1024 need rights."),
    };
    let address = crate::config::resolve_listen(listen).map_err(|error| failure(&error))?;
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
    };
    let bound = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    });
    bound.map_err(|error| failure(&error))
}

impl Listener {
    /// Accepts until `stop` fires.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let log = Arc::new(Mutex::new(LogBudget::new(Instant::now())));
        let mut pause = FIRST_PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    pause = FIRST_PAUSE;
                    self.welcome(socket, peer, &log);
                }
                // The client gave up while it waited.
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    metrics::counter!("coffer_accept_errors_total").increment(1);
                    write(&log, |skipped| {
                        tracing::warn!(%error, skipped, "cannot accept a connection for now");
                    });
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn welcome(&self, socket: TcpStream, peer: SocketAddr, log: &Arc<Mutex<LogBudget>>) {
        let is_known = self.service.knows_address(peer.ip());
        let ticket = match self.admission.admit(peer.ip(), is_known) {
            Ok(ticket) => ticket,
            Err(refused) => return refuse(refused, peer, log),
        };
        metrics::counter!("coffer_connections_total").increment(1);
        let (transport, service) = (self.transport.clone(), self.service.clone());
        let feed = self.feed.clone();
        let log = Arc::clone(log);
        let arrived = Instant::now();
        self.tasks.spawn(async move {
            service.note_wait(arrived.elapsed());
            let ended = connection(&transport, (&service, &feed), socket, peer, ticket).await;
            let Some(reason) = ended else { return };
            write(&log, |skipped| tracing::info!(%peer, reason, skipped, "connection failed"));
        });
    }
}

/// Serves one connection to its end; returns why if that is worth a line.
async fn connection(
    transport: &ServerTransport,
    (service, feed): (&Service, &Feed),
    socket: TcpStream,
    peer: SocketAddr,
    mut ticket: Ticket,
) -> Option<String> {
    let displaced = ticket.displaced();
    let accepted = tokio::select! {
        accepted = transport.accept(socket, peer) => accepted,
        () = displaced.cancelled() => return None,
    };
    let connection = match accepted {
        Ok(connection) => connection,
        Err(error) => return Some(error.to_string()),
    };
    let (handle, recognised) = (connection.handle(), CancellationToken::new());
    let serving = async {
        match service.serve(connection, recognised.clone()).await {
            Served::Ended(reason) => reason,
            Served::Peer(peer) => {
                let (connection, first) = *peer;
                feed.serve(connection, first).await
            }
        }
    };
    tokio::pin!(serving);
    let mut told = false;
    let reason = loop {
        tokio::select! {
            biased;
            reason = &mut serving => break reason,
            () = handle.signed_in() => {
                ticket.signed_in();
                break serving.await;
            }
            () = recognised.cancelled(), if !told => {
                told = true;
                ticket.recognised();
            }
            () = displaced.cancelled() => return None,
        }
    };
    match reason {
        None | Some(CloseReason::Client | CloseReason::Goodbye | CloseReason::Lost(_)) => {
            tracing::debug!(%peer, ?reason, "connection ended");
            None
        }
        Some(reason) => Some(reason.to_string()),
    }
}

fn refuse(refused: Refused, peer: SocketAddr, log: &Arc<Mutex<LogBudget>>) {
    metrics::counter!("coffer_connections_refused_total").increment(1);
    write(log, |skipped| {
        tracing::warn!(%peer, reason = refused.reason(), skipped, "connection refused");
    });
}

/// Writes a line if the budget has room for one.
fn write(log: &Arc<Mutex<LogBudget>>, line: impl FnOnce(u64)) {
    let taken = log.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
    if let Some(skipped) = taken {
        line(skipped);
    }
}

fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | ConnectionRefused | Interrupted)
}
