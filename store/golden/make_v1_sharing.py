#!/usr/bin/env python3
"""Writes v1_sharing.txt: the bytes of the changes of sharing, version 1.

A second implementation of store/src/changes/codec.rs and store/src/rows/shares.rs,
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

SHARE, NODE, OWNER, GROUP = run(0x50, 16), run(0x10, 16), run(0x30, 16), run(0x60, 16)
RECIPIENT, ACTIVITY, TAG = run(0x70, 16), run(0x01, 16), run(0xC0, 32)

CHANGES = [
    ("PutShare with a user", 16, [
        ("share", SHARE), ("node", NODE), ("owner", OWNER), ("recipient", RECIPIENT),
        ("recipient_kind", u64(1)), ("via", GROUP), ("mode", u64(2)), ("key_epoch", u64(3)),
        ("revision", u64(4)), ("created_millis", i64(1_700_000_000_006)),
        ("expires_millis", some(i64(1_700_000_000_007))), ("grant_ct", text(b"\x01\x02")),
    ]),
    ("PutShare with a group", 16, [
        ("share", SHARE), ("node", NODE), ("owner", OWNER), ("recipient", GROUP),
        ("recipient_kind", u64(2)), ("via", bytes(16)), ("mode", u64(1)), ("key_epoch", u64(0)),
        ("revision", u64(1)), ("created_millis", i64(-1)), ("expires_millis", NONE),
        ("grant_ct", text(b"")),
    ]),
    ("DeleteShare", 17, [("id", SHARE)]),
    ("PutGroup", 18, [
        ("group_id", GROUP), ("owner", OWNER), ("revision", u64(5)),
        ("sealed", text(b"\x03")), ("created_millis", i64(1_700_000_000_008)),
    ]),
    ("DeleteGroup", 19, [("id", GROUP)]),
    ("PutContact", 20, [("owner", OWNER), ("tag", TAG), ("sealed", text(b"\x04"))]),
    ("DeleteContact", 21, [("owner", OWNER), ("tag", TAG)]),
    ("PutActivity", 22, [
        ("activity", ACTIVITY), ("owner", OWNER), ("node", NODE), ("sealed", text(b"\x05\x06")),
    ]),
    ("DeleteActivity", 23, [("id", ACTIVITY)]),
]


def main():
    print("# Changes of sharing in a journal entry, version 1. Written by make_v1_sharing.py,")
    print("# never again.")
    print("\n[body]\nversion 01\ncount", u32(len(CHANGES)).hex())
    for name, kind, fields in CHANGES:
        image = b"".join(value for _, value in fields)
        print(f"\n[{name}]\nkind {kind:02x}\nversion 01\nlength {u32(len(image)).hex()}")
        for field, value in fields:
            print(field, value.hex())


main()
