//! What the installation remembers of its replicas: tokens that wait for one, and
//! those that have joined.
//!
//! Guarantees: all of it lies in the settings, so that it is changed by commits
//! only and reaches every replica; a record is sealed with the server's key, so
//! that the secret in it is nobody else's; of a token only a keyed tag is kept; a
//! token is used once, because the commit that uses it takes it away.

use crate::explain;
use crate::failure::{Code, Failure, Outcome};
use coffer_crypto::{Key32, ServerSecret};
use coffer_protocol::ReplicaId;
use coffer_protocol::message::peer::ReplicaKind;
use coffer_store::{Change, Commit, CommitError, Precondition, Store};
use zeroize::Zeroizing;

/// Setting with the ids of all replicas.
const LIST_KEY: &str = "replicas";
/// Setting with the tokens that have not been used.
const TOKENS_KEY: &str = "replica-tokens";
/// Label under which records are sealed.
const LABEL: &str = "replica";
/// Version of the layout of a record.
const VERSION: u8 = 1;
/// Most replicas of an installation.
pub(crate) const MAX_REPLICAS: usize = 32;
/// Most tokens that wait; the oldest makes room.
const MAX_TOKENS: usize = 16;
/// Tag, and time of expiry.
const TOKEN_BYTES: usize = 32 + 8;
/// Attempts against other commands that write at the same moment.
const ATTEMPTS: usize = 20;
/// Longest address of a replica.
const MAX_LISTEN: usize = 256;

/// A replica that has joined.
pub(crate) struct Record {
    pub(crate) id: ReplicaId,
    pub(crate) kind: ReplicaKind,
    /// Address and port, as the replica says.
    pub(crate) listen: String,
    /// Of its own certificate authority.
    pub(crate) fingerprint: [u8; 32],
    /// What it proves itself with.
    pub(crate) secret: Key32,
    pub(crate) joined_millis: i64,
}

fn setting_of(id: ReplicaId) -> String {
    format!("replica/{id}")
}

impl Record {
    fn seal(&self, server: &ServerSecret) -> Vec<u8> {
        self.seal_as(self.kind, server)
    }

    /// The same for a replica that is of this kind now.
    fn seal_as(&self, kind: ReplicaKind, server: &ServerSecret) -> Vec<u8> {
        let mut plain = Zeroizing::new(Vec::with_capacity(128));
        plain.push(VERSION);
        plain.push(match kind {
            ReplicaKind::Keyless => 1,
            ReplicaKind::Standby => 2,
        });
        plain.extend_from_slice(&self.joined_millis.to_be_bytes());
        plain.extend_from_slice(self.secret.expose());
        plain.extend_from_slice(&self.fingerprint);
        plain.extend_from_slice(self.listen.as_bytes());
        server.seal_text(LABEL, &plain, self.id.as_bytes())
    }

    fn open(id: ReplicaId, sealed: &[u8], server: &ServerSecret) -> Option<Self> {
        let plain = server.open_text(LABEL, sealed, id.as_bytes()).ok()?;
        let (&[version, kind], rest) = plain.split_first_chunk()?;
        let (millis, rest) = rest.split_first_chunk()?;
        let (secret, rest) = rest.split_first_chunk()?;
        let (fingerprint, listen) = rest.split_first_chunk()?;
        let kind = match (version, kind) {
            (VERSION, 1) => ReplicaKind::Keyless,
            (VERSION, 2) => ReplicaKind::Standby,
            _ => return None,
        };
        Some(Self {
            id,
            kind,
            listen: String::from_utf8(listen.to_vec()).ok()?,
            fingerprint: *fingerprint,
            secret: Key32::from_bytes(*secret),
            joined_millis: i64::from_be_bytes(*millis),
        })
    }
}

/// An address that can be kept and shown.
pub(crate) fn is_address(listen: &str) -> bool {
    listen.len() <= MAX_LISTEN && listen.chars().all(|c| c.is_ascii_graphic())
}

async fn setting(store: &Store, key: &str) -> Outcome<Option<Vec<u8>>> {
    store.setting(key).await.map_err(|error| explain::store(&error))
}

fn decode_ids(bytes: Option<&[u8]>) -> Vec<ReplicaId> {
    let ids = bytes.unwrap_or_default().chunks_exact(ReplicaId::BYTES);
    ids.take(MAX_REPLICAS).filter_map(ReplicaId::from_slice).collect()
}

fn encode_ids(ids: &[ReplicaId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0).collect()
}

/// The list stays when nothing is on it: that it is not there means something else.
fn put_list(ids: &[ReplicaId]) -> Change {
    Change::PutSetting { key: LIST_KEY.to_owned(), value: encode_ids(ids) }
}

fn put(key: &str, value: Vec<u8>) -> Change {
    match value.is_empty() {
        true => Change::DeleteSetting { key: key.to_owned() },
        false => Change::PutSetting { key: key.to_owned(), value },
    }
}

