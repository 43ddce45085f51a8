//! The dialog about who has access to one thing.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, actions, button, muted, primary, problem};
use super::{icons, shares};
use crate::command::Command;
use crate::state::dialog::Sharing;
use crate::text::{Texts, fill};
use coffer_client::protocol::message::share::{ContactInfo, Mode};
use eframe::egui::{self, RichText, Ui};

/// Suggestions that are shown.
const MAX_SUGGESTED: usize = 6;

/// `people`: whom the typed name may mean.
pub(super) fn show(
    ui: &mut Ui,
    sharing: &mut Sharing,
    people: &[String],
    texts: &Texts,
    wishes: &mut Vec<Command>,
) {
    let name = sharing.path.last_name().unwrap_or("/");
    widgets::title(ui, &fill(texts.share_title, name));
    let response = widgets::field(ui, texts.share_with, &mut sharing.with);
    widgets::focus_first(ui, &response);
    suggestions(ui, &mut sharing.with, people);
    ui.horizontal(|ui| {
        ui.selectable_value(&mut sharing.mode, Mode::Read, texts.can_read);
        ui.selectable_value(&mut sharing.mode, Mode::Write, texts.can_write);
        ui.separator();
        ui.selectable_value(&mut sharing.days, None, texts.never_ends);
        ui.selectable_value(&mut sharing.days, Some(7), texts.for_a_week);
        ui.selectable_value(&mut sharing.days, Some(30), texts.for_a_month);
    });
    if let Some(trouble) = &sharing.problem {
        problem(ui, trouble, texts);
    }
    for contact in &sharing.contacts {
        safety(ui, contact, texts, wishes);
    }
    ui.add_space(space::S);
    ui.label(RichText::new(texts.who_has_access).font(strong(size::BODY)));
    if sharing.shares.is_empty() && !sharing.busy {
        muted(ui, texts.only_you);
    }
    egui::ScrollArea::vertical().max_height(220.0).show(ui, |ui| {
        for share in &sharing.shares {
            ui.horizontal(|ui| {
                ui.vertical(|ui| shares::recipient_line(ui, share, texts));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    if button(ui, icons::X, texts.revoke).clicked() {
                        wishes.push(Command::Unshare(sharing.path.clone(), share.with.clone()));
                    }
                });
            });
        }
    });
    let some = !sharing.with.trim().is_empty() && !sharing.busy;
    let enter = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let (share, close) = actions(ui, |ui| {
        let share = primary(ui, some, texts.share.trim_end_matches(['…', ' '])).clicked();
        let close = button(ui, "", texts.close).clicked();
        if sharing.busy {
            ui.spinner();
        }
        (share, close)
    });
    if some && (share || enter) {
        wishes.push(Command::Share);
    } else if close {
        wishes.push(Command::Dismiss);
    }
}

fn suggestions(ui: &mut Ui, typed: &mut String, people: &[String]) {
    let others: Vec<_> = people.iter().filter(|name| *name != typed.trim()).collect();
    if others.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for name in others.into_iter().take(MAX_SUGGESTED) {
            if ui.small_button(name).clicked() {
                typed.clone_from(name);
            }
        }
    });
}

/// People who have come into a group, and nobody has compared numbers with.
pub(super) fn contacts(
    ui: &mut Ui,
    contacts: &[ContactInfo],
    texts: &Texts,
    wishes: &mut Vec<Command>,
) {
    widgets::title(ui, texts.new_people);
    egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        for contact in contacts {
            safety(ui, contact, texts, wishes);
        }
    });
    if actions(ui, |ui| button(ui, "", texts.close).clicked()) {
        wishes.push(Command::Dismiss);
    }
}

/// Somebody new: the number that both sides compare.
fn safety(ui: &mut Ui, contact: &ContactInfo, texts: &Texts, wishes: &mut Vec<Command>) {
    let c = colours(ui);
    ui.add_space(space::S);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(icons::SHIELD_CHECK).size(18.0).color(c.accent));
        ui.label(fill(texts.safety_number, &contact.user_name));
    });
    ui.label(RichText::new(&contact.safety_number).monospace().size(size::CAPTION));
    if button(ui, icons::CHECK, texts.it_is_the_same).clicked() {
        let (user, number) = (contact.user_name.clone(), contact.safety_number.clone());
        wishes.push(Command::ConfirmContact(user, number));
    }
}
