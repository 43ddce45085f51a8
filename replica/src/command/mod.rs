//! The commands that end by themselves.

pub(crate) mod check;
pub(crate) mod follow;
pub(crate) mod join;
<<<<<<< HEAD
pub(crate) mod repair;
=======
pub(crate) mod promote;
>>>>>>> e192582 (Promote a standby, fence the old primary, tell the others)
pub(crate) mod status;
pub(crate) mod unlock;
