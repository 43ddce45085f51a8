//! The way in and out: servers, accounts, passwords.

use super::{Scene, linked, scene, sign_in_instead, sign_up};
use crate::world::{Who, World};
use coffer_tests::coffer::{PASSWORD, utf8};
use std::time::Duration;

pub(super) const SCENES: &[Scene] = &[
    scene("connect", Who::Nobody, |_, _| {}),
    linked("create-account", |stage, _| {
        stage.text("carl");
        stage.keys(&["Tab"]);
        stage.text("password1");
    }),
    linked("wrong-password", |stage, _| {
        sign_in_instead(stage);
        stage.text("ada");
        stage.keys(&["Tab"]);
        stage.text("not the password");
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(3));
    }),
    linked("recovery-key", sign_up),
    scene("password", Who::Ada, |stage, _| stage.command("Change password")),
    scene("locked", Who::Ada, |stage, _| stage.command("Lock now")),
    Scene {
        prepare: |world| {
            let link = world.server.link();
            vec![link.split_once('#').expect("a fingerprint").0.to_owned()]
        },
        ..scene("unknown-fingerprint", Who::Nobody, sign_up)
    },
    Scene {
        prepare: |world| {
            let link = world.server.link();
            let (before, pin) = link.split_once('#').expect("a fingerprint");
            let (first, rest) = pin.split_at(1);
            let other = if first == "A" { "B" } else { "A" };
            vec![format!("{before}#{other}{rest}")]
        },
        ..scene("other-fingerprint", Who::Nobody, sign_up)
    },
    linked("forgotten-password", |stage, _| {
        sign_in_instead(stage);
        stage.text("ada");
        // Password, eye, Back, and the way to the recovery key; there is nothing to sign in
        // with yet.
        stage.steps(&["Tab", "Tab", "Tab", "Tab", "space"]);
        stage.text("AAAA-BBBB");
        stage.keys(&["Tab"]);
        stage.text("quartz lantern velvet orbit");
    }),
    Scene {
        prepare: |_| vec!["coffer://127.0.0.1:9/".to_owned()],
        ..scene("no-server", Who::Nobody, |stage, _| {
            stage.text("ada");
            stage.keys(&["Tab"]);
            stage.text("quartz lantern velvet orbit");
            stage.keys(&["Return"]);
            std::thread::sleep(Duration::from_secs(5));
        })
    },
    scene("server-on-this-computer", Who::Nobody, |stage, _| {
        stage.keys(&["Tab", "space"]);
        std::thread::sleep(Duration::from_secs(4));
    }),
    scene("bad-link", Who::Nobody, |stage, _| {
        stage.text("coffer://files.example/");
        stage.keys(&["Return"]);
    }),
    scene("dropped-link", Who::Nobody, |stage, world| {
        let file = world.ada.path("invitation.txt");
        let text = format!("Come aboard!\n\n{}\n", world.server.link());
        std::fs::write(&file, text).expect("write");
        stage.drag_files(&[file]);
        stage.drop_files();
    }),
    Scene {
        prepare: World::two_accounts,
        ..scene("known-accounts", Who::Ada, |stage, _| stage.command("Other account"))
    },
    Scene {
        prepare: World::two_accounts,
        ..scene("account-menu", Who::Ada, |stage, _| stage.click((110, -62)))
    },
    scene("new-recovery-key", Who::Ada, |stage, _| stage.command("New recovery key")),
    scene("new-recovery-key-made", Who::Guest, |stage, _| {
        stage.command("New recovery key");
        stage.text(PASSWORD);
        stage.keys(&["Return"]);
        std::thread::sleep(Duration::from_secs(2));
    }),
    scene("sign-out-others", Who::Ada, |stage, _| stage.command("Sign out other")),
    scene("delete-account", Who::Guest, |stage, _| {
        stage.command("Delete account");
        stage.text(PASSWORD);
    }),
    scene("account-deleted", Who::Guest, |stage, _| {
        stage.command("Delete account");
        stage.text(PASSWORD);
        // Cancel stands before what cannot be taken back.
        stage.keys(&["Tab", "space"]);
        std::thread::sleep(Duration::from_secs(3));
    }),
    scene("session-over", Who::Guest, |stage, world| {
        let guest = world.guest();
        let (old, new) = (guest.password_file(), guest.path("new"));
        std::fs::write(&new, "velvet orbit lantern quartz").expect("write");
        guest.ok(&["passwd", "--password-file", utf8(&old), "--new-password-file", utf8(&new)]);
        std::thread::sleep(Duration::from_secs(2));
        stage.keys(&["F5"]);
        std::thread::sleep(Duration::from_secs(2));
    }),
];
