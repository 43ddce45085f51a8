//! From a request to its answer.
//!
//! Guarantees: every request of the protocol is served here; what needs a
//! session gets one that is live, and one that the recovery key opened can do
//! nothing but set new credentials.

use crate::answer::Answer;
use crate::answer::foreign;
use crate::cx::Cx;
use crate::fault::{Outcome, plain};
use crate::link::Link;
use crate::op::{Done, Mutation};
use crate::room::Room;
use crate::service::Core;
use crate::transfer::batch::Batch;
use bytes::Bytes;
use coffer_protocol::error::ErrorCode;
use coffer_protocol::message::transfer::{BatchWritten, Written};
use coffer_protocol::message::tree::{Made, Outcomes, Purged};
use coffer_protocol::{Position, Request, Response};
use coffer_transport::Payload;
use std::sync::Arc;

/// An answer with its payload.
pub(crate) type Answered = (Response, Payload);

impl Core {
    /// Carries a request out.
    pub(crate) async fn handle(
        self: &Arc<Self>,
        link: &Link,
        request: Request,
        payload: Bytes,
        room: Room<'_>,
    ) -> Outcome<Answered> {
        if self.stopping.is_cancelled() {
            return Err(plain(ErrorCode::SHUTTING_DOWN));
        }
        let takes_payload = matches!(request, Request::PutFiles(_) | Request::PutChunk(_));
        if !takes_payload && !payload.is_empty() {
            return Err(plain(ErrorCode::MALFORMED));
        }
        self.must_not_be_fenced(&request)?;
        if let Request::ShowEpoch(proof) = request {
            // Whatever this machine is, it has to be able to learn that.
            self.show_epoch(link, &proof).await?;
            return Ok(bare(Response::Done));
        }
        self.permit(&request)?;
        match request {
            Request::LoginStart(start) => {
                Ok(bare(Response::LoginChallenge(self.login_start(link, &start)?)))
            }
            Request::LoginFinish(finish) => {
                let done = Box::pin(self.login_finish(link, &finish)).await?;
                self.note_sign_in(link).await;
                self.give_back(link);
                Ok(bare(Response::LoginDone(done)))
            }
            Request::Attach(attach) => {
                self.attach(link, &attach)?;
                Ok(bare(Response::Done))
            }
            Request::SignupStart(start) => {
                let challenge = self.signup_start(link, &start).await?;
                Ok(bare(Response::LoginChallenge(challenge)))
            }
            Request::SignupFinish(finish) => {
                let changed = Box::pin(self.signup_finish(link, &finish)).await?;
                Ok(bare(Response::Changed(changed)))
            }
            Request::AskWork(purpose) => Ok(bare(Response::Work(self.ask_work(link, purpose)?))),
            Request::ProveWork(proof) => {
                self.prove_work(link, &proof)?;
                Ok(bare(Response::Done))
            }
            Request::KnowDevice(token) => {
                self.know_device(link, &token)?;
                Ok(bare(Response::Done))
            }
            request => {
                let now = self.ticks.now();
                let session = match request {
                    Request::Watch(_) | Request::Cluster => link.unused_session(now)?,
                    _ => link.session(now)?,
                };
                self.limiter.request(session.user).await?;
                let cx = Cx { core: Arc::clone(self), session };
                let (mut response, payload) = cx.signed_in(link, request, payload, room).await?;
                self.count_machines(&mut response);
                Ok((response, payload))
            }
        }
    }
}

fn bare(response: Response) -> Answered {
    (response, Payload::Empty)
}

