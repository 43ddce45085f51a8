//! A server in memory, with faults on demand.

use crate::error::ClientError;
use crate::rate::RateLimits;
use crate::transfer::caller::Caller;
use bytes::Bytes;
use coffer_crypto::chunk::{ContentHasher, plain_hash};
use coffer_protocol::limits::MAX_PAYLOAD_BYTES;
use coffer_protocol::message::transfer::{
    BatchFile, BatchRead, BatchWritten, CommitUpload, Needed, OfferContent, Plan, PlanChunk,
    PutFiles, ReadFiles, ReadPlan, Written,
};
use coffer_protocol::message::tree::{Entry, Kind, Made, MakeDirs, WalkEntry, WalkPage};
use coffer_protocol::{
    Base, ErrorCode, Hash32, NodeId, Place, Position, Request, Response, ServerId, UploadId,
    WireError,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

pub(super) const SERVER: ServerId = ServerId([5; 32]);
pub(super) const HOME: NodeId = NodeId([0; 16]);

/// What goes wrong.
#[derive(Default)]
pub(super) struct Faults {
    /// Making or writing something of this name is refused.
    pub(super) refused: HashMap<String, ErrorCode>,
    /// So many chunks are answered as if their upload was forgotten.
    pub(super) forgotten: u32,
    /// So many chunks are confirmed and then forgotten.
    pub(super) dropped: u32,
    /// Chunks and files come back altered if their file has this name.
    pub(super) altered: Option<String>,
    /// `ReadChunk` of this index and above is never answered.
    pub(super) stalled_from: Option<u64>,
    /// `PutChunk` is never answered.
    pub(super) stalled_puts: bool,
    /// Small files are damaged: every batch names the first of them so.
    pub(super) unreadable: bool,
}

#[derive(Clone)]
struct Node {
    entry: Entry,
    chunks: Vec<Bytes>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<NodeId, Node>,
    uploads: HashMap<UploadId, BTreeMap<u64, Bytes>>,
    made: u64,
    calls: HashMap<&'static str, u64>,
    faults: Faults,
    chunk_bytes: usize,
    most_chunk_bytes: usize,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    limits: Arc<RateLimits>,
}

fn wire(code: ErrorCode) -> WireError {
    WireError::new(code, "refused", "")
}

fn content_hash(chunks: &[Bytes]) -> Hash32 {
    let mut hasher = ContentHasher::new(SERVER.as_bytes());
    for chunk in chunks {
        hasher.add(&plain_hash(SERVER.as_bytes(), chunk), chunk.len() as u32);
    }
    Hash32(hasher.finish())
}

impl Fake {
    pub(super) fn new() -> Self {
        let mut state = State::default();
        let home = State::entry(HOME, HOME, "", Kind::Directory);
        state.nodes.insert(HOME, Node { entry: home, chunks: Vec::new() });
        Self { state: Arc::new(Mutex::new(state)), limits: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is locked")
    }

    /// A server that holds the same.
    pub(super) fn copy(&self) -> Self {
        let nodes = self.state().nodes.clone();
        let state = Arc::new(Mutex::new(State { nodes, ..State::default() }));
        Self { state, limits: Arc::default() }
    }

    pub(super) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// How often something was asked.
    pub(super) fn calls(&self, what: &str) -> u64 {
        self.state().calls.get(what).copied().unwrap_or(0)
    }

    /// Most chunk bytes that waited for an answer together.
    pub(super) fn most_chunk_bytes(&self) -> usize {
        self.state().most_chunk_bytes
    }

    /// Uploads without an end.
    pub(super) fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Adds a file or directory, whatever its name.
    pub(super) fn add(&self, parent: NodeId, name: &str, content: Option<&[u8]>) -> NodeId {
        let mut state = self.state();
        let kind = if content.is_some() { Kind::File } else { Kind::Directory };
        let chunks = content.map(|content| vec![Bytes::copy_from_slice(content)]);
        state.put(parent, name, kind, chunks.unwrap_or_default(), 0, false).node
    }

    /// Contents of all files by path.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let mut files = BTreeMap::new();
        for node in state.nodes.values().filter(|node| node.entry.kind == Kind::File) {
            let mut path = state.above(node.entry.parent, HOME);
            path.push(node.entry.name.clone());
            files.insert(path.join("/"), node.chunks.concat());
        }
        files
    }
}

impl State {
    fn entry(node: NodeId, parent: NodeId, name: &str, kind: Kind) -> Entry {
        Entry {
            node,
            parent,
            name: name.to_owned(),
            kind,
            size: 0,
            modified_millis: 1_000,
            created_millis: 0,
            executable: false,
            revision: 1,
            content_hash: Hash32([0; 32]),
            machines: 1,
        }
    }

    fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let is_it = |node: &&Node| {
            node.entry.parent == parent && node.entry.name == name && node.entry.node != HOME
        };
        self.nodes.values().find(is_it).map(|node| node.entry.node)
    }

    fn find(&self, place: &Place) -> Result<NodeId, WireError> {
        let start = match place.base {
            Base::Home => HOME,
            Base::Node(node) => node,
        };
        place.names.iter().try_fold(start, |at, name| {
            self.child(at, name).ok_or_else(|| wire(ErrorCode::NOT_FOUND))
        })
    }

    fn above(&self, mut node: NodeId, root: NodeId) -> Vec<String> {
        let mut names = Vec::new();
        while node != root {
            let entry = &self.nodes[&node].entry;
            names.push(entry.name.clone());
            node = entry.parent;
        }
        names.reverse();
        names
    }

    fn is_below(&self, mut node: NodeId, root: NodeId) -> bool {
        while node != HOME {
            node = self.nodes[&node].entry.parent;
            if node == root {
                return true;
            }
        }
        false
    }

    fn put(
        &mut self,
        parent: NodeId,
        name: &str,
        kind: Kind,
        chunks: Vec<Bytes>,
        modified_millis: i64,
        executable: bool,
    ) -> Written {
        self.made += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.made.to_be_bytes());
        let node = self.child(parent, name).unwrap_or(NodeId(id));
        let mut entry = Self::entry(node, parent, name, kind);
        entry.size = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        entry.modified_millis = modified_millis;
        entry.executable = executable;
        entry.revision = self.made;
        entry.content_hash = content_hash(&chunks);
        self.nodes.insert(node, Node { entry, chunks });
        let position = Position { epoch: 1, seq: self.made };
        let case_collision = name.chars().any(char::is_uppercase);
        Written { node, revision: self.made, position, machines: 1, case_collision }
    }

    fn target(&self, to: &Place) -> Result<(NodeId, String), WireError> {
        let (above, name) = to.split_last().ok_or_else(|| wire(ErrorCode::EXISTS))?;
        match self.faults.refused.get(name) {
            Some(code) => Err(wire(*code)),
            None => Ok((self.find(&above)?, name.to_owned())),
        }
    }

    fn make_dirs(&mut self, request: MakeDirs) -> Result<Response, WireError> {
        let base = self.find(&request.base)?;
        let mut nodes = Vec::new();
        for dir in request.dirs {
            let place = Place { base: Base::Node(base), names: dir.names };
            let (parent, name) = self.target(&place)?;
            let made = self.child(parent, &name).unwrap_or_else(|| {
                let modified = dir.modified_millis.unwrap_or(0);
                self.put(parent, &name, Kind::Directory, Vec::new(), modified, false).node
            });
            nodes.push(made);
        }
        let position = Position { epoch: 1, seq: self.made };
        Ok(Response::Made(Made { base, nodes, position, machines: 1 }))
    }

    fn put_files(&mut self, request: PutFiles, mut payload: Bytes) -> Response {
        let files = request.files.into_iter().map(|file| {
            let content = payload.split_to(file.len as usize);
            assert_eq!(file.hash.0, plain_hash(SERVER.as_bytes(), &content), "sent as hashed");
            let (parent, name) = self.target(&file.to)?;
            let chunks = if content.is_empty() { Vec::new() } else { vec![content] };
            let (modified, executable) = (file.modified_millis, file.executable);
            Ok(self.put(parent, &name, Kind::File, chunks, modified, executable))
        });
        Response::BatchWritten(BatchWritten { files: files.collect() })
    }

    /// What any file holds already is part of the upload.
    fn offer(&mut self, request: &OfferContent) -> Needed {
        let chunks = self.nodes.values().flat_map(|node| &node.chunks);
        let here: HashMap<Hash32, Bytes> = chunks
            .map(|chunk| (Hash32(plain_hash(SERVER.as_bytes(), chunk)), chunk.clone()))
            .collect();
        let upload = self.uploads.entry(request.upload).or_default();
        let needed = (request.first..).zip(&request.chunks).map(|(index, chunk)| {
            let found = here.get(&chunk.hash);
            upload.extend(found.map(|found| (index, found.clone())));
            !upload.contains_key(&index)
        });
        Needed { chunks: needed.collect() }
    }

    fn commit(&mut self, request: &CommitUpload) -> Result<Response, WireError> {
        let chunks = self.uploads.remove(&request.upload);
        let chunks = chunks.ok_or_else(|| wire(ErrorCode::NO_SUCH_UPLOAD))?;
        if !chunks.keys().copied().eq(0..request.chunks) {
            return Err(wire(ErrorCode::UPLOAD_INCOMPLETE));
        }
        let chunks: Vec<Bytes> = chunks.into_values().collect();
        assert_eq!(content_hash(&chunks), request.content_hash);
        let (parent, name) = self.target(&request.to)?;
        let (modified, executable) = (request.modified_millis, request.executable);
        let written = self.put(parent, &name, Kind::File, chunks, modified, executable);
        Ok(Response::Written(written))
    }

    fn walk(&self, root: NodeId, cursor: &[u8], limit: u32) -> WalkPage {
        let from = cursor.try_into().map_or(0, u64::from_be_bytes) as usize;
        let mut below: Vec<&Node> =
            self.nodes.values().filter(|node| self.is_below(node.entry.node, root)).collect();
        // A directory before what is in it.
        below.sort_by_key(|node| self.above(node.entry.parent, root).len());
        let limit = (limit as usize).min(7);
        let page = below.iter().skip(from).take(limit).map(|node| WalkEntry {
            above: self.above(node.entry.parent, root),
            entry: node.entry.clone(),
        });
        let end = from + limit;
        let next = if end < below.len() { (end as u64).to_be_bytes().to_vec() } else { Vec::new() };
        WalkPage { entries: page.collect(), damaged: Vec::new(), next }
    }

    fn read_files(&self, request: &ReadFiles) -> (Response, Bytes) {
        let mut payload = Vec::new();
        let files = request.nodes.iter().enumerate().map(|(number, node)| {
            let Node { entry, chunks } = &self.nodes[node];
            if self.faults.unreadable && number == 0 {
                return Err(wire(ErrorCode::INTEGRITY));
            }
            let mut content = chunks.concat();
            if payload.len() + content.len() > MAX_PAYLOAD_BYTES {
                return Err(wire(ErrorCode::TOO_LARGE));
            }
            let hash = Hash32(plain_hash(SERVER.as_bytes(), &content));
            self.alter(entry, &mut content);
            payload.extend_from_slice(&content);
            Ok(BatchFile {
                len: content.len() as u32,
                hash,
                revision: entry.revision,
                modified_millis: entry.modified_millis,
                executable: entry.executable,
            })
        });
        let answer = BatchRead { files: files.collect() };
        (Response::BatchRead(answer), Bytes::from(payload))
    }

    fn alter(&self, entry: &Entry, content: &mut [u8]) {
        if self.faults.altered.as_deref() == Some(&entry.name)
            && let Some(byte) = content.last_mut()
        {
            *byte ^= 1;
        }
    }

    fn plan(&self, request: &ReadPlan) -> Plan {
        let mut plan = Plan { first: 0, offset: 0, chunks: Vec::new() };
        for chunk in &self.nodes[&request.node].chunks {
            if plan.chunks.is_empty() && plan.offset + chunk.len() as u64 <= request.offset {
                plan.first += 1;
                plan.offset += chunk.len() as u64;
            } else if plan.chunks.len() < 3 {
                let hash = Hash32(plain_hash(SERVER.as_bytes(), chunk));
                plan.chunks.push(PlanChunk { hash, len: chunk.len() as u32 });
            }
        }
        plan
    }

    fn answer(&mut self, request: Request, payload: Bytes) -> Result<(Response, Bytes), WireError> {
        let response = match request {
            Request::Stat(stat) => {
                let node = self.find(&stat.place)?;
                Response::Entry(self.nodes[&node].entry.clone())
            }
            Request::Walk(walk) => {
                let root = self.find(&walk.place)?;
                Response::Walk(self.walk(root, &walk.cursor, walk.limit))
            }
            Request::MakeDirs(request) => self.make_dirs(request)?,
            Request::PutFiles(request) => self.put_files(request, payload),
            Request::PutChunk(chunk) => {
                if self.faults.forgotten > 0 {
                    self.faults.forgotten -= 1;
                    return Err(wire(ErrorCode::NO_SUCH_UPLOAD));
                }
                assert_eq!(chunk.hash.0, plain_hash(SERVER.as_bytes(), &payload));
                if self.faults.dropped > 0 {
                    self.faults.dropped -= 1;
                    return Ok((Response::Done, Bytes::new()));
                }
                // A copy: a slice would keep the room of the client's buffer.
                let own = Bytes::copy_from_slice(&payload);
                self.uploads.entry(chunk.upload).or_default().insert(chunk.index, own);
                Response::Done
            }
            Request::OfferContent(request) => Response::Needed(self.offer(&request)),
            Request::CommitUpload(request) => self.commit(&request)?,
            Request::AbortUpload(request) => {
                self.uploads.remove(&request.upload);
                Response::Done
            }
            Request::ReadFiles(request) => return Ok(self.read_files(&request)),
            Request::ReadPlan(request) => Response::Plan(self.plan(&request)),
            Request::ReadChunk(request) => {
                let Node { entry, chunks } = &self.nodes[&request.node];
                let mut content = chunks[request.index as usize].to_vec();
                self.alter(entry, &mut content);
                return Ok((Response::Chunk, Bytes::from(content)));
            }
            other => panic!("not asked by a transfer: {other:?}"),
        };
        Ok((response, Bytes::new()))
    }
}

