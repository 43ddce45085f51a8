//! Sign-up, sign-in, recovery and passwords, with answers that get lost.

use crate::account::SignUp;
use crate::client::{Client, ClientOptions};
use crate::cluster::{Cluster, Machine};
use crate::error::ClientError;
use crate::keys;
use crate::opening::{Known, Opening, Whom};
use crate::profile::Profile;
use crate::testing::{
    FakeDialer, FakeServer, KDF, SALT, SERVER, Step, USER, client, keys as some_keys, options,
    profile,
};
use coffer_crypto::AccountKeys;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::{ErrorCode, Request};
use std::sync::{Arc, OnceLock};

const PASSWORD: &str = "plover quartz ninefold lantern";
const NEW_PASSWORD: &str = "marmalade orbit thistle wagon";

/// The keys of one of the two passwords; stretched once.
fn of_password(password: &str) -> AccountKeys {
    static SAVED: [OnceLock<[u8; 64]>; 2] = [OnceLock::new(), OnceLock::new()];
    let saved = SAVED[usize::from(password == NEW_PASSWORD)].get_or_init(|| {
        let kdf = coffer_crypto::Kdf { id: KDF.id, iterations: KDF.iterations };
        let keys = AccountKeys::from_password(password, &SALT, kdf, SERVER.as_bytes(), USER);
        *keys.expect("derived").to_saved()
    });
    AccountKeys::from_saved(saved)
}

async fn opening(server: &Arc<FakeServer>, known: Option<Profile>) -> Result<Opening, ClientError> {
    let machine = Machine { host: "fake".to_owned(), port: 1, pin: Fingerprint([8; 32]) };
    let known = known.map(|profile| Known { profile, cluster: Cluster::unknown(SERVER) });
    let whom = Whom { machine, user_name: USER.to_owned(), known };
    Opening::over(Arc::new(FakeDialer(Arc::clone(server))), whom).await
}

fn wanted() -> SignUp<'static> {
    SignUp { user_name: USER, password: PASSWORD, contact: None }
}

fn stored(options: &ClientOptions) -> Option<AccountKeys> {
    keys::load(&options.home, &options.profile, SERVER).expect("readable")
}

