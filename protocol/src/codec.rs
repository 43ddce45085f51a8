//! The only place that touches bincode: bounded decoding of message bodies.
//!
//! Bodies are bincode 2 `standard()` (little-endian, variable-length integers)
//! behind a decode limit, and every byte must be consumed. Nothing that is
//! signed, hashed or stored is ever produced here: bincode accepts several
//! encodings of one value.

use crate::limits::MAX_BODY_BYTES;
use bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use bincode::{Decode, Encode};
use thiserror::Error;

/// Why a body could not be read or written.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The bytes are not a value of the expected type, or claim too much memory.
    #[error("malformed message body: {0}")]
    Malformed(#[from] bincode::error::DecodeError),
    /// Bytes are left over behind the value.
    #[error("{0} bytes left over behind the message body")]
    TrailingBytes(usize),
    /// The value cannot be encoded, or is longer than a body may be.
    #[error("message does not fit a frame: {0}")]
    TooLong(#[from] bincode::error::EncodeError),
}

fn config() -> Configuration<LittleEndian, Varint, Limit<MAX_BODY_BYTES>> {
    standard().with_limit::<MAX_BODY_BYTES>()
}

/// Encodes a message body.
pub fn encode<T: Encode>(value: &T) -> Result<Vec<u8>, CodecError> {
    let bytes = bincode::encode_to_vec(value, config())?;
    // bincode applies the limit to decoding only.
    if bytes.len() > MAX_BODY_BYTES {
        let reason = "longer than a message body may be";
        return Err(CodecError::TooLong(bincode::error::EncodeError::Other(reason)));
    }
    Ok(bytes)
}

/// Decodes a message body; all of `bytes` must belong to it.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = bincode::decode_from_slice(bytes, config())?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(CodecError::TrailingBytes(left)),
    }
}
