//! Groups and contacts: with whom the user shares.

use super::answer;
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use coffer_protocol::Request;
use coffer_protocol::limits::MAX_GROUPS;
use coffer_protocol::message::share::{
    Changed, ConfirmContact, ContactInfo, EditGroup, FindContact, GroupChanged, GroupEdit,
    GroupInfo, ListGroups,
};

/// The user's groups.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// By name.
    pub groups: Vec<GroupInfo>,
    /// Groups that exist but do not open.
    pub damaged: u32,
}

impl Client {
    /// The user's groups; the server bounds their number.
    pub async fn groups(&self) -> Result<Groups, ClientError> {
        let mut found = Groups::default();
        let mut after = None;
        loop {
            let request = ListGroups { after: after.clone() };
            let answered = self.ask(Request::ListGroups(request)).await?;
            let page = answer!(answered, Groups, "list-groups")?;
            found.groups.extend(page.groups);
            found.damaged = found.damaged.saturating_add(page.damaged);
            let is_odd = page.next.is_some() && page.next == after;
            if is_odd || found.groups.len() > MAX_GROUPS {
                return Err(ClientError::UnexpectedAnswer { asked: "list-groups" });
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Makes, changes or deletes one of the user's groups. What is shared with
    /// the group follows its members.
    pub async fn edit_group(
        &self,
        name: &str,
        edit: GroupEdit,
    ) -> Result<GroupChanged, ClientError> {
        let request = EditGroup { op: new_op()?, name: name.to_owned(), edit };
        answer!(self.ask(Request::EditGroup(request)).await?, GroupChanged, "edit-group")
    }

    /// Another user, with the safety number that both sides see.
    pub async fn contact(&self, user_name: &str) -> Result<ContactInfo, ClientError> {
        let request = FindContact { user_name: user_name.to_owned() };
        answer!(self.ask(Request::FindContact(request)).await?, Contact, "find-contact")
    }

    /// Accepts the present key of another user. `safety_number` is the one that
    /// a person has looked at; the server refuses another one.
    pub async fn confirm_contact(
        &self,
        user_name: &str,
        safety_number: &str,
    ) -> Result<Changed, ClientError> {
        let request = ConfirmContact {
            op: new_op()?,
            user_name: user_name.to_owned(),
            safety_number: safety_number.to_owned(),
        };
        answer!(self.ask(Request::ConfirmContact(request)).await?, Changed, "confirm-contact")
    }
}
