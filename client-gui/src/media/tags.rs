//! Title, artist and album, as different formats write them.

use super::{Media, be, le, shown};

/// Vorbis comments: of FLAC, Ogg and Opus. `bytes` begins with the vendor.
pub(super) fn vorbis(bytes: &[u8], media: &mut Media) {
    const MAX_COMMENTS: u64 = 200;
    let mut rest = bytes;
    let mut field = || {
        let (len, after) = rest.split_at_checked(4)?;
        let (text, after) = after.split_at_checked(usize::try_from(le(len)).ok()?)?;
        rest = after;
        Some(text)
    };
    let Some(_vendor) = field() else { return };
    let Some((count, after)) = rest.split_at_checked(4) else { return };
    rest = after;
    for _ in 0..le(count).min(MAX_COMMENTS) {
        let mut field = || {
            let (len, after) = rest.split_at_checked(4)?;
            let (text, after) = after.split_at_checked(usize::try_from(le(len)).ok()?)?;
            rest = after;
            Some(text)
        };
        let Some(comment) = field() else { return };
        let comment = String::from_utf8_lossy(comment);
        let Some((name, value)) = comment.split_once('=') else { continue };
        match name.to_ascii_uppercase().as_str() {
            "TITLE" => media.title = shown(value),
            "ARTIST" => media.artist = shown(value),
            "ALBUM" => media.album = shown(value),
            _ => {}
        }
    }
}

/// The frames of an `ID3v2` tag, behind its header; `major` is 2, 3 or 4.
pub(super) fn id3(bytes: &[u8], major: u8, media: &mut Media) {
    let (id_len, header) = if major == 2 { (3, 6) } else { (4, 10) };
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_at_checked(header) {
        let (id, size) = head.split_at(id_len);
        if id.first() == Some(&0) {
            return;
        }
        let size = match major {
            2 => be(&size[..3]),
            3 => be(&size[..4]),
            _ => sync_safe(&size[..4]),
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some((body, after)) = after.split_at_checked(size) else { return };
        match id {
            b"TIT2" | b"TT2" => media.title = id3_text(body),
            b"TPE1" | b"TP1" => media.artist = id3_text(body),
            b"TALB" | b"TAL" => media.album = id3_text(body),
            _ => {}
        }
        rest = after;
    }
}

/// Four bytes of seven bits.
pub(super) fn sync_safe(bytes: &[u8]) -> u64 {
    bytes.iter().take(4).fold(0, |value, byte| value << 7 | u64::from(byte & 0x7F))
}

fn id3_text(body: &[u8]) -> Option<String> {
    let (encoding, text) = body.split_first()?;
    let wide = |text: &[u8], big: bool| {
        let unit = |pair: &[u8]| if big { be(pair) as u16 } else { le(pair) as u16 };
        let units: Vec<_> = text.chunks_exact(2).map(unit).take_while(|unit| *unit != 0).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match (encoding, text) {
        (1, [0xFF, 0xFE, text @ ..]) => wide(text, false),
        (1, [0xFE, 0xFF, text @ ..]) | (2, text) => wide(text, true),
        (3, text) => String::from_utf8_lossy(text).into_owned(),
        (_, text) => text.iter().map(|byte| char::from(*byte)).collect(),
    };
    shown(text.split('\0').next().unwrap_or_default())
}
