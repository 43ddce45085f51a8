//! The end-to-end tests, one module for each subject. They are one program:
//! linking the same crates once for each subject would take longer than most
//! of the tests.

mod admin;
mod both_die;
mod collect;
mod contract;
mod crash;
mod drill;
mod failover;
mod fair;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod flood;
mod heal;
#[cfg(target_os = "linux")]
mod hostile;
mod instant;
mod memory;
mod network;
mod promote;
mod quota;
mod rejoin;
mod replica;
mod replica_snapshot;
mod resume;
mod secrecy;
mod sharing;
mod sharing_forged;
mod sharing_hostile;
mod sharing_live;
mod sharing_people;
mod sharing_races;
mod sharing_scale;
mod standby;
mod stress;
mod takeover;
mod timing;
mod visible;
