//! The field for a path, with the folders that it can go on with.

use super::tokens::{colours, size, space};
use super::widgets::{self, line};
use super::{View, icons};
use crate::command::Command;
use crate::look::Look;
use crate::state::address::Address;
use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::{self, Area, FontId, Frame, Id, Key, Margin, Modifiers, Order, RichText, Ui};

fn field_id() -> Id {
    Id::unique("address")
}

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let Some(mut address) = view.state.session.address.take() else { return };
    let fresh = std::mem::take(&mut address.fresh);
    let mut wishes = keys(ui, &address);
    let edit = egui::TextEdit::singleline(&mut address.text)
        .id(field_id())
        .lock_focus(true)
        .margin(Margin::symmetric(10, 7))
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    widgets::labelled(ui, &response, texts.type_a_path);
    if fresh {
        response.request_focus();
        select_all(ui, &address.text);
    }
    if response.changed() {
        wishes.push(Look::PathTyped);
    }
    let taken = offers(ui, &address, &response);
    wishes.extend(taken.0.map(|index| Look::TakeOffer(Some(index))));
    let (enter, escape) =
        ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
    if response.lost_focus() && enter {
        response.request_focus();
        wishes.push(match address.marked {
            Some(_) => Look::TakeOffer(None),
            None => Look::GoToPath,
        });
    } else if response.lost_focus() && (escape || !taken.1) {
        wishes.push(Look::LeavePath);
    }
    if wishes.iter().any(|wish| matches!(wish, Look::TakeOffer(_))) {
        response.request_focus();
        to_the_end(ui);
    }
    view.state.session.address = Some(address);
    view.wishes.extend(wishes.into_iter().map(Command::Look));
}

/// What went wrong with the path, below the field.
pub(super) fn trouble(ui: &mut Ui, view: &View<'_>) {
    let problem = view.state.session.address.as_ref().and_then(|one| one.problem.as_ref());
    let Some(problem) = problem else { return };
    let c = colours(ui);
    let mut text = format!("{}  {}", icons::WARNING, problem.message);
    if !problem.hint.is_empty() {
        text = format!("{text}: {}", problem.hint);
    }
    ui.label(RichText::new(text).size(size::CAPTION).color(c.danger));
}

/// Keys that mean something else here than in other fields.
fn keys(ui: &Ui, address: &Address) -> Vec<Look> {
    if !ui.memory(|memory| memory.has_focus(field_id())) {
        return Vec::new();
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let mut wishes = Vec::new();
    if pressed(Key::ArrowDown) {
        wishes.push(Look::StepOffer(1));
    }
    if pressed(Key::ArrowUp) {
        wishes.push(Look::StepOffer(-1));
    }
    if pressed(Key::Tab) && !address.offers().is_empty() {
        wishes.push(Look::TakeOffer(None));
    }
    wishes
}

/// The folders that are offered: which was chosen, and whether the pointer is on them.
fn offers(ui: &Ui, address: &Address, field: &egui::Response) -> (Option<usize>, bool) {
    let offers = address.offers();
    if offers.is_empty() || !field.has_focus() && !field.lost_focus() {
        return (None, false);
    }
    let c = colours(ui);
    let area = Area::new(Id::unique("address-offers"))
        .order(Order::Foreground)
        .fixed_pos(field.rect.left_bottom() + egui::vec2(0.0, 4.0));
    let shown = area.show(ui.ctx(), |ui| {
        let frame = Frame::popup(ui.style()).inner_margin(Margin::same(4));
        let list = frame.show(ui, |ui| {
            ui.set_width(field.rect.width().min(360.0));
            ui.spacing_mut().item_spacing.y = 0.0;
            let mut chosen = None;
            for (index, name) in offers.iter().enumerate() {
                let marked = address.marked == Some(index);
                let row = widgets::row(ui, 30.0, marked, egui::Sense::click());
                let rect = row.rect.shrink2(egui::vec2(space::S, 0.0));
                line(ui, rect, icons::FOLDER, FontId::proportional(16.0), c.accent, false);
                let words = rect.with_min_x(rect.left() + 24.0);
                line(ui, words, name, FontId::proportional(size::BODY), c.text, false);
                widgets::named(&row, name);
                if row.clicked() {
                    chosen = Some(index);
                }
            }
            chosen
        });
        list.inner
    });
    (shown.inner, shown.response.contains_pointer())
}

fn select_all(ui: &Ui, text: &str) {
    let mut state = egui::TextEdit::load_state(ui.ctx(), field_id()).unwrap_or_default();
    let end = CCursor::new(text.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::two(CCursor::new(0), end)));
    egui::TextEdit::store_state(ui.ctx(), field_id(), state);
}

/// The cursor goes behind what is put into the field.
fn to_the_end(ui: &Ui) {
    let mut state = egui::TextEdit::load_state(ui.ctx(), field_id()).unwrap_or_default();
    let end = CCursor::new(usize::MAX >> 1);
    state.cursor.set_char_range(Some(CCursorRange::one(end)));
    egui::TextEdit::store_state(ui.ctx(), field_id(), state);
}