fn is(key: &str, value: Option<Vec<u8>>) -> Precondition {
    Precondition::SettingIs { key: key.to_owned(), value }
}

/// Makes a commit; `false`: somebody else was quicker.
async fn attempt(store: &Store, commit: Commit) -> Outcome<bool> {
    match store.commit(commit).await {
        Ok(_) => Ok(true),
        Err(CommitError::Precondition { .. }) => Ok(false),
        Err(error) => Err(explain::commit(&error)),
    }
}

fn contended() -> Failure {
    Failure::new(Code::WrongMoment, "too many commands change replicas at the same moment")
        .hint("Try again.")
}

/// The list of the replicas that have joined; `None` before the first one has.
pub(crate) async fn list(store: &Store) -> Outcome<Option<Vec<ReplicaId>>> {
    Ok(setting(store, LIST_KEY).await?.map(|bytes| decode_ids(Some(&bytes))))
}

/// The replicas that have joined.
pub(crate) async fn ids(store: &Store) -> Outcome<Vec<ReplicaId>> {
    list(store).await.map(Option::unwrap_or_default)
}

/// All records that can be opened by their ids.
pub(crate) async fn all(store: &Store, server: &ServerSecret) -> Outcome<Vec<Record>> {
    let mut records = Vec::new();
    for id in ids(store).await? {
        records.extend(load(store, server, id).await?);
    }
    Ok(records)
}

/// One of them; `None` if there is none of this id.
pub(crate) async fn load(
    store: &Store,
    server: &ServerSecret,
    id: ReplicaId,
) -> Outcome<Option<Record>> {
    let Some(sealed) = setting(store, &setting_of(id)).await? else { return Ok(None) };
    let record = Record::open(id, &sealed, server).ok_or_else(|| {
        Failure::new(Code::ProblemsFound, format!("the record of replica {id} does not open"))
            .hint("Remove the replica and let it join again.")
    })?;
    Ok(Some(record))
}

/// Tags and expiry of the tokens that are still good.
fn live_tokens(bytes: Option<&[u8]>, now_millis: i64) -> Vec<([u8; 32], i64)> {
    let entries = bytes.unwrap_or_default().chunks_exact(TOKEN_BYTES).filter_map(|entry| {
        let (tag, expires) = entry.split_first_chunk::<32>()?;
        Some((*tag, i64::from_be_bytes(expires.try_into().ok()?)))
    });
    entries.filter(|(_, expires)| *expires > now_millis).collect()
}

fn encode_tokens(tokens: &[([u8; 32], i64)]) -> Vec<u8> {
    let first = tokens.len().saturating_sub(MAX_TOKENS);
    let encode = |(tag, expires): &([u8; 32], i64)| [&tag[..], &expires.to_be_bytes()].concat();
    tokens[first..].iter().flat_map(encode).collect()
}

/// Keeps the tag of a token.
pub(crate) async fn add_token(
    store: &Store,
    tag: [u8; 32],
    now_millis: i64,
    expires_millis: i64,
) -> Outcome {
    for _ in 0..ATTEMPTS {
        let old = setting(store, TOKENS_KEY).await?;
        let mut tokens = live_tokens(old.as_deref(), now_millis);
        tokens.push((tag, expires_millis));
        let commit = Commit {
            preconditions: vec![is(TOKENS_KEY, old)],
            changes: vec![put(TOKENS_KEY, encode_tokens(&tokens))],
            ..Commit::default()
        };
        if attempt(store, commit).await? {
            return Ok(());
        }
    }
    Err(contended())
}

/// Uses a token up for a replica. `false`: the token is wrong, used or expired.
pub(crate) async fn join(
    store: &Store,
    server: &ServerSecret,
    tag: [u8; 32],
    record: &Record,
) -> Outcome<bool> {
    for _ in 0..ATTEMPTS {
        let (old_tokens, old_ids) =
            (setting(store, TOKENS_KEY).await?, setting(store, LIST_KEY).await?);
        let mut tokens = live_tokens(old_tokens.as_deref(), record.joined_millis);
        let before = tokens.len();
        tokens.retain(|(known, _)| *known != tag);
        if tokens.len() == before {
            return Ok(false);
        }
        let mut ids = decode_ids(old_ids.as_deref());
        if ids.len() >= MAX_REPLICAS {
            let message = format!("there are {MAX_REPLICAS} replicas already");
            return Err(Failure::new(Code::WrongMoment, message)
                .hint("Remove one with `coffer-server replica remove`."));
        }
        ids.push(record.id);
        let commit = Commit {
            preconditions: vec![is(TOKENS_KEY, old_tokens), is(LIST_KEY, old_ids)],
            changes: vec![
                put(TOKENS_KEY, encode_tokens(&tokens)),
                put_list(&ids),
                put(&setting_of(record.id), record.seal(server)),
            ],
            ..Commit::default()
        };
        if attempt(store, commit).await? {
            return Ok(true);
        }
    }
    Err(contended())
}

