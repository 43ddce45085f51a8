//! The parts that every byte or every name goes through, one core each.

use coffer_crypto::{ChunkKey, NodeKey, NodeKind, chunk};
use coffer_protocol::message::transfer::PutChunk;
use coffer_protocol::{Hash32, Request, UploadId, codec, limits};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn bytes(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(b"benchmark").finalize_xof().fill(&mut out);
    out
}

fn chunks(criterion: &mut Criterion) {
    let plain = bytes(1 << 20);
    let key = ChunkKey::from_bytes([7; 32]);
    let sealed = chunk::seal(&key, &plain);
    let mut group = criterion.benchmark_group("chunk of 1 MiB");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("seal", |bench| bench.iter(|| chunk::seal(&key, black_box(&plain))));
    group.bench_function("open", |bench| {
        bench.iter_batched(
            || sealed.bytes.clone(),
            |bytes| chunk::open(&key, &sealed.blob_id, bytes),
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("plain hash", |bench| {
        bench.iter(|| chunk::plain_hash(&[1; 32], black_box(&plain)));
    });
    group.finish();
}

fn chunking(criterion: &mut Criterion) {
    let plain = bytes(64 << 20);
    let mut group = criterion.benchmark_group("64 MiB");
    group.sample_size(10).throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("FastCDC and BLAKE3", |bench| {
        bench.iter(|| {
            let cutter = fastcdc::v2020::FastCDC::new(
                &plain,
                limits::MIN_CHUNK_BYTES,
                limits::AVG_CHUNK_BYTES,
                limits::MAX_CHUNK_BYTES,
            );
            for cut in cutter {
                black_box(chunk::plain_hash(&[1; 32], &plain[cut.offset..cut.offset + cut.length]));
            }
        });
    });
    group.finish();
}

fn names(criterion: &mut Criterion) {
    let node = NodeKey::generate().expect("randomness");
    let keys = coffer_crypto::NodeKeys::derive(&node, &[1; 16], 1);
    let name = "a name of ordinary length.txt";
    let sealed = keys.seal_name(&[1; 16], name, &[2; 16], NodeKind::File, 1);
    let mut group = criterion.benchmark_group("name");
    group.bench_function("seal", |bench| {
        bench.iter(|| keys.seal_name(&[1; 16], black_box(name), &[2; 16], NodeKind::File, 1));
    });
    group.bench_function("open", |bench| {
        bench.iter(|| keys.open_name(&[1; 16], black_box(&sealed), &[2; 16], NodeKind::File, 1));
    });
    group.bench_function("lookup tag", |bench| bench.iter(|| keys.lookup_tag(black_box(name))));
    group.finish();
}

fn messages(criterion: &mut Criterion) {
    let request =
        Request::PutChunk(PutChunk { upload: UploadId([1; 16]), index: 7, hash: Hash32([2; 32]) });
    let encoded = codec::encode(&request).expect("encodes");
    let mut group = criterion.benchmark_group("message");
    group.bench_function("encode", |bench| bench.iter(|| codec::encode(black_box(&request))));
    group.bench_function("decode", |bench| {
        bench.iter(|| codec::decode::<Request>(black_box(&encoded)));
    });
    group.finish();
}

criterion_group!(parts, chunks, chunking, names, messages);
criterion_main!(parts);
