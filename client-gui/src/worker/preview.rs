//! A look at a file.
//!
//! Guarantees: what is read of a file, how big a picture may be and how much memory it may
//! take to decode are bounded; decoding is done where waiting is meant, and whatever is wrong
//! with a file, a panic of a decoder included, means that there is no preview. At one place
//! only the newest look goes on. Nothing is written to a disk.

use super::{Shared, locked, page};
use crate::command::{Event, Job};
use crate::kind::{self, FileKind};
use crate::look::{LookEvent, LookJob};
use crate::media::{self, Media, Parts, Stop};
use crate::state::Row;
use crate::state::preview::{Page, Picture, Preview, Unshown, revision_of};
use crate::syntax;
use crate::{pdf, report};
use coffer_client::{ByteRange, Client, ClientError, FileReader};
use image::ImageDecoder as _;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Longest line of a text that is shown, in bytes.
const MAX_LINE: usize = 1 << 10;
/// Parts of a sound or film that are read, and their size, in bytes.
const MAX_PARTS: usize = 12;
const PART_BYTES: u64 = 128 << 10;
/// Biggest picture that is fetched for a preview, in bytes.
const PICTURE_BYTES: u64 = 32 << 20;
/// Longest side of a small picture, in pixels.
const THUMB_SIDE: u32 = 192;
/// Longest side of a picture that is decoded, in pixels.
const MAX_SIDE: u32 = 20_000;
/// Most memory that decoding a picture may take, in bytes.
const PICTURE_MEMORY: u64 = 256 << 20;

impl Shared {
    /// A bigger look at a file, or at an old version of it.
    pub(super) async fn quick(&self, client: &Client, row: Row, revision: Option<u64>) {
        let preview = Box::pin(self.preview(client, &row, revision, IN_FRONT)).await;
        let preview = preview.unwrap_or_else(|error| Preview::Failed(error.into()));
        let of = (row.entry.node, revision.unwrap_or(row.entry.revision));
        self.tell(Event::Look(LookEvent::Quick(of, preview))).await;
    }

    /// A look beside the facts about a file.
    pub(super) async fn look_beside(&self, client: &Client, row: &Row) -> Preview {
        let preview = Box::pin(self.preview(client, row, None, BESIDE)).await;
        preview.unwrap_or_else(|error| Preview::Failed(error.into()))
    }

    /// A small picture.
    pub(super) async fn thumb(&self, client: &Client, row: Row) {
        let look = Box::pin(self.preview(client, &row, None, SMALL)).await;
        let outcome = look.map_err(|_| ()).map(|look| match look {
            Preview::Picture(picture) | Preview::Page(Page { picture, .. }) => Some(picture),
            _ => None,
        });
        self.tell(Event::Look(LookEvent::Thumb(revision_of(&row), outcome))).await;
    }
}

/// Looks that are on their way.
pub(super) struct Looks {
    /// Ends the look in front of the page, and the one beside the facts.
    in_front: Mutex<CancellationToken>,
    beside: Mutex<CancellationToken>,
    /// Room for pages that are drawn.
    drawn: Semaphore,
}

impl Default for Looks {
    fn default() -> Self {
        let drawn = Semaphore::new(page::MAX_DRAWN);
        Self { in_front: Mutex::default(), beside: Mutex::default(), drawn }
    }
}

impl Looks {
    /// Of a job that is asked for now: what ends it. A look ends the one before it at its
    /// place, all else goes on. To be called in the order of the jobs.
    pub(super) fn end_of(&self, job: &Job) -> CancellationToken {
        let mine = CancellationToken::new();
        let place = match job {
            Job::Look(LookJob::Quick(..)) => &self.in_front,
            Job::Details(_) => &self.beside,
            _ => return mine,
        };
        std::mem::replace(&mut *locked(place), mine.clone()).cancel();
        mine
    }
}

/// How much is shown.
#[derive(Clone, Copy)]
struct Amount {
    /// Longest side of a picture, in pixels.
    side: u32,
    /// Bytes of a text.
    text: u64,
}

/// In a grid.
const SMALL: Amount = Amount { side: THUMB_SIDE, text: 0 };
/// Beside the facts about a file.
const BESIDE: Amount = Amount { side: 640, text: 16 << 10 };
/// In front of the page.
const IN_FRONT: Amount = Amount { side: 1600, text: 256 << 10 };

/// The beginning of a file.
async fn read(reader: &FileReader, end: u64) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    reader.read_to(ByteRange { start: 0, end: Some(end) }, &mut bytes).await?;
    Ok(bytes)
}

