//! Proof of work and known devices: what was made for one is worth nothing elsewhere.

use super::server;
use crate::device::Device;
use crate::error::CryptoError;
use crate::master::MasterKey;
use crate::server::ServerSecret;
use crate::work::{CHALLENGE_BYTES, Challenge, is_solved, solve};
use std::sync::atomic::AtomicBool;

const HERE: [u8; 32] = [0x33; 32];
const ELSEWHERE: [u8; 32] = [0x34; 32];

fn challenge(difficulty: u8) -> Challenge {
    Challenge { purpose: 1, difficulty, issued_millis: 0x0102_0304_0506, random: [0x55; 16] }
}

fn going() -> AtomicBool {
    AtomicBool::new(false)
}

fn other_server() -> ServerSecret {
    ServerSecret::derive(&MasterKey::generate().unwrap(), &[1; 32])
}

#[test]
fn a_challenge_belongs_to_one_connection_of_one_server() {
    let made = server().make_challenge(&HERE, &challenge(7));
    assert_eq!(server().open_challenge(&HERE, &made).unwrap(), challenge(7));
    assert_eq!(Challenge::read(&made).unwrap(), challenge(7));
    assert!(server().open_challenge(&ELSEWHERE, &made).is_err());
    assert!(other_server().open_challenge(&HERE, &made).is_err());
    for place in 0..CHALLENGE_BYTES {
        let mut forged = made;
        forged[place] ^= 1;
        let refused = server().open_challenge(&HERE, &forged);
        assert!(matches!(refused, Err(CryptoError::Integrity { .. })), "byte {place}");
    }
}

#[test]
fn work_is_good_for_its_challenge_and_connection_only() {
    let made = server().make_challenge(&HERE, &challenge(9));
    let nonces = solve(&HERE, &made, &going()).unwrap();
    assert!(is_solved(&HERE, &made, &nonces));
    assert!(!is_solved(&ELSEWHERE, &made, &nonces));
    let again = server().make_challenge(&HERE, &Challenge { random: [0x56; 16], ..challenge(9) });
    assert!(!is_solved(&HERE, &again, &nonces));
    for place in 0..nonces.len() {
        let mut wrong = nonces;
        wrong[place] = wrong[place].wrapping_add(1);
        assert!(!is_solved(&HERE, &made, &wrong), "nonce {place}");
    }
    // Somebody in a hurry does the work of an easier one.
    let hard = server().make_challenge(&HERE, &challenge(30));
    let mut easy = hard;
    easy[2] = 3;
    assert!(!is_solved(&HERE, &hard, &solve(&HERE, &easy, &going()).unwrap()));
}

#[test]
fn a_search_that_is_not_wanted_any_more_ends() {
    let made = server().make_challenge(&HERE, &challenge(60));
    assert_eq!(solve(&HERE, &made, &AtomicBool::new(true)), None);
    let mut unknown = made;
    unknown[0] = 2;
    assert_eq!(solve(&HERE, &unknown, &going()), None);
}

/// Computed with Python's hashlib over the layout that the module describes.
#[test]
fn the_puzzles_are_those_of_version_1() {
    let mut bytes = [0x77; CHALLENGE_BYTES];
    bytes[..4].copy_from_slice(&[1, 1, 12, 0]);
    let nonces = solve(&HERE, &bytes, &going()).unwrap();
    assert_eq!(nonces, KNOWN);
}

const KNOWN: [u64; 8] = [6596, 1836, 369, 5330, 6624, 5167, 1917, 4244];

#[test]
fn a_device_is_known_to_the_server_that_made_its_token() {
    let device = Device { user_tag: [1; 32], id: [2; 16], issued_millis: 3 };
    let token = server().make_device(&device);
    assert_eq!(server().open_device(&token).unwrap(), device);
    assert!(other_server().open_device(&token).is_err());
    for place in 0..token.len() {
        let mut forged = token;
        forged[place] ^= 0x80;
        assert!(server().open_device(&forged).is_err(), "byte {place}");
    }
}