/// Notes that a replica is of another kind now.
pub(crate) async fn change_kind(
    store: &Store,
    server: &ServerSecret,
    record: &Record,
    kind: ReplicaKind,
) -> Outcome {
    let key = setting_of(record.id);
    let old = setting(store, &key).await?;
    let commit = Commit {
        preconditions: vec![is(&key, old)],
        changes: vec![put(&key, record.seal_as(kind, server))],
        ..Commit::default()
    };
    // If it is contended the next connection of the replica tries again.
    attempt(store, commit).await.map(drop)
}

/// Lets a machine in that has proved to be one of the installation. One that is known,
/// by its address and its authority, gets the record that it has.
pub(crate) async fn readmit(
    store: &Store,
    server: &ServerSecret,
    record: Record,
) -> Outcome<Record> {
    for _ in 0..ATTEMPTS {
        let old = setting(store, LIST_KEY).await?;
        let mut ids = decode_ids(old.as_deref());
        for id in &ids {
            // One that does not open is another machine's, and stays.
            let known = load(store, server, *id).await.ok().flatten();
            let same = |known: &Record| {
                (known.fingerprint, known.kind) == (record.fingerprint, record.kind)
                    && known.listen == record.listen
            };
            if let Some(known) = known.filter(same) {
                return Ok(known);
            }
        }
        if ids.len() >= MAX_REPLICAS {
            let message = format!("there are {MAX_REPLICAS} replicas already");
            return Err(Failure::new(Code::WrongMoment, message)
                .hint("Remove one with `coffer-server replica remove`."));
        }
        ids.push(record.id);
        let commit = Commit {
            preconditions: vec![is(LIST_KEY, old)],
            changes: vec![put_list(&ids), put(&setting_of(record.id), record.seal(server))],
            ..Commit::default()
        };
        if attempt(store, commit).await? {
            return Ok(record);
        }
    }
    Err(contended())
}

/// The changes that take a replica off the list.
pub(crate) async fn without(store: &Store, id: ReplicaId) -> Outcome<Vec<Change>> {
    let old = setting(store, LIST_KEY).await?;
    let mut ids = decode_ids(old.as_deref());
    ids.retain(|known| *known != id);
    let gone = Change::DeleteSetting { key: setting_of(id) };
    Ok(vec![put_list(&ids), gone])
}

/// Forgets a replica. `false`: there is none of this id.
pub(crate) async fn remove(store: &Store, id: ReplicaId) -> Outcome<bool> {
    for _ in 0..ATTEMPTS {
        let old = setting(store, LIST_KEY).await?;
        let mut ids = decode_ids(old.as_deref());
        let before = ids.len();
        ids.retain(|known| *known != id);
        if ids.len() == before {
            return Ok(false);
        }
        let commit = Commit {
            preconditions: vec![is(LIST_KEY, old)],
            changes: vec![put_list(&ids), Change::DeleteSetting { key: setting_of(id) }],
            ..Commit::default()
        };
        if attempt(store, commit).await? {
            return Ok(true);
        }
    }
    Err(contended())
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_crypto::MasterKey;

    #[test]
    fn a_record_opens_under_its_own_id_only() {
        let server = ServerSecret::derive(&MasterKey::generate().unwrap(), &[1; 32]);
        let record = Record {
            id: ReplicaId([2; 16]),
            kind: ReplicaKind::Standby,
            listen: "replica.example.org:7440".to_owned(),
            fingerprint: [3; 32],
            secret: Key32::from_bytes([4; 32]),
            joined_millis: 5,
        };
        let sealed = record.seal(&server);
        let opened = Record::open(record.id, &sealed, &server).unwrap();
        assert_eq!((opened.kind, opened.joined_millis), (record.kind, 5));
        assert_eq!((opened.listen, opened.fingerprint), (record.listen, [3; 32]));
        assert_eq!(opened.secret.expose(), &[4; 32]);
        assert!(Record::open(ReplicaId([9; 16]), &sealed, &server).is_none());
        assert!(!sealed.windows(32).any(|bytes| bytes == [4; 32]));
    }

    #[test]
    fn tokens_expire_and_their_number_is_bounded() {
        let tokens: Vec<_> = (0..40_u8).map(|n| ([n; 32], i64::from(n))).collect();
        let bytes = encode_tokens(&tokens);
        assert_eq!(bytes.len(), MAX_TOKENS * TOKEN_BYTES);
        let live = live_tokens(Some(&bytes), 37);
        assert_eq!(live, [([38; 32], 38), ([39; 32], 39)]);
        assert!(live_tokens(None, 0).is_empty());
    }
}
