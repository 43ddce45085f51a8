//! Uploads and downloads: how far, how fast, how long, and what failed.

use super::tokens::{Colours, colours, size, space, strong};
use super::widgets::{bar, button, card, empty, title};
use super::{View, icons};
use crate::command::Command;
use crate::state::transfer::Work;
use crate::state::{Outcome, Transfer};
use crate::text::{Texts, fill};
use coffer_client::human;
use eframe::egui::{self, Align, Layout, RichText, Ui};

/// Failures that are named.
const NAMED: usize = 5;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    ui.horizontal(|ui| {
        title(ui, texts.transfers);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let ended = view.state.model.transfers.iter().any(|one| !one.is_running());
            if ended && button(ui, icons::CHECK, texts.clear).clicked() {
                view.wish(Command::ClearTransfers);
            }
        });
    });
    if view.state.model.transfers.is_empty() {
        return empty(ui, icons::ARROWS_DOWN_UP, texts.no_transfers, "");
    }
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for transfer in view.state.model.transfers.clone() {
            card(ui, |ui| {
                ui.set_width(ui.available_width());
                one(ui, view, &transfer);
            });
        }
    });
}

fn one(ui: &mut Ui, view: &mut View<'_>, transfer: &Transfer) {
    let (texts, c) = (view.texts(), colours(ui));
    ui.horizontal(|ui| {
        let icon = match transfer.work {
            Work::Up { .. } => icons::UPLOAD_SIMPLE,
            Work::Down { .. } => icons::DOWNLOAD_SIMPLE,
        };
        ui.label(RichText::new(icon).size(18.0).color(c.accent));
        ui.label(RichText::new(&transfer.title).font(strong(size::BODY)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if transfer.is_running() {
                if button(ui, icons::X, texts.cancel).clicked() {
                    view.wish(Command::CancelTransfer(transfer.id));
                }
            } else if !matches!(transfer.outcome, Some(Outcome::Done { .. }))
                && button(ui, icons::ARROW_CLOCKWISE, texts.retry).clicked()
            {
                view.wish(Command::RetryTransfer(transfer.id));
            }
        });
    });
    if transfer.is_running() {
        bar(ui, transfer.fraction(), &c);
    }
    ui.label(RichText::new(state(transfer, texts)).size(size::CAPTION).color(c.muted));
    if let Some(Outcome::Failed { first, .. }) = &transfer.outcome {
        failures(ui, first, &c);
    }
    ui.add_space(-space::XS);
}

fn failures(ui: &mut Ui, first: &[(String, crate::state::Problem)], c: &Colours) {
    for (name, problem) in first.iter().take(NAMED) {
        let text = format!("{}  {name}  {}", icons::WARNING, problem.message);
        ui.label(RichText::new(text).color(c.danger));
        if !problem.hint.is_empty() {
            ui.label(RichText::new(&problem.hint).size(size::CAPTION).color(c.muted));
        }
    }
}

/// How it stands, in one line.
fn state(transfer: &Transfer, texts: &Texts) -> String {
    let progress = &transfer.progress;
    match &transfer.outcome {
        Some(Outcome::Done { files, machines }) => {
            let files = fill(texts.transfer_files, files);
            match machines {
                Some(machines) if *machines > 1 => {
                    let safe = fill(texts.on_machines, machines);
                    format!("{}  ·  {files}  ·  {safe}", texts.transfer_done)
                }
                _ => format!("{}  ·  {files}", texts.transfer_done),
            }
        }
        Some(Outcome::Failed { failed, .. }) => fill(texts.transfer_failed, failed),
        Some(Outcome::Cancelled) => texts.transfer_cancelled.to_owned(),
        None => {
            let mut parts = vec![
                format!(
                    "{} / {}",
                    human::size(progress.bytes_done),
                    human::size(progress.bytes_known)
                ),
                format!(
                    "{} / {}",
                    progress.files_done,
                    fill(texts.transfer_files, progress.files_known)
                ),
                human::speed(progress.bytes_per_second),
            ];
            if let Some(left) = progress.remaining.filter(|_| progress.known_is_all) {
                parts.push(fill(texts.transfer_left, human::duration(left)));
            }
            parts.join("  ·  ")
        }
    }
}
