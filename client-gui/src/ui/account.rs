//! Whose files these are: other accounts of this computer, and the way out.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, muted};
use super::{View, icons};
use crate::command::Command;
use crate::state::Route;
use crate::state::welcome::Known;
use eframe::egui::{FontId, Popup, Sense, Ui, vec2};

/// Height of the line with the name, and width of the menu.
const HEIGHT: f32 = 34.0;
const WIDTH: f32 = 240.0;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let Some(user) = view.state.model.user.clone() else { return };
    let c = colours(ui);
    let response = widgets::row(ui, HEIGHT, false, Sense::click());
    let rect = response.rect.shrink2(vec2(space::S, 0.0));
    let icon = FontId::proportional(18.0);
    widgets::line(ui, rect, icons::USER_CIRCLE, icon.clone(), c.accent, false);
    let name = rect.with_min_x(rect.left() + 30.0).with_max_x(rect.right() - 22.0);
    widgets::line(ui, name, &user.name, strong(size::BODY), c.text, false);
    widgets::line(ui, rect, icons::CARET_UP, icon, c.muted, true);
    widgets::named(&response, &format!("{}: {}", view.texts().account, user.name));
    Popup::menu(&response).width(WIDTH).show(|ui| menu(ui, view, &user.profile));
}

fn menu(ui: &mut Ui, view: &mut View<'_>, profile: &str) {
    let texts = view.texts();
    ui.set_min_width(WIDTH);
    if let Some(user) = &view.state.model.user {
        ui.horizontal(|ui| {
            ui.add_space(space::S);
            muted(ui, &user.server);
        });
    }
    let known = &view.state.session.welcome.known;
    let others: Vec<Known> = known.iter().filter(|one| one.profile != profile).cloned().collect();
    let mut chosen = None;
    for other in others {
        if account(ui, &other) {
            chosen = Some(Command::SwitchAccount(Some(other.profile)));
        }
    }
    ui.separator();
    for (icon, text, command) in [
        (icons::USER_PLUS, texts.add_account, Command::SwitchAccount(None)),
        (icons::GEAR, texts.settings, Command::Go(Route::Settings)),
        (icons::LOCK_KEY, texts.lock, Command::Lock),
        (icons::SIGN_OUT, texts.sign_out, Command::SignOut),
    ] {
        let item = ui.button(format!("{icon}  {text}"));
        widgets::named(&item, text);
        if item.clicked() {
            chosen = Some(command);
        }
    }
    if let Some(command) = chosen {
        ui.close();
        view.wish(command);
    }
}

/// Another account of this computer, in two lines.
fn account(ui: &mut Ui, other: &Known) -> bool {
    let c = colours(ui);
    let response = widgets::row(ui, 44.0, false, Sense::click());
    let rect = response.rect.shrink2(vec2(space::S, 4.0));
    widgets::line(ui, rect, icons::USER_CIRCLE, FontId::proportional(20.0), c.accent, false);
    let text = rect.with_min_x(rect.left() + 30.0);
    let (upper, lower) = text.split_top_bottom_at_fraction(0.5);
    widgets::line(ui, upper, &other.user, strong(size::BODY), c.text, false);
    let small = FontId::proportional(size::CAPTION);
    widgets::line(ui, lower, &other.server, small, c.muted, false);
    widgets::named(&response, &format!("{} {}", other.user, other.server));
    response.clicked()
}
