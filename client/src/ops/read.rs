//! Contents of files: every chunk is hashed before it is handed out, and the
//! list of chunks before the last of them is.

use super::answer;
use crate::client::Client;
use crate::error::ClientError;
use crate::place::ToPlace;
use crate::rate::Lane;
use bytes::Bytes;
use coffer_crypto::ContentHasher;
use coffer_protocol::limits::{MAX_CHUNK_BYTES, MAX_PLAN_CHUNKS};
use coffer_protocol::message::transfer::{
    FileInfo, OpenFile, Plan, PlanChunk, ReadChunk, ReadPlan,
};
use coffer_protocol::message::tree::Kind;
use coffer_protocol::{NodeId, Request};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::ops::Range;
use std::sync::Arc;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Chunks that are asked for ahead of the one being written out.
const READ_AHEAD: usize = 6;

/// Which bytes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One behind the last byte; `None`: to the end of the file.
    pub end: Option<u64>,
}

impl ByteRange {
    /// The whole file.
    pub const ALL: ByteRange = ByteRange { start: 0, end: None };

    fn within(self, size: u64) -> Range<u64> {
        let end = self.end.unwrap_or(size).min(size);
        self.start.min(end)..end
    }
}

/// A file (or an earlier version of it) opened for reading. What it reads
/// stays the same when the file is written meanwhile.
#[derive(Clone)]
pub struct FileReader {
    client: Client,
    info: FileInfo,
    lane: Arc<Lane>,
}

impl FileReader {
    /// The file, with size and times of the opened revision.
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Consecutive chunks from the one that holds the byte at `offset`.
    pub async fn plan(&self, offset: u64) -> Result<Plan, ClientError> {
        let (node, revision) = (self.info.entry.node, self.info.entry.revision);
        let plan = self.client.read_plan(node, revision, offset).await?;
        self.check_plan(&plan, offset)?;
        Ok(plan)
    }

    /// A chunk of a plan, by its place in the file.
    pub async fn chunk(&self, index: u64, chunk: &PlanChunk) -> Result<Bytes, ClientError> {
        let (node, revision) = (self.info.entry.node, self.info.entry.revision);
        self.lane.take(chunk.len.into()).await;
        self.client.read_chunk(node, revision, index, chunk).await
    }

