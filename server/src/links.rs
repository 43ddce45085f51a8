//! Connection links and invitation codes.

use crate::config::{Config, split_host};
use crate::data_dir::DataDir;
use crate::failure::{Code, Failure, Outcome};
use crate::running::Running;
use crate::{explain, tls};
use coffer_crypto::ServerSecret;
use coffer_protocol::link::{Fingerprint, Link};
use coffer_service::admin;
use coffer_store::{Clock, Store, SystemClock, SystemRandom};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// The link for people: where this server is, and how to know it.
pub(crate) fn link(data: &DataDir, config: &Config, invite: Option<String>) -> Outcome<Link> {
    let fingerprint = tls::fingerprint(data)?;
    let running = Running::read(data).map(|running| running.listen);
    compose(config, running, fingerprint, invite)
}

/// The same from its parts; `running` is where a running server really listens.
pub(crate) fn compose(
    config: &Config,
    running: Option<SocketAddr>,
    fingerprint: Fingerprint,
    invite: Option<String>,
) -> Outcome<Link> {
    let listen = crate::config::resolve_listen(&config.listen).ok();
    let listen_port = config.listen.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let public = config.public_host.as_deref().and_then(split_host);
    let (host, port) = public.unwrap_or_else(|| {
        let bound = running.or(listen).map_or(Ipv4Addr::UNSPECIFIED.into(), |at| at.ip());
        (reachable(bound).to_string(), None)
    });
    let port = port.or(running.map(|at| at.port())).or(listen_port).filter(|port| *port != 0);
    let port = port.ok_or_else(|| {
        Failure::new(Code::WrongMoment, "the port is chosen when the server starts")
            .hint("Start the server first, or give `listen` a fixed port.")
    })?;
    Ok(Link { host, port, invite, fingerprint: Some(fingerprint) })
}

/// The address under which others reach a socket bound to `bound`.
fn reachable(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    // Connecting a datagram socket sends nothing; it asks the routing table which
    // address of this machine looks outwards. The target is a documentation address.
    let outward = |local: SocketAddr, target: SocketAddr| {
        let socket = UdpSocket::bind(local).ok()?;
        socket.connect(target).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    };
    let v4 = outward((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::new(192, 0, 2, 1), 9).into());
    v4.filter(|address| !address.is_unspecified())
        .or_else(|| {
            let target = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
            outward((Ipv6Addr::UNSPECIFIED, 0).into(), (target, 9).into())
        })
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// Makes an invitation and returns its code, which is stored nowhere.
pub(crate) async fn create_invite(
    store: &Store,
    secret: &ServerSecret,
    uses: u32,
    days: u32,
) -> Outcome<String> {
    let lifetime = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    let now = SystemClock.now_millis();
    admin::create_invite(store, secret, &SystemRandom, now, uses, lifetime)
        .await
        .map_err(|error| explain::admin(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: Fingerprint = Fingerprint([3; 32]);

    fn config(listen: &str, public_host: Option<&str>) -> Config {
        Config {
            listen: listen.to_owned(),
            public_host: public_host.map(str::to_owned),
            ..Config::default()
        }
    }

    #[test]
    fn links_name_what_others_can_reach() {
        let made = |listen, public, running: Option<&str>| {
            let running = running.map(|text| text.parse().unwrap());
            let link = compose(&config(listen, public), running, PIN, None)?;
            Ok::<_, Failure>(format!("{}:{}", link.host, link.port))
        };
        assert_eq!(made("10.1.1.1:7440", None, None).unwrap(), "10.1.1.1:7440");
        assert_eq!(
            made("0.0.0.0:7440", Some("files.example"), None).unwrap(),
            "files.example:7440"
        );
        assert_eq!(made("0.0.0.0:7440", Some("f.example:443"), None).unwrap(), "f.example:443");
        let running = Some("127.0.0.1:5555");
        assert_eq!(made("127.0.0.1:0", None, running).unwrap(), "127.0.0.1:5555");
        assert_eq!(made("127.0.0.1:0", None, None).unwrap_err().code, Code::WrongMoment);
        assert!(!made("0.0.0.0:7440", None, None).unwrap().starts_with("0.0.0.0"));
    }
}
