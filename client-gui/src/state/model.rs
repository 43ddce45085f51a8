//! What the worker has learned of the server and the account.

use super::opened::Opened;
use super::preview::{Preview, Thumbs};
use super::{Problem, Transfer};
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::message::account::AccountInfo;
use coffer_client::protocol::message::cluster::ServerRole;
use coffer_client::protocol::message::event::ActivityRecord;
use coffer_client::protocol::message::share::{GroupInfo, Mode, Recipient, ShareEntry};
use coffer_client::protocol::message::tree::{TrashEntry, Version};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How often the speed of transfers is plotted.
const SAMPLE: Duration = Duration::from_millis(500);
/// Most points of a plot.
pub const MAX_POINTS: usize = 240;

/// Who is signed in, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User name.
    pub name: String,
    /// Host and port of the primary.
    pub server: String,
    /// Profile.
    pub profile: String,
}

/// Which machine serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reached {
    /// The primary.
    #[default]
    Primary,
    /// This standby: nothing can be changed.
    Standby(String),
    /// None.
    Nobody,
}

/// A machine of the installation.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineSeen {
    /// Host and port.
    pub address: String,
    /// What it is.
    pub role: ServerRole,
    /// How long it took to answer, in microseconds; or why it did not.
    pub answer: Result<u64, String>,
    /// Of a standby: seconds since everything was there that the primary had.
    pub behind: Option<f64>,
}

/// What belongs to the one selected thing.
#[derive(Clone, Default)]
pub struct Details {
    /// Of what, at which revision.
    pub of: Option<(NodeId, u64)>,
    /// Its versions, newest first.
    pub versions: Vec<Version>,
    /// Who has access.
    pub shares: Vec<ShareEntry>,
    /// What it looks like.
    pub preview: Option<Preview>,
}

impl Details {
    /// Whether they are those of this node.
    pub fn are_of(&self, node: NodeId) -> bool {
        self.of.is_some_and(|(of, _)| of == node)
    }
}

/// A list that is fetched as a whole.
#[derive(Clone, Debug)]
pub struct Fetched<T> {
    /// What there is.
    pub items: Vec<T>,
    /// On its way.
    pub loading: bool,
    /// Why there is nothing.
    pub problem: Option<Problem>,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self { items: Vec::new(), loading: false, problem: None }
    }
}

/// See the module.
#[derive(Default)]
pub struct Model {
    /// Who is signed in.
    pub user: Option<User>,
    /// The account.
    pub account: Option<AccountInfo>,
    /// Work is being done that the server has asked for.
    pub checking: bool,
    /// Which machine serves.
    pub reached: Reached,
    /// The machines.
    pub machines: Vec<MachineSeen>,
    /// Milliseconds that answers took, oldest first.
    pub latencies: VecDeque<f64>,
    /// The epoch.
    pub epoch: u64,
    /// Seconds that the farthest standby was behind, oldest first.
    pub lags: VecDeque<f64>,
    /// When the machines were last asked.
    pub looked_at: Option<Instant>,
    /// What others share was asked for at least once.
    pub with_me_known: bool,
    /// What others share with the user.
    pub with_me: Fetched<ShareEntry>,
    /// What the user shares.
    pub by_me: Fetched<ShareEntry>,
    /// Number of recipients by node, from `by_me`.
    pub recipients: HashMap<NodeId, usize>,
    /// The user's groups.
    pub groups: Vec<GroupInfo>,
    /// The trash, newest first.
    pub trash: Fetched<TrashEntry>,
    /// Who did what, newest first.
    pub activity: Fetched<ActivityRecord>,
    /// What belongs to the selected thing.
    pub details: Details,
    /// Files that other programs have opened.
    pub opened: Vec<Opened>,
    /// Small pictures.
    pub thumbs: Thumbs,
    /// Uploads and downloads, newest first.
    pub transfers: Vec<Transfer>,
    /// What was kept of earlier transfers is among them.
    pub queue_known: bool,
    /// Bytes a second of all transfers together, oldest first.
    pub speeds: VecDeque<f64>,
    /// When the last of them was taken.
    pub speed_at: Option<Instant>,
}

impl Model {
    /// Takes over what the user shares.
    pub fn set_by_me(&mut self, shares: Vec<ShareEntry>) {
        self.recipients.clear();
        for share in &shares {
            *self.recipients.entry(share.node).or_default() += 1;
        }
        self.by_me = Fetched { items: shares, ..Fetched::default() };
    }

