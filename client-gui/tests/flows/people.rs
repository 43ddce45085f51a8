//! Sharing with people and groups.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::{Dialog, Route};
use coffer_tests::{Coffer, Engine, Server};
use std::sync::Arc;

#[test]
fn what_is_shared_appears_at_once_and_goes_again() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
    ada.ok(&["mkdir", "/docs"]);
    ada.write("/docs/plan.md", b"as it was");
    let (mut one, _home1) = Window::of(&ada, &server, Chosen::default());
    let desktop = Chosen::default();
    let told = Arc::clone(&desktop.told);
    let (mut other, _home2) = Window::of(&bob, &server, desktop);
    other.harness.input_mut().focused = false;
    other.wish(Command::Go(Route::SharedWithMe));
    one.until_names(&["docs"]);
    one.wish(Command::Select(0));
    one.click_lowest("Share…");
    one.until(
        "who has access",
        |app| matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if !sharing.busy),
    );
    one.type_into("User name or group", "bob");
    one.click_lowest("Can write");
    one.click_lowest("Share");
    one.until("the share", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if sharing.shares.len() == 1)
    });
    assert!(
        matches!(&one.app().state().session.dialog, Some(Dialog::Share(sharing)) if sharing.contacts.len() == 1),
        "a safety number to compare"
    );
    other.until("the share at the other side", |app| app.state().model.with_me.items.len() == 1);
    other.until("a message of the desktop", |_| {
        told.lock().expect("the messages").contains(&"ada shares with you: docs".to_owned())
    });
    other.click_lowest("docs");
    other.until_names(&["plan.md"]);
    one.click_lowest("Stop sharing");
    one.until("the end of the share", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if sharing.shares.is_empty())
    });
    other.until("an explanation", |app| app.state().session.list().problem.is_some());
}

#[test]
fn a_group_is_made_and_what_is_shared_with_it_follows_its_members() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
    ada.ok(&["mkdir", "/docs"]);
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["docs"]);
    window.wish(Command::Go(Route::SharedByMe));
    window.click_lowest("New group");
    window.type_into("Name", "team");
    window.click_lowest("Create");
    window.until("the group", |app| app.state().model.groups.len() == 1);
    window.click_lowest("Add to team");
    window.type_into("User names, with commas between them", "bob");
    window.click_lowest("Add");
    window.until("a safety number to compare", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Contacts(contacts)) if contacts.len() == 1)
    });
    window.click_lowest("It is the same");
    window.until("the end of it", |app| app.state().session.dialog.is_none());

    window.wish(Command::Go(Route::home()));
    window.until_names(&["docs"]);
    window.wish(Command::Select(0));
    window.wish(Command::AskShare);
    window.until(
        "who has access",
        |app| matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if !sharing.busy),
    );
    window.type_into("User name or group", "te");
    window.click_lowest("team");
    window.click_lowest("Share");
    window.until("the share", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Share(sharing)) if sharing.shares.len() == 1)
    });
    assert!(bob.ok(&["ls", "@ada"]).contains("docs"), "bob sees it");
    window.wish(Command::Dismiss);
    window.wish(Command::Go(Route::SharedByMe));
    window.click_lowest("Remove bob");
    window.until("an empty group", |app| app.state().model.groups[0].members.is_empty());
    assert!(!bob.ok(&["ls", "@"]).contains("ada"), "bob sees it no more");
}
