//! The cursor of a tree walk: where each directory on the way down stands.
//!
//! It is opaque to the client, laid out by hand, and never believed: whoever
//! resumes a walk checks every directory in it again.
//!
//! ```text
//! 0  1        version
//! 1  1        number of levels, 1 to MAX_PATH_DEPTH
//! then per level, root first:
//!    16       directory
//!    1        1: a tag follows; 0: nothing of the directory was looked at yet
//!    32       lookup tag of the last entry that was looked at
//! ```

use coffer_protocol::NodeId;
use coffer_protocol::limits::MAX_PATH_DEPTH;

const VERSION: u8 = 1;

/// One directory of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The directory.
    pub(crate) directory: NodeId,
    /// Tag of the last entry that was looked at.
    pub(crate) after: Option<[u8; 32]>,
}

/// Lays a stack out; an empty one becomes no bytes, the end of the walk.
pub(crate) fn encode(stack: &[Mark]) -> Vec<u8> {
    if stack.is_empty() {
        return Vec::new();
    }
    let mut out = vec![VERSION, stack.len() as u8];
    for mark in stack {
        out.extend_from_slice(&mark.directory.0);
        out.push(u8::from(mark.after.is_some()));
        if let Some(tag) = mark.after {
            out.extend_from_slice(&tag);
        }
    }
    out
}

/// Reads what `encode` wrote; `None` for anything else.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Mark>> {
    let ([version, count], mut rest) = bytes.split_first_chunk::<2>()?;
    let count = usize::from(*count);
    if *version != VERSION || count == 0 || count > MAX_PATH_DEPTH {
        return None;
    }
    let mut stack = Vec::with_capacity(count);
    for _ in 0..count {
        let (directory, tail) = rest.split_first_chunk::<16>()?;
        let ([flag], tail) = tail.split_first_chunk::<1>()?;
        let (after, tail) = match flag {
            0 => (None, tail),
            1 => tail.split_first_chunk::<32>().map(|(tag, tail)| (Some(*tag), tail))?,
            _ => return None,
        };
        stack.push(Mark { directory: NodeId(*directory), after });
        rest = tail;
    }
    rest.is_empty().then_some(stack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn cursors_read_back() {
        let deep = Mark { directory: NodeId([2; 16]), after: None };
        let stack = vec![Mark { directory: NodeId([1; 16]), after: Some([9; 32]) }, deep];
        assert_eq!(decode(&encode(&stack)), Some(stack));
        assert_eq!(encode(&[]), Vec::<u8>::new());
        let full = vec![deep; MAX_PATH_DEPTH];
        assert_eq!(decode(&encode(&full)), Some(full));
    }

    #[test]
    fn whatever_else_is_refused() {
        let good = encode(&[Mark { directory: NodeId([1; 16]), after: Some([9; 32]) }]);
        assert_eq!(decode(&good[..good.len() - 1]), None);
        assert_eq!(decode(&[&good[..], &[0]].concat()), None);
        assert_eq!(decode(&[VERSION, 0]), None);
        assert_eq!(decode(&[]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Some(stack) = decode(&bytes) {
                assert_eq!(encode(&stack), bytes);
            }
        }
    }
}
