//! What a request does, for all who decide by it where it may go and whether it may be
//! sent again.

use crate::Request;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Is about the session of one connection: signing in and out.
    Session,
    /// Shows what is stored.
    Read,
    /// Shows what is stored, and goes on from where this very session was.
    Listen,
    /// Is about the very machine that is asked, and can be asked again.
    Machine,
    /// Changes what is stored. Carries an id under which it is done once, or has its
    /// effect once by its nature.
    ChangeOnce,
    /// Changes what is stored, and must not be sent a second time blindly.
    Change,
    /// Is for replicas, on connections of their own.
    Peer,
}

impl Effect {
    /// Whether something that is stored is changed, which only the primary does.
    pub fn changes(self) -> bool {
        matches!(self, Self::Change | Self::ChangeOnce)
    }

    /// Whether any machine may answer that has what was seen before.
    pub fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Listen)
    }

    /// Whether sending it a second time can do no harm.
    pub fn is_repeatable(self) -> bool {
        matches!(self, Self::Read | Self::Machine | Self::ChangeOnce)
    }
}

impl Request {
    /// What it does.
    #[expect(clippy::too_many_lines, reason = "a table: one line for each request")]
    pub fn effect(&self) -> Effect {
        match self {
            Self::LoginStart(_)
            | Self::LoginFinish(_)
            | Self::Attach(_)
            | Self::Logout
            | Self::ProveAgain(_)
            | Self::AskWork(_)
            | Self::ProveWork(_)
            | Self::KnowDevice(_)
            | Self::AskDevice => Effect::Session,
            Self::WhoAmI
            | Self::Stat(_)
            | Self::List(_)
            | Self::Walk(_)
            | Self::TrashList(_)
            | Self::TrashIn(_)
            | Self::Versions(_)
            | Self::OpenFile(_)
            | Self::ReadPlan(_)
            | Self::ReadChunk(_)
            | Self::ReadFiles(_)
            | Self::ListShares(_)
            | Self::FindShared(_)
            | Self::ListGroups(_)
            | Self::FindContact(_)
            | Self::ListActivity(_)
            | Self::ListDiverged(_)
            | Self::ListUploads(_)
            | Self::Cluster => Effect::Read,
            Self::Watch(_) => Effect::Listen,
            Self::ShowEpoch(_) | Self::Await(_) => Effect::Machine,
            Self::MakeDirs(_)
            | Self::Move(_)
            | Self::Copy(_)
            | Self::Delete(_)
            | Self::RestoreTrash(_)
            | Self::PurgeTrash(_)
            | Self::RestoreVersion(_)
            | Self::PurgeVersions(_)
            | Self::PutFiles(_)
            | Self::CommitUpload(_)
            | Self::Share(_)
            | Self::Unshare(_)
            | Self::LeaveShare(_)
            | Self::EditGroup(_)
            | Self::ConfirmContact(_)
            // Named by upload and index; the second has the effect of the first.
            | Self::PutChunk(_)
            | Self::OfferContent(_)
            | Self::ProveContent(_)
            | Self::AbortUpload(_)
            // What is off the list stays off it.
            | Self::DismissDiverged(_) => Effect::ChangeOnce,
            // Not protected by an op id.
            Self::SignupStart(_)
            | Self::SignupFinish(_)
            | Self::ReplaceCredentials(_)
            | Self::DeleteAccount(_) => Effect::Change,
            Self::Join(_)
            | Self::PeerHello(_)
            | Self::PullEntries(_)
            | Self::PullChunk(_)
            | Self::PullInline(_)
            | Self::Progress(_)
            | Self::BeginSnapshot(_)
            | Self::PullRows(_)
            | Self::PullKeys(_)
            | Self::EndSnapshot(_)
            | Self::PullRow(_)
            | Self::PullWants(_)
            | Self::OfferChunk(_)
            | Self::OfferRow(_)
            | Self::OfferEntry(_)
            | Self::StepDown
            | Self::Rejoin(_)
            | Self::PutDiverged(_)
            | Self::KeepDiverged => Effect::Peer,
        }
    }
}
