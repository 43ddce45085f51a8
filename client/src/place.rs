//! What the operations accept as a place: a remote path, a node, or a `Place`.

use crate::error::ClientError;
use crate::path::{RemotePath, SharedPath};
use coffer_protocol::{NodeId, Place};

/// A file or directory, as an operation is told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// As the server takes it.
    Place(Place),
    /// In what somebody shares: the server is asked which node that is.
    Shared(SharedPath),
}

/// Anything that names a file or directory on the server.
pub trait ToPlace {
    /// What is named, or why the text is not a remote path of one thing.
    fn to_spot(&self) -> Result<Spot, ClientError>;
}

impl ToPlace for str {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        RemotePath::parse(self)?.to_spot()
    }
}

impl ToPlace for String {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        self.as_str().to_spot()
    }
}

impl ToPlace for RemotePath {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        match self {
            Self::Own(names) => Ok(Spot::Place(Place { names: names.clone(), ..Place::home() })),
            Self::Shared(shared) => Ok(Spot::Shared(shared.clone())),
            Self::Everyone | Self::Owner(_) => {
                Err(ClientError::ManyThings { path: self.to_string() })
            }
        }
    }
}

impl ToPlace for Spot {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        Ok(self.clone())
    }
}

impl ToPlace for Place {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        Ok(Spot::Place(self.clone()))
    }
}

impl ToPlace for NodeId {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        Ok(Spot::Place(Place::node(*self)))
    }
}

impl<T: ToPlace + ?Sized> ToPlace for &T {
    fn to_spot(&self) -> Result<Spot, ClientError> {
        (**self).to_spot()
    }
}
