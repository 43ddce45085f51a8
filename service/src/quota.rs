//! The allowance that an operator has given to one user: a setting of the
//! installation, so that it is journaled and mirrored like everything else.
//!
//! Guarantees: one form of bytes for one value (docs/formats.md); a user without
//! the setting has what the configuration says.

use crate::allowance::Allowance;
use coffer_protocol::UserId;

/// Version of the value.
const VERSION: u8 = 1;
/// Version, and twice a kind and a number.
const ENCODED_BYTES: usize = 1 + 2 * (1 + 8);

/// One limit of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// What the configuration says for everybody.
    #[default]
    Default,
    /// None.
    Unlimited,
    /// This much.
    Most(u64),
}

impl Limit {
    fn over(self, default: Option<u64>) -> Option<u64> {
        match self {
            Self::Default => default,
            Self::Unlimited => None,
            Self::Most(most) => Some(most),
        }
    }

    fn encode(self) -> [u8; 9] {
        let (kind, number) = match self {
            Self::Default => (0, 0),
            Self::Unlimited => (1, 0),
            Self::Most(most) => (2, most),
        };
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&u64::to_be_bytes(number));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, number) = bytes.split_first()?;
        match (kind, u64::from_be_bytes(number.try_into().ok()?)) {
            (0, 0) => Some(Self::Default),
            (1, 0) => Some(Self::Unlimited),
            (2, most) => Some(Self::Most(most)),
            _ => None,
        }
    }
}

/// What an operator has set for one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Logical bytes of all versions, with the trash.
    pub bytes: Limit,
    /// Files and directories, with the trash.
    pub nodes: Limit,
}

impl Quota {
    /// Whether it says nothing beyond the configuration.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What the user may have, where the configuration allows `default`.
    pub fn over(&self, default: Allowance) -> Allowance {
        Allowance { bytes: self.bytes.over(default.bytes), nodes: self.nodes.over(default.nodes) }
    }

    /// The value of the setting.
    pub fn encode(&self) -> Vec<u8> {
        [&[VERSION][..], &self.bytes.encode(), &self.nodes.encode()].concat()
    }

    /// Reads the value of the setting; `None`: it is not one that this build knows.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != ENCODED_BYTES || bytes[0] != VERSION {
            return None;
        }
        let (first, second) = bytes[1..].split_at(9);
        Some(Self { bytes: Limit::decode(first)?, nodes: Limit::decode(second)? })
    }
}

/// The name of the setting.
pub fn quota_key(user: UserId) -> String {
    format!("quota/{user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_has_this_form() {
        let quota = Quota { bytes: Limit::Most(50 << 30), nodes: Limit::Unlimited };
        let bytes = quota.encode();
        let expected = [1, 2, 0, 0, 0, 0x0c, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(bytes, expected);
        assert_eq!(Quota::decode(&bytes), Some(quota));
        for limit in [Limit::Default, Limit::Unlimited, Limit::Most(0), Limit::Most(u64::MAX)] {
            let quota = Quota { bytes: limit, nodes: Limit::Default };
            assert_eq!(Quota::decode(&quota.encode()), Some(quota));
        }
        assert_eq!(quota_key(UserId([7; 16])), format!("quota/{}", "07".repeat(16)));
    }

    #[test]
    fn other_forms_are_refused() {
        let bytes = Quota::default().encode();
        assert_eq!(Quota::decode(&bytes[1..]), None);
        assert_eq!(Quota::decode(&[&bytes[..], &[0]].concat()), None);
        for (at, value) in [(0, 2), (1, 3), (9, 1), (10, 9)] {
            let mut other = bytes.clone();
            other[at] = value;
            assert_eq!(Quota::decode(&other), None, "byte {at}");
        }
    }

    #[test]
    fn a_user_has_what_was_set_or_what_everybody_has() {
        let everybody = Allowance { bytes: Some(10), nodes: None };
        assert_eq!(Quota::default().over(everybody), everybody);
        let quota = Quota { bytes: Limit::Unlimited, nodes: Limit::Most(3) };
        assert_eq!(quota.over(everybody), Allowance { bytes: None, nodes: Some(3) });
    }
}
