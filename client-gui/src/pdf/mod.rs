//! The first page of a PDF, as pixels.
//!
//! Guarantees: what is drawn is bounded in pixels, whatever a file says of the size of its
//! page. What a file from anywhere does to the library that draws it is not bounded, so the
//! window never draws: the program runs once more, as [`serve`], limits itself, draws one
//! page and ends. `worker::page` is the other side of it. Contents go through pipes.
//!
//! Between the two: the longest side in pixels (4 bytes, little endian) and the file; back
//! comes how it went (1 byte), and for a page the number of pages, width and height (4 bytes
//! each) and the pixels, as in [`Picture`].

#[cfg(test)]
mod tests;

use crate::state::preview::{Page, Picture, Unshown};
use hayro::hayro_interpret::{InterpreterSettings, TransformExt as _};
use hayro::hayro_syntax::page::Page as Source;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings};
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

/// Biggest file that is drawn, in bytes.
pub const MAX_BYTES: u64 = 32 << 20;
/// Longest side of a page that is drawn, in pixels.
const MAX_SIDE: u32 = 4_096;
/// Pixels that a point of a page has at most: a small page stays small.
const MAX_SCALE: f32 = 4.0;
/// Most memory of the process that draws, in bytes, and its time on a processor, in seconds.
#[cfg(unix)]
const MAX_MEMORY: u64 = 1 << 30;
#[cfg(unix)]
const MAX_SECONDS: u64 = 20;

/// How it went, as the first byte of an answer.
const PAGE: u8 = 0;
const LOCKED: u8 = 1;
const BROKEN: u8 = 2;

/// What the program does when it is started to draw a page.
pub fn serve() -> ExitCode {
    limit();
    let mut input = std::io::stdin().lock().take(MAX_BYTES + 4);
    let (mut side, mut bytes) = ([0; 4], Vec::new());
    let read = input.read_exact(&mut side).and_then(|()| input.read_to_end(&mut bytes));
    let answer = read.map(|_| answer(first_page(bytes, u32::from_le_bytes(side))));
    match answer.and_then(|answer| std::io::stdout().lock().write_all(&answer)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Bounds what this process can take.
#[cfg(unix)]
fn limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = |resource, most: u64| {
        let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
        // Without it there is still the time that is waited for an answer.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    // No file is written when it is ended, for that would hold contents.
    limit(Resource::Core, 0);
    limit(Resource::Cpu, MAX_SECONDS);
    #[cfg(target_os = "linux")]
    limit(Resource::As, MAX_MEMORY);
    #[cfg(not(target_os = "linux"))]
    limit(Resource::Data, MAX_MEMORY);
}

/// Elsewhere only the time that is waited for an answer is bounded.
#[cfg(not(unix))]
fn limit() {}

/// Draws the first page, its longest side `side` pixels, on white.
fn first_page(bytes: Vec<u8>, side: u32) -> Result<Page, Unshown> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(_) => Unshown::Locked,
        LoadPdfError::Invalid => Unshown::Broken,
    })?;
    let pages = pdf.pages();
    let first = pages.first().ok_or(Unshown::Broken)?;
    let picture = drawn(first, side.clamp(1, MAX_SIDE)).ok_or(Unshown::Broken)?;
    Ok(Page { picture, count: u32::try_from(pages.len()).unwrap_or(u32::MAX) })
}

fn drawn(page: &Source<'_>, side: u32) -> Option<Picture> {
    let (width, height) = page.render_dimensions();
    let longest = width.max(height);
    if !(width > 0.0 && height > 0.0 && longest.is_finite()) {
        return None;
    }
    let scale = (side as f32 / longest).min(MAX_SCALE);
    #[expect(clippy::cast_sign_loss, reason = "lengths are above zero")]
    let pixels = |length: f32| (length * scale).round().clamp(1.0, side as f32) as u16;
    let mut context = RenderContext::new(pixels(width), pixels(height));
    let transform = Affine::scale(scale.into()) * page.initial_transform(true).to_kurbo();
    hayro::render_into(
        page,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &mut context,
        transform,
    );
    context.flush();
    let mut pixmap = Pixmap::new(context.width(), context.height());
    let on_white = RasterizerSettings {
        target_init: TargetInit::Clear(WHITE),
        ..RasterizerSettings::default()
    };
    context.render_with(&mut pixmap, &mut Resources::default(), on_white);
    let (width, height) = (usize::from(pixmap.width()), usize::from(pixmap.height()));
    let rgba = pixmap.data_as_u8_slice().to_vec();
    Some(Picture { width, height, rgba: Arc::new(rgba) })
}

fn answer(outcome: Result<Page, Unshown>) -> Vec<u8> {
    let page = match outcome {
        Ok(page) => page,
        Err(Unshown::Locked) => return vec![LOCKED],
        Err(_) => return vec![BROKEN],
    };
    let mut answer = vec![PAGE];
    for number in [page.count, page.picture.width as u32, page.picture.height as u32] {
        answer.extend(number.to_le_bytes());
    }
    answer.extend(page.picture.rgba.iter());
    answer
}

/// Length of the longest answer about a page whose longest side was to be `side`, in bytes.
pub(crate) fn longest_answer(side: u32) -> u64 {
    13 + 4 * u64::from(side) * u64::from(side)
}

/// Reads an answer, of a process that may do anything.
pub(crate) fn understood(answer: &[u8], side: u32) -> Result<Page, Unshown> {
    match answer {
        [PAGE, rest @ ..] => page(rest, side).ok_or(Unshown::Broken),
        [LOCKED] => Err(Unshown::Locked),
        _ => Err(Unshown::Broken),
    }
}

fn page(bytes: &[u8], side: u32) -> Option<Page> {
    let (head, pixels) = bytes.split_at_checked(12)?;
    let mut numbers = head.chunks_exact(4).map(|number| number.iter().rev());
    let mut number = || Some(numbers.next()?.fold(0, |value, byte| value << 8 | u32::from(*byte)));
    let (count, width, height) = (number()?, number()?, number()?);
    let is_sound = (1..=side).contains(&width) && (1..=side).contains(&height) && count > 0;
    let (width, height) = (width as usize, height as usize);
    if !is_sound || pixels.len() != width * height * 4 {
        return None;
    }
    Some(Page { picture: Picture { width, height, rgba: Arc::new(pixels.to_vec()) }, count })
}
