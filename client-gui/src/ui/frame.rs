//! The frame around every page: sidebar, page, details, status.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, named};
use super::{
    View, account, activity, browser, details, icons, opened, recent, server, settings, shares,
    transfers, trash,
};
use crate::command::Command;
use crate::state::Route;
use crate::state::model::Reached;
use crate::text::{counted, fill};
use coffer_client::human;
use eframe::egui::{self, Align, Frame, Layout, Margin, RichText, Sense, Stroke, Ui};

/// Height of what stands above a list: path, tools and the names of its columns.
const BELOW_TOOLS: f32 = 120.0;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let c = colours(ui);
    let side = Frame::new().fill(c.background).inner_margin(Margin::symmetric(10, 12));
    let status = Frame::new().fill(c.background).inner_margin(Margin::symmetric(16, 6));
    egui::Panel::bottom("status").exact_size(34.0).frame(status).show(ui, |ui| {
        status_bar(ui, view);
    });
    egui::Panel::left("sidebar")
        .exact_size(space::SIDEBAR)
        .resizable(false)
        .frame(side)
        .show(ui, |ui| sidebar(ui, view));
    let wide = ui.available_width() > 760.0;
    let shown = view.state.settings.details && view.state.session.route.has_list();
    if shown && wide {
        let frame = Frame::new().fill(c.surface).inner_margin(Margin::same(16));
        egui::Panel::right("details")
            .exact_size(space::DETAILS)
            .resizable(false)
            .frame(frame)
            .show(ui, |ui| details::show(ui, view));
    }
    let page = Frame::new().fill(c.surface).inner_margin(Margin::symmetric(20, 14));
    egui::CentralPanel::default().frame(page).show(ui, |ui| {
        banner(ui, view);
        match view.state.session.route.clone() {
            Route::Welcome => {}
            Route::Folder(path) => browser::show(ui, view, &path),
            Route::Recent => recent::show(ui, view),
            Route::SharedWithMe => shares::with_me(ui, view),
            Route::SharedByMe => shares::by_me(ui, view),
            Route::Trash => trash::show(ui, view),
            Route::Activity => activity::show(ui, view),
            Route::Transfers => transfers::show(ui, view),
            Route::Opened => opened::show(ui, view),
            Route::Server => server::show(ui, view),
            Route::Settings => settings::show(ui, view),
        }
        // Only for what is selected: otherwise the list would be hidden for nothing.
        if shown && !wide && !view.state.session.selection.is_empty() {
            overlay(ui, view);
        }
    });
}

/// The details where there is no room for them beside the list: over its right part.
fn overlay(ui: &Ui, view: &mut View<'_>) {
    let c = colours(ui);
    let room = ui.max_rect();
    let width = space::DETAILS.min(room.width() * 0.6);
    let place = room.with_min_x(room.right() - width).with_min_y(room.top() + BELOW_TOOLS);
    let frame = Frame::new()
        .fill(c.raised)
        .stroke(Stroke::new(1.0, c.hairline))
        .shadow(ui.visuals().popup_shadow)
        .corner_radius(8)
        .inner_margin(Margin::same(16));
    egui::Area::new(egui::Id::unique("details-overlay")).fixed_pos(place.min).show(
        ui.ctx(),
        |ui| {
            frame.show(ui, |ui| {
                ui.set_width(place.width() - 34.0);
                ui.set_height(place.height() - 34.0);
                details::show(ui, view);
            });
        },
    );
}

fn sidebar(ui: &mut Ui, view: &mut View<'_>) {
    let c = colours(ui);
    let texts = view.texts();
    ui.horizontal(|ui| {
        ui.add_space(space::S);
        ui.label(RichText::new(icons::VAULT).size(22.0).color(c.accent));
        ui.label(RichText::new("Coffer").font(strong(size::STRONG)));
    });
    ui.add_space(space::M);
    ui.spacing_mut().item_spacing.y = 2.0;
    let with_me = view.state.model.with_me.items.len();
    let running = view.state.model.transfers.iter().filter(|one| one.is_running()).count();
    let opened = view.state.model.opened.len();
    let in_share =
        matches!(view.state.session.route.folder(), Some(coffer_client::RemotePath::Shared(_)));
    for (route, icon, text, number) in [
        (Route::home(), icons::HOUSE, texts.my_files, 0),
        (Route::SharedWithMe, icons::USERS, texts.shared_with_me, with_me),
        (Route::SharedByMe, icons::SHARE_NETWORK, texts.shared_by_me, 0),
        (Route::Recent, icons::CLOCK_COUNTER_CLOCKWISE, texts.recent, 0),
        (Route::Trash, icons::TRASH, texts.trash, 0),
        (Route::Activity, icons::PULSE, texts.activity, 0),
        (Route::Transfers, icons::ARROWS_DOWN_UP, texts.transfers, running),
        (Route::Opened, icons::ARROW_SQUARE_OUT, texts.opened, opened),
        (Route::Server, icons::HARD_DRIVES, texts.server, 0),
        (Route::Settings, icons::GEAR, texts.settings, 0),
    ] {
        let here = &view.state.session.route;
        if route == Route::Opened && opened == 0 && *here != route {
            continue;
        }
        let active = match &route {
            Route::Folder(_) => here.folder().is_some() && !in_share,
            Route::SharedWithMe => *here == route || in_share,
            route => here == route,
        };
        if item(ui, icon, text, number, active) {
            view.wish(Command::Go(route));
        }
    }
    ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        account::show(ui, view);
    });
}

