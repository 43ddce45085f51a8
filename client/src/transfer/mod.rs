//! The transfer engine: trees and files up and down.
//!
//! Guarantees: memory is bounded whatever the number and size of the files;
//! contents are hashed on both sides and verified before they count; a file
//! appears whole, under its final name, or not at all; a file that fails is
//! named in the report and does not stop the others.

mod arriving;
mod basis;
mod batch;
mod big;
mod buffers;
mod caller;
mod chunker;
mod dirs;
mod download;
mod estimate;
mod fetch;
mod fetch_batch;
mod job;
mod local;
mod part;
mod plan;
mod progress;
mod report;
mod room;
mod sending;
mod sources;
mod spread;
mod stream;
mod survey;
mod target;
mod upload;
mod window;

#[cfg(test)]
mod tests;

pub use download::RemoteSource;
pub use plan::LocalSource;
pub use progress::{Progress, Tracker};
pub use report::{Bounded, MAX_REPORTED, Report, Skip};
pub use stream::StreamTarget;
pub use target::check_name as check_local_name;
pub use upload::Upload;

use crate::client::Client;
use crate::error::ClientError;
use coffer_protocol::message::transfer::Written;
use std::io::Read;
use tokio_util::sync::CancellationToken;

impl Client {
    /// Uploads files and trees, until all is done or `cancel`. Progress goes to
    /// the tracker; what failed is in the report.
    pub async fn upload(
        &self,
        upload: Upload,
        tracker: &Tracker,
        cancel: &CancellationToken,
    ) -> Report {
        upload::run(self, upload, tracker, cancel).await
    }

    /// Uploads one file from a stream of unknown length. It is read on a
    /// thread that may block, and that ends with its present read after `cancel`.
    pub async fn upload_stream(
        &self,
        source: impl Read + Send + 'static,
        target: StreamTarget,
        tracker: &Tracker,
        cancel: &CancellationToken,
    ) -> Result<Written, ClientError> {
        stream::run(self, source, target, tracker, cancel).await
    }

    /// Downloads files and trees, until all is done or `cancel`. Progress goes
    /// to the tracker; what failed is in the report. A large download is spread over
    /// the primary and the standbys.
    pub async fn download(
        &self,
        sources: Vec<RemoteSource>,
        tracker: &Tracker,
        cancel: &CancellationToken,
    ) -> Report {
        let spread = spread::Spread::new(self);
        tokio::select! {
            report = download::run(&spread, sources, tracker, cancel) => report,
            never = spread.join_when_worth_it() => match never {},
        }
    }
}
