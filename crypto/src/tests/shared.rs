//! Grants, groups, contacts, activity: they open for whom they are meant, as what
//! they were sealed, and not otherwise.

use super::{
    EPOCH, FILE_NAME, REVISION, child, child_id, child_key, counting, grant_body, owner, parent_id,
    recipient, recipient_id, root, user_id,
};
use crate::contact::{open_contact, open_group, seal_contact, seal_group};
use crate::error::CryptoError;
use crate::grant::{GrantBody, open_grant, seal_grant};
use crate::identity::{self, Identity};
use crate::node::{NodeKey, NodeKeys, NodeKind};
use crate::safety::safety_number;
use crate::secret::Key32;
use proptest::prelude::*;

fn stranger() -> Identity {
    Identity::from_secret(Key32::from_bytes([0x77; 32]))
}

fn sealed(body: &GrantBody) -> Vec<u8> {
    seal_grant(&owner(), &recipient().public, body, &child_key(), FILE_NAME).unwrap()
}

fn opens(body: &GrantBody, sealed: &[u8]) -> bool {
    open_grant(&recipient(), &owner().public, body, sealed).is_ok()
}

#[test]
fn a_grant_gives_the_recipient_key_and_name() {
    let body = grant_body();
    let (key, name) = open_grant(&recipient(), &owner().public, &body, &sealed(&body)).unwrap();
    assert_eq!((key.bytes(), name.as_str()), (child_key().bytes(), FILE_NAME));
    assert_ne!(sealed(&body), sealed(&body), "every grant has an encapsulation of its own");
}

#[test]
fn the_length_of_a_grant_says_little_about_the_name() {
    let with = |name: &str| {
        let sealed = seal_grant(&owner(), &recipient().public, &grant_body(), &child_key(), name);
        sealed.unwrap().len()
    };
    assert_eq!(with("a"), with(&"a".repeat(31)));
    assert_eq!(with("a") + 32, with(&"a".repeat(32)));
    assert_eq!(with(&"a".repeat(255)), 2 + 32 + 32 + 256 + 16);
}

/// Everything an altered row could say, one field at a time.
#[test]
fn every_field_of_the_body_is_bound() {
    let body = grant_body();
    let sealed = sealed(&body);
    let altered = [
        ("share", GrantBody { share: [0; 16], ..body.clone() }),
        ("node", GrantBody { node: parent_id(), ..body.clone() }),
        ("kind", GrantBody { kind: NodeKind::Directory, ..body.clone() }),
        ("owner", GrantBody { owner: recipient_id(), ..body.clone() }),
        ("recipient", GrantBody { recipient: user_id(), ..body.clone() }),
        ("recipient_kind", GrantBody { recipient_kind: 2, ..body.clone() }),
        ("via", GrantBody { via: [0; 16], ..body.clone() }),
        ("mode", GrantBody { mode: 1, ..body.clone() }),
        ("key_epoch", GrantBody { key_epoch: EPOCH + 1, ..body.clone() }),
        ("created", GrantBody { created_millis: body.created_millis + 1, ..body.clone() }),
        ("later", GrantBody { expires_millis: Some(1_900_000_000_001), ..body.clone() }),
        ("for ever", GrantBody { expires_millis: None, ..body.clone() }),
    ];
    for (what, altered) in altered {
        assert!(!opens(&altered, &sealed), "{what}");
    }
    assert!(opens(&body, &sealed));
}

#[test]
fn no_end_is_not_an_end_at_zero() {
    let never = GrantBody { expires_millis: None, ..grant_body() };
    let zero = GrantBody { expires_millis: Some(0), ..grant_body() };
    assert!(opens(&never, &sealed(&never)) && opens(&zero, &sealed(&zero)));
    assert!(!opens(&zero, &sealed(&never)) && !opens(&never, &sealed(&zero)));
}

#[test]
fn swapped_grants_do_not_open() {
    let one = grant_body();
    let other = GrantBody { share: [9; 16], node: [8; 16], ..grant_body() };
    let (sealed_one, sealed_other) = (sealed(&one), sealed(&other));
    assert!(opens(&one, &sealed_one) && opens(&other, &sealed_other));
    assert!(!opens(&one, &sealed_other) && !opens(&other, &sealed_one));
    let ends = [&sealed_one[..34], &sealed_other[34..]].concat();
    assert!(!opens(&one, &ends) && !opens(&other, &ends), "the halves of two");
}

#[test]
fn only_the_recipient_opens_a_grant_and_only_as_the_owners() {
    let body = grant_body();
    let sealed = sealed(&body);
    let open = |who: &Identity, from: &Identity| open_grant(who, &from.public, &body, &sealed);
    assert!(open(&recipient(), &owner()).is_ok());
    assert!(open(&stranger(), &owner()).is_err(), "another recipient");
    assert!(open(&owner(), &owner()).is_err(), "the owner himself");
    assert!(open(&owner(), &recipient()).is_err(), "sides exchanged");
    assert!(open(&recipient(), &stranger()).is_err(), "another owner");
    assert!(open(&recipient(), &recipient()).is_err(), "his own");
}

