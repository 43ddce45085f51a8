//! What a file looks like: text in colours, a picture, what a sound or film says of itself.

use super::icons;
use super::tokens::{self, Colours, colours, size, space};
use super::widgets::{self, button, muted};
use crate::kind::FileKind;
use crate::media::Media;
use crate::state::preview::{Page, Picture, Preview, Revision, Unshown};
use crate::syntax::{self, Line, Span, Token};
use crate::text::{Texts, fill};
use coffer_client::human;
use eframe::egui::cache::{ComputerMut, FrameCache};
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{self, Color32, FontId, Id, Rect, Response, Stroke, Ui, Vec2, vec2};
use std::time::Duration;

fn colour(token: Token, c: &Colours) -> Color32 {
    match token {
        Token::Plain => c.text,
        Token::Comment => c.muted,
        Token::Text => c.success,
        Token::Number => c.warning,
        Token::Keyword | Token::Heading => c.accent,
    }
}

/// A text in colours, as it is laid out.
pub(super) fn job(text: &str, spans: &[Span], size: f32, c: &Colours) -> LayoutJob {
    let mut job = LayoutJob { text: text.to_owned(), ..LayoutJob::default() };
    let mut from = 0;
    for span in spans {
        let format = TextFormat::simple(FontId::monospace(size), colour(span.token, c));
        let section = egui::text::LayoutSection {
            leading_space: 0.0,
            byte_range: from.into()..span.end.into(),
            format,
        };
        job.sections.push(section);
        from = span.end;
    }
    job
}

/// Biggest text that is coloured while it is edited, in bytes.
const MAX_COLOURED: usize = 128 << 10;

/// A whole text in colours, remembered from one frame to the next.
pub(super) fn coloured(ui: &Ui, text: &str, name: &str) -> LayoutJob {
    type Cache = FrameCache<LayoutJob, Colouring>;
    let dark = ui.visuals().dark_mode;
    ui.memory_mut(|memory| memory.caches.cache::<Cache>().get((text, name, dark)).clone())
}

#[derive(Default)]
struct Colouring;

impl ComputerMut<(&str, &str, bool), LayoutJob> for Colouring {
    fn compute(&mut self, (text, name, dark): (&str, &str, bool)) -> LayoutJob {
        let c = tokens::colours_of(dark);
        let language = syntax::of(name).filter(|_| text.len() <= MAX_COLOURED);
        let plain = || vec![Span { token: Token::Plain, end: text.len() }];
        let spans = language.map_or_else(plain, |language| syntax::spans(text, language));
        job(text, &spans, size::BODY, &c)
    }
}

/// A line of a text.
pub(super) fn line(ui: &mut Ui, line: &Line, size: f32) {
    if line.spans.is_empty() {
        ui.add_space(size * 1.3);
        return;
    }
    let job = job(&line.text, &line.spans, size, &colours(ui));
    ui.add(egui::Label::new(job).extend());
}

/// Corners of pictures are round.
const CORNER: u8 = 6;

/// A picture as big as there is room, but not bigger than it is. It is handed to the graphics
/// card once; `place` tells places apart.
pub(super) fn picture(
    ui: &mut Ui,
    place: &'static str,
    of: Revision,
    picture: &Picture,
    room: Vec2,
) -> Response {
    type Kept = (Revision, egui::TextureHandle);
    let id = Id::unique(("preview-texture", place));
    let kept: Option<Kept> = ui.data(|data| data.get_temp(id));
    let texture = match kept {
        Some((same, texture)) if same == of => texture,
        _ => {
            let size = [picture.width, picture.height];
            let image = egui::ColorImage::from_rgba_unmultiplied(size, &picture.rgba);
            let texture = ui.ctx().load_texture(place, image, egui::TextureOptions::LINEAR);
            ui.data_mut(|data| data.insert_temp::<Kept>(id, (of, texture.clone())));
            texture
        }
    };
    let size = vec2(picture.width as f32, picture.height as f32);
    let scale = (room.x / size.x).min(room.y / size.y).min(1.0);
    ui.add(egui::Image::new((texture.id(), size * scale)).corner_radius(CORNER))
}

