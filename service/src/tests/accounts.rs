//! Signing up, signing in, credentials, the end of an account.

use super::harness::{Bench, answer, code, credential, keys, open_config};
use crate::{ServiceConfig, SignupPolicy, admin};
use coffer_protocol::codec;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::account::{LoginFinish, LoginStart, NewCredentials, SecretKind};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{Request, Response};
use coffer_store::SystemRandom;
use std::time::Duration;

#[tokio::test]
async fn a_user_signs_up_and_in_and_sees_the_account() {
    let bench = Bench::new().await;
    let mut anna = bench.stranger("Anna");
    anna.sign_up(None).await.unwrap();
    assert_eq!(code(anna.ask(Request::WhoAmI).await), ErrorCode::NOT_SIGNED_IN);
    let done = anna.sign_in().await.unwrap();
    let info = answer!(anna.ask(Request::WhoAmI).await, Account).unwrap();
    assert_eq!((info.user_id, info.home), (done.user_id, done.home));
    assert_eq!(info.user_name, "Anna");
    assert_eq!(info.contact.as_deref(), Some("somebody@example.org"));
    anna.name = "aNNA".to_owned();
    assert_eq!(code(anna.sign_up(None).await), ErrorCode::USER_NAME_UNAVAILABLE);
    assert!(anna.sign_in().await.is_ok(), "case does not matter");
}

#[tokio::test]
async fn an_unknown_name_looks_like_a_wrong_password() {
    let bench = Bench::new().await;
    bench.user("anna").await;
    let mut seen = Vec::new();
    for (name, secret) in [("anna", 1), ("nobody", 1), ("anna", 2), ("nobody", 2)] {
        let mut user = bench.stranger(name);
        (user.password, user.recovery) = (keys("wrong", 1), keys("wrong", 2));
        let secret = if secret == 1 { SecretKind::Password } else { SecretKind::Recovery };
        let start = LoginStart { user_name: name.to_owned(), secret, client_nonce: [3; 32] };
        let challenge = user.ask(Request::LoginStart(start)).await.unwrap();
        let length = codec::encode(&challenge).unwrap().len();
        let refused = user.sign_in_with(secret).await.expect_err("wrong password");
        seen.push((length, codec::encode(&refused).unwrap()));
    }
    assert!(seen.iter().all(|one| *one == seen[0]));
    let salt = |name: &str| {
        let user = bench.stranger(name);
        let user_name = name.to_owned();
        async move {
            let secret = SecretKind::Password;
            let start = LoginStart { user_name, secret, client_nonce: [3; 32] };
            match user.ask(Request::LoginStart(start)).await {
                Ok(Response::LoginChallenge(challenge)) => challenge.salt,
                other => panic!("unexpected {other:?}"),
            }
        }
    };
    assert_eq!(salt("nobody").await, salt("Nobody").await, "a salt is stable");
    assert_ne!(salt("nobody").await, salt("anna").await);
}

#[tokio::test]
async fn a_proof_is_good_once_and_on_its_own_connection() {
    let bench = Bench::new().await;
    let anna = bench.user("anna").await;
    let challenge = |user| async move {
        let start = LoginStart {
            user_name: "anna".to_owned(),
            secret: SecretKind::Password,
            client_nonce: [3; 32],
        };
        let user: &super::user::User = user;
        match user.ask(Request::LoginStart(start)).await {
            Ok(Response::LoginChallenge(challenge)) => challenge,
            other => panic!("unexpected {other:?}"),
        }
    };
    let (first, second) = (bench.stranger("anna"), bench.stranger("anna"));
    let given = challenge(&first).await;
    let (finish, _) = second.prove(SecretKind::Password, [3; 32], &given);
    let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
    let relayed = first.ask(Request::LoginFinish(proof)).await;
    assert_eq!(code(relayed), ErrorCode::SIGN_IN_REFUSED);
    let given = challenge(&first).await;
    let (finish, _) = first.prove(SecretKind::Password, [3; 32], &given);
    let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
    assert!(first.ask(Request::LoginFinish(proof.clone())).await.is_ok());
    assert_eq!(code(first.ask(Request::LoginFinish(proof)).await), ErrorCode::OUT_OF_ORDER);
    let given = challenge(&second).await;
    let (finish, _) = second.prove(SecretKind::Password, [3; 32], &given);
    let late = LoginFinish { proof: finish.proof, unlock: finish.unlock };
    bench.clock.advance(crate::link::CHALLENGE_LIFE);
    assert_eq!(code(second.ask(Request::LoginFinish(late)).await), ErrorCode::OUT_OF_ORDER);
    drop(anna);
}

#[tokio::test]
async fn sign_up_follows_the_policy() {
    let closed = ServiceConfig { signup: SignupPolicy::Closed, ..open_config() };
    let bench = Bench::with(closed).await;
    let refused = bench.stranger("anna").sign_up(Some("X")).await;
    assert_eq!(code(refused), ErrorCode::SIGN_UP_CLOSED);

    let invited = ServiceConfig { signup: SignupPolicy::Invite, ..open_config() };
    let bench = Bench::with(invited).await;
    let day = Duration::from_hours(24);
    let invite = async |uses| {
        let now = coffer_store::Clock::now_millis(&*bench.clock);
        let secret = bench.secret();
        admin::create_invite(&bench.store, &secret, &SystemRandom, now, uses, day).await.unwrap()
    };
    let twice = invite(2).await;
    assert_eq!(code(bench.stranger("a").sign_up(None).await), ErrorCode::INVITE_INVALID);
    assert_eq!(code(bench.stranger("a").sign_up(Some("AAAA")).await), ErrorCode::INVITE_INVALID);
    let typed = twice.to_lowercase().replace('-', " ");
    bench.stranger("a").sign_up(Some(&typed)).await.unwrap();
    assert_eq!(
        code(bench.stranger("a").sign_up(Some(&twice)).await),
        ErrorCode::USER_NAME_UNAVAILABLE,
        "and the invitation is not used up by it"
    );
    bench.stranger("b").sign_up(Some(&twice)).await.unwrap();
    assert_eq!(code(bench.stranger("c").sign_up(Some(&twice)).await), ErrorCode::INVITE_INVALID);
    let late = invite(1).await;
    bench.clock.advance(day);
    assert_eq!(code(bench.stranger("c").sign_up(Some(&late)).await), ErrorCode::INVITE_INVALID);
}

