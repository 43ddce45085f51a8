//! Shares, groups, contacts and activity, and their form in their tables.

use super::access::Record;
use super::cells::{Cells, optional};
use super::limits::{MAX_ACTIVITY, MAX_GROUP, MAX_SEALED};
use super::table::{Kind, Malformed, Table};
use crate::db::Value;
use coffer_protocol::{NodeId, ShareId, UserId};

/// [`ShareRow::recipient_kind`] of a user.
pub const RECIPIENT_USER: u8 = 1;
/// [`ShareRow::recipient_kind`] of a group.
pub const RECIPIENT_GROUP: u8 = 2;
/// [`ShareRow::mode`]: the node and what is below it can be read.
pub const MODE_READ: u8 = 1;
/// [`ShareRow::mode`]: what is below the node can be read and changed.
pub const MODE_WRITE: u8 = 2;

/// One node that is shared with one recipient. Of a share with a group there is
/// one row for the group and one for each member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRow {
    /// The share; random.
    pub share: ShareId,
    /// What is shared.
    pub node: NodeId,
    /// Whose the node is.
    pub owner: UserId,
    /// The user or the group.
    pub recipient: [u8; 16],
    /// [`RECIPIENT_USER`] or [`RECIPIENT_GROUP`].
    pub recipient_kind: u8,
    /// The group through which a member has it; zeros for a share of its own.
    pub via: [u8; 16],
    /// [`MODE_READ`] or [`MODE_WRITE`].
    pub mode: u8,
    /// Epoch of the node's key in the grant.
    pub key_epoch: u32,
    /// Raised by every change of this row.
    pub revision: u64,
    /// When it was shared, milliseconds since 1970.
    pub created_millis: i64,
    /// When it ends by itself, milliseconds since 1970.
    pub expires_millis: Option<i64>,
    /// The node's key and name, sealed for the recipient.
    pub grant_ct: Vec<u8>,
}

impl ShareRow {
    /// Whether it has not ended by itself at this time, milliseconds since 1970.
    pub fn is_live(&self, now_millis: i64) -> bool {
        self.expires_millis.is_none_or(|end| end > now_millis)
    }
}

impl Record for ShareRow {
    const TABLE: &'static Table = &Table {
        name: "shares",
        number: 11,
        keys: 1,
        columns: &[
            ("share", Kind::Fixed(16)),
            ("node", Kind::Fixed(16)),
            ("owner", Kind::Fixed(16)),
            ("recipient", Kind::Fixed(16)),
            ("recipient_kind", Kind::U64),
            ("via", Kind::Fixed(16)),
            ("mode", Kind::U64),
            ("key_epoch", Kind::U64),
            ("revision", Kind::U64),
            ("created_millis", Kind::Int),
            ("expires_millis", Kind::OptInt),
            ("grant_ct", Kind::Bytes(MAX_SEALED)),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.share.0).into(),
            (&self.node.0).into(),
            (&self.owner.0).into(),
            (&self.recipient).into(),
            u32::from(self.recipient_kind).into(),
            (&self.via).into(),
            u32::from(self.mode).into(),
            self.key_epoch.into(),
            self.revision.into(),
            self.created_millis.into(),
            optional(self.expires_millis),
            self.grant_ct.as_slice().into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            share: ShareId(cells.fixed()?),
            node: NodeId(cells.fixed()?),
            owner: UserId(cells.fixed()?),
            recipient: cells.fixed()?,
            recipient_kind: cells.number()?,
            via: cells.fixed()?,
            mode: cells.number()?,
            key_epoch: cells.number()?,
            revision: cells.number()?,
            created_millis: cells.int()?,
            expires_millis: cells.opt_int()?,
            grant_ct: cells.bytes()?,
        })
    }
}

/// A group of recipients, made by one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group; random.
    pub group: [u8; 16],
    /// Who made it.
    pub owner: UserId,
    /// Raised by every change of this row and by every share with the group.
    pub revision: u64,
    /// Its name and members, sealed.
    pub sealed: Vec<u8>,
    /// When it was made, milliseconds since 1970.
    pub created_millis: i64,
}

impl Record for GroupRow {
    const TABLE: &'static Table = &Table {
        name: "user_groups",
        number: 12,
        keys: 1,
        columns: &[
            ("group_id", Kind::Fixed(16)),
            ("owner", Kind::Fixed(16)),
            ("revision", Kind::U64),
            ("sealed", Kind::Bytes(MAX_GROUP)),
            ("created_millis", Kind::Int),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.group).into(),
            (&self.owner.0).into(),
            self.revision.into(),
            self.sealed.as_slice().into(),
            self.created_millis.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            group: cells.fixed()?,
            owner: UserId(cells.fixed()?),
            revision: cells.number()?,
            sealed: cells.bytes()?,
            created_millis: cells.int()?,
        })
    }
}

/// A person whose id and public key a user has pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRow {
    /// Who has pinned them.
    pub owner: UserId,
    /// Keyed hash of the person's name.
    pub tag: [u8; 32],
    /// Id and key, sealed.
    pub sealed: Vec<u8>,
}

impl Record for ContactRow {
    const TABLE: &'static Table = &Table {
        name: "contacts",
        number: 13,
        keys: 2,
        columns: &[
            ("owner", Kind::Fixed(16)),
            ("tag", Kind::Fixed(32)),
            ("sealed", Kind::Bytes(MAX_SEALED)),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![(&self.owner.0).into(), (&self.tag).into(), self.sealed.as_slice().into()]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self { owner: UserId(cells.fixed()?), tag: cells.fixed()?, sealed: cells.bytes()? })
    }
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// When, milliseconds since 1970 in 8 bytes, big-endian, and 8 random bytes:
    /// the order of the ids is that of time.
    pub activity: [u8; 16],
    /// Whose the node is.
    pub owner: UserId,
    /// To which node.
    pub node: NodeId,
    /// Who and what, sealed.
    pub sealed: Vec<u8>,
}

impl Record for ActivityRow {
    const TABLE: &'static Table = &Table {
        name: "activity",
        number: 14,
        keys: 1,
        columns: &[
            ("activity", Kind::Fixed(16)),
            ("owner", Kind::Fixed(16)),
            ("node", Kind::Fixed(16)),
            ("sealed", Kind::Bytes(MAX_ACTIVITY)),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.activity).into(),
            (&self.owner.0).into(),
            (&self.node.0).into(),
            self.sealed.as_slice().into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            activity: cells.fixed()?,
            owner: UserId(cells.fixed()?),
            node: NodeId(cells.fixed()?),
            sealed: cells.bytes()?,
        })
    }
}
