//! Ends the sessions of users whom a command has disabled or deleted.

use crate::notices;
use coffer_service::Service;
use coffer_store::Store;
use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Looks for notices, for ever. Those from before the start concern nobody: a
/// sign-in looks at the account itself.
pub(crate) async fn run(store: Store, service: Service) {
    let mut seen = None;
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match notices::after(&store, seen.unwrap_or(0)).await {
            Ok(new) => {
                if seen.is_some() {
                    for notice in &new {
                        service.end_sessions(notice.user);
                        service.expect_erasures();
                        tracing::info!(user = %notice.user, "sessions ended by the operator");
                    }
                }
                let newest = new.last().map(|notice| notice.number);
                seen = Some(newest.unwrap_or(seen.unwrap_or(0)));
            }
            Err(error) => tracing::debug!(%error, "cannot look for notices"),
        }
    }
}
