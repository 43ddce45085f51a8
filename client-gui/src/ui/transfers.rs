//! Uploads and downloads: how far, how fast, how long, and what failed.

use super::plot::plot;
use super::tokens::{Colours, colours, size, space, strong};
use super::widgets::{bar, button, card, empty, original, title};
use super::{View, icons};
use crate::command::Command;
use crate::state::transfer::{Phase, Work};
use crate::state::{Outcome, Problem, Transfer};
use crate::text::{Texts, fill};
use coffer_client::human;
use eframe::egui::{self, Align, Layout, RichText, Ui};

/// Failures that are named.
const NAMED: usize = 5;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    ui.horizontal(|ui| {
        title(ui, view.texts().transfers);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| for_all(ui, view));
    });
    let texts = view.texts();
    if view.state.model.transfers.is_empty() {
        return empty(ui, icons::ARROWS_DOWN_UP, texts.no_transfers, "");
    }
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if !view.state.model.speeds.is_empty() {
            card(ui, |ui| throughput(ui, view));
        }
        for transfer in view.state.model.transfers.clone() {
            card(ui, |ui| {
                ui.set_width(ui.available_width());
                one(ui, view, &transfer);
            });
        }
    });
}

/// What can be done with all of them.
fn for_all(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let transfers = &view.state.model.transfers;
    let ended = transfers.iter().any(|one| one.outcome().is_some());
    let going = transfers.iter().any(|one| matches!(one.phase, Phase::Running | Phase::Waiting));
    let resting = transfers.iter().any(|one| one.phase == Phase::Paused);
    for (shown, icon, text, command) in [
        (ended, icons::CHECK, texts.clear, Command::ClearTransfers),
        (going, icons::PAUSE, texts.pause_all, Command::PauseAll),
        (resting, icons::PLAY, texts.resume_all, Command::ResumeAll),
    ] {
        if shown && button(ui, icon, text).clicked() {
            view.wish(command);
        }
    }
}

/// Speed of all transfers together over the last minutes.
fn throughput(ui: &mut Ui, view: &View<'_>) {
    let speeds = &view.state.model.speeds;
    let most = speeds.iter().copied().fold(0.0_f64, f64::max);
    let newest = speeds.back().copied().unwrap_or(0.0);
    let text = format!("{}  (max {})", human::speed(newest), human::speed(most));
    plot(ui, speeds, 60.0, &text);
}

fn one(ui: &mut Ui, view: &mut View<'_>, transfer: &Transfer) {
    let c = colours(ui);
    ui.horizontal(|ui| {
        let icon = match transfer.work {
            Work::Up { .. } => icons::UPLOAD_SIMPLE,
            Work::Down { .. } => icons::DOWNLOAD_SIMPLE,
        };
        ui.label(RichText::new(icon).size(18.0).color(c.accent));
        ui.label(RichText::new(&transfer.title).font(strong(size::BODY)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| choices(ui, view, transfer));
    });
    let shown = matches!(transfer.phase, Phase::Running | Phase::Pausing);
    if shown || transfer.phase == Phase::Paused && transfer.progress.bytes_known > 0 {
        bar(ui, transfer.fraction(), &c);
    }
    let text = state(transfer, view.texts());
    ui.label(RichText::new(text).size(size::CAPTION).color(c.muted));
    if transfer.is_running() && !transfer.progress.current.is_empty() {
        let current = RichText::new(&transfer.progress.current).size(size::CAPTION).color(c.muted);
        ui.add(egui::Label::new(current).truncate());
    }
    if let Some(Outcome::Failed { first, .. }) = transfer.outcome() {
        failures(ui, first, view.texts(), &c);
    }
    ui.add_space(-space::XS);
}

/// What can be done with one.
fn choices(ui: &mut Ui, view: &mut View<'_>, transfer: &Transfer) {
    let (texts, id) = (view.texts(), transfer.id);
    let retry = (icons::ARROW_CLOCKWISE, texts.retry, Command::RetryTransfer(id));
    let cancel = (icons::X, texts.cancel, Command::CancelTransfer(id));
    let pause = (icons::PAUSE, texts.pause, Command::PauseTransfer(id));
    let resume = (icons::PLAY, texts.resume, Command::ResumeTransfer(id));
    let choices = match &transfer.phase {
        Phase::Over(Outcome::Done { .. }) => vec![],
        Phase::Over(_) => vec![retry],
        Phase::Running | Phase::Waiting => vec![cancel, pause],
        Phase::Pausing => vec![cancel],
        Phase::Paused => vec![cancel, resume],
    };
    for (icon, text, command) in choices {
        if button(ui, icon, text).clicked() {
            view.wish(command);
        }
    }
}

fn failures(ui: &mut Ui, first: &[(String, Problem)], texts: &Texts, c: &Colours) {
    for (index, (name, problem)) in first.iter().take(NAMED).enumerate() {
        let text = format!("{}  {}", icons::WARNING, problem.of(name));
        ui.label(RichText::new(text).color(c.danger));
        if !problem.hint.is_empty() {
            ui.label(RichText::new(&problem.hint).size(size::CAPTION).color(c.muted));
        }
        ui.push_id(index, |ui| original(ui, problem, texts));
    }
}

/// How it stands, in one line.
fn state(transfer: &Transfer, texts: &Texts) -> String {
    match &transfer.phase {
        Phase::Over(Outcome::Done { files, machines }) => {
            let files = files_text(*files, texts);
            match machines {
                Some(machines) if *machines > 1 => {
                    let safe = fill(texts.on_machines, machines);
                    format!("{}  ·  {files}  ·  {safe}", texts.transfer_done)
                }
                _ => format!("{}  ·  {files}", texts.transfer_done),
            }
        }
        Phase::Over(Outcome::Failed { failed, .. }) => fill(texts.transfer_failed, failed),
        Phase::Over(Outcome::Cancelled) => texts.transfer_cancelled.to_owned(),
        Phase::Waiting => texts.transfer_waiting.to_owned(),
        Phase::Pausing | Phase::Paused if transfer.progress.bytes_known == 0 => {
            texts.paused.to_owned()
        }
        Phase::Pausing | Phase::Paused => {
            format!("{}  ·  {}", texts.paused, amounts(transfer, texts))
        }
        Phase::Running => {
            let progress = &transfer.progress;
            let mut text = format!(
                "{}  ·  {}",
                amounts(transfer, texts),
                human::speed(progress.bytes_per_second)
            );
            if let Some(left) = progress.remaining.filter(|_| progress.known_is_all) {
                text = format!("{text}  ·  {}", fill(texts.transfer_left, human::duration(left)));
            }
            text
        }
    }
}

/// How much of how much.
fn amounts(transfer: &Transfer, texts: &Texts) -> String {
    let progress = &transfer.progress;
    let bytes =
        format!("{} / {}", human::size(progress.bytes_done), human::size(progress.bytes_known));
    let files = files_text(progress.files_known, texts);
    format!("{bytes}  ·  {} / {files}", progress.files_done)
}

fn files_text(count: u64, texts: &Texts) -> String {
    match count {
        1 => texts.transfer_file.to_owned(),
        count => fill(texts.transfer_files, count),
    }
}
