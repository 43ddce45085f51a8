//! The promotions of an installation, as every machine of it has them: the setting
//! `timeline`. Big-endian, laid out by hand:
//!
//! ```text
//! timeline  = version (1 byte, 1) || count (2) || promotions, oldest first
//! promotion = epoch (8) || fork seq (8) || fork hash (32) || endpoint || mac (32)
//!             || former: 0, or 1 and endpoint
//! endpoint  = length of host (1) || host || port (2) || fingerprint (32)
//! ```
//!
//! The endpoint is that of the primary of the epoch, `former` that of the primary
//! before it, as far as it was known. Decoding is total. This crate does not check
//! the macs: who shows a promotion to others, or acts on it, does.

use crate::rows::{Malformed, take, take_slice};
use coffer_protocol::message::cluster::EpochProof;
use std::collections::VecDeque;

/// Name of the setting.
pub const TIMELINE_KEY: &str = "timeline";
/// Promotions that are kept; the oldest makes room.
pub const MAX_PROMOTIONS: usize = 64;
/// Longest name of a host.
pub const MAX_HOST_BYTES: usize = u8::MAX as usize;
/// Version of the layout.
const VERSION: u8 = 1;

/// Where a machine is, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// SHA-256 of the public key of its certificate authority.
    pub fingerprint: [u8; 32],
}

/// A promotion: an epoch, and where it left the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Shown to machines that do not know of it.
    pub proof: EpochProof,
    /// Who was the primary before, if that was known.
    pub former: Option<Address>,
}

/// Bytes that are no list of promotions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimelineError {
    /// From a newer version of Coffer.
    #[error("the list of promotions has layout {0}, which is not known; use a newer version")]
    UnknownVersion(u8),
    /// Cut short, or longer than any list.
    #[error("the list of promotions is damaged")]
    Malformed,
}

impl From<Malformed> for TimelineError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Appends a promotion to a list; the oldest makes room.
pub(crate) fn append(list: Vec<Promotion>, last: Promotion) -> Vec<Promotion> {
    let mut list = VecDeque::from(list);
    list.push_back(last);
    while list.len() > MAX_PROMOTIONS {
        list.pop_front();
    }
    list.into()
}

/// Whether a promotion can be laid out.
pub(crate) fn fits(promotion: &Promotion) -> bool {
    let former = promotion.former.as_ref().map_or(0, |former| former.host.len());
    let numbers = [promotion.proof.epoch, promotion.proof.fork_seq];
    promotion.proof.host.len() <= MAX_HOST_BYTES
        && former <= MAX_HOST_BYTES
        && numbers.iter().all(|number| *number <= i64::MAX.cast_unsigned())
}

/// The bytes of a list whose items fit.
pub(crate) fn encode(list: &[Promotion]) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(&(list.len() as u16).to_be_bytes());
    for Promotion { proof, former } in list {
        out.extend_from_slice(&proof.epoch.to_be_bytes());
        out.extend_from_slice(&proof.fork_seq.to_be_bytes());
        out.extend_from_slice(&proof.fork_hash);
        put_endpoint(&mut out, &proof.host, proof.port, &proof.fingerprint);
        out.extend_from_slice(&proof.mac);
        out.push(u8::from(former.is_some()));
        if let Some(Address { host, port, fingerprint }) = former {
            put_endpoint(&mut out, host, *port, fingerprint);
        }
    }
    out
}

fn put_endpoint(out: &mut Vec<u8>, host: &str, port: u16, fingerprint: &[u8; 32]) {
    out.push(host.len() as u8);
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(&port.to_be_bytes());
    out.extend_from_slice(fingerprint);
}

/// Reads a list, and nothing after it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Promotion>, TimelineError> {
    let rest = &mut &bytes[..];
    let [version] = take::<1>(rest)?;
    if version != VERSION {
        return Err(TimelineError::UnknownVersion(version));
    }
    let count = usize::from(u16::from_be_bytes(take::<2>(rest)?));
    if count > MAX_PROMOTIONS {
        return Err(TimelineError::Malformed);
    }
    let list = (0..count).map(|_| promotion(rest)).collect::<Result<_, _>>()?;
    if rest.is_empty() { Ok(list) } else { Err(TimelineError::Malformed) }
}

