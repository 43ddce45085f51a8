//! Where the files of the data directory are, and how they are named.
//!
//! ```text
//! <data>/chunks/<first byte>/<blob id>.<generation>    the chunks
//! <data>/tmp/<number>                                   being written; emptied at start
//! <data>/quarantine/<blob id>.<generation>.<number>     evidence of damage; never removed
//! <data>/trash/<time>.<blob id>.<generation>            removed chunks, kept for a while
//! ```
//!
//! Ids are lower-case hexadecimal, numbers and generations decimal, the time is
//! milliseconds since 1970 as 16 hexadecimal digits. docs/formats.md has the same.

use coffer_protocol::BlobId;
use std::path::{Path, PathBuf};

/// Distinguishes the successive files of one chunk: a chunk that is uploaded
/// again after its removal gets the next one, so that a late removal of the old
/// file never hits the new one.
pub type Generation = u32;

/// The paths of one data directory.
#[derive(Clone, Debug)]
pub struct Layout {
    data: PathBuf,
}

impl Layout {
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// The data directory itself.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The directory above the 256 chunk directories.
    pub fn chunks(&self) -> PathBuf {
        self.data.join("chunks")
    }

    /// The directory of the chunks whose id starts with this byte.
    pub fn shard(&self, first: u8) -> PathBuf {
        self.data.join(format!("chunks/{first:02x}"))
    }

    /// The file of a chunk.
    pub fn chunk(&self, blob: &BlobId, generation: Generation) -> PathBuf {
        self.shard(blob.0[0]).join(chunk_name(blob, generation))
    }

    /// Files that are being written.
    pub fn tmp(&self) -> PathBuf {
        self.data.join("tmp")
    }

    /// Copies of damaged chunks.
    pub fn quarantine(&self) -> PathBuf {
        self.data.join("quarantine")
    }

    /// Chunks that were removed.
    pub fn trash(&self) -> PathBuf {
        self.data.join("trash")
    }

    /// The name of a chunk that was removed at this time.
    pub fn trashed(&self, now_millis: i64, blob: &BlobId, generation: Generation) -> PathBuf {
        let time = now_millis.max(0).cast_unsigned();
        self.trash().join(format!("{time:016x}.{}", chunk_name(blob, generation)))
    }
}

/// The file name of a chunk.
pub(crate) fn chunk_name(blob: &BlobId, generation: Generation) -> String {
    format!("{blob}.{generation}")
}

/// Reads a file name that [`chunk_name`] wrote; `None` for any other name.
pub(crate) fn parse_chunk_name(name: &str) -> Option<(BlobId, Generation)> {
    let (blob, generation) = name.split_once('.')?;
    let parsed = (BlobId::parse_hex(blob)?, generation.parse().ok()?);
    (chunk_name(&parsed.0, parsed.1) == name).then_some(parsed)
}

/// Reads the time from a name in the trash; `None` for any other name.
pub(crate) fn parse_trash_name(name: &str) -> Option<i64> {
    let (time, chunk) = name.split_once('.')?;
    parse_chunk_name(chunk)?;
    i64::from_str_radix(time, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let blob = BlobId([0xab; 32]);
        let name = chunk_name(&blob, 7);
        assert_eq!(parse_chunk_name(&name), Some((blob, 7)));
        for other in ["", ".", "ab.1", &name.to_uppercase(), &format!("{name} "), &blob.to_string()]
        {
            assert_eq!(parse_chunk_name(other), None, "{other}");
        }
        assert_eq!(parse_chunk_name(&format!("{blob}.07")), None);
        assert_eq!(parse_chunk_name(&format!("{blob}.4294967296")), None);
    }

    #[test]
    fn paths_are_where_the_format_document_says() {
        let layout = Layout::new(Path::new("/data"));
        let blob = BlobId([0x0f; 32]);
        let hex = "0f".repeat(32);
        assert_eq!(layout.chunk(&blob, 3), Path::new(&format!("/data/chunks/0f/{hex}.3")));
        let trashed = layout.trashed(255, &blob, 3);
        assert_eq!(trashed, Path::new(&format!("/data/trash/00000000000000ff.{hex}.3")));
        let name = trashed.file_name().unwrap().to_str().unwrap();
        assert_eq!(parse_trash_name(name), Some(255));
        assert_eq!(parse_trash_name("00000000000000ff.other"), None);
    }
}
