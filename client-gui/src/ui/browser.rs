//! A directory: where one is, what can be done, and the list.

use super::tokens::{colours, size, space, strong};
use super::widgets::{self, button, icon_button, muted, primary};
use super::{View, address, filters, grid, icons, list, rows};
use crate::command::{Command, Purpose};
use crate::look::Look;
use crate::reduce::is_editable;
use crate::state::folder::Column;
use crate::state::{Route, Row};
use crate::text::{counted, fill};
use coffer_client::{RemotePath, human};
use eframe::egui::{self, Align, CornerRadius, Layout, RichText, Sense, Stroke, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>, path: &RemotePath) {
    ui.horizontal(|ui| {
        history(ui, view, path);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            search(ui, view);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                match view.state.session.address.is_some() {
                    true => address::show(ui, view),
                    false => crumbs(ui, view, path),
                }
            });
        });
    });
    address::trouble(ui, view);
    ui.add_space(space::XS);
    ui.horizontal(|ui| match view.state.session.selection.is_empty() {
        true => tools(ui, view, path),
        false => selection(ui, view),
    });
    ui.add_space(space::XS);
    if view.state.session.folder.damaged > 0 {
        let text = fill(view.texts().damaged, view.state.session.folder.damaged);
        ui.label(RichText::new(format!("{}  {text}", icons::WARNING)).color(colours(ui).warning));
    }
    filters::show(ui, view);
    list::show(ui, view);
    rows::carried(ui, view);
    drop_target(ui, view, path);
}

fn history(ui: &mut Ui, view: &mut View<'_>, path: &RemotePath) {
    let texts = view.texts();
    let session = &view.state.session;
    let (before, after) = (!session.before.is_empty(), !session.after.is_empty());
    ui.spacing_mut().item_spacing.x = 0.0;
    if icon_button(ui, before, icons::CARET_LEFT, texts.backward).clicked() {
        view.wish(Command::Backward);
    }
    if icon_button(ui, after, icons::CARET_RIGHT, texts.forward).clicked() {
        view.wish(Command::Forward);
    }
    if icon_button(ui, path.parent().is_some(), icons::ARROW_UP, texts.up).clicked() {
        view.wish(Command::Up);
    }
    ui.spacing_mut().item_spacing.x = space::S;
}

/// The way from the top to here; each step leads there.
fn crumbs(ui: &mut Ui, view: &mut View<'_>, path: &RemotePath) {
    let c = colours(ui);
    let mut steps = vec![path.clone()];
    while let Some(above) = steps.last().and_then(RemotePath::parent) {
        steps.push(above);
    }
    steps.reverse();
    ui.spacing_mut().item_spacing.x = 2.0;
    // What does not fit is left out in the middle.
    let skip = steps.len().saturating_sub(4);
    for (index, step) in steps.iter().enumerate() {
        if index > 0 && index <= skip {
            if index == 1 {
                ui.label(RichText::new("/ …").color(c.muted));
            }
            continue;
        }
        if index > 0 {
            ui.label(RichText::new("/").color(c.muted));
        }
        let (name, route) = match step {
            RemotePath::Own(names) if names.is_empty() => {
                (view.texts().my_files.to_owned(), Route::home())
            }
            RemotePath::Everyone => (view.texts().shared_with_me.to_owned(), Route::SharedWithMe),
            RemotePath::Owner(owner) => (owner.clone(), Route::SharedWithMe),
            step => (step.last_name().unwrap_or("/").to_owned(), Route::Folder(step.clone())),
        };
        let last = index + 1 == steps.len();
        let text = match last {
            true => RichText::new(name).font(strong(size::STRONG)),
            false => RichText::new(name).size(size::STRONG).color(c.muted),
        };
        let crumb = egui::Button::new(text).frame_when_inactive(false).truncate();
        if ui.add(crumb).clicked() && !last {
            view.wish(Command::Go(route));
        }
    }
    // A click beside the steps begins to type.
    let (_, beside) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    widgets::named(&beside, view.texts().type_a_path);
    if beside.on_hover_cursor(egui::CursorIcon::Text).clicked() {
        view.wish(Command::Look(Look::AskPath));
    }
}

