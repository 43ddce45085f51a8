//! MP4 and its relatives, Matroska and `WebM`, AVI.

use super::{Media, Parts, Stop, be, le, millis, shown};
use std::time::Duration;

/// Most boxes or elements that are looked at.
const MAX_STEPS: usize = 2_000;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 8;
/// Longest text or number, in bytes.
const MAX_VALUE: u64 = 1 << 10;

/// What is looked at so far.
struct Walk<'a> {
    parts: &'a Parts,
    media: Media,
    steps: usize,
}

impl<'a> Walk<'a> {
    fn new(parts: &'a Parts) -> Self {
        Self { parts, media: Media::default(), steps: 0 }
    }

    fn step(&mut self, depth: usize) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > MAX_STEPS || depth > MAX_DEPTH { Err(Stop::Unknown) } else { Ok(()) }
    }

    fn is_done(&self) -> bool {
        self.media.millis.is_some() && self.media.pixels.is_some_and(|(_, height)| height > 0)
    }
}

pub(super) fn mp4(parts: &Parts) -> Result<Media, Stop> {
    let mut walk = Walk::new(parts);
    walk.boxes(0, parts.size, 0)?;
    Ok(walk.media)
}

impl Walk<'_> {
    /// The boxes between two bytes.
    fn boxes(&mut self, mut at: u64, end: u64, depth: usize) -> Result<(), Stop> {
        while at.saturating_add(8) <= end {
            self.step(depth)?;
            let mut size = u64::from(self.parts.u32(at)?);
            let kind: [u8; 4] = self.parts.at(at + 4, 4)?.try_into().unwrap_or_default();
            let mut body = at + 8;
            match size {
                0 => size = end - at,
                1 => {
                    size = be(self.parts.at(at + 8, 8)?);
                    body = at + 16;
                }
                _ => {}
            }
            let next = at.checked_add(size).filter(|next| *next >= body && *next <= end);
            let next = next.ok_or(Stop::Unknown)?;
            self.one_box(kind, body, next, depth)?;
            if &kind == b"moov" {
                return Ok(());
            }
            at = next;
        }
        Ok(())
    }

    fn one_box(&mut self, kind: [u8; 4], body: u64, end: u64, depth: usize) -> Result<(), Stop> {
        match &kind {
            b"moov" | b"trak" | b"udta" | b"ilst" => self.boxes(body, end, depth + 1)?,
            // A version and flags stand before what is in it.
            b"meta" => self.boxes(body + 4, end, depth + 1)?,
            b"mvhd" => {
                let wide = self.parts.at(body, 1)?[0] == 1;
                let (scale, duration) = match wide {
                    true => (be(self.parts.at(body + 20, 4)?), be(self.parts.at(body + 24, 8)?)),
                    false => (be(self.parts.at(body + 12, 4)?), be(self.parts.at(body + 16, 4)?)),
                };
                self.media.millis = millis(duration, scale);
            }
            b"tkhd" => {
                // Width and height are the last of it, with 16 bits behind the point.
                let at = end.checked_sub(8).filter(|at| *at >= body).ok_or(Stop::Unknown)?;
                let (width, height) = (self.parts.u32(at)? >> 16, self.parts.u32(at + 4)? >> 16);
                if width > 0 && height > 0 {
                    self.media.pixels = Some((width, height));
                }
            }
            b"\xA9nam" => self.media.title = self.item(body, end)?,
            b"\xA9ART" => self.media.artist = self.item(body, end)?,
            b"\xA9alb" => self.media.album = self.item(body, end)?,
            _ => {}
        }
        Ok(())
    }

    /// The text of an item of the list of tags: a box `data`, kind and language before it.
    fn item(&self, body: u64, end: u64) -> Result<Option<String>, Stop> {
        let len = end.saturating_sub(body + 16).min(MAX_VALUE);
        let text = self.parts.at(body + 16, len as usize)?;
        Ok(shown(&String::from_utf8_lossy(text)))
    }
}

