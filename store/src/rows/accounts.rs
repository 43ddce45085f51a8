//! The form of users, invitations, settings and totals in their tables.

use super::access::Record;
use super::cells::Cells;
use super::limits::{MAX_SEALED, MAX_SETTING, MAX_SETTING_NAME};
use super::table::{Kind, Malformed, Table};
use super::types::{InviteRow, UserRow};
use crate::db::Value;
use coffer_protocol::{NodeId, UserId};

impl Record for UserRow {
    const TABLE: &'static Table = &Table {
        name: "users",
        number: 2,
        keys: 1,
        columns: &[
            ("user_id", Kind::Fixed(16)),
            ("tag", Kind::Fixed(32)),
            ("name_ct", Kind::Bytes(MAX_SEALED)),
            ("contact_ct", Kind::Bytes(MAX_SEALED)),
            ("auth_password", Kind::Bytes(MAX_SEALED)),
            ("auth_recovery", Kind::Bytes(MAX_SEALED)),
            ("root_password", Kind::Bytes(MAX_SEALED)),
            ("root_recovery", Kind::Bytes(MAX_SEALED)),
            ("version", Kind::U64),
            ("identity_public", Kind::Fixed(32)),
            ("identity_ct", Kind::Bytes(MAX_SEALED)),
            ("home", Kind::Fixed(16)),
            ("state", Kind::U64),
            ("created_millis", Kind::Int),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.user.0).into(),
            (&self.tag).into(),
            self.name_ct.as_slice().into(),
            self.contact_ct.as_slice().into(),
            self.auth_password.as_slice().into(),
            self.auth_recovery.as_slice().into(),
            self.root_password.as_slice().into(),
            self.root_recovery.as_slice().into(),
            self.version.into(),
            (&self.identity_public).into(),
            self.identity_ct.as_slice().into(),
            (&self.home.0).into(),
            u32::from(self.state).into(),
            self.created_millis.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            user: UserId(cells.fixed()?),
            tag: cells.fixed()?,
            name_ct: cells.bytes()?,
            contact_ct: cells.bytes()?,
            auth_password: cells.bytes()?,
            auth_recovery: cells.bytes()?,
            root_password: cells.bytes()?,
            root_recovery: cells.bytes()?,
            version: cells.number()?,
            identity_public: cells.fixed()?,
            identity_ct: cells.bytes()?,
            home: NodeId(cells.fixed()?),
            state: cells.number()?,
            created_millis: cells.int()?,
        })
    }
}

impl Record for InviteRow {
    const TABLE: &'static Table = &Table {
        name: "invites",
        number: 3,
        keys: 1,
        columns: &[
            ("tag", Kind::Fixed(32)),
            ("created_millis", Kind::Int),
            ("expires_millis", Kind::Int),
            ("uses_left", Kind::U64),
        ],
    };

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.tag).into(),
            self.created_millis.into(),
            self.expires_millis.into(),
            self.uses_left.into(),
        ]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self {
            tag: cells.fixed()?,
            created_millis: cells.int()?,
            expires_millis: cells.int()?,
            uses_left: cells.number()?,
        })
    }
}

/// A setting of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettingRow {
    pub(crate) name: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Record for SettingRow {
    const TABLE: &'static Table = &Table {
        name: "settings",
        number: 9,
        keys: 1,
        columns: &[("name", Kind::Bytes(MAX_SETTING_NAME)), ("value", Kind::Bytes(MAX_SETTING))],
    };

    fn values(&self) -> Vec<Value> {
        vec![self.name.as_slice().into(), self.value.as_slice().into()]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self { name: cells.bytes()?, value: cells.bytes()? })
    }
}

/// What a user's rows add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TotalsRow {
    pub(crate) owner: UserId,
    pub(crate) nodes: u64,
    pub(crate) bytes: u64,
}

impl Record for TotalsRow {
    const TABLE: &'static Table = &Table {
        name: "totals",
        number: 10,
        keys: 1,
        columns: &[("owner", Kind::Fixed(16)), ("nodes", Kind::U64), ("bytes", Kind::U64)],
    };

    fn values(&self) -> Vec<Value> {
        vec![(&self.owner.0).into(), self.nodes.into(), self.bytes.into()]
    }

    fn from_cells(cells: &mut Cells) -> Result<Self, Malformed> {
        Ok(Self { owner: UserId(cells.fixed()?), nodes: cells.number()?, bytes: cells.number()? })
    }
}
