//! Short messages at the edge of the window.

use super::tokens::{colours, size};
use super::widgets::{button, icon_button, original};
use super::{View, icons};
use crate::command::Command;
use crate::text::Texts;
use eframe::egui::{self, Align2, Area, Frame, Id, Margin, Order, RichText, Stroke, Ui, vec2};

const WIDTH: f32 = 380.0;
/// What the first line is lower than the top of the buttons, to be in line with theirs.
const FIRST_LINE: f32 = 5.0;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let (texts, c) = (view.texts(), colours(ui));
    if view.state.session.toasts.is_empty() {
        return;
    }
    let area = Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -46.0));
    area.show(ui.ctx(), |ui| {
        for (index, toast) in view.state.session.toasts.clone().into_iter().enumerate() {
            let frame = Frame::new()
                .fill(c.raised)
                .stroke(Stroke::new(1.0, c.hairline))
                .shadow(ui.visuals().popup_shadow)
                .corner_radius(8)
                .inner_margin(Margin::symmetric(14, 10));
            frame.show(ui, |ui| {
                ui.set_width(WIDTH);
                ui.horizontal_top(|ui| {
                    let (icon, colour) = match toast.problem {
                        Some(_) => (icons::WARNING, c.danger),
                        None => (icons::CHECK_CIRCLE, c.success),
                    };
                    ui.vertical(|ui| {
                        ui.add_space(FIRST_LINE);
                        ui.label(RichText::new(icon).size(18.0).color(colour));
                    });
                    let room =
                        ui.available_width() - if toast.undo.is_some() { 130.0 } else { 40.0 };
                    ui.allocate_ui(vec2(room, 0.0), |ui| {
                        ui.set_width(room);
                        ui.vertical(|ui| {
                            ui.add_space(FIRST_LINE);
                            ui.push_id(index, |ui| words(ui, &toast, texts));
                        });
                    });
                    if let Some(undo) = toast.undo
                        && button(ui, "", texts.undo).clicked()
                    {
                        view.wish(Command::Undo(undo));
                    }
                    if icon_button(ui, true, icons::X, texts.close).clicked() {
                        view.wish(Command::CloseToast(index));
                    }
                });
            });
        }
    });
}

fn words(ui: &mut Ui, toast: &crate::state::Toast, texts: &Texts) {
    let c = colours(ui);
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.add(egui::Label::new(&toast.text).wrap());
    if let Some(problem) = &toast.problem {
        if !problem.hint.is_empty() {
            let hint = RichText::new(&problem.hint).size(size::CAPTION).color(c.muted);
            ui.add(egui::Label::new(hint).wrap());
        }
        ui.label(RichText::new(&problem.code).size(size::CAPTION).color(c.muted));
        original(ui, problem, texts);
    }
}
