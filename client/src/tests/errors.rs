//! Every code of the server has a class of exit; every error a code of its own.

use crate::error::{ClientError, Exit};
use coffer_protocol::{ErrorCode, WireError};

fn expected(name: &str) -> Exit {
    match name {
        "not-found" | "no-such-version" | "no-such-user" | "no-such-share" | "no-such-group" => {
            Exit::NotFound
        }
        "not-allowed" | "other-owner" | "contact-changed" => Exit::NotAllowed,
        "group-exists" | "exists" | "not-empty" | "conflict" | "user-name-unavailable" => {
            Exit::Conflict
        }
        "sign-in-refused"
        | "not-signed-in"
        | "session-expired"
        | "sign-up-closed"
        | "invite-invalid"
        | "rate-limited"
        | "account-disabled"
        | "new-password-needed"
        | "work-needed"
        | "bad-work" => Exit::SignIn,
        "bad-user-name" | "bad-name" | "bad-pattern" | "into-itself" => Exit::Usage,
        "integrity" | "hash-mismatch" => Exit::Integrity,
        "shutting-down" | "fenced" | "behind" | "read-only" => Exit::Unreachable,
        "malformed"
        | "unsupported-version"
        | "too-large"
        | "too-many-requests"
        | "cancelled"
        | "out-of-order"
        | "not-a-directory"
        | "is-a-directory"
        | "bad-cursor"
        | "no-such-upload"
        | "upload-incomplete"
        | "disk-full"
        | "database-unavailable"
        | "uncertain"
        | "busy"
        | "internal"
        | "quota"
        | "connection-limit" => Exit::Failed,
        other => panic!("decide how a command ends with '{other}'"),
    }
}

#[test]
fn every_code_of_the_server_has_its_class_of_exit() {
    for (code, name) in ErrorCode::ALL {
        let error = ClientError::from(WireError::new(*code, "what", "do"));
        assert_eq!(error.exit(), expected(name), "{name}");
        assert_eq!((error.code(), error.hint(), error.to_string().as_str()), (*name, "do", "what"));
    }
    let unknown = ClientError::from(WireError::new(ErrorCode(9999), "new", ""));
    assert_eq!((unknown.exit(), unknown.code()), (Exit::Failed, "unknown"));
}

#[test]
fn exit_numbers_are_the_contract_with_scripts() {
    let classes = [
        Exit::Failed,
        Exit::Usage,
        Exit::NotFound,
        Exit::Conflict,
        Exit::SignIn,
        Exit::Unreachable,
        Exit::Integrity,
        Exit::Partial,
        Exit::NotAllowed,
    ];
    assert_eq!(classes.map(Exit::number), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn only_what_can_pass_is_worth_a_retry() {
    let wire = |code| ClientError::from(WireError::new(code, "", ""));
    let lost = ClientError::Lost { detail: String::new() };
    assert!(lost.is_transient());
    assert!(wire(ErrorCode::UNCERTAIN).is_transient());
    assert!(!wire(ErrorCode::DISK_FULL).is_transient());
    let later = WireError::new(ErrorCode::DISK_FULL, "", "").retry_after(5);
    assert!(ClientError::from(later).is_transient());
    assert!(!ClientError::ServerNotProven.is_transient());
    assert!(wire(ErrorCode::SESSION_EXPIRED).is_session_end());
}
