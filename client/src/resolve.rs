//! Finds what `@owner/name` means, and remembers it for a short time.
//!
//! Guarantees: an operation that finds nothing under a remembered meaning asks
//! again before it fails, and is done once more only if the meaning is another
//! one; what is remembered is bounded in time and number. The server decides
//! about access each time: remembering a node gives no right to it.

use crate::client::Client;
use crate::error::ClientError;
use crate::path::SharedPath;
use crate::place::{Spot, ToPlace};
use coffer_protocol::message::share::ShareEntry;
use coffer_protocol::{Base, ErrorCode, NodeId, Place};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a meaning is remembered.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// Meanings that are remembered.
const MOST_KEPT: usize = 1024;

/// Owner and name of something shared.
type Name = (String, String);

/// Meanings of `@owner/name`.
#[derive(Default)]
pub(crate) struct Meanings(Mutex<HashMap<Name, (NodeId, Instant)>>);

impl Meanings {
    fn kept(&self) -> MutexGuard<'_, HashMap<Name, (NodeId, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, path: &SharedPath) -> Option<NodeId> {
        let kept = self.kept();
        let (node, since) = kept.get(&name(path))?;
        (since.elapsed() < KEPT_FOR).then_some(*node)
    }

    fn keep(&self, path: &SharedPath, node: NodeId) {
        let mut kept = self.kept();
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, (_, since)| since.elapsed() < KEPT_FOR);
        }
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(name(path), (node, Instant::now()));
    }

    fn drop(&self, path: &SharedPath) {
        self.kept().remove(&name(path));
    }
}

fn name(path: &SharedPath) -> Name {
    (path.owner.clone(), path.name.clone())
}

/// Whether the place may have meant something that is no longer there.
fn is_gone(error: &ClientError) -> bool {
    matches!(error.wire_code(), Some(ErrorCode::NOT_FOUND | ErrorCode::NO_SUCH_SHARE))
}

impl Client {
    /// The place as the server takes it. What is shared is looked up; the
    /// answer is good for the next requests, not for ever.
    pub async fn resolve(&self, place: &(impl ToPlace + ?Sized)) -> Result<Place, ClientError> {
        Ok(self.look_up(&place.to_spot()?).await?.0)
    }

    /// Does something at a place. See the module.
    pub(crate) async fn at<T, F>(
        &self,
        spot: &Spot,
        work: impl Fn(Place) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        self.at_all([spot], |[place]| work(place)).await
    }

    /// Does something at several places.
    pub(crate) async fn at_all<const N: usize, T, F>(
        &self,
        spots: [&Spot; N],
        work: impl Fn([Place; N]) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let (places, remembered) = self.look_up_all(spots).await?;
        let outcome = work(places.clone()).await;
        let Err(error) = outcome else { return outcome };
        if !remembered || !is_gone(&error) {
            return Err(error);
        }
        for spot in spots {
            if let Spot::Shared(path) = spot {
                self.inner.meanings.drop(path);
            }
        }
        let (now, _) = self.look_up_all(spots).await?;
        if now == places { Err(error) } else { work(now).await }
    }

    async fn look_up_all<const N: usize>(
        &self,
        spots: [&Spot; N],
    ) -> Result<([Place; N], bool), ClientError> {
        let mut places = [const { Place::home() }; N];
        let mut remembered = false;
        for (place, spot) in places.iter_mut().zip(spots) {
            let found = self.look_up(spot).await?;
            *place = found.0;
            remembered |= found.1;
        }
        Ok((places, remembered))
    }

    /// The place, and whether it comes from what is remembered.
    async fn look_up(&self, spot: &Spot) -> Result<(Place, bool), ClientError> {
        let path = match spot {
            Spot::Place(place) => return Ok((place.clone(), false)),
            Spot::Shared(path) => path,
        };
        let at = |node| Place { base: Base::Node(node), names: path.rest.clone() };
        if let Some(node) = self.inner.meanings.get(path) {
            return Ok((at(node), true));
        }
        let found = self.find_shared(&path.owner, &path.name).await?;
        Ok((at(found.node), false))
    }

    /// Takes note of what `@owner/name` means now.
    pub(crate) fn remember_shared(&self, owner: &str, name: &str, found: &ShareEntry) {
        let (owner, name) = (owner.to_owned(), name.to_owned());
        self.inner.meanings.keep(&SharedPath { owner, name, rest: Vec::new() }, found.node);
    }

    /// Forgets what `@owner/name` meant.
    pub(crate) fn forget_shared(&self, node: NodeId) {
        self.inner.meanings.kept().retain(|_, (kept, _)| *kept != node);
    }
}
