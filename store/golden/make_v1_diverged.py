#!/usr/bin/env python3
"""Writes v1_diverged.txt: the bytes of the changes about diverged writes, version 1.

A second implementation of store/src/changes/codec.rs and store/src/rows/diverged.rs,
made from docs/formats.md. A released version's file is never written again.
"""

import struct

u64 = lambda n: struct.pack(">Q", n)
i64 = lambda n: struct.pack(">q", n)
u32 = lambda n: struct.pack(">I", n)
some = lambda b: b"\x01" + b
NONE = b"\x00"
text = lambda b: u32(len(b)) + b
run = lambda first, n: bytes((first + i) % 256 for i in range(n))

OWNER, NODE, COPY, BLOB = run(0x30, 16), run(0x10, 16), run(0x20, 16), run(0x80, 32)
PLACE = u64(2) + u64(7) + u32(3) + run(0xC0, 12)

CHANGES = [
    ("PutDiverged that waits", 24, [
        ("owner", OWNER), ("place", PLACE), ("state", u64(1)), ("kind", u64(7)), ("object", NODE),
        ("became", NONE), ("written_millis", i64(1_700_000_000_009)),
        ("change_image", text(b"\x01\x02")), ("refs", text(BLOB)),
    ]),
    ("PutDiverged that came back", 24, [
        ("owner", OWNER), ("place", PLACE), ("state", u64(3)), ("kind", u64(7)), ("object", NODE),
        ("became", some(COPY)), ("written_millis", i64(-1)),
        ("change_image", text(b"")), ("refs", text(b"")),
    ]),
    ("DeleteDiverged", 25, [("owner", OWNER), ("place", PLACE)]),
]


def main():
    print("# Changes about diverged writes in a journal entry, version 1. Written by")
    print("# make_v1_diverged.py, never again.")
    print("\n[body]\nversion 01\ncount", u32(len(CHANGES)).hex())
    for name, kind, fields in CHANGES:
        image = b"".join(value for _, value in fields)
        print(f"\n[{name}]\nkind {kind:02x}\nversion 01\nlength {u32(len(image)).hex()}")
        for field, value in fields:
            print(field, value.hex())


main()
