//! The port of a new machine.

use crate::config::{self, Config};
use crate::failure::{Code, Failure, Outcome};

/// Makes a port 0 a free one, for good, so that links and records stay valid.
pub fn settle(config: &mut Config) -> Outcome {
    if let Some(host) = config.listen.strip_suffix(":0") {
        config.listen = format!("{host}:{}", free_port(&config.listen)?);
    }
    Ok(())
}

/// A port that is kept for good lies below those that systems give to outgoing
/// connections: one of these would sooner or later take it while the server is
/// down.
fn free_port(listen: &str) -> Outcome<u16> {
    const RANGE: std::ops::Range<u16> = 10_000..32_000;
    const TRIES: usize = 64;
    let bind = |mut address: std::net::SocketAddr| {
        let bound = (0..TRIES).find_map(|_| {
            let random = getrandom::u32().ok()? % u32::from(RANGE.end - RANGE.start);
            address.set_port(RANGE.start + random as u16);
            std::net::TcpListener::bind(address).ok()
        });
        address.set_port(0);
        bound.map_or_else(|| std::net::TcpListener::bind(address), Ok)
    };
    config::resolve_listen(listen)
        .and_then(bind)
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| {
            Failure::new(Code::AddressUnusable, format!("cannot listen on {listen}: {error}"))
                .hint("Use an address of this machine, or 0.0.0.0.")
        })
}
