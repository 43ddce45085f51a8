//! Every command by name, with its keys.

use super::tokens::{colours, size, space};
use super::widgets::{self, line};
use crate::command::{Command, Purpose};
use crate::look::Look;
use crate::outside::Outside;
use crate::state::settings::Theme;
use crate::state::{Route, State};
use coffer_client::RemotePath;
use eframe::egui::{self, FontId, Key, Sense, Ui};

/// A command as it is offered.
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) keys: &'static str,
    pub(super) command: Command,
}

/// All of them, in the order they are offered.
pub(super) fn actions(state: &State) -> Vec<Action> {
    let texts = state.settings.texts();
    let action = |name, keys, command| Action { name, keys, command };
    // What is uploaded from a page that is no directory goes to the user's own.
    let here = || state.session.route.folder().cloned().unwrap_or(RemotePath::Own(Vec::new()));
    vec![
        action(texts.commands, "Ctrl+K", Command::Palette),
        action(texts.open, "Enter", Command::OpenSelected),
        action(texts.new_folder, "Ctrl+Shift+N", Command::AskFolder),
        action(texts.new_text_file, "", Command::AskText),
        action(texts.upload_files, "Ctrl+U", Command::Choose(Purpose::UploadFiles(here()))),
        action(texts.upload_folder, "", Command::Choose(Purpose::UploadFolder(here()))),
        action(texts.upload_copied, "", Command::Choose(Purpose::UploadCopied(here()))),
        action(texts.download, "Ctrl+D", Command::Download(state.settings.download_dir())),
        action(texts.edit, "Ctrl+E", Command::Edit),
        action(texts.rename, "F2", Command::AskRename),
        action(texts.delete, "Del", Command::Delete),
        action(texts.undo, "Ctrl+Z", Command::UndoLast),
        action(texts.copy, "Ctrl+C", Command::Clip(false)),
        action(texts.cut, "Ctrl+X", Command::Clip(true)),
        action(texts.paste, "Ctrl+V", Command::Paste),
        action(texts.select_all, "Ctrl+A", Command::SelectAll),
        action(texts.find_here, "Ctrl+F", Command::Look(Look::AskFind)),
        action(texts.share, "Ctrl+S", Command::AskShare),
        action(texts.details, "Ctrl+I", Command::ToggleDetails),
        action(texts.refresh, "F5", Command::Refresh),
        action(texts.backward, "Alt+Left", Command::Backward),
        action(texts.forward, "Alt+Right", Command::Forward),
        action(texts.up, "Alt+Up", Command::Up),
        action(texts.open_outside, "Ctrl+Enter", Command::Outside(Outside::Open)),
        action(texts.save_as, "Ctrl+Shift+S", Command::Outside(Outside::SaveAs)),
        action(texts.opened, "", Command::Go(Route::Opened)),
        action(texts.quick_look, "Space", Command::Look(Look::Quick)),
        action(texts.as_list, "Ctrl+1", Command::Look(Look::Grid(false))),
        action(texts.as_grid, "Ctrl+2", Command::Look(Look::Grid(true))),
        action(texts.type_a_path, "Ctrl+L", Command::Look(Look::AskPath)),
        action(texts.show_in_folder, "", Command::Look(Look::Reveal)),
        action(texts.my_files, "", Command::Go(Route::home())),
        action(texts.shared_with_me, "", Command::Go(Route::SharedWithMe)),
        action(texts.shared_by_me, "", Command::Go(Route::SharedByMe)),
        action(texts.recent, "", Command::Go(Route::Recent)),
        action(texts.trash, "", Command::Go(Route::Trash)),
        action(texts.activity, "", Command::Go(Route::Activity)),
        action(texts.transfers, "", Command::Go(Route::Transfers)),
        action(texts.server, "", Command::Go(Route::Server)),
        action(texts.settings, "", Command::Go(Route::Settings)),
        action(texts.empty_trash, "", Command::AskEmptyTrash),
        action(texts.pause_all, "", Command::PauseAll),
        action(texts.resume_all, "", Command::ResumeAll),
        action(texts.clear, "", Command::ClearTransfers),
        action(texts.new_group, "", Command::AskGroup),
        action(texts.light_theme, "", Command::SetTheme(Theme::Light)),
        action(texts.dark_theme, "", Command::SetTheme(Theme::Dark)),
        action(texts.system_theme, "", Command::SetTheme(Theme::System)),
        action(texts.lock, "", Command::Lock),
        action(texts.change_password, "", Command::AskPassword),
        action(texts.new_recovery_key, "", Command::AskRecoveryKey),
        action(texts.sign_out_others, "", Command::AskSignOutOthers),
        action(texts.add_account, "", Command::SwitchAccount(None)),
        action(texts.danger, "", Command::AskDeleteAccount),
        action(texts.sign_out, "", Command::SignOut),
    ]
}

pub(super) fn show(
    ui: &mut Ui,
    typed: &mut String,
    at: &mut usize,
    state: &State,
    wishes: &mut Vec<Command>,
) {
    let texts = state.settings.texts();
    let response = widgets::field(ui, texts.commands, typed);
    response.request_focus();
    let wanted = typed.to_lowercase();
    let all = actions(state).into_iter().skip(1);
    let found: Vec<_> = all.filter(|one| one.name.to_lowercase().contains(&wanted)).collect();
    ui.input(|input| {
        if input.key_pressed(Key::ArrowDown) {
            *at += 1;
        }
        if input.key_pressed(Key::ArrowUp) {
            *at = at.saturating_sub(1);
        }
    });
    if response.changed() {
        *at = 0;
    }
    *at = (*at).min(found.len().saturating_sub(1));
    let mut chosen = None;
    egui::ScrollArea::vertical().max_height(340.0).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (index, action) in found.iter().enumerate() {
            if row(ui, action, index == *at) {
                chosen = Some(index);
            }
        }
    });
    if ui.input(|input| input.key_pressed(Key::Enter)) && !found.is_empty() {
        chosen = Some(*at);
    }
    if let Some(index) = chosen {
        wishes.push(Command::Dismiss);
        wishes.push(found[index].command.clone());
    }
}

fn row(ui: &mut Ui, action: &Action, chosen: bool) -> bool {
    let c = colours(ui);
    let response = widgets::row(ui, 32.0, chosen, Sense::click());
    if chosen {
        response.scroll_to_me(None);
    }
    let rect = response.rect.shrink2(egui::vec2(space::S, 0.0));
    line(ui, rect, action.name, FontId::proportional(size::BODY), c.text, false);
    line(ui, rect, action.keys, FontId::monospace(size::CAPTION), c.muted, true);
    widgets::named(&response, action.name);
    response.clicked()
}
