//! Every stored format against `golden/v1.txt`, which an independent
//! implementation wrote (`golden/make_v1.py`).

use super::{
    EPOCH, FILE_NAME, REVISION, USER_NAME, account, child, child_id, child_key, counting, entries,
    grant_body, manifest, meta, owner, parent, parent_id, recipient, recipient_id, root, server,
    server_id, user_id,
};
use crate::account::{AccountKeys, KDF, SecretKind};
use crate::chunk::{self, ChunkKey, ContentHasher};
use crate::contact::{seal_contact, seal_group};
use crate::grant::{self, GrantBody, INFO_BYTES};
use crate::identity;
use crate::manifest::{self, Manifest, SegmentRef};
use crate::master::MasterKey;
use crate::node::{NodeKey, NodeKind, wrap_home};
use crate::recovery::RecoveryKey;
use crate::safety::safety_number;
use crate::scram::{self, AuthFields};
use crate::secret::Key32;
use crate::server::Verifier;
use data_encoding::HEXLOWER;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The vectors that have not been compared yet.
struct Golden(BTreeMap<&'static str, &'static str>);

impl Golden {
    fn load() -> Self {
        let lines = include_str!("../../golden/v1.txt").lines();
        let vectors = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(vectors.map(|line| line.split_once(" = ").expect("name = value")).collect())
    }

    fn text(&mut self, name: &str, found: &str) {
        let expected = self.0.remove(name).unwrap_or_else(|| panic!("no vector {name}"));
        assert_eq!(found, expected, "{name}");
    }

    fn bytes(&mut self, name: &str, found: &[u8]) {
        self.text(name, &HEXLOWER.encode(found));
    }

    /// An object whose fields are vectors of their own, one behind the other.
    fn fields(&mut self, object: &str, names: &[&str], found: &[u8]) {
        let mut expected = Vec::new();
        for name in names {
            let name = format!("{object}.{name}");
            let field = self.0.remove(name.as_str()).unwrap_or_else(|| panic!("no vector {name}"));
            expected.extend(HEXLOWER.decode(field.as_bytes()).expect("hexadecimal"));
        }
        assert_eq!(HEXLOWER.encode(found), HEXLOWER.encode(&expected), "{object}");
    }
}

#[test]
fn every_format_has_the_bytes_of_version_1() {
    let mut golden = Golden::load();
    texts(&mut golden);
    server_secret(&mut golden);
    accounts(&mut golden);
    sign_in(&mut golden);
    user_row(&mut golden);
    tree(&mut golden);
    contents(&mut golden);
    chunk_lists(&mut golden);
    grants(&mut golden);
    others(&mut golden);
    assert!(golden.0.is_empty(), "vectors that nothing was compared with: {:?}", golden.0.keys());
}

fn texts(golden: &mut Golden) {
    let master = MasterKey::from_bytes(counting(0)).to_file_text();
    golden.text("master.file-text", master.strip_suffix('\n').expect("one line"));
    golden.text("recovery.text", &RecoveryKey::from_bytes(counting(0x70)).to_text());
}

fn server_secret(golden: &mut Golden) {
    let server = server();
    golden.bytes("server.check-value", &server.check_value());
    golden.bytes("server.salt", &server.salt(USER_NAME));
    golden.bytes("server.user-tag", &server.user_tag(USER_NAME));
    golden.bytes("server.invite-tag", &server.invite_tag("abcd-1234"));
    golden.bytes("server.anchor-mac", &server.anchor_mac(b"anchor"));
    let fake = server.fake_verifier(USER_NAME, SecretKind::Password);
    golden.bytes("server.fake-verifier", &[fake.stored_key, fake.server_key].concat());
    let text = server.seal_text("user-name", USER_NAME.as_bytes(), &user_id());
    golden.bytes("server.text", &text);
}

fn accounts(golden: &mut Golden) {
    let password = "correct horse battery staple";
    let salt = server().salt(USER_NAME);
    let keys = AccountKeys::from_password(password, &salt, KDF, &server_id(), USER_NAME).unwrap();
    golden.fields("account.password", &["auth", "unlock"], keys.to_saved().as_slice());
    let keys = account();
    golden.fields("account.recovery", &["auth", "unlock"], keys.to_saved().as_slice());
    let parts = keys.credential();
    assert_eq!(parts.unlock_key, keys.to_saved()[32..]);
    let stored = [parts.stored_key, parts.server_key].concat();
    golden.fields("account.recovery", &["stored-key", "server-key"], &stored);
}

fn sign_in(golden: &mut Golden) {
    let auth = scram::auth_message(&AuthFields {
        server_id: &server_id(),
        user_name: USER_NAME,
        secret_kind: SecretKind::Recovery,
        client_nonce: &[0x11; 32],
        salt: &server().salt(USER_NAME),
        kdf: KDF,
        server_nonce: &[0x22; 32],
        exporter: &[0x33; 32],
    });
    golden.bytes("sign-in.auth-message", &auth);
    let keys = account();
    let client = scram::client_finish(&keys, &auth);
    golden.bytes("sign-in.proof", &client.proof);
    golden.bytes("sign-in.unlock", &client.unlock);
    golden.bytes("sign-in.attach-key", client.attach_key.expose());
    let parts = keys.credential();
    let verifier = Verifier { stored_key: parts.stored_key, server_key: parts.server_key };
    let server = scram::server_finish(&verifier, &auth, &client.proof, &client.unlock).unwrap();
    golden.bytes("sign-in.signature", &server.signature);
    let mac = scram::attach_mac(&server.attach_key, &[0x44; 16], &[0x33; 32]);
    golden.bytes("sign-in.attach-mac", &mac);
}

