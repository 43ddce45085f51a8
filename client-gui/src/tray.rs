//! What the tray of the desktop shows: made from the state, and drawn by `worker::tray`.

use crate::command::Command;
use crate::state::model::Reached;
use crate::state::transfer::Phase;
use crate::state::{Session, State};
use crate::text::{Texts, counted, fill};
use coffer_client::human;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrayState {
    /// How it stands: of the connection, and below it of transfers, if some run.
    pub text: String,
    /// The menu, from above: what it says and what it does.
    pub menu: Vec<(&'static str, Command)>,
}

impl TrayState {
    /// What is to be shown of this.
    pub fn of(state: &State) -> Self {
        let texts = state.settings.texts();
        let lines = [Some(connection(state, texts)), transfers(state, texts)];
        let text = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        let phases = || state.model.transfers.iter().map(|one| &one.phase);
        let going = phases().any(|phase| matches!(phase, Phase::Running | Phase::Waiting));
        let resting = phases().any(|phase| *phase == Phase::Paused);
        let lockable = state.model.user.is_some() && state.session.lock.is_none();
        let menu = [
            (true, texts.open_coffer, Command::ShowWindow),
            (going, texts.pause_all, Command::PauseAll),
            (resting, texts.resume_all, Command::ResumeAll),
            (lockable, texts.lock, Command::Lock),
            (true, texts.quit, Command::Quit),
        ];
        let menu = menu.into_iter().filter(|item| item.0);
        Self { text, menu: menu.map(|(_, text, command)| (text, command)).collect() }
    }
}

/// Where the user is signed in. Of a locked window nothing is told.
fn connection(state: &State, texts: &Texts) -> String {
    let State { session: Session { lock, .. }, model, .. } = state;
    match (&model.user, lock, &model.reached) {
        (None, ..) => texts.not_signed_in.to_owned(),
        (_, Some(_), _) => texts.locked.to_owned(),
        (Some(user), _, Reached::Primary) => fill(texts.connected_to, &user.server),
        (.., Reached::Standby(address)) => fill(texts.read_only, address),
        (.., Reached::Nobody) => texts.unreachable.to_owned(),
    }
}

/// How many run, and how fast they were at the last sample: which is taken twice a second,
/// however often the window is drawn.
fn transfers(state: &State, texts: &Texts) -> Option<String> {
    let running = state.model.transfers.iter().filter(|one| one.is_running()).count();
    let speed = human::speed(state.model.speeds.back().copied().unwrap_or_default());
    let count = counted(running, texts.one_transfer, texts.some_transfers);
    (running > 0).then(|| format!("{count}  ·  {speed}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reduce;
    use crate::reduce::tests::at_home;
    use crate::text::Language;
    use std::path::PathBuf;

    fn names(state: &State) -> Vec<&'static str> {
        TrayState::of(state).menu.into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn who_is_not_signed_in_can_open_and_quit() {
        let state = State::default();
        assert_eq!(TrayState::of(&state).text, "Not signed in");
        assert_eq!(names(&state), ["Open Coffer", "Quit"]);
    }

    #[test]
    fn transfers_are_told_of_and_can_be_paused_and_resumed() {
        let mut state = at_home();
        state.model.queue_known = true;
        assert_eq!(names(&state), ["Open Coffer", "Lock now", "Quit"]);
        reduce::command(&mut state, Command::Upload(vec![PathBuf::from("/tmp/film.mov")]));
        state.model.speeds.push_back(2_097_152.0);
        let server = state.model.user.as_ref().expect("a user").server.clone();
        let speed = human::speed(2_097_152.0);
        let wanted = format!("Connected to {server}\n1 transfer  ·  {speed}");
        assert_eq!(TrayState::of(&state).text, wanted);
        assert_eq!(names(&state), ["Open Coffer", "Pause all", "Lock now", "Quit"]);
        state.model.transfers[0].phase = Phase::Paused;
        assert_eq!(TrayState::of(&state).text, format!("Connected to {server}"));
        assert_eq!(names(&state), ["Open Coffer", "Resume all", "Lock now", "Quit"]);
    }

    #[test]
    fn a_locked_window_tells_nothing_and_trouble_is_named_in_the_users_language() {
        let mut state = at_home();
        reduce::command(&mut state, Command::Lock);
        assert_eq!(TrayState::of(&state).text, "Locked");
        assert_eq!(names(&state), ["Open Coffer", "Quit"]);
        state.session.lock = None;
        state.model.reached = Reached::Nobody;
        state.settings.language = Language::German;
        assert!(TrayState::of(&state).text.starts_with("Der Server antwortet nicht."));
        assert_eq!(names(&state), ["Coffer öffnen", "Jetzt sperren", "Beenden"]);
    }
}
