//! The divergence bundle: what only this machine has, in a directory of its own that
//! nothing ever deletes.
//!
//! ```text
//! <data>/divergence/<epoch>-<first>-<last>/entries
//! <data>/divergence/<epoch>-<first>-<last>/<blob id>.<generation>
//!
//! entries = "CFDV" || version (1 byte, 1) || server id (32) || epoch (8)
//!           || fork seq (8) || fork hash (32) || records
//! record  = 1 || length (4) || journal entry
//!         | 2 || blob id (32) || length (4) || sealed chunk that has no file
//!         | 0, at the end
//! ```
//!
//! Files of chunks are further names of those in `chunks/`, so they take no room until
//! those are removed. The directory gets its name when everything in it is durable.

use super::export::{Batch, Export};
use super::store_failed;
use crate::data_dir::write_failure;
use crate::failure::{Failure, Outcome};
use crate::install::Installation;
use coffer_protocol::BlobId;
use coffer_store::durable::{self, DurableError};
use coffer_store::{ChunkPlace, ChunkRow, MAX_PAGE, Store, StoreError, arrivals};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 4] = b"CFDV";
const VERSION: u8 = 1;
const DIRECTORY: &str = "divergence";

/// Writes the bundle, unless it is there; returns its directory.
pub(super) async fn write(installation: &Installation, export: &Export<'_>) -> Outcome<PathBuf> {
    let parent = installation.data.root().join(DIRECTORY);
    let (epoch, last) = (export.head.epoch, export.head.seq);
    let name = format!("{epoch}-{}-{last}", export.fork.0 + 1);
    let path = parent.join(&name);
    if path.exists() {
        return Ok(path);
    }
    durable::create_dirs_durable(&parent).map_err(|error| write_failure(&parent, &error))?;
    let unfinished = parent.join(format!("{name}.unfinished"));
    if let Err(error) = fs::remove_dir_all(&unfinished)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(Failure::io("remove", &unfinished, &error));
    }
    durable::create_dirs_durable(&unfinished)
        .map_err(|error| write_failure(&unfinished, &error))?;
    fill(installation, export, &unfinished).await?;
    durable::rename(&unfinished, &path).map_err(|error| write_failure(&path, &error))?;
    flush_dir(&parent)?;
    Ok(path)
}

fn flush_dir(path: &Path) -> Outcome {
    durable::flush_dir(path).map_err(|error| write_failure(path, &DurableError::from(error)))
}

async fn fill(installation: &Installation, export: &Export<'_>, directory: &Path) -> Outcome {
    let path = directory.join("entries");
    let io = |error: std::io::Error| Failure::io("write", &path, &error);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut out = BufWriter::new(file.map_err(io)?);
    let mut head = MAGIC.to_vec();
    head.push(VERSION);
    head.extend_from_slice(&installation.marker.server_id.0);
    head.extend_from_slice(&export.head.epoch.to_be_bytes());
    head.extend_from_slice(&export.fork.0.to_be_bytes());
    head.extend_from_slice(&export.fork.1);
    out.write_all(&head).map_err(io)?;
    let mut after = export.fork.0;
    while let Some(Batch { supplements, entries }) = export.after(after).await? {
        after = entries.last().map_or(after, |entry| entry.seq);
        let mut chunks = BTreeSet::new();
        for entry in supplements.iter().chain(&entries) {
            let mut bytes = Vec::new();
            entry.encode(&mut bytes);
            out.write_all(&[1]).map_err(io)?;
            out.write_all(&(bytes.len() as u32).to_be_bytes()).map_err(io)?;
            out.write_all(&bytes).map_err(io)?;
            chunks.extend(arrivals(entry).into_iter().flatten().map(|arrival| arrival.blob));
        }
        let chunks: Vec<BlobId> = chunks.into_iter().collect();
        for page in chunks.chunks(MAX_PAGE as usize) {
            let rows = export.store.chunk_rows(page).await;
            for row in rows.map_err(|error| store_failed(&error))? {
                keep_chunk(installation, export.store, &row, directory, &mut out, &path).await?;
            }
        }
    }
    out.write_all(&[0]).map_err(io)?;
    let file: File = out.into_inner().map_err(|error| io(error.into_error()))?;
    let flushed = durable::flush_file(&file, &path);
    flushed.map_err(|error| write_failure(&path, &DurableError::from(error)))?;
    flush_dir(directory)
}

/// Keeps a chunk: one with a file under a further name, another one in the file. One
/// that is not there any more, or damaged, is left out.
async fn keep_chunk(
    installation: &Installation,
    store: &Store,
    row: &ChunkRow,
    directory: &Path,
    out: &mut BufWriter<File>,
    path: &Path,
) -> Outcome {
    if row.place == ChunkPlace::File {
        let name = format!("{}.{}", row.blob, row.generation);
        let shard = format!("{:02x}", row.blob.0[0]);
        let from = installation.data.root().join("chunks").join(shard).join(&name);
        return match fs::hard_link(&from, directory.join(&name)) {
            Ok(()) => Ok(()),
            Err(error)
                if [ErrorKind::NotFound, ErrorKind::AlreadyExists].contains(&error.kind()) =>
            {
                Ok(())
            }
            Err(error) => Err(Failure::io("link", &from, &error)),
        };
    }
    let bytes = match store.read_chunk(&row.blob).await {
        Ok(bytes) => bytes,
        Err(StoreError::NoSuchChunk { .. } | StoreError::Corrupt { .. }) => return Ok(()),
        Err(error) => return Err(store_failed(&error)),
    };
    let io = |error: std::io::Error| Failure::io("write", path, &error);
    out.write_all(&[2]).map_err(io)?;
    out.write_all(&row.blob.0).map_err(io)?;
    out.write_all(&(bytes.len() as u32).to_be_bytes()).map_err(io)?;
    out.write_all(&bytes).map_err(io)
}
