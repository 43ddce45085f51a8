//! Sharing: who has access, and changing that.

use super::ask;
use crate::command::{Command, Job};
use crate::state::dialog::Sharing;
use crate::state::session::recipient;
use crate::state::{Dialog, State};
use coffer_client::protocol::message::share::Mode;

pub(super) fn command(state: &mut State, command: Command) -> Vec<Job> {
    match command {
        Command::AskShare => match state.session.selected().as_slice() {
            [row] => {
                let path = row.path.clone();
                let sharing = Sharing {
                    path: path.clone(),
                    shares: Vec::new(),
                    with: String::new(),
                    mode: Mode::Read,
                    days: None,
                    contacts: Vec::new(),
                    busy: true,
                    problem: None,
                };
                ask(state, Dialog::Share(Box::new(sharing)));
                vec![Job::SharesOf(path)]
            }
            _ => Vec::new(),
        },
        Command::Share => {
            let groups = state.model.groups.clone();
            let Some(Dialog::Share(sharing)) = &mut state.session.dialog else {
                return Vec::new();
            };
            if sharing.with.trim().is_empty() || sharing.busy {
                return Vec::new();
            }
            (sharing.busy, sharing.problem) = (true, None);
            let with = recipient(&sharing.with, &groups);
            vec![Job::Share(sharing.path.clone(), with, sharing.mode, sharing.days)]
        }
        Command::Unshare(path, with) => {
            if let Some(Dialog::Share(sharing)) = &mut state.session.dialog {
                sharing.busy = true;
            }
            vec![Job::Unshare(path, with)]
        }
        Command::Leave(owner, name) => vec![Job::Leave(owner, name)],
        Command::ConfirmContact(user, number) => vec![Job::ConfirmContact(user, number)],
        _ => Vec::new(),
    }
}
