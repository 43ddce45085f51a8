//! What can be chosen.

use super::tokens::{colours, size, space, strong};
use super::widgets::{button, card, checkbox, muted, title};
use super::{View, icons, palette};
use crate::command::{Command, Purpose};
use crate::state::settings::Theme;
use crate::text::{Language, fill};
use coffer_client::human;
use eframe::egui::{self, RichText, Ui};
use std::num::NonZeroU64;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    title(ui, view.texts().settings);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        section(ui, view.texts().appearance, |ui| {
            appearance(ui, view);
            messages(ui, view);
            keep_in_tray(ui, view);
        });
        section(ui, view.texts().transfers, |ui| {
            downloads(ui, view);
            limits(ui, view);
        });
        section(ui, view.texts().security, |ui| security(ui, view));
        section(ui, view.texts().account, |ui| account(ui, view));
        section(ui, view.texts().shortcuts, |ui| shortcuts(ui, view));
        section(ui, view.texts().about, |ui| {
            ui.label(format!("Coffer {}", env!("CARGO_PKG_VERSION")));
            muted(ui, "MIT OR Apache-2.0 · Inter (OFL) · Phosphor Icons (MIT)");
        });
    });
}

fn section(ui: &mut Ui, heading: &str, add: impl FnOnce(&mut Ui)) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(heading).font(strong(size::STRONG)));
        ui.add_space(space::XS);
        add(ui);
    });
}

fn appearance(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    egui::Grid::new("appearance").num_columns(2).spacing([space::L, space::S]).show(ui, |ui| {
        muted(ui, texts.theme);
        ui.horizontal(|ui| {
            for (theme, name) in [
                (Theme::System, texts.theme_system),
                (Theme::Light, texts.theme_light),
                (Theme::Dark, texts.theme_dark),
            ] {
                if ui.selectable_label(view.state.settings.theme == theme, name).clicked() {
                    view.wish(Command::SetTheme(theme));
                }
            }
        });
        ui.end_row();
        muted(ui, texts.language);
        ui.horizontal(|ui| {
            for language in Language::ALL {
                let chosen = view.state.settings.language == language;
                if ui.selectable_label(chosen, language.name()).clicked() {
                    view.wish(Command::SetLanguage(language));
                }
            }
        });
        ui.end_row();
        muted(ui, texts.rows);
        ui.horizontal(|ui| {
            for (compact, name) in [(false, texts.rows_normal), (true, texts.rows_compact)] {
                if ui.selectable_label(view.state.settings.compact == compact, name).clicked() {
                    view.wish(Command::SetCompact(compact));
                }
            }
        });
        ui.end_row();
    });
}

fn messages(ui: &mut Ui, view: &mut View<'_>) {
    let mut shown = !view.state.settings.quiet;
    if checkbox(ui, &mut shown, view.texts().desktop_messages).changed() {
        view.wish(Command::SetQuiet(!shown));
    }
}

/// Offered where there is a tray; and where it was chosen before, to be taken back.
fn keep_in_tray(ui: &mut Ui, view: &mut View<'_>) {
    let mut kept = view.state.settings.keep_in_tray;
    if (kept || view.state.session.window.tray)
        && checkbox(ui, &mut kept, view.texts().keep_in_tray).changed()
    {
        view.wish(Command::SetKeepInTray(kept));
    }
}

fn downloads(ui: &mut Ui, view: &mut View<'_>) {
    ui.horizontal_wrapped(|ui| {
        muted(ui, view.texts().downloads);
        let dir = view.state.settings.download_dir().display().to_string();
        ui.add(egui::Label::new(dir).truncate());
        if button(ui, icons::FOLDER, view.texts().choose).clicked() {
            view.wish(Command::Choose(Purpose::Downloads));
        }
    });
}

/// Limits that are offered, in MiB a second.
const LIMITS: [u64; 4] = [1, 5, 20, 100];

fn limits(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let settings = &view.state.settings;
    let rows = [
        (true, texts.upload_limit, settings.upload_limit),
        (false, texts.download_limit, settings.download_limit),
    ];
    for (up, name, chosen) in rows {
        ui.horizontal_wrapped(|ui| {
            muted(ui, name);
            let offered = LIMITS.map(|mib| NonZeroU64::new(mib << 20));
            // One that was written into the file by hand is shown as well.
            let other = Some(chosen).filter(|chosen| !offered.contains(chosen));
            for limit in [None].into_iter().chain(offered).chain(other.filter(Option::is_some)) {
                let text = match limit {
                    Some(bytes) => human::speed(bytes.get() as f64),
                    None => texts.no_limit.to_owned(),
                };
                if ui.selectable_label(chosen == limit, text).clicked() {
                    view.wish(Command::SetLimit(up, limit));
                }
            }
        });
    }
}

fn account(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    if let Some(user) = &view.state.model.user {
        muted(ui, &format!("{}  ·  {}", user.name, user.server));
    }
    ui.horizontal_wrapped(|ui| {
        for (icon, text, command) in [
            (icons::LOCK_KEY, texts.change_password, Command::AskPassword),
            (icons::KEY, texts.new_recovery_key, Command::AskRecoveryKey),
            (icons::DEVICES, texts.sign_out_others, Command::AskSignOutOthers),
            (icons::SIGN_OUT, texts.sign_out, Command::SignOut),
        ] {
            if button(ui, icon, text).clicked() {
                view.wish(command);
            }
        }
    });
    ui.add_space(space::S);
    let danger = RichText::new(texts.danger).color(colours(ui).danger);
    if ui.button(danger).on_hover_text(texts.danger_lead).clicked() {
        view.wish(Command::AskDeleteAccount);
    }
}

fn security(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let minutes = |minutes: u16| fill(texts.after_minutes, minutes);
    ui.horizontal_wrapped(|ui| {
        muted(ui, texts.lock_after);
        let chosen = view.state.settings.lock_after;
        for (after, name) in [
            (None, texts.never.to_owned()),
            (Some(5), minutes(5)),
            (Some(15), minutes(15)),
            (Some(60), minutes(60)),
        ] {
            if ui.selectable_label(chosen == after, name).clicked() {
                view.wish(Command::SetLockAfter(after));
            }
        }
    });
    if button(ui, icons::LOCK_KEY, texts.lock).clicked() {
        view.wish(Command::Lock);
    }
    muted(ui, texts.lock_covers);
}

fn shortcuts(ui: &mut Ui, view: &View<'_>) {
    egui::Grid::new("shortcuts").num_columns(2).spacing([space::L, 6.0]).show(ui, |ui| {
        for action in palette::actions(view.state) {
            if !action.keys.is_empty() {
                ui.label(RichText::new(action.keys).monospace().size(size::CAPTION));
                ui.label(action.name);
                ui.end_row();
            }
        }
    });
}
