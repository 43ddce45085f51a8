//! The versions of a file as a timeline, the newest first.

use super::tokens::{colours, size};
use super::widgets::icon_button;
use super::{View, icons};
use crate::command::Command;
use crate::look::Look;
use crate::state::Row;
use crate::text::fill;
use coffer_client::human;
use coffer_client::protocol::message::tree::Version;
use eframe::egui::{Align, Layout, RichText, Sense, Stroke, Ui, pos2, vec2};

const HEIGHT: f32 = 44.0;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>, row: &Row) {
    let versions = view.state.model.details.versions.clone();
    ui.spacing_mut().item_spacing.y = 0.0;
    for (index, version) in versions.iter().enumerate() {
        ui.horizontal(|ui| {
            ui.set_height(HEIGHT);
            mark(ui, version.current, index == 0, index + 1 == versions.len());
            words(ui, view, version);
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                buttons(ui, view, row, version);
            });
        });
    }
}

/// A dot on the line that joins them.
fn mark(ui: &mut Ui, current: bool, first: bool, last: bool) {
    let c = colours(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(14.0, HEIGHT), Sense::hover());
    let middle = rect.center();
    let line = Stroke::new(1.0, c.hairline);
    if !first {
        ui.painter().line_segment([pos2(middle.x, rect.top()), middle], line);
    }
    if !last {
        ui.painter().line_segment([middle, pos2(middle.x, rect.bottom())], line);
    }
    let fill = if current { c.accent } else { c.surface };
    ui.painter().circle(middle, 4.5, fill, Stroke::new(1.5, c.accent));
}

fn words(ui: &mut Ui, view: &View<'_>, version: &Version) {
    let (c, texts) = (colours(ui), view.texts());
    ui.vertical(|ui| {
        ui.add_space(4.0);
        ui.label(human::time(version.written_millis));
        let by = fill(texts.by, &version.author);
        let mut text = format!("{by}  ·  {}", human::size(version.size));
        if version.current {
            text = format!("{text}  ·  {}", texts.current);
        }
        ui.label(RichText::new(text).size(size::CAPTION).color(c.muted));
    });
}

fn buttons(ui: &mut Ui, view: &mut View<'_>, row: &Row, version: &Version) {
    if version.current {
        return;
    }
    let texts = view.texts();
    if icon_button(ui, true, icons::COPY, texts.restore_beside).clicked() {
        view.wish(Command::Look(Look::Beside(row.path.clone(), version.clone())));
    }
    if icon_button(ui, true, icons::ARROW_COUNTER_CLOCKWISE, texts.restore).clicked() {
        view.wish(Command::RestoreVersion(row.path.clone(), version.revision));
    }
    if icon_button(ui, true, icons::EYE, texts.quick_look).clicked() {
        view.wish(Command::Look(Look::Old(Box::new(row.clone()), version.clone())));
    }
}
