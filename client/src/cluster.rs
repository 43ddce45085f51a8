//! What is remembered of the machines of an installation: where they are, who
//! each of them has to prove to be, and the newest promotion.
//!
//! Guarantees: the list comes from a machine that has proved that it knows the
//! account, and is bounded; a machine on it is believed nothing before it has
//! shown the certificate of its pin and has itself proved that it knows the
//! account; a damaged file is named, not overlooked. No secret.

mod file;

use crate::profile::target;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::{ClusterInfo, Endpoint, EpochProof, ServerRole};
use coffer_protocol::{Position, ServerId};
use std::fmt;

/// Most machines that are remembered.
pub const MAX_MACHINES: usize = coffer_protocol::limits::MAX_ENDPOINTS;

/// Longest host name that is remembered.
const MAX_HOST_BYTES: usize = 255;

/// A machine that can be connected to. The pin says who it is; the address only
/// where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Pin of its certificate authority.
    pub pin: Fingerprint,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&target(&self.host, self.port))
    }
}

/// A machine, and what it was when it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMachine {
    /// Which.
    pub machine: Machine,
    /// What it was.
    pub role: ServerRole,
}

/// The machines of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The installation.
    pub server_id: ServerId,
    /// Its machines, the primary first; at most `MAX_MACHINES`.
    pub machines: Vec<KnownMachine>,
    /// The newest promotion that was heard of.
    pub proof: Option<EpochProof>,
    /// Where the installation stood when it was asked for this list: the list can
    /// have changed only after that.
    pub(crate) asked_at: Position,
}

impl Cluster {
    /// Nothing is known yet.
    pub(crate) fn unknown(server_id: ServerId) -> Self {
        Self { server_id, machines: Vec::new(), proof: None, asked_at: Position::default() }
    }

    /// Takes over what a machine of this installation says. A former primary stays
    /// on the list until it is back in another role: it may have to be told.
    pub(crate) fn learn(&mut self, info: &ClusterInfo, asked_at: Position) {
        let mut machines: Vec<KnownMachine> = info.endpoints.iter().filter_map(usable).collect();
        let newer =
            |proof: &EpochProof| self.proof.as_ref().is_none_or(|known| known.epoch < proof.epoch);
        if let Some(proof) = info.proof.as_ref().filter(|proof| newer(proof)) {
            let machine = Machine {
                host: proof.host.clone(),
                port: proof.port,
                pin: Fingerprint(proof.fingerprint),
            };
            if is_usable(&machine) && machines.iter().all(|known| known.machine.pin != machine.pin)
            {
                machines.push(KnownMachine { machine, role: ServerRole::Primary });
            }
            self.proof = Some(proof.clone());
        }
        let former = std::mem::take(&mut self.machines).into_iter().filter(|known| {
            let listed = |other: &KnownMachine| other.machine.pin == known.machine.pin;
            known.role == ServerRole::Fenced && !machines.iter().any(listed)
        });
        let former: Vec<KnownMachine> = former.collect();
        machines.extend(former);
        machines.truncate(MAX_MACHINES);
        self.machines = machines;
        self.asked_at = self.asked_at.max(asked_at);
    }

    /// This machine is not the primary any more.
    pub(crate) fn retire(&mut self, machine: Machine) {
        let same = |known: &&mut KnownMachine| known.machine.pin == machine.pin;
        if let Some(known) = self.machines.iter_mut().find(same) {
            known.role = ServerRole::Fenced;
        } else {
            self.machines.truncate(MAX_MACHINES - 1);
            self.machines.push(KnownMachine { machine, role: ServerRole::Fenced });
        }
    }

    /// Adds a machine that was reached without being on the list.
    pub(crate) fn add(&mut self, machine: Machine, role: ServerRole) {
        let room = self.machines.len() < MAX_MACHINES;
        if room && self.machines.iter().all(|known| known.machine.pin != machine.pin) {
            self.machines.push(KnownMachine { machine, role });
        }
    }

    /// The machines that may be the primary, if this one is not.
    pub(crate) fn besides(&self, primary: &Machine) -> Vec<Machine> {
        let all = self.machines.iter().map(|known| &known.machine);
        all.filter(|machine| *machine != primary).cloned().collect()
    }

    /// Whether any machine may serve besides this one, or this one as a standby.
    pub(crate) fn has_others(&self, primary: &Machine) -> bool {
        self.machines
            .iter()
            .any(|known| known.machine != *primary || known.role == ServerRole::Standby)
    }

    /// The machines that may serve reads besides this one.
    pub(crate) fn standbys(&self, primary: &Machine) -> Vec<Machine> {
        let all = self.machines.iter().map(|known| &known.machine);
        all.filter(|machine| machine.pin != primary.pin).cloned().collect()
    }

    /// Whether both name the same machines and the same promotion.
    pub(crate) fn same_list(&self, other: &Self) -> bool {
        self.server_id == other.server_id
            && self.machines == other.machines
            && self.proof == other.proof
    }

