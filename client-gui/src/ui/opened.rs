//! The files that other programs have opened: what is watched, and what became of it.

use super::tokens::{Colours, colours, size, space, strong};
use super::widgets::{bar, button, empty, muted, original, primary, title};
use super::{View, icons};
use crate::command::Command;
use crate::outside::{Ask, Outside};
use crate::state::opened::{Opened, Status};
use crate::text::{Texts, fill};
use coffer_client::human;
use eframe::egui::{self, Align, Color32, Frame, Layout, Margin, RichText, Stroke, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    title(ui, texts.opened);
    if view.state.model.opened.is_empty() {
        return empty(ui, icons::ARROW_SQUARE_OUT, texts.nothing_opened, "");
    }
    muted(ui, texts.opened_lead);
    ui.add_space(space::S);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for opened in view.state.model.opened.clone() {
            card(ui, view, &opened);
        }
    });
}

fn card(ui: &mut Ui, view: &mut View<'_>, opened: &Opened) {
    let (c, texts) = (colours(ui), view.texts());
    let frame = Frame::new()
        .stroke(Stroke::new(1.0, c.hairline))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(14, 10));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                for (ask, text) in asks(&opened.status, texts) {
                    let clicked = match ask {
                        Ask::KeepBoth => primary(ui, true, text).clicked(),
                        _ => button(ui, "", text).clicked(),
                    };
                    if clicked {
                        view.wish(Command::Outside(Outside::Ask(opened.node, ask)));
                    }
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.label(RichText::new(icons::ARROW_SQUARE_OUT).size(20.0).color(c.accent));
                    ui.vertical(|ui| {
                        ui.spacing_mut().item_spacing.y = 2.0;
                        let name = RichText::new(opened.name()).font(strong(size::BODY));
                        ui.add(egui::Label::new(name).truncate());
                        let (words, colour) = words(&opened.status, texts, &c);
                        let words = RichText::new(words).size(size::CAPTION).color(colour);
                        ui.add(egui::Label::new(words).wrap());
                        match &opened.status {
                            Status::Fetching(here, of) => bar(ui, fraction(*here, *of), &c),
                            Status::Failed(problem) => {
                                if !problem.hint.is_empty() {
                                    let hint = RichText::new(&problem.hint).size(size::CAPTION);
                                    ui.add(egui::Label::new(hint).wrap());
                                }
                                ui.push_id(opened.node, |ui| original(ui, problem, texts));
                            }
                            _ => {}
                        }
                    });
                });
            });
        });
    });
}

/// What can be done with a copy; from the right.
fn asks(status: &Status, texts: &'static Texts) -> Vec<(Ask, &'static str)> {
    let fetching = matches!(status, Status::Fetching(..));
    let mut asks = vec![(Ask::Close, if fetching { texts.cancel } else { texts.close })];
    match status {
        Status::Fetching(..) | Status::Saving => {}
        Status::Watched | Status::Saved(_) => asks.push((Ask::Launch, texts.open_again)),
        Status::Conflict => {
            asks.extend([(Ask::Overwrite, texts.overwrite), (Ask::KeepBoth, texts.keep_both)]);
        }
        Status::Failed(_) => {
            asks.extend([(Ask::Retry, texts.retry), (Ask::KeepBoth, texts.save_beside)]);
        }
    }
    asks
}

/// How much of it is here, 0 to 1.
fn fraction(here: u64, of: u64) -> f32 {
    (here as f32 / of.max(1) as f32).min(1.0)
}

fn words(status: &Status, texts: &Texts, c: &Colours) -> (String, Color32) {
    match status {
        Status::Fetching(here, of) => {
            let text = fill(texts.is_fetched, human::size(*here));
            (fill(&text, human::size(*of)), c.muted)
        }
        Status::Watched => (texts.is_watched.to_owned(), c.muted),
        Status::Saving => (texts.is_saving.to_owned(), c.muted),
        Status::Saved(at) => (fill(texts.saved_at, human::time(*at)), c.success),
        Status::Conflict => (format!("{}  {}", icons::WARNING, texts.conflict), c.warning),
        Status::Failed(problem) => (format!("{}  {}", icons::WARNING, problem.message), c.danger),
    }
}
