//! Other users and their keys.

use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::share::{ConfirmContact, ContactInfo, FindContact};

impl Cx {
    /// Another user, and how well the key is known.
    pub(crate) async fn find_contact(&self, _request: &FindContact) -> Outcome<ContactInfo> {
        Err(plain(ErrorCode::INTERNAL))
    }

    /// Accepts the present key of another user.
    pub(crate) async fn confirm_contact(&self, _request: &ConfirmContact) -> Outcome<ContactInfo> {
        Err(plain(ErrorCode::INTERNAL))
    }
}
