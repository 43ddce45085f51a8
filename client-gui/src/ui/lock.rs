//! The locked window: nothing is seen before the password is typed.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, actions, button, focus_first, muted, primary, secret_field, sheet};
use super::{View, icons};
use crate::command::Command;
use eframe::egui::{Align, Key, Layout, RichText, Ui, vec2};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.2).clamp(16.0, 160.0));
        ui.label(RichText::new(icons::LOCK_KEY).size(40.0).color(colours(ui).accent));
        let user = view.state.model.user.as_ref().map_or("", |user| user.name.as_str());
        ui.label(RichText::new(user).font(strong(size::DISPLAY)));
        ui.add_space(space::L);
        let room = vec2(space::CARD.min(ui.available_width()), 0.0);
        ui.allocate_ui_with_layout(room, Layout::top_down(Align::Min), |ui| {
            sheet(ui, |ui| {
                ui.set_width(ui.available_width());
                form(ui, view);
            });
        });
    });
}

fn form(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    muted(ui, texts.locked_lead);
    let Some(lock) = &mut view.state.session.lock else { return };
    let response = secret_field(ui, texts.password, &mut lock.password, true);
    focus_first(ui, &response);
    if let Some(problem) = &lock.problem {
        widgets::problem(ui, problem, texts);
    }
    let (some, busy) = (!lock.password.is_empty(), lock.busy);
    let enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let (unlock, out) = actions(ui, |ui| {
        let unlock = primary(ui, some && !busy, texts.unlock).clicked();
        let out = button(ui, icons::SIGN_OUT, texts.sign_out).clicked();
        if busy {
            ui.spinner();
        }
        (unlock, out)
    });
    if some && !busy && (unlock || enter) {
        view.wish(Command::Unlock);
    } else if out {
        view.wish(Command::SignOut);
    }
}
