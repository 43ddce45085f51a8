//! FLAC, Ogg (Vorbis and Opus), WAV, MP3.

use super::{Media, Parts, Stop, be, le, millis, tags};

/// Most bytes of tags that are looked at.
const MAX_TAGS: usize = 64 << 10;
/// Most blocks or chunks that are passed over.
const MAX_STEPS: usize = 64;

pub(super) fn flac(parts: &Parts) -> Result<Media, Stop> {
    let mut media = Media::default();
    let mut at = 4;
    for _ in 0..MAX_STEPS {
        let head = parts.at(at, 4)?;
        let (last, kind, len) = (head[0] & 0x80 != 0, head[0] & 0x7F, be(&head[1..]));
        match kind {
            0 => {
                // Bit fields: 20 of the rate, 3 of the channels, 5, 36 of the samples.
                let packed = be(parts.at(at + 14, 8)?);
                let rate = packed >> 44;
                media.rate = Some(rate as u32).filter(|rate| *rate > 0);
                media.channels = Some((packed >> 41 & 7) as u32 + 1);
                media.millis = millis(packed & 0xF_FFFF_FFFF, rate);
            }
            4 => tags::vorbis(parts.some(at + 4, (len as usize).min(MAX_TAGS))?, &mut media),
            _ => {}
        }
        at += 4 + len;
        if last || kind == 4 {
            break;
        }
    }
    Ok(media)
}

pub(super) fn ogg(parts: &Parts) -> Result<Media, Stop> {
    let mut media = Media::default();
    let head = parts.some(0, 128)?;
    let body = head.get(28..).ok_or(Stop::Unknown)?;
    // Opus counts time in 48,000 steps a second, whatever it was made from.
    let (rate, skip) = match body {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _, channels, a, b, rest @ ..] => {
            media.channels = Some(u32::from(*channels));
            media.rate = rest.get(..4).map(|rate| le(rate) as u32).filter(|rate| *rate > 0);
            (48_000, le(&[*a, *b]))
        }
        [1, b'v', b'o', b'r', b'b', b'i', b's', _, _, _, _, channels, rate @ ..] => {
            media.channels = Some(u32::from(*channels));
            let rate = rate.get(..4).map_or(0, le);
            media.rate = Some(rate as u32).filter(|rate| *rate > 0);
            (rate, 0)
        }
        _ => return Err(Stop::Unknown),
    };
    let begin = parts.some(0, MAX_TAGS)?;
    for (mark, len) in [(&b"OpusTags"[..], 8), (&b"\x03vorbis"[..], 7)] {
        if let Some(at) = begin.windows(mark.len()).position(|window| window == mark) {
            tags::vorbis(&begin[at + len..], &mut media);
        }
    }
    // The last page says how many samples there are.
    let tail = parts.size.saturating_sub(MAX_TAGS as u64);
    let end = parts.at(tail, (parts.size - tail) as usize)?;
    let last = end.windows(4).rposition(|window| window == b"OggS");
    if let Some(granule) = last.and_then(|at| end.get(at + 6..at + 14)) {
        media.millis = millis(le(granule).saturating_sub(skip), rate);
    }
    Ok(media)
}

pub(super) fn wav(parts: &Parts) -> Result<Media, Stop> {
    let mut media = Media::default();
    let (mut at, mut per_second) = (12_u64, 0);
    for _ in 0..MAX_STEPS {
        let head = parts.at(at, 8)?;
        let (id, len) = head.split_at(4);
        let len = le(len);
        match id {
            b"fmt " => {
                let format = parts.at(at + 8, 16)?;
                media.channels = Some(le(&format[2..4]) as u32);
                media.rate = Some(le(&format[4..8]) as u32);
                per_second = le(&format[8..12]);
            }
            b"data" => {
                media.millis = millis(len.min(parts.size - at), per_second);
                break;
            }
            _ => {}
        }
        at = at.saturating_add(8 + len + len % 2);
    }
    Ok(media)
}

pub(super) fn mp3(parts: &Parts) -> Result<Media, Stop> {
    let mut media = Media::default();
    let head = parts.some(0, 10)?;
    let mut at = 0;
    if let [b'I', b'D', b'3', major @ 2..=4, _, _, size @ ..] = head {
        let size = tags::sync_safe(size);
        tags::id3(parts.some(10, (size as usize).min(MAX_TAGS))?, *major, &mut media);
        at = 10 + size;
    }
    // Padding may stand before the first frame.
    let sound = parts.some(at, 4 << 10)?;
    let is_frame = |pair: &[u8]| pair[0] == 0xFF && pair[1] & 0xE6 == 0xE2;
    let Some(frame) = sound.windows(2).position(is_frame) else { return Ok(media) };
    let frame = &sound[frame..];
    if let Some((bits, rate, samples)) = frame_header(frame) {
        let channels = if frame[3] >> 6 == 3 { 1 } else { 2 };
        (media.rate, media.channels) = (Some(rate as u32), Some(channels));
        // An encoder with a changing rate says how many frames there are.
        let marked = |mark: &[u8]| frame.windows(4).take(64).position(|window| window == mark);
        let counted = marked(b"Xing").or_else(|| marked(b"Info")).and_then(|at| {
            let flags = be(frame.get(at + 4..at + 8)?);
            (flags & 1 == 1).then(|| frame.get(at + 8..at + 12).map(be))?
        });
        media.millis = match counted {
            Some(frames) => millis(frames * samples, rate),
            None => millis((parts.size - at).saturating_mul(8), bits * 1000),
        };
    }
    Ok(media)
}

/// Of a frame of layer III: thousand bits a second, samples a second, samples in it.
fn frame_header(frame: &[u8]) -> Option<(u64, u64, u64)> {
    const FIRST: [u64; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const SECOND: [u64; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    let [_, version, rates, _] = *frame.first_chunk::<4>()?;
    let (divisor, bits, samples) = match version >> 3 & 3 {
        3 => (1, FIRST, 1152),
        2 => (2, SECOND, 576),
        0 => (4, SECOND, 576),
        _ => return None,
    };
    let rate = [44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))? / divisor;
    let bits = bits[usize::from(rates >> 4)];
    (bits > 0).then_some((bits, rate, samples))
}
