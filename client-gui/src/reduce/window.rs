//! Whether the window is there: it may go on unseen while the tray leads back to it.

use crate::command::{Command, Job};
use crate::state::State;
use crate::state::session::Presence;

pub(super) fn command(state: &mut State, command: &Command) -> Vec<Job> {
    let State { settings, session, .. } = state;
    match command {
        Command::CloseWindow if settings.keep_in_tray && session.window.tray => {
            session.window.presence = Presence::Hidden;
        }
        Command::CloseWindow | Command::Quit => session.window.presence = Presence::Ending,
        _ => show(state),
    }
    Vec::new()
}

/// Brings the window to the front, unless it is at its end.
pub(super) fn show(state: &mut State) {
    let window = &mut state.session.window;
    if window.presence != Presence::Ending {
        (window.presence, window.raise) = (Presence::Shown, true);
    }
}

/// Whether there is a tray. A window that nothing leads back to any more shows itself.
pub(super) fn tray(state: &mut State, there: bool) {
    state.session.window.tray = there;
    if !there && state.session.window.presence == Presence::Hidden {
        show(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Event;
    use crate::reduce::{command, event};

    fn close(keep_in_tray: bool, tray: bool) -> State {
        let mut state = State::default();
        command(&mut state, Command::SetKeepInTray(keep_in_tray));
        event(&mut state, Event::Tray(tray));
        command(&mut state, Command::CloseWindow);
        state
    }

    #[test]
    fn closing_hides_only_when_it_is_wanted_and_a_tray_is_there() {
        for (wanted, tray) in [(false, false), (false, true), (true, false)] {
            assert_eq!(close(wanted, tray).session.window.presence, Presence::Ending);
        }
        let mut state = close(true, true);
        assert_eq!(state.session.window.presence, Presence::Hidden);
        command(&mut state, Command::Quit);
        assert_eq!(state.session.window.presence, Presence::Ending);
        command(&mut state, Command::ShowWindow);
        assert!(state.session.window.presence == Presence::Ending && !state.session.window.raise);
    }

    #[test]
    fn a_session_that_ends_leaves_the_window_in_the_tray() {
        let mut state = close(true, true);
        event(&mut state, Event::Left(None, Vec::new()));
        assert!(state.session.window.presence == Presence::Hidden && state.session.window.tray);
    }

    #[test]
    fn the_tray_a_later_start_and_the_end_of_the_tray_bring_the_window_back() {
        for back in [
            Event::Wished(Command::ShowWindow),
            Event::Handed(String::new()),
            Event::Handed("coffer://a:1/".to_owned()),
            Event::Tray(false),
        ] {
            let mut state = close(true, true);
            event(&mut state, back);
            assert!(state.session.window.presence == Presence::Shown && state.session.window.raise);
        }
    }
}
