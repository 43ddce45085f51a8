#!/usr/bin/env python3
"""Writes v1_uploads.txt: the bytes of the changes about uploads, version 1.

A second implementation of store/src/changes/codec.rs and store/src/rows/uploads.rs,
made from docs/formats.md. A released version's file is never written again.
"""

import struct

u64 = lambda n: struct.pack(">Q", n)
i64 = lambda n: struct.pack(">q", n)
u32 = lambda n: struct.pack(">I", n)
text = lambda b: u32(len(b)) + b
run = lambda first, n: bytes((first + i) % 256 for i in range(n))

OWNER, UPLOAD, BLOB, PRINT = run(0x30, 16), run(0x40, 16), run(0x80, 32), run(0xC0, 32)

CHANGES = [
    ("PutKnown", 26, [("owner", OWNER), ("blob_id", BLOB), ("fingerprint", PRINT)]),
    ("PutUpload", 27, [
        ("owner", OWNER), ("upload", UPLOAD), ("note_ct", text(b"\x01\x02\x03")),
        ("leases", u64(2)), ("bytes", u64(1 << 33)),
        ("created_millis", i64(1_700_000_000_010)), ("touched_millis", i64(-1)),
    ]),
    ("DeleteUpload", 28, [("owner", OWNER), ("upload", UPLOAD)]),
]


def main():
    print("# Changes about uploads in a journal entry, version 1. Written by")
    print("# make_v1_uploads.py, never again.")
    print("\n[body]\nversion 01\ncount", u32(len(CHANGES)).hex())
    for name, kind, fields in CHANGES:
        image = b"".join(value for _, value in fields)
        print(f"\n[{name}]\nkind {kind:02x}\nversion 01\nlength {u32(len(image)).hex()}")
        for field, value in fields:
            print(field, value.hex())


main()
