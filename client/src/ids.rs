//! Fresh random identifiers, from the operating system.

use crate::error::ClientError;
use coffer_crypto::chunk::plain_hash;
use coffer_protocol::{OpId, Place, ServerId, UploadId};
use std::path::Path;

pub(crate) fn random<const N: usize>() -> Result<[u8; N], ClientError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ClientError::Random)?;
    Ok(bytes)
}

/// An id for one wish to change something. Retries of the wish keep it.
pub fn new_op() -> Result<OpId, ClientError> {
    random().map(OpId)
}

/// The id of the upload of one state of a local file to one place: the same when it
/// is begun again, so that the server finds what it holds of it.
pub(crate) fn upload_of(server: ServerId, path: &Path, state: &[u8], to: &Place) -> UploadId {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = format!("{}\0{to:?}\0", path.display());
    let hash = plain_hash(server.as_bytes(), &[text.as_bytes(), state].concat());
    UploadId(std::array::from_fn(|at| hash[at]))
}

/// An id for one upload.
pub fn new_upload() -> Result<UploadId, ClientError> {
    random().map(UploadId)
}
