//! Answers of mutating requests as they are kept with their operation.
//!
//! A repeated request gets the first answer, also after a restart. What is
//! kept holds ids, revisions and error codes, no names, in a layout of its own
//! (big-endian, fixed width, first byte the version, second the kind).

use crate::fault::{Outcome, because, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::{NodeId, ShareId, UserId, WireError};

const VERSION: u8 = 1;

/// One file or directory that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The node.
    pub(crate) node: NodeId,
    /// Its content revision.
    pub(crate) revision: u64,
    /// Another name in the directory differs only in case.
    pub(crate) case_collision: bool,
}

/// A share that was given or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// The share.
    pub(crate) share: ShareId,
    /// What is shared.
    pub(crate) node: NodeId,
    /// Whether that is a directory.
    pub(crate) directory: bool,
    /// When it was first shared, milliseconds since 1970.
    pub(crate) created_millis: i64,
    /// Users with whom the user shares for the first time.
    pub(crate) contacts: Vec<UserId>,
}

/// What a mutating request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// One file or directory was written.
    Written(Stored),
    /// One outcome for each file of a batch.
    Batch(Vec<Result<Stored, WireError>>),
    /// Directories: where the names started, and one node for each.
    Made(NodeId, Vec<NodeId>),
    /// One outcome for each item of a batch.
    Items(Vec<Result<NodeId, WireError>>),
    /// Things deleted for good, and whether there is more.
    Purged(u64, bool),
    /// Something was shared.
    Shared(Given),
    /// Something was changed, and there is nothing else to say.
    Changed,
    /// A group was changed: shares that came or went, users with whom the user
    /// shares for the first time.
    GroupChanged(u32, Vec<UserId>),
}

impl Answer {
    /// The bytes that are kept.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.tag()];
        match self {
            Self::Written(stored) => put_stored(&mut out, stored),
            Self::Batch(items) => put_list(&mut out, items, put_stored),
            Self::Made(base, nodes) => {
                out.extend_from_slice(&base.0);
                out.extend_from_slice(&(nodes.len() as u32).to_be_bytes());
                for node in nodes {
                    out.extend_from_slice(&node.0);
                }
            }
            Self::Items(items) => {
                put_list(&mut out, items, |out, node| out.extend_from_slice(&node.0));
            }
            Self::Purged(count, more) => {
                out.extend_from_slice(&count.to_be_bytes());
                out.push(u8::from(*more));
            }
            Self::Shared(given) => {
                out.extend_from_slice(&given.share.0);
                out.extend_from_slice(&given.node.0);
                out.push(u8::from(given.directory));
                out.extend_from_slice(&given.created_millis.to_be_bytes());
                put_users(&mut out, &given.contacts);
            }
            Self::Changed => {}
            Self::GroupChanged(shares, contacts) => {
                out.extend_from_slice(&shares.to_be_bytes());
                put_users(&mut out, contacts);
            }
        }
        out
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Written(_) => 1,
            Self::Batch(_) => 2,
            Self::Made(..) => 3,
            Self::Items(_) => 4,
            Self::Purged(..) => 5,
            Self::Shared(_) => 6,
            Self::Changed => 7,
            Self::GroupChanged(..) => 8,
        }
    }

    /// Reads what `encode` wrote; all bytes must belong to it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        if input.byte()? != VERSION {
            return None;
        }
        let answer = match input.byte()? {
            1 => Self::Written(input.stored()?),
            2 => Self::Batch(input.list(Input::stored)?),
            3 => {
                let base = input.node()?;
                let count = input.count(NodeId::BYTES)?;
                Self::Made(base, (0..count).map(|_| input.node()).collect::<Option<_>>()?)
            }
            4 => Self::Items(input.list(Input::node)?),
            5 => Self::Purged(input.u64()?, input.flag()?),
            6 => Self::Shared(Given {
                share: input.take().map(ShareId)?,
                node: input.node()?,
                directory: input.flag()?,
                created_millis: input.take().map(i64::from_be_bytes)?,
                contacts: input.users()?,
            }),
            7 => Self::Changed,
            8 => Self::GroupChanged(input.take().map(u32::from_be_bytes)?, input.users()?),
            _ => return None,
        };
        input.0.is_empty().then_some(answer)
    }
}

/// The answer of a request of another kind was found under its operation id.
pub(crate) fn foreign() -> WireError {
    because(ErrorCode::MALFORMED, "the operation id was used for another request")
}

impl Answer {
    /// The one thing written.
    pub(crate) fn written(self) -> Outcome<Stored> {
        match self {
            Self::Written(stored) => Ok(stored),
            _ => Err(foreign()),
        }
    }

