//! Small files made by hand, and rubbish.

use super::*;

fn whole(bytes: Vec<u8>) -> Parts {
    Parts { size: bytes.len() as u64, parts: vec![(0, bytes)] }
}

fn boxed(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend_from_slice(kind);
    out.extend_from_slice(body);
    out
}

fn wav() -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    out.extend(44_100_u32.to_le_bytes());
    out.extend(176_400_u32.to_le_bytes());
    out.extend(b"\x04\0\x10\0data");
    out.extend(176_400_u32.to_le_bytes());
    out.resize(out.len() + 176_400, 0);
    out
}

fn comments(texts: &[&str]) -> Vec<u8> {
    let mut out = 0_u32.to_le_bytes().to_vec();
    out.extend((texts.len() as u32).to_le_bytes());
    for text in texts {
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    out
}

fn flac() -> Vec<u8> {
    let mut out = b"fLaC\0\0\0\x22".to_vec();
    out.extend([0; 10]);
    let packed = 48_000_u64 << 44 | 1 << 41 | 15 << 36 | 0x1_7700;
    out.extend(packed.to_be_bytes());
    out.extend([0; 16]);
    let comments = comments(&["title=Song", "ARTIST=Ada\u{7}", "nothing"]);
    out.push(0x84);
    out.extend(&(comments.len() as u32).to_be_bytes()[1..]);
    out.extend(comments);
    out
}

fn mp3() -> Vec<u8> {
    let mut frames = Vec::new();
    for (id, text) in [(b"TIT2", &b"\x03Song"[..]), (b"TPE1", b"\x01\xFF\xFE\xC4\x00d\x00")] {
        frames.extend(id);
        frames.extend((text.len() as u32).to_be_bytes());
        frames.extend([0, 0]);
        frames.extend(text);
    }
    let mut out = b"ID3\x03\0\0\0\0\0".to_vec();
    out.push(frames.len() as u8);
    out.extend(frames);
    // 128,000 bits a second, 44,100 samples a second, two channels.
    out.extend([0xFF, 0xFB, 0x90, 0x00]);
    out.resize(out.len() + 15_996, 0);
    out
}

fn mp4(before: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 100];
    header[12..16].copy_from_slice(&600_u32.to_be_bytes());
    header[16..20].copy_from_slice(&90_000_u32.to_be_bytes());
    let mut track = vec![0; 84];
    track[76..80].copy_from_slice(&(1920_u32 << 16).to_be_bytes());
    track[80..84].copy_from_slice(&(1080_u32 << 16).to_be_bytes());
    let name = boxed(b"\xA9nam", &boxed(b"data", b"\0\0\0\x01\0\0\0\0Film"));
    let meta = [&[0; 4], boxed(b"ilst", &name).as_slice()].concat();
    let tags = boxed(b"udta", &boxed(b"meta", &meta));
    let parts = [boxed(b"mvhd", &header), boxed(b"trak", &boxed(b"tkhd", &track)), tags];
    let mut out = boxed(b"ftyp", b"isom\0\0\0\0");
    out.extend(boxed(b"mdat", before));
    out.extend(boxed(b"moov", &parts.concat()));
    out
}

fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend((0x1000_0000 | body.len() as u32).to_be_bytes());
    out.extend(body);
    out
}

fn matroska() -> Vec<u8> {
    let info = element(b"\x44\x89", &2500_f32.to_be_bytes());
    let video = [element(b"\xB0", &[2, 0x80]), element(b"\xBA", &[1, 0x68])].concat();
    let track = element(b"\xAE", &element(b"\xE0", &video));
    let segment = [element(b"\x15\x49\xA9\x66", &info), element(b"\x16\x54\xAE\x6B", &track)];
    let mut out = element(b"\x1A\x45\xDF\xA3", b"");
    out.extend(element(b"\x18\x53\x80\x67", &segment.concat()));
    out
}

fn opus() -> Vec<u8> {
    let page = |granule: u64, body: &[u8]| {
        let mut out = b"OggS\0\0".to_vec();
        out.extend(granule.to_le_bytes());
        out.extend([0; 12]);
        out.extend([1, body.len() as u8]);
        out.extend(body);
        out
    };
    let head = [&b"OpusHead\x01\x02"[..], &312_u16.to_le_bytes(), &44_100_u32.to_le_bytes()];
    let tags = [&b"OpusTags"[..], &comments(&["ALBUM=Works"])].concat();
    [page(0, &head.concat()), page(0, &tags), page(48_312, b"")].concat()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn each_format_tells_what_it_is() {
    let sound = |millis, rate, channels| Media {
        millis: Some(millis),
        rate: Some(rate),
        channels: Some(channels),
        ..Media::default()
    };
    assert_eq!(read(&whole(wav())), Ok(sound(1000, 44_100, 2)));
    let known =
        Media { title: Some(text("Song")), artist: Some(text("Ada")), ..sound(2000, 48_000, 2) };
    assert_eq!(read(&whole(flac())), Ok(known));
    let known =
        Media { title: Some(text("Song")), artist: Some(text("Äd")), ..sound(1000, 44_100, 2) };
    assert_eq!(read(&whole(mp3())), Ok(known));
    let known = Media { album: Some(text("Works")), ..sound(1000, 44_100, 2) };
    assert_eq!(read(&whole(opus())), Ok(known));
    let film =
        |millis, pixels| Media { millis: Some(millis), pixels: Some(pixels), ..Media::default() };
    let known = Media { title: Some(text("Film")), ..film(150_000, (1920, 1080)) };
    assert_eq!(read(&whole(mp4(b"pictures"))), Ok(known));
    assert_eq!(read(&whole(matroska())), Ok(film(2500, (640, 360))));
    assert_eq!(read(&whole(b"no such thing".to_vec())), Err(Stop::Unknown));
}

#[test]
fn a_film_that_tells_at_its_end_is_read_there_and_not_in_between() {
    let bytes = mp4(&vec![0; 1 << 20]);
    let mut parts = Parts { size: bytes.len() as u64, parts: vec![(0, bytes[..64].to_vec())] };
    let Err(Stop::Needs(at)) = read(&parts) else { panic!("the end is missing") };
    assert!(at > 1 << 20, "{at}");
    parts.parts.push((at, bytes[at as usize..].to_vec()));
    assert_eq!(read(&parts).map(|media| media.pixels), Ok(Some((1920, 1080))));
}

#[test]
fn nothing_that_is_damaged_or_cut_off_does_harm() {
    for bytes in [wav(), flac(), mp3(), mp4(b"x"), matroska(), opus()] {
        let short = bytes.len().min(1500);
        for len in 0..short {
            // The answer does not matter, only that there is one.
            let _ = read(&whole(bytes[..len].to_vec()));
        }
        for at in 0..short {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
                let mut bytes = bytes[..short].to_vec();
                bytes[at] = value;
                if let Some(next) = bytes.get_mut(at + 1) {
                    *next = value;
                }
                let _ = read(&whole(bytes));
            }
        }
    }
}
