//! The bytes of a record of activity before it is sealed.
//!
//! Guarantees: the layout is fixed by hand and carries a version; whatever does
//! not decode to its last byte is refused, and nothing makes decoding panic.
//!
//! ```text
//! 0   1   version 1
//! 1   1   what: 1 created, 2 written, 3 renamed, 4 moved, 5 deleted, 6 restored,
//!         7 version restored, 8 shared, 9 unshared, 10 left, 11 downloaded, 12 signed in
//! 2   16  who: user id
//! 18  4   how many things in the directory; 0: the node itself
//! 22  ..  more about it, by `what`
//!         3, 4: the old name; 9: with whom; 12: the address: a text
//!         7: 8 bytes of revision
//!         8: with whom, a text; 1 byte of mode (1 read, 2 write);
//!            1 byte: whether it ends, 8 bytes: when (milliseconds, 0 if it does not)
//!         8, 9: 1 byte: 1 a user, 2 a group
//!     1   number of names, at most 8
//!     ..  names: texts
//! ```
//!
//! Numbers are big-endian. A text is 2 bytes of length and so many bytes of UTF-8.

use coffer_protocol::UserId;
use coffer_protocol::limits::MAX_ACTIVITY_NAMES;
use coffer_protocol::message::event::{Deed, SharedWith};
use coffer_protocol::message::share::Mode;

const VERSION: u8 = 1;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// What was done.
    pub(super) deed: Deed,
    /// By whom.
    pub(super) by: UserId,
    /// To how many things in the directory; 0: to the node itself.
    pub(super) count: u32,
    /// It was shared with a group, or is not any more.
    pub(super) with_group: bool,
    /// Names of the first of them, or the name of the node at the time.
    pub(super) names: Vec<String>,
}

/// The number of a deed in stored records.
pub(super) fn kind(deed: &Deed) -> u8 {
    match deed {
        Deed::Created => 1,
        Deed::Written => 2,
        Deed::Renamed(_) => 3,
        Deed::Moved(_) => 4,
        Deed::Deleted => 5,
        Deed::Restored => 6,
        Deed::VersionRestored(_) => 7,
        Deed::Shared(_) => 8,
        Deed::Unshared(_) => 9,
        Deed::Left => 10,
        Deed::Downloaded => 11,
        Deed::SignedIn(_) => 12,
    }
}

impl Body {
    /// The bytes to seal.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, kind(&self.deed)];
        out.extend(self.by.0);
        out.extend(self.count.to_be_bytes());
        match &self.deed {
            Deed::Renamed(text)
            | Deed::Moved(text)
            | Deed::Unshared(text)
            | Deed::SignedIn(text) => put_text(&mut out, text),
            Deed::VersionRestored(revision) => out.extend(revision.to_be_bytes()),
            Deed::Shared(share) => {
                put_text(&mut out, &share.with);
                out.push(match share.mode {
                    Mode::Read => 1,
                    Mode::Write => 2,
                });
                out.push(u8::from(share.expires_millis.is_some()));
                out.extend(share.expires_millis.unwrap_or(0).to_be_bytes());
            }
            Deed::Created
            | Deed::Written
            | Deed::Deleted
            | Deed::Restored
            | Deed::Left
            | Deed::Downloaded => {}
        }
        if has_recipient(&self.deed) {
            out.push(1 + u8::from(self.with_group));
        }
        let names = &self.names[..self.names.len().min(MAX_ACTIVITY_NAMES)];
        out.push(names.len() as u8);
        for name in names {
            put_text(&mut out, name);
        }
        out
    }

    /// Reads what `encode` wrote.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [VERSION, kind] = take(&mut rest)? else { return None };
        let by = UserId(take(&mut rest)?);
        let count = u32::from_be_bytes(take(&mut rest)?);
        let deed = read_deed(kind, &mut rest)?;
        let with_group = match has_recipient(&deed).then(|| take(&mut rest)) {
            None | Some(Some([1])) => false,
            Some(Some([2])) => true,
            Some(_) => return None,
        };
        let [number] = take(&mut rest)?;
        if usize::from(number) > MAX_ACTIVITY_NAMES {
            return None;
        }
        let names = (0..number).map(|_| read_text(&mut rest)).collect::<Option<_>>()?;
        rest.is_empty().then_some(Self { deed, by, count, with_group, names })
    }
}

fn has_recipient(deed: &Deed) -> bool {
    matches!(deed, Deed::Shared(_) | Deed::Unshared(_))
}

