#!/usr/bin/env python3
"""Format version 1, written a second time and independently of the Rust code.

Prints crypto/golden/v1.txt: `make_v1.py > v1.txt`. Needs the packages `blake3`
and `cryptography` (whose AES-SIV, AES-CTR, AES-GCM and X25519 are OpenSSL's; HPKE is
written out here, after RFC 9180). The file is never regenerated to make a test
pass: a change of the bytes is a new format version with a file of its own. New
kinds of objects are added at its end.
"""

import hashlib
import hmac
import unicodedata
from struct import pack

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def count(first, length):
    return bytes((first + index) % 256 for index in range(length))


def hm(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def tag(key, label, *parts):
    return hm(key, b"coffer/1/" + label + b"\0", *parts)


def expand(prk, label, context, length):
    info, block, out = b"coffer/1/" + label + b"\0" + context, b"", b""
    counter = 1
    while len(out) < length:
        block = hm(prk, block, info, bytes([counter]))
        out, counter = out + block, counter + 1
    return out[:length]


def extract(salt, key):
    return hm(salt, key)


def siv(key, kind, fields, plain):
    header = b"CF" + bytes([1, kind, 1, 0, 0, 0])
    return AESSIV(key).encrypt(plain, [header, *fields])


def stored(*parts):
    return b"\x01\x01" + b"".join(parts)


def pad32(text):
    text += b"\x80"
    return text + bytes(-len(text) % 32)


def nfc(text):
    return unicodedata.normalize("NFC", text).encode()


def fold(text):
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c.upper() for c in text)
        text = "".join(c.lower() for c in text)
        text = unicodedata.normalize("NFKC", text)
    return text.encode()


def groups(label, key):
    check = blake3(key, derive_key_context="coffer/1/" + label).digest()[:3]
    number = int.from_bytes(key + check, "big")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    symbols = "".join(alphabet[number >> 5 * place & 31] for place in range(55, -1, -1))
    return "-".join(symbols[place : place + 4] for place in range(0, 56, 4))


def chunk(key, epoch, plain):
    okm = expand(key, b"chunk", b"", 64)
    header = b"CFXC" + bytes([1, 1, epoch, 0]) + pack(">Q", len(plain))
    stream = Cipher(algorithms.AES(okm[:32]), modes.CTR(bytes(16))).encryptor()
    ciphertext = stream.update(plain) + stream.finalize()
    digest = blake3(header + ciphertext).digest()
    mac = hm(okm[32:], digest)
    return header, ciphertext, mac, blake3(digest + mac).digest()


def show(name, value):
    print(f"{name} = {value if isinstance(value, str) else value.hex()}")


def title(text):
    print(f"\n# {text}")


print("# Stored formats, version 1. Written by make_v1.py; see there.")
SERVER, USER, NAME = count(0x20, 32), count(0x40, 16), "Zoë.Example"

title("Master key 00..1f, recovery key 70..8f")
MASTER, RECOVERY = count(0, 32), count(0x70, 32)
show("master.file-text", "coffer-master-key-1 " + groups("master-key-text", MASTER))
show("recovery.text", groups("recovery-key-text", RECOVERY))

title("Server secret: server id 20..3f, user id 40..4f, user name Zoë.Example")


def secret(label, length=32):
    return expand(MASTER, label, SERVER, length)


show("server.check-value", secret(b"check"))
SALT = tag(secret(b"salt"), b"user-salt", fold(NAME))
show("server.salt", SALT)
show("server.user-tag", tag(secret(b"tag"), b"user-tag", fold(NAME)))
show("server.invite-tag", tag(secret(b"tag"), b"invite-tag", b"ABCD1234"))
show("server.anchor-mac", tag(secret(b"anchor"), b"anchor-mac", b"anchor"))
show("server.fake-verifier", expand(secret(b"fake"), b"fake-verifier", b"\x01" + fold(NAME), 64))
text_key = expand(secret(b"text"), b"text-key", b"user-name", 64)
show("server.text", stored(siv(text_key, 10, [b"user-name", USER], pad32(NAME.encode()))))

