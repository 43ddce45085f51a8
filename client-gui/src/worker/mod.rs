//! The worker: does what takes time, on a runtime of its own, and answers with events.
//!
//! Guarantees: the window never waits for it; its channels are bounded; quick changes
//! are made in the order they were asked for, all else is done side by side; each job
//! answers exactly what it was asked, but for a look that a newer one has ended.

mod attend;
mod batch;
mod beside;
mod copies;
mod details;
mod enter;
mod files;
mod find;
mod lanes;
mod link;
mod local;
mod look;
mod outside;
mod page;
mod people;
mod preview;
mod queue;
mod recent;
mod transfer;
#[cfg(target_os = "linux")]
mod tray;

pub use enter::known_accounts;

use crate::command::{Event, Job, Lane, Purpose};
use crate::desktop::Desktop;
use crate::state::{Problem, Settings, TransferId};
use crate::text;
use crate::tray::TrayState;
use coffer_client::{Checking, Client, ClientError, Home};
use lanes::Lanes;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Most answers on their way to the window.
const MAX_EVENTS: usize = 1024;

/// Draws the window again: called after each event.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The window's end.
pub struct Worker {
    lanes: Option<Lanes>,
    events: Receiver<Event>,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    tray: watch::Sender<TrayState>,
}

/// What all jobs share.
pub(crate) struct Shared {
    home: Home,
    events: Sender<Event>,
    wake: Wake,
    session: Mutex<Option<Signed>>,
    transfers: Mutex<HashMap<TransferId, CancellationToken>>,
    settings: Mutex<Settings>,
    local: Mutex<Option<local::LocalServer>>,
    checking: Checking,
    /// The account is being deleted: that its session is over is no news.
    deleting: AtomicBool,
    outsiders: Mutex<outside::Outsiders>,
    looks: preview::Looks,
    desktop: Box<dyn Desktop>,
}

/// A session, and the end of everything that goes on for it.
#[derive(Clone)]
pub(crate) struct Signed {
    client: Client,
    ended: CancellationToken,
}