fn user_row(golden: &mut Golden) {
    let (server, parts, kind) = (server(), account().credential(), SecretKind::Recovery);
    let verifier = Verifier { stored_key: parts.stored_key, server_key: parts.server_key };
    golden.bytes("user.verifier", &server.seal_verifier(&verifier, &user_id(), kind, 3));
    let unlock = Key32::from_bytes(parts.unlock_key);
    let wrapped = server.wrap_root(&root(), &unlock, &user_id(), kind, 3);
    golden.fields("user.root", &["version-and-suite", "check-value", "sealed"], &wrapped);
    let secret = Key32::from_bytes(counting(0x10));
    golden.bytes("identity.public", &identity::public_of(&secret));
    golden.bytes("identity.sealed", &identity::seal(&root(), &user_id(), &secret));
}

fn tree(golden: &mut Golden) {
    let home = NodeKey::from_bytes(counting(0x90));
    golden.bytes("home.key", &wrap_home(&root(), &home, &parent_id(), EPOCH));
    let (keys, kind) = (parent(), NodeKind::File);
    let wrapped = keys.wrap_child(&parent_id(), &child_key(), &child_id(), kind, EPOCH);
    golden.bytes("node.key", &wrapped);
    golden.bytes("node.lookup-tag", &keys.lookup_tag(FILE_NAME));
    golden.bytes("node.fold-tag", &keys.fold_tag(FILE_NAME));
    let name = keys.seal_name(&parent_id(), FILE_NAME, &child_id(), kind, EPOCH);
    golden.bytes("node.name", &name);
    let fields = [
        "size",
        "modified",
        "created",
        "written",
        "executable",
        "author",
        "content-hash",
        "chunks",
    ];
    golden.fields("meta", &fields, &meta().encode());
    let sealed = child().seal_meta(&meta(), &child_id(), kind, EPOCH, REVISION);
    golden.bytes("meta.sealed", &sealed);
}

fn contents(golden: &mut Golden) {
    let plain: [u8; 100] = counting(0);
    let hash = chunk::plain_hash(&server_id(), &plain);
    golden.bytes("content.plain-hash", &hash);
    let mut content = ContentHasher::new(&server_id());
    content.add(&hash, 100);
    content.add(&hash, 100);
    golden.bytes("content.hash-of-two", &content.finish());

    let fields = ["header", "ciphertext", "tag"];
    let sealed = chunk::seal(&ChunkKey::from_bytes(counting(0x60)), &plain);
    golden.fields("chunk", &fields, &sealed.bytes);
    golden.bytes("chunk.blob-id", &sealed.blob_id);

    golden.bytes("dedup.fingerprint", &server().dedup_fingerprint(100, &hash));
    let key = server().dedup_key(100, &hash);
    golden.bytes("dedup.key", key.expose());
    let sealed = chunk::seal(&key, &plain);
    golden.fields("dedup", &fields, &sealed.bytes);
    golden.bytes("dedup.blob-id", &sealed.blob_id);
}

fn chunk_lists(golden: &mut Golden) {
    let plain = manifest().encode().unwrap();
    let sealed = child().seal_manifest_with(&counting(0xf0), &plain, &child_id(), REVISION);
    golden.bytes("manifest.sealed", &sealed);
    let segment = manifest::encode_entries(manifest::FORM_SEGMENT, &entries()).unwrap();
    golden.bytes("segment.preamble", &segment[..manifest::PREAMBLE_BYTES]);
    assert_eq!(segment[manifest::PREAMBLE_BYTES..], plain[manifest::PREAMBLE_BYTES..]);
    golden.fields("manifest", &["preamble", "entry-0", "entry-1"], &plain);
    let segments = Manifest::Segments(vec![SegmentRef {
        segment_id: [0x77; 16],
        blob_id: [7; 32],
        key: ChunkKey::from_bytes([8; 32]),
        chunks: 2,
        bytes: (4 << 20) + 5,
    }]);
    golden.fields("segments", &["preamble", "entry-0"], &segments.encode().unwrap());
}

fn sealed_grant(recipient_public: &[u8; 32], body: &GrantBody) -> Vec<u8> {
    let drawn = Zeroizing::new(counting(0x80));
    grant::seal_with(drawn, &owner(), recipient_public, body, &child_key(), FILE_NAME).unwrap()
}

fn grants(golden: &mut Golden) {
    let body = grant_body();
    let fields = [
        "header",
        "share",
        "node",
        "kind",
        "owner",
        "recipient",
        "recipient-kind",
        "via",
        "mode",
        "key-epoch",
        "created",
        "expires",
    ];
    golden.fields("grant", &fields, &body.info());
    golden.bytes("grant.sealed", &sealed_grant(&recipient().public, &body));

    let own = GrantBody {
        recipient: counting(0x60),
        recipient_kind: 2,
        via: [0; 16],
        mode: 1,
        expires_millis: None,
        ..body
    };
    let info = own.info();
    golden.fields("own-grant", &["recipient", "recipient-kind", "via", "mode"], &info[57..91]);
    golden.fields("own-grant", &["expires"], &info[INFO_BYTES - 9..]);
    golden.bytes("own-grant.sealed", &sealed_grant(&owner().public, &own));
}

fn others(golden: &mut Golden) {
    let group = seal_group(&root(), &user_id(), &counting(0x60), REVISION, b"a group");
    golden.bytes("group.sealed", &group);
    let contact = seal_contact(&root(), &user_id(), &counting(0x80), &counting::<32>(1));
    golden.bytes("contact.sealed", &contact);
    let activity = child().seal_activity(&counting(0xd0), &child_id(), b"a record");
    golden.bytes("activity.sealed", &activity);
    let (one, other) = (owner().public, recipient().public);
    let number = safety_number((&user_id(), &one), (&recipient_id(), &other));
    golden.text("safety-number", &number);
}
