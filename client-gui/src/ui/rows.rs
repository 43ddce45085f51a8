//! What is the same for the rows of a list and the tiles of a grid: clicks, drags, the menu.

use super::tokens::{Colours, colours};
use super::{View, icons, list, widgets};
use crate::command::{Command, Purpose};
use crate::look::Look;
use crate::outside::Outside;
use crate::state::Row;
use crate::text::fill;
use coffer_client::RemotePath;
use eframe::egui::{self, Response, Stroke, Ui};

/// Attends to something that is shown, also for those who cannot see it.
pub(super) fn attend(
    ui: &Ui,
    view: &mut View<'_>,
    index: usize,
    item: &Row,
    selected: bool,
    response: &Response,
) {
    let (enabled, name) = (true, item.entry.name.clone());
    response.widget_info(move || {
        egui::WidgetInfo::selected(egui::Role::ListBoxOption, enabled, selected, &name)
    });
    clicks(ui, view, index, selected, response);
    drags(ui, view, item, selected, response, &colours(ui));
    response.context_menu(|ui| menu(ui, view, item));
}

fn clicks(ui: &Ui, view: &mut View<'_>, index: usize, selected: bool, response: &Response) {
    let modifiers = ui.input(|input| input.modifiers);
    if response.double_clicked() {
        view.wish(Command::Open(index));
    } else if response.clicked() {
        view.wish(match (modifiers.command, modifiers.shift) {
            (true, _) => Command::Toggle(index),
            (_, true) => Command::Extend(index),
            _ => Command::Select(index),
        });
    } else if response.secondary_clicked() && !selected {
        view.wish(Command::Select(index));
    }
}

/// Dragging rows onto a directory moves them there.
fn drags(
    ui: &Ui,
    view: &mut View<'_>,
    item: &Row,
    selected: bool,
    response: &Response,
    c: &Colours,
) {
    if response.drag_started() {
        let paths = match selected {
            true => view.state.session.selected().into_iter().map(|row| row.path).collect(),
            false => vec![item.path.clone()],
        };
        response.dnd_set_drag_payload::<Vec<RemotePath>>(paths);
    }
    if !item.is_dir() {
        return;
    }
    if response.dnd_hover_payload::<Vec<RemotePath>>().is_some() {
        let stroke = Stroke::new(1.5, c.accent);
        ui.painter().rect_stroke(response.rect, 6.0, stroke, egui::StrokeKind::Inside);
    }
    if let Some(paths) = response.dnd_release_payload::<Vec<RemotePath>>() {
        view.wish(Command::MoveInto(paths.to_vec(), item.path.clone()));
    }
}

/// What is dragged, beside the pointer.
pub(super) fn carried(ui: &Ui, view: &View<'_>) {
    let paths = egui::DragAndDrop::payload::<Vec<RemotePath>>(ui.ctx());
    let (Some(paths), Some(at)) = (paths, ui.ctx().pointer_interact_pos()) else { return };
    let text = match paths.as_slice() {
        [one] => one.last_name().unwrap_or_default().to_owned(),
        several => fill(view.texts().items, several.len()),
    };
    let area = egui::Area::new(egui::Id::unique("carried")).order(egui::Order::Tooltip);
    area.fixed_pos(at + egui::vec2(14.0, 10.0)).interactable(false).show(ui.ctx(), |ui| {
        egui::Frame::popup(ui.style()).show(ui, |ui| ui.label(text));
    });
}

fn menu(ui: &mut Ui, view: &mut View<'_>, item: &Row) {
    let texts = view.texts();
    ui.set_min_width(190.0);
    let elsewhere = list::elsewhere(view);
    let mut choice = |ui: &mut Ui, icon: &str, text: &str, command: Command| {
        let button = ui.button(format!("{icon}  {text}"));
        widgets::named(&button, text);
        if button.clicked() {
            view.wish(command);
            ui.close();
        }
    };
    choice(ui, icons::FOLDER, texts.open, Command::OpenSelected);
    if crate::reduce::is_editable(&item.entry) && !item.is_dir() {
        choice(ui, icons::PENCIL_SIMPLE, texts.edit, Command::Edit);
    }
    if !item.is_dir() {
        let open = Command::Outside(Outside::Open);
        choice(ui, icons::ARROW_SQUARE_OUT, texts.open_outside, open);
    }
    if elsewhere {
        choice(ui, icons::FOLDER_OPEN, texts.show_in_folder, Command::Look(Look::Reveal));
    }
    ui.separator();
    choice(ui, icons::COPY, texts.copy, Command::Clip(false));
    choice(ui, icons::SCISSORS, texts.cut, Command::Clip(true));
    choice(ui, icons::PENCIL_SIMPLE, texts.rename, Command::AskRename);
    if matches!(item.path, RemotePath::Own(_)) {
        choice(ui, icons::SHARE_NETWORK, texts.share, Command::AskShare);
    }
    ui.separator();
    choice(ui, icons::TRASH, texts.delete, Command::Delete);
    let save = Command::Outside(Outside::SaveAs);
    choice(ui, icons::FLOPPY_DISK, texts.save_as, save);
    if ui.button(format!("{}  {}", icons::DOWNLOAD_SIMPLE, texts.download)).clicked() {
        let chosen = view.state.session.selected().into_iter().map(|row| row.path).collect();
        view.wish(Command::Choose(Purpose::Download(chosen)));
        ui.close();
    }
}