/// The edge of a page, which may be as white as what is around it.
pub(super) fn edge(ui: &Ui, page: Rect, corner: u8) {
    let line = Stroke::new(1.0, colours(ui).hairline);
    ui.painter().rect_stroke(page, corner, line, egui::StrokeKind::Outside);
}

/// The first page of a document, and how many there are.
pub(super) fn page(
    ui: &mut Ui,
    place: &'static str,
    of: Revision,
    page: &Page,
    room: Vec2,
    texts: &Texts,
) {
    const LINE: f32 = 24.0;
    let shown = picture(ui, place, of, &page.picture, room - vec2(0.0, LINE));
    edge(ui, shown.rect, CORNER);
    muted(ui, &format!("{}  ·  {}", texts.kind_pdf, fill(texts.page_of, page.count)));
}

/// Why a file is not shown, and what to do; whether that was chosen. What is there today can
/// be opened with another program, old versions cannot.
pub(super) fn unshown(ui: &mut Ui, why: Unshown, is_today: bool, texts: &Texts) -> bool {
    let text = match why {
        Unshown::TooLarge => texts.too_large,
        Unshown::Locked => texts.locked_file,
        Unshown::Broken => texts.broken_file,
        Unshown::TooMuch => texts.too_much,
    };
    ui.add(egui::Label::new(text).wrap());
    if !is_today {
        return false;
    }
    muted(ui, texts.look_outside);
    ui.add_space(space::S);
    button(ui, icons::ARROW_SQUARE_OUT, texts.open_outside).clicked()
}

/// A kind of file in words.
pub(super) fn kind(kind: FileKind, texts: &Texts) -> &'static str {
    match kind {
        FileKind::Text => texts.kind_text,
        FileKind::Code => texts.kind_code,
        FileKind::Picture => texts.kind_picture,
        FileKind::Film => texts.kind_film,
        FileKind::Sound => texts.kind_sound,
        FileKind::Pdf => texts.kind_pdf,
        FileKind::Archive => texts.kind_archive,
        FileKind::Other => texts.file,
    }
}

/// Forgets the picture of a place.
pub(super) fn forget(ui: &Ui, place: &'static str) {
    type Kept = (Revision, egui::TextureHandle);
    ui.data_mut(|data| data.remove::<Kept>(Id::unique(("preview-texture", place))));
}

/// All that is neither text nor picture, nor kept from being shown.
pub(super) fn other(ui: &mut Ui, preview: &Preview, texts: &Texts) {
    match preview {
        Preview::Loading => {
            ui.spinner();
        }
        Preview::Media(media) => facts(ui, media, texts),
        Preview::Failed(problem) => widgets::problem(ui, problem, texts),
        _ => {
            muted(ui, texts.no_preview);
        }
    }
}

fn facts(ui: &mut Ui, media: &Media, texts: &Texts) {
    let grid = egui::Grid::new("media").num_columns(2).spacing([space::M, 6.0]);
    grid.show(ui, |ui| {
        let mut fact = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                muted(ui, name);
                ui.add(egui::Label::new(value).wrap());
                ui.end_row();
            }
        };
        fact(texts.title_tag, media.title.clone());
        fact(texts.artist, media.artist.clone());
        fact(texts.album, media.album.clone());
        let duration = media.millis.map(|millis| human::duration(Duration::from_millis(millis)));
        fact(texts.duration, duration);
        let pixels = media.pixels.map(|(width, height)| format!("{width} × {height}"));
        fact(texts.dimensions, pixels);
        let rate = media.rate.map(|rate| format!("{} kHz", f64::from(rate) / 1000.0));
        let channels = media.channels.map(|channels| match channels {
            1 => texts.mono.to_owned(),
            2 => texts.stereo.to_owned(),
            more => fill(texts.channels, more),
        });
        let sound: Vec<_> = rate.into_iter().chain(channels).collect();
        fact(texts.sound, Some(sound.join(", ")).filter(|sound| !sound.is_empty()));
    });
}
