//! Bodies of journal entries.

use super::{Outcome, Target, refused};
use coffer_store::decode_body;

pub(super) const TARGET: Target = Target {
    name: "journal",
    words: &[
        b"\x02\x01\0\0\0\x10",
        b"\x0b\x01\0\0\0\x0a",
        b"\x0c\x01\0\0\0\x05",
        b"\x0f\x01\0\0\0\x28",
    ],
    corpus,
    run,
};

/// Bytes with their length in front.
fn counted(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

fn change(kind: u8, image: &[&[u8]]) -> Vec<u8> {
    [&[kind, 1][..], &counted(&image.concat())].concat()
}

fn body(changes: &[Vec<u8>]) -> Vec<u8> {
    [&[1][..], &(changes.len() as u32).to_be_bytes(), &changes.concat()].concat()
}

fn number(value: u64) -> [u8; 8] {
    value.to_be_bytes()
}

fn put_node() -> Vec<u8> {
    let sealed = counted(&[0xee; 40]);
    let (id, one) = ([1; 16], number(1));
    let tag = [&[1_u8][..], &[2; 32]].concat();
    let parts: [&[u8]; 14] = [
        &id,
        &id,
        &id,
        &one,
        &one,
        &one,
        &one,
        &tag,
        &[3; 32],
        &sealed,
        &sealed,
        &sealed,
        &[0],
        &one,
    ];
    change(5, &parts)
}

fn corpus() -> Vec<Vec<u8>> {
    let (id, blob) = ([1; 16], [4; 32]);
    let changes = [
        change(2, &[&id]),
        change(3, &[&blob, &number(1), &number(2), &number(3)]),
        change(4, &[&blob]),
        put_node(),
        change(6, &[&id]),
        change(8, &[&id, &number(9)]),
        change(10, &[&id]),
        change(11, &[&counted(b"name"), &counted(b"value")]),
        change(12, &[&counted(b"name")]),
        change(15, &[&blob, &number(0)]),
    ];
    let single = changes.iter().map(|change| body(std::slice::from_ref(change)));
    single.chain([body(&[]), body(&changes)]).collect()
}

fn run(input: &[u8]) -> Outcome {
    let changes = decode_body(input).map_err(refused)?;
    // The smallest change takes 6 bytes of head.
    assert!(changes.len() * 6 <= input.len(), "more changes than the bytes can hold");
    Ok(())
}