impl Shared {
    /// What a file, or an old version of it, looks like.
    async fn preview(
        &self,
        client: &Client,
        row: &Row,
        revision: Option<u64>,
        amount: Amount,
    ) -> Result<Preview, ClientError> {
        let kind = kind::of(&row.entry.name);
        if matches!(kind, FileKind::Archive | FileKind::Other) {
            return Ok(Preview::None);
        }
        let reader = client.open_file(&row.path, revision).await?;
        let size = reader.info().entry.size;
        let shown = match kind {
            FileKind::Picture if size > PICTURE_BYTES => Some(Preview::Unshown(Unshown::TooLarge)),
            FileKind::Pdf if size > pdf::MAX_BYTES => Some(Preview::Unshown(Unshown::TooLarge)),
            FileKind::Picture => {
                let bytes = read(&reader, PICTURE_BYTES).await?;
                decoded(bytes, amount.side).await.map(Preview::Picture)
            }
            FileKind::Pdf => Some(self.page(&reader, amount.side).await?),
            FileKind::Sound | FileKind::Film => media(&reader).await?.map(Preview::Media),
            kind if kind.is_text() => {
                let bytes = read(&reader, amount.text).await?;
                coloured(bytes, row.entry.name.clone()).await.map(Preview::Text)
            }
            _ => None,
        };
        Ok(shown.unwrap_or(Preview::None))
    }

    /// The first page of a PDF.
    async fn page(&self, reader: &FileReader, side: u32) -> Result<Preview, ClientError> {
        // It is never closed. What waits for room holds no contents.
        let _room = self.looks.drawn.acquire().await;
        let bytes = read(reader, pdf::MAX_BYTES).await?;
        let drawn = page::draw(&bytes, side).await?;
        Ok(drawn.map_or_else(Preview::Unshown, Preview::Page))
    }
}

async fn coloured(bytes: Vec<u8>, name: String) -> Option<Arc<Vec<syntax::Line>>> {
    let colour = move || Some(Arc::new(syntax::lines(&text(bytes)?, &name, MAX_LINE)));
    tokio::task::spawn_blocking(colour).await.ok().flatten()
}

/// Reads those parts of a sound or film that tell what it is.
async fn media(reader: &FileReader) -> Result<Option<Box<Media>>, ClientError> {
    let mut parts = Parts { size: reader.info().entry.size, parts: Vec::new() };
    for _ in 0..MAX_PARTS {
        match media::read(&parts) {
            Ok(media) => return Ok(Some(Box::new(media))),
            Err(Stop::Unknown) => return Ok(None),
            Err(Stop::Needs(at)) => {
                let mut bytes = Vec::new();
                let end = Some(at.saturating_add(PART_BYTES));
                reader.read_to(ByteRange { start: at, end }, &mut bytes).await?;
                parts.parts.push((at, bytes));
            }
        }
    }
    Ok(None)
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
    let decode = move || report::caught(|| picture(bytes, side)).flatten();
    tokio::task::spawn_blocking(decode).await.ok().flatten()
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
    use crate::state::folder::tests::row;
    use coffer_client::protocol::message::tree::Kind;

    #[test]
    fn a_text_may_end_within_a_character_but_not_be_something_else() {
        assert_eq!(text(b"na\xc3\xafve".to_vec()).as_deref(), Some("naïve"));
        assert_eq!(text(b"na\xc3".to_vec()).as_deref(), Some("na"));
        assert_eq!(text(b"na\xefve".to_vec()), None);
    }

    #[test]
    fn only_the_newest_look_at_a_place_goes_on() {
        let looks = Looks::default();
        let row = || Box::new(row("plan.pdf", Kind::File, 1, 1));
        let quick = || looks.end_of(&Job::Look(LookJob::Quick(row(), None)));
        let small = || looks.end_of(&Job::Look(LookJob::Thumb(row())));
        let (first, beside, thumb) = (quick(), looks.end_of(&Job::Details(row())), small());
        let (second, another) = (quick(), small());
        assert!(first.is_cancelled());
        for goes_on in [beside, thumb, second, another] {
            assert!(!goes_on.is_cancelled());
        }
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
        let small = picture(bytes.clone(), 640).expect("a picture");
        assert_eq!((small.width, small.height, small.rgba.len()), (640, 320, 640 * 320 * 4));
        let small = picture(png(3, 2), 640).expect("a picture");
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