    /// The primary, as far as this list knows.
    pub(crate) fn primary(&self) -> Option<&Machine> {
        let mut all = self.machines.iter();
        all.find(|known| known.role == ServerRole::Primary).map(|known| &known.machine)
    }

    /// Whether the machine of this pin is on the list.
    pub(crate) fn has(&self, pin: Fingerprint) -> bool {
        self.machines.iter().any(|known| known.machine.pin == pin)
    }
}

fn usable(endpoint: &Endpoint) -> Option<KnownMachine> {
    let machine = Machine {
        host: endpoint.host.clone(),
        port: endpoint.port,
        pin: Fingerprint(endpoint.fingerprint),
    };
    let known = KnownMachine { machine, role: endpoint.role };
    // A keyless replica serves nobody.
    (endpoint.role != ServerRole::Keyless && is_usable(&known.machine)).then_some(known)
}

fn is_usable(machine: &Machine) -> bool {
    let host = &machine.host;
    let sound = |c: char| !c.is_control() && !c.is_whitespace();
    (1..=MAX_HOST_BYTES).contains(&host.len()) && host.chars().all(sound) && machine.port != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn endpoint(number: u8, role: ServerRole) -> Endpoint {
        Endpoint { host: format!("host{number}"), port: 7440, fingerprint: [number; 32], role }
    }

    pub(super) fn info(endpoints: Vec<Endpoint>, proof: Option<EpochProof>) -> ClusterInfo {
        ClusterInfo {
            role: ServerRole::Primary,
            position: Position::default(),
            head: Position::default(),
            behind_millis: 0,
            machines: 1,
            endpoints,
            proof,
        }
    }

    pub(super) fn proof(epoch: u64, number: u8) -> EpochProof {
        EpochProof {
            epoch,
            fork_seq: 90,
            fork_hash: [1; 32],
            host: format!("host{number}"),
            port: 7440,
            fingerprint: [number; 32],
            mac: [2; 32],
        }
    }

    fn pins(cluster: &Cluster) -> Vec<(u8, ServerRole)> {
        cluster.machines.iter().map(|known| (known.machine.pin.0[0], known.role)).collect()
    }

    #[test]
    fn a_new_list_replaces_the_old_one_but_for_a_former_primary() {
        use ServerRole::{Fenced, Keyless, Primary, Standby};
        let mut cluster = Cluster::unknown(ServerId([1; 32]));
        let at = |seq| Position { epoch: 1, seq };
        let first = vec![endpoint(1, Primary), endpoint(2, Standby), endpoint(3, Keyless)];
        cluster.learn(&info(first, None), at(5));
        assert_eq!(pins(&cluster), [(1, Primary), (2, Standby)]);

        cluster.retire(cluster.machines[0].machine.clone());
        let second = vec![endpoint(2, Primary), endpoint(4, Standby)];
        cluster.learn(&info(second, Some(proof(2, 2))), at(4));
        assert_eq!(pins(&cluster), [(2, Primary), (4, Standby), (1, Fenced)]);
        assert_eq!((cluster.asked_at, cluster.proof.as_ref().map(|p| p.epoch)), (at(5), Some(2)));

        // An older proof does not take the place of a newer one.
        let third = vec![endpoint(2, Primary), endpoint(1, Standby)];
        cluster.learn(&info(third, Some(proof(1, 1))), at(9));
        assert_eq!(pins(&cluster), [(2, Primary), (1, Standby)]);
        assert_eq!(cluster.proof.as_ref().map(|proof| proof.epoch), Some(2));
    }

    #[test]
    fn a_list_is_bounded_and_holds_no_nonsense() {
        let mut cluster = Cluster::unknown(ServerId([1; 32]));
        let mut many: Vec<Endpoint> =
            (0..100).map(|number| endpoint(number, ServerRole::Standby)).collect();
        many[0].host = "x".repeat(300);
        many[1].host = "two lines\n".to_owned();
        many[2].port = 0;
        many[3].host = String::new();
        cluster.learn(&info(many, None), Position::default());
        assert_eq!(cluster.machines.len(), MAX_MACHINES);
        assert_eq!(cluster.machines[0].machine.host, "host4");
        let machine = Machine { host: "old".to_owned(), port: 1, pin: Fingerprint([200; 32]) };
        cluster.retire(machine);
        assert_eq!(cluster.machines.len(), MAX_MACHINES);
        assert!(cluster.has(Fingerprint([200; 32])));
    }

    #[test]
    fn the_primary_of_a_promotion_is_known_even_when_the_list_lacks_it() {
        let mut cluster = Cluster::unknown(ServerId([1; 32]));
        let list = vec![endpoint(3, ServerRole::Standby)];
        cluster.learn(&info(list, Some(proof(2, 9))), Position::default());
        assert_eq!(pins(&cluster), [(3, ServerRole::Standby), (9, ServerRole::Primary)]);
    }
}