fn item(ui: &mut Ui, icon: &str, text: &str, number: usize, active: bool) -> bool {
    let c = colours(ui);
    let response = widgets::row(ui, 34.0, active, Sense::click());
    let rect = response.rect.shrink2(egui::vec2(space::S, 0.0));
    let colour = if active { c.accent } else { c.muted };
    widgets::line(ui, rect, icon, egui::FontId::proportional(18.0), colour, false);
    let words = rect.with_min_x(rect.left() + 30.0);
    let font = if active { strong(size::BODY) } else { egui::FontId::proportional(size::BODY) };
    widgets::line(ui, words, text, font, c.text, false);
    if number > 0 {
        let small = egui::FontId::proportional(size::CAPTION);
        widgets::line(ui, words, &number.to_string(), small, c.muted, true);
    }
    named(&response, text);
    response.clicked()
}

/// Says that something is not as usual, in words.
fn banner(ui: &mut Ui, view: &View<'_>) {
    let c = colours(ui);
    let texts = view.texts();
    let text = match &view.state.model.reached {
        Reached::Primary => return,
        Reached::Standby(machine) => fill(texts.read_only, machine),
        Reached::Nobody => texts.unreachable.to_owned(),
    };
    let frame =
        Frame::new().fill(c.warning_back).corner_radius(6).inner_margin(Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(format!("{}  {text}", icons::WIFI_SLASH)).color(c.warning));
    });
    ui.add_space(space::S);
}

fn status_bar(ui: &mut Ui, view: &mut View<'_>) {
    let c = colours(ui);
    let texts = view.texts();
    let small = |text: String, colour| RichText::new(text).size(size::CAPTION).color(colour);
    ui.painter().hline(
        ui.max_rect().expand(16.0).x_range(),
        ui.max_rect().top() - 6.0,
        Stroke::new(1.0, c.hairline),
    );
    ui.horizontal_centered(|ui| {
        let model = &view.state.model;
        let server = model.user.as_ref().map_or("", |user| user.server.as_str());
        let (icon, words, colour) = match &model.reached {
            Reached::Primary => (icons::CHECK_CIRCLE, texts.connected, c.success),
            Reached::Standby(_) => (icons::WARNING, texts.standby, c.warning),
            Reached::Nobody => (icons::WIFI_SLASH, texts.silent, c.danger),
        };
        ui.label(small(format!("{icon}  {words}"), colour));
        ui.label(small(server.to_owned(), c.muted));
        if let Some(account) = &model.account {
            let mirrored = match account.machines {
                0 | 1 => texts.not_mirrored.to_owned(),
                machines => match model.lags.back() {
                    Some(lag) => {
                        let behind = fill(texts.behind, format!("{lag:.0} s"));
                        format!("{}, {behind}", texts.mirrored)
                    }
                    None => format!("{}, {}", texts.mirrored, fill(texts.on_machines, machines)),
                },
            };
            ui.label(small(format!("·  {mirrored}"), c.muted));
            let used = fill(texts.storage_used, human::size(account.bytes));
            ui.label(small(format!("·  {used}"), c.muted));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| running(ui, view));
    });
}

/// What is being transferred, and how fast; leads to the page with all of it.
fn running(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let running: Vec<_> =
        view.state.model.transfers.iter().filter(|one| one.is_running()).collect();
    if running.is_empty() {
        return;
    }
    let speed: f64 = running.iter().map(|one| one.progress.bytes_per_second).sum();
    let left = running.iter().filter_map(|one| one.progress.remaining).max();
    let count = counted(running.len(), texts.one_transfer, texts.some_transfers);
    let mut text = format!("{count}  ·  {}", human::speed(speed));
    if let Some(left) = left {
        text = format!("{text}  ·  {}", fill(texts.transfer_left, human::duration(left)));
    }
    let link = egui::Link::new(RichText::new(text).size(size::CAPTION));
    if ui.add(link).clicked() {
        view.wish(Command::Go(Route::Transfers));
    }
}
