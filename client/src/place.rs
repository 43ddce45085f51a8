//! What the operations accept as a place: a remote path, a node, or a `Place`.

use crate::error::ClientError;
use coffer_protocol::place::PathError;
use coffer_protocol::{NodeId, Place};

/// Anything that names a file or directory on the server.
pub trait ToPlace {
    /// The place, or why the text is not a remote path.
    fn to_place(&self) -> Result<Place, ClientError>;
}

impl ToPlace for str {
    fn to_place(&self) -> Result<Place, ClientError> {
        Place::parse(self).map_err(|reason| bad_path(self, reason))
    }
}

impl ToPlace for String {
    fn to_place(&self) -> Result<Place, ClientError> {
        self.as_str().to_place()
    }
}

impl ToPlace for Place {
    fn to_place(&self) -> Result<Place, ClientError> {
        Ok(self.clone())
    }
}

impl ToPlace for NodeId {
    fn to_place(&self) -> Result<Place, ClientError> {
        Ok(Place::node(*self))
    }
}

impl<T: ToPlace + ?Sized> ToPlace for &T {
    fn to_place(&self) -> Result<Place, ClientError> {
        (**self).to_place()
    }
}

fn bad_path(path: &str, reason: PathError) -> ClientError {
    ClientError::BadPath { path: path.to_owned(), reason }
}