impl Cx {
    /// Requests that need a session.
    async fn signed_in(
        &self,
        link: &Link,
        request: Request,
        payload: Bytes,
        room: Room<'_>,
    ) -> Outcome<Answered> {
        let response = match request {
            Request::Logout => {
                self.core.sessions.remove(&self.session);
                link.detach();
                Response::Done
            }
            Request::WhoAmI => Response::Account(self.who_am_i().await?),
            Request::Cluster => Response::Cluster(Box::new(self.core.cluster_info().await?)),
            Request::Await(wanted) => {
                self.core.await_position(wanted).await?;
                Response::Done
            }
            Request::ProveAgain(kind) => {
                Response::LoginChallenge(self.prove_again(link, kind).await?)
            }
            Request::ReplaceCredentials(new) => {
                Response::Changed(self.replace_credentials(link, &new).await?)
            }
            _ if self.session.is_recovery() => return Err(plain(ErrorCode::NEW_PASSWORD_NEEDED)),
            Request::AskDevice => Response::Device(self.ask_device(link).await?),
            Request::DeleteAccount(proof) => {
                Response::Changed(Box::pin(self.delete_account(link, &proof)).await?)
            }
            Request::PutFiles(_)
            | Request::PutChunk(_)
            | Request::OfferContent(_)
            | Request::ProveContent(_)
            | Request::ListUploads(_)
            | Request::CommitUpload(_)
            | Request::AbortUpload(_)
            | Request::OpenFile(_)
            | Request::ReadPlan(_)
            | Request::ReadChunk(_)
            | Request::ReadFiles(_) => {
                return self.while_signed_in(self.transfer(link, request, payload, room)).await;
            }
            Request::Share(_)
            | Request::Unshare(_)
            | Request::LeaveShare(_)
            | Request::ListShares(_)
            | Request::FindShared(_)
            | Request::EditGroup(_)
            | Request::ListGroups(_)
            | Request::FindContact(_)
            | Request::ConfirmContact(_)
            | Request::Watch(_)
            | Request::ListActivity(_) => self.while_signed_in(self.sharing(request)).await?,
            request => self.while_signed_in(self.tree(request)).await?,
        };
        Ok(bare(response))
    }

