//! Which connections are let in: bounds on their number in total, from one
//! address, and before sign-in.
//!
//! Guarantees: the table of addresses never has more rows than there are
//! connections; a ticket gives back what it took, whatever happens to the
//! connection. When strangers have taken all their places, the one who has been
//! there for longest makes room for the next, so that nobody can be shut out by
//! connections that do nothing; whoever is known, by the address or by the device,
//! has a place of another kind, which strangers cannot take.

use crate::config::Limits;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The server has all the connections it takes.
    Total,
    /// The address has all the connections it may have.
    PerAddress,
    /// One address has half of the places of those who have not signed in.
    BeforeSignInHere,
}

impl Refused {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Total => "limits.connections is reached",
            Self::PerAddress => "limits.connections_per_address is reached",
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
    strangers: u32,
}

#[derive(Default)]
struct Counts {
    total: u32,
    /// Those who are known and have not signed in yet.
    known: u32,
    /// All others who have not signed in yet, in the order in which they came.
    strangers: BTreeMap<u64, (Prefix, CancellationToken)>,
    next: u64,
    per_address: HashMap<Prefix, Count>,
}

impl Counts {
    /// A stranger is none any more, or has gone.
    fn remove_stranger(&mut self, number: u64) {
        if let Some((prefix, _)) = self.strangers.remove(&number) {
            self.one_less(prefix);
        }
    }

    fn one_less(&mut self, prefix: Prefix) {
        if let Some(here) = self.per_address.get_mut(&prefix) {
            here.strangers -= 1;
        }
    }

    fn add_stranger(&mut self, prefix: Prefix, displaced: CancellationToken) -> u64 {
        let number = self.next;
        self.next += 1;
        self.strangers.insert(number, (prefix, displaced));
        self.per_address.entry(prefix).or_default().strangers += 1;
        number
    }

    fn displace_oldest(&mut self) {
        if let Some((_, (prefix, displaced))) = self.strangers.pop_first() {
            self.one_less(prefix);
            displaced.cancel();
            metrics::counter!("coffer_connections_displaced_total").increment(1);
        }
    }
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

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, or says why not. Whether somebody has signed in from the
    /// address before is for the caller to know.
    pub(crate) fn admit(&self, address: IpAddr, is_known: bool) -> Result<Ticket, Refused> {
        let prefix = Prefix::of(address);
        let (most_strangers, mut counts) = (self.limits.connections_before_sign_in, self.counts());
        if counts.total >= self.limits.connections {
            return Err(Refused::Total);
        }
        let here = counts.per_address.get(&prefix).copied().unwrap_or_default();
        if here.total >= self.limits.connections_per_address {
            return Err(Refused::PerAddress);
        }
        let displaced = CancellationToken::new();
        let place = if is_known && counts.known < most_known(&self.limits) {
            counts.known += 1;
            Place::Known
        } else {
            // Strangers from one address leave room for others.
            if here.strangers >= most_strangers.div_ceil(2) {
                return Err(Refused::BeforeSignInHere);
            }
            if counts.strangers.len() >= most_strangers as usize {
                counts.displace_oldest();
            }
            Place::Stranger(counts.add_stranger(prefix, displaced.clone()))
        };
        counts.total += 1;
        counts.per_address.entry(prefix).or_default().total += 1;
        drop(counts);
        Ok(Ticket { admission: self.clone(), prefix, place, displaced })
    }

    /// Connections that are open now.
    pub(crate) fn total(&self) -> u32 {
        self.counts().total
    }
}

/// Places of those who are known and have not signed in yet.
fn most_known(limits: &Limits) -> u32 {
    limits.connections_before_sign_in.div_ceil(4)
}

/// What a connection counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Stranger(u64),
    Known,
    SignedIn,
}

/// The place of one connection.
pub(crate) struct Ticket {
    admission: Admission,
    prefix: Prefix,
    place: Place,
    displaced: CancellationToken,
}

impl Ticket {
    /// Fires when the connection has to make room for another.
    pub(crate) fn displaced(&self) -> CancellationToken {
        self.displaced.clone()
    }

    /// The device is known: the place among the strangers is free, as long as there is
    /// one among those who are known.
    pub(crate) fn recognised(&mut self) {
        let mut counts = self.admission.counts();
        let Place::Stranger(number) = self.place else { return };
        if counts.known < most_known(&self.admission.limits) {
            counts.remove_stranger(number);
            counts.known += 1;
            self.place = Place::Known;
        }
    }

