//! Everything that can be used has a name, for those who do not see the window.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::Route;
use coffer_tests::{Coffer, Engine, Server};
use eframe::egui::accesskit::Role;
use egui_kittest::kittest::NodeT as _;

const USED: [Role; 12] = [
    Role::Button,
    Role::CheckBox,
    Role::ComboBox,
    Role::Link,
    Role::MenuItem,
    Role::MultilineTextInput,
    Role::PasswordInput,
    Role::RadioButton,
    Role::SearchInput,
    Role::Slider,
    Role::SpinButton,
    Role::TextInput,
];

/// What has no name in words: an icon alone says nothing when it is read aloud.
fn nameless(window: &Window) -> Vec<String> {
    let said =
        |text: Option<String>| text.is_some_and(|text| text.chars().any(char::is_alphanumeric));
    let nodes = window.harness.root().children_recursive();
    let nodes = nodes.map(|node| node.accesskit_node());
    let used = nodes.filter(|node| USED.contains(&node.role()) && !node.is_disabled());
    let mute = used.filter(|node| {
        !said(node.label())
            && node.labelled_by().all(|label| !said(label.label().or(label.value())))
    });
    mute.map(|node| format!("{:?} {:?} {:?}", node.role(), node.value(), node.bounding_box()))
        .collect()
}

fn assert_all_have_names(window: &Window, page: &str) {
    let used = window.harness.root().children_recursive();
    let used = used.filter(|node| USED.contains(&node.accesskit_node().role())).count();
    assert!(used >= 3, "{page}: only {used} things can be used");
    assert_eq!(nameless(window), Vec::<String>::new(), "{page}");
}

#[test]
fn everything_that_can_be_used_has_a_name() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let _bob = Coffer::sign_up(&server, "bob");
    ada.ok(&["mkdir", "/docs"]);
    ada.write("/plan.md", b"as it was");
    ada.write("/plan.md", b"as it is");
    ada.write("/gone.txt", b"gone");
    ada.ok(&["rm", "/gone.txt"]);
    ada.ok(&["group", "create", "friends", "bob"]);
    ada.ok(&["share", "/docs", "bob", "read"]);

    let dir = tempfile::tempdir().expect("directory");
    let mut window = Window::open(&dir.path().join("home"), Chosen::default());
    assert_all_have_names(&window, "welcome");
    window.connect(&server.link());
    assert_all_have_names(&window, "a new account");
    window.click_lowest("Sign in");
    assert_all_have_names(&window, "sign in");
    drop(window);

    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["docs", "plan.md"]);
    assert_all_have_names(&window, "a directory");
    window.wish(Command::Select(1));
    assert_all_have_names(&window, "a selected file");
    window.wish(Command::ToggleDetails);
    window.until("versions", |app| app.state().model.details.versions.len() == 2);
    assert_all_have_names(&window, "details");
    window.wish(Command::ToggleDetails);
    for route in [
        Route::Recent,
        Route::SharedWithMe,
        Route::SharedByMe,
        Route::Trash,
        Route::Activity,
        Route::Transfers,
        Route::Server,
        Route::Settings,
    ] {
        let page = format!("{route:?}");
        window.wish(Command::Go(route));
        // Their contents come from the server.
        std::thread::sleep(std::time::Duration::from_millis(300));
        window.steps(10);
        assert_all_have_names(&window, &page);
    }

    window.wish(Command::Go(Route::home()));
    window.until_names(&["docs", "plan.md"]);
    window.wish(Command::Select(1));
    for (command, name) in [
        (Command::AskFolder, "new directory"),
        (Command::AskRename, "another name"),
        (Command::AskShare, "share"),
        (Command::Palette, "palette"),
        (Command::Edit, "editor"),
    ] {
        window.wish(command);
        window.until(name, |app| app.state().session.dialog.is_some());
        std::thread::sleep(std::time::Duration::from_millis(200));
        window.steps(10);
        assert_all_have_names(&window, name);
        window.wish(Command::Dismiss);
    }
}
