//! `check`: everything that is stored, compared with its hashes. Read-only.

use crate::args;
use crate::identity::Replica;
use coffer_server::{Outcome, host};

/// Checks and prints what is wrong; the exit status tells.
pub(crate) fn run(args: &args::Check) -> Outcome {
    let replica = Replica::load(&args.place.data, &host::environment())?;
    host::block_on(async {
        let store = replica.open_admin().await?;
        let outcome = host::check(&store, args.quick, args.json).await;
        host::close(&store).await;
        outcome
    })
}
