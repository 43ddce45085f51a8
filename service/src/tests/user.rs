//! A user who talks to the service on one connection.

use super::harness::{SERVER, answer, commit_upload, credential, hash, keys, op, place, put_files};
use crate::fault::Outcome;
use crate::{Link, Service};
use bytes::Bytes;
use coffer_crypto::{AccountKeys, AuthFields, KDF, Key32, SecretKind, scram};
use coffer_protocol::message::account::{
    Attach, LoginChallenge, LoginDone, LoginFinish, LoginStart, SecretKind as WireKind,
    SignupFinish, SignupStart,
};
use coffer_protocol::message::transfer::{
    BatchFile, CommitUpload, OpenFile, PutChunk, ReadChunk, ReadFiles, Written,
};
use coffer_protocol::message::tree::{
    Delete, DeleteItem, Entry, Expect, List, MakeDirs, Move, NewDir, Stat,
};
use coffer_protocol::{NodeId, Place, Request, Response, SessionId, UploadId};
use std::sync::Arc;

/// A user with one connection.
pub(super) struct User {
    pub(super) name: String,
    pub(super) service: Service,
    pub(super) link: Arc<Link>,
    pub(super) password: AccountKeys,
    pub(super) recovery: AccountKeys,
    pub(super) attach: Option<(SessionId, Key32)>,
}

impl User {
    pub(super) async fn send(
        &self,
        request: Request,
        payload: Bytes,
    ) -> Outcome<(Response, Bytes)> {
        let (response, payload) = self.service.handle(&self.link, request, payload).await?;
        Ok((response, payload.pieces().concat().into()))
    }

    pub(super) async fn ask(&self, request: Request) -> Outcome<Response> {
        Ok(self.send(request, Bytes::new()).await?.0)
    }

    pub(super) async fn sign_up(&self, invite: Option<&str>) -> Outcome<()> {
        let (user_name, invite) = (self.name.clone(), invite.map(str::to_owned));
        let start = SignupStart { user_name: user_name.clone(), invite: invite.clone() };
        self.ask(Request::SignupStart(start)).await?;
        let finish = SignupFinish {
            user_name,
            invite,
            password: credential(&self.password),
            recovery: credential(&self.recovery),
            contact: Some("somebody@example.org".to_owned()),
        };
        self.ask(Request::SignupFinish(Box::new(finish))).await.map(drop)
    }

    pub(super) async fn sign_in(&mut self) -> Outcome<LoginDone> {
        self.sign_in_with(WireKind::Password).await
    }

    pub(super) async fn sign_in_with(&mut self, secret: WireKind) -> Outcome<LoginDone> {
        let client_nonce = [3; 32];
        let start = LoginStart { user_name: self.name.clone(), secret, client_nonce };
        let challenge = answer!(self.ask(Request::LoginStart(start)).await, LoginChallenge)?;
        let (finish, auth) = self.prove(secret, client_nonce, &challenge);
        let proof = LoginFinish { proof: finish.proof, unlock: finish.unlock };
        let done = answer!(self.ask(Request::LoginFinish(proof)).await, LoginDone)?;
        let keys = self.keys(secret);
        scram::verify_server(keys, &auth, &done.server_signature).unwrap();
        self.attach = Some((done.session_id, finish.attach_key));
        Ok(done)
    }

    fn keys(&self, secret: WireKind) -> &AccountKeys {
        match secret {
            WireKind::Password => &self.password,
            WireKind::Recovery => &self.recovery,
        }
    }

    pub(super) fn prove(
        &self,
        secret: WireKind,
        client_nonce: [u8; 32],
        challenge: &LoginChallenge,
    ) -> (scram::ClientFinish, [u8; 32]) {
        let secret_kind = match secret {
            WireKind::Password => SecretKind::Password,
            WireKind::Recovery => SecretKind::Recovery,
        };
        let auth = scram::auth_message(&AuthFields {
            server_id: &SERVER.0,
            user_name: &self.name,
            secret_kind,
            client_nonce: &client_nonce,
            salt: &challenge.salt,
            kdf: KDF,
            server_nonce: &challenge.server_nonce,
            exporter: self.link.exporter(),
        });
        (scram::client_finish(self.keys(secret), &auth), auth)
    }

    /// Proves a secret again inside the session.
    pub(super) async fn prove_again(&self, secret: WireKind) -> Outcome<LoginFinish> {
        let challenge = answer!(self.ask(Request::ProveAgain(secret)).await, LoginChallenge)?;
        let (finish, _) = self.prove(secret, [0; 32], &challenge);
        Ok(LoginFinish { proof: finish.proof, unlock: finish.unlock })
    }

