//! The text editor: saves versions, and settles it when somebody else was faster.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, actions, button, primary};
use super::{icons, preview};
use crate::command::Command;
use crate::state::dialog::Editor;
use crate::text::Texts;
use eframe::egui::{self, Frame, Margin, RichText, Ui};

pub(super) fn show(ui: &mut Ui, editor: &mut Editor, texts: &Texts, wishes: &mut Vec<Command>) {
    let c = colours(ui);
    let changed = editor.text != editor.original;
    ui.horizontal(|ui| {
        ui.label(RichText::new(icons::FILE_TEXT).size(20.0).color(c.accent));
        let name = editor.path.last_name().unwrap_or_default();
        ui.label(RichText::new(name).font(strong(size::STRONG)));
        if changed {
            ui.label(RichText::new(texts.unsaved).size(size::CAPTION).color(c.warning));
        }
        if editor.saving {
            ui.spinner();
        }
    });
    if editor.conflict {
        conflict(ui, texts, wishes);
    }
    let height = (ui.ctx().content_rect().height() - 260.0).max(200.0);
    egui::ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, |ui| {
        let name = editor.path.last_name().unwrap_or_default().to_owned();
        let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
            let mut job = preview::coloured(ui, text.as_str(), &name);
            job.wrap.max_width = width;
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let edit = egui::TextEdit::multiline(&mut editor.text)
            .code_editor()
            .layouter(&mut layouter)
            .desired_width(f32::INFINITY)
            .desired_rows(20);
        let response = ui.add(edit);
        widgets::labelled(ui, &response, &name);
    });
    let key = egui::KeyboardShortcut::new(egui::Modifiers::COMMAND, egui::Key::S);
    let saves = ui.input_mut(|input| input.consume_shortcut(&key));
    let (save, close) = actions(ui, |ui| {
        let save = primary(ui, changed && !editor.saving, texts.save).clicked();
        let text = if changed { texts.discard } else { texts.close };
        (save, button(ui, "", text).clicked())
    });
    if changed && !editor.saving && (save || saves) {
        wishes.push(Command::SaveText);
    } else if close {
        wishes.push(Command::Dismiss);
    }
}

fn conflict(ui: &mut Ui, texts: &Texts, wishes: &mut Vec<Command>) {
    let c = colours(ui);
    let frame = Frame::new().fill(c.warning_back).corner_radius(6).inner_margin(Margin::same(12));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let text = format!("{}  {}", icons::WARNING, texts.conflict);
        ui.label(RichText::new(text).color(c.warning));
        ui.horizontal(|ui| {
            if primary(ui, true, texts.keep_both).clicked() {
                wishes.push(Command::KeepBoth);
            }
            if button(ui, "", texts.overwrite).clicked() {
                wishes.push(Command::OverwriteText);
            }
        });
    });
    ui.add_space(space::S);
}
