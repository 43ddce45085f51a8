//! Checks that no type can express: ranges and values that depend on each other.

use super::Config;
use coffer_store::DatabaseUrl;
use std::net::{SocketAddr, ToSocketAddrs};

/// Key and what is wrong with its value.
pub(super) type Problem = (&'static str, String);

impl Config {
    /// Checks the whole configuration.
    pub(super) fn validate(&self) -> Result<(), Problem> {
        self.validate_addresses()?;
        self.validate_ranges()?;
        if crate::size::parse_limit(&self.quota.bytes).is_err() {
            let reason = "needs `none` or an amount, as in 50G";
            return Err(("quota.bytes", reason.to_owned()));
        }
        if let Err(error) = self.database.url.parse::<DatabaseUrl>() {
            return Err(("database.url", format!("is not usable: {error}")));
        }
        tracing_subscriber::EnvFilter::try_new(&self.log.level)
            .map(drop)
            .map_err(|_| ("log.level", "is neither a level nor a filter".to_owned()))
    }

    /// The address that this machine names to other machines: `public_host`, with
    /// the port of `listen` where it has none; `listen` itself without one.
    pub fn named_address(&self) -> String {
        let port = self.listen.rsplit_once(':').map_or("", |(_, port)| port);
        match self.public_host.as_deref().and_then(|host| Some((host, split_host(host)?))) {
            None => self.listen.clone(),
            Some((named, (_, Some(_)))) => named.to_owned(),
            Some((_, (host, None))) if host.contains(':') => format!("[{host}]:{port}"),
            Some((_, (host, None))) => format!("{host}:{port}"),
        }
    }

    fn validate_addresses(&self) -> Result<(), Problem> {
        if self.listen.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(("listen", "needs an address and a port, as in 0.0.0.0:7440".to_owned()));
        }
        if let Some(host) = &self.public_host
            && split_host(host).is_none()
        {
            return Err(("public_host", "needs a host, or host:port".to_owned()));
        }
        if let Some(listen) = &self.metrics.listen {
            let address: SocketAddr = listen
                .parse()
                .map_err(|_| ("metrics.listen", "needs an address and a port".to_owned()))?;
            if !address.ip().is_loopback() && !self.metrics.allow_remote {
                let reason = "can be reached from other machines, and the page has no sign-in; \
                              use 127.0.0.1, or set metrics.allow_remote = true";
                return Err(("metrics.listen", reason.to_owned()));
            }
        }
        Ok(())
    }

    fn validate_ranges(&self) -> Result<(), Problem> {
        let ranges = [
            ("shutdown_seconds", self.shutdown_seconds, 0, 3600),
            ("database.connections", self.database.connections.into(), 2, 1000),
            ("session.idle_minutes", self.session.idle_minutes, 1, 7 * 24 * 60),
            ("session.max_hours", self.session.max_hours, 1, 30 * 24),
            ("limits.connections", self.limits.connections.into(), 1, 1_000_000),
            (
                "limits.connections_per_address",
                self.limits.connections_per_address.into(),
                1,
                1_000_000,
            ),
            (
                "limits.connections_before_sign_in",
                self.limits.connections_before_sign_in.into(),
                1,
                100_000,
            ),
            ("limits.connections_per_user", self.limits.connections_per_user.into(), 1, 1_000_000),
            ("limits.uploads_per_user", self.limits.uploads_per_user.into(), 1, 1_000_000),
            ("limits.requests_per_second", self.limits.requests_per_second.into(), 0, 1_000_000),
            ("work.sign_up", self.work.sign_up.into(), 0, 24),
            ("work.sign_in", self.work.sign_in.into(), 0, 24),
            ("work.upload", self.work.upload.into(), 0, 24),
            ("work.most", self.work.most.into(), 0, 24),
            ("work.upload_gib_per_hour", self.work.upload_gib_per_hour.into(), 0, 1 << 20),
            ("work.half_life_minutes", self.work.half_life_minutes.into(), 1, 7 * 24 * 60),
            ("quota.files", self.quota.files, 0, 1 << 60),
            ("limits.request_mib", self.limits.request_mib.into(), 8, 65_536),
            ("limits.response_mib", self.limits.response_mib.into(), 8, 65_536),
            ("limits.worker_threads", self.limits.worker_threads as u64, 0, 1024),
            ("limits.blocking_threads", self.limits.blocking_threads as u64, 4, 1024),
            ("retention.trash_days", self.retention.trash_days.into(), 0, 36_500),
            ("retention.version_days", self.retention.version_days.into(), 0, 36_500),
            ("retention.versions", self.retention.versions.into(), 0, u64::from(u32::MAX)),
            ("retention.upload_days", self.retention.upload_days.into(), 1, 3650),
            ("retention.journal_hours", self.retention.journal_hours.into(), 1, 24 * 3650),
            ("retention.garbage_hours", self.retention.garbage_hours.into(), 0, 24 * 365),
            ("retention.activity_days", self.retention.activity_days.into(), 0, 36_500),
            ("storage.reserve_percent", self.storage.reserve_percent.into(), 0, 50),
            ("maintenance.janitor_seconds", self.maintenance.janitor_seconds, 1, 86_400),
            ("maintenance.anchor_seconds", self.maintenance.anchor_seconds, 1, 3600),
            ("maintenance.history_seconds", self.maintenance.history_seconds, 1, 7 * 86_400),
            ("maintenance.scrub_mib_per_second", self.maintenance.scrub_mib_per_second, 0, 10_000),
            ("maintenance.scrub_hours", self.maintenance.scrub_hours, 0, 24 * 365),
            ("replication.wait_millis", self.replication.wait_millis, 1, 60_000),
            ("replication.retain_entries", self.replication.retain_entries, 1, 1 << 40),
            ("alarms.lag_seconds", self.alarms.lag_seconds, 0, 365 * 86_400),
            ("alarms.unmirrored_seconds", self.alarms.unmirrored_seconds, 0, 365 * 86_400),
            ("alarms.silent_seconds", self.alarms.silent_seconds, 0, 365 * 86_400),
            ("alarms.retain_percent", self.alarms.retain_percent.into(), 0, 100),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err((key, format!("is {value}; it must lie between {least} and {most}")));
            }
        }
        Ok(())
    }
}

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
pub(crate) fn split_host(text: &str) -> Option<(String, Option<u16>)> {
    let plain = |host: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        (!host.is_empty() && host.chars().all(fits)).then(|| host.to_owned())
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        return Some((host.to_owned(), port));
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((text.to_owned(), None));
    }
    match text.split_once(':') {
        Some((host, port)) => {
            Some((plain(host)?, Some(port.parse().ok().filter(|port| *port != 0)?)))
        }
        None => Some((plain(text)?, None)),
    }
}

/// Resolves `listen`; a name may stand for several addresses, the first is taken.
pub(crate) fn resolve_listen(listen: &str) -> std::io::Result<SocketAddr> {
    listen
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address"))
}
