//! The directory as tiles, with small pictures. Only the tiles that can be seen are laid
//! out, and only their pictures are asked for.

use super::tokens::{Colours, colours, size, space};
use super::{View, icons, list, preview, rows};
use crate::command::Command;
use crate::kind::{self, FileKind};
use crate::look::Look;
use crate::state::Row;
use crate::state::preview::{Picture, Revision, revision_of};
use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Id, Rect, Sense, TextureHandle, Ui, pos2, vec2,
};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Width of a tile, at least; height; height of the picture in it.
const WIDTH: f32 = 148.0;
const HEIGHT: f32 = 156.0;
const PICTURE: f32 = 100.0;
const GAP: f32 = 8.0;
/// Corners of pictures are round.
const CORNER: u8 = 4;
/// More than fit on any screen.
const MAX_COLUMNS: usize = 200;
/// Textures that are kept although they are not shown.
const MAX_TEXTURES: usize = 300;

type Textures = Arc<Mutex<HashMap<Revision, (TextureHandle, u64)>>>;

fn textures(ui: &Ui) -> Textures {
    ui.data_mut(|data| data.get_temp_mut_or_default::<Textures>(Id::unique("thumbs")).clone())
}

/// Forgets all pictures: nobody is signed in any more.
pub(super) fn forget(ui: &Ui) {
    textures(ui).lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn columns_id() -> Id {
    Id::unique("grid-columns")
}

/// How many tiles stand side by side; one in the list.
pub(super) fn columns(ui: &Ui, view: &View<'_>) -> usize {
    match view.state.settings.grid {
        true => ui.data(|data| data.get_temp(columns_id())).unwrap_or(1),
        false => 1,
    }
}

/// Two buttons: list or grid.
pub(super) fn switch(ui: &mut Ui, view: &mut View<'_>) {
    let (texts, c) = (view.texts(), colours(ui));
    ui.spacing_mut().item_spacing.x = 0.0;
    for (grid, icon, name) in
        [(true, icons::SQUARES_FOUR, texts.as_grid), (false, icons::LIST_BULLETS, texts.as_list)]
    {
        let active = view.state.settings.grid == grid;
        let text = egui::RichText::new(icon).size(18.0);
        let text = text.color(if active { c.accent } else { c.muted });
        let button = egui::Button::new(text)
            .min_size(vec2(space::CONTROL, space::CONTROL))
            .frame_when_inactive(false);
        let response = ui.add(button);
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::RadioButton, true, active, name)
        });
        if response.on_hover_text(name).clicked() {
            view.wish(Command::Look(Look::Grid(grid)));
        }
    }
    ui.spacing_mut().item_spacing.x = space::S;
}

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let count = view.state.session.list().len();
    let room = ui.available_width() + GAP;
    let fits = |columns: &usize| *columns as f32 * (WIDTH + GAP) <= room;
    let columns = (1..MAX_COLUMNS).take_while(fits).last().unwrap_or(1);
    ui.data_mut(|data| data.insert_temp(columns_id(), columns));
    ui.spacing_mut().item_spacing = vec2(GAP, GAP);
    let mut area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("grid");
    if std::mem::take(&mut view.state.session.reveal) {
        let line = view.state.session.cursor / columns;
        area = area.vertical_scroll_offset(list::offset(ui, line, HEIGHT + GAP));
    }
    let lines = count.div_ceil(columns);
    let mut shown = 0..0;
    let output = area.show_rows(ui, HEIGHT, lines, |ui, range| {
        shown = range.start * columns..(range.end * columns).min(count);
        let width = (ui.available_width() + GAP) / columns as f32 - GAP;
        for line in range {
            ui.horizontal(|ui| {
                for index in line * columns..((line + 1) * columns).min(count) {
                    tile(ui, view, index, width);
                }
            });
        }
    });
    list::remember(ui, output.state.clamped_offset().y);
    list::below(ui, view, output.inner_rect, lines as f32 * (HEIGHT + GAP), &output.state);
    want(view, shown);
    prune(ui);
}

