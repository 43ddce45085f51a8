//! What belongs to one selected thing: versions, shares, a look at it.

use super::{Shared, people};
use crate::command::Event;
use crate::kind::{self, FileKind};
use crate::state::Row;
use crate::state::model::Preview;
use coffer_client::{ByteRange, Client, ClientError, RemotePath};
use std::io::Cursor;
use std::sync::Arc;

/// Versions that are shown.
const MAX_VERSIONS: usize = 100;
/// Bytes of a text that are shown.
const TEXT_BYTES: u64 = 16 << 10;
/// Biggest picture that is fetched for a preview, in bytes.
const PICTURE_BYTES: u64 = 32 << 20;
/// Longest side of a preview, in pixels.
const PICTURE_SIDE: u32 = 640;
/// Most memory that decoding a picture may take, in bytes.
const PICTURE_MEMORY: u64 = 256 << 20;

impl Shared {
    pub(super) async fn details(&self, row: Row) {
        let Some(client) = self.client() else { return };
        let node = row.entry.node;
        // Only the owner can ask who has access.
        let shares = match &row.path {
            RemotePath::Own(_) => people::shares_of(&client, &row.path).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let versions = match row.is_dir() {
            true => Vec::new(),
            false => versions(&client, &row.path).await.unwrap_or_default(),
        };
        self.tell(Event::Versions(node, versions, shares)).await;
        if !row.is_dir() {
            let preview = preview(&client, &row).await;
            let preview = preview.unwrap_or_else(|error| Preview::Failed(error.into()));
            self.tell(Event::Preview(node, preview)).await;
        }
    }
}

async fn versions(
    client: &Client,
    path: &RemotePath,
) -> Result<Vec<coffer_client::protocol::message::tree::Version>, ClientError> {
    let mut pages = client.versions(path)?;
    let mut versions = Vec::new();
    while let Some(page) = pages.next_page().await? {
        versions.extend(page.versions);
        if versions.len() >= MAX_VERSIONS {
            break;
        }
    }
    Ok(versions)
}

async fn preview(client: &Client, row: &Row) -> Result<Preview, ClientError> {
    let kind = kind::of(&row.entry.name);
    let end = match kind {
        FileKind::Picture if row.entry.size <= PICTURE_BYTES => PICTURE_BYTES,
        kind if kind.is_text() => TEXT_BYTES,
        _ => return Ok(Preview::None),
    };
    let mut bytes = Vec::new();
    client.read_to(&row.path, ByteRange { start: 0, end: Some(end) }, &mut bytes).await?;
    if kind.is_text() {
        return Ok(text(bytes).map_or(Preview::None, Preview::Text));
    }
    let decoded = tokio::task::spawn_blocking(move || picture(bytes)).await;
    Ok(decoded.ok().flatten().unwrap_or(Preview::None))
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

/// Decodes and shrinks a picture. Whatever is wrong with it: there is no preview.
fn picture(bytes: Vec<u8>) -> Option<Preview> {
    let mut reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(PICTURE_MEMORY);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let small = picture.thumbnail(PICTURE_SIDE, PICTURE_SIDE).into_rgba8();
    let (width, height) = (small.width() as usize, small.height() as usize);
    Some(Preview::Picture(width, height, Arc::new(small.into_raw())))
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

    #[test]
    fn pictures_are_shrunk_and_rubbish_is_none() {
        let mut bytes = Cursor::new(Vec::new());
        let big = image::RgbaImage::from_pixel(1280, 640, image::Rgba([1, 2, 3, 255]));
        big.write_to(&mut bytes, image::ImageFormat::Png).expect("written");
        let bytes = bytes.into_inner();
        let Some(Preview::Picture(640, 320, pixels)) = picture(bytes.clone()) else {
            panic!("a picture of half the size");
        };
        assert_eq!(pixels.len(), 640 * 320 * 4);
        assert!(picture(bytes[..bytes.len() / 2].to_vec()).is_none());
        assert!(picture(b"no picture".to_vec()).is_none());
    }
}
