//! The user's groups, and who is in them.

use super::tokens::{size, space, strong};
use super::widgets::{button, card, icon_button, muted};
use super::{View, icons};
use crate::command::Command;
use crate::text::fill;
use coffer_client::protocol::message::share::{GroupEdit, GroupInfo};
use eframe::egui::{Align, Layout, RichText, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        ui.label(RichText::new(texts.groups).font(strong(size::STRONG)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button(ui, icons::PLUS, texts.new_group).clicked() {
                view.wish(Command::AskGroup);
            }
        });
    });
    if view.state.model.groups.is_empty() {
        muted(ui, texts.no_groups);
    }
    for group in view.state.model.groups.clone() {
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            one(ui, view, &group);
        });
    }
}

fn one(ui: &mut Ui, view: &mut View<'_>, group: &GroupInfo) {
    let texts = view.texts();
    let name = || group.name.clone();
    ui.horizontal(|ui| {
        ui.label(RichText::new(icons::USERS).size(18.0));
        ui.label(RichText::new(&group.name).font(strong(size::BODY)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (icon, what, command) in [
                (
                    icons::TRASH,
                    fill(texts.delete_group, &group.name),
                    Command::AskDeleteGroup(name()),
                ),
                (icons::PENCIL_SIMPLE, texts.rename.to_owned(), Command::AskRenameGroup(name())),
                (
                    icons::USER_PLUS,
                    fill(texts.add_to_group, &group.name),
                    Command::AskMember(name()),
                ),
            ] {
                if icon_button(ui, true, icon, &what).clicked() {
                    view.wish(command);
                }
            }
        });
    });
    if group.members.is_empty() {
        muted(ui, texts.no_members);
    }
    ui.horizontal_wrapped(|ui| {
        for member in &group.members {
            ui.label(member);
            if icon_button(ui, true, icons::X, &fill(texts.remove_member, member)).clicked() {
                let edit = GroupEdit::Remove(vec![member.clone()]);
                view.wish(Command::EditGroup(name(), edit));
            }
        }
    });
}
