//! A bigger look at a file, in front of the page; the arrow keys go to the next.

use super::tokens::{colours, size, space, strong};
use super::widgets::{button, icon_button};
use super::{icons, list, preview};
use crate::command::Command;
use crate::look::Look;
use crate::outside::Outside;
use crate::state::preview::{Preview, Quick};
use crate::text::{Texts, fill};
use coffer_client::human;
use eframe::egui::{self, Align, Frame, Key, Layout, Margin, Modifiers, RichText, Ui, vec2};

/// Lines of a text are this high.
const LINE: f32 = 18.0;

pub(super) fn show(ui: &mut Ui, quick: &Quick, texts: &'static Texts, wishes: &mut Vec<Command>) {
    keys(ui, quick, wishes);
    head(ui, quick, texts, wishes);
    ui.add_space(space::S);
    let screen = ui.ctx().content_rect().height();
    let room = vec2(ui.available_width(), (screen - 190.0).max(260.0));
    ui.set_min_height(room.y);
    match &quick.preview {
        Preview::Text(lines) => {
            let frame = Frame::new()
                .fill(colours(ui).background)
                .corner_radius(6)
                .inner_margin(Margin::same(12));
            frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = 0.0;
                let area = egui::ScrollArea::both()
                    .id_salt(quick.of())
                    .auto_shrink(false)
                    .min_scrolled_height(room.y - 24.0)
                    .max_height(room.y - 24.0);
                area.show_rows(ui, LINE, lines.len(), |ui, range| {
                    for line in lines.get(range).unwrap_or_default() {
                        ui.horizontal(|ui| {
                            ui.set_height(LINE);
                            preview::line(ui, line, 13.0);
                        });
                    }
                });
            });
        }
        Preview::Picture(picture) => {
            ui.vertical_centered(|ui| preview::picture(ui, "quick", quick.of(), picture, room));
        }
        Preview::Page(page) => {
            ui.vertical_centered(|ui| preview::page(ui, "quick", quick.of(), page, room, texts));
        }
        shown => {
            ui.vertical_centered(|ui| {
                ui.add_space(space::L);
                let (icon, tint) = list::icon(&quick.row, &colours(ui));
                ui.label(RichText::new(icon).size(72.0).color(tint));
                ui.add_space(space::S);
            });
            match shown {
                Preview::Media(_) | Preview::Failed(_) => preview::other(ui, shown, texts),
                Preview::Unshown(why) => {
                    let is_today = quick.version.is_none();
                    let asked =
                        ui.vertical_centered(|ui| preview::unshown(ui, *why, is_today, texts));
                    if asked.inner {
                        wishes.extend([Command::Dismiss, Command::Outside(Outside::Open)]);
                    }
                }
                _ if quick.row.is_dir() => {}
                _ => {
                    ui.vertical_centered(|ui| preview::other(ui, shown, texts));
                }
            }
            ui.add_space(space::L);
        }
    }
}

fn head(ui: &mut Ui, quick: &Quick, texts: &'static Texts, wishes: &mut Vec<Command>) {
    let c = colours(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, true, icons::X, texts.close).clicked() {
                wishes.push(Command::Dismiss);
            }
            if let Some(old) = &quick.version {
                let path = quick.row.path.clone();
                if button(ui, icons::COPY, texts.restore_beside).clicked() {
                    wishes.push(Command::Look(Look::Beside(path.clone(), old.clone())));
                    wishes.push(Command::Dismiss);
                }
                if button(ui, icons::ARROW_COUNTER_CLOCKWISE, texts.restore).clicked() {
                    wishes.extend([Command::RestoreVersion(path, old.revision), Command::Dismiss]);
                }
            } else {
                for (icon, name, by) in
                    [(icons::CARET_RIGHT, texts.next, 1), (icons::CARET_LEFT, texts.previous, -1)]
                {
                    if icon_button(ui, true, icon, name).clicked() {
                        wishes.push(Command::Look(Look::StepQuick(by)));
                    }
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let entry = &quick.row.entry;
                let (text, bytes) = match &quick.version {
                    Some(old) => {
                        (fill(texts.old_version, human::time(old.written_millis)), old.size)
                    }
                    None => (human::time(entry.modified_millis), entry.size),
                };
                let text = match quick.row.is_dir() {
                    true => text,
                    false => format!("{}  ·  {text}", human::size(bytes)),
                };
                let text = RichText::new(text).size(size::CAPTION).color(c.muted);
                let name = RichText::new(&entry.name).font(strong(size::STRONG));
                ui.add(egui::Label::new(name).truncate());
                ui.label(text);
            });
        });
    });
}

fn keys(ui: &Ui, quick: &Quick, wishes: &mut Vec<Command>) {
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::Space) {
        wishes.push(Command::Dismiss);
    }
    for (key, by) in
        [(Key::ArrowDown, 1), (Key::ArrowRight, 1), (Key::ArrowUp, -1), (Key::ArrowLeft, -1)]
    {
        if pressed(key) && quick.version.is_none() {
            wishes.push(Command::Look(Look::StepQuick(by)));
        }
    }
    if pressed(Key::Enter) && quick.version.is_none() {
        wishes.extend([Command::Dismiss, Command::OpenSelected]);
    }
}