#[test]
fn a_grant_that_a_stranger_made_does_not_open() {
    let body = grant_body();
    let public = recipient().public;
    let forged = seal_grant(&stranger(), &public, &body, &child_key(), FILE_NAME).unwrap();
    assert!(!opens(&body, &forged));
}

/// As with a group: the owner's grant to himself is his alone.
#[test]
fn a_grant_to_oneself_opens_for_oneself_only() {
    let body = GrantBody { recipient_kind: 2, via: [0; 16], ..grant_body() };
    let me = owner();
    let own = seal_grant(&me, &me.public, &body, &child_key(), FILE_NAME).unwrap();
    assert!(open_grant(&me, &me.public, &body, &own).is_ok());
    assert!(open_grant(&recipient(), &me.public, &body, &own).is_err());
    for maker in [recipient(), stranger()] {
        let forged = seal_grant(&maker, &me.public, &body, &child_key(), FILE_NAME).unwrap();
        assert!(open_grant(&me, &me.public, &body, &forged).is_err());
    }
}

/// The points of small order, in all encodings that a 255-bit number has: with
/// them everybody would agree on the secret zero.
#[test]
fn public_keys_of_low_order_are_refused() {
    let small = |text: &str| -> [u8; 32] {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    };
    let mut points = vec![
        small("0000000000000000000000000000000000000000000000000000000000000000"),
        small("0100000000000000000000000000000000000000000000000000000000000000"),
        small("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        small("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        small("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        small("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        small("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];
    for point in points.clone() {
        points.push(std::array::from_fn(|at| point[at] | if at == 31 { 0x80 } else { 0 }));
    }
    let body = grant_body();
    let good = sealed(&body);
    for point in points {
        let refused = seal_grant(&owner(), &point, &body, &child_key(), FILE_NAME);
        assert!(matches!(refused, Err(CryptoError::BadInput(_))), "to {point:02x?}");
        assert!(open_grant(&recipient(), &point, &body, &good).is_err(), "from {point:02x?}");
        let encapped = [&good[..2], &point, &good[34..]].concat();
        assert!(!opens(&body, &encapped), "encapsulated {point:02x?}");
    }
}

/// X25519 ignores the highest bit of a public key; a grant does not.
#[test]
fn a_public_key_has_one_encoding() {
    let body = grant_body();
    let other = |public: [u8; 32]| -> [u8; 32] {
        std::array::from_fn(|at| public[at] ^ if at == 31 { 0x80 } else { 0 })
    };
    let sealed = sealed(&body);
    assert!(open_grant(&recipient(), &other(owner().public), &body, &sealed).is_err());
    let to = other(recipient().public);
    let sealed = seal_grant(&owner(), &to, &body, &child_key(), FILE_NAME).unwrap();
    assert!(!opens(&body, &sealed));
}

#[test]
fn no_altered_byte_of_a_grant_opens() {
    let body = grant_body();
    let sealed = sealed(&body);
    for at in 0..sealed.len() {
        for bit in [0x01, 0x80] {
            let mut altered = sealed.clone();
            altered[at] ^= bit;
            assert!(!opens(&body, &altered), "bit {bit:#x} of byte {at}");
        }
        assert!(!opens(&body, &sealed[..at]), "cut at {at}");
    }
    assert!(!opens(&body, &[&sealed[..], &[0]].concat()));
    for version in [[2, 2], [1, 1], [1, 3]] {
        let other = [&version, &sealed[2..]].concat();
        let refused = open_grant(&recipient(), &owner().public, &body, &other).map(drop);
        assert!(matches!(refused, Err(CryptoError::UnknownVersion { .. })), "{version:?}");
    }
}

#[test]
fn a_grant_has_a_proper_name() {
    let seal = |name: &str| {
        seal_grant(&owner(), &recipient().public, &grant_body(), &child_key(), name).map(drop)
    };
    assert_eq!(seal(&"n".repeat(255)), Ok(()));
    for name in ["", ".", "..", "a/b", "a\nb", &"n".repeat(256)] {
        assert!(matches!(seal(name), Err(CryptoError::BadInput(_))), "{name:?}");
    }
}

/// What a session does: it opens the identity once, at the sign-in.
#[test]
fn an_identity_opened_at_sign_in_opens_grants() {
    let (public, sealed_identity) = identity::generate(&root(), &recipient_id()).unwrap();
    let body = grant_body();
    let sealed = seal_grant(&owner(), &public, &body, &child_key(), FILE_NAME).unwrap();
    let opened = identity::open(&root(), &recipient_id(), &sealed_identity, &public).unwrap();
    assert!(open_grant(&opened, &owner().public, &body, &sealed).is_ok());
}

#[test]
fn groups_are_bound_to_owner_id_and_revision() {
    let (owner, group) = (user_id(), counting(0x60));
    let sealed = seal_group(&root(), &owner, &group, REVISION, b"a group");
    let open = |root: &Key32, owner, group, revision| {
        open_group(root, owner, group, revision, &sealed).map(|plain| plain.to_vec())
    };
    assert_eq!(open(&root(), &owner, &group, REVISION).as_deref(), Ok(&b"a group"[..]));
    assert!(open(&Key32::from_bytes([1; 32]), &owner, &group, REVISION).is_err());
    assert!(open(&root(), &[2; 16], &group, REVISION).is_err());
    assert!(open(&root(), &owner, &[0; 16], REVISION).is_err());
    assert!(open(&root(), &owner, &group, REVISION - 1).is_err());
    assert!(open_contact(&root(), &owner, &counting(0x60), &sealed).is_err(), "as a contact");
}

#[test]
fn contacts_are_bound_to_owner_and_name() {
    let (owner, tag) = (user_id(), counting(0x80));
    let sealed = seal_contact(&root(), &owner, &tag, b"a contact");
    let open = |root: &Key32, owner, tag| {
        open_contact(root, owner, tag, &sealed).map(|plain| plain.to_vec())
    };
    assert_eq!(open(&root(), &owner, &tag).as_deref(), Ok(&b"a contact"[..]));
    assert!(open(&Key32::from_bytes([1; 32]), &owner, &tag).is_err());
    assert!(open(&root(), &[2; 16], &tag).is_err());
    assert!(open(&root(), &owner, &[0; 32]).is_err());
    assert!(open_group(&root(), &owner, &counting(0x80), 0, &sealed).is_err(), "as a group");
}

#[test]
fn activity_is_bound_to_record_and_node() {
    let record = counting(0xd0);
    let sealed = child().seal_activity(&record, &child_id(), b"a record");
    let plain = child().open_activity(&record, &child_id(), &sealed).unwrap();
    assert_eq!(plain.as_slice(), b"a record");
    assert!(child().open_activity(&[0; 16], &child_id(), &sealed).is_err());
    assert!(child().open_activity(&record, &parent_id(), &sealed).is_err());
    let later = NodeKeys::derive(&child_key(), &child_id(), EPOCH + 1);
    assert!(later.open_activity(&record, &child_id(), &sealed).is_err());
    let other = NodeKeys::derive(&NodeKey::generate().unwrap(), &child_id(), EPOCH);
    assert!(other.open_activity(&record, &child_id(), &sealed).is_err());
}

#[test]
fn a_safety_number_is_the_same_for_both_and_changes_with_each_part() {
    let (one, other) = (owner().public, recipient().public);
    let number = safety_number((&user_id(), &one), (&recipient_id(), &other));
    assert_eq!(number, safety_number((&recipient_id(), &other), (&user_id(), &one)));
    let groups: Vec<&str> = number.split(' ').collect();
    assert_eq!(groups.len(), 12);
    assert!(groups.iter().all(|group| group.len() == 5 && group.parse::<u32>().is_ok()));
    let half = |number: &str| number.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for changed in [
        safety_number((&user_id(), &stranger().public), (&recipient_id(), &other)),
        safety_number((&[0; 16], &one), (&recipient_id(), &other)),
        safety_number((&user_id(), &one), (&recipient_id(), &stranger().public)),
        safety_number((&user_id(), &one), (&[0; 16], &other)),
    ] {
        let same = half(&changed).iter().filter(|group| groups.contains(&group.as_str())).count();
        assert_eq!(same, 6, "one side is the same, nothing of the other");
    }
}

proptest! {
    #[test]
    fn anything_reads_back(plain: Vec<u8>) {
        let group = seal_group(&root(), &user_id(), &[1; 16], 1, &plain);
        prop_assert!(group.len() % 32 == 18 && group.len() <= plain.len() + 50);
        let opened = open_group(&root(), &user_id(), &[1; 16], 1, &group).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
        let contact = seal_contact(&root(), &user_id(), &[1; 32], &plain);
        let opened = open_contact(&root(), &user_id(), &[1; 32], &contact).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
        let record = child().seal_activity(&[1; 16], &child_id(), &plain);
        let opened = child().open_activity(&[1; 16], &child_id(), &record).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
    }

    #[test]
    fn nothing_made_up_opens(bytes: Vec<u8>) {
        let stored = [&[1, 2][..], &bytes].concat();
        prop_assert!(!opens(&grant_body(), &bytes) && !opens(&grant_body(), &stored));
        let stored = [&[1, 1][..], &bytes].concat();
        prop_assert!(open_group(&root(), &user_id(), &[1; 16], 1, &stored).is_err());
        prop_assert!(open_contact(&root(), &user_id(), &[1; 32], &stored).is_err());
        prop_assert!(child().open_activity(&[1; 16], &child_id(), &stored).is_err());
    }
}