fn search(ui: &mut Ui, view: &mut View<'_>) {
    let mut query = view.state.session.query.clone();
    let hint = format!("{}  {}", icons::MAGNIFYING_GLASS, view.texts().find_here);
    let edit = egui::TextEdit::singleline(&mut query)
        .id(egui::Id::unique("search"))
        .hint_text(hint)
        .margin(egui::Margin::symmetric(10, 7))
        .desired_width(180.0);
    let response = ui.add(edit);
    if std::mem::take(&mut view.state.session.asks_find) {
        response.request_focus();
    }
    widgets::labelled(ui, &response, view.texts().find_here);
    if response.changed() {
        view.wish(Command::Find(query));
    }
}

fn tools(ui: &mut Ui, view: &mut View<'_>, path: &RemotePath) {
    let texts = view.texts();
    match view.state.model.may_write(path) {
        true => additions(ui, view),
        false => drop(muted(ui, &format!("{}  {}", icons::EYE, texts.shared_to_read))),
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if icon_button(ui, true, icons::SIDEBAR_SIMPLE, texts.details).clicked() {
            view.wish(Command::ToggleDetails);
        }
        if icon_button(ui, true, icons::ARROW_CLOCKWISE, texts.refresh).clicked() {
            view.wish(Command::Refresh);
        }
        order_menu(ui, view);
        grid::switch(ui, view);
        let list = view.state.session.list();
        let text = match list.loading {
            true => texts.loading.to_owned(),
            false => counted(list.len(), texts.one_item, texts.items),
        };
        ui.label(RichText::new(text).size(size::CAPTION).color(colours(ui).muted));
    });
}

/// What can be put into the directory.
fn additions(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let menu = format!("{}  {}", icons::PLUS, texts.new_);
    ui.menu_button(menu, |ui| {
        ui.set_min_width(180.0);
        if ui.button(format!("{}  {}", icons::FOLDER_PLUS, texts.new_folder)).clicked() {
            view.wish(Command::AskFolder);
        }
        if ui.button(format!("{}  {}", icons::FILE_PLUS, texts.new_text_file)).clicked() {
            view.wish(Command::AskText);
        }
    });
    upload_menu(ui, view);
    if view.state.session.clipboard.is_some() && button(ui, icons::COPY, texts.paste).clicked() {
        view.wish(Command::Paste);
    }
}

/// By what lists are ordered; tiles have no columns to click on.
fn order_menu(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let sort = view.state.session.sort;
    let arrow = if sort.descending { icons::CARET_UP } else { icons::CARET_DOWN };
    let by = match sort.column {
        Column::Name => texts.name,
        Column::Modified => texts.modified,
        Column::Size => texts.size,
    };
    let menu = ui.menu_button(format!("{by}  {arrow}"), |ui| {
        ui.set_min_width(140.0);
        for (column, name) in [
            (Column::Name, texts.name),
            (Column::Modified, texts.modified),
            (Column::Size, texts.size),
        ] {
            if ui.radio(sort.column == column, name).clicked() {
                view.wish(Command::SortBy(column));
                ui.close();
            }
        }
    });
    widgets::named(&menu.response, texts.sort_by);
    menu.response.on_hover_text(texts.sort_by);
}

fn upload_menu(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    ui.menu_button(format!("{}  {}", icons::UPLOAD_SIMPLE, texts.upload), |ui| {
        ui.set_min_width(180.0);
        if ui.button(format!("{}  {}", icons::FILE, texts.upload_files)).clicked() {
            choose_files(view);
        }
        if ui.button(format!("{}  {}", icons::FOLDER, texts.upload_folder)).clicked()
            && let Some(dir) = view.state.session.route.folder().cloned()
        {
            view.wish(Command::Choose(Purpose::UploadFolder(dir)));
        }
        if ui.button(format!("{}  {}", icons::COPY, texts.upload_copied)).clicked()
            && let Some(dir) = view.state.session.route.folder().cloned()
        {
            view.wish(Command::Choose(Purpose::UploadCopied(dir)));
        }
    });
}

/// Asks for files to upload.
pub(super) fn choose_files(view: &mut View<'_>) {
    if let Some(dir) = view.state.session.route.folder().cloned() {
        view.wish(Command::Choose(Purpose::UploadFiles(dir)));
    }
}

/// Asks where to, and downloads what is selected.
pub(super) fn download(view: &mut View<'_>) {
    let dir = view.state.settings.download_dir();
    view.wish(Command::Download(dir));
}

