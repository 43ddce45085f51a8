//! The files that the user has worked with lately.

use super::tokens::space;
use super::widgets::{self, icon_button, title};
use super::{View, browser, grid, icons, list};
use crate::command::Command;
use eframe::egui::{Align, Layout, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    title(ui, texts.recent);
    ui.horizontal(|ui| match view.state.session.selection.is_empty() {
        true => {
            widgets::muted(ui, texts.recent_lead);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, true, icons::SIDEBAR_SIMPLE, texts.details).clicked() {
                    view.wish(Command::ToggleDetails);
                }
                grid::switch(ui, view);
                if icon_button(ui, true, icons::ARROW_CLOCKWISE, texts.refresh).clicked() {
                    view.wish(Command::Refresh);
                }
            });
        }
        false => browser::selection(ui, view),
    });
    ui.add_space(space::XS);
    list::show(ui, view);
}
