//! A look at a file.
//!
//! Guarantees: what is read of a file, how big a picture may be and how much memory it may
//! take to decode are bounded; decoding is done where waiting is meant, and whatever is wrong
//! with a file, a panic of a decoder included, means that there is no preview. Nothing is
//! written to a disk.

use super::Shared;
use crate::command::Event;
use crate::kind::{self, FileKind};
use crate::look::LookEvent;
use crate::state::Row;
use crate::state::preview::{Picture, Preview, revision_of};
use coffer_client::{ByteRange, Client, ClientError};
use image::ImageDecoder as _;
use std::io::Cursor;
use std::sync::Arc;

/// Bytes of a text that are shown.
const TEXT_BYTES: u64 = 16 << 10;
/// Biggest picture that is fetched for a preview, in bytes.
const PICTURE_BYTES: u64 = 32 << 20;
/// Longest side of a preview, in pixels.
const PICTURE_SIDE: u32 = 640;
/// Longest side of a small picture, in pixels.
const THUMB_SIDE: u32 = 192;
/// Longest side of a picture that is decoded, in pixels.
const MAX_SIDE: u32 = 20_000;
/// Most memory that decoding a picture may take, in bytes.
const PICTURE_MEMORY: u64 = 256 << 20;

impl Shared {
    /// A small picture.
    pub(super) async fn thumb(&self, client: &Client, row: Row) {
        let outcome = thumb(client, &row).await.map_err(|_| ());
        self.tell(Event::Look(LookEvent::Thumb(revision_of(&row), outcome))).await;
    }
}

async fn thumb(client: &Client, row: &Row) -> Result<Option<Picture>, ClientError> {
    match kind::of(&row.entry.name) {
        FileKind::Picture if row.entry.size <= PICTURE_BYTES => {
            let bytes = read(client, row, PICTURE_BYTES).await?;
            Ok(decoded(bytes, THUMB_SIDE).await)
        }
        _ => Ok(None),
    }
}

/// The beginning of a file.
async fn read(client: &Client, row: &Row, end: u64) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    client.read_to(&row.path, ByteRange { start: 0, end: Some(end) }, &mut bytes).await?;
    Ok(bytes)
}

/// What belongs beside the facts about a file.
pub(super) async fn preview(client: &Client, row: &Row) -> Result<Preview, ClientError> {
    match kind::of(&row.entry.name) {
        FileKind::Picture if row.entry.size <= PICTURE_BYTES => {
            let bytes = read(client, row, PICTURE_BYTES).await?;
            let picture = decoded(bytes, PICTURE_SIDE).await;
            Ok(picture.map_or(Preview::None, Preview::Picture))
        }
        kind if kind.is_text() => {
            let text = text(read(client, row, TEXT_BYTES).await?);
            Ok(text.map_or(Preview::None, Preview::Text))
        }
        _ => Ok(Preview::None),
    }
}

/// The beginning of a text, which may end within a character; `None` if it is none.
fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).map_or_else(
        |error| {
            let whole = error.utf8_error();
            let cut_off = whole.error_len().is_none();
            let beginning = error.as_bytes().get(..whole.valid_up_to())?;
            cut_off.then(|| String::from_utf8_lossy(beginning).into_owned())
        },
        Some,
    )
}

async fn decoded(bytes: Vec<u8>, side: u32) -> Option<Picture> {
    // A panic of the decoder ends the task alone.
    tokio::task::spawn_blocking(move || picture(bytes, side)).await.ok().flatten()
}

/// Decodes a picture, turns it the way the camera was held, and shrinks it.
fn picture(bytes: Vec<u8>, side: u32) -> Option<Picture> {
    let mut reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(PICTURE_MEMORY);
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let picture = image::DynamicImage::from_decoder(decoder).ok()?;
    // A small picture stays as it is.
    let mut small = match picture.width().max(picture.height()) > side {
        true => picture.thumbnail(side, side),
        false => picture,
    };
    small.apply_orientation(orientation);
    let small = small.into_rgba8();
    let (width, height) = (small.width() as usize, small.height() as usize);
    Some(Picture { width, height, rgba: Arc::new(small.into_raw()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_end_within_a_character_but_not_be_something_else() {
        assert_eq!(text(b"na\xc3\xafve".to_vec()).as_deref(), Some("naïve"));
        assert_eq!(text(b"na\xc3".to_vec()).as_deref(), Some("na"));
        assert_eq!(text(b"na\xefve".to_vec()), None);
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let image = image::RgbaImage::from_pixel(width, height, image::Rgba([1, 2, 3, 255]));
        image.write_to(&mut bytes, image::ImageFormat::Png).expect("written");
        bytes.into_inner()
    }

    #[test]
    fn pictures_are_shrunk_and_rubbish_is_none() {
        let bytes = png(1280, 640);
        let small = picture(bytes.clone(), PICTURE_SIDE).expect("a picture");
        assert_eq!((small.width, small.height, small.rgba.len()), (640, 320, 640 * 320 * 4));
        let small = picture(png(3, 2), PICTURE_SIDE).expect("a picture");
        assert_eq!((small.width, small.height), (3, 2), "not made bigger");
        assert_eq!(picture(bytes[..bytes.len() / 2].to_vec(), THUMB_SIDE), None);
        assert_eq!(picture(b"no picture".to_vec(), THUMB_SIDE), None);
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_not_decoded() {
        let mut bytes = png(4, 4);
        // The width in the header of a PNG, and the checksum that goes with it.
        bytes[16..20].copy_from_slice(&(MAX_SIDE + 1).to_be_bytes());
        assert_eq!(picture(bytes, THUMB_SIDE), None);
    }
}