    /// Stops a request when its session ends.
    async fn while_signed_in<T>(&self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let work = Box::pin(work);
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = self.session.ended().cancelled() => Err(plain(ErrorCode::SESSION_EXPIRED)),
        }
    }

    /// Requests about names.
    async fn tree(&self, request: Request) -> Outcome<Response> {
        Ok(match request {
            Request::Stat(stat) => Response::Entry(self.stat(&stat).await?),
            Request::List(list) => Response::List(self.list(&list).await?),
            Request::Walk(walk) => Response::Walk(self.walk(&walk).await?),
            Request::MakeDirs(make) => made(self.carry_out(&make).await?)?,
            Request::Move(request) => self.written(&request).await?,
            Request::Copy(copy) => outcomes(self.carry_out(&copy).await?)?,
            Request::Delete(delete) => outcomes(self.carry_out(&delete).await?)?,
            Request::TrashList(list) => Response::Trash(self.trash_list(&list).await?),
            Request::TrashIn(list) => Response::Trash(self.trash_in(&list).await?),
            Request::RestoreTrash(restore) => self.written(&restore).await?,
            Request::PurgeTrash(purge) => purged(&self.purge_trash(&purge).await?)?,
            Request::Versions(versions) => Response::Versions(self.versions(&versions).await?),
            Request::RestoreVersion(restore) => self.written(&restore).await?,
            Request::ListDiverged(list) => {
                Response::Diverged(Box::new(self.list_diverged(&list).await?))
            }
            Request::DismissDiverged(dismiss) => {
                Response::Dismissed(self.dismiss_diverged(&dismiss).await?)
            }
            Request::PurgeVersions(purge) => purged(&self.carry_out(&purge).await?)?,
            _ => return Err(plain(ErrorCode::OUT_OF_ORDER)),
        })
    }

    /// Requests about other people.
    async fn sharing(&self, request: Request) -> Outcome<Response> {
        Ok(match request {
            Request::Share(share) => Response::Shared(Box::new(self.share(&share).await?)),
            Request::Unshare(unshare) => Response::Changed(self.unshare(&unshare).await?),
            Request::LeaveShare(leave) => Response::Changed(self.leave_share(&leave).await?),
            Request::ListShares(list) => Response::Shares(self.list_shares(&list).await?),
            Request::FindShared(find) => Response::Share(Box::new(self.find_shared(&find).await?)),
            Request::EditGroup(edit) => Response::GroupChanged(self.edit_group(&edit).await?),
            Request::ListGroups(list) => Response::Groups(self.list_groups(&list).await?),
            Request::FindContact(find) => Response::Contact(self.find_contact(&find).await?),
            Request::ConfirmContact(confirm) => {
                Response::Changed(self.confirm_contact(&confirm).await?)
            }
            Request::Watch(watch) => Response::Events(self.watch(&watch).await?),
            Request::ListActivity(list) => Response::Activity(self.list_activity(&list).await?),
            _ => return Err(plain(ErrorCode::OUT_OF_ORDER)),
        })
    }

    /// Requests about contents.
    async fn transfer(
        &self,
        link: &Link,
        request: Request,
        payload: Bytes,
        mut room: Room<'_>,
    ) -> Outcome<Answered> {
        let response = match request {
            Request::PutFiles(files) => {
                self.may_upload()?;
                self.upload_arrived(payload.len())?;
                let batch = Batch::seal(self, files, payload).await?;
                batch_written(self.carry_out(&batch).await?)?
            }
            Request::PutChunk(chunk) => {
                self.put_chunk(&chunk, payload).await?;
                Response::Done
            }
            Request::ListUploads(list) => Response::Uploads(self.list_uploads(&list).await?),
            Request::OfferContent(offer) => self.offer_content(link, &offer).await?,
            Request::ProveContent(prove) => Response::Needed(self.prove_content(&prove).await?),
            Request::CommitUpload(commit) => written(self.commit_upload(&commit).await?)?,
            Request::AbortUpload(abort) => {
                self.abort_upload(abort.upload).await?;
                Response::Done
            }
            Request::OpenFile(open) => Response::File(self.open_file(&open).await?),
            Request::ReadPlan(plan) => Response::Plan(self.read_plan(&plan).await?),
            Request::ReadChunk(chunk) => {
                let bytes = self.read_chunk(&chunk, &mut room).await?;
                return Ok((Response::Chunk, bytes.into()));
            }
            Request::ReadFiles(files) => {
                let (read, pieces) = self.read_files(&files, &mut room).await?;
                return Ok((Response::BatchRead(read), pieces.into()));
            }
            _ => return Err(plain(ErrorCode::OUT_OF_ORDER)),
        };
        Ok(bare(response))
    }

    async fn written<M: Mutation>(&self, request: &M) -> Outcome<Response> {
        written(self.carry_out(request).await?)
    }
}

fn on_the_wire(stored: crate::answer::Stored, position: Position, machines: u8) -> Written {
    let crate::answer::Stored { node, revision, case_collision } = stored;
    Written { node, revision, position, machines, case_collision }
}

fn written(done: Done) -> Outcome<Response> {
    let stored = done.answer.written()?;
    Ok(Response::Written(on_the_wire(stored, done.position, done.machines)))
}

fn batch_written(done: Done) -> Outcome<Response> {
    let Answer::Batch(files) = done.answer else { return Err(foreign()) };
    let wire = |stored| on_the_wire(stored, done.position, done.machines);
    let files = files.into_iter().map(|file| file.map(wire)).collect();
    Ok(Response::BatchWritten(BatchWritten { files }))
}

fn made(done: Done) -> Outcome<Response> {
    let Answer::Made(base, nodes) = done.answer else { return Err(foreign()) };
    Ok(Response::Made(Made { base, nodes, position: done.position, machines: done.machines }))
}

fn outcomes(done: Done) -> Outcome<Response> {
    let Done { answer, position, machines } = done;
    Ok(Response::Outcomes(Outcomes { items: answer.items()?, position, machines }))
}

fn purged(done: &Done) -> Outcome<Response> {
    let Answer::Purged(count, more) = done.answer else { return Err(foreign()) };
    Ok(Response::Purged(Purged { count, more, position: done.position, machines: done.machines }))
}