title("Account: password \"correct horse battery staple\", 600,000 iterations")
stretched = hashlib.pbkdf2_hmac("sha512", b"correct horse battery staple", SALT, 600_000, 64)
who = SERVER + fold(NAME)
show("account.password.auth", expand(stretched, b"auth", who, 32))
show("account.password.unlock", expand(stretched, b"unlock", who, 32))

title("The same account's recovery key")
AUTH, UNLOCK = (expand(RECOVERY, b"recovery-" + part, who, 32) for part in (b"auth", b"unlock"))
show("account.recovery.auth", AUTH)
show("account.recovery.unlock", UNLOCK)
CLIENT, SERVER_KEY = tag(AUTH, b"client"), tag(AUTH, b"server")
STORED = hashlib.sha256(CLIENT).digest()
show("account.recovery.stored-key", STORED)
show("account.recovery.server-key", SERVER_KEY)

title("Sign-in with it: nonces 11.. and 22.., exporter 33.., session id 44..")
AUTH_MESSAGE = hashlib.sha256(
    b"coffer/1/auth-message\0" + SERVER + b"\x02" + b"\x11" * 32 + SALT + b"\x01"
    + pack(">I", 600_000) + b"\x22" * 32 + b"\x33" * 32 + fold(NAME)
).digest()
show("sign-in.auth-message", AUTH_MESSAGE)
show("sign-in.proof", bytes(a ^ b for a, b in zip(CLIENT, hm(STORED, AUTH_MESSAGE))))
prk = extract(AUTH_MESSAGE, CLIENT)
show("sign-in.unlock", siv(expand(prk, b"unlock", b"", 64), 9, [AUTH_MESSAGE], UNLOCK))
show("sign-in.signature", hm(SERVER_KEY, AUTH_MESSAGE))
ATTACH = expand(prk, b"attach", b"", 32)
show("sign-in.attach-key", ATTACH)
show("sign-in.attach-mac", tag(ATTACH, b"attach-mac", b"\x44" * 16, b"\x33" * 32))

title("User row: version 3, recovery key; root key 50..6f")
ROOT, version = count(0x50, 32), pack(">I", 3)
bound = [USER, b"\x02", version]
show("user.verifier", stored(siv(secret(b"pepper-auth", 64), 6, bound, STORED + SERVER_KEY)))
prk, context = extract(secret(b"pepper-wrap"), UNLOCK), b"".join(bound)
show("user.root.version-and-suite", b"\x01\x01")
show("user.root.check-value", expand(prk, b"root-check", context, 32))
show("user.root.sealed", siv(expand(prk, b"root-wrap", context, 64), 4, bound, ROOT))

title("Identity: private key 10..2f")
PRIVATE = count(0x10, 32)
public = X25519PrivateKey.from_private_bytes(PRIVATE).public_key()
show("identity.public", public.public_bytes(Encoding.Raw, PublicFormat.Raw))
show("identity.sealed", stored(siv(expand(ROOT, b"identity", b"", 64), 5, [USER], PRIVATE)))

title("Tree: parent key 90..af, parent id b0..bf, child key c0..df, child id e0..ef, epoch 7")
PARENT, PARENT_ID, CHILD, CHILD_ID = (
    count(0x90, 32), count(0xB0, 16), count(0xC0, 32), count(0xE0, 16),
)
EPOCH = pack(">I", 7)


def sub(node, node_id, label, length):
    return expand(node, label, node_id + EPOCH, length)


home = siv(expand(ROOT, b"home", b"", 64), 11, [PARENT_ID, b"\x02", EPOCH], PARENT)
show("home.key", stored(home))
place = [PARENT_ID, CHILD_ID, b"\x01", EPOCH]
show("node.key", stored(siv(sub(PARENT, PARENT_ID, b"child", 64), 2, place, CHILD)))
FILE = "Gru\u0308ße.TXT"
lookup = sub(PARENT, PARENT_ID, b"lookup", 32)
show("node.lookup-tag", tag(lookup, b"lookup-tag", nfc(FILE)))
show("node.fold-tag", tag(lookup, b"fold-tag", fold(FILE)))
sealed = siv(sub(PARENT, PARENT_ID, b"name", 64), 1, place, pad32(FILE.encode()))
show("node.name", stored(sealed))