pub(super) fn matroska(parts: &Parts) -> Result<Media, Stop> {
    let mut walk = Walk::new(parts);
    let mut scale = 1_000_000;
    walk.elements(0, parts.size, 0, &mut scale)?;
    Ok(walk.media)
}

impl Walk<'_> {
    /// A number of variable length at a place, and its length; `marked` keeps the bit that
    /// tells the length.
    fn variable(&self, at: u64, marked: bool) -> Result<(u64, u64), Stop> {
        let first = self.parts.at(at, 1)?[0];
        let len = u64::from(first.leading_zeros()) + 1;
        if len > 8 {
            return Err(Stop::Unknown);
        }
        let value = be(self.parts.at(at, len as usize)?);
        let mark = 1 << (7 * len);
        Ok((if marked { value } else { value & (mark - 1) }, len))
    }

    fn elements(
        &mut self,
        mut at: u64,
        end: u64,
        depth: usize,
        scale: &mut u64,
    ) -> Result<(), Stop> {
        while at < end && !self.is_done() {
            self.step(depth)?;
            let (id, id_len) = self.variable(at, true)?;
            let (size, size_len) = self.variable(at + id_len, false)?;
            let body = at + id_len + size_len;
            // A size of all ones is not known: it goes on to the end.
            let unknown = size == (1 << (7 * size_len)) - 1;
            let next = if unknown { end } else { body.saturating_add(size).min(end) };
            match id {
                // What is played begins: all that is told stands before.
                0x1F43_B675 => return Ok(()),
                // Segment, Info, Tracks, TrackEntry, Video, Audio.
                0x1853_8067 | 0x1549_A966 | 0x1654_AE6B | 0xAE | 0xE0 | 0xE1 => {
                    self.elements(body, next, depth + 1, scale)?;
                }
                _ if size > MAX_VALUE => {}
                _ => self.element(id, body, size as usize, scale)?,
            }
            at = next;
        }
        Ok(())
    }

    fn element(&mut self, id: u64, body: u64, size: usize, scale: &mut u64) -> Result<(), Stop> {
        let media = &mut self.media;
        let value = |parts: &Parts| parts.at(body, size.min(8)).map(be);
        let float = |parts: &Parts| -> Result<f64, Stop> {
            let bits = value(parts)?;
            Ok(if size == 4 {
                f64::from(f32::from_bits(bits as u32))
            } else {
                f64::from_bits(bits)
            })
        };
        match id {
            0x2A_D7B1 => *scale = value(self.parts)?,
            0x4489 => {
                // Nanoseconds; what is no time at all is none.
                let seconds = float(self.parts)? * *scale as f64 / 1e9;
                let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                media.millis = u64::try_from(time.as_millis()).ok().filter(|millis| *millis > 0);
            }
            0xB0 => media.pixels = Some((value(self.parts)? as u32, 0)),
            0xBA => {
                let height = value(self.parts)? as u32;
                media.pixels = media.pixels.map(|(width, _)| (width, height));
            }
            0xB5 => {
                let rate = Duration::try_from_secs_f64(float(self.parts)?).unwrap_or_default();
                media.rate = u32::try_from(rate.as_secs()).ok().filter(|rate| *rate > 0);
            }
            0x9F => media.channels = Some(value(self.parts)? as u32),
            0x7BA9 => {
                media.title = shown(&String::from_utf8_lossy(self.parts.at(body, size)?));
            }
            _ => {}
        }
        Ok(())
    }
}

pub(super) fn avi(parts: &Parts) -> Result<Media, Stop> {
    // RIFF, LIST and avih stand one behind the other.
    if parts.at(24, 4)? != b"avih" {
        return Err(Stop::Unknown);
    }
    let head = parts.at(32, 40)?;
    let number = |at: usize| le(&head[at..at + 4]);
    let pixels = Some((number(32) as u32, number(36) as u32));
    // Microseconds of a frame, and how many there are.
    Ok(Media { millis: millis(number(0) * number(16), 1_000_000), pixels, ..Media::default() })
}
