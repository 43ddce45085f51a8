//! The client in the tray of a desktop: on a bus of its own, with a panel that the test plays.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::Phase;
use coffer_gui::state::session::Presence;
use coffer_tests::panel::Panel;
use coffer_tests::{Coffer, Engine, Rng, Server};
use eframe::egui::Event;
use std::num::NonZeroU64;

/// The bus is named to a process by its environment, so the test is run again below one.
const BELOW: &str = "COFFER_TEST_BELOW_BUS";

fn until_menu(panel: &Panel, window: &mut Window, wanted: &[&str]) {
    window.until(&format!("{wanted:?}"), |_| panel.names() == wanted);
}

#[test]
fn the_tray_tells_of_transfers_leads_back_to_the_window_and_ends_the_program() {
    let name = "tray::the_tray_tells_of_transfers_leads_back_to_the_window_and_ends_the_program";
    if std::env::var_os(BELOW).is_some() {
        return below_a_bus();
    }
    let mut again = std::process::Command::new("dbus-run-session");
    again.arg("--").arg(std::env::current_exe().expect("this program"));
    let output = again.args(["--exact", name, "--nocapture"]).env(BELOW, "1").output();
    let output = output.expect("dbus-run-session");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn below_a_bus() {
    let mut panel = Panel::open();
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let dir = tempfile::tempdir().expect("directory");
    let source = dir.path().join("big.bin");
    std::fs::write(&source, Rng::new("tray").bytes(32 << 20)).expect("write");
    let mut window = Window::open_in(&dir.path().join("home"), Chosen::default(), true);
    panel.await_item();
    window.until("the tray", |app| app.state().session.window.tray);
    until_menu(&panel, &mut window, &["Open Coffer", "Quit"]);
    assert!(panel.tool_tip().contains("Not signed in"), "{}", panel.tool_tip());

    window.sign_in(&ada, &server);
    until_menu(&panel, &mut window, &["Open Coffer", "Lock now", "Quit"]);
    assert!(panel.tool_tip().contains("Connected to"), "{}", panel.tool_tip());
    window.wish(Command::SetLimit(true, NonZeroU64::new(4 << 20)));
    window.wish(Command::Upload(vec![source]));
    until_menu(&panel, &mut window, &["Open Coffer", "Pause all", "Lock now", "Quit"]);
    window.until("some of it", |app| app.state().model.transfers[0].progress.bytes_done > 0);
    assert!(panel.tool_tip().contains("1 transfer"), "{}", panel.tool_tip());
    panel.click("Pause all");
    window.until("rest", |app| app.state().model.transfers[0].phase == Phase::Paused);
    until_menu(&panel, &mut window, &["Open Coffer", "Resume all", "Lock now", "Quit"]);
    panel.click("Lock now");
    window.until("the lock", |app| app.state().session.lock.is_some());
    until_menu(&panel, &mut window, &["Open Coffer", "Resume all", "Quit"]);

    let is =
        |presence| move |app: &coffer_gui::App| app.state().session.window.presence == presence;
    window.wish(Command::SetKeepInTray(true));
    window.wish(Command::CloseWindow);
    assert!(is(Presence::Hidden)(window.app()));
    panel.click("Open Coffer");
    window.until("the window", is(Presence::Shown));
    window.wish(Command::CloseWindow);
    // As where a window is minimised instead: from the list of windows.
    window.harness.event(Event::WindowFocused(true));
    window.until("the minimised window", is(Presence::Shown));
    window.wish(Command::CloseWindow);
    // Nothing would lead back to it.
    panel.close();
    window.until("the window again", is(Presence::Shown));
    assert!(!window.app().state().session.window.tray);
    panel.click("Quit");
    window.until("the end", is(Presence::Ending));
}
