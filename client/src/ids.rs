//! Fresh random identifiers, from the operating system.

use crate::error::ClientError;
use coffer_protocol::{OpId, UploadId};

pub(crate) fn random<const N: usize>() -> Result<[u8; N], ClientError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ClientError::Random)?;
    Ok(bytes)
}

/// An id for one wish to change something. Retries of the wish keep it.
pub fn new_op() -> Result<OpId, ClientError> {
    random().map(OpId)
}

/// An id for one upload.
pub fn new_upload() -> Result<UploadId, ClientError> {
    random().map(UploadId)
}
