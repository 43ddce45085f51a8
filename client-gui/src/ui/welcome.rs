//! The way in: link, account, recovery key.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, actions, button, field, muted, primary, secret_field, sheet};
use super::{View, icons};
use crate::command::{Command, Purpose};
use crate::print;
use crate::state::{Step, Way, Welcome};
use crate::text::{Texts, fill};
use eframe::egui::{self, Align, Key, Layout, RichText, Ui};
use std::mem::discriminant;

/// Height below which the name of the program is written small.
const LOW: f32 = 700.0;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    egui::ScrollArea::vertical().show(ui, |ui| {
        ui.vertical_centered(|ui| {
            // A low window has room for the form only.
            let low = ui.available_height() < LOW;
            let above = (ui.available_height() * 0.08).clamp(16.0, 72.0);
            ui.add_space(if low { space::M } else { above });
            brand(ui, low);
            ui.add_space(if low { space::S } else { space::L });
            ui.allocate_ui_with_layout(
                egui::vec2(space::CARD.min(ui.available_width()), 0.0),
                Layout::top_down(Align::Min),
                |ui| {
                    sheet(ui, |ui| {
                        ui.set_width(ui.available_width());
                        let welcome = &view.state.session.welcome;
                        let (step, way) = (welcome.step.clone(), welcome.way);
                        // Each form has widgets of its own: one that takes the place of
                        // another must not take the keyboard over from it.
                        ui.push_id((discriminant(&step), discriminant(&way)), |ui| match step {
                            Step::Link => link(ui, view),
                            Step::Account => account(ui, view),
                            Step::Recovery => recovery(ui, view),
                        });
                    });
                    if view.state.session.welcome.step == Step::Link {
                        known(ui, view);
                    }
                },
            );
        });
    });
}

/// A link in a file that is dropped on the window.
fn drop_link(ui: &Ui, view: &mut View<'_>) {
    let dropped =
        ui.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
    view.wishes.extend(dropped.map(Command::DropLink));
}

fn brand(ui: &mut Ui, low: bool) {
    let c = colours(ui);
    if low {
        let text = format!("{}  Coffer", icons::VAULT);
        ui.label(RichText::new(text).font(strong(size::TITLE)).color(c.accent));
        return;
    }
    ui.label(RichText::new(icons::VAULT).size(40.0).color(c.accent));
    ui.label(RichText::new("Coffer").font(strong(size::DISPLAY)));
}

