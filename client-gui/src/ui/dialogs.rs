//! What stands in front of a page.

use super::tokens::{colours, space};
use super::widgets::{actions, button, checkbox, field, focus_first, primary, secret_field, title};
use super::{View, editor, palette, quick, share};
use crate::command::Command;
use crate::state::Dialog;
use crate::state::dialog::PasswordForm;
use crate::text::{Texts, fill};
use eframe::egui::{self, Frame, Id, Key, Margin, Modal, Response, RichText, Ui};

/// Width of a dialog with a single field, of one with a list, and of the editor.
const NARROW: f32 = 380.0;
const MIDDLE: f32 = 520.0;
const WIDE: f32 = 820.0;

fn width(dialog: &Dialog) -> f32 {
    match dialog {
        Dialog::Editor(_) | Dialog::Quick(_) => WIDE,
        Dialog::Share(_) | Dialog::Contacts(_) | Dialog::Palette(..) => MIDDLE,
        _ => NARROW,
    }
}

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let Some(mut dialog) = view.state.session.dialog.take() else { return };
    let texts = view.texts();
    let room = ui.ctx().content_rect().width() - 48.0;
    let width = width(&dialog);
    let mut wishes = Vec::new();
    // Each kind has a size of its own to be remembered.
    let id = Id::unique(("dialog", std::mem::discriminant(&dialog)));
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(20));
    let modal = Modal::new(id).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width.min(room));
        match &mut dialog {
            Dialog::NewFolder(name) => {
                ask(ui, texts.new_folder, texts.name, name, texts.create, texts, &mut wishes);
            }
            Dialog::NewText(name) => {
                ask(ui, texts.new_text_file, texts.name, name, texts.create, texts, &mut wishes);
            }
            Dialog::Rename(_, name) | Dialog::RenameGroup(_, name) => {
                ask(ui, texts.rename, texts.name, name, texts.rename, texts, &mut wishes);
            }
            Dialog::Share(sharing) => {
                let people = view.state.model.people(&sharing.with);
                share::show(ui, sharing, &people, texts, &mut wishes);
            }
            Dialog::Quick(quick) => quick::show(ui, quick, texts, &mut wishes),
            Dialog::Editor(editor) => editor::show(ui, editor, texts, &mut wishes),
            Dialog::EmptyTrash => {
                title(ui, texts.empty_trash.trim_end_matches(['…', ' ']));
                ui.label(texts.empty_trash_sure);
                sure(ui, texts.purge, texts, &mut wishes);
            }
            Dialog::Palette(typed, at) => palette::show(ui, typed, at, view.state, &mut wishes),
            Dialog::Password(form) => password(ui, form, texts, &mut wishes),
            Dialog::RecoveryKey(password) => {
                title(ui, texts.new_recovery_key.trim_end_matches(['…', ' ']));
                ui.label(texts.new_recovery_key_lead);
                let field = secret_field(ui, texts.password, password, true);
                focus_first(ui, &field);
                let filled = !password.is_empty();
                confirm(ui, &field, filled, texts.create, texts, &mut wishes);
            }
            Dialog::DeleteAccount(password) => {
                title(ui, texts.danger);
                ui.label(texts.danger_lead);
                let field = secret_field(ui, texts.password, password, true);
                focus_first(ui, &field);
                if !password.is_empty() {
                    sure(ui, texts.danger, texts, &mut wishes);
                }
            }
            Dialog::NewGroup(name) => {
                ask(ui, texts.new_group, texts.name, name, texts.create, texts, &mut wishes);
            }
            Dialog::AddMember(group, names) => {
                let heading = fill(texts.add_to_group, group);
                ask(ui, &heading, texts.user_names, names, texts.add, texts, &mut wishes);
            }
            Dialog::DeleteGroup(group) => {
                title(ui, &fill(texts.delete_group, group));
                ui.label(texts.delete_group_lead);
                sure(ui, texts.delete, texts, &mut wishes);
            }
            Dialog::Contacts(contacts) => share::contacts(ui, contacts, texts, &mut wishes),
        }
    });
    let unsaved = matches!(&dialog, Dialog::Editor(editor) if editor.text != editor.original);
    if modal.should_close() && !unsaved {
        wishes.push(Command::Dismiss);
    }
    view.state.session.dialog = Some(dialog);
    view.wishes.extend(wishes);
}

/// Another password, perhaps to sign all other devices out.
fn password(ui: &mut Ui, form: &mut PasswordForm, texts: &Texts, wishes: &mut Vec<Command>) {
    let heading = if form.others { texts.sign_out_others } else { texts.change_password };
    title(ui, heading.trim_end_matches(['…', ' ']));
    if form.others {
        ui.label(texts.sign_out_others_lead);
    }
    let present = secret_field(ui, texts.present_password, &mut form.present, true);
    focus_first(ui, &present);
    let new = secret_field(ui, texts.new_password, &mut form.new, true);
    checkbox(ui, &mut form.recovery, texts.new_recovery_too);
    let filled = !form.present.is_empty() && !form.new.is_empty();
    confirm(ui, &new, filled, texts.change_password, texts, wishes);
}

/// A dialog with one field.
fn ask(
    ui: &mut Ui,
    heading: &str,
    label: &str,
    text: &mut String,
    verb: &str,
    texts: &Texts,
    wishes: &mut Vec<Command>,
) {
    title(ui, heading);
    let response = field(ui, label, text);
    focus_first(ui, &response);
    if response.gained_focus() {
        select_stem(ui, &response, text);
    }
    confirm(ui, &response, !text.trim().is_empty(), verb, texts, wishes);
}

/// Selects the name without its extension, which is what people want to change.
fn select_stem(ui: &Ui, response: &Response, text: &str) {
    use egui::text::{CCursor, CCursorRange};
    let stem = text.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    let end = stem.map_or(text.chars().count(), |(stem, _)| stem.chars().count());
    let mut state = egui::TextEdit::load_state(ui.ctx(), response.id).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::two(CCursor::new(0), CCursor::new(end))));
    egui::TextEdit::store_state(ui.ctx(), response.id, state);
}

/// The buttons below a form; Enter in its `last` field does the same when it is `filled`.
fn confirm(
    ui: &mut Ui,
    last: &Response,
    filled: bool,
    verb: &str,
    texts: &Texts,
    wishes: &mut Vec<Command>,
) {
    let enter = last.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let (yes, no) = actions(ui, |ui| {
        (primary(ui, filled, verb).clicked(), button(ui, "", texts.cancel).clicked())
    });
    if yes || enter && filled {
        wishes.push(Command::Confirm);
    } else if no {
        wishes.push(Command::Dismiss);
    }
}

/// For what cannot be taken back.
fn sure(ui: &mut Ui, verb: &str, texts: &Texts, wishes: &mut Vec<Command>) {
    ui.add_space(space::S);
    let danger = RichText::new(verb).color(colours(ui).danger);
    let (yes, no) =
        actions(ui, |ui| (ui.button(danger).clicked(), button(ui, "", texts.cancel).clicked()));
    if yes {
        wishes.push(Command::Confirm);
    } else if no {
        wishes.push(Command::Dismiss);
    }
}
