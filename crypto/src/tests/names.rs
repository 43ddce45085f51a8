//! Rules and forms of file names.

use super::{EPOCH, child_id, parent, parent_id};
use crate::name::{NameError, check_name, fold, nfc, pad32, unpad32};
use crate::node::NodeKind;
use proptest::prelude::*;

#[test]
fn names_are_allowed_or_refused_by_the_table() {
    let longest = "n".repeat(255);
    for name in [
        "a",
        "report 42.pdf",
        ".hidden",
        "...",
        "-rf",
        "CON",
        "a\\b",
        "a:b",
        "trailing ",
        "gr\u{fc}n",
        "\u{65e5}\u{672c}\u{8a9e}",
        "\u{1f4c4}",
        "\u{200f}right to left mark",
        &longest,
    ] {
        assert_eq!(check_name(name), Ok(()), "{name:?}");
    }
    let too_long = "n".repeat(256);
    let too_long_in_bytes = "\u{e9}".repeat(128);
    for (name, error) in [
        ("", NameError::Empty),
        (".", NameError::Dots),
        ("..", NameError::Dots),
        ("/", NameError::Slash),
        ("a/b", NameError::Slash),
        ("nul\0", NameError::Control),
        ("line\nbreak", NameError::Control),
        ("\u{1b}[31m", NameError::Control),
        ("\u{7f}", NameError::Control),
        ("\u{9b}31m", NameError::Control),
        ("line\u{2028}separator", NameError::Control),
        ("invoice\u{202e}fdp.exe", NameError::Direction),
        ("a\u{202a}b", NameError::Direction),
        ("a\u{2066}b", NameError::Direction),
        ("a\u{2069}b", NameError::Direction),
        (&too_long, NameError::TooLong),
        (&too_long_in_bytes, NameError::TooLong),
    ] {
        assert_eq!(check_name(name), Err(error), "{name:?}");
    }
}

#[test]
fn one_name_in_two_unicode_forms_is_one_entry() {
    let keys = parent();
    assert_eq!(keys.lookup_tag("caf\u{e9}"), keys.lookup_tag("cafe\u{301}"));
    assert_ne!(keys.lookup_tag("cafe"), keys.lookup_tag("Cafe"));
    assert_ne!(keys.lookup_tag("cafe"), keys.fold_tag("cafe"));
}

#[test]
fn names_that_other_systems_take_for_the_same_fold_together() {
    let keys = parent();
    for (left, right) in [
        ("README", "readme"),
        ("Stra\u{df}e", "STRASSE"),
        (
            "\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}",
            "\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c3}",
        ),
        ("\u{fb01}le", "FILE"),
        ("\u{ff21}.txt", "a.txt"),
        ("\u{212b}", "a\u{30a}"),
    ] {
        assert_eq!(keys.fold_tag(left), keys.fold_tag(right), "{left} {right}");
    }
    assert_ne!(keys.fold_tag("readme"), keys.fold_tag("readme.txt"));
}

/// A form that moved when it is folded again would give one name two tags.
#[test]
fn folding_any_character_twice_changes_nothing() {
    for c in '\0'..=char::MAX {
        let once = fold(c.encode_utf8(&mut [0; 4]));
        assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
    }
}

#[test]
fn the_length_of_a_name_shows_in_steps_of_32_only() {
    let sealed = |length: usize| {
        let name = "n".repeat(length);
        parent().seal_name(&parent_id(), &name, &child_id(), NodeKind::File, EPOCH).len()
    };
    assert_eq!(sealed(1), sealed(31));
    assert_eq!(sealed(32), sealed(63));
    assert_eq!(sealed(32) - sealed(31), 32);
    assert_eq!(sealed(255) - sealed(1), 256 - 32);
}

#[test]
fn padding_has_one_form() {
    assert_eq!(unpad32(&pad32(b"")), Some(&b""[..]));
    assert_eq!(unpad32(&[]), None);
    assert_eq!(unpad32(&[0; 32]), None);
    assert_eq!(unpad32(&[0x80; 31]), None);
    let mut two_blocks = [0; 64];
    two_blocks[5] = 0x80;
    assert_eq!(unpad32(&two_blocks), None, "more padding than needed");
    two_blocks[40] = 0x81;
    assert_eq!(unpad32(&two_blocks), None, "another mark");
}

proptest! {
    #[test]
    fn any_text_pads_and_reads_back(text: Vec<u8>) {
        let padded = pad32(&text);
        prop_assert!(padded.len() > text.len() && padded.len() <= text.len() + 32);
        prop_assert_eq!(unpad32(&padded), Some(&text[..]));
    }

    #[test]
    fn any_name_is_judged_and_allowed_ones_read_back(name in "\\PC{0,80}|.{0,80}") {
        prop_assert_eq!(nfc(&nfc(&name)), nfc(&name));
        let (keys, kind) = (parent(), NodeKind::Directory);
        if check_name(&name).is_ok() {
            let sealed = keys.seal_name(&parent_id(), &name, &child_id(), kind, EPOCH);
            let opened = keys.open_name(&parent_id(), &sealed, &child_id(), kind, EPOCH);
            prop_assert_eq!(opened, Ok(name));
        }
    }
}
