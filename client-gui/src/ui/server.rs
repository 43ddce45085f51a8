//! The machines of the installation, and how they are.

use super::plot::plot;
use super::tokens::{colours, size, space, strong};
use super::widgets::{button, card, muted, title};
use super::{View, icons};
use crate::command::Command;
use crate::text::fill;
use coffer_client::human;
use coffer_client::protocol::message::cluster::ServerRole;
use eframe::egui::{self, Align, Layout, RichText, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    ui.horizontal(|ui| {
        title(ui, texts.server);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button(ui, icons::ARROW_CLOCKWISE, texts.refresh).clicked() {
                view.wish(Command::Refresh);
            }
        });
    });
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(texts.machines).font(strong(size::STRONG)));
            machines(ui, view);
        });
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(texts.account).font(strong(size::STRONG)));
            account(ui, view);
        });
        if !view.state.model.lags.is_empty() {
            card(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.label(RichText::new(texts.lag).font(strong(size::STRONG)));
                lags(ui, view);
            });
        }
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(texts.response_time).font(strong(size::STRONG)));
            latencies(ui, view);
        });
    });
}

fn machines(ui: &mut Ui, view: &View<'_>) {
    let (texts, c) = (view.texts(), colours(ui));
    for machine in &view.state.model.machines {
        let role = match machine.role {
            ServerRole::Primary => texts.primary,
            ServerRole::Standby => texts.standby,
            ServerRole::Keyless => texts.keyless,
            ServerRole::Fenced => texts.fenced,
        };
        ui.horizontal(|ui| {
            let (icon, colour, says) = match &machine.answer {
                Ok(micros) => {
                    let took = format!("{:.1} ms", *micros as f64 / 1e3);
                    (icons::CHECK_CIRCLE, c.success, fill(texts.answers, took))
                }
                Err(_) => (icons::WARNING, c.danger, texts.silent.to_owned()),
            };
            ui.label(RichText::new(icon).size(18.0).color(colour));
            ui.label(&machine.address);
            muted(ui, role);
            ui.label(RichText::new(says).color(colour));
            if let Some(seconds) = machine.behind {
                muted(ui, &fill(texts.behind, format!("{seconds:.1} s")));
            }
        });
        if let Err(why) = &machine.answer {
            ui.label(RichText::new(why).size(size::CAPTION).color(c.muted));
        }
    }
    if view.state.model.epoch > 0 {
        muted(ui, &format!("{} {}", texts.epoch, view.state.model.epoch));
    }
}

fn account(ui: &mut Ui, view: &View<'_>) {
    let texts = view.texts();
    let Some(account) = &view.state.model.account else {
        ui.spinner();
        return;
    };
    egui::Grid::new("account").num_columns(2).spacing([space::L, 6.0]).show(ui, |ui| {
        let mirrored = match account.machines {
            0 | 1 => texts.on_this_server.to_owned(),
            machines => fill(texts.on_machines, machines),
        };
        for (name, value) in [
            (texts.user_name, account.user_name.clone()),
            (texts.size, human::size(account.bytes)),
            (texts.entries, account.nodes.to_string()),
            (texts.safe, mirrored),
        ] {
            muted(ui, name);
            ui.label(value);
            ui.end_row();
        }
    });
}

/// How far the standby was behind.
fn lags(ui: &mut Ui, view: &View<'_>) {
    let points = &view.state.model.lags;
    let most = points.iter().copied().fold(0.0_f64, f64::max);
    let newest = points.back().copied().unwrap_or(0.0);
    plot(ui, points, 60.0, &format!("{newest:.1} s  (max {most:.1} s)"));
}

/// How long the last answers of the server took.
fn latencies(ui: &mut Ui, view: &View<'_>) {
    let points = &view.state.model.latencies;
    let most = points.iter().copied().fold(0.0_f64, f64::max);
    let newest = points.back().copied().unwrap_or(0.0);
    plot(ui, points, 90.0, &format!("{newest:.1} ms  (max {most:.1} ms)"));
}