    /// Writes a part of the file, verified chunk by chunk. Returns the number
    /// of bytes.
    pub async fn read_to(
        &self,
        range: ByteRange,
        writer: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, ClientError> {
        let size = self.info.entry.size;
        let wanted = range.within(size);
        let mut whole = (wanted == (0..size)).then(|| self.client.content_hasher());
        let mut offset = wanted.start;
        while offset < wanted.end {
            let plan = self.plan(offset).await?;
            let end = plan_end(&plan);
            if let Some(hasher) = &mut whole {
                add_plan(hasher, &plan);
                if end == size {
                    self.check_content(hasher.clone())?;
                }
            }
            self.write_plan(&plan, &wanted, writer).await?;
            offset = end;
        }
        if let (Some(hasher), 0) = (whole, size) {
            self.check_content(hasher)?;
        }
        writer.flush().await.map_err(ClientError::Output)?;
        Ok(wanted.end - wanted.start)
    }

    /// Checks a hash over all chunks of the file against the entry's.
    pub fn check_content(&self, hasher: ContentHasher) -> Result<(), ClientError> {
        match hasher.finish() == self.info.entry.content_hash.0 {
            true => Ok(()),
            false => Err(self.broken()),
        }
    }

    async fn write_plan(
        &self,
        plan: &Plan,
        wanted: &Range<u64>,
        writer: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<(), ClientError> {
        let mut chunks = stream::iter(placed(plan, wanted))
            .map(|(index, offset, chunk)| async move {
                Ok::<_, ClientError>((offset, self.chunk(index, &chunk).await?))
            })
            .buffered(READ_AHEAD);
        while let Some((offset, data)) = chunks.try_next().await? {
            let from = wanted.start.saturating_sub(offset) as usize;
            let to = (wanted.end - offset).min(data.len() as u64) as usize;
            writer.write_all(&data[from..to]).await.map_err(ClientError::Output)?;
        }
        Ok(())
    }

    /// A plan must go on where it was asked to, and stay within the file.
    fn check_plan(&self, plan: &Plan, offset: u64) -> Result<(), ClientError> {
        let size = self.info.entry.size;
        if offset >= size && plan.chunks.is_empty() {
            return Ok(());
        }
        let sound = plan.chunks.len() <= MAX_PLAN_CHUNKS
            && plan
                .chunks
                .iter()
                .all(|chunk| (1..=MAX_CHUNK_BYTES).contains(&(chunk.len as usize)))
            && plan.offset <= size
            && plan.chunks.first().is_some_and(|first| {
                (plan.offset..plan.offset.saturating_add(first.len.into())).contains(&offset)
            })
            && plan_end(plan) <= size
            && plan.first.saturating_add(plan.chunks.len() as u64) <= self.info.chunks;
        if sound { Ok(()) } else { Err(self.broken()) }
    }

    fn broken(&self) -> ClientError {
        ClientError::Integrity { what: format!("the list of chunks of '{}'", self.info.entry.name) }
    }
}

/// One behind the last byte of a plan that was checked chunk by chunk.
fn plan_end(plan: &Plan) -> u64 {
    let bytes: u64 = plan.chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
    plan.offset.saturating_add(bytes)
}

fn add_plan(hasher: &mut ContentHasher, plan: &Plan) {
    for chunk in &plan.chunks {
        hasher.add(chunk.hash.as_bytes(), chunk.len);
    }
}

/// The chunks of a plan that hold wanted bytes: place, offset, chunk.
fn placed(plan: &Plan, wanted: &Range<u64>) -> Vec<(u64, u64, PlanChunk)> {
    let mut offset = plan.offset;
    let mut out = Vec::new();
    for (index, chunk) in (plan.first..).zip(&plan.chunks) {
        if offset >= wanted.end {
            break;
        }
        out.push((index, offset, *chunk));
        offset = offset.saturating_add(chunk.len.into());
    }
    out
}

impl Client {
    /// Opens a file, or an earlier version of it, for reading.
    pub async fn open_file(
        &self,
        place: &(impl ToPlace + ?Sized),
        revision: Option<u64>,
    ) -> Result<FileReader, ClientError> {
        let open = async |place| {
            let request = OpenFile { place, revision };
            answer!(self.ask(Request::OpenFile(request)).await?, File, "open-file")
        };
        let info = self.at(&place.to_spot()?, open).await?;
        if info.entry.kind != Kind::File {
            return Err(ClientError::UnexpectedAnswer { asked: "open-file" });
        }
        let lane = Arc::new(Lane::new(&self.inner.limits.down));
        Ok(FileReader { client: self.clone(), info, lane })
    }

    /// Writes a file, or a part of it, to `writer`. Returns the number of bytes.
    pub async fn read_to(
        &self,
        place: &(impl ToPlace + ?Sized),
        range: ByteRange,
        writer: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, ClientError> {
        self.open_file(place, None).await?.read_to(range, writer).await
    }

    /// Consecutive chunks of a file; `FileReader::plan` also checks them
    /// against the file.
    pub async fn read_plan(
        &self,
        node: NodeId,
        revision: u64,
        offset: u64,
    ) -> Result<Plan, ClientError> {
        let request = ReadPlan { node, revision, offset };
        answer!(self.ask(Request::ReadPlan(request)).await?, Plan, "read-plan")
    }

    /// One chunk of a file, which is what the plan says it is.
    pub async fn read_chunk(
        &self,
        node: NodeId,
        revision: u64,
        index: u64,
        chunk: &PlanChunk,
    ) -> Result<Bytes, ClientError> {
        let request = Request::ReadChunk(ReadChunk { node, revision, index });
        let (response, payload) = self.call(request, Bytes::new()).await?;
        if response != coffer_protocol::Response::Chunk {
            return Err(ClientError::UnexpectedAnswer { asked: "read-chunk" });
        }
        if payload.len() != chunk.len as usize || self.plain_hash(&payload) != chunk.hash {
            return Err(ClientError::Integrity { what: format!("chunk {index} of a file") });
        }
        Ok(payload)
    }
}
