//! The item in the tray of a Linux desktop: a `StatusNotifierItem` with its menu, on D-Bus.
//!
//! Guarantees: the window never waits for it; what is clicked comes back as an event, like
//! every other answer.

use super::{Shared, Wake};
use crate::command::{Command, Event};
use crate::tray::TrayState;
use ksni::menu::{MenuItem, StandardItem};
use ksni::{Icon, OfflineReason, ToolTip, Tray, TrayMethods as _};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

impl Shared {
    /// Shows what is wanted for as long as the window is there. A desktop without a tray is
    /// not asked again before the next start.
    pub(super) async fn attend_tray(self: Arc<Self>, mut wanted: watch::Receiver<TrayState>) {
        let shown = wanted.borrow_and_update().clone();
        let (events, wake) = (self.events.clone(), Arc::clone(&self.wake));
        let handle = match (Item { shown, icon: icon(), events, wake }).spawn().await {
            Ok(handle) => handle,
            Err(error) => return tracing::debug!(%error, "no tray"),
        };
        self.tell(Event::Tray(true)).await;
        while wanted.changed().await.is_ok() {
            let shown = wanted.borrow_and_update().clone();
            handle.update(|item| item.shown = shown).await;
        }
    }
}

struct Item {
    shown: TrayState,
    icon: Vec<Icon>,
    events: Sender<Event>,
    wake: Wake,
}

impl Item {
    /// Called in the middle of a call from the bus, so it does not wait for room.
    fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            tracing::warn!("the window is too busy for the tray");
        }
        (self.wake)();
    }
}

impl Tray for Item {
    fn id(&self) -> String {
        "coffer".to_owned()
    }

    fn title(&self) -> String {
        "Coffer".to_owned()
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        self.icon.clone()
    }

    fn tool_tip(&self) -> ToolTip {
        let description = self.shown.text.clone();
        ToolTip { title: self.title(), description, ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.tell(Event::Wished(Command::ShowWindow));
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let mut items = Vec::new();
        for (text, command) in self.shown.menu.clone() {
            if command == Command::Quit {
                items.push(MenuItem::Separator);
            }
            let activate = move |item: &mut Self| item.tell(Event::Wished(command.clone()));
            let (label, activate) = (text.to_owned(), Box::new(activate));
            items.push(StandardItem { label, activate, ..StandardItem::default() }.into());
        }
        items
    }

    fn watcher_online(&self) {
        self.tell(Event::Tray(true));
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.tell(Event::Tray(false));
        // It may come back, as when the panel is started again.
        true
    }
}

/// The icon of the program: alpha, red, green and blue of each point.
fn icon() -> Vec<Icon> {
    let png = include_bytes!("../../assets/icon.png");
    let Ok(decoded) = image::load_from_memory(png) else { return Vec::new() };
    let points = decoded.into_rgba8();
    let sides = (i32::try_from(points.width()), i32::try_from(points.height()));
    let (Ok(width), Ok(height)) = sides else { return Vec::new() };
    let mut data = points.into_raw();
    data.as_chunks_mut::<4>().0.iter_mut().for_each(|point| point.rotate_right(1));
    vec![Icon { width, height, data }]
}
