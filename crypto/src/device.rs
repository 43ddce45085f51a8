//! What makes a device known to the server before anybody has signed in on it.
//!
//! Guarantees: only the server makes a token; it names one account and one device, and
//! opens nothing.
//!
//! ```text
//! token = version 01 || tag of the user name (32) || device (16) || issued (8) || mac (32)
//! mac   = HM(device key, "coffer/1/device-mac" || 00 || the 57 bytes before it)
//! ```

use crate::derive::same;
use crate::error::{CryptoError, Result};
use crate::server::ServerSecret;

/// Bytes of a token.
pub const TOKEN_BYTES: usize = BODY_BYTES + 32;

const BODY_BYTES: usize = 57;
const VERSION: u8 = 1;
const WHAT: &str = "the token of a device";

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Tag of the user name whose account was signed in to.
    pub user_tag: [u8; 32],
    /// Random: which device.
    pub id: [u8; 16],
    /// When it was made, milliseconds since 1970.
    pub issued_millis: u64,
}

impl ServerSecret {
    /// Makes a token.
    pub fn make_device(&self, device: &Device) -> [u8; TOKEN_BYTES] {
        let mut token = [0; TOKEN_BYTES];
        token[0] = VERSION;
        token[1..33].copy_from_slice(&device.user_tag);
        token[33..49].copy_from_slice(&device.id);
        token[49..BODY_BYTES].copy_from_slice(&device.issued_millis.to_be_bytes());
        let mac = self.device_mac(&token[..BODY_BYTES]);
        token[BODY_BYTES..].copy_from_slice(&mac);
        token
    }

    /// Reads a token that was made here.
    pub fn open_device(&self, token: &[u8; TOKEN_BYTES]) -> Result<Device> {
        let (body, mac) = token.split_at(BODY_BYTES);
        if !same(&self.device_mac(body), mac) {
            return Err(CryptoError::Integrity { what: WHAT });
        }
        if body[0] != VERSION {
            return Err(CryptoError::UnknownVersion { what: WHAT });
        }
        let (mut user_tag, mut id, mut issued) = ([0; 32], [0; 16], [0; 8]);
        user_tag.copy_from_slice(&body[1..33]);
        id.copy_from_slice(&body[33..49]);
        issued.copy_from_slice(&body[49..]);
        Ok(Device { user_tag, id, issued_millis: u64::from_be_bytes(issued) })
    }
}
