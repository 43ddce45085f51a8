//! The connection link: `coffer://host:port/?invite=CODE#FINGERPRINT`.
//!
//! The fingerprint is the base32 (RFC 4648, no padding) SHA-256 hash of the
//! public key (SPKI) of the server's private CA. It authenticates the first
//! contact; a link without one makes the client ask.

use data_encoding::BASE32_NOPAD;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Longest link that is looked at.
pub const MAX_LINK_BYTES: usize = 1024;

/// SHA-256 of the CA's public key (SPKI, DER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let bytes = BASE32_NOPAD
            .decode(text.to_ascii_uppercase().as_bytes())
            .map_err(|_| LinkError::Fingerprint)?;
        bytes.try_into().map(Self).map_err(|_| LinkError::Fingerprint)
    }
}

/// A parsed connection link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Invitation code, if the link carries one.
    pub invite: Option<String>,
    /// Pin of the server's CA, if the link carries one.
    pub fingerprint: Option<Fingerprint>,
}

/// Why a text is not a connection link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// Longer than any link the server prints.
    #[error("the link is too long")]
    TooLong,
    /// Another scheme, or none.
    #[error("a connection link starts with coffer://")]
    Scheme,
    /// Host or port missing or not readable.
    #[error("the link needs a host and a port, as in coffer://host:port/")]
    Authority,
    /// Something other than `?invite=CODE` between the port and the `#`.
    #[error("the link has a part that is not understood before the '#'")]
    Query,
    /// The part behind `#` is not a fingerprint.
    #[error("the fingerprint behind the '#' is not complete; copy the whole link")]
    Fingerprint,
}

fn parse_authority(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').filter(|inner| inner.contains(':'))?,
        None => host,
    };
    let bracketed = text.starts_with('[');
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c) || bracketed && c == ':';
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty() && host.chars().all(allowed)).then(|| (host.to_owned(), port))
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > MAX_LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        let rest = text.strip_prefix("coffer://").ok_or(LinkError::Scheme)?;
        let (rest, fingerprint) = match rest.split_once('#') {
            Some((rest, pin)) => (rest, Some(pin.parse()?)),
            None => (rest, None),
        };
        let (authority, query) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = parse_authority(authority).ok_or(LinkError::Authority)?;
        let code = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let invite = match query.strip_prefix("?invite=") {
            Some(value) if !value.is_empty() && value.chars().all(code) => Some(value.to_owned()),
            None if query.is_empty() => None,
            _ => return Err(LinkError::Query),
        };
        Ok(Self { host, port, invite, fingerprint })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("coffer://")?;
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}/", self.host, self.port)?,
            false => write!(f, "{}:{}/", self.host, self.port)?,
        }
        if let Some(invite) = &self.invite {
            write!(f, "?invite={invite}")?;
        }
        if let Some(fingerprint) = &self.fingerprint {
            write!(f, "#{fingerprint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_read_back_as_written() {
        for (host, invite, pin) in [
            ("files.example.org", Some("ABCD-1234"), Some(Fingerprint([7; 32]))),
            ("127.0.0.1", None, Some(Fingerprint([255; 32]))),
            ("::1", Some("X"), None),
        ] {
            let invite = invite.map(str::to_owned);
            let link = Link { host: host.to_owned(), port: 7440, invite, fingerprint: pin };
            assert_eq!(link.to_string().parse(), Ok(link));
        }
    }

    #[test]
    fn what_is_not_a_link_says_why() {
        let refused = |text: &str| text.parse::<Link>().expect_err("not a link");
        assert_eq!(refused("http://host:1/"), LinkError::Scheme);
        assert_eq!(refused("coffer://host/"), LinkError::Authority);
        assert_eq!(refused("coffer://:1/"), LinkError::Authority);
        assert_eq!(refused("coffer://host:0/"), LinkError::Authority);
        assert_eq!(refused("coffer://ho st:1/"), LinkError::Authority);
        assert_eq!(refused("coffer://host:1/path"), LinkError::Query);
        assert_eq!(refused("coffer://host:1/?invite="), LinkError::Query);
        assert_eq!(refused("coffer://host:1/#AAAA"), LinkError::Fingerprint);
        assert_eq!(refused(&format!("coffer://{}:1/", "h".repeat(2000))), LinkError::TooLong);
    }
}