#[tokio::test]
async fn a_new_password_ends_other_sessions_and_keeps_the_recovery_key() {
    let bench = Bench::new().await;
    let mut anna = bench.user("anna").await;
    anna.put("/a", b"text", Expect::Absent).await.unwrap();
    let mut other = bench.stranger("anna");
    other.sign_in().await.unwrap();
    let proof = anna.prove_again(SecretKind::Password).await.unwrap();
    let new = keys("anna", 7);
    let request = NewCredentials { proof, password: credential(&new), recovery: None };
    anna.ask(Request::ReplaceCredentials(Box::new(request))).await.unwrap();
    assert_eq!(anna.cat("/a").await.unwrap(), b"text");
    assert_eq!(code(other.stat("/a").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(code(other.sign_in().await), ErrorCode::SIGN_IN_REFUSED);
    other.password = new;
    other.sign_in().await.unwrap();
    assert_eq!(other.cat("/a").await.unwrap(), b"text");
    anna.sign_in_with(SecretKind::Recovery).await.unwrap();
}

#[tokio::test]
async fn the_recovery_key_opens_only_the_way_to_new_credentials() {
    let bench = Bench::new().await;
    let mut anna = bench.user("anna").await;
    anna.put("/a", b"text", Expect::Absent).await.unwrap();
    anna.sign_in_with(SecretKind::Recovery).await.unwrap();
    assert_eq!(code(anna.stat("/a").await), ErrorCode::NEW_PASSWORD_NEEDED);
    assert!(anna.ask(Request::WhoAmI).await.is_ok());
    let (password, recovery) = (keys("anna", 7), keys("anna", 8));
    let new = |proof, recovery| {
        let password = credential(&password);
        Request::ReplaceCredentials(Box::new(NewCredentials { proof, password, recovery }))
    };
    let proof = anna.prove_again(SecretKind::Recovery).await.unwrap();
    assert_eq!(code(anna.ask(new(proof, None)).await), ErrorCode::NEW_PASSWORD_NEEDED);
    let proof = anna.prove_again(SecretKind::Recovery).await.unwrap();
    anna.ask(new(proof, Some(credential(&recovery)))).await.unwrap();
    assert_eq!(anna.cat("/a").await.unwrap(), b"text", "the session goes on as a full one");
    assert_eq!(
        code(anna.sign_in_with(SecretKind::Recovery).await),
        ErrorCode::SIGN_IN_REFUSED,
        "a recovery key works once"
    );
    (anna.password, anna.recovery) = (password, recovery);
    anna.sign_in().await.unwrap();
    anna.sign_in_with(SecretKind::Recovery).await.unwrap();
}

#[tokio::test]
async fn a_disabled_account_says_so_only_to_its_owner() {
    let bench = Bench::new().await;
    let mut anna = bench.user("anna").await;
    admin::set_active(&bench.store, &bench.secret(), "Anna", false).await.unwrap();
    bench.service.upkeep().await;
    assert_eq!(code(anna.stat("/").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(code(anna.sign_in().await), ErrorCode::ACCOUNT_DISABLED);
    let mut thief = bench.stranger("anna");
    thief.password = keys("wrong", 1);
    assert_eq!(code(thief.sign_in().await), ErrorCode::SIGN_IN_REFUSED);
    let users = admin::users(&bench.store, &bench.secret(), None, 10).await.unwrap();
    assert_eq!((users[0].name.as_str(), users[0].active), ("anna", false));
    admin::set_active(&bench.store, &bench.secret(), "anna", true).await.unwrap();
    anna.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_all_that_is_in_it() {
    let bench = Bench::new().await;
    let mut anna = bench.user("anna").await;
    let bert = bench.user("bert").await;
    bert.put("/mine", b"stays", Expect::Absent).await.unwrap();
    anna.mkdir("/d").await.unwrap();
    anna.mkdir("/d/e").await.unwrap();
    anna.put("/d/e/f", b"one", Expect::Absent).await.unwrap();
    anna.put("/d/e/f", b"two", Expect::Anything).await.unwrap();
    anna.put("/trashed", b"three", Expect::Absent).await.unwrap();
    anna.rm("/trashed", false).await.unwrap();
    let wrong = LoginFinish { proof: [1; 32], unlock: [2; 48] };
    assert_eq!(code(anna.ask(Request::DeleteAccount(wrong)).await), ErrorCode::OUT_OF_ORDER);
    let proof = anna.prove_again(SecretKind::Password).await.unwrap();
    anna.ask(Request::DeleteAccount(proof)).await.unwrap();
    assert_eq!(code(anna.stat("/d").await), ErrorCode::SESSION_EXPIRED);
    assert_eq!(code(anna.sign_in().await), ErrorCode::SIGN_IN_REFUSED);
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        bench.sql().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("users"), count("nodes"), count("versions")), (1, 2, 1));
    assert_eq!(bert.cat("/mine").await.unwrap(), b"stays");
    anna.sign_up(None).await.unwrap();
    anna.sign_in().await.unwrap();
    assert_eq!(anna.names("/").await, Vec::<String>::new());
}
