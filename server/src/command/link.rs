//! `link`: the connection link, with or without a new invitation.

use crate::args;
use crate::failure::Outcome;
use crate::install::{Installation, block_on, close};
use crate::{links, output};
use serde_json::json;

/// Prints the link alone on the standard output.
pub(crate) fn run(args: &args::Link) -> Outcome {
    let installation = Installation::load(&args.place)?;
    // Before the invitation is made: without a port there is no link for it.
    let mut link = links::link(&installation.data, &installation.config, None)?;
    if args.invite {
        link.invite = Some(block_on(async {
            let store = installation.open_admin().await?;
            let secret = &installation.secret;
            let code = links::create_invite(&store, secret, args.uses, args.expires).await;
            close(&store).await;
            code
        })?);
    }
    match args.json {
        true => output::json(&json!({
            "link": link.to_string(),
            "invite": link.invite,
            "uses": args.invite.then_some(args.uses),
            "expires_days": args.invite.then_some(args.expires),
        })),
        false => output::line(&link),
    }
    Ok(())
}
