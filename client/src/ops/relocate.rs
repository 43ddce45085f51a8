//! Moves, also between the trees of different users, where the server cannot
//! move: there the tree is copied, and the source goes to its owner's trash.

use super::answer;
use super::copy::CopyReport;
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::new_op;
use crate::place::{Spot, ToPlace};
use coffer_protocol::message::transfer::Written;
use coffer_protocol::message::tree::{DeleteItem, Entry, Expect, Kind, Move};
use coffer_protocol::{ErrorCode, NodeId, Place, Request, WireError};

/// What became of the source of a move between trees.
#[derive(Debug)]
pub enum Source {
    /// It is in its owner's trash.
    Trashed,
    /// It stays, because the copy is not complete.
    CopyIncomplete,
    /// It stays beside the complete copy: deleting it was refused.
    Refused(ClientError),
}

/// How something was moved.
#[derive(Debug)]
pub enum Moved {
    /// By the server, at once.
    Renamed(Written),
    /// Copied: into another user's tree, or onto a file that is shared itself.
    Copied {
        /// What the copy came to.
        report: CopyReport,
        /// What became of the source.
        source: Source,
    },
}

impl Client {
    /// Renames or moves within one user's tree: the last name of `to` is the
    /// new name. With `replace`, a file that has this name goes to the trash
    /// first. Between trees the answer is `OTHER_OWNER`: see `relocate`.
    pub async fn rename(
        &self,
        from: &(impl ToPlace + ?Sized),
        to: &(impl ToPlace + ?Sized),
        replace: bool,
    ) -> Result<Written, ClientError> {
        self.rename_spots(&from.to_spot()?, &to.to_spot()?, replace).await
    }

    async fn rename_spots(
        &self,
        from: &Spot,
        to: &Spot,
        replace: bool,
    ) -> Result<Written, ClientError> {
        self.at_all([from, to], async |[from, to]| {
            let request = Move { op: new_op()?, from, to, replace };
            answer!(self.ask(Request::Move(request)).await?, Written, "move")
        })
        .await
    }

    /// Moves like `rename`, and between the trees of different users by copying
    /// and then deleting. With `replace`, the copy of a file becomes a new
    /// version of a file that has the name; for a directory such a file goes to
    /// the trash first. A source file that is written meanwhile stays. What
    /// goes onto a file that is shared itself is copied in any case.
    pub async fn relocate(
        &self,
        from: &(impl ToPlace + ?Sized),
        to: &(impl ToPlace + ?Sized),
        replace: bool,
    ) -> Result<Moved, ClientError> {
        let (from, to) = (from.to_spot()?, to.to_spot()?);
        if matches!(&to, Spot::Shared(shared) if shared.rest.is_empty()) {
            // What is shared itself has no directory that the user could name.
            return match replace {
                true => self.move_across(&from, &to, replace).await,
                false => Err(WireError::new(ErrorCode::EXISTS, "it is there already", "").into()),
            };
        }
        match self.rename_spots(&from, &to, replace).await {
            Ok(written) => Ok(Moved::Renamed(written)),
            Err(error) if error.wire_code() == Some(ErrorCode::OTHER_OWNER) => {
                self.move_across(&from, &to, replace).await
            }
            Err(error) => Err(error),
        }
    }

    async fn move_across(
        &self,
        from: &Spot,
        to: &Spot,
        replace: bool,
    ) -> Result<Moved, ClientError> {
        let source = self.stat(from).await?;
        let expect = match replace {
            true => self.make_way(&source, to).await?,
            false => Expect::Absent,
        };
        let report = self.copy(&source.node, to, expect).await?;
        if report.failed > 0 {
            return Ok(Moved::Copied { report, source: Source::CopyIncomplete });
        }
        let revision = (source.kind == Kind::File).then_some(source.revision);
        let source = match self.delete_one(source.node, revision).await {
            Ok(()) => Source::Trashed,
            Err(error) => Source::Refused(error),
        };
        Ok(Moved::Copied { report, source })
    }

    /// What the copy has to expect where it goes.
    async fn make_way(&self, source: &Entry, to: &Spot) -> Result<Expect, ClientError> {
        let there = self.find(to).await?.filter(|there| there.kind == Kind::File);
        Ok(match (there, source.kind) {
            (Some(there), Kind::File) => Expect::Revision(there.revision),
            (Some(there), Kind::Directory) => {
                self.delete_one(there.node, Some(there.revision)).await?;
                Expect::Absent
            }
            (None, _) => Expect::Absent,
        })
    }

    async fn delete_one(&self, node: NodeId, revision: Option<u64>) -> Result<(), ClientError> {
        let items = [DeleteItem { place: Place::node(node), revision }];
        for outcome in self.delete(&items, true).await? {
            outcome?;
        }
        Ok(())
    }
}
