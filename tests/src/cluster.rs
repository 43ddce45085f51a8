//! A server and its standby, each behind a proxy of its own: starts, kills,
//! restarts, parts, heals and promotes.
//!
//! Each machine names the address of its proxy to everybody, so that all that is
//! said to it, by clients and by the other machine, can be slowed or cut. Whoever
//! is to reach it all the same uses its own address ([`Cluster::beside_server`]).

use crate::replica::Joining;
use crate::server::{link_at, public_host};
use crate::{Coffer, Engine, Proxy, Replica, Server, program};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longest time until writes are on two machines.
const MIRRORED: Duration = Duration::from_mins(1);

/// Two machines.
#[derive(Debug)]
pub struct Cluster {
    /// The primary, at first.
    pub server: Server,
    /// The one that follows it, at first.
    pub standby: Replica,
    /// What leads to the server.
    pub to_server: Proxy,
    /// What leads to the standby.
    pub to_standby: Proxy,
}

impl Cluster {
    /// A running server, open for sign-up, and a running standby.
    pub fn start(source: Engine, target: Engine) -> Self {
        Self::start_with(source, target, &["--standby"])
    }

    /// The same, with other options of `join`.
    pub fn start_with(source: Engine, target: Engine, options: &[&str]) -> Self {
        let mut server = Server::init(source, &["--signup", "open"]);
        let to_server = Proxy::to(&server.address);
        server.public = Some(to_server.address());
        server.run();
        let mut joining = Joining::of(&server, options);
        let to_standby = Proxy::to(&joining.address);
        joining.public = Some(to_standby.address());
        let mut standby = Replica::join_as(target, joining);
        standby.run();
        Self { server, standby, to_server, to_standby }
    }

    /// Signs a user up who reaches both machines through their proxies.
    pub fn sign_up(&self, user: &str) -> Coffer {
        Coffer::sign_up(&self.server, user)
    }

    /// The link of the server itself, for somebody on its side of a partition.
    pub fn beside_server(&self) -> String {
        link_at(&self.server.link(), &self.server.address)
    }

    /// The link of the standby, which is that of a server once it is promoted.
    pub fn link_of_standby(&self) -> String {
        let printed = Command::new(program("coffer-server"))
            .args(["link", "--data"])
            .arg(self.standby.data())
            .envs(public_host(self.standby.public()))
            .output()
            .expect("coffer-server");
        let problem = String::from_utf8_lossy(&printed.stderr);
        assert!(printed.status.success(), "link: {problem}");
        String::from_utf8_lossy(&printed.stdout).trim().to_owned()
    }

    /// Parts the machines from each other and from everybody who uses the proxies:
    /// nothing passes, and nobody is told.
    pub fn part(&self) {
        self.to_server.silence();
        self.to_standby.silence();
    }

    /// Ends a partition.
    pub fn heal(&self) {
        self.to_server.heal();
        self.to_standby.heal();
    }

    /// Waits until a write is on both machines.
    pub fn wait_for_both(&self, coffer: &Coffer) {
        wait_for_machines(coffer, 2);
    }

    /// Tells the standby to take over.
    pub fn promote(&self, options: &[&str]) -> Output {
        self.standby.admin(&[&["promote"], options].concat())
    }

    /// Waits until the process of the promoted standby serves as the primary: it begins
    /// anew.
    pub fn wait_until_promoted(&self) {
        let begun = Instant::now();
        loop {
            let log = self.standby.log();
            let again = log.rfind("starting again").map(|at| &log[at..]);
            if again.is_some_and(|log| log.contains("listening")) {
                return;
            }
            assert!(begun.elapsed() < MIRRORED, "the new primary does not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills the server and takes its disk away.
    pub fn destroy_server(&mut self) {
        self.server.kill();
        self.server.database = None;
        std::fs::remove_dir_all(self.server.data()).expect("removed");
    }

    /// Asserts that both store the same, once the standby has caught up.
    pub fn assert_in_step(&self) {
        self.standby.assert_same_as(&self.server);
    }
}

/// Writes until a write is on so many machines.
pub fn wait_for_machines(coffer: &Coffer, machines: u64) {
    let begun = Instant::now();
    loop {
        let written = coffer.written("/how-many-machines", b"some");
        if written.is_ok_and(|written| written.machines >= machines) {
            return;
        }
        assert!(begun.elapsed() < MIRRORED, "never on {machines} machines");
        std::thread::sleep(Duration::from_millis(50));
    }
}