    /// The outcomes of a batch of nodes.
    pub(crate) fn items(self) -> Outcome<Vec<Result<NodeId, WireError>>> {
        match self {
            Self::Items(items) => Ok(items),
            _ => Err(foreign()),
        }
    }
}

fn put_stored(out: &mut Vec<u8>, stored: &Stored) {
    out.extend_from_slice(&stored.node.0);
    out.extend_from_slice(&stored.revision.to_be_bytes());
    out.push(u8::from(stored.case_collision));
}

fn put_users(out: &mut Vec<u8>, users: &[UserId]) {
    out.extend_from_slice(&(users.len() as u32).to_be_bytes());
    for user in users {
        out.extend_from_slice(&user.0);
    }
}

fn put_list<T>(out: &mut Vec<u8>, items: &[Result<T, WireError>], put: impl Fn(&mut Vec<u8>, &T)) {
    out.extend_from_slice(&(items.len() as u32).to_be_bytes());
    for item in items {
        match item {
            Ok(value) => {
                out.push(1);
                put(out, value);
            }
            Err(error) => {
                out.push(0);
                out.extend_from_slice(&error.code.0.to_be_bytes());
            }
        }
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        self.byte().and_then(|byte| (byte <= 1).then_some(byte == 1))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn node(&mut self) -> Option<NodeId> {
        self.take().map(NodeId)
    }

    fn users(&mut self) -> Option<Vec<UserId>> {
        let count = self.count(UserId::BYTES)?;
        (0..count).map(|_| self.take().map(UserId)).collect()
    }

    fn stored(&mut self) -> Option<Stored> {
        Some(Stored { node: self.node()?, revision: self.u64()?, case_collision: self.flag()? })
    }

    /// A count of things that take at least `each` bytes, so that a lie about
    /// it allocates nothing.
    fn count(&mut self, each: usize) -> Option<usize> {
        let count = u32::from_be_bytes(self.take()?) as usize;
        (count <= self.0.len() / each).then_some(count)
    }

    fn list<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<Result<T, WireError>>> {
        let count = self.count(3)?;
        let item = |_| {
            Some(match self.byte()? {
                1 => Ok(read(self)?),
                0 => Err(plain(ErrorCode(u16::from_be_bytes(self.take()?)))),
                _ => return None,
            })
        };
        (0..count).map(item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn stored(byte: u8) -> Stored {
        Stored { node: NodeId([byte; 16]), revision: 7, case_collision: true }
    }

    fn samples() -> Vec<Answer> {
        let refused = plain(ErrorCode::EXISTS);
        vec![
            Answer::Written(stored(1)),
            Answer::Batch(vec![Ok(stored(2)), Err(refused.clone())]),
            Answer::Made(NodeId([3; 16]), vec![NodeId([4; 16]); 3]),
            Answer::Items(vec![Err(refused), Ok(NodeId([5; 16]))]),
            Answer::Purged(9, true),
            Answer::Shared(Given {
                share: ShareId([6; 16]),
                node: NodeId([7; 16]),
                directory: true,
                created_millis: -1,
                contacts: vec![UserId([8; 16]); 2],
            }),
            Answer::Changed,
            Answer::GroupChanged(3, vec![UserId([9; 16])]),
        ]
    }

    #[test]
    fn answers_read_back_and_nothing_may_follow() {
        for answer in samples() {
            let mut bytes = answer.encode();
            assert_eq!(Answer::decode(&bytes), Some(answer));
            bytes.push(0);
            assert_eq!(Answer::decode(&bytes), None);
        }
    }

    #[test]
    fn golden_written() {
        let golden = [&[1, 1][..], &[1; 16], &[0, 0, 0, 0, 0, 0, 0, 7], &[1]].concat();
        assert_eq!(Answer::Written(stored(1)).encode(), golden);
    }

    #[test]
    fn golden_shared() {
        let given = Given {
            share: ShareId([1; 16]),
            node: NodeId([2; 16]),
            directory: true,
            created_millis: 258,
            contacts: vec![UserId([3; 16])],
        };
        let numbers = [1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1];
        let golden = [&[1, 6][..], &[1; 16], &[2; 16], &numbers, &[3; 16]].concat();
        assert_eq!(Answer::Shared(given).encode(), golden);
        assert_eq!(Answer::Changed.encode(), [1, 7]);
        assert_eq!(Answer::GroupChanged(2, vec![]).encode(), [1, 8, 0, 0, 0, 2, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, tag in 1_u8..9, tail in any::<Vec<u8>>()) {
            let _ = Answer::decode(&bytes);
            let _ = Answer::decode(&[&[VERSION, tag], &tail[..]].concat());
        }
    }
}
