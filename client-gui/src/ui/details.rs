//! What belongs to the one selected thing.

use super::tokens::{colours, size, space, strong};
use super::widgets::{button, muted, problem};
use super::{View, icons, list};
use crate::command::Command;
use crate::state::Row;
use crate::state::preview::{Picture, Preview};
use crate::text::fill;
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
        versions(ui, view, row);
    });
}

fn preview(ui: &mut Ui, view: &View<'_>) {
    match &view.state.model.details.preview {
        None => {}
        Some(Preview::Loading) => {
            ui.spinner();
        }
        Some(Preview::Text(text)) => {
            let frame = egui::Frame::new()
                .fill(colours(ui).background)
                .corner_radius(6)
                .inner_margin(egui::Margin::same(10));
            frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                let short: String = text.lines().take(16).collect::<Vec<_>>().join("\n");
                ui.label(RichText::new(short).monospace().size(size::CAPTION));
            });
        }
        Some(Preview::Picture(picture)) => show_picture(ui, view, picture),
        Some(Preview::None) => {
            muted(ui, view.texts().no_preview);
        }
        Some(Preview::Failed(trouble)) => problem(ui, trouble),
    }
}

/// The picture is handed to the graphics card once.
fn show_picture(ui: &mut Ui, view: &View<'_>, picture: &Picture) {
    type Kept = (Option<(coffer_client::protocol::NodeId, u64)>, egui::TextureHandle);
    let of = view.state.model.details.of;
    let id = egui::Id::unique("preview-texture");
    let kept: Option<Kept> = ui.data(|data| data.get_temp(id));
    let texture = match kept {
        Some((same, texture)) if same == of => texture,
        _ => {
            let image = egui::ColorImage::from_rgba_unmultiplied(
                [picture.width, picture.height],
                &picture.rgba,
            );
            let texture = ui.ctx().load_texture("preview", image, egui::TextureOptions::LINEAR);
            ui.data_mut(|data| data.insert_temp::<Kept>(id, (of, texture.clone())));
            texture
        }
    };
    let image = egui::Image::new(&texture).max_width(ui.available_width()).max_height(240.0);
    ui.add(image.corner_radius(6));
}

fn fact(ui: &mut Ui, name: &str, value: &str) {
    muted(ui, name);
    ui.label(value);
    ui.end_row();
}

fn facts(ui: &mut Ui, view: &View<'_>, row: &Row) {
    let texts = view.texts();
    egui::Grid::new("facts").num_columns(2).spacing([space::M, 6.0]).show(ui, |ui| {
        fact(ui, texts.kind, if row.is_dir() { texts.folder } else { texts.file });
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

fn versions(ui: &mut Ui, view: &mut View<'_>, row: &Row) {
    if row.is_dir() {
        return;
    }
    let texts = view.texts();
    heading(ui, texts.versions);
    let c = colours(ui);
    for version in view.state.model.details.versions.clone() {
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.label(human::time(version.written_millis));
                let by = fill(texts.by, &version.author);
                let text = format!("{by}  ·  {}", human::size(version.size));
                ui.label(RichText::new(text).size(size::CAPTION).color(c.muted));
            });
            let right = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(right, |ui| match version.current {
                true => {
                    ui.label(RichText::new(texts.current).size(size::CAPTION).color(c.success));
                }
                false => {
                    if button(ui, icons::ARROW_COUNTER_CLOCKWISE, texts.restore).clicked() {
                        view.wish(Command::RestoreVersion(row.path.clone(), version.revision));
                    }
                }
            });
        });
    }
}