title("Metadata of revision 9")
META = {
    "size": pack(">Q", 123_456_789),
    "modified": pack(">q", 1_700_000_000_000),
    "created": pack(">q", -1),
    "written": pack(">q", 1_800_000_000_000),
    "executable": b"\x01",
    "author": USER,
    "content-hash": b"\x55" * 32,
    "chunks": pack(">Q", 118),
}
for field, value in META.items():
    show("meta." + field, value)
REVISION = pack(">Q", 9)
fields = [CHILD_ID, b"\x01", EPOCH, REVISION]
show("meta.sealed", stored(siv(sub(CHILD, CHILD_ID, b"meta", 64), 3, fields, b"".join(META.values()))))

title("Hashes of the plaintext 00..63, keyed with the server id")
PLAIN = count(0, 100)
PLAIN_HASH = blake3(PLAIN, key=SERVER).digest()
show("content.plain-hash", PLAIN_HASH)
content_key = blake3(SERVER, derive_key_context="coffer/1/content-hash").digest()
chunks = (PLAIN_HASH + pack(">I", 100)) * 2 + pack(">QQ", 2, 200)
show("content.hash-of-two", blake3(chunks, key=content_key).digest())

title("Chunk: that plaintext, random key 60..7f")
for field, value in zip(("header", "ciphertext", "tag", "blob-id"), chunk(count(0x60, 32), 0, PLAIN)):
    show("chunk." + field, value)

title("Chunk: that plaintext, key derived from it")
length = pack(">I", 100)
show("dedup.fingerprint", hm(secret(b"dedup-fingerprint"), length, PLAIN_HASH))
DEDUP = hm(secret(b"dedup-chunk"), length, PLAIN_HASH)
show("dedup.key", DEDUP)
for field, value in zip(("header", "ciphertext", "tag", "blob-id"), chunk(DEDUP, 1, PLAIN)):
    show("dedup." + field, value)

title("Chunk list: two chunks, salt f0..ff")


def entry(number, size):
    return bytes([number]) * 32 + bytes([number + 1]) * 32 + bytes([number + 2]) * 32 + pack(">I", size)


def preamble(form, entries, total):
    return b"CF" + bytes([1, 8, form, 0, 0, 0]) + pack(">IQ", entries, total)


LIST = {
    "preamble": preamble(1, 2, 4 * 2**20 + 5),
    "entry-0": entry(1, 4 * 2**20),
    "entry-1": entry(4, 5),
}
for field, value in LIST.items():
    show("manifest." + field, value)
MANIFEST_SALT = count(0xF0, 16)
prk = extract(MANIFEST_SALT, sub(CHILD, CHILD_ID, b"manifest", 32))
fields = [MANIFEST_SALT, CHILD_ID, REVISION]
key = expand(prk, b"manifest-seal", CHILD_ID + REVISION, 64)
show("manifest.sealed", stored(MANIFEST_SALT, siv(key, 8, fields, b"".join(LIST.values()))))

title("Chunk list in segments: one of two chunks, whose plain encoding is the segment")
show("segments.preamble", preamble(2, 1, 4 * 2**20 + 5))
show("segments.entry-0", b"\x77" * 16 + b"\x07" * 32 + b"\x08" * 32 + pack(">IQ", 2, 4 * 2**20 + 5))
show("segment.preamble", preamble(3, 2, 4 * 2**20 + 5))


class X25519:
    """A key pair and what RFC 9180 does with it."""

    def __init__(self, secret):
        self.secret = X25519PrivateKey.from_private_bytes(secret)
        self.public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def agree(self, public):
        return self.secret.exchange(X25519PublicKey.from_public_bytes(public))


