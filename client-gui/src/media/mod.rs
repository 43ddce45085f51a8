//! What the head of a sound or film file says of it: how long, how big, by whom.
//!
//! Guarantees: it is a pure function of some parts of the file. What it needs and has not,
//! it says, so the caller reads a few small parts and never the whole. No number in a file is
//! trusted: there are bounds on depth, steps and lengths, and nothing overflows or panics.
//!
//! Sources: RFC 9559 (Matroska), RFC 9639 (FLAC), RFC 3533 (Ogg), RFC 7845 (Opus), ISO/IEC
//! 14496-12 (MP4), ISO/IEC 11172-3 (MP3), id3.org (`ID3v2`), Microsoft RIFF (WAV, AVI).

mod film;
mod sound;
mod tags;

/// Longest text that is taken from a file, in characters.
const MAX_TEXT: usize = 200;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// How long it is, in milliseconds.
    pub millis: Option<u64>,
    /// Width and height, in pixels.
    pub pixels: Option<(u32, u32)>,
    /// Samples a second.
    pub rate: Option<u32>,
    /// Channels of sound.
    pub channels: Option<u32>,
    /// What it is called.
    pub title: Option<String>,
    /// By whom.
    pub artist: Option<String>,
    /// Where it belongs.
    pub album: Option<String>,
}

/// Why nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The part of the file from this byte on is needed.
    Needs(u64),
    /// It is no file that is understood.
    Unknown,
}

/// Some parts of a file.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Size of the whole, in bytes.
    pub size: u64,
    /// Where each part begins, and its bytes.
    pub parts: Vec<(u64, Vec<u8>)>,
}

impl Parts {
    /// Bytes of the file.
    fn at(&self, from: u64, len: usize) -> Result<&[u8], Stop> {
        let end = from.checked_add(len as u64).ok_or(Stop::Unknown)?;
        if end > self.size {
            return Err(Stop::Unknown);
        }
        let cut = |(begin, bytes): &(u64, Vec<u8>)| {
            let skip = usize::try_from(from.checked_sub(*begin)?).ok()?;
            Some((skip, skip.checked_add(len)?)).filter(|(_, end)| *end <= bytes.len())
        };
        let found = self.parts.iter().find_map(|part| Some((&part.1, cut(part)?)));
        found.map(|(bytes, (from, to))| &bytes[from..to]).ok_or(Stop::Needs(from))
    }

    /// What there is from a byte on, of what is in one part; at most so many bytes.
    fn some(&self, from: u64, most: usize) -> Result<&[u8], Stop> {
        let there = |(begin, bytes): &(u64, Vec<u8>)| {
            let skip = usize::try_from(from.checked_sub(*begin)?).ok()?;
            bytes.len().checked_sub(skip).filter(|len| *len > 0)
        };
        let len = self.parts.iter().filter_map(there).max().ok_or(Stop::Needs(from))?;
        self.at(from, len.min(most))
    }

    fn u32(&self, from: u64) -> Result<u32, Stop> {
        self.at(from, 4).map(|bytes| be(bytes) as u32)
    }
}

/// A number, most significant byte first; of the first eight bytes.
fn be(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A number, least significant byte first; of the first eight bytes.
fn le(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Milliseconds of so many steps, of which so many are in a second.
fn millis(steps: u64, per_second: u64) -> Option<u64> {
    let millis = u128::from(steps) * 1000 / u128::from(per_second).max(1);
    u64::try_from(millis).ok().filter(|millis| *millis > 0 && per_second > 0)
}

/// A text as it can be shown; nothing if there is none.
fn shown(text: &str) -> Option<String> {
    let good = |c: &char| !c.is_control();
    let text: String = text.trim().chars().filter(good).take(MAX_TEXT).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// What a file says of itself.
pub fn read(parts: &Parts) -> Result<Media, Stop> {
    let head = parts.some(0, 12)?;
    let media = match head {
        [b'f', b'L', b'a', b'C', ..] => sound::flac(parts)?,
        [b'O', b'g', b'g', b'S', ..] => sound::ogg(parts)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E'] => sound::wav(parts)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' '] => film::avi(parts)?,
        [0x1A, 0x45, 0xDF, 0xA3, ..] => film::matroska(parts)?,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => film::mp4(parts)?,
        [b'I', b'D', b'3', ..] | [0xFF, 0xE0..=0xFF, ..] => sound::mp3(parts)?,
        _ => return Err(Stop::Unknown),
    };
    if media == Media::default() { Err(Stop::Unknown) } else { Ok(media) }
}

#[cfg(test)]
mod tests;
