//! Looking at what is there: typed paths, recent files, tiles.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::preview::Preview;
use coffer_gui::state::{Dialog, Route};
use coffer_tests::{Coffer, Engine, Server};
use eframe::egui::Key;
use egui_kittest::kittest::Queryable;

/// A picture of one colour, as a PNG.
fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbaImage::from_pixel(300, 200, image::Rgba([10, 110, 116, 255]));
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("written");
    bytes.into_inner()
}

/// A PDF of one page; a reader finds what is in it without a table.
const PAPER: &[u8] = b"%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Count 1/Kids[3 0 R]>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Contents 4 0 R>> endobj
4 0 obj <</Length 34>> stream
0.1 0.4 0.5 rg 0 0 300 200 re f   
endstream endobj
trailer <</Root 1 0 R>>
%%EOF";

#[test]
fn paths_are_typed_pictures_are_shown_as_tiles_and_recent_files_found_again() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    ada.ok(&["mkdir", "/docs", "/docs/inner"]);
    ada.write("/docs/plan.md", b"as it was");
    ada.write("/sun.png", &png());
    ada.write("/paper.pdf", PAPER);
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["docs", "paper.pdf", "sun.png"]);

    window.click_lowest("Type a path");
    window.type_into("Type a path", "/do");
    window.until("an offer", |app| {
        app.state().session.address.as_ref().is_some_and(|one| one.offers() == ["docs"])
    });
    window.harness.key_press(Key::Tab);
    window.steps(3);
    window.type_into("Type a path", "nowhere");
    window.harness.key_press(Key::Enter);
    window.until("an explanation", |app| {
        app.state().session.address.as_ref().is_some_and(|one| one.problem.is_some())
    });
    let address = window.app().state().session.address.clone().expect("the field");
    assert_eq!(address.text, "/docs/nowhere", "nothing that was typed is lost");
    let message = address.problem.expect("a problem").message;
    assert!(window.harness.query_by_label_contains(&message).is_some(), "{message}");
    window.harness.key_combination_modifiers(eframe::egui::Modifiers::COMMAND, &[Key::A]);
    window.steps(2);
    window.type_into("Type a path", "/docs/plan.md");
    window.harness.key_press(Key::Enter);
    window.until_names(&["inner", "plan.md"]);
    let selected = window.app().state().session.selected();
    assert_eq!(selected.first().map(|row| row.entry.name.as_str()), Some("plan.md"));

    window.wish(Command::Go(Route::home()));
    window.until_names(&["docs", "paper.pdf", "sun.png"]);
    window.harness.get_by_label("As grid").click();
    window.until("the small pictures", |app| {
        let session = &app.state().session;
        (1..3).all(|index| {
            let row = session.list().at(index).expect("a picture or a page");
            app.state().model.thumbs.get(coffer_gui::state::preview::revision_of(row)).is_some()
        })
    });
    window.harness.key_press(Key::ArrowRight);
    window.steps(2);
    window.harness.key_press(Key::ArrowRight);
    window.steps(2);
    assert_eq!(window.app().state().session.cursor, 1, "the keyboard goes from tile to tile");

    window.click_lowest("Recent");
    window.until_names(&["paper.pdf", "sun.png", "plan.md"]);
    window.harness.get_by_label("plan.md").click_secondary();
    window.steps(4);
    window.click_lowest("Show in folder");
    window.until_names(&["inner", "plan.md"]);
}

#[test]
fn files_are_looked_at_found_by_kind_and_old_versions_restored_beside() {
    let server = Server::start(Engine::Sqlite);
    let (ada, bob) = (Coffer::sign_up(&server, "ada"), Coffer::sign_up(&server, "bob"));
    ada.ok(&["mkdir", "/docs"]);
    ada.write("/docs/main.rs", b"fn first() {}");
    ada.write("/docs/main.rs", b"fn second() {}");
    ada.write("/docs/paper.pdf", PAPER);
    ada.write("/docs/plan.pdf", b"no page at all");
    ada.write("/docs/sun.png", &png());
    bob.ok(&["mkdir", "/team"]);
    bob.write("/team/main.png", &png());
    bob.ok(&["share", "/team", "ada", "read"]);
    let (mut window, _home) = Window::of(&ada, &server, Chosen::default());
    window.until_names(&["docs"]);

    window.type_into("Find", "main");
    window.until_names(&["main.rs"]);
    window.click_lowest("Where");
    window.click_lowest("Everywhere");
    window.until_names(&["main.png", "main.rs"]);
    window.click_lowest("Kind");
    window.click_lowest("Pictures");
    window.until_names(&["main.png"]);
    window.click_lowest("Show all");
    window.until_names(&["main.png", "main.rs"]);

    let docs = coffer_client::RemotePath::Own(vec!["docs".to_owned()]);
    window.wish(Command::Go(Route::Folder(docs)));
    window.until_names(&["main.rs", "paper.pdf", "plan.pdf", "sun.png"]);
    window.wish(Command::ToggleDetails);
    window.harness.get_by_label("main.rs").click();
    window.until("two versions", |app| app.state().model.details.versions.len() == 2);
    window.harness.key_press(Key::Space);
    let shown = |app: &coffer_gui::App, text: &str| match &app.state().session.dialog {
        Some(Dialog::Quick(quick)) => match &quick.preview {
            Preview::Text(lines) => lines.iter().any(|line| line.text == text),
            Preview::Picture(_) => text == "a picture",
            Preview::Page(page) => text == "a page" && page.count == 1,
            Preview::Unshown(why) => text == format!("{why:?}"),
            _ => false,
        },
        _ => false,
    };
    window.until("the text", |app| shown(app, "fn second() {}"));
    window.harness.key_press(Key::ArrowDown);
    window.until("the page of the paper", |app| shown(app, "a page"));
    window.steps(2);
    let caption = window.harness.query_all_by_label("PDF document  ·  Page 1 of 1");
    assert!(caption.count() > 0);
    window.harness.key_press(Key::ArrowDown);
    window.until("an explanation", |app| shown(app, "Broken"));
    window.steps(2);
    assert!(window.harness.query_all_by_label("Open with another program").count() > 0);
    window.harness.key_press(Key::ArrowDown);
    window.until("the picture", |app| shown(app, "a picture"));
    for _ in 0..3 {
        window.harness.key_press(Key::ArrowUp);
        window.steps(2);
    }
    window.until("the text", |app| shown(app, "fn second() {}"));
    window.harness.key_press(Key::Space);
    window.until("the page", |app| app.state().session.dialog.is_none());

    window.until("two versions", |app| app.state().model.details.versions.len() == 2);
    window.click_lowest("Quick look");
    window.until("the old text", |app| shown(app, "fn first() {}"));
    window.harness.query_all_by_label("Restore beside").last().expect("a button").click();
    window.until("a second file", |app| app.state().session.list().len() == 5);
    let names = window.names();
    let copy = names.iter().find(|name| name.starts_with("main (")).expect("the copy");
    assert_eq!(ada.cat(&format!("/docs/{copy}")), b"fn first() {}");
    assert_eq!(ada.cat("/docs/main.rs"), b"fn second() {}");
}