/// Room for how much is selected; where there is less, the buttons are more important.
const COUNT: f32 = 150.0;
/// Room for the two small buttons at the end.
const END: f32 = 84.0;

/// What can be done with what is selected.
pub(super) fn selection(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let rows = view.state.session.selected();
    ui.spacing_mut().item_spacing.x = space::XS;
    if primary(ui, true, texts.download.trim_end_matches(['…', ' '])).clicked() {
        download(view);
    }
    for offer in fitting(ui, offers(view, &rows)) {
        if button(ui, offer.icon, offer.text).clicked() {
            view.wish(offer.command);
        }
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if icon_button(ui, true, icons::X, texts.close).clicked() {
            view.wish(Command::SelectNone);
        }
        if icon_button(ui, true, icons::SIDEBAR_SIMPLE, texts.details).clicked() {
            view.wish(Command::ToggleDetails);
        }
        if ui.available_width() < COUNT {
            return;
        }
        let bytes: u64 = rows.iter().map(|row| row.entry.size).sum();
        let text = format!("{}, {}", fill(texts.selected, rows.len()), human::size(bytes));
        ui.label(RichText::new(text).size(size::CAPTION).color(colours(ui).muted));
    });
}

/// Something that can be done with what is selected.
struct Offer {
    icon: &'static str,
    text: &'static str,
    command: Command,
    /// What has a higher one is left out first.
    rank: u8,
}

fn offers(view: &View<'_>, rows: &[Row]) -> Vec<Offer> {
    let texts = view.texts();
    let one = <&[Row; 1]>::try_from(rows).ok().map(|[row]| row);
    let own = rows.iter().all(|row| matches!(row.path, RemotePath::Own(_)));
    let writable = rows.iter().all(|row| view.state.model.may_write(&row.path));
    let editable = writable && one.is_some_and(|row| is_editable(&row.entry));
    let offer = |icon, text, command, rank| Offer { icon, text, command, rank };
    let offers = [
        (own && one.is_some(), offer(icons::SHARE_NETWORK, texts.share, Command::AskShare, 1)),
        (editable, offer(icons::PENCIL_SIMPLE, texts.edit, Command::Edit, 3)),
        (writable && one.is_some(), offer("", texts.rename, Command::AskRename, 2)),
        (writable, offer(icons::TRASH, texts.delete, Command::Delete, 0)),
    ];
    offers.into_iter().filter(|(shown, _)| *shown).map(|(_, offer)| offer).collect()
}

/// Those that there is room for; the menu of a row has all.
fn fitting(ui: &Ui, mut offers: Vec<Offer>) -> Vec<Offer> {
    let spacing = ui.spacing();
    let around = 2.0 * spacing.button_padding.x + spacing.item_spacing.x;
    let width = |offer: &Offer| {
        let text = format!("{}  {}", offer.icon, offer.text);
        let font = egui::FontId::proportional(size::BODY);
        let galley = ui.painter().layout_no_wrap(text, font, egui::Color32::PLACEHOLDER);
        galley.size().x + around
    };
    while offers.iter().map(width).sum::<f32>() > ui.available_width() - END {
        let last = offers.iter().map(|offer| offer.rank).max();
        offers.retain(|offer| Some(offer.rank) != last);
    }
    offers
}

/// Files that are dragged over the window, and dropped on it.
fn drop_target(ui: &mut Ui, view: &mut View<'_>, path: &RemotePath) {
    let (hovering, dropped) = ui.input(|input| {
        let dropped = input.raw.dropped_files.iter().map(|file| file.path().to_owned());
        (!input.raw.hovered_files.is_empty(), dropped.collect::<Vec<_>>())
    });
    if !dropped.is_empty() {
        view.wish(Command::Upload(dropped));
    }
    if hovering {
        let c = colours(ui);
        let rect = ui.max_rect();
        let painter = ui
            .ctx()
            .layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop")));
        painter.rect_filled(rect, CornerRadius::same(8), c.selection.gamma_multiply(0.85));
        let stroke = Stroke::new(2.0, c.accent);
        painter.rect_stroke(rect, CornerRadius::same(8), stroke, egui::StrokeKind::Inside);
        let name = path.last_name().unwrap_or(view.texts().my_files);
        let text = fill(view.texts().drop_here, name);
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, strong(size::TITLE), c.text);
    }
}