def labeled_extract(suite, salt, label, ikm):
    return extract(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    info, block, out = pack(">H", length) + b"HPKE-v1" + suite + label + info, b"", b""
    while len(out) < length:
        block = hm(prk, block, info, bytes([len(out) // 32 + 1]))
        out += block
    return out[:length]


def hpke_auth_seal(ikm, sender, recipient_public, info, plain, aead=2, key_bytes=32, aad=b""):
    """SealAuth of RFC 9180, 6.1: X25519, HKDF-SHA256, AES-256-GCM."""
    kem, suite = b"KEM\x00\x20", b"HPKE" + pack(">HHH", 0x20, 1, aead)
    drawn = labeled_expand(kem, labeled_extract(kem, b"", b"dkp_prk", ikm), b"sk", b"", 32)
    ephemeral = X25519(drawn)
    dh = ephemeral.agree(recipient_public) + sender.agree(recipient_public)
    context = ephemeral.public + recipient_public + sender.public
    prk = labeled_extract(kem, b"", b"eae_prk", dh)
    shared = labeled_expand(kem, prk, b"shared_secret", context, 32)
    schedule = b"\x02" + labeled_extract(suite, b"", b"psk_id_hash", b"")
    schedule += labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, shared, b"secret", b"")
    key = labeled_expand(suite, secret, b"key", schedule, key_bytes)
    nonce = labeled_expand(suite, secret, b"base_nonce", schedule, 12)
    return ephemeral.public, AESGCM(key).encrypt(nonce, plain, aad)


title("Grant: owner 10..2f and 40..4f, recipient 30..4f and 50..5f, encapsulation from 80..9f")
OWNER, RECIPIENT, RECIPIENT_ID = X25519(PRIVATE), X25519(count(0x30, 32)), count(0x50, 16)
GRANT = {
    "header": b"CF" + bytes([1, 7, 2, 0, 0, 0]),
    "share": count(0xA0, 16),
    "node": CHILD_ID,
    "kind": b"\x01",
    "owner": USER,
    "recipient": RECIPIENT_ID,
    "recipient-kind": b"\x01",
    "via": count(0x60, 16),
    "mode": b"\x02",
    "key-epoch": EPOCH,
    "created": pack(">q", 1_800_000_000_000),
    "expires": b"\x01" + pack(">q", 1_900_000_000_000),
}
for field, value in GRANT.items():
    show("grant." + field, value)


def grant(recipient_public, body):
    plain = CHILD + pad32(FILE.encode())
    encapped, ciphertext = hpke_auth_seal(
        count(0x80, 32), OWNER, recipient_public, b"".join(body.values()), plain
    )
    return b"\x01\x02" + encapped + ciphertext


show("grant.sealed", grant(RECIPIENT.public, GRANT))

title("The same with a group, which is the owner's own, without an end")
OWN = {
    "recipient": count(0x60, 16),
    "recipient-kind": b"\x02",
    "via": bytes(16),
    "mode": b"\x01",
    "expires": bytes(9),
}
for field, value in OWN.items():
    show("own-grant." + field, value)
show("own-grant.sealed", grant(OWNER.public, GRANT | OWN))

title("What a user keeps about others: group 60..6f, revision 9; contact with tag 80..9f")
fields = [USER, count(0x60, 16), REVISION]
sealed = siv(expand(ROOT, b"group", b"", 64), 12, fields, pad32(b"a group"))
show("group.sealed", stored(sealed))
sealed = siv(expand(ROOT, b"contact", b"", 64), 13, [USER, count(0x80, 32)], pad32(count(1, 32)))
show("contact.sealed", stored(sealed))

title("Record of activity d0..df")
fields = [count(0xD0, 16), CHILD_ID]
sealed = siv(sub(CHILD, CHILD_ID, b"activity", 64), 14, fields, pad32(b"a record"))
show("activity.sealed", stored(sealed))

title("Safety number of the owner and the recipient of the grant")


def digits(user_id, public, prefix=b"coffer/1/safety-number\0"):
    hashed = hashlib.sha512(prefix + public + user_id + public).digest()
    for _ in range(5199):
        hashed = hashlib.sha512(hashed + public).digest()
    return [
        f"{int.from_bytes(hashed[place : place + 5], 'big') % 100_000:05}"
        for place in range(0, 30, 5)
    ]


halves = sorted([digits(USER, OWNER.public), digits(RECIPIENT_ID, RECIPIENT.public)])
show("safety-number", " ".join(halves[0] + halves[1]))
