//! Which connections are let in: bounds on their number in total, from one
//! address, and before sign-in.
//!
//! Guarantees: the table of addresses never has more rows than there are
//! connections; a ticket gives back what it took, whatever happens to the
//! connection.

use crate::config::Limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The server has all the connections it takes.
    Total,
    /// The address has all the connections it may have.
    PerAddress,
    /// Too many connections have not signed in yet.
    BeforeSignIn,
    /// One address has half of the places of those who have not signed in.
    BeforeSignInHere,
}

impl Refused {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Total => "limits.connections is reached",
            Self::PerAddress => "limits.connections_per_address is reached",
            Self::BeforeSignIn => "limits.connections_before_sign_in is reached",
            Self::BeforeSignInHere => "half of limits.connections_before_sign_in is reached",
        }
    }
}

/// What counts as one address: IPv6 hosts own a whole /64 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Prefix([u8; 16]);

impl Prefix {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().octets()),
            IpAddr::V6(v6) => Self((u128::from(v6) >> 64 << 64).to_be_bytes()),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Count {
    total: u32,
    before_sign_in: u32,
}

#[derive(Default)]
struct Counts {
    all: Count,
    per_address: HashMap<Prefix, Count>,
}

/// The doorkeeper.
#[derive(Clone)]
pub(crate) struct Admission {
    counts: Arc<Mutex<Counts>>,
    limits: Limits,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { counts: Arc::default(), limits: limits.clone() }
    }

    /// Lets a connection in, or says why not.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<Ticket, Refused> {
        let prefix = Prefix::of(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all.total >= self.limits.connections {
            return Err(Refused::Total);
        }
        if counts.all.before_sign_in >= self.limits.connections_before_sign_in {
            return Err(Refused::BeforeSignIn);
        }
        let here = counts.per_address.get(&prefix).copied().unwrap_or_default();
        if here.total >= self.limits.connections_per_address {
            return Err(Refused::PerAddress);
        }
        // Strangers from one address leave room for others.
        if here.before_sign_in >= self.limits.connections_before_sign_in.div_ceil(2) {
            return Err(Refused::BeforeSignInHere);
        }
        let Counts { all, per_address } = &mut *counts;
        for count in [all, per_address.entry(prefix).or_default()] {
            count.total += 1;
            count.before_sign_in += 1;
        }
        Ok(Ticket { counts: self.counts.clone(), prefix, before_sign_in: true })
    }

    /// Connections that are open now.
    pub(crate) fn total(&self) -> u32 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).all.total
    }
}

/// The place of one connection.
pub(crate) struct Ticket {
    counts: Arc<Mutex<Counts>>,
    prefix: Prefix,
    before_sign_in: bool,
}

impl Ticket {
    /// The connection has signed in: its place among the strangers is free.
    pub(crate) fn signed_in(&mut self) {
        if std::mem::replace(&mut self.before_sign_in, false) {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.all.before_sign_in -= 1;
            if let Some(here) = counts.per_address.get_mut(&self.prefix) {
                here.before_sign_in -= 1;
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.signed_in();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all.total -= 1;
        if let Some(here) = counts.per_address.get_mut(&self.prefix) {
            here.total -= 1;
            if here.total == 0 {
                counts.per_address.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: u32, per_address: u32, before: u32) -> Limits {
        Limits {
            connections,
            connections_per_address: per_address,
            connections_before_sign_in: before,
            ..Limits::default()
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_bound_holds_and_is_given_back() {
        let admission = Admission::new(&limits(3, 2, 10));
        let first = admission.admit(address("10.0.0.1")).ok().unwrap();
        let _second = admission.admit(address("::ffff:10.0.0.1")).ok().unwrap();
        assert_eq!(admission.admit(address("10.0.0.1")).err(), Some(Refused::PerAddress));
        let _third = admission.admit(address("10.0.0.2")).ok().unwrap();
        assert_eq!(admission.admit(address("10.0.0.3")).err(), Some(Refused::Total));
        drop(first);
        let again = admission.admit(address("10.0.0.1")).ok();
        assert!(again.is_some());
        assert_eq!(admission.total(), 3);
    }

    #[test]
    fn strangers_have_a_bound_of_their_own() {
        let admission = Admission::new(&limits(10, 10, 2));
        let mut guest = admission.admit(address("10.0.0.1")).ok().unwrap();
        let refused = admission.admit(address("10.0.0.1")).err();
        assert_eq!(refused, Some(Refused::BeforeSignInHere), "room for others is left");
        let _other = admission.admit(address("10.0.0.2")).ok().unwrap();
        assert_eq!(admission.admit(address("10.0.0.3")).err(), Some(Refused::BeforeSignIn));
        guest.signed_in();
        guest.signed_in();
        assert!(admission.admit(address("10.0.0.1")).is_ok());
    }

    #[test]
    fn a_v6_network_counts_as_one_and_empty_rows_go() {
        let admission = Admission::new(&limits(10, 1, 10));
        let guest = admission.admit(address("2001:db8::1")).ok().unwrap();
        assert_eq!(admission.admit(address("2001:db8::ffff:2")).err(), Some(Refused::PerAddress));
        assert!(admission.admit(address("2001:db8:0:1::1")).is_ok());
        drop(guest);
        assert!(admission.counts.lock().unwrap().per_address.is_empty());
    }
}
