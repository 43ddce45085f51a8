//! What others share with the user, and what the user shares.

use super::tokens::{Colours, colours, size, space, strong};
use super::widgets::{self, button, empty, line, muted, problem, title};
use super::{View, groups, icons};
use crate::command::Command;
use crate::state::Route;
use crate::text::{Texts, fill};
use coffer_client::protocol::message::share::{Mode, Recipient, ShareEntry};
use coffer_client::protocol::message::tree::Kind;
use coffer_client::{RemotePath, human, path_of_share};
use eframe::egui::{self, FontId, RichText, Sense, Ui};

/// What a share allows, and until when, in words.
fn rights(share: &ShareEntry, texts: &Texts) -> String {
    let mode = match share.mode {
        Mode::Read => texts.can_read,
        Mode::Write => texts.can_write,
    };
    match share.expires_millis {
        Some(end) => format!("{mode}, {}", fill(texts.until, human::time(end))),
        None => mode.to_owned(),
    }
}

/// Name of who a share is with.
pub(super) fn recipient_name(with: &Recipient) -> &str {
    match with {
        Recipient::User(name) | Recipient::Group(name) => name,
    }
}

/// One recipient, in a line.
pub(super) fn recipient_line(ui: &mut Ui, share: &ShareEntry, texts: &Texts) {
    let c = colours(ui);
    ui.horizontal(|ui| {
        let icon = match share.with {
            Recipient::User(_) => icons::USER_CIRCLE,
            Recipient::Group(_) => icons::USERS,
        };
        ui.label(RichText::new(icon).size(18.0).color(c.accent));
        ui.label(recipient_name(&share.with));
        ui.label(RichText::new(rights(share, texts)).size(size::CAPTION).color(c.muted));
    });
    if share.key_changed {
        ui.label(RichText::new(texts.key_changed).color(c.warning));
    }
}

/// A row with an icon, a name and a remark; what is at its right comes from the caller.
fn entry(ui: &mut Ui, share: &ShareEntry, name: &str, remark: &str, c: &Colours) -> egui::Response {
    let response = widgets::row(ui, 52.0, false, Sense::click());
    let rect = response.rect.shrink2(egui::vec2(space::S, 6.0));
    let icon = if share.kind == Kind::Directory { icons::FOLDER } else { icons::FILE };
    line(ui, rect, icon, FontId::proportional(22.0), c.accent, false);
    let text = rect.with_min_x(rect.left() + 34.0).with_max_x(rect.right() - 160.0);
    let (upper, lower) = text.split_top_bottom_at_fraction(0.5);
    line(ui, upper, name, strong(size::BODY), c.text, false);
    line(ui, lower, remark, FontId::proportional(size::CAPTION), c.muted, false);
    widgets::named(&response, name);
    response
}

/// A button at the right end of a row.
fn at_right(ui: &mut Ui, row: egui::Rect, icon: &str, text: &str) -> bool {
    let rect = row.shrink2(egui::vec2(space::S, 8.0));
    let builder = egui::UiBuilder::new()
        .max_rect(rect.with_min_x(rect.right() - 200.0))
        .layout(egui::Layout::right_to_left(egui::Align::Center));
    ui.scope_builder(builder, |ui| button(ui, icon, text).clicked()).inner
}

pub(super) fn with_me(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    title(ui, texts.shared_with_me);
    let c = colours(ui);
    if let Some(trouble) = &view.state.model.with_me.problem {
        return problem(ui, trouble, texts);
    }
    let shares = view.state.model.with_me.items.clone();
    if shares.is_empty() {
        let icon = icons::USERS;
        return match view.state.model.with_me.loading {
            true => empty(ui, icon, texts.loading, ""),
            false => empty(ui, icon, texts.no_shares_with_me, ""),
        };
    }
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for share in &shares {
            let name = share.names.first().map_or("", String::as_str);
            let remark = format!("{}  ·  {}", fill(texts.by, &share.owner), rights(share, texts));
            let row = entry(ui, share, name, &remark, &c);
            if share.key_changed {
                ui.label(RichText::new(texts.key_changed).color(c.warning));
            }
            let path = path_of_share(share);
            if at_right(ui, row.rect, "", texts.leave) {
                view.wish(Command::Leave(share.owner.clone(), name.to_owned()));
            } else if let Some(path) = path.filter(|_| row.clicked()) {
                view.wish(match share.kind {
                    Kind::Directory => Command::Go(Route::Folder(path)),
                    Kind::File => Command::Fetch(vec![path], view.state.settings.download_dir()),
                });
            }
        }
    });
}

pub(super) fn by_me(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    title(ui, texts.shared_by_me);
    let c = colours(ui);
    if let Some(trouble) = &view.state.model.by_me.problem {
        return problem(ui, trouble, texts);
    }
    let shares = view.state.model.by_me.items.clone();
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if shares.is_empty() {
            muted(ui, texts.no_shares_by_me);
        }
        for share in &shares {
            let path = RemotePath::Own(share.names.clone());
            let name = share.names.last().map_or("", String::as_str);
            let with = recipient_name(&share.with);
            let remark = format!("{path}  ·  {with}  ·  {}", rights(share, texts));
            let row = entry(ui, share, name, &remark, &c);
            if at_right(ui, row.rect, icons::X, texts.revoke) {
                view.wish(Command::Unshare(path, share.with.clone()));
            } else if row.clicked()
                && let Some(above) = path.parent()
            {
                view.wish(Command::Go(Route::Folder(above)));
            }
        }
        groups::show(ui, view);
    });
}
