//! The application: takes over what the worker answers, draws, and hands on what the
//! user wants.

use crate::command::{Command, Event, Job};
use crate::desktop::Desktop;
use crate::instance::Links;
use crate::outside::OutsideJob;
use crate::reduce;
use crate::state::session::Presence;
use crate::state::settings::Theme;
use crate::state::{Problem, Route, Settings, State};
use crate::tray::TrayState;
use crate::ui;
use crate::worker::{Wake, Worker, known_accounts};
use coffer_client::Home;
use eframe::egui::{self, ThemePreference, ViewportCommand};
use std::sync::Arc;
use std::time::{Duration, Instant};
use winit::raw_window_handle::{HasWindowHandle as _, RawWindowHandle};

/// A search begins when nothing was typed for this long.
const TYPING_PAUSE: Duration = Duration::from_millis(250);
/// Messages stay for this long; those of trouble until they are closed.
const TOAST_TIME: Duration = Duration::from_secs(10);
/// Answers that are taken over in one frame.
const MAX_EVENTS: usize = 256;

/// What the application starts with.
pub struct Start {
    /// Where profiles and settings are.
    pub home: Home,
    /// A link to connect with, from the command line or the desktop.
    pub link: Option<String>,
    /// A profile to sign in with; otherwise the one that was used last.
    pub profile: Option<String>,
    /// What the desktop does.
    pub desktop: Box<dyn Desktop>,
    /// Links that later starts of the program hand over.
    pub links: Option<Links>,
    /// Whether to enter the tray of the desktop.
    pub tray: bool,
}

/// See the module.
pub struct App {
    ctx: egui::Context,
    state: State,
    worker: Worker,
    links: Option<Links>,
    /// What the window was last told to be.
    presence: Presence,
    /// When the keyboard or the mouse was last used.
    used_at: Instant,
    /// Time of the processor that had been used when the last frame was begun.
    processor: Duration,
}

impl App {
    /// Makes the window's contents.
    pub fn new(ctx: &egui::Context, start: Start) -> std::io::Result<Self> {
        ui::tokens::install(ctx);
        let settings = Settings::load(&start.home);
        let redraw = ctx.clone();
        let wake: Wake = Arc::new(move || redraw.request_repaint());
        let known = known_accounts(&start.home);
        if let Some(links) = &start.links {
            links.wake(Arc::clone(&wake));
        }
        let worker = Worker::start(start.home, start.desktop, wake)?;
        let mut state = State { settings, ..State::default() };
        let welcome = &mut state.session.welcome;
        welcome.known = known;
        let profile = start.profile.as_ref().or(state.settings.profile.as_ref());
        let last = welcome.known.iter().position(|known| Some(&known.profile) == profile);
        let first = match start.link {
            Some(link) => {
                welcome.link_text = link;
                Some(Command::UseLink)
            }
            None => last.map(Command::UseKnown),
        };
        let mut app = Self {
            ctx: ctx.clone(),
            state,
            worker,
            links: start.links,
            presence: Presence::Shown,
            used_at: Instant::now(),
            processor: Duration::ZERO,
        };
        app.worker.keep(&app.state.settings);
        if start.tray {
            app.worker.enter_tray();
        }
        app.hand_over(vec![Job::Outside(OutsideJob::Tidy)]);
        match first {
            Some(command) => app.wish(command),
            None => app.hand_over(vec![Job::LookForLink]),
        }
        Ok(app)
    }

    /// What is shown.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Does what the user wants.
    pub fn wish(&mut self, command: Command) {
        let clips = matches!(command, Command::Clip(_));
        let jobs = reduce::command(&mut self.state, command);
        self.worker.keep(&self.state.settings);
        self.hand_over(jobs);
        if let Some(clip) = self.state.session.clipboard.as_ref().filter(|_| clips) {
            // What another program had put there is not what is pasted next.
            self.ctx.copy_text(clip.text());
        }
    }

    /// Hands jobs to the worker. When too many wait already, as with a server that is gone,
    /// the user is told that these are not done.
    fn hand_over(&mut self, jobs: Vec<Job>) {
        if !self.worker.send(jobs) {
            let texts = self.state.settings.texts();
            let (message, hint) = (texts.too_much_waits.to_owned(), texts.wait_a_little.to_owned());
            let problem = Problem { message, hint, code: "busy".to_owned(), ..Problem::default() };
            self.state.session.complain(problem);
        }
    }

    fn take(&mut self, event: Event) {
        let jobs = reduce::event(&mut self.state, event);
        self.worker.keep(&self.state.settings);
        self.hand_over(jobs);
    }

    /// Takes the links of later starts.
    fn answer_later_starts(&mut self) {
        for link in self.links.as_ref().map(Links::take).unwrap_or_default() {
            self.take(Event::Handed(link));
        }
    }

