//! The list of a directory: columns, rows, selection. Only the rows that can be seen
//! are laid out.

use super::tokens::{Colours, colours, size, space};
use super::widgets::{self, button, empty, line};
use super::{View, browser, grid, icons, rows};
use crate::command::Command;
use crate::kind::{self, FileKind};
use crate::state::folder::Column;
use crate::state::{Route, Row};
use crate::text::{Texts, fill};
use coffer_client::{RemotePath, human};
use eframe::egui::{self, Color32, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

/// Places of the columns in a row.
struct Columns {
    name: Rect,
    shared: Option<Rect>,
    modified: Option<Rect>,
    size: Rect,
    safe: Rect,
}

/// `spread`: what is shown is in several directories, so where it is says more than when it
/// was changed.
fn columns(row: Rect, spread: bool) -> Columns {
    let row = row.shrink2(vec2(space::S, 0.0));
    let wide = row.width() > 620.0;
    let mut right = row.right();
    let mut take = |width: f32| {
        let rect = Rect::from_min_max(pos2(right - width, row.top()), pos2(right, row.bottom()));
        right -= width + 12.0;
        rect
    };
    let safe = take(40.0);
    let size = take(76.0);
    let middle = row.width() > 420.0;
    let modified = (wide || middle && !spread).then(|| take(130.0));
    let shared = (wide || middle && spread).then(|| take(110.0));
    let name = Rect::from_min_max(row.left_top(), pos2(right, row.bottom()));
    Columns { name, shared, modified, size, safe }
}

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let list = view.state.session.list();
    if let Some(problem) = list.problem.clone() {
        widgets::problem(ui, &problem, view.texts());
        if button(ui, icons::ARROW_CLOCKWISE, view.texts().retry).clicked() {
            view.wish(Command::Refresh);
        }
        return;
    }
    if list.is_empty() {
        return nothing(ui, view);
    }
    if view.state.settings.grid {
        return grid::show(ui, view);
    }
    header(ui, view);
    let height = match view.state.settings.compact {
        true => space::ROW_COMPACT,
        false => space::ROW,
    };
    ui.spacing_mut().item_spacing.y = 0.0;
    let count = view.state.session.list().len();
    let mut area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("list");
    if std::mem::take(&mut view.state.session.reveal) {
        let cursor = view.state.session.cursor;
        area = area.vertical_scroll_offset(offset(ui, cursor, height));
    }
    let output = area.show_rows(ui, height, count, |ui, range| {
        for index in range {
            row(ui, view, index, height);
        }
    });
    remember(ui, output.state.clamped_offset().y);
    below(ui, view, output.inner_rect, count as f32 * height, &output.state);
}

/// A click below all rows, which are this high together, selects nothing.
pub(super) fn below(
    ui: &Ui,
    view: &mut View<'_>,
    mut rect: Rect,
    height: f32,
    scroll: &egui::scroll_area::State,
) {
    let rows = height - scroll.clamped_offset().y;
    rect.set_top(rect.top() + rows.clamp(0.0, rect.height()));
    if ui.interact(rect, ui.scope_id().with("below"), Sense::click()).clicked() {
        view.wish(Command::SelectNone);
    }
}

fn scroll_id() -> egui::Id {
    egui::Id::unique("list-offset")
}

pub(super) fn remember(ui: &Ui, offset: f32) {
    ui.data_mut(|data| data.insert_temp(scroll_id(), offset));
}

/// How far to scroll so that a line of this height is seen: as little as is needed.
pub(super) fn offset(ui: &Ui, line: usize, height: f32) -> f32 {
    let now: f32 = ui.data(|data| data.get_temp(scroll_id())).unwrap_or(0.0);
    let top = line as f32 * height;
    let page = ui.available_height();
    if top < now {
        top
    } else if top + height > now + page {
        top + height - page
    } else {
        now
    }
}

fn nothing(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let session = &view.state.session;
    if session.list().loading {
        empty(ui, icons::CLOCK, texts.loading, "");
    } else if session.route == Route::Recent {
        empty(ui, icons::CLOCK_COUNTER_CLOCKWISE, texts.recent_empty, "");
    } else if session.found.is_some() {
        empty(ui, icons::MAGNIFYING_GLASS, texts.nothing_found, "");
    } else if session.route.folder().is_some_and(|path| !view.state.model.may_write(path)) {
        empty(ui, icons::FOLDER, texts.empty_title, texts.nothing_shared);
    } else {
        empty(ui, icons::FOLDER, texts.empty_title, texts.empty_lead);
        ui.vertical_centered(|ui| {
            if button(ui, icons::UPLOAD_SIMPLE, texts.upload_files).clicked() {
                browser::choose_files(view);
            }
            if button(ui, icons::FOLDER_PLUS, texts.new_folder).clicked() {
                view.wish(Command::AskFolder);
            }
        });
    }
}