    /// The connection has signed in: the place before sign-in is free.
    pub(crate) fn signed_in(&mut self) {
        let mut counts = self.admission.counts();
        match std::mem::replace(&mut self.place, Place::SignedIn) {
            Place::Stranger(number) => counts.remove_stranger(number),
            Place::Known => counts.known -= 1,
            Place::SignedIn => {}
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.signed_in();
        let mut counts = self.admission.counts();
        counts.total -= 1;
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

    impl Admission {
        fn stranger(&self, from: &str) -> Result<Ticket, Refused> {
            self.admit(address(from), false)
        }
    }

    #[test]
    fn every_bound_holds_and_is_given_back() {
        let admission = Admission::new(&limits(3, 2, 10));
        let first = admission.stranger("10.0.0.1").ok().unwrap();
        let _second = admission.stranger("::ffff:10.0.0.1").ok().unwrap();
        assert_eq!(admission.stranger("10.0.0.1").err(), Some(Refused::PerAddress));
        let _third = admission.stranger("10.0.0.2").ok().unwrap();
        assert_eq!(admission.stranger("10.0.0.3").err(), Some(Refused::Total));
        drop(first);
        let again = admission.stranger("10.0.0.1").ok();
        assert!(again.is_some());
        assert_eq!(admission.total(), 3);
    }

    #[test]
    fn the_stranger_who_waits_for_longest_makes_room() {
        let admission = Admission::new(&limits(10, 10, 2));
        let mut guest = admission.stranger("10.0.0.1").ok().unwrap();
        let refused = admission.stranger("10.0.0.1").err();
        assert_eq!(refused, Some(Refused::BeforeSignInHere), "room for others is left");
        let other = admission.stranger("10.0.0.2").ok().unwrap();
        guest.signed_in();
        guest.signed_in();
        let third = admission.stranger("10.0.0.1").ok().unwrap();
        assert!(!other.displaced().is_cancelled());
        let fourth = admission.stranger("10.0.0.3").ok().unwrap();
        assert!(other.displaced().is_cancelled() && !guest.displaced().is_cancelled());
        let _fifth = admission.stranger("10.0.0.2").ok().unwrap();
        assert!(third.displaced().is_cancelled() && !fourth.displaced().is_cancelled());
        assert_eq!(admission.counts().strangers.len(), 2);
        drop((other, third));
        assert_eq!(admission.counts().strangers.len(), 2, "they were counted out before");
    }

    #[test]
    fn strangers_cannot_take_the_places_of_the_known() {
        let admission = Admission::new(&limits(100, 10, 4));
        let known = admission.admit(address("10.0.0.1"), true).ok().unwrap();
        let mut device = admission.stranger("10.0.0.9").ok().unwrap();
        device.recognised();
        // One place is taken: the device stays where it was, and pays for it.
        let crowd: Vec<_> = (1..=5)
            .map(|last| admission.stranger(&format!("10.0.1.{last}")).ok().unwrap())
            .collect();
        assert!(device.displaced().is_cancelled());
        drop((known, device));
        let mut device = admission.stranger("10.0.0.9").ok().unwrap();
        device.recognised();
        let more: Vec<_> = (1..=5)
            .map(|last| admission.stranger(&format!("10.0.2.{last}")).ok().unwrap())
            .collect();
        assert!(!device.displaced().is_cancelled());
        device.signed_in();
        assert_eq!(admission.counts().known, 0);
        drop((crowd, more, device));
        let counts = admission.counts();
        assert_eq!((counts.total, counts.strangers.len(), counts.known), (0, 0, 0));
        assert!(counts.per_address.is_empty());
    }

    #[test]
    fn a_v6_network_counts_as_one_and_empty_rows_go() {
        let admission = Admission::new(&limits(10, 1, 10));
        let guest = admission.stranger("2001:db8::1").ok().unwrap();
        assert_eq!(admission.stranger("2001:db8::ffff:2").err(), Some(Refused::PerAddress));
        assert!(admission.stranger("2001:db8:0:1::1").is_ok());
        drop(guest);
        assert!(admission.counts().per_address.is_empty());
    }
}
