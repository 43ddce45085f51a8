//! Sign-in from both sides, and everything that must not sign in.

use super::{USER_NAME, account, counting, root, server, server_id, user_id};
use crate::account::SecretKind::{Password, Recovery};
use crate::account::{AccountKeys, KDF, Kdf};
use crate::error::CryptoError;
use crate::master::MasterKey;
use crate::recovery::RecoveryKey;
use crate::scram::{
    AuthFields, ClientFinish, ServerFinish, attach_mac, auth_message, client_finish, server_finish,
    verify_attach, verify_server,
};
use crate::secret::Key32;
use crate::server::{ServerSecret, Verifier};

/// The exporters of two connections.
const HERE: [u8; 32] = [0x33; 32];
const ELSEWHERE: [u8; 32] = [0x34; 32];

fn auth(change: impl FnOnce(&mut AuthFields<'_>)) -> [u8; 32] {
    let (server_id, salt) = (server_id(), server().salt(USER_NAME));
    let mut fields = AuthFields {
        server_id: &server_id,
        user_name: USER_NAME,
        secret_kind: Recovery,
        client_nonce: &[0x11; 32],
        salt: &salt,
        kdf: KDF,
        server_nonce: &[0x22; 32],
        exporter: &HERE,
    };
    change(&mut fields);
    auth_message(&fields)
}

fn verifier(keys: &AccountKeys) -> Verifier {
    let parts = keys.credential();
    Verifier { stored_key: parts.stored_key, server_key: parts.server_key }
}

fn finish(verifier: &Verifier, auth: &[u8; 32], sent: &ClientFinish) -> Option<ServerFinish> {
    server_finish(verifier, auth, &sent.proof, &sent.unlock).ok()
}

fn other_account() -> AccountKeys {
    AccountKeys::from_recovery(&RecoveryKey::from_bytes([9; 32]), &server_id(), USER_NAME)
}

#[test]
fn both_sides_agree() {
    let (keys, auth) = (account(), auth(|_| {}));
    let sent = client_finish(&keys, &auth);
    let done = finish(&verifier(&keys), &auth, &sent).expect("signed in");
    assert_eq!(done.unlock.expose(), &keys.credential().unlock_key);
    assert_eq!(done.attach_key.expose(), sent.attach_key.expose());
    assert_eq!(verify_server(&keys, &auth, &done.signature), Ok(()));
}

#[test]
fn another_secret_does_not_sign_in() {
    let auth = auth(|_| {});
    let sent = client_finish(&other_account(), &auth);
    assert!(finish(&verifier(&account()), &auth, &sent).is_none());
    let fake = server().fake_verifier("nobody", Password);
    assert!(finish(&fake, &auth, &sent).is_none(), "an unknown user");
}

#[test]
fn a_proof_is_worth_nothing_on_another_connection() {
    let keys = account();
    let sent = client_finish(&keys, &auth(|_| {}));
    let relayed = auth(|fields| fields.exporter = &ELSEWHERE);
    assert!(finish(&verifier(&keys), &relayed, &sent).is_none());
}

#[test]
fn every_field_of_the_exchange_is_bound() {
    let changes: [fn(&mut AuthFields<'_>); 9] = [
        |fields| fields.server_id = &[0; 32],
        |fields| fields.user_name = "zoe",
        |fields| fields.secret_kind = Password,
        |fields| fields.client_nonce = &[0; 32],
        |fields| fields.salt = &[0; 32],
        |fields| fields.kdf.id = 2,
        |fields| fields.kdf.iterations += 1,
        |fields| fields.server_nonce = &[0; 32],
        |fields| fields.exporter = &ELSEWHERE,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_ne!(auth(change), auth(|_| {}), "change {index}");
    }
    assert_eq!(auth(|fields| fields.user_name = "ZOE\u{308}.example"), auth(|_| {}), "case");
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let (keys, auth) = (account(), auth(|_| {}));
    let sent = client_finish(&keys, &auth);
    for bit in 0..32 * 8 {
        let mut proof = sent.proof;
        proof[bit / 8] ^= 1 << (bit % 8);
        assert!(server_finish(&verifier(&keys), &auth, &proof, &sent.unlock).is_err());
    }
    for bit in 0..48 * 8 {
        let mut unlock = sent.unlock;
        unlock[bit / 8] ^= 1 << (bit % 8);
        assert!(server_finish(&verifier(&keys), &auth, &sent.proof, &unlock).is_err());
    }
}

#[test]
fn a_server_that_does_not_know_the_account_is_not_believed() {
    let (keys, auth) = (account(), auth(|_| {}));
    assert!(verify_server(&keys, &auth, &[0; 32]).is_err());
    let sent = client_finish(&keys, &auth);
    let mut thief = verifier(&keys);
    thief.server_key = [0; 32];
    let answer = finish(&thief, &auth, &sent).expect("stored key alone checks a proof");
    assert!(verify_server(&keys, &auth, &answer.signature).is_err());
}

#[test]
fn connections_join_a_session_with_a_mac_of_their_own() {
    let (key, session) = (Key32::from_bytes([5; 32]), [6; 16]);
    let mac = attach_mac(&key, &session, &HERE);
    assert_eq!(verify_attach(&key, &session, &HERE, &mac), Ok(()));
    assert!(verify_attach(&key, &session, &ELSEWHERE, &mac).is_err(), "another connection");
    assert!(verify_attach(&key, &[7; 16], &HERE, &mac).is_err(), "another session");
    assert!(verify_attach(&Key32::from_bytes([8; 32]), &session, &HERE, &mac).is_err());
    let mut wrong = mac;
    wrong[31] ^= 1;
    assert!(verify_attach(&key, &session, &HERE, &wrong).is_err());
}

#[test]
fn unknown_names_get_lasting_answers_like_known_ones() {
    let server = server();
    let fake = |name, kind| server.fake_verifier(name, kind).stored_key;
    assert_eq!(fake("nobody", Password), fake("NOBODY", Password));
    assert_ne!(fake("nobody", Password), fake("nobody", Recovery));
    assert_ne!(fake("nobody", Password), fake("somebody", Password));
    assert_eq!(server.salt("nobody"), server.salt("Nobody"));
    assert_ne!(server.salt("nobody"), server.salt("somebody"));
    assert_ne!(server.salt("nobody"), server.user_tag("nobody"));
    server.fake_unwrap(&Key32::from_bytes([1; 32]));
}

#[test]
fn invitation_codes_are_read_forgivingly() {
    let server = server();
    assert_eq!(server.invite_tag("ABCD-1234"), server.invite_tag(" abcd 1234\n"));
    assert_ne!(server.invite_tag("ABCD-1234"), server.invite_tag("ABCD-1235"));
    assert_ne!(server.invite_tag("ABCD"), server.user_tag("ABCD"));
}

/// The check value is compared before anything is opened: under another lock it
/// differs, and the sealed key behind it does not open with a borrowed one.
fn refused_at_the_check_value(server: &ServerSecret, unlock: &Key32, right: &[u8]) {
    let kind = Password;
    assert!(server.unwrap_root(right, unlock, &user_id(), kind, 1).is_err());
    let under_this_lock = server.wrap_root(&root(), unlock, &user_id(), kind, 1);
    assert_ne!(under_this_lock[2..34], right[2..34], "check value");
    let borrowed = [&under_this_lock[..34], &right[34..]].concat();
    assert!(server.unwrap_root(&borrowed, unlock, &user_id(), kind, 1).is_err());
}

#[test]
fn the_root_key_needs_the_password_and_the_master_key() {
    let (server, name) = (server(), USER_NAME);
    let unlock = |password| {
        let salt = server.salt(name);
        let keys = AccountKeys::from_password(password, &salt, KDF, &server_id(), name).unwrap();
        Key32::from_bytes(keys.credential().unlock_key)
    };
    let right = unlock("correct horse battery staple");
    let wrapped = server.wrap_root(&root(), &right, &user_id(), Password, 1);
    let opened = server.unwrap_root(&wrapped, &right, &user_id(), Password, 1).unwrap();
    assert_eq!(opened.expose(), root().expose());

    refused_at_the_check_value(&server, &unlock("correct horse battery stable"), &wrapped);
    let other_master = ServerSecret::derive(&MasterKey::from_bytes(counting(1)), &server_id());
    refused_at_the_check_value(&other_master, &right, &wrapped);
    assert_ne!(other_master.check_value(), server.check_value());
    let other_installation = ServerSecret::derive(&MasterKey::from_bytes(counting(0)), &[1; 32]);
    refused_at_the_check_value(&other_installation, &right, &wrapped);
    assert_ne!(other_installation.check_value(), server.check_value());
}

#[test]
fn a_client_refuses_weak_or_unknown_derivations() {
    for (id, iterations) in [(1, 600_000), (1, 10_000_000)] {
        assert_eq!(Kdf { id, iterations }.accept(), Ok(()));
    }
    for (id, iterations) in [(1, 0), (1, 599_999), (1, 10_000_001), (1, u32::MAX)] {
        let kdf = Kdf { id, iterations };
        assert!(matches!(kdf.accept(), Err(CryptoError::BadInput(_))), "{kdf:?}");
        let keys = AccountKeys::from_password("a long password", &[0; 32], kdf, &[0; 32], "zoe");
        assert!(keys.is_err(), "{kdf:?}");
    }
    for id in [0, 2, 255] {
        let refused = Kdf { id, iterations: 600_000 }.accept();
        assert!(matches!(refused, Err(CryptoError::UnknownVersion { .. })));
    }
}

#[test]
fn saved_keys_read_back() {
    let keys = AccountKeys::from_saved(&account().to_saved());
    assert_eq!(keys.credential().stored_key, account().credential().stored_key);
    assert_eq!(keys.credential().unlock_key, account().credential().unlock_key);
}
