//! Every sealed object: any changed byte, any change of length, any other place
//! is refused.

use super::{
    EPOCH, FILE_NAME, REVISION, account, child, child_id, child_key, manifest, meta, parent,
    parent_id, root, server, user_id,
};
use crate::account::SecretKind::{Password, Recovery};
use crate::chunk::{self, ChunkKey};
use crate::identity;
use crate::node::NodeKind::{Directory, File};
use crate::node::{NodeKey, unwrap_home, wrap_home};
use crate::secret::Key32;
use crate::server::Verifier;

type Opens = Box<dyn Fn(&[u8]) -> bool>;

/// One kind of object: its bytes, and whether given bytes open as it.
struct Case {
    what: &'static str,
    sealed: Vec<u8>,
    opens: Opens,
}

fn case(what: &'static str, sealed: Vec<u8>, opens: impl Fn(&[u8]) -> bool + 'static) -> Case {
    Case { what, sealed, opens: Box::new(opens) }
}

fn verifier() -> Verifier {
    let parts = account().credential();
    Verifier { stored_key: parts.stored_key, server_key: parts.server_key }
}

fn unlock() -> Key32 {
    Key32::from_bytes(account().credential().unlock_key)
}

fn user_cases() -> Vec<Case> {
    let (server, user) = (server(), user_id());
    let (public, identity) = identity::generate(&root(), &user).unwrap();
    vec![
        case("verifier", server.seal_verifier(&verifier(), &user, Password, 3), move |bytes| {
            super::server().open_verifier(bytes, &user, Password, 3).is_ok()
        }),
        case("root key", server.wrap_root(&root(), &unlock(), &user, Password, 3), move |bytes| {
            super::server().unwrap_root(bytes, &unlock(), &user, Password, 3).is_ok()
        }),
        case("text", server.seal_text("contact", b"+49 30 1234", &user), move |bytes| {
            super::server().open_text("contact", bytes, &user).is_ok()
        }),
        case("identity", identity, move |bytes| {
            identity::open(&root(), &user, bytes, &public).is_ok()
        }),
    ]
}

fn tree_cases() -> Vec<Case> {
    let (above, node) = (parent_id(), child_id());
    let blob = chunk::seal(&ChunkKey::from_bytes([3; 32]), b"a small file");
    vec![
        case("home key", wrap_home(&root(), &child_key(), &node, EPOCH), move |bytes| {
            unwrap_home(&root(), bytes, &node, EPOCH).is_ok()
        }),
        case(
            "node key",
            parent().wrap_child(&above, &child_key(), &node, File, EPOCH),
            move |bytes| parent().unwrap_child(&above, bytes, &node, File, EPOCH).is_ok(),
        ),
        case("name", parent().seal_name(&above, FILE_NAME, &node, File, EPOCH), move |bytes| {
            parent().open_name(&above, bytes, &node, File, EPOCH).is_ok()
        }),
        case("meta", child().seal_meta(&meta(), &node, File, EPOCH, REVISION), move |bytes| {
            child().open_meta(bytes, &node, File, EPOCH, REVISION).is_ok()
        }),
        case(
            "manifest",
            child().seal_manifest(&manifest(), &node, REVISION).unwrap(),
            move |bytes| child().open_manifest(bytes, &node, REVISION).is_ok(),
        ),
        case("chunk", blob.bytes, move |bytes| {
            chunk::open(&ChunkKey::from_bytes([3; 32]), &blob.blob_id, bytes.to_vec()).is_ok()
        }),
    ]
}

#[test]
fn every_flipped_bit_and_every_other_length_is_refused() {
    for Case { what, sealed, opens } in user_cases().into_iter().chain(tree_cases()) {
        assert!(opens(&sealed), "{what} does not open");
        for bit in 0..sealed.len() * 8 {
            let mut bytes = sealed.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&bytes), "{what} opens with bit {bit} flipped");
        }
        for length in 0..sealed.len() {
            assert!(!opens(&sealed[..length]), "{what} opens cut to {length} bytes");
        }
        assert!(!opens(&[&sealed[..], &[0]].concat()), "{what} opens with a byte behind it");
        assert!(!opens(&[&[0], &sealed[..]].concat()), "{what} opens with a byte before it");
    }
}

#[test]
fn no_object_opens_as_another() {
    let cases: Vec<Case> = user_cases().into_iter().chain(tree_cases()).collect();
    for (index, object) in cases.iter().enumerate() {
        for (other, reader) in cases.iter().enumerate() {
            let opens = (reader.opens)(&object.sealed);
            assert_eq!(opens, index == other, "{} read as {}", object.what, reader.what);
        }
    }
}

