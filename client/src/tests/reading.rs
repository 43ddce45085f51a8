//! What is read is what the file's hashes say, or nothing.

use crate::client::Client;
use crate::error::ClientError;
use crate::ops::read::ByteRange;
use crate::testing::{FakeServer, Step, client, keys};
use bytes::Bytes;
use coffer_protocol::message::transfer::{FileInfo, Plan, PlanChunk};
use coffer_protocol::message::tree::{Entry, Kind};
use coffer_protocol::{Hash32, NodeId, Response};
use std::sync::Arc;

const CHUNKS: [&[u8]; 3] = [b"first, ", b"second, ", b"third"];

struct Setting {
    server: Arc<FakeServer>,
    client: Client,
    _dir: tempfile::TempDir,
}

fn setting() -> Setting {
    let server = FakeServer::new(&keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(&server, 1, &dir);
    Setting { server, client, _dir: dir }
}

fn plan(client: &Client, first: usize) -> Plan {
    let chunk = |data: &&[u8]| PlanChunk { hash: client.plain_hash(data), len: data.len() as u32 };
    let before: usize = CHUNKS[..first].iter().map(|data| data.len()).sum();
    let chunks = CHUNKS[first..].iter().map(chunk).collect();
    Plan { first: first as u64, offset: before as u64, chunks }
}

fn info(client: &Client) -> FileInfo {
    let mut hasher = client.content_hasher();
    for chunk in plan(client, 0).chunks {
        hasher.add(chunk.hash.as_bytes(), chunk.len);
    }
    let entry = Entry {
        node: NodeId([1; 16]),
        parent: NodeId([2; 16]),
        name: "file".to_owned(),
        kind: Kind::File,
        size: CHUNKS.iter().map(|data| data.len() as u64).sum(),
        modified_millis: 0,
        created_millis: 0,
        executable: false,
        revision: 1,
        content_hash: Hash32(hasher.finish()),
        machines: 1,
    };
    FileInfo { entry, chunks: CHUNKS.len() as u64 }
}

fn chunk(data: &'static [u8]) -> Step {
    Step::Answer(Response::Chunk, Bytes::from_static(data))
}

async fn read(
    setting: &Setting,
    range: ByteRange,
    steps: Vec<Step>,
) -> Result<Vec<u8>, ClientError> {
    setting.server.script(steps);
    let mut out = Vec::new();
    let count = setting.client.read_to("/file", range, &mut out).await?;
    assert_eq!(count, out.len() as u64);
    Ok(out)
}

fn opened(setting: &Setting, first: usize) -> Vec<Step> {
    let client = &setting.client;
    vec![
        Step::answer(Response::File(info(client))),
        Step::answer(Response::Plan(plan(client, first))),
    ]
}

#[tokio::test]
async fn whole_files_and_ranges_are_read() {
    let setting = setting();
    let mut steps = opened(&setting, 0);
    steps.extend(CHUNKS.map(chunk));
    let whole = read(&setting, ByteRange::ALL, steps).await.expect("read");
    assert_eq!(whole, b"first, second, third");

    let mut steps = opened(&setting, 1);
    steps.push(chunk(CHUNKS[1]));
    let range = ByteRange { start: 9, end: Some(13) };
    assert_eq!(read(&setting, range, steps).await.expect("read"), b"cond");

    let steps = opened(&setting, 0).into_iter().take(1).collect();
    let range = ByteRange { start: 500, end: None };
    assert_eq!(read(&setting, range, steps).await.expect("read"), b"");
    setting.server.with(|nature| assert!(nature.script.is_empty()));
}

#[tokio::test]
async fn an_altered_chunk_is_not_delivered() {
    let setting = setting();
    let mut steps = opened(&setting, 0);
    steps.extend([chunk(b"First, "), chunk(CHUNKS[1]), chunk(CHUNKS[2])]);
    let error = read(&setting, ByteRange::ALL, steps).await.expect_err("altered");
    assert_eq!(error.code(), "integrity");
}

#[tokio::test]
async fn a_list_of_chunks_that_lies_is_refused_before_any_chunk_is_asked_for() {
    type Lie = fn(&mut Plan);
    let lies: [Lie; 7] = [
        |plan| plan.chunks.swap(0, 1),
        |plan| plan.chunks.clear(),
        |plan| plan.offset = 1,
        |plan| plan.chunks[2].len = 6,
        |plan| plan.chunks[1].len = 0,
        |plan| plan.offset = u64::MAX,
        |plan| plan.first = 1,
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let setting = setting();
        let mut steps = opened(&setting, 0);
        let mut plan = plan(&setting.client, 0);
        lie(&mut plan);
        steps[1] = Step::answer(Response::Plan(plan));
        let error = read(&setting, ByteRange::ALL, steps).await.expect_err("a lie");
        assert_eq!(error.code(), "integrity", "lie {number}");
        assert_eq!(setting.server.seen().len(), 2, "lie {number}");
    }
}