    /// Whether the user may change what is at a path, as far as is known.
    pub fn may_write(&self, path: &RemotePath) -> bool {
        let RemotePath::Shared(at) = path else { return matches!(path, RemotePath::Own(_)) };
        // Views ask of every selected row in every frame: nothing is copied.
        let covers = |share: &&ShareEntry| {
            let root = share.names.split_first();
            let inside =
                root.is_some_and(|(name, rest)| *name == at.name && at.rest.starts_with(rest));
            inside && share.owner == at.owner
        };
        // Where it is shared in several ways, the strongest is named.
        let share = self.with_me.items.iter().find(covers);
        share.is_none_or(|share| share.mode == Mode::Write)
    }

    /// Groups and people that the user has to do with, whose names begin like this.
    pub fn people(&self, typed: &str) -> Vec<String> {
        let typed = typed.trim().to_lowercase();
        let groups = self.groups.iter().map(|group| group.name.as_str());
        let members = self.groups.iter().flat_map(|group| &group.members).map(String::as_str);
        let with = self.by_me.items.iter().filter_map(|share| match &share.with {
            Recipient::User(name) => Some(name.as_str()),
            Recipient::Group(_) => None,
        });
        let owners = self.with_me.items.iter().map(|share| share.owner.as_str());
        let names: BTreeSet<&str> = groups.chain(members).chain(with).chain(owners).collect();
        let fits = |name: &&str| name.to_lowercase().starts_with(&typed);
        names.into_iter().filter(fits).map(str::to_owned).collect()
    }

    /// Takes over how the machines are.
    pub fn set_machines(&mut self, machines: Vec<MachineSeen>, epoch: u64) {
        let behind = machines.iter().filter_map(|machine| machine.behind);
        if let Some(lag) =
            behind.fold(None, |most: Option<f64>, one| Some(most.map_or(one, |most| most.max(one))))
        {
            push(&mut self.lags, lag);
        }
        (self.machines, self.epoch) = (machines, epoch);
    }

    /// Adds the present speed, if it is time for it; how long until the next is due, as
    /// long as something runs.
    pub fn sample_speed(&mut self, now: Instant) -> Option<Duration> {
        let running = self.transfers.iter().filter(|one| one.is_running());
        let speed: f64 = running.clone().map(|one| one.progress.bytes_per_second).sum();
        let idle = running.count() == 0;
        let due = self.speed_at.map(|at| (at + SAMPLE).saturating_duration_since(now));
        if idle && self.speeds.back().is_none_or(|last| *last == 0.0) {
            self.speed_at = None;
            return None;
        }
        match due {
            Some(rest) if !rest.is_zero() => Some(rest),
            _ => {
                push(&mut self.speeds, if idle { 0.0 } else { speed });
                self.speed_at = Some(now);
                Some(SAMPLE)
            }
        }
    }

    /// Adds how long an answer took.
    pub fn measured(&mut self, millis: f64) {
        push(&mut self.latencies, millis);
    }
}

/// Adds a point to a plot that has no room for more than `MAX_POINTS`.
fn push(points: &mut VecDeque<f64>, point: f64) {
    if points.len() == MAX_POINTS {
        points.pop_front();
    }
    points.push_back(point);
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::ShareId;
    use coffer_client::protocol::message::tree::Kind;

    fn share(name: &str, mode: Mode) -> ShareEntry {
        ShareEntry {
            share: ShareId([1; 16]),
            node: NodeId([2; 16]),
            kind: Kind::Directory,
            names: vec![name.to_owned()],
            owner: "bob".to_owned(),
            with: Recipient::User("ada".to_owned()),
            mode,
            created_millis: 0,
            expires_millis: None,
            key_changed: false,
        }
    }

    #[test]
    fn what_is_shared_to_read_is_not_offered_to_be_changed() {
        let mut model = Model::default();
        let path = |text: &str| RemotePath::parse(text).expect("a path");
        assert!(model.may_write(&path("/docs")), "one's own");
        assert!(model.may_write(&path("@bob/team")), "nothing is known yet");
        model.with_me.items = vec![share("team", Mode::Read), share("crew", Mode::Write)];
        assert!(!model.may_write(&path("@bob/team")));
        assert!(!model.may_write(&path("@bob/team/2026/plan.md")));
        assert!(model.may_write(&path("@bob/crew/2026")));
        assert!(!model.may_write(&RemotePath::Everyone));
    }
}
