//! What was deleted, and can be brought back.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, button, empty, line, problem, title};
use super::{View, icons};
use crate::command::Command;
use coffer_client::human;
use coffer_client::protocol::message::tree::{Kind, TrashEntry};
use eframe::egui::{self, Align, FontId, Layout, Sense, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    ui.horizontal(|ui| {
        title(ui, texts.trash);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let some = !view.state.model.trash.items.is_empty();
            if some && button(ui, icons::TRASH, texts.empty_trash).clicked() {
                view.wish(Command::AskEmptyTrash);
            }
        });
    });
    if let Some(trouble) = &view.state.model.trash.problem {
        return problem(ui, trouble, texts);
    }
    let entries = view.state.model.trash.items.len();
    if entries == 0 {
        return match view.state.model.trash.loading {
            true => empty(ui, icons::TRASH, texts.loading, ""),
            false => empty(ui, icons::TRASH, texts.trash_empty, ""),
        };
    }
    let area = egui::ScrollArea::vertical().auto_shrink(false);
    area.show_rows(ui, 52.0, entries, |ui, range| {
        for index in range {
            if let Some(entry) = view.state.model.trash.items.get(index).cloned() {
                row(ui, view, &entry);
            }
        }
    });
}

fn row(ui: &mut Ui, view: &mut View<'_>, trashed: &TrashEntry) {
    let (texts, c) = (view.texts(), colours(ui));
    let response = widgets::row(ui, 52.0, false, Sense::hover());
    let rect = response.rect.shrink2(egui::vec2(space::S, 6.0));
    let icon = if trashed.entry.kind == Kind::Directory { icons::FOLDER } else { icons::FILE };
    line(ui, rect, icon, FontId::proportional(22.0), c.muted, false);
    let words = rect.with_min_x(rect.left() + 34.0).with_max_x(rect.right() - 260.0);
    let (upper, lower) = words.split_top_bottom_at_fraction(0.5);
    line(ui, upper, &trashed.entry.name, strong(size::BODY), c.text, false);
    let remark = format!(
        "{} /{}  ·  {} {}",
        texts.was_in,
        trashed.above.join("/"),
        texts.deleted_at,
        human::time(trashed.deleted_millis)
    );
    line(ui, lower, &remark, FontId::proportional(size::CAPTION), c.muted, false);
    widgets::named(&response, &trashed.entry.name);
    let builder = egui::UiBuilder::new()
        .max_rect(rect.with_min_x(rect.right() - 320.0))
        .layout(Layout::right_to_left(Align::Center));
    ui.scope_builder(builder, |ui| {
        if button(ui, "", texts.purge).clicked() {
            view.wish(Command::Purge(vec![trashed.entry.node]));
        }
        if button(ui, icons::ARROW_COUNTER_CLOCKWISE, texts.restore).clicked() {
            view.wish(Command::Restore(vec![trashed.entry.node]));
        }
    });
}