#[tokio::test]
async fn a_sign_up_whose_answer_is_lost_is_found_to_have_happened() {
    let server = FakeServer::new(&some_keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let options = options(&dir);
    server.script([Step::Break]);
    let opening = opening(&server, None).await.expect("connected");
    server.with(|nature| nature.refuse_dials = 2);
    let account = Client::signup_over(&options, opening, None, wanted()).await.expect("signed up");
    assert_eq!(account.client.profile().user_name, USER);
    assert!(coffer_crypto::RecoveryKey::parse(&account.recovery_key).is_ok());
    assert_eq!(stored(&options).expect("kept").to_saved(), of_password(PASSWORD).to_saved());
    let saved = Profile::load(&options.home, &options.profile).expect("readable").expect("kept");
    assert_eq!((saved.salt, saved.kdf, saved.position.seq), (SALT, KDF, 100));
}

#[tokio::test]
async fn a_sign_up_that_did_not_happen_is_an_error() {
    let server = FakeServer::new(&some_keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let options = options(&dir);
    server.script([Step::Break]);
    server.with(|nature| nature.keep_credentials = false);
    let opening = opening(&server, None).await.expect("connected");
    let error = Client::signup_over(&options, opening, None, wanted()).await.err();
    assert_eq!(error.expect("not signed up").code(), "connection-lost");
    assert!(stored(&options).is_none());
}

#[tokio::test]
async fn a_changed_account_or_cheap_password_work_is_refused_before_any_proof() {
    type Turn = fn(&mut crate::testing::Nature);
    let cases: [(Turn, &str); 4] = [
        (|nature| nature.salt = [6; 32], "account-changed"),
        (|nature| nature.kdf.iterations = 1000, "kdf-refused"),
        (|nature| nature.kdf.iterations = 4_000_000_000, "kdf-refused"),
        (|nature| nature.kdf.id = 2, "kdf-refused"),
    ];
    for (turn, code) in cases {
        let server = FakeServer::new(&some_keys(1));
        let dir = tempfile::tempdir().expect("a directory");
        server.with(turn);
        let opening = opening(&server, Some(profile())).await.expect("connected");
        let error = Client::login_over(&options(&dir), opening, PASSWORD).await.err();
        assert_eq!(error.expect("refused").code(), code);
        assert_eq!(server.with(|nature| nature.sign_ins), 0, "{code}");
    }
}

#[tokio::test]
async fn an_older_state_needs_the_users_word() {
    let server = FakeServer::new(&of_password(PASSWORD));
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(&dir);
    server.with(|nature| nature.position.seq = 50);
    let first = opening(&server, Some(profile())).await.expect("connected");
    let error = Client::login_over(&options, first, PASSWORD).await.err().expect("refused");
    assert_eq!(error.code(), "state-went-back");
    assert!(stored(&options).is_none());
    options.accept_older = true;
    let second = opening(&server, Some(profile())).await.expect("connected");
    let client = Client::login_over(&options, second, PASSWORD).await.expect("accepted");
    assert_eq!(client.profile().position.seq, 50);
}

#[tokio::test]
async fn another_server_is_refused_at_first_contact() {
    let server = FakeServer::new(&some_keys(1));
    server.with(|nature| nature.epoch = 1);
    let error = opening(&server, Some(profile())).await.err().expect("refused");
    assert_eq!(error.code(), "epoch-went-back");
}

#[tokio::test]
async fn a_new_password_replaces_the_saved_keys_even_when_the_answer_is_lost() {
    for (step, kept) in [(Step::done(), true), (Step::Break, true), (Step::Break, false)] {
        let server = FakeServer::new(&of_password(PASSWORD));
        let dir = tempfile::tempdir().expect("a directory");
        let client = client(&server, 1, &dir);
        client.inner.session.replace_keys(Arc::new(of_password(PASSWORD)));
        client.ask(Request::WhoAmI).await.expect("signed in");
        server.with(|nature| nature.keep_credentials = kept);
        server.script([Step::done(), step]);
        let changed = client.change_password(PASSWORD, NEW_PASSWORD, kept).await;
        let held = client.inner.session.keys();
        if kept {
            assert!(changed.expect("changed").is_some());
            assert_eq!(held.to_saved(), of_password(NEW_PASSWORD).to_saved());
            let saved = stored(client.options()).expect("kept");
            assert_eq!(saved.to_saved(), held.to_saved());
        } else {
            assert_eq!(changed.expect_err("not changed").code(), "connection-lost");
            assert_eq!(held.to_saved(), of_password(PASSWORD).to_saved());
            assert!(stored(client.options()).is_none());
        }
        client.ask(Request::WhoAmI).await.expect("the session goes on");
    }
}

#[tokio::test]
async fn the_wrong_password_changes_nothing() {
    let server = FakeServer::new(&some_keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(&server, 1, &dir);
    let error = client.change_password(PASSWORD, NEW_PASSWORD, false).await.expect_err("refused");
    assert_eq!(error.wire_code(), Some(ErrorCode::SIGN_IN_REFUSED));
    assert_eq!(client.inner.session.keys().to_saved(), some_keys(1).to_saved());
}

#[tokio::test]
async fn weak_passwords_never_get_as_far_as_the_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let link = "coffer://127.0.0.1:1/".parse().expect("a link");
    let weak = SignUp { user_name: USER, password: "password123", contact: None };
    let error = Client::signup(&options(&dir), &link, weak).await.err().expect("refused");
    assert_eq!(error.code(), "weak-password");
    assert!(!error.hint().is_empty() && error.to_string().contains(':'));
}

#[tokio::test]
async fn signing_out_deletes_the_keys_even_when_nobody_hears_it() {
    let server = FakeServer::new(&some_keys(1));
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(&server, 1, &dir);
    let options = client.options().clone();
    keys::save(&options.home, &options.profile, SERVER, &some_keys(1)).expect("saved");
    server.script([Step::Break]);
    client.logout().await.expect("signed out");
    assert!(stored(&options).is_none());
    let error = Client::resume(&options).await.err().expect("signed out");
    assert_eq!(error.code(), "not-signed-in");
}

#[tokio::test]
async fn a_profile_in_use_is_not_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = options(&dir);
    profile().save(&options.home, &options.profile).expect("saved");
    keys::save(&options.home, &options.profile, SERVER, &some_keys(1)).expect("saved");
    let other = format!("coffer://127.0.0.1:1/#{}", Fingerprint([9; 32]));
    let other = other.parse().expect("a link");
    let error = Client::login(&options, &other, USER, PASSWORD).await.err().expect("refused");
    assert_eq!(error.code(), "profile-in-use");
}