/// Asks for the small pictures of what is shown, when something is missing.
fn want(view: &mut View<'_>, shown: Range<usize>) {
    let list = view.state.session.list();
    let is_picture = |row: &&Row| {
        let kind = kind::of(&row.entry.name);
        !row.is_dir() && matches!(kind, FileKind::Picture | FileKind::Pdf)
    };
    let pictures = || shown.clone().filter_map(|index| list.at(index)).filter(is_picture);
    if pictures().any(|row| view.state.model.thumbs.lacks(row)) {
        let rows = pictures().cloned().collect();
        view.wish(Command::Look(Look::Thumbs(rows)));
    }
}

fn tile(ui: &mut Ui, view: &mut View<'_>, index: usize, width: f32) {
    let session = &view.state.session;
    let Some(item) = session.list().at(index).cloned() else { return };
    let selected = session.selection.contains(&item.entry.node);
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click_and_drag());
    let c = colours(ui);
    let fill = match (selected, response.hovered()) {
        (true, _) => c.selection,
        (false, true) => c.hover,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(8), fill);
    let inner = rect.shrink(space::S);
    let (upper, lower) = inner.split_top_bottom_at_y(inner.top() + PICTURE);
    face(ui, view, &item, upper, &c);
    caption(ui, view, &item, lower, &c);
    rows::attend(ui, view, index, &item, selected, &response);
}

/// The picture of a file, or an icon for its kind.
fn face(ui: &Ui, view: &View<'_>, item: &Row, rect: Rect, c: &Colours) {
    let of = revision_of(item);
    if let Some(picture) = view.state.model.thumbs.get(of) {
        let texture = texture(ui, of, picture);
        let size = vec2(picture.width as f32, picture.height as f32);
        let scale = (rect.width() / size.x).min(rect.height() / size.y).min(1.0);
        let place = Align2::CENTER_CENTER.align_size_within_rect(size * scale, rect);
        egui::Image::new((texture, place.size())).corner_radius(CORNER).paint_at(ui, place);
        if kind::of(&item.entry.name) == FileKind::Pdf {
            preview::edge(ui, place, CORNER);
        }
    } else {
        let (icon, tint) = list::icon(item, c);
        let font = FontId::proportional(52.0);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, icon, font, tint);
    }
}

fn texture(ui: &Ui, of: Revision, picture: &Picture) -> egui::TextureId {
    let frame = ui.ctx().cumulative_frame_nr();
    let textures = textures(ui);
    let mut textures = textures.lock().unwrap_or_else(PoisonError::into_inner);
    let (texture, seen) = textures.entry(of).or_insert_with(|| {
        let size = [picture.width, picture.height];
        let image = egui::ColorImage::from_rgba_unmultiplied(size, &picture.rgba);
        (ui.ctx().load_texture("thumb", image, egui::TextureOptions::LINEAR), frame)
    });
    *seen = frame;
    texture.id()
}

/// Gives up textures that are not shown, when there are many.
fn prune(ui: &Ui) {
    let frame = ui.ctx().cumulative_frame_nr();
    let textures = textures(ui);
    let mut textures = textures.lock().unwrap_or_else(PoisonError::into_inner);
    if textures.len() > MAX_TEXTURES {
        textures.retain(|_, (_, seen)| *seen == frame);
    }
}

/// The name in up to two lines, and the size.
fn caption(ui: &Ui, view: &View<'_>, item: &Row, rect: Rect, c: &Colours) {
    let font = FontId::proportional(13.0);
    let mut job =
        egui::text::LayoutJob::simple(item.entry.name.clone(), font, c.text, rect.width());
    job.halign = egui::Align::Center;
    job.wrap.max_rows = if item.is_dir() { 2 } else { 1 };
    job.wrap.break_anywhere = true;
    let galley = ui.painter().layout_job(job);
    let at = pos2(rect.center().x, rect.top() + 2.0);
    let height = galley.size().y;
    ui.painter().with_clip_rect(rect.intersect(ui.clip_rect())).galley(at, galley, c.text);
    if item.is_dir() {
        return;
    }
    let below = rect.with_min_y(rect.top() + 2.0 + height).with_max_y(rect.bottom());
    let safe = list::safe_mark(item, view.texts()).0;
    let text = format!("{}  {safe}", coffer_client::human::size(item.entry.size));
    let font = FontId::proportional(size::CAPTION);
    ui.painter().text(below.center(), Align2::CENTER_CENTER, text, font, c.muted);
}
