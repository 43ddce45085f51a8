//! Sign-up, sign-in and credentials (design 3-crypto, "Passwords and accounts").
//!
//! Sign-in is a SCRAM-shaped exchange (RFC 5802) bound to the TLS exporter of
//! the connection. Passwords never travel; what does travel is of no use on
//! another connection.

use crate::id::{NodeId, Position, SessionId, UserId};
use bincode::{Decode, Encode};

/// Which of a user's two secrets a proof is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum SecretKind {
    /// The password.
    Password,
    /// The recovery key; the session it opens can only set new credentials.
    Recovery,
}

/// Key derivation parameters, the same for every account of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KdfParams {
    /// 1: PBKDF2-HMAC-SHA-512.
    pub id: u8,
    /// Iterations; a client refuses fewer than 600,000 or more than 10,000,000.
    pub iterations: u32,
}

/// Begins sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LoginStart {
    /// User name as typed; both sides normalise it (NFC, case kept).
    pub user_name: String,
    /// Which secret the proof will be made with.
    pub secret: SecretKind,
    /// Random.
    pub client_nonce: [u8; 32],
}

/// The server's half of the exchange; the same for names that do not exist.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LoginChallenge {
    /// Salt of this user name.
    pub salt: [u8; 32],
    /// How the password becomes a key.
    pub kdf: KdfParams,
    /// Random.
    pub server_nonce: [u8; 32],
}

/// The client's proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LoginFinish {
    /// `ClientKey` xor `HMAC(StoredKey, AuthMsg)`.
    pub proof: [u8; 32],
    /// The unlocking key, sealed under the `ClientKey`: 16 + 32 bytes.
    pub unlock: [u8; 48],
}

/// Signed in.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LoginDone {
    /// HMAC(ServerKey, AuthMsg): the client believes nothing before it verifies.
    pub server_signature: [u8; 32],
    /// The user.
    pub user_id: UserId,
    /// The user's own directory.
    pub home: NodeId,
    /// Names the session for `Attach`.
    pub session_id: SessionId,
    /// Newest committed position.
    pub position: Position,
}

/// Joins a further connection to a session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attach {
    /// The session.
    pub session_id: SessionId,
    /// HMAC under the session's attach key over this connection's TLS exporter.
    pub mac: [u8; 32],
}

/// Begins sign-up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignupStart {
    /// Wanted user name.
    pub user_name: String,
    /// Invitation code, where the server wants one.
    pub invite: Option<String>,
}

/// What the server keeps of one secret (the password or the recovery key).
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Credential {
    /// SHA-256(ClientKey).
    pub stored_key: [u8; 32],
    /// HMAC(AuthKey, "server").
    pub server_key: [u8; 32],
    /// The key that, with the server's secret, unlocks the user's root key.
    pub unlock_key: [u8; 32],
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// Ends sign-up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignupFinish {
    /// Wanted user name.
    pub user_name: String,
    /// Invitation code, where the server wants one.
    pub invite: Option<String>,
    /// For the password.
    pub password: Credential,
    /// For the recovery key.
    pub recovery: Credential,
    /// E-mail address, telephone number or whatever the user likes; stored encrypted.
    pub contact: Option<String>,
}

/// Sets new credentials.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewCredentials {
    /// Proof of the present secret, for the challenge of `ProveAgain`.
    pub proof: LoginFinish,
    /// For the new password.
    pub password: Credential,
    /// For a new recovery key; required after a recovery sign-in.
    pub recovery: Option<Credential>,
}

/// The signed-in user's account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AccountInfo {
    /// The user.
    pub user_id: UserId,
    /// User name as it was signed up.
    pub user_name: String,
    /// Contact, if one was given.
    pub contact: Option<String>,
    /// Sign-up time, milliseconds since 1970.
    pub created_millis: i64,
    /// The user's own directory.
    pub home: NodeId,
    /// Files and directories, with the home directory and the trash.
    pub nodes: u64,
    /// Logical bytes of all versions, with the trash.
    pub bytes: u64,
    /// Most bytes that the user may have; `None`: no limit.
    pub most_bytes: Option<u64>,
    /// Most files and directories that the user may have; `None`: no limit.
    pub most_nodes: Option<u64>,
    /// Newest committed position.
    pub position: Position,
    /// Machines that hold an acknowledged write.
    pub machines: u8,
}