fn name(request: &Request) -> &'static str {
    match request {
        Request::MakeDirs(_) => "make-dirs",
        Request::PutFiles(_) => "put-files",
        Request::PutChunk(_) => "put-chunk",
        Request::OfferContent(_) => "offer",
        Request::CommitUpload(_) => "commit",
        Request::AbortUpload(_) => "abort",
        Request::ReadFiles(_) => "read-files",
        Request::ReadChunk(_) => "read-chunk",
        _ => "other",
    }
}

impl Caller for Fake {
    async fn call(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Result<(Response, Bytes), ClientError> {
        let bytes = if matches!(request, Request::PutChunk(_)) { payload.len() } else { 0 };
        let stalled = {
            let mut state = self.state();
            *state.calls.entry(name(&request)).or_default() += 1;
            state.chunk_bytes += bytes;
            state.most_chunk_bytes = state.most_chunk_bytes.max(state.chunk_bytes);
            match &request {
                Request::ReadChunk(chunk) => {
                    state.faults.stalled_from.is_some_and(|from| chunk.index >= from)
                }
                Request::PutChunk(_) => state.faults.stalled_puts,
                _ => false,
            }
        };
        if stalled {
            std::future::pending::<()>().await;
        }
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let mut state = self.state();
        state.chunk_bytes -= bytes;
        Ok(state.answer(request, payload)?)
    }

    fn server_id(&self) -> ServerId {
        SERVER
    }

    fn limits(&self) -> &RateLimits {
        &self.limits
    }
}
