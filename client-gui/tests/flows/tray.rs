//! The client in the tray of a desktop: on a bus of its own, with a panel that the test plays.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::Phase;
use coffer_gui::state::session::Presence;
use coffer_tests::{Coffer, Engine, Rng, Server};
use eframe::egui::Event;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Runtime;
use zbus::zvariant::{OwnedValue, Structure, Value};

/// The bus is named to a process by its environment, so the test is run again below one.
const BELOW: &str = "COFFER_TEST_BELOW_BUS";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// Takes the items of programs, as a panel does.
struct Watcher {
    items: Sender<String>,
    shows: bool,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, item: String) {
        // The test may be over.
        let _ = self.items.send(item);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        self.shows
    }
}

/// An item of a menu: number, properties, items below it.
type Item = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn named(id: i32, values: &HashMap<String, OwnedValue>) -> (i32, String) {
    let label = values.get("label").and_then(|label| label.downcast_ref::<String>().ok());
    (id, label.unwrap_or_default())
}

struct Panel {
    runtime: Runtime,
    bus: zbus::Connection,
    items: Receiver<String>,
    item: String,
}

impl Panel {
    fn open() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (sender, items) = channel();
        let watcher = Watcher { items: sender, shows: true };
        let builder = zbus::connection::Builder::session().expect("a bus");
        let builder = builder.name(WATCHER).expect("a name");
        let builder = builder.serve_at("/StatusNotifierWatcher", watcher).expect("a path");
        let bus = runtime.block_on(builder.build()).expect("a connection");
        Self { runtime, bus, items, item: String::new() }
    }

    fn await_item(&mut self) {
        self.item = self.items.recv_timeout(Duration::from_secs(30)).expect("an item");
    }

    fn call<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let call =
            self.bus.call_method(Some(self.item.as_str()), path, Some(interface), method, body);
        self.runtime.block_on(call).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What the menu says, with the numbers of its items.
    fn menu(&self) -> Vec<(i32, String)> {
        let all = (0, -1, vec!["label"]);
        let answer = self.call("/MenuBar", MENU, "GetLayout", &all);
        let (_, (_, _, items)): (u32, Item) = answer.body().deserialize().expect("a menu");
        let items = items.into_iter().map(|item| {
            let (id, values, _): Item = Structure::try_from(item)?.try_into()?;
            Ok(named(id, &values))
        });
        items.collect::<zbus::zvariant::Result<_>>().expect("items")
    }

    fn names(&self) -> Vec<String> {
        self.menu().into_iter().map(|(_, name)| name).filter(|name| !name.is_empty()).collect()
    }

    fn until_menu(&self, window: &mut Window, wanted: &[&str]) {
        window.until(&format!("{wanted:?}"), |_| self.names() == wanted);
    }

    fn click(&self, name: &str) {
        let menu = self.menu();
        let found = menu.iter().find(|(_, other)| other == name);
        let id = found.unwrap_or_else(|| panic!("no {name} in {menu:?}")).0;
        self.call("/MenuBar", MENU, "Event", &(id, "clicked", Value::I32(0), 0_u32));
    }

    fn tool_tip(&self) -> String {
        let properties = "org.freedesktop.DBus.Properties";
        let answer = self.call("/StatusNotifierItem", properties, "Get", &(ITEM, "ToolTip"));
        format!("{:?}", answer.body().deserialize::<OwnedValue>().expect("a tool tip"))
    }

    fn close(&self) {
        self.runtime.block_on(self.bus.release_name(WATCHER)).expect("released");
    }
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
    assert_eq!(panel.names(), ["Open Coffer", "Quit"]);
    assert!(panel.tool_tip().contains("Not signed in"), "{}", panel.tool_tip());

    window.sign_in(&ada, &server);
    panel.until_menu(&mut window, &["Open Coffer", "Lock now", "Quit"]);
    assert!(panel.tool_tip().contains("Connected to"), "{}", panel.tool_tip());
    window.wish(Command::SetLimit(true, NonZeroU64::new(4 << 20)));
    window.wish(Command::Upload(vec![source]));
    panel.until_menu(&mut window, &["Open Coffer", "Pause all", "Lock now", "Quit"]);
    window.until("some of it", |app| app.state().model.transfers[0].progress.bytes_done > 0);
    assert!(panel.tool_tip().contains("1 transfer"), "{}", panel.tool_tip());
    panel.click("Pause all");
    window.until("rest", |app| app.state().model.transfers[0].phase == Phase::Paused);
    panel.until_menu(&mut window, &["Open Coffer", "Resume all", "Lock now", "Quit"]);
    panel.click("Lock now");
    window.until("the lock", |app| app.state().session.lock.is_some());
    panel.until_menu(&mut window, &["Open Coffer", "Resume all", "Quit"]);

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