fn promotion(rest: &mut &[u8]) -> Result<Promotion, Malformed> {
    let epoch = number(rest)?;
    let fork_seq = number(rest)?;
    let fork_hash = take::<32>(rest)?;
    let Address { host, port, fingerprint } = endpoint(rest)?;
    let mac = take::<32>(rest)?;
    let former = match take::<1>(rest)? {
        [0] => None,
        [1] => Some(endpoint(rest)?),
        _ => return Err(Malformed),
    };
    let proof = EpochProof { epoch, fork_seq, fork_hash, host, port, fingerprint, mac };
    Ok(Promotion { proof, former })
}

fn endpoint(rest: &mut &[u8]) -> Result<Address, Malformed> {
    let [length] = take::<1>(rest)?;
    let host = take_slice(rest, usize::from(length))?;
    let host = String::from_utf8(host.to_vec()).map_err(|_| Malformed)?;
    let port = u16::from_be_bytes(take::<2>(rest)?);
    Ok(Address { host, port, fingerprint: take::<32>(rest)? })
}

/// A number that the tables can hold.
fn number(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let number = u64::from_be_bytes(take::<8>(rest)?);
    if number > i64::MAX.cast_unsigned() { Err(Malformed) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(epoch: u64) -> Promotion {
        let proof = EpochProof {
            epoch,
            fork_seq: 7,
            fork_hash: [1; 32],
            host: "b.example".to_owned(),
            port: 7440,
            fingerprint: [2; 32],
            mac: [3; 32],
        };
        let former = Address { host: "a".to_owned(), port: 1, fingerprint: [4; 32] };
        Promotion { proof, former: Some(former) }
    }

    #[test]
    fn a_timeline_has_known_bytes() {
        let mut expected = vec![1, 0, 1];
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7]);
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(b"\x09b.example\x1d\x10");
        expected.extend_from_slice(&[2; 32]);
        expected.extend_from_slice(&[3; 32]);
        expected.extend_from_slice(b"\x01\x01a\x00\x01");
        expected.extend_from_slice(&[4; 32]);
        assert_eq!(encode(&[sample(2)]), expected);
        assert_eq!(decode(&expected), Ok(vec![sample(2)]));
        let without = Promotion { former: None, ..sample(2) };
        expected.truncate(expected.len() - 37);
        expected.push(0);
        assert_eq!(encode(&[without]), expected);
        assert_eq!(encode(&[]), [1, 0, 0]);
    }

    #[test]
    fn other_bytes_are_refused() {
        let good = encode(&[sample(2), sample(3)]);
        for length in 0..good.len() {
            assert_eq!(decode(&good[..length]), Err(TimelineError::Malformed), "{length}");
        }
        let with = |index: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[index] = byte;
            decode(&bytes)
        };
        assert_eq!(with(0, 2), Err(TimelineError::UnknownVersion(2)));
        // A count without end, a number that is none of SQL's, a host that is no text.
        for (index, byte) in [(1, 0xff), (3, 0x80), (11, 0x80), (52, 0xff)] {
            assert_eq!(with(index, byte), Err(TimelineError::Malformed), "{index}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(decode(&longer), Err(TimelineError::Malformed));
    }

    #[test]
    fn the_oldest_makes_room_and_the_longest_list_fits_a_setting() {
        let long = |epoch| {
            let mut long = sample(epoch);
            long.proof.host = "h".repeat(MAX_HOST_BYTES);
            if let Some(former) = &mut long.former {
                former.host = "h".repeat(MAX_HOST_BYTES);
            }
            assert!(fits(&long));
            long
        };
        let list = (0..100).fold(Vec::new(), |list, epoch| append(list, long(epoch)));
        assert_eq!((list.len(), list[0].proof.epoch), (MAX_PROMOTIONS, 36));
        assert!(encode(&list).len() <= 64 << 10);
        let mut longer = long(1);
        longer.proof.host.push('h');
        assert!(!fits(&longer));
    }

    proptest! {
        #[test]
        fn decoding_never_panics_and_accepts_one_form_only(
            index in any::<prop::sample::Index>(),
            byte: u8,
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encode(&[sample(2), Promotion { former: None, ..sample(3) }]);
            let index = index.index(bytes.len());
            bytes[index] = byte;
            bytes.truncate(cut.index(bytes.len() + 1));
            if let Ok(list) = decode(&bytes) {
                prop_assert_eq!(encode(&list), bytes);
            }
        }
    }
}