fn read_deed(kind: u8, rest: &mut &[u8]) -> Option<Deed> {
    Some(match kind {
        1 => Deed::Created,
        2 => Deed::Written,
        3 => Deed::Renamed(read_text(rest)?),
        4 => Deed::Moved(read_text(rest)?),
        5 => Deed::Deleted,
        6 => Deed::Restored,
        7 => Deed::VersionRestored(u64::from_be_bytes(take(rest)?)),
        8 => Deed::Shared(read_shared(rest)?),
        9 => Deed::Unshared(read_text(rest)?),
        10 => Deed::Left,
        11 => Deed::Downloaded,
        12 => Deed::SignedIn(read_text(rest)?),
        _ => return None,
    })
}

fn read_shared(rest: &mut &[u8]) -> Option<SharedWith> {
    let with = read_text(rest)?;
    let mode = match take(rest)? {
        [1] => Mode::Read,
        [2] => Mode::Write,
        _ => return None,
    };
    let ends = take(rest)?;
    let millis = i64::from_be_bytes(take(rest)?);
    let expires_millis = match (ends, millis) {
        ([0], 0) => None,
        ([1], millis) => Some(millis),
        _ => return None,
    };
    Some(SharedWith { with, mode, expires_millis })
}

/// Longer texts than names, addresses and user names do not occur; one would be cut.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let end = text.floor_char_boundary(usize::from(u16::MAX));
    out.extend((end as u16).to_be_bytes());
    out.extend(&text.as_bytes()[..end]);
}

fn read_text(rest: &mut &[u8]) -> Option<String> {
    let len = usize::from(u16::from_be_bytes(take(rest)?));
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BY: UserId = UserId([0xab; 16]);

    fn all_deeds() -> Vec<Deed> {
        let shared = |expires_millis| {
            let (with, mode) = ("bert".to_owned(), Mode::Write);
            Deed::Shared(SharedWith { with, mode, expires_millis })
        };
        vec![
            Deed::Created,
            Deed::Written,
            Deed::Renamed("old".to_owned()),
            Deed::Moved("älter".to_owned()),
            Deed::Deleted,
            Deed::Restored,
            Deed::VersionRestored(7),
            shared(None),
            shared(Some(-1)),
            Deed::Unshared("friends".to_owned()),
            Deed::Left,
            Deed::Downloaded,
            Deed::SignedIn("192.0.2.1".to_owned()),
        ]
    }

    fn body(deed: Deed, count: u32, names: &[&str]) -> Body {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Body { deed, by: BY, count, with_group: false, names }
    }

    #[test]
    fn the_bytes_are_these() {
        let by = "ab".repeat(16);
        let are = |body: Body, after: &str| {
            let kind = format!("{:02x}", kind(&body.deed));
            let after = after.replace(' ', "");
            let expected = format!("01{kind}{by}{after}");
            assert_eq!(data_encoding::HEXLOWER.encode(&body.encode()), expected);
        };
        are(body(Deed::Created, 9, &["a", "ö"]), "00000009 02 0001 61 0002 c3b6");
        let (with, mode, expires_millis) = ("bert".to_owned(), Mode::Read, Some(0x0102));
        let shared = Deed::Shared(SharedWith { with, mode, expires_millis });
        let with = "00000000 0004 62657274 01 01 0000000000000102";
        are(body(shared.clone(), 0, &[]), &format!("{with} 01 00"));
        are(Body { with_group: true, ..body(shared, 0, &[]) }, &format!("{with} 02 00"));
        are(body(Deed::VersionRestored(3), 0, &["f"]), "00000000 0000000000000003 01 0001 66");
        are(body(Deed::Renamed("x".to_owned()), 0, &[]), "00000000 0001 78 00");
        are(body(Deed::SignedIn("::1".to_owned()), 0, &[]), "00000000 0003 3a3a31 00");
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for deed in all_deeds() {
            let with_group = deed == Deed::Unshared("friends".to_owned());
            let body = Body { with_group, ..body(deed, 3, &["n"; 8]) };
            let bytes = body.encode();
            assert_eq!(Body::decode(&bytes).as_ref(), Some(&body));
            for end in 0..bytes.len() {
                assert_eq!(Body::decode(&bytes[..end]), None);
            }
            assert_eq!(Body::decode(&[&bytes[..], &[0]].concat()), None);
            let mut newer = bytes;
            newer[0] = 2;
            assert_eq!(Body::decode(&newer), None);
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(body) = Body::decode(&bytes) {
                prop_assert_eq!(body.encode(), bytes);
            }
        }
    }
}
