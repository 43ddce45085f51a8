//! `follow`: another machine of the installation becomes the source.
//!
//! Guarantees: the machine is known by its fingerprint from then on; that it is one
//! of the installation shows when it lets this replica in, which takes the record
//! of it.

use super::join::target;
use crate::args;
use crate::identity::Identity;
use coffer_server::{Outcome, output};

/// Writes down whom to follow; a running replica notices within a second.
pub(crate) fn run(args: &args::Follow) -> Outcome {
    let root = &args.place.data;
    let identity = Identity::read(root)?;
    let source = target(&args.link)?;
    output::line(&format!("follows {}:{} from now on", source.host, source.port));
    Identity { source, ..identity }.write(root)
}