/// Whether Enter was pressed in a field.
fn entered(ui: &Ui, response: &egui::Response) -> bool {
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

fn link(ui: &mut Ui, view: &mut View<'_>) {
    drop_link(ui, view);
    let texts = view.texts();
    widgets::title(ui, texts.connect_title);
    muted(ui, texts.connect_lead);
    ui.add_space(space::S);
    let response = field(ui, texts.link, &mut view.state.session.welcome.link_text);
    widgets::focus_first(ui, &response);
    trouble(ui, view);
    let some = !view.state.session.welcome.link_text.trim().is_empty();
    let busy = view.state.session.welcome.busy;
    let (clicked, here) = actions(ui, |ui| {
        let clicked = primary(ui, some, texts.continue_).clicked();
        let here = button(ui, icons::HARD_DRIVES, texts.try_here).clicked();
        if busy {
            ui.spinner();
        }
        (clicked, here)
    });
    if some && (clicked || entered(ui, &response)) {
        view.wish(Command::UseLink);
    } else if here && !busy {
        view.wish(Command::TryHere);
    }
}

fn known(ui: &mut Ui, view: &mut View<'_>) {
    if view.state.session.welcome.known.is_empty() {
        return;
    }
    ui.add_space(space::L);
    muted(ui, view.texts().known_accounts);
    let c = colours(ui);
    let (mut chosen, mut forgotten) = (None, None);
    for (index, known) in view.state.session.welcome.known.iter().enumerate() {
        let response = widgets::row(ui, 44.0, false, egui::Sense::click());
        let rect = response.rect.shrink2(egui::vec2(space::S, 0.0));
        let icon = egui::FontId::proportional(22.0);
        widgets::line(ui, rect, icons::USER_CIRCLE, icon, c.accent, false);
        let (text, end) =
            rect.with_min_x(rect.left() + 36.0).split_left_right_at_x(rect.right() - 40.0);
        if widgets::icon_at(ui, end, icons::X, view.texts().forget_account) {
            forgotten = Some(index);
        }
        widgets::line(ui, text, &known.user, strong(size::BODY), c.text, false);
        let small = egui::FontId::proportional(size::CAPTION);
        widgets::line(ui, text, &known.server, small, c.muted, true);
        widgets::named(&response, &format!("{} {}", known.user, known.server));
        if response.clicked() {
            chosen = Some(index);
        }
    }
    if let Some(index) = forgotten {
        view.wish(Command::ForgetKnown(index));
    } else if let Some(index) = chosen {
        view.wish(Command::UseKnown(index));
    }
}

fn account(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let welcome = &mut view.state.session.welcome;
    if let Some(link) = &welcome.link {
        let server = format!("{}:{}", link.host, link.port);
        muted(ui, &format!("{}  {}", icons::HARD_DRIVES, fill(texts.server_at, server)));
    }
    if stopped(ui, view) || unknown(ui, view) {
        return;
    }
    let welcome = &mut view.state.session.welcome;
    if welcome.way == Way::Recover {
        widgets::title(ui, texts.forgot_password);
        muted(ui, texts.recover_lead);
    } else {
        ui.horizontal(|ui| {
            ui.selectable_value(&mut welcome.way, Way::SignIn, texts.sign_in);
            ui.selectable_value(&mut welcome.way, Way::SignUp, texts.create_account);
        });
    }
    ui.add_space(space::S);
    let (typed, last) = form(ui, welcome, texts);
    let (busy, way) = (welcome.busy, welcome.way);
    let complete = is_complete(welcome) && !busy;
    if typed {
        view.wish(Command::PasswordTyped);
    }
    trouble(ui, view);
    if busy {
        ui.horizontal_wrapped(|ui| {
            ui.spinner();
            muted(ui, if view.state.model.checking { texts.checking } else { texts.working });
        });
    }
    let text = match way {
        Way::SignIn => texts.sign_in,
        Way::SignUp => texts.create_account,
        Way::Recover => texts.set_password,
    };
    let (clicked, back) = actions(ui, |ui| {
        (primary(ui, complete, text).clicked(), button(ui, "", texts.back).clicked())
    });
    let forgot = way == Way::SignIn && ui.link(texts.forgot_password).clicked();
    if complete && (clicked || entered(ui, &last)) {
        view.wish(Command::Enter);
    } else if forgot {
        view.wish(Command::ForgotPassword(true));
    } else if back && way == Way::Recover {
        view.wish(Command::ForgotPassword(false));
    } else if back {
        view.wish(Command::ForgetLink);
    }
}

fn is_complete(welcome: &Welcome) -> bool {
    let key = welcome.way != Way::Recover || !welcome.present_key.trim().is_empty();
    key && !welcome.user.trim().is_empty() && !welcome.password.is_empty()
}

/// The fields; whether the password was typed in, and the last field.
fn form(ui: &mut Ui, welcome: &mut Welcome, texts: &Texts) -> (bool, egui::Response) {
    let user = field(ui, texts.user_name, &mut welcome.user);
    if welcome.user.is_empty() {
        widgets::focus_first(ui, &user);
    }
    let hidden = !welcome.reveal;
    let mut name = texts.password;
    if welcome.way == Way::Recover {
        let key = secret_field(ui, texts.recovery_key, &mut welcome.present_key, hidden);
        widgets::focus_first(ui, &key);
        name = texts.new_password;
    }
    let password = secret_field(ui, name, &mut welcome.password, hidden);
    widgets::focus_first(ui, &password);
    let mut last = password.clone();
    if welcome.way != Way::SignIn {
        strength(ui, welcome.strength.as_ref(), texts.password_good);
        last = secret_field(ui, texts.password_again, &mut welcome.password_again, hidden);
    }
    if welcome.way == Way::SignUp {
        field(ui, texts.contact_optional, &mut welcome.contact).on_hover_text(texts.contact_why);
    }
    let eye = if hidden { icons::EYE } else { icons::EYE_SLASH };
    let name = if hidden { texts.show_password } else { texts.hide_password };
    if button(ui, eye, name).clicked() {
        welcome.reveal = hidden;
    }
    (password.changed(), last)
}

fn strength(ui: &mut Ui, strength: Option<&Result<(), String>>, good: &str) {
    let c = colours(ui);
    match strength {
        Some(Ok(())) => {
            let text = format!("{}  {good}", icons::CHECK_CIRCLE);
            ui.label(RichText::new(text).color(c.success));
        }
        Some(Err(why)) => {
            ui.label(RichText::new(format!("{}  {why}", icons::WARNING)).color(c.warning));
        }
        None => {}
    }
}

/// A server that is not what it was: nothing can be typed, and there is only the way back.
fn stopped(ui: &mut Ui, view: &mut View<'_>) -> bool {
    /// Codes of a server that must not be given a password.
    const STOPS: [&str; 7] = [
        "wrong-server",
        "server-replaced",
        "epoch-went-back",
        "state-went-back",
        "server-not-proven",
        "account-changed",
        "kdf-refused",
    ];
    let problem = view.state.session.welcome.problem.as_ref();
    if !problem.is_some_and(|problem| STOPS.contains(&problem.code.as_str())) {
        return false;
    }
    widgets::title(ui, view.texts().stopped);
    trouble(ui, view);
    if actions(ui, |ui| button(ui, "", view.texts().back).clicked()) {
        view.wish(Command::ForgetLink);
    }
    true
}

/// A server that nobody has vouched for yet.
fn unknown(ui: &mut Ui, view: &mut View<'_>) -> bool {
    let Some(fingerprint) = view.state.session.welcome.unknown else { return false };
    let texts = view.texts();
    widgets::title(ui, texts.is_it_yours);
    ui.label(texts.unknown_server);
    ui.label(RichText::new(fingerprint.to_string()).monospace());
    let (same, back) = actions(ui, |ui| {
        (primary(ui, true, texts.it_is_the_same).clicked(), button(ui, "", texts.cancel).clicked())
    });
    if same {
        view.wish(Command::Trust);
    } else if back {
        view.wish(Command::ForgetLink);
    }
    true
}

fn recovery(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    widgets::title(ui, texts.recovery_title);
    ui.label(texts.recovery_lead);
    ui.add_space(space::S);
    let key = view.state.session.welcome.recovery_key.clone();
    let groups: Vec<&str> = key.split('-').collect();
    for groups in groups.chunks(7) {
        ui.label(RichText::new(groups.join("-")).monospace().size(size::STRONG));
    }
    ui.add_space(space::S);
    ui.horizontal_wrapped(|ui| {
        if button(ui, icons::COPY, texts.copy).clicked() {
            ui.ctx().copy_text(key.to_string());
        }
        if button(ui, icons::FLOPPY_DISK, texts.save_as_file).clicked() {
            view.wish(Command::Choose(Purpose::RecoveryKey));
        }
        if print::IS_OFFERED && button(ui, icons::PRINTER, texts.print).clicked() {
            view.wish(Command::PrintRecovery);
        }
        if view.state.session.welcome.key_saved {
            muted(ui, texts.saved);
        }
    });
    ui.add_space(space::M);
    let typed = &mut view.state.session.welcome.typed_back;
    let response = field(ui, texts.recovery_check, typed);
    if view.state.session.welcome.typed_wrong {
        ui.label(RichText::new(texts.recovery_wrong).color(colours(ui).warning));
    }
    let some = !view.state.session.welcome.typed_back.trim().is_empty();
    let clicked = actions(ui, |ui| primary(ui, some, texts.continue_).clicked());
    if some && (clicked || entered(ui, &response)) {
        view.wish(Command::RecoveryKept);
    }
}

fn trouble(ui: &mut Ui, view: &View<'_>) {
    if let Some(problem) = &view.state.session.welcome.problem {
        widgets::problem(ui, problem, view.texts());
    }
}
