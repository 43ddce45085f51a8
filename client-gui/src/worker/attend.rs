//! What goes on as long as a session does: hints of the server, which machine serves,
//! and how it all is.

use super::{Shared, Signed};
use crate::command::Event;
use crate::state::Problem;
use crate::state::model::{MachineSeen, Reached};
use coffer_client::{Client, Reach, Watcher};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hints that come within this time are one.
const GATHER: Duration = Duration::from_millis(250);
/// How often the account is asked for.
const PULSE: Duration = Duration::from_secs(10);

impl Shared {
    /// Attends a session until it ends.
    pub(super) fn attend(self: &Arc<Self>, signed: Signed) {
        let Signed { client, ended } = signed;
        let (one, two, three) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        let (watcher, reach, pulse) = (client.watch(), client.clone(), client);
        let (ended2, ended3) = (ended.clone(), ended.clone());
        tokio::spawn(ended.run_until_cancelled_owned(async move { one.hints(watcher).await }));
        tokio::spawn(ended2.run_until_cancelled_owned(async move { two.follow(reach).await }));
        tokio::spawn(ended3.run_until_cancelled_owned(async move { three.pulse(pulse).await }));
    }

    async fn hints(&self, mut watcher: Watcher) {
        // The first notice only says that the watch has begun.
        let mut begun = false;
        loop {
            match watcher.next().await {
                Ok(_) if !begun => begun = true,
                Ok(_) => {
                    let until = tokio::time::Instant::now() + GATHER;
                    while let Ok(Ok(_)) = tokio::time::timeout_at(until, watcher.next()).await {}
                    self.tell(Event::Changed).await;
                }
                Err(error) if super::enter::is_over(&error) => {
                    return self.end(Some(Problem::from(error))).await;
                }
                Err(_) => tokio::time::sleep(PULSE).await,
            }
        }
    }

    async fn follow(&self, client: Client) {
        let mut reach = client.reach();
        loop {
            let reached = match &*reach.borrow_and_update() {
                Reach::Primary => Reached::Primary,
                Reach::Standby { machine, .. } => Reached::Standby(machine.to_string()),
                Reach::Unreachable { .. } => Reached::Nobody,
            };
            self.tell(Event::Reached(reached)).await;
            if reach.changed().await.is_err() {
                return;
            }
        }
    }

    async fn pulse(&self, client: Client) {
        loop {
            self.account(&client).await;
            // What was learned is kept, so that the next start goes on from here.
            let _ = client.remember().await;
            tokio::time::sleep(PULSE).await;
        }
    }

    async fn account(&self, client: &Client) {
        let begun = Instant::now();
        if let Ok(account) = client.who_am_i().await {
            let millis = begun.elapsed().as_secs_f64() * 1e3;
            self.tell(Event::Account(Box::new(account), millis)).await;
        }
    }

    pub(super) async fn look_around(&self) {
        let Some(client) = self.client() else { return };
        self.account(&client).await;
        let (info, sightings) = client.look_around().await;
        let mut epoch = info.map_or(0, |info| info.position.epoch);
        let machines = sightings.into_iter().map(|seen| {
            let address = seen.machine.to_string();
            match seen.answer {
                Ok(answer) => {
                    epoch = epoch.max(answer.epoch);
                    let took = u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX);
                    let behind = answer.behind.map(|behind| behind.as_secs_f64());
                    MachineSeen { address, role: answer.role, answer: Ok(took), behind }
                }
                Err(error) => {
                    let (role, why) = (seen.listed, error.to_string());
                    MachineSeen { address, role, answer: Err(why), behind: None }
                }
            }
        });
        let machines = machines.collect();
        self.tell(Event::Machines(machines, epoch)).await;
    }
}
