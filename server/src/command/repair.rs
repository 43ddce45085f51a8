//! `repair`: everything is read and compared; what is damaged is quarantined and
//! healed from another machine. Nothing is deleted.

use super::check::check;
use crate::args;
use crate::data_dir::DataDir;
use crate::failure::{Code, Failure, Outcome};
use crate::install::{Installation, block_on, close};
use crate::{output, scrub};
use coffer_store::Store;

/// Lets the running server do it, and lists what is left.
pub(crate) fn run(args: &args::Repair) -> Outcome {
    let installation = Installation::load(&args.place)?;
    if !scrub::is_running(&installation.data) {
        return Err(Failure::new(Code::NotRunning, "the server does not run").hint(
            "It heals from a replica that is connected: start it, and see `coffer-server replica \
             list`. Without a replica `check` says what is damaged, and a backup has to help.",
        ));
    }
    ask(&installation.data, args.quick, args.accept_many)?;
    block_on(async {
        let store = installation.open_admin().await?;
        let outcome = remaining(&store, args.quick).await;
        close(&store).await;
        outcome
    })
}

/// Asks the running daemon for a repair and says what came of it.
pub fn ask(data: &DataDir, quick: bool, accept_many: bool) -> Outcome {
    let done = scrub::follow(data, quick, accept_many)?;
    output::line(&format!(
        "{} rows and {} looked at: {} damaged or missing, {} not healed",
        done.rows,
        output::bytes(done.bytes),
        done.damaged,
        done.unhealed
    ));
    if done.tripped {
        output::line(
            &"So much is damaged that nothing is healed any more. Look at the disk, the file \
              system and the memory; then repeat the command with --accept-many.",
        );
    }
    Ok(())
}

/// Lists what is still damaged, with the exit status of `check`.
pub async fn remaining(store: &Store, quick: bool) -> Outcome {
    check(store, quick, false).await
}