fn header(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    let c = colours(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::hover());
    let columns = columns(rect, elsewhere(view));
    let (sort, ranked) = (view.state.session.sort, view.state.session.list().ranked);
    let head = |rect: Rect, text: &str, column: Option<Column>, right: bool| {
        let column = column.filter(|_| !ranked);
        let response = ui.interact(rect, ui.scope_id().with(text), Sense::click());
        let mark = match (column == Some(sort.column), sort.descending) {
            (true, false) => icons::CARET_UP,
            (true, true) => icons::CARET_DOWN,
            (false, _) => "",
        };
        let colour = if response.hovered() && column.is_some() { c.text } else { c.muted };
        let font = FontId::proportional(size::CAPTION);
        line(ui, rect, &format!("{text} {mark}"), font, colour, right);
        widgets::named(&response, text);
        if response.clicked() { column } else { None }
    };
    let name = head(columns.name, texts.name, Some(Column::Name), false);
    if let Some(rect) = columns.shared {
        let text = if elsewhere(view) { texts.folder } else { texts.shared };
        head(rect, text, None, false);
    }
    let modified =
        columns.modified.and_then(|rect| head(rect, texts.modified, Some(Column::Modified), false));
    let bytes = head(columns.size, texts.size, Some(Column::Size), true);
    head(columns.safe, texts.safe, None, true);
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, c.hairline));
    if let Some(column) = name.or(modified).or(bytes) {
        view.wish(Command::SortBy(column));
    }
}

fn row(ui: &mut Ui, view: &mut View<'_>, index: usize, height: f32) {
    let session = &view.state.session;
    let Some(item) = session.list().at(index).cloned() else { return };
    let selected = session.selection.contains(&item.entry.node);
    let sense = Sense::click_and_drag();
    let response = widgets::row(ui, height, selected, sense);
    let c = colours(ui);
    paint(ui, view, &item, &columns(response.rect, elsewhere(view)), &c);
    rows::attend(ui, view, index, &item, selected, &response);
}

fn paint(ui: &Ui, view: &View<'_>, item: &Row, columns: &Columns, c: &Colours) {
    let texts = view.texts();
    let (icon, tint) = icon(item, c);
    line(ui, columns.name, icon, FontId::proportional(20.0), tint, false);
    let name = columns.name.with_min_x(columns.name.left() + 30.0);
    line(ui, name, &item.entry.name, FontId::proportional(size::BODY), c.text, false);
    let small = || FontId::proportional(13.0);
    if let Some(rect) = columns.shared {
        let text = if elsewhere(view) {
            found_in(&item.path)
        } else {
            let shared = view.state.model.recipients.get(&item.entry.node);
            shared.map_or_else(String::new, |count| format!("{}  {count}", icons::USERS))
        };
        line(ui, rect, &text, small(), c.muted, false);
    }
    if let Some(rect) = columns.modified {
        line(ui, rect, &human::time(item.entry.modified_millis), small(), c.muted, false);
    }
    if !item.is_dir() {
        line(ui, columns.size, &human::size(item.entry.size), small(), c.muted, true);
    }
    line(ui, columns.safe, safe_mark(item, texts).0, small(), c.success, true);
}

/// Whether what is shown is spread over several directories.
pub(super) fn elsewhere(view: &View<'_>) -> bool {
    view.state.session.found.is_some() || view.state.session.route == Route::Recent
}

/// The directory that something was found in.
fn found_in(path: &RemotePath) -> String {
    path.parent().map_or_else(String::new, |above| above.to_string())
}

/// A mark for how safe something is, and the same in words.
pub(super) fn safe_mark(item: &Row, texts: &Texts) -> (&'static str, String) {
    match item.entry.machines {
        0 | 1 => ("•", texts.on_this_server.to_owned()),
        machines => ("••", fill(texts.on_machines, machines)),
    }
}

/// Icon of a thing, and its tint.
pub(super) fn icon(item: &Row, c: &Colours) -> (&'static str, Color32) {
    if item.is_dir() {
        return (icons::FOLDER, c.accent);
    }
    match kind::of(&item.entry.name) {
        FileKind::Text => (icons::FILE_TEXT, c.muted),
        FileKind::Code => (icons::FILE_CODE, c.muted),
        FileKind::Picture => (icons::FILE_IMAGE, c.success),
        FileKind::Film => (icons::FILE_VIDEO, c.danger),
        FileKind::Sound => (icons::FILE_AUDIO, c.warning),
        FileKind::Pdf => (icons::FILE_PDF, c.danger),
        FileKind::Archive => (icons::FILE_ZIP, c.warning),
        FileKind::Other => (icons::FILE, c.muted),
    }
}
