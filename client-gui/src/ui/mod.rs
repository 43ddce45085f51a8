//! The views. They draw the state and send commands; they change nothing but the
//! fields of forms.

mod account;
mod activity;
mod address;
mod browser;
mod details;
mod dialogs;
mod editor;
mod filters;
mod frame;
mod grid;
mod groups;
mod icons;
mod keys;
mod list;
mod lock;
mod opened;
mod palette;
mod plot;
mod preview;
mod quick;
mod recent;
mod rows;
mod server;
mod settings;
mod share;
mod shares;
mod toasts;
pub(crate) mod tokens;
mod transfers;
mod trash;
mod versions;
mod welcome;
mod widgets;

use crate::command::Command;
use crate::state::{Route, State};
use eframe::egui;

/// What the views draw with.
pub(crate) struct View<'a> {
    /// What is drawn.
    pub(crate) state: &'a mut State,
    /// What the user wants.
    pub(crate) wishes: Vec<Command>,
}

impl View<'_> {
    pub(crate) fn wish(&mut self, command: Command) {
        self.wishes.push(command);
    }

    pub(crate) fn texts(&self) -> &'static crate::text::Texts {
        self.state.settings.texts()
    }
}

/// Draws the whole window.
pub(crate) fn show(ui: &mut egui::Ui, view: &mut View<'_>) {
    if view.state.session.route == Route::Welcome {
        grid::forget(ui);
        preview::forget(ui, "details");
        preview::forget(ui, "quick");
        welcome::show(ui, view);
    } else if view.state.session.lock.is_some() {
        return lock::show(ui, view);
    } else {
        frame::show(ui, view);
        dialogs::show(ui, view);
        keys::read(ui, view);
    }
    toasts::show(ui, view);
}
