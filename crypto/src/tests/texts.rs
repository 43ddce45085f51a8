//! Keys on paper, and what people type.

use super::counting;
use crate::error::CryptoError;
use crate::master::MasterKey;
use crate::recovery::RecoveryKey;
use crate::strength::check_strength;
use crate::user::{normalize_password, normalize_user_name};
use proptest::prelude::*;

fn recovery(text: &str) -> Result<[u8; 32], CryptoError> {
    RecoveryKey::parse(text).map(|key| *key.expose())
}

#[test]
fn a_typed_key_is_read_forgivingly() {
    let bytes: [u8; 32] = counting(0x70);
    let text = RecoveryKey::from_bytes(bytes).to_text();
    assert_eq!(text.len(), 14 * 4 + 13);
    let typed = text.to_lowercase().replace('-', "  ").replace('0', "o").replace('1', "l");
    assert_eq!(recovery(&format!(" {typed}\n")), Ok(bytes));
}

#[test]
fn every_single_mistake_in_a_typed_key_is_noticed() {
    let text = RecoveryKey::from_bytes(counting(0x70)).to_text();
    for (place, letter) in text.char_indices().filter(|(_, letter)| *letter != '-') {
        let other = if letter == 'Z' { 'Y' } else { 'Z' };
        let mut wrong = text.to_string();
        wrong.replace_range(place..=place, &other.to_string());
        assert!(recovery(&wrong).is_err(), "letter {place} exchanged");
        wrong.remove(place);
        assert!(recovery(&wrong).is_err(), "letter {place} left out");
    }
    assert!(recovery("").is_err());
    assert!(recovery(&format!("{}0", *text)).is_err());
    assert!(recovery(&text.replace('-', "*")).is_err());
    assert!(recovery(&"A".repeat(100_000)).is_err());
}

#[test]
fn a_master_key_is_not_a_recovery_key() {
    let master = MasterKey::from_bytes(counting(0)).to_file_text();
    let groups = master.split(' ').nth(1).unwrap();
    assert!(recovery(groups).is_err());
    let as_master = |groups: &str| {
        MasterKey::parse_file_text(&format!("coffer-master-key-1 {groups}")).map(drop)
    };
    assert_eq!(as_master(groups), Ok(()));
    assert!(as_master(&RecoveryKey::from_bytes(counting(0)).to_text()).is_err());
}

#[test]
fn a_master_key_file_of_another_kind_or_version_is_refused() {
    let read = |text: &str| MasterKey::parse_file_text(text).map(drop);
    let text = MasterKey::from_bytes(counting(0)).to_file_text();
    assert_eq!(read(&format!("\n {} \n", *text)), Ok(()));
    let newer = text.replace("key-1", "key-2");
    assert!(matches!(read(&newer), Err(CryptoError::UnknownVersion { .. })));
    for other in ["", "coffer-master-key-1", "coffer-master-key-1 ", "ssh-ed25519 AAAA"] {
        assert!(matches!(read(other), Err(CryptoError::BadInput(_))), "{other:?}");
    }
}

#[test]
fn user_names_are_brought_into_one_form() {
    for (typed, name) in [
        ("alice", "alice"),
        (" Alice \n", "Alice"),
        ("a.b_c-d@e.org", "a.b_c-d@e.org"),
        ("Zoe\u{308}", "Zo\u{eb}"),
        ("7", "7"),
        ("\u{65e5}\u{672c}", "\u{65e5}\u{672c}"),
    ] {
        assert_eq!(normalize_user_name(typed).as_deref(), Ok(name), "{typed:?}");
    }
    let long = "a".repeat(65);
    for typed in ["", "  ", "-alice", ".hidden", "a b", "a/b", "a\0b", "a\u{202e}b", "a:b", &long] {
        assert!(normalize_user_name(typed).is_err(), "{typed:?}");
    }
    assert_eq!(normalize_user_name(&long[..64]).as_deref(), Ok(&long[..64]));
}

#[test]
fn passwords_are_brought_into_one_form() {
    let same = |left: &str, right: &str| {
        *normalize_password(left).unwrap() == *normalize_password(right).unwrap()
    };
    assert!(same("correct horse", "correct\u{a0}horse"));
    assert!(same("cafe\u{301} au lait", "caf\u{e9} au lait"));
    assert!(!same("correct horse", "Correct horse"));
    assert!(!same("correct horse", "correct horse "));
    for refused in ["ninebytes", "with\nline break", "escape \u{1b}[0m sequence"] {
        assert!(normalize_password(refused).is_err(), "{refused:?}");
    }
    assert!(normalize_password(&"x".repeat(1024)).is_ok());
    assert!(normalize_password(&"x".repeat(1025)).is_err());
    assert!(normalize_password(&"x".repeat(1_000_000)).is_err());
}

#[test]
fn weak_passwords_are_refused_with_advice() {
    for weak in ["password12345", "qwertyuiop", "aaaaaaaaaaaaaaaa", "short", "bellatrix1999"] {
        let refused = check_strength(weak, &["bellatrix"]).expect_err(weak);
        assert!(!refused.reason.is_empty() && !refused.suggestion.is_empty());
        assert!(!refused.to_string().contains(weak), "the password is in the message");
    }
    let address = "bellatrix.lestrange@example.org";
    assert!(check_strength(address, &["bellatrix", address]).is_err(), "the user's own address");
    assert!(check_strength(&format!("{address}1999"), &[address]).is_err());
    assert_eq!(check_strength("ferry-lantern-quartz-mole", &["bellatrix"]), Ok(()));
}

/// Both overflowed the estimate when it saw them whole: a panic in a build that
/// checks for it, any score at all in one that does not.
#[test]
fn long_passwords_are_judged_right() {
    let walk = "98".repeat(50);
    assert!(check_strength(&walk, &[]).is_err(), "a walk over the keypad");
    let words = "ferry lantern quartz mole bishop carpet onion velvet rocket maple tundra spoon";
    assert_eq!(check_strength(words, &[]), Ok(()));
    assert_eq!(check_strength(&words.repeat(13), &[]), Ok(()), "a thousand characters");
    assert!(check_strength(&"a".repeat(1024), &[]).is_err());
}

proptest! {
    #[test]
    fn any_key_reads_back(bytes: [u8; 32]) {
        prop_assert_eq!(recovery(&RecoveryKey::from_bytes(bytes).to_text()), Ok(bytes));
        let master = MasterKey::parse_file_text(&MasterKey::from_bytes(bytes).to_file_text());
        prop_assert_eq!(*master.unwrap().expose(), bytes);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text: String) {
        let _ = recovery(&text);
        let _ = MasterKey::parse_file_text(&text);
        let _ = MasterKey::parse_file_text(&format!("coffer-master-key-1 {text}"));
        if let Ok(name) = normalize_user_name(&text) {
            prop_assert_eq!(normalize_user_name(&name), Ok(name));
        }
        if let Ok(password) = normalize_password(&text) {
            prop_assert_eq!(&*normalize_password(&password).unwrap(), &*password);
        }
    }
}