    /// The same user on a further connection.
    pub(super) async fn attached(&self, link: Arc<Link>) -> Outcome<User> {
        let (session_id, key) = self.attach.as_ref().expect("signed in");
        let mac = scram::attach_mac(key, &session_id.0, link.exporter());
        let user = User {
            name: self.name.clone(),
            service: self.service.clone(),
            link,
            password: keys(&self.name, 1),
            recovery: keys(&self.name, 2),
            attach: None,
        };
        user.ask(Request::Attach(Attach { session_id: *session_id, mac })).await?;
        Ok(user)
    }

    pub(super) async fn stat(&self, path: &str) -> Outcome<Entry> {
        answer!(self.ask(Request::Stat(Stat { place: place(path) })).await, Entry)
    }

    pub(super) async fn node(&self, path: &str) -> NodeId {
        self.stat(path).await.unwrap().node
    }

    pub(super) async fn mkdir(&self, path: &str) -> Outcome<NodeId> {
        let dirs = vec![NewDir { names: place(path).names, modified_millis: None }];
        let base = Place::home();
        let make = MakeDirs { op: op(), base, dirs, adopt: false, parents: false };
        Ok(answer!(self.ask(Request::MakeDirs(make)).await, Made)?.nodes[0])
    }

    pub(super) async fn put(&self, path: &str, data: &[u8], expect: Expect) -> Outcome<Written> {
        let request = put_files(op(), &[(place(path), data, expect)]);
        let (answer, _) = self.send(request.0, request.1).await?;
        let Response::BatchWritten(mut written) = answer else { panic!("unexpected {answer:?}") };
        written.files.remove(0)
    }

    pub(super) async fn names(&self, path: &str) -> Vec<String> {
        let list = List { place: place(path), cursor: None, limit: 1000 };
        let answer = self.ask(Request::List(list)).await.unwrap();
        let Response::List(page) = answer else { panic!("unexpected {answer:?}") };
        let mut names: Vec<_> = page.entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        names
    }

    pub(super) async fn mv(&self, from: &str, to: &str, replace: bool) -> Outcome<Written> {
        let request = Move { op: op(), from: place(from), to: place(to), replace };
        answer!(self.ask(Request::Move(request)).await, Written)
    }

    pub(super) async fn rm(&self, path: &str, recursive: bool) -> Outcome<NodeId> {
        let items = vec![DeleteItem { place: place(path), revision: None }];
        let request = Delete { op: op(), items, recursive };
        answer!(self.ask(Request::Delete(request)).await, Outcomes)?.items.remove(0)
    }

    /// Reads a whole file, chunk by chunk.
    pub(super) async fn read(&self, place: Place, revision: Option<u64>) -> Outcome<Vec<u8>> {
        let open = OpenFile { place, revision };
        let info = answer!(self.ask(Request::OpenFile(open)).await, File)?;
        let (node, revision) = (info.entry.node, info.entry.revision);
        let mut data = Vec::new();
        for index in 0..info.chunks {
            let request = Request::ReadChunk(ReadChunk { node, revision, index });
            data.extend_from_slice(&self.send(request, Bytes::new()).await?.1);
        }
        assert_eq!(data.len() as u64, info.entry.size);
        Ok(data)
    }

    pub(super) async fn cat(&self, path: &str) -> Outcome<Vec<u8>> {
        self.read(place(path), None).await
    }

    pub(super) async fn read_batch(
        &self,
        nodes: Vec<NodeId>,
    ) -> Outcome<(Vec<Outcome<BatchFile>>, Bytes)> {
        let request = Request::ReadFiles(ReadFiles { nodes });
        let (answer, payload) = self.send(request, Bytes::new()).await?;
        let Response::BatchRead(read) = answer else { panic!("unexpected {answer:?}") };
        Ok((read.files, payload))
    }

    pub(super) async fn put_chunk(&self, upload: UploadId, index: u64, data: &[u8]) -> Outcome<()> {
        let request = PutChunk { upload, index, hash: hash(data) };
        let data = Bytes::copy_from_slice(data);
        self.send(Request::PutChunk(request), data).await.map(drop)
    }

    pub(super) async fn commit(&self, request: CommitUpload) -> Outcome<Written> {
        answer!(self.ask(Request::CommitUpload(request)).await, Written)
    }

    /// Uploads a file in chunks.
    pub(super) async fn upload(&self, path: &str, chunks: &[&[u8]]) -> Outcome<Written> {
        let upload = UploadId(op().0);
        for (index, data) in chunks.iter().enumerate() {
            self.put_chunk(upload, index as u64, data).await?;
        }
        self.commit(commit_upload(upload, path, chunks)).await
    }
}