impl Worker {
    /// Starts it; profiles are kept in `home`.
    pub fn start(home: Home, desktop: Box<dyn Desktop>, wake: Wake) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("coffer-worker")
            .enable_all()
            .build()?;
        let (events, received) = channel(MAX_EVENTS);
        let shared = Arc::new(Shared {
            home,
            events,
            wake,
            session: Mutex::default(),
            transfers: Mutex::default(),
            settings: Mutex::default(),
            local: Mutex::default(),
            checking: Checking::default(),
            deleting: AtomicBool::default(),
            outsiders: Mutex::default(),
            looks: preview::Looks::default(),
            desktop,
        });
        runtime.spawn(Arc::clone(&shared).attend_checking());
        let lanes = Some(Lanes::open(&runtime, &shared));
        let tray = watch::Sender::default();
        Ok(Self { lanes, events: received, shared, runtime: Some(runtime), tray })
    }

    /// Hands jobs over. Never waits; whether there was room for all of them.
    #[must_use]
    pub fn send(&mut self, jobs: Vec<Job>) -> bool {
        let (Some(lanes), Some(runtime)) = (&self.lanes, &self.runtime) else { return false };
        let mut all = true;
        for job in jobs {
            match job.lane() {
                Lane::Aside => {
                    let end = self.shared.looks.end_of(&job);
                    let work = Box::pin(Arc::clone(&self.shared).run(job));
                    runtime.spawn(end.run_until_cancelled_owned(work));
                }
                lane => all &= lanes.queue(lane, job),
            }
        }
        all
    }

    /// Puts the client into the tray, if the desktop has one that is known here.
    #[cfg_attr(not(target_os = "linux"), expect(clippy::unused_self, reason = "no tray yet"))]
    pub fn enter_tray(&self) {
        #[cfg(target_os = "linux")]
        if let Some(runtime) = &self.runtime {
            runtime.spawn(Arc::clone(&self.shared).attend_tray(self.tray.subscribe()));
        }
    }

    /// What the tray shows from now on.
    pub fn show_in_tray(&self, wanted: TrayState) {
        self.tray.send_if_modified(|shown| {
            let other = *shown != wanted;
            *shown = wanted;
            other
        });
    }

    /// The next answer, if there is one.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// What is to be kept at the next `Job::SaveSettings`.
    pub fn keep(&self, settings: &Settings) {
        text::speak(settings.language);
        *locked(&self.shared.settings) = settings.clone();
        self.shared.limit_rates();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The last changes, such as what is kept of transfers, are still made if that takes
        // no longer than a moment; and the server of this computer ends in order.
        if let Some(runtime) = self.runtime.take() {
            if let Some(lanes) = self.lanes.take() {
                lanes.close(&runtime);
            }
            runtime.shutdown_background();
        }
        locked(&self.shared.local).take();
        // Copies for other programs end with this one.
        *locked(&self.shared.outsiders) = outside::Outsiders::default();
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another job leaves nothing half done in what these hold.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    async fn run(self: Arc<Self>, job: Job) {
        match job {
            Job::Enter { .. }
            | Job::Resume(_)
            | Job::SignOut
            | Job::EndSession
            | Job::KnownAccounts
            | Job::ForgetAccount(_)
            | Job::ChangePassword(..)
            | Job::Unlock(_)
            | Job::DeleteAccount(_) => {
                self.enter(job).await;
            }
            Job::LookForLink => self.look_for_link().await,
            Job::ReadLink(path) => self.read_link(path).await,
            Job::SaveRecovery(path, key) => self.save_recovery(path, key).await,
            Job::Print(text) => self.print(text).await,
            Job::Notify(title, text) => {
                let tell = move || self.desktop.tell(&title, &text);
                let _ = tokio::task::spawn_blocking(tell).await;
            }
            Job::Choose(purpose) => self.choose(purpose).await,
            Job::StartLocal => self.start_local().await,
            Job::SaveSettings => self.save_settings().await,
            Job::Transfer(id, work) => self.transfer(id, work).await,
            Job::KeepTransfers(profile, kept) => self.keep_transfers(profile, kept).await,
            Job::KeptTransfers(profile) => self.kept_transfers(profile).await,
            Job::StopTransfer(id) => {
                if let Some(cancel) = locked(&self.transfers).get(&id) {
                    cancel.cancel();
                }
            }
            Job::List(..) | Job::Find(..) => self.list(job).await,
            Job::Rename(_) | Job::Copy(_) | Job::Delete(_) | Job::Restore(_) => {
                self.batch(job).await;
            }
            Job::Look(job) => Box::pin(self.look(job)).await,
            Job::Outside(job) => self.outside(job).await,
            Job::LookAround => self.look_around().await,
            Job::Details(row) => self.details(*row).await,
            Job::SharesOf(_) | Job::WithMe | Job::ByMe | Job::Trash | Job::Activity => {
                self.learn(job).await;
            }
            other => self.act(other).await,
        }
    }

    /// Tells when the server has asked this computer for some work, and when it is done.
    async fn attend_checking(self: Arc<Self>) {
        let mut work = self.checking.subscribe();
        while work.changed().await.is_ok() {
            let checking = *work.borrow_and_update() > 0;
            self.tell(Event::Checking(checking)).await;
        }
    }

    pub(crate) async fn tell(&self, event: Event) {
        // The window is gone when nobody listens.
        let _ = self.events.send(event).await;
        (self.wake)();
    }

    async fn choose(&self, purpose: Purpose) {
        let chosen = match &purpose {
            Purpose::UploadFiles(_) => self.desktop.files(),
            Purpose::UploadCopied(_) => self.desktop.copied(),
            Purpose::UploadFolder(_) | Purpose::Download(_) | Purpose::Downloads => {
                self.desktop.folder()
            }
            Purpose::SaveAs(path) => self.desktop.save(path.last_name().unwrap_or_default()),
            Purpose::RecoveryKey => self.desktop.save("coffer-recovery-key.txt"),
        };
        let chosen = chosen.await;
        self.tell(Event::Chosen(purpose, chosen)).await;
    }

    /// Has the transfers of the session keep to the limits that were chosen.
    pub(crate) fn limit_rates(&self) {
        let wanted = {
            let settings = locked(&self.settings);
            (settings.upload_limit, settings.download_limit)
        };
        if let Some(client) = self.client().filter(|client| client.rate_limits() != wanted) {
            client.limit_uploads(wanted.0);
            client.limit_downloads(wanted.1);
        }
    }

    pub(crate) fn client(&self) -> Option<Client> {
        locked(&self.session).as_ref().map(|signed| signed.client.clone())
    }

    /// Says what went wrong; the end of the session ends it here, too.
    pub(crate) async fn fail(&self, error: ClientError) {
        match enter::is_over(&error) {
            true => self.end(Some(Problem::from(error))).await,
            false => self.tell(Event::Failed(Problem::from(error))).await,
        }
    }

    async fn save_settings(&self) {
        let (settings, home) = (locked(&self.settings).clone(), self.home.clone());
        let saved = tokio::task::spawn_blocking(move || settings.save(&home)).await;
        if let Ok(Err(error)) = saved {
            let error = ClientError::io("cannot write the settings in", self.home.root(), error);
            self.tell(Event::Failed(Problem::from(error))).await;
        }
    }
}