#[test]
fn user_records_open_in_their_own_place_only() {
    let (server, user, other) = (server(), user_id(), [0xaa; 16]);
    let sealed = server.seal_verifier(&verifier(), &user, Password, 3);
    assert!(server.open_verifier(&sealed, &other, Password, 3).is_err(), "another user");
    assert!(server.open_verifier(&sealed, &user, Recovery, 3).is_err(), "another secret");
    assert!(server.open_verifier(&sealed, &user, Password, 2).is_err(), "an older version");

    let wrapped = server.wrap_root(&root(), &unlock(), &user, Password, 3);
    assert!(server.unwrap_root(&wrapped, &unlock(), &other, Password, 3).is_err());
    assert!(server.unwrap_root(&wrapped, &unlock(), &user, Recovery, 3).is_err());
    assert!(server.unwrap_root(&wrapped, &unlock(), &user, Password, 4).is_err());

    let text = server.seal_text("user-name", b"zoe", &user);
    assert!(server.open_text("contact", &text, &user).is_err(), "another label");
    assert!(server.open_text("user-name", &text, &other).is_err(), "another row");

    let (public, sealed) = identity::generate(&root(), &user).unwrap();
    assert!(identity::open(&root(), &other, &sealed, &public).is_err());
    assert!(identity::open(&root(), &user, &sealed, &[7; 32]).is_err(), "a swapped public key");
    let opened = identity::open(&root(), &user, &sealed, &public).unwrap();
    assert_eq!((identity::public_of(opened.secret()), opened.public), (public, public));
}

#[test]
fn names_and_keys_open_in_their_own_place_only() {
    let (keys, above, node, other) = (parent(), parent_id(), child_id(), [0xaa; 16]);
    let key = keys.wrap_child(&above, &child_key(), &node, File, EPOCH);
    let name = keys.seal_name(&above, FILE_NAME, &node, File, EPOCH);
    let places = [
        ("its own place", above, node, File, EPOCH, true),
        ("another directory", other, node, File, EPOCH, false),
        ("another node", above, other, File, EPOCH, false),
        ("exchanged ids", node, above, File, EPOCH, false),
        ("another kind", above, node, Directory, EPOCH, false),
        ("another epoch", above, node, File, EPOCH + 1, false),
    ];
    for (what, above, node, kind, epoch, opens) in places {
        let found = keys.unwrap_child(&above, &key, &node, kind, epoch).is_ok();
        assert_eq!(found, opens, "key in {what}");
        let found = keys.open_name(&above, &name, &node, kind, epoch);
        assert_eq!(found.is_ok(), opens, "name in {what}");
    }
    let found = keys.unwrap_child(&above, &key, &node, File, EPOCH).unwrap();
    assert_eq!(found.bytes(), child_key().bytes());
    assert_eq!(keys.open_name(&above, &name, &node, File, EPOCH).as_deref(), Ok(FILE_NAME));
    assert!(child().open_name(&above, &name, &node, File, EPOCH).is_err(), "another key");

    let home = wrap_home(&root(), &child_key(), &node, EPOCH);
    assert!(unwrap_home(&root(), &home, &other, EPOCH).is_err(), "another node");
    assert!(unwrap_home(&root(), &home, &node, 8).is_err(), "another epoch");
    assert!(unwrap_home(&unlock(), &home, &node, EPOCH).is_err(), "another user");
}

#[test]
fn revisions_open_in_their_own_place_only() {
    let (keys, node, other) = (child(), child_id(), [0xaa; 16]);
    let sealed = keys.seal_meta(&meta(), &node, File, EPOCH, REVISION);
    assert_eq!(keys.open_meta(&sealed, &node, File, EPOCH, REVISION), Ok(meta()));
    assert!(keys.open_meta(&sealed, &other, File, EPOCH, REVISION).is_err());
    assert!(keys.open_meta(&sealed, &node, Directory, EPOCH, REVISION).is_err());
    assert!(keys.open_meta(&sealed, &node, File, EPOCH + 1, REVISION).is_err());
    assert!(keys.open_meta(&sealed, &node, File, EPOCH, REVISION - 1).is_err());

    let sealed = keys.seal_manifest(&manifest(), &node, REVISION).unwrap();
    assert!(keys.open_manifest(&sealed, &other, REVISION).is_err());
    assert!(keys.open_manifest(&sealed, &node, REVISION + 1).is_err());
    assert!(parent().open_manifest(&sealed, &node, REVISION).is_err());
    let again = keys.seal_manifest(&manifest(), &node, REVISION).unwrap();
    assert_ne!(sealed, again, "two writers of one revision share a key");
}

#[test]
fn keys_of_a_node_depend_on_its_id_and_epoch() {
    let name = |id: [u8; 16], epoch| {
        crate::node::NodeKeys::derive(&NodeKey::from_bytes([1; 32]), &id, epoch).lookup_tag("a")
    };
    assert_ne!(name([1; 16], 1), name([2; 16], 1));
    assert_ne!(name([1; 16], 1), name([1; 16], 2));
}
