//! Learning which machines there are. The question travels beside whatever else
//! is asked, and only when the answer may have changed: every change of the list
//! is an entry of the journal.

use super::{Live, PATIENCE, Session};
use crate::cluster::Machine;
use crate::error::ClientError;
use crate::link::ask;
use coffer_protocol::message::cluster::{ClusterInfo, ServerRole};
use coffer_protocol::message::work::DeviceToken;
use coffer_protocol::version::Features;
use coffer_protocol::{Request, Response};
use futures_util::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long the end of a command waits for an answer that is still on its way.
const LAST_WAIT: Duration = Duration::from_millis(250);

/// The question that is on its way.
#[derive(Default)]
pub(super) struct Learning {
    task: Mutex<Option<JoinHandle<()>>>,
    told: AtomicBool,
}

/// What a machine says when it is asked whether it is there.
#[derive(Debug)]
pub struct Sighting {
    /// Which.
    pub machine: Machine,
    /// What it was by the list.
    pub listed: ServerRole,
    /// What it says that it is, with its epoch and how long it took to say so; or
    /// why it does not.
    pub answer: Result<Answer, ClientError>,
}

/// See `Sighting`.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// What it is.
    pub role: ServerRole,
    /// Its epoch.
    pub epoch: u64,
    /// How long connecting took.
    pub took: Duration,
    /// Of a standby: time since everything was there that the primary had.
    pub behind: Option<Duration>,
}

impl Session {
    /// Asks for the machines in the background, unless what is remembered is as new
    /// as this session; at most one question at a time.
    pub(super) fn learn(&self, live: &Arc<Live>) {
        let (known, epoch) = {
            let memory = self.memory();
            let listed = memory.cluster.has(live.machine.pin);
            (listed.then_some(memory.cluster.asked_at), memory.profile.epoch)
        };
        let now = live.signed_in.done.position;
        if known.is_some_and(|known| known >= now && known.epoch == epoch) {
            return;
        }
        let Some(me) = self.me.upgrade() else { return };
        let mut task = self.learning.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            let live = Arc::clone(live);
            *task = Some(tokio::spawn(async move {
                me.ask_cluster(&live).await;
                me.tell_former();
            }));
        }
    }

    /// Waits a moment for an answer that is on its way.
    pub(crate) async fn settle(&self) {
        let task = self.learning.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            tokio::time::timeout(LAST_WAIT, task).await.ok();
        }
    }

    /// What makes this device known from now on, if the machine that serves says so in
    /// a moment.
    pub(crate) async fn ask_device(&self) -> Option<DeviceToken> {
        let live = self.gate.lock().await.live.clone()?;
        let link = live.first();
        if !link.welcome().features.has(Features::WORK) || !link.is_open() {
            return None;
        }
        let asked = tokio::time::timeout(LAST_WAIT, ask(link.as_ref(), Request::AskDevice)).await;
        match asked {
            Ok(Ok(Response::Device(token))) => Some(token),
            _ => None,
        }
    }

    /// Takes over what a machine of this epoch says, unless something newer is known:
    /// a standby that is behind may not have heard of the others, nor of itself.
    pub(crate) fn take(&self, info: &ClusterInfo, epoch: u64) {
        let mut memory = self.memory();
        if epoch < memory.profile.epoch || info.position < memory.cluster.asked_at {
            return;
        }
        memory.cluster.learn(info, info.position);
    }

    /// Tells a former primary of the promotion, once, in the background.
    fn tell_former(&self) {
        let former: Vec<Machine> = {
            let memory = self.memory();
            let fenced = |role| role == ServerRole::Fenced;
            let all = memory.cluster.machines.iter().filter(|known| fenced(known.role));
            all.map(|known| known.machine.clone()).collect()
        };
        if former.is_empty() || self.learning.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let me = Weak::clone(&self.me);
        tokio::spawn(async move {
            for machine in former {
                let Some(me) = me.upgrade() else { return };
                if let Ok((_, link)) = me.look_at(machine).await {
                    me.show_epoch(link.as_ref()).await;
                }
            }
        });
    }

    /// What the machine that serves the session says of the installation, and
    /// whether each machine answers.
    pub(crate) async fn look_around(&self) -> (Option<ClusterInfo>, Vec<Sighting>) {
        let info = match self.route(true).await {
            Ok(live) => self.ask_cluster(&live).await,
            Err(_) => None,
        };
        let machines = self.memory().cluster.machines.clone();
        let sightings = machines.into_iter().map(|known| async move {
            let begun = Instant::now();
            let answer = match self.look_at(known.machine.clone()).await {
                Ok((_, link)) => {
                    let took = begun.elapsed().min(PATIENCE);
                    self.show_epoch(link.as_ref()).await;
                    let welcome = link.welcome();
                    let behind = match welcome.role {
                        ServerRole::Standby => self.behind(&known.machine).await,
                        _ => None,
                    };
                    Ok(Answer { role: welcome.role, epoch: welcome.epoch, took, behind })
                }
                Err(error) => Err(error),
            };
            Sighting { machine: known.machine, listed: known.role, answer }
        });
        (info, join_all(sightings).await)
    }
}
