//! What a file looks like: text in colours, a picture, what a sound or film says of itself.

use super::tokens::{self, Colours, colours, size, space};
use super::widgets::{self, muted};
use crate::media::Media;
use crate::state::preview::{Picture, Preview, Revision};
use crate::syntax::{self, Line, Span, Token};
use crate::text::{Texts, fill};
use coffer_client::human;
use eframe::egui::cache::{ComputerMut, FrameCache};
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{self, Color32, FontId, Id, Ui, Vec2, vec2};
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

/// A picture as big as there is room, but not bigger than it is. It is handed to the graphics
/// card once; `place` tells places apart.
pub(super) fn picture(
    ui: &mut Ui,
    place: &'static str,
    of: Revision,
    picture: &Picture,
    room: Vec2,
) {
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
    ui.add(egui::Image::new((texture.id(), size * scale)).corner_radius(6));
}

/// Forgets the picture of a place.
pub(super) fn forget(ui: &Ui, place: &'static str) {
    type Kept = (Revision, egui::TextureHandle);
    ui.data_mut(|data| data.remove::<Kept>(Id::unique(("preview-texture", place))));
}

/// All that is neither text nor picture.
pub(super) fn other(ui: &mut Ui, preview: &Preview, texts: &Texts) {
    match preview {
        Preview::Loading => {
            ui.spinner();
        }
        Preview::Media(media) => facts(ui, media, texts),
        Preview::Failed(problem) => widgets::problem(ui, problem, texts),
        Preview::None | Preview::Text(_) | Preview::Picture(_) => {
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
