//! The number by which two people see that nobody stands between them.
//!
//! It is Signal's numeric fingerprint (`libsignal`, `rust/protocol/src/fingerprint.rs`)
//! with a label of Coffer's in front:
//!
//! ```text
//! h(0)   = SHA-512("coffer/1/safety-number" || 0x00 || public key || user id || public key)
//! h(n)   = SHA-512(h(n-1) || public key), up to n = 5199
//! half   = six groups, each five bytes of h(5199) as a number modulo 100,000
//! number = the smaller half, then the greater one
//! ```
//!
//! Thirty digits of a side are 99 bits. Who wants a key of his own with the digits
//! of another's has to try that many, and the rounds make every try 5200 times as
//! dear: 112 bits of work in all. The order makes both sides see the same.

use sha2::{Digest, Sha512};

/// SHA-512 computations for each side, as in Signal; both take some milliseconds.
const ROUNDS: usize = 5200;
const GROUPS: usize = 6;
const GROUP_BYTES: usize = 5;
/// Five digits.
const GROUP_END: u64 = 100_000;

type Half = [String; GROUPS];

fn half(user_id: &[u8; 16], public: &[u8; 32]) -> Half {
    let mut hash = Sha512::new()
        .chain_update(b"coffer/1/safety-number\0")
        .chain_update(public)
        .chain_update(user_id)
        .chain_update(public)
        .finalize();
    for _ in 1..ROUNDS {
        hash = Sha512::new().chain_update(hash).chain_update(public).finalize();
    }
    std::array::from_fn(|group| {
        let bytes = &hash[group * GROUP_BYTES..][..GROUP_BYTES];
        let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:05}", number % GROUP_END)
    })
}

/// The safety number of two users, each a user id and a public key: 60 digits in
/// 12 groups of 5 separated by spaces, the same whoever comes first.
pub fn safety_number(one: (&[u8; 16], &[u8; 32]), other: (&[u8; 16], &[u8; 32])) -> String {
    let mut halves = [half(one.0, one.1), half(other.0, other.1)];
    halves.sort();
    halves.as_flattened().join(" ")
}
