//! Groups of people to share with.

use super::ask;
use crate::command::{Command, Job};
use crate::state::{Dialog, State};
use coffer_client::protocol::message::share::{ContactInfo, GroupEdit};

pub(super) fn command(state: &mut State, command: Command) -> Vec<Job> {
    match command {
        Command::AskGroup => ask(state, Dialog::NewGroup(String::new())),
        Command::AskRenameGroup(name) => ask(state, Dialog::RenameGroup(name.clone(), name)),
        Command::AskMember(group) => ask(state, Dialog::AddMember(group, String::new())),
        Command::AskDeleteGroup(group) => ask(state, Dialog::DeleteGroup(group)),
        Command::EditGroup(group, edit) => vec![Job::EditGroup(group, edit)],
        _ => Vec::new(),
    }
}

/// What is typed in a dialog about groups is right.
pub(super) fn confirm(dialog: Dialog) -> Vec<Job> {
    let (group, edit) = match dialog {
        Dialog::NewGroup(name) => (name.trim().to_owned(), GroupEdit::Create(Vec::new())),
        Dialog::RenameGroup(group, name) => (group, GroupEdit::Rename(name.trim().to_owned())),
        Dialog::AddMember(group, names) => (group, GroupEdit::Add(split(&names))),
        Dialog::DeleteGroup(group) => (group, GroupEdit::Delete),
        _ => return Vec::new(),
    };
    let nothing = group.is_empty() || matches!(&edit, GroupEdit::Add(names) if names.is_empty());
    let same = matches!(&edit, GroupEdit::Rename(name) if name.is_empty() || *name == group);
    if nothing || same { Vec::new() } else { vec![Job::EditGroup(group, edit)] }
}

/// Names that are typed with commas or blanks between them.
fn split(names: &str) -> Vec<String> {
    let names = names.split([',', ';', ' ']).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A group was changed: the new people in it are worth a look.
pub(super) fn changed(state: &mut State, contacts: Vec<ContactInfo>) -> Vec<Job> {
    if !contacts.is_empty() {
        state.session.dialog = Some(Dialog::Contacts(contacts));
    }
    vec![Job::ByMe]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reduce::command;
    use crate::reduce::tests::at_home;

    #[test]
    fn groups_are_made_filled_renamed_and_deleted() {
        let mut state = at_home();
        let mut does = |ask: Command, typed: &str| {
            command(&mut state, ask);
            match &mut state.session.dialog {
                Some(Dialog::NewGroup(text) | Dialog::RenameGroup(_, text)) => {
                    *text = typed.to_owned();
                }
                Some(Dialog::AddMember(_, text)) => *text = typed.to_owned(),
                _ => {}
            }
            command(&mut state, Command::Confirm)
        };
        let text = str::to_owned;
        let edit = |group: &str, edit| vec![Job::EditGroup(text(group), edit)];
        assert_eq!(does(Command::AskGroup, " team "), edit("team", GroupEdit::Create(vec![])));
        assert_eq!(does(Command::AskGroup, " "), []);
        let members = vec![text("ada"), text("bob")];
        assert_eq!(
            does(Command::AskMember(text("team")), "ada, bob"),
            edit("team", GroupEdit::Add(members))
        );
        assert_eq!(does(Command::AskRenameGroup(text("team")), "team"), []);
        assert_eq!(
            does(Command::AskRenameGroup(text("team")), "crew"),
            edit("team", GroupEdit::Rename(text("crew")))
        );
        assert_eq!(
            does(Command::AskDeleteGroup(text("crew")), ""),
            edit("crew", GroupEdit::Delete)
        );
    }
}
