//! The account: password, recovery key, the lock of the window.

use super::ask;
use crate::command::{Command, Job};
use crate::secret::Secret;
use crate::state::dialog::{Lock, PasswordForm};
use crate::state::{Dialog, Problem, State};

pub(super) fn command(state: &mut State, command: &Command) -> Vec<Job> {
    match command {
        Command::Lock => lock(state),
        Command::Unlock => match &mut state.session.lock {
            Some(lock) if !lock.busy && !lock.password.is_empty() => {
                (lock.busy, lock.problem) = (true, None);
                vec![Job::Unlock(std::mem::take(&mut lock.password))]
            }
            _ => Vec::new(),
        },
        Command::AskPassword => ask(state, Dialog::Password(PasswordForm::default())),
        Command::AskSignOutOthers => {
            let form = PasswordForm { others: true, ..PasswordForm::default() };
            ask(state, Dialog::Password(form))
        }
        Command::AskRecoveryKey => ask(state, Dialog::RecoveryKey(Secret::default())),
        _ => ask(state, Dialog::DeleteAccount(Secret::default())),
    }
}

/// Hides everything. A start of the program while it is locked asks for the password, too.
fn lock(state: &mut State) -> Vec<Job> {
    if state.model.user.is_none() || state.session.lock.is_some() {
        return Vec::new();
    }
    state.session.lock = Some(Lock::default());
    state.settings.locked = true;
    vec![Job::SaveSettings]
}

/// Whether it was the password.
pub(super) fn unlocked(state: &mut State, answer: Result<(), Problem>) -> Vec<Job> {
    match answer {
        Ok(()) => {
            state.session.lock = None;
            state.settings.locked = false;
            vec![Job::SaveSettings]
        }
        Err(problem) => {
            if let Some(lock) = &mut state.session.lock {
                (lock.busy, lock.problem) = (false, Some(problem));
            }
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Event;
    use crate::reduce::tests::{at_home, problem};
    use crate::reduce::{command, event};

    #[test]
    fn a_locked_window_opens_with_the_password_alone() {
        let mut state = at_home();
        assert_eq!(command(&mut state, Command::Lock), [Job::SaveSettings]);
        assert!(state.settings.locked && state.session.lock.is_some());
        assert_eq!(command(&mut state, Command::Unlock), [], "nothing is typed");
        let typed = |state: &mut State, text: &str| {
            let lock = state.session.lock.as_mut().expect("locked");
            lock.password = Secret::from(text.to_owned());
            command(state, Command::Unlock)
        };
        assert_eq!(typed(&mut state, "no"), [Job::Unlock(Secret::from("no".to_owned()))]);
        event(&mut state, Event::Unlocked(Err(problem("sign-in-refused"))));
        assert!(state.session.lock.as_ref().is_some_and(|lock| lock.problem.is_some()));
        typed(&mut state, "yes");
        event(&mut state, Event::Unlocked(Ok(())));
        assert!(state.session.lock.is_none() && !state.settings.locked);
    }

    #[test]
    fn a_start_while_locked_asks_for_the_password() {
        let mut state = State::default();
        let link =
            format!("coffer://host:7001/#{}", coffer_client::protocol::link::Fingerprint([7; 32]));
        state.session.welcome.known.push(crate::state::welcome::Known {
            profile: "p".to_owned(),
            user: "ada".to_owned(),
            server: "host:7001".to_owned(),
            link: link.parse().expect("a link"),
        });
        state.settings.locked = true;
        assert_eq!(command(&mut state, Command::UseKnown(0)), []);
        assert!(!state.session.welcome.busy && state.session.welcome.user == "ada");
        state.settings.locked = false;
        assert_eq!(command(&mut state, Command::UseKnown(0)), [Job::Resume("p".to_owned())]);
    }
}
