//! A panel of a desktop, which shows the items that programs put into the tray
//! (`StatusNotifierItem` and `com.canonical.dbusmenu`), and a bus for both.
//!
//! Guarantees: the bus ends with its handle; no wait is without an end.

use crate::first_line;
use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Runtime;
use zbus::connection::Builder;
use zbus::zvariant::{DynamicType, OwnedValue, Structure, Value};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
/// Longest wait for a program to put its item into the tray.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bus of its own, to which programs come that know its address.
pub struct Bus {
    daemon: Child,
    address: String,
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Bus {
    /// Starts it.
    pub fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon");
        let address = first_line(&mut daemon);
        Self { daemon, address }
    }

    /// What programs have in `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Takes the items of programs, as a panel does.
struct Watcher {
    items: Sender<String>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, item: String) {
        // The test may be over.
        let _ = self.items.send(item);
    }

    #[zbus(property)]
    #[expect(clippy::unused_self, reason = "a property of this object")]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

/// An item of a menu: number, properties, items below it.
type Item = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn named(id: i32, values: &HashMap<String, OwnedValue>) -> (i32, String) {
    let label = values.get("label").and_then(|label| label.downcast_ref::<String>().ok());
    (id, label.unwrap_or_default())
}

/// See the module.
pub struct Panel {
    runtime: Runtime,
    bus: zbus::Connection,
    items: Receiver<String>,
    item: String,
}

impl Panel {
    /// On the bus of this process.
    pub fn open() -> Self {
        Self::on(Builder::session().expect("a bus"))
    }

    /// On another bus.
    pub fn open_on(bus: &Bus) -> Self {
        Self::on(Builder::address(bus.address()).expect("a bus"))
    }

    fn on(bus: Builder<'_>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (sender, items) = channel();
        let builder = bus.name(WATCHER).expect("a name");
        let watcher = Watcher { items: sender };
        let builder = builder.serve_at("/StatusNotifierWatcher", watcher).expect("a path");
        let bus = runtime.block_on(builder.build()).expect("a connection");
        Self { runtime, bus, items, item: String::new() }
    }

    /// Waits until a program is in the tray; everything else here is about its item.
    pub fn await_item(&mut self) {
        self.item = self.items.recv_timeout(PATIENCE).expect("an item");
    }

    fn call<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + DynamicType,
    {
        let call =
            self.bus.call_method(Some(self.item.as_str()), path, Some(interface), method, body);
        self.runtime.block_on(call).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

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

    /// What the menu says, from above.
    pub fn names(&self) -> Vec<String> {
        self.menu().into_iter().map(|(_, name)| name).filter(|name| !name.is_empty()).collect()
    }

    /// Chooses from the menu.
    pub fn click(&self, name: &str) {
        let menu = self.menu();
        let found = menu.iter().find(|(_, other)| other == name);
        let id = found.unwrap_or_else(|| panic!("no {name} in {menu:?}")).0;
        self.call("/MenuBar", MENU, "Event", &(id, "clicked", Value::I32(0), 0_u32));
    }

    /// What is said when the pointer rests on the item.
    pub fn tool_tip(&self) -> String {
        let properties = "org.freedesktop.DBus.Properties";
        let answer = self.call("/StatusNotifierItem", properties, "Get", &(ITEM, "ToolTip"));
        format!("{:?}", answer.body().deserialize::<OwnedValue>().expect("a tool tip"))
    }

    /// Ends the tray.
    pub fn close(&self) {
        self.runtime.block_on(self.bus.release_name(WATCHER)).expect("released");
    }
}
