//! What people type: paths, names, user names, passwords.

use super::golden::{self, CHILD, EPOCH, KIND, PARENT};
use super::{Outcome, Target, refused, text};
use coffer_crypto::{
    NodeKeys, check_name, check_strength, normalize_password, normalize_user_name,
};
use coffer_protocol::Place;
use std::sync::LazyLock;

const WORDS: &[&[u8]] = &[
    b".",
    b"..",
    b"/",
    b"\0",
    b"\xe2\x80\xae",
    b"\xcc\x88",
    b"\xc3\x9f",
    b"\xef\xac\x81",
    b"\xe1\x84\x80\xe1\x85\xa1",
    b"\xc2\xa0",
    b"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
    b"\xcd\x85",
];

/// Names of files and users, and paths.
pub(super) const NAMES: Target = Target {
    name: "names",
    words: WORDS,
    corpus: || {
        ["report 42.pdf", "Gr\u{fc}\u{df}e", "alice", "a.b_c-d@e.org", "\u{65e5}\u{672c}"]
            .map(|name| name.as_bytes().to_vec())
            .to_vec()
    },
    run: run_names,
};

/// Passwords and their strength.
pub(super) const PASSWORDS: Target = Target {
    name: "passwords",
    words: &[b"password", b"qwerty", b"1999", b"aaaa", b"\xcc\x88", b"\xe2\x80\x83", b"p4ssw0rd"],
    corpus: || {
        [
            "correct horse battery staple",
            "ferry-lantern-quartz-mole",
            "Tr0ub4dor&3 und Gr\u{fc}\u{df}e",
        ]
        .map(|name| name.as_bytes().to_vec())
        .to_vec()
    },
    run: run_passwords,
};

static KEYS: LazyLock<Option<NodeKeys>> = LazyLock::new(|| golden::parent().ok());

fn run_names(input: &[u8]) -> Outcome {
    let text = text(input);
    if let Ok(name) = normalize_user_name(&text) {
        assert_eq!(normalize_user_name(&name).as_ref(), Ok(&name), "normalised twice differs");
    }
    if let Ok(place) = Place::parse(&text) {
        assert!(place.names.iter().all(|name| !name.is_empty() && !name.contains('/')));
    }
    check_name(&text).map_err(refused)?;
    if let Some(keys) = KEYS.as_ref() {
        keys.fold_tag(&text);
        keys.lookup_tag(&text);
        let sealed = keys.seal_name(&PARENT, &text, &CHILD, KIND, EPOCH);
        let opened = keys.open_name(&PARENT, &sealed, &CHILD, KIND, EPOCH);
        assert_eq!(opened, Ok(text), "a name does not read back");
    }
    Ok(())
}

fn run_passwords(input: &[u8]) -> Outcome {
    let text = text(input);
    let strength = check_strength(&text, &["alice", "alice@example.org"]);
    let normal = normalize_password(&text).map_err(refused)?;
    assert_eq!(*normalize_password(&normal).map_err(refused)?, *normal, "normalised twice differs");
    strength.map_err(refused)
}
