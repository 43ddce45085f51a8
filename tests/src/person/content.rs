//! Requests about contents.

use super::{Answer, Person, new_op};
use crate::expect_answer;
use bytes::Bytes;
use coffer_crypto::ContentHasher;
use coffer_crypto::chunk::plain_hash;
use coffer_protocol::message::transfer::{
    AbortUpload, CommitUpload, FileInfo, OpenFile, PutChunk, PutFile, PutFiles, ReadChunk,
    ReadFiles, ReadPlan, Written,
};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{Hash32, NodeId, Place, Request, Response, UploadId};

impl Person {
    fn hash(&self, data: &[u8]) -> Hash32 {
        Hash32(plain_hash(self.server_id().as_bytes(), data))
    }

    /// A request that writes small files.
    pub fn put_request(&self, files: &[(Place, &[u8], Expect)]) -> (PutFiles, Bytes) {
        let payload: Vec<u8> = files.iter().flat_map(|(_, data, _)| data.iter().copied()).collect();
        let file = |(to, data, expect): &(Place, &[u8], Expect)| PutFile {
            to: to.clone(),
            len: data.len() as u32,
            hash: self.hash(data),
            modified_millis: 77,
            executable: false,
            expect: *expect,
        };
        (PutFiles { op: new_op(), files: files.iter().map(file).collect() }, payload.into())
    }

    /// Writes small files in one request.
    pub async fn put_all(
        &self,
        files: &[(Place, &[u8], Expect)],
    ) -> Answer<Vec<Result<Written, coffer_protocol::WireError>>> {
        let (request, payload) = self.put_request(files);
        let answer = self.call(Request::PutFiles(request), payload).await;
        Ok(expect_answer!(answer.map(|(response, _)| response), BatchWritten)?.files)
    }

    /// Writes a small file.
    pub async fn put(&self, to: &Place, data: &[u8], expect: Expect) -> Answer<Written> {
        self.put_all(&[(to.clone(), data, expect)]).await?.remove(0)
    }

    /// Sends the only chunk of an upload.
    pub async fn put_chunk(&self, upload: UploadId, data: &[u8]) -> Answer<()> {
        let chunk = PutChunk { upload, index: 0, hash: self.hash(data) };
        let payload = Bytes::copy_from_slice(data);
        match self.call(Request::PutChunk(chunk), payload).await? {
            (Response::Done, _) => Ok(()),
            other => panic!("unexpected answer {other:?}"),
        }
    }

    /// Gives an upload up.
    pub async fn abort(&self, upload: UploadId) -> Answer<()> {
        self.ask(Request::AbortUpload(AbortUpload { upload })).await.map(drop)
    }

    /// The request that makes an upload of one chunk a file.
    pub fn commit_request(
        &self,
        upload: UploadId,
        to: &Place,
        data: &[u8],
        expect: Expect,
    ) -> CommitUpload {
        let mut hasher = ContentHasher::new(self.server_id().as_bytes());
        hasher.add(self.hash(data).as_bytes(), data.len() as u32);
        CommitUpload {
            op: new_op(),
            upload,
            to: to.clone(),
            size: data.len() as u64,
            chunks: 1,
            content_hash: Hash32(hasher.finish()),
            modified_millis: 77,
            executable: false,
            expect,
        }
    }

    /// Makes an upload of one chunk a file.
    pub async fn commit(&self, commit: CommitUpload) -> Answer<Written> {
        expect_answer!(self.ask(Request::CommitUpload(commit)).await, Written)
    }

    /// Writes a file the way big files are written.
    pub async fn put_big(&self, to: &Place, data: &[u8], expect: Expect) -> Answer<Written> {
        let upload = new_upload();
        self.put_chunk(upload, data).await?;
        self.commit(self.commit_request(upload, to, data, expect)).await
    }

    /// Opens a file, or an old version of it.
    pub async fn open(&self, place: &Place, revision: Option<u64>) -> Answer<FileInfo> {
        let open = OpenFile { place: place.clone(), revision };
        expect_answer!(self.ask(Request::OpenFile(open)).await, File)
    }

    /// One chunk of a file that was opened before.
    pub async fn read_chunk(&self, node: NodeId, revision: u64, index: u64) -> Answer<Bytes> {
        let read = Request::ReadChunk(ReadChunk { node, revision, index });
        self.call(read, Bytes::new()).await.map(|(_, payload)| payload)
    }

    /// Reads a file, or an old version of it, chunk by chunk.
    pub async fn read(&self, place: &Place, revision: Option<u64>) -> Answer<Vec<u8>> {
        let info = self.open(place, revision).await?;
        let (node, revision) = (info.entry.node, info.entry.revision);
        let plan = ReadPlan { node, revision, offset: 0 };
        expect_answer!(self.ask(Request::ReadPlan(plan)).await, Plan)?;
        let mut data = Vec::new();
        for index in 0..info.chunks {
            data.extend_from_slice(&self.read_chunk(node, revision, index).await?);
        }
        Ok(data)
    }

    /// Reads a small file the way many are read at once.
    pub async fn read_batch(&self, node: NodeId) -> Answer<Vec<u8>> {
        let request = Request::ReadFiles(ReadFiles { nodes: vec![node] });
        let (response, payload) = self.call(request, Bytes::new()).await?;
        let Response::BatchRead(mut read) = response else { panic!("unexpected {response:?}") };
        match read.files.remove(0) {
            Ok(_) => Ok(payload.to_vec()),
            Err(error) => {
                assert!(payload.is_empty(), "a refusal carries no bytes");
                Err(error)
            }
        }
    }
}

/// An upload id that was not used before.
pub fn new_upload() -> UploadId {
    UploadId(new_op().0)
}
