//! What belongs to the one selected thing.

use super::tokens::{colours, size, space, strong};
use super::widgets::muted;
use super::{View, list, preview, versions};
use crate::command::Command;
use crate::kind;
use crate::outside::Outside;
use crate::state::Row;
use crate::state::preview::Preview;
use coffer_client::human;
use eframe::egui::{self, RichText, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let selected = view.state.session.selected();
    let [row] = selected.as_slice() else {
        ui.add_space(space::L);
        ui.vertical_centered(|ui| muted(ui, view.texts().pick_one));
        return;
    };
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let c = colours(ui);
        let (icon, tint) = list::icon(row, &c);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(icon).size(24.0).color(tint));
            ui.label(RichText::new(&row.entry.name).font(strong(size::STRONG)));
        });
        ui.add_space(space::S);
        preview(ui, view);
        ui.add_space(space::S);
        facts(ui, view, row);
        access(ui, view);
        if !row.is_dir() {
            heading(ui, view.texts().versions);
            versions::show(ui, view, row);
        }
    });
}

/// Lines of a text that are shown.
const LINES: usize = 16;

fn preview(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let details = &view.state.model.details;
    match (&details.preview, details.of) {
        (Some(Preview::Text(lines)), _) => {
            let frame = egui::Frame::new()
                .fill(colours(ui).background)
                .corner_radius(6)
                .inner_margin(egui::Margin::same(10));
            frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = 2.0;
                for line in lines.iter().take(LINES) {
                    preview::line(ui, line, size::CAPTION);
                }
            });
        }
        (Some(Preview::Picture(picture)), Some(of)) => {
            let room = egui::vec2(ui.available_width(), 240.0);
            preview::picture(ui, "details", of, picture, room);
        }
        (Some(Preview::Page(page)), Some(of)) => {
            let room = egui::vec2(ui.available_width(), 240.0);
            preview::page(ui, "details", of, page, room, texts);
        }
        (Some(Preview::Unshown(why)), _) => {
            if preview::unshown(ui, *why, true, texts) {
                view.wish(Command::Outside(Outside::Open));
            }
        }
        (Some(shown), _) => preview::other(ui, shown, texts),
        (None, _) => {}
    }
}

fn fact(ui: &mut Ui, name: &str, value: &str) {
    muted(ui, name);
    ui.label(value);
    ui.end_row();
}

fn facts(ui: &mut Ui, view: &View<'_>, row: &Row) {
    let texts = view.texts();
    egui::Grid::new("facts").num_columns(2).spacing([space::M, 6.0]).show(ui, |ui| {
        let kind = match row.is_dir() {
            true => texts.folder,
            false => preview::kind(kind::of(&row.entry.name), texts),
        };
        fact(ui, texts.kind, kind);
        if !row.is_dir() {
            fact(ui, texts.size, &human::size(row.entry.size));
        }
        fact(ui, texts.modified, &human::time(row.entry.modified_millis));
        fact(ui, texts.created, &human::time(row.entry.created_millis));
        fact(ui, texts.safe, &list::safe_mark(row, texts).1);
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(space::M);
    ui.label(RichText::new(text).font(strong(size::BODY)));
}

fn access(ui: &mut Ui, view: &View<'_>) {
    let texts = view.texts();
    heading(ui, texts.who_has_access);
    let shares = &view.state.model.details.shares;
    if shares.is_empty() {
        muted(ui, texts.only_you);
    }
    for share in shares {
        super::shares::recipient_line(ui, share, texts);
    }
}
