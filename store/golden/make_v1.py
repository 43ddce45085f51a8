#!/usr/bin/env python3
"""Writes v1.txt: the bytes of every kind of change, version 1.

A second implementation of store/src/changes/codec.rs and store/src/rows/table.rs,
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

BLOB = run(0x80, 32)
NODE, PARENT, OWNER, SEGMENT = run(0x10, 16), run(0x20, 16), run(0x30, 16), run(0x40, 16)
TAG = run(0xC0, 32)

CHANGES = [
    ("PutUser", 1, [
        ("user_id", OWNER), ("tag", TAG), ("name_ct", text(b"\x01\x02")),
        ("contact_ct", text(b"")), ("auth_password", text(b"\x03")),
        ("auth_recovery", text(b"\x04")), ("root_password", text(b"\x05")),
        ("root_recovery", text(b"\x06")), ("version", u64(7)),
        ("identity_public", BLOB), ("identity_ct", text(b"\x08")), ("home", NODE),
        ("state", u64(1)), ("created_millis", i64(1_700_000_000_000)),
    ]),
    ("DeleteUser", 2, [("id", OWNER)]),
    ("PutInvite", 3, [
        ("tag", TAG), ("created_millis", i64(-1)), ("expires_millis", i64(1_700_000_000_001)),
        ("uses_left", u64(9)),
    ]),
    ("DeleteInvite", 4, [("id", TAG)]),
    ("PutNode", 5, [
        ("node", NODE), ("owner", OWNER), ("parent", PARENT), ("kind", u64(1)),
        ("key_epoch", u64(2)), ("revision", u64(3)), ("content_revision", u64(4)),
        ("lookup_tag", some(TAG)), ("fold_tag", BLOB), ("name_ct", text(b"\x01\x02\x03")),
        ("key_ct", text(b"\x04")), ("meta_ct", text(b"\x05")), ("trashed_millis", NONE),
        ("created_millis", i64(1_700_000_000_002)),
    ]),
    ("PutNode in the trash", 5, [
        ("node", NODE), ("owner", OWNER), ("parent", PARENT), ("kind", u64(2)),
        ("key_epoch", u64(2)), ("revision", u64(4)), ("content_revision", u64(0)),
        ("lookup_tag", NONE), ("fold_tag", BLOB), ("name_ct", text(b"")),
        ("key_ct", text(b"")), ("meta_ct", text(b"")),
        ("trashed_millis", some(i64(1_700_000_000_003))),
        ("created_millis", i64(1_700_000_000_002)),
    ]),
    ("DeleteNode", 6, [("id", NODE)]),
    ("PutVersion", 7, [
        ("node", NODE), ("revision", u64(5)), ("owner", OWNER), ("size", u64(1 << 40)),
        ("written_millis", i64(1_700_000_000_004)), ("meta_ct", text(b"\x01")),
        ("manifest_ct", text(b"\x02")), ("refs", text(BLOB + TAG)),
        ("segments", text(SEGMENT)),
    ]),
    ("DeleteVersion", 8, [("node", NODE), ("revision", u64(5))]),
    ("PutSegment", 9, [
        ("segment", SEGMENT), ("owner", OWNER), ("refs", text(BLOB)),
        ("created_millis", i64(1_700_000_000_005)),
    ]),
    ("DeleteSegment", 10, [("id", SEGMENT)]),
    ("PutSetting", 11, [("name", text(b"mode")), ("value", text(b"\x00\xff"))]),
    ("DeleteSetting", 12, [("name", text(b"mode"))]),
    ("PutChunk inline", 13, [
        ("blob_id", BLOB), ("generation", u64(1)), ("place", u64(1)), ("size", u64(100)),
    ]),
    ("PutChunk file", 13, [
        ("blob_id", BLOB), ("generation", u64(2)), ("place", u64(2)), ("size", u64(4194352)),
    ]),
    ("SetChunkState", 14, [("blob_id", BLOB), ("generation", u64(2)), ("state", u64(3))]),
    ("DeleteChunk", 15, [("blob_id", BLOB), ("generation", u64(2))]),
]


def main():
    print("# Changes of a journal entry, version 1. Written by make_v1.py, never again.")
    print("\n[body]\nversion 01\ncount", u32(len(CHANGES)).hex())
    for name, kind, fields in CHANGES:
        image = b"".join(value for _, value in fields)
        print(f"\n[{name}]\nkind {kind:02x}\nversion 01\nlength {u32(len(image)).hex()}")
        for field, value in fields:
            print(field, value.hex())


main()
