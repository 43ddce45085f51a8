//! Files: edited, moved, restored.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::Dialog;
use coffer_tests::{Coffer, Engine, Server};
use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key};
use egui_kittest::kittest::Queryable;

#[test]
fn a_text_is_edited_a_conflict_settled_and_an_old_version_brought_back() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.write("/plan.md", b"first");
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["plan.md"]);
    window.wish(Command::Select(0));
    window.click_lowest("Edit");
    window
        .until("the editor", |app| matches!(&app.state().session.dialog, Some(Dialog::Editor(_))));
    // Somebody else is faster.
    ada.write("/plan.md", b"second");
    let field = window.harness.get_by_role(Role::MultilineTextInput);
    field.focus();
    window.steps(2);
    window.harness.get_by_role(Role::MultilineTextInput).type_text("mine: ");
    window.steps(3);
    window.click_lowest("Save");
    window.until("the conflict", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Editor(editor)) if editor.conflict)
    });
    window.click_lowest("Keep both");
    window.until("the second copy", |app| {
        matches!(&app.state().session.dialog, Some(Dialog::Editor(editor)) if !editor.saving && !editor.conflict)
    });
    window.harness.key_press(Key::Escape);
    window.until("the end of the editor", |app| app.state().session.dialog.is_none());
    window.until_names(&["plan (mine).md", "plan.md"]);
    assert_eq!(ada.cat("/plan.md"), b"second", "nothing of the other's is lost");
    assert!(String::from_utf8_lossy(&ada.cat("/plan (mine).md")).contains("mine: "));

    window.wish(Command::ToggleDetails);
    window.wish(Command::Select(1));
    window.until("two versions", |app| app.state().model.details.versions.len() == 2);
    window.click_lowest("Restore");
    window.until("three versions", |app| app.state().model.details.versions.len() == 3);
    assert_eq!(ada.cat("/plan.md"), b"first");

    // What is no UTF-8 would be damaged by saving it.
    ada.write("/latin.txt", b"na\xefve");
    window.until_names(&["latin.txt", "plan (mine).md", "plan.md"]);
    window.wish(Command::Select(0));
    window.click_lowest("Edit");
    window.until("a refusal", |app| {
        let problems = app.state().session.toasts.iter().filter_map(|toast| toast.problem.as_ref());
        problems.into_iter().any(|problem| problem.code == "not-editable")
    });
    assert!(window.app().state().session.dialog.is_none());
}

#[test]
fn what_was_moved_before_something_failed_is_said_and_can_be_taken_back() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.ok(&["mkdir", "/d"]);
    for path in ["/a.txt", "/b.txt", "/d/b.txt"] {
        ada.write(path, path.as_bytes());
    }
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["d", "a.txt", "b.txt"]);
    let own = |name: &str| coffer_client::RemotePath::Own(vec![name.to_owned()]);
    window.wish(Command::MoveInto(vec![own("a.txt"), own("b.txt")], own("d")));
    window.until_names(&["d", "b.txt"]);
    window.until("the refusal", |app| {
        app.state().session.toasts.iter().any(|toast| toast.problem.is_some())
    });
    assert_eq!(ada.cat("/d/b.txt"), b"/d/b.txt", "nothing was written over");
    window.wish(Command::UndoLast);
    window.until_names(&["d", "a.txt", "b.txt"]);
}

#[test]
fn files_that_other_programs_have_copied_are_pasted() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.ok(&["mkdir", "/d"]);
    let dir = tempfile::tempdir().expect("directory");
    let paths = ["one file.txt", "two.txt", "three.txt"].map(|name| dir.path().join(name));
    for path in &paths {
        std::fs::write(path, "from another program").expect("written");
    }
    let copied = Chosen { copied: vec![paths[2].clone()], ..Chosen::default() };
    let (mut window, _home) = Window::of(&ada, &server, copied);
    window.until_names(&["d"]);
    let uri = format!("file://{}", paths[0].display()).replace(' ', "%20");
    window.harness.event(Event::Paste(format!("{uri}\n{}", paths[1].display())));
    window.until_names(&["d", "one file.txt", "two.txt"]);
    // By the menu, with what does not come as a text.
    window.wish(Command::Paste);
    window.until_names(&["d", "one file.txt", "three.txt", "two.txt"]);
    assert_eq!(ada.cat("/one file.txt"), b"from another program");

    // What is copied here is pasted next, and other programs get its name.
    window.wish(Command::Select(1));
    window.harness.event(Event::Copy);
    window.steps(2);
    let clip = window.app().state().session.clipboard.clone().expect("a copy");
    assert_eq!(clip.text(), "one file.txt");
    window.wish(Command::Open(0));
    window.until_names(&[]);
    window.harness.event(Event::Paste(clip.text()));
    window.until_names(&["one file.txt"]);
}
