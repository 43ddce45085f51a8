//! Small sealed objects: whatever is put in their place, nothing opens but what
//! was sealed.

use super::golden::{self, CHILD, EPOCH, GROUP, KIND, PARENT, RECORD, TAG, USER};
use super::{Outcome, Target};
use coffer_crypto::node::unwrap_home;
use coffer_crypto::{
    GrantBody, Identity, Key32, NodeKeys, Result, SecretKind, ServerSecret, identity, open_contact,
    open_grant, open_group,
};
use std::sync::LazyLock;

const SECRET: SecretKind = SecretKind::Recovery;
const VERSION: u32 = 3;
const REVISION: u64 = 9;

pub(super) const TARGET: Target = Target {
    name: "sealed",
    words: &[b"\x01\x01", b"\x02\x01", b"\x01\x02"],
    corpus: objects,
    run,
};

/// One object of each kind, in the order of `Readers::all`.
fn objects() -> Vec<Vec<u8>> {
    let single = [
        "node.name",
        "node.key",
        "meta.sealed",
        "manifest.sealed",
        "home.key",
        "server.text",
        "user.verifier",
        "identity.sealed",
        "own-grant.sealed",
        "group.sealed",
        "contact.sealed",
        "activity.sealed",
    ];
    let root = ["user.root.version-and-suite", "user.root.check-value", "user.root.sealed"];
    let single = single.iter().map(|name| golden::bytes(&[name]));
    single.chain([golden::bytes(&root)]).collect()
}

/// The keys of all of them.
struct Readers {
    objects: Vec<Vec<u8>>,
    server: ServerSecret,
    root: Key32,
    unlock: Key32,
    public: [u8; 32],
    identity: Identity,
    grant: GrantBody,
    parent: NodeKeys,
    child: NodeKeys,
}

static READERS: LazyLock<Option<Readers>> = LazyLock::new(Readers::new);

impl Readers {
    fn new() -> Option<Self> {
        let public = golden::bytes(&["identity.public"]).try_into().ok()?;
        let sealed_identity = golden::bytes(&["identity.sealed"]);
        Some(Self {
            objects: objects(),
            server: golden::server().ok()?,
            root: golden::root(),
            unlock: Key32::from_bytes(golden::bytes(&["account.recovery.unlock"]).try_into().ok()?),
            public,
            identity: identity::open(&golden::root(), &USER, &sealed_identity, &public).ok()?,
            grant: golden::own_grant(),
            parent: golden::parent().ok()?,
            child: golden::child().ok()?,
        })
    }

    fn all(&self, bytes: &[u8]) -> [Result<()>; 13] {
        let server = &self.server;
        [
            self.parent.open_name(&PARENT, bytes, &CHILD, KIND, EPOCH).map(drop),
            self.parent.unwrap_child(&PARENT, bytes, &CHILD, KIND, EPOCH).map(drop),
            self.child.open_meta(bytes, &CHILD, KIND, EPOCH, REVISION).map(drop),
            self.child.open_manifest(bytes, &CHILD, REVISION).map(drop),
            unwrap_home(&self.root, bytes, &PARENT, EPOCH).map(drop),
            server.open_text("user-name", bytes, &USER).map(drop),
            server.open_verifier(bytes, &USER, SECRET, VERSION).map(drop),
            identity::open(&self.root, &USER, bytes, &self.public).map(drop),
            open_grant(&self.identity, &self.public, &self.grant, bytes).map(drop),
            open_group(&self.root, &USER, &GROUP, REVISION, bytes).map(drop),
            open_contact(&self.root, &USER, &TAG, bytes).map(drop),
            self.child.open_activity(&RECORD, &CHILD, bytes).map(drop),
            server.unwrap_root(bytes, &self.unlock, &USER, SECRET, VERSION).map(drop),
        ]
    }
}

fn run(input: &[u8]) -> Outcome {
    let Some(readers) = READERS.as_ref() else {
        return Err("the published vectors do not open".to_owned());
    };
    let mut outcome = Err("nothing opens it".to_owned());
    for (opened, object) in readers.all(input).into_iter().zip(&readers.objects) {
        assert_eq!(opened.is_ok(), input == object, "opens although it was changed");
        match opened {
            Ok(()) => outcome = Ok(()),
            Err(error) if outcome.is_err() => outcome = Err(error.to_string()),
            Err(_) => {}
        }
    }
    outcome
}