    /// Has the window be there, or not, as the state has it.
    fn be_present(&mut self, ctx: &egui::Context, frame: &eframe::Frame) {
        let closing = ctx.input(|input| input.viewport().close_requested());
        if closing && self.state.session.window.presence != Presence::Ending {
            self.wish(Command::CloseWindow);
        }
        let window = &mut self.state.session.window;
        let changed = std::mem::replace(&mut self.presence, window.presence) != window.presence;
        match window.presence {
            Presence::Shown => {
                if std::mem::take(&mut window.raise) {
                    ctx.send_viewport_cmd(ViewportCommand::Visible(true));
                    ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
                    ctx.send_viewport_cmd(ViewportCommand::Focus);
                }
            }
            Presence::Hidden => {
                if closing {
                    ctx.send_viewport_cmd(ViewportCommand::CancelClose);
                }
                if changed {
                    ctx.send_viewport_cmd(match can_hide(frame) {
                        true => ViewportCommand::Visible(false),
                        false => ViewportCommand::Minimized(true),
                    });
                }
            }
            Presence::Ending => {
                if changed && !closing {
                    ctx.send_viewport_cmd(ViewportCommand::Close);
                    ctx.request_repaint();
                }
            }
        }
    }

    /// The window has got the keyboard.
    fn come_back(&mut self) {
        // One that could only be minimised was brought back without the tray.
        if self.presence == Presence::Hidden {
            self.wish(Command::ShowWindow);
        }
        // The user may have been away to copy the link.
        let welcome = &self.state.session.welcome;
        if self.state.session.route == Route::Welcome && welcome.is_blank() {
            self.hand_over(vec![Job::LookForLink]);
        }
    }

    /// Tells, to whoever wants to know, how long the last frame took; of the processor's
    /// time as well, which other programs do not lengthen.
    fn measure(&mut self, frame: &eframe::Frame) {
        if !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        let now = processor_time();
        let processor = now.saturating_sub(std::mem::replace(&mut self.processor, now));
        let wall = frame.info().cpu_usage.unwrap_or_default() * 1e3;
        tracing::trace!(millis = wall, processor = processor.as_secs_f64() * 1e3, "the last frame");
    }

    /// Locks the window when nobody uses it.
    fn watch_idleness(&mut self, ctx: &egui::Context) {
        // What the input of a hidden window says is what it was when it was hidden.
        let hidden = self.presence == Presence::Hidden;
        let idle =
            hidden || ctx.input(|input| input.raw.events.is_empty() && !input.pointer.is_moving());
        if !idle {
            self.used_at = Instant::now();
        }
        let Some(minutes) = self.state.settings.lock_after else { return };
        if self.state.model.user.is_none() || self.state.session.lock.is_some() {
            return;
        }
        let patience = Duration::from_mins(minutes.into());
        match patience.checked_sub(self.used_at.elapsed()) {
            Some(rest) if !rest.is_zero() => ctx.request_repaint_after(rest),
            _ => self.wish(Command::Lock),
        }
    }

    /// What happens by itself as time goes by.
    fn tick(&mut self, ctx: &egui::Context) {
        for transfer in &mut self.state.model.transfers {
            transfer.look();
        }
        let now = Instant::now();
        let (jobs, next) = reduce::tick(&mut self.state, now);
        self.hand_over(jobs);
        if let Some(rest) = next {
            ctx.request_repaint_after(rest);
        }
        if let Some(since) = self.state.session.query_since {
            match TYPING_PAUSE.checked_sub(since.elapsed()) {
                Some(rest) if !rest.is_zero() => ctx.request_repaint_after(rest),
                _ => {
                    let jobs = reduce::search(&mut self.state);
                    self.hand_over(jobs);
                }
            }
        }
        let toasts = &mut self.state.session.toasts;
        toasts.retain(|toast| toast.problem.is_some() || toast.since.elapsed() < TOAST_TIME);
        if let Some(first) = toasts.iter().find(|toast| toast.problem.is_none()) {
            ctx.request_repaint_after(TOAST_TIME.saturating_sub(first.since.elapsed()));
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        ctx.set_theme(match self.state.settings.theme {
            Theme::System => ThemePreference::System,
            Theme::Light => ThemePreference::Light,
            Theme::Dark => ThemePreference::Dark,
        });
        for _ in 0..MAX_EVENTS {
            let Some(event) = self.worker.next_event() else { break };
            self.take(event);
        }
        let shown = self.presence == Presence::Shown;
        self.state.session.focused = shown && ctx.input(|input| input.focused);
        self.answer_later_starts();
        self.tick(ctx);
        self.watch_idleness(ctx);
        self.be_present(ctx, frame);
        self.worker.show_in_tray(TrayState::of(&self.state));
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.measure(frame);
        if ui.input(|input| input.events.contains(&egui::Event::WindowFocused(true))) {
            self.come_back();
        }
        let mut view = ui::View { state: &mut self.state, wishes: Vec::new() };
        ui::show(ui, &mut view);
        let wishes = view.wishes;
        for command in wishes {
            self.wish(command);
            ui.ctx().request_repaint();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

/// Whether a window can be unseen: Wayland knows only how to minimise one.
fn can_hide(frame: &eframe::Frame) -> bool {
    let handle = frame.window_handle().map(|handle| handle.as_raw());
    !matches!(handle, Ok(RawWindowHandle::Wayland(_)))
}

/// Time that the processor has spent on this thread.
#[cfg(unix)]
fn processor_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Elsewhere it is not asked for.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    Duration::ZERO
}
